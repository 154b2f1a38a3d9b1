"""Reading and writing one prediction CSV: ours, pandas, polars and pyarrow.

The table of one view and one seed of `long_recording.py`: 216,000 frames (an hour at 60 frames a
second) x 30 keypoints, some 170 MB of text with four decimals. Read into one array of single
precision ``(frame, column)``, and written with the fewest digits that read back the same. Each in
a process of its own; imports and compiled code loaded before the clock starts.

Time of the processor is that of all threads together: the files of a session are read at the same
time, one by each core, so that it decides, not the time of one file alone.

polars and pyarrow live in a virtual environment of their own, made on first use as
``.venv-tables`` in the checkout; POSE3D_TABLES names another place.

    python -m benchmarks.smoothing.tables [--quick] [--frames N]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.child import peak_memory_mb, received, send
from benchmarks.support.processes import ROOT, describe_end, module_command
from benchmarks.support.report import Table, begin, parser

N_KEYPOINTS = 30
_HEADER_ROWS = 3
_N_COLUMNS = 3 * N_KEYPOINTS
_BLOCK = 10_000
_PEERS = ("polars", "pyarrow")
_OWN = ("napari-pose3d", "pandas")


def make(path: Path, n_frames: int) -> None:
    """Random walks with four decimals, and likelihoods."""
    rng = np.random.default_rng(0)
    values = 500 + np.cumsum(rng.normal(0, 1, (n_frames, _N_COLUMNS)), axis=0)
    values[:, 2::3] = rng.uniform(0.2, 1, (n_frames, N_KEYPOINTS))
    template = ",".join(["%.4f"] * _N_COLUMNS)
    names = [f"keypoint{k}" for k in range(N_KEYPOINTS) for _ in range(3)]
    with path.open("w") as stream:
        stream.write("scorer," + ",".join(["network"] * _N_COLUMNS) + "\n")
        stream.write("bodyparts," + ",".join(names) + "\n")
        stream.write("coords," + ",".join(["x", "y", "likelihood"] * N_KEYPOINTS) + "\n")
        for frame, row in enumerate(values.tolist()):
            stream.write(f"{frame}," + template % tuple(row) + "\n")


# ---------------------------------------------------------------- the child's side


def _ours() -> tuple[Callable[[Path], Any], Callable[[Any, Path], None]]:
    from napari_pose3d.core.formats.number_text.number_reader import read_numbers
    from napari_pose3d.core.formats.number_text.number_writer import write_lines
    from napari_pose3d.core.formats.predictions.table_header import read_header

    def read(path: Path) -> Any:
        return read_numbers(path, read_header(path)[0], np.float32)

    def write(numbers: Any, path: Path) -> None:
        with path.open("w", newline="") as stream:
            write_lines(stream, [numbers.reshape(len(numbers), -1, 3)], np.float32)

    return read, write


def _pandas() -> tuple[Callable[[Path], Any], Callable[[Any, Path], None]]:
    import pandas as pd

    def read(path: Path) -> Any:
        frame = pd.read_csv(path, skiprows=_HEADER_ROWS, header=None, dtype=np.float32)
        return frame.to_numpy()[:, 1:]

    def write(numbers: Any, path: Path) -> None:
        pd.DataFrame(numbers).to_csv(path, header=False)

    return read, write


def _polars() -> tuple[Callable[[Path], Any], Callable[[Any, Path], None]]:
    import polars as pl

    def read(path: Path) -> Any:
        schema = {f"c{i}": pl.Float32 for i in range(_N_COLUMNS + 1)}
        frame = pl.read_csv(path, skip_rows=_HEADER_ROWS, has_header=False, schema=schema)
        return frame.to_numpy()[:, 1:]

    def write(numbers: Any, path: Path) -> None:
        frame = pl.from_numpy(numbers, orient="row").with_row_index()
        frame.write_csv(path, include_header=False)

    return read, write


def _polars_in_blocks() -> tuple[Callable[[Path], Any], Callable[[Any, Path], None]]:
    """As polars could write a table without a copy of all of it."""
    import polars as pl

    def write(numbers: Any, path: Path) -> None:
        with path.open("wb") as stream:
            for start in range(0, len(numbers), _BLOCK):
                frame = pl.from_numpy(numbers[start : start + _BLOCK], orient="row")
                frame = frame.with_row_index(offset=start)
                frame.write_csv(stream, include_header=False)

    return _polars()[0], write


def _pyarrow() -> tuple[Callable[[Path], Any], Callable[[Any, Path], None]]:
    import pyarrow as pa
    from pyarrow import csv

    names = [f"c{i}" for i in range(_N_COLUMNS + 1)]

    def read(path: Path) -> Any:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(skip_rows=_HEADER_ROWS, column_names=names),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.float32())),
        )
        numbers = np.empty((len(table), _N_COLUMNS), np.float32)
        for i, column in enumerate(table.columns[1:]):
            numbers[:, i] = column.to_numpy()
        return numbers

    def write(numbers: Any, path: Path) -> None:
        columns = [pa.array(np.arange(len(numbers))), *map(pa.array, numbers.T.copy())]
        table = pa.table(columns, names=names)
        csv.write_csv(table, path, csv.WriteOptions(include_header=False))

    return read, write


LIBRARIES = {
    "napari-pose3d": _ours,
    "pandas": _pandas,
    "polars": _polars,
    "polars in blocks": _polars_in_blocks,
    "pyarrow": _pyarrow,
}


def child(library: str, what: str, source: Path, small: Path, target: Path) -> None:
    """Read or write once, after a small table was read and written."""
    read, write = LIBRARIES[library]()
    # As many numbers as make the compiled loops load.
    write(read(small), target)
    numbers = np.load(source.with_suffix(".npy")) if what == "write" else None
    before = peak_memory_mb()
    clock, processor = time.perf_counter(), time.process_time()
    if what == "read":
        numbers = read(source)
    else:
        write(numbers, target)
    seconds, busy = time.perf_counter() - clock, time.process_time() - processor
    assert numbers is not None
    send(
        seconds=seconds,
        processor=busy,
        before=before,
        peak=peak_memory_mb(),
        total=float(np.asarray(numbers, np.float64).sum()),
        megabytes=target.stat().st_size / 1e6,
    )


# ---------------------------------------------------------------- the parent's side


def peer_python() -> tuple[Path | None, str]:
    """The Python that has polars and pyarrow, and their versions; or None and the reason."""
    folder = Path(os.environ.get("POSE3D_TABLES") or ROOT / ".venv-tables")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"\nMaking a virtual environment for {', '.join(_PEERS)} in {folder} ...")
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "numpy", *_PEERS]
        ended = subprocess.run(install, capture_output=True, text=True)
        if ended.returncode:
            return None, f"polars and pyarrow could not be installed ({describe_end(ended)})"
    ask = (
        "from importlib.metadata import version\n"
        f"print(', '.join(name + ' ' + version(name) for name in {_PEERS}))"
    )
    ended = subprocess.run([str(python), "-c", ask], capture_output=True, text=True)
    return (python, ended.stdout.strip()) if ended.returncode == 0 else (None, describe_end(ended))


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        library, what, *paths = sys.argv[2:]
        child(library, what, *map(Path, paths))
        return 0
    arguments = parser(__doc__)
    arguments.add_argument("--frames", type=int, help="how many frames")
    options = arguments.parse_args()
    begin("Tables")
    n_frames = options.frames or (20_000 if options.quick else 216_000)
    python, versions = peer_python()
    table = Table(
        f"One prediction CSV, {n_frames:,} frames x {N_KEYPOINTS} keypoints",
        ("library", "what", "s", "s of processor", "peak MB above the start", "MB written"),
        notes=[versions],
    )
    with tempfile.TemporaryDirectory() as place:
        source, small = Path(place) / "table.csv", Path(place) / "small.csv"
        make(source, n_frames)
        make(small, 2_000)
        np.save(source.with_suffix(".npy"), _ours()[0](source), allow_pickle=False)
        for what in ("read", "write"):
            for library in LIBRARIES:
                own = library in _OWN
                runner = Path(sys.executable) if own else python
                if runner is None or (library, what) == ("polars in blocks", "read"):
                    continue
                target = Path(place) / f"{library}.csv"
                options = ("--child", library, what, source, small, target)
                command = module_command(__spec__.name, *options, python=runner)
                ended = subprocess.run(command, capture_output=True, text=True)
                if ended.returncode:
                    table.notes.append(f"{library}: {describe_end(ended)}")
                    continue
                found = received(ended.stdout)
                table.add(
                    library,
                    what,
                    found["seconds"],
                    found["processor"],
                    found["peak"] - found["before"],
                    found["megabytes"] if what == "write" else "",
                )
                target.unlink()
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
