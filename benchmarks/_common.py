"""What the benchmarks share: tables, the machine, goals, the recordings they run on."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"


@dataclass
class Table:
    """Rows under a title; as text it is aligned, and a Markdown table at the same time.

    Attributes
    ----------
    title : str
    columns : sequence of str
    rows : list of sequences
        Texts, or numbers, which are shown with three significant digits.
    notes : list of str
        Printed below.
    """

    title: str
    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        self.rows.append(cells)

    def __str__(self) -> str:
        cells = [list(self.columns), *([_text(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        numeric = [
            all(row[i][:1] in "0123456789-<>" for row in cells[1:]) for i in range(len(widths))
        ]

        def line(row: Sequence[str]) -> str:
            parts = [
                text.rjust(width) if right else text.ljust(width)
                for text, width, right in zip(row, widths, numeric, strict=True)
            ]
            return "| " + " | ".join(parts) + " |"

        rule = [
            "-" * (width - 1) + (":" if right else "-")
            for width, right in zip(widths, numeric, strict=True)
        ]
        lines = [f"### {self.title}", "", line(cells[0]), line(rule), *map(line, cells[1:])]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines)

    def show(self) -> None:
        print(f"\n{self}", flush=True)


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return f"{cell:,}" if isinstance(cell, int) else str(cell)
    if cell != cell:
        return "-"
    if abs(cell) >= 1000:
        return f"{cell:,.0f}"
    return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"


def goal(text: str, met: bool) -> None:
    """Print whether a goal is met; a benchmark never fails."""
    print(f"{'Goal met' if met else 'GOAL MISSED'}: {text}", flush=True)


def machine() -> str:
    """Processor, cores, versions and date in one line: times mean nothing without."""
    versions = [f"Python {platform.python_version()}"]
    for name in ("napari-pose3d", "numpy", "numba", "napari"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    hardware = f"{_processor()}, {os.cpu_count()} cores, {platform.system()}"
    return f"{hardware}; {', '.join(versions)}; {today}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A command line with what all benchmarks take; ``doc`` is the script's docstring."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--quick", action="store_true", help="smaller and fewer, for a first look")
    made.add_argument(
        "--data",
        type=Path,
        default=DATA,
        metavar="PATH",
        help="folder with the real recordings (default: shared/data beside the checkout)",
    )
    return made


def begin(title: str) -> None:
    print(f"\n## {title}\n\n{machine()}", flush=True)


def describe_end(process: subprocess.CompletedProcess[str]) -> str:
    """Why a child process failed, in its own last words."""
    lines = [line for line in process.stderr.splitlines() if line.strip()]
    return f"exit code {process.returncode}: {lines[-1] if lines else 'no message'}"


def on_a_display(script: str | Path, *options: str) -> bool:
    """Run a benchmark's painted part in a process of its own, under Xvfb where there is no display.

    Parameters
    ----------
    script : path
        The benchmark's ``__file__``.
    options : str
        Its command line then.

    Returns
    -------
    bool
        Whether it ran to its end.
    """
    command = [sys.executable, str(Path(script).resolve()), *options]
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not has_display and sys.platform not in ("win32", "darwin"):
        xvfb = shutil.which("xvfb-run")
        if xvfb is None:
            print("\nWith painting: skipped, there is no display and no xvfb-run.")
            return False
        command = [xvfb, "-a", "-s", "-screen 0 1600x1000x24", *command]
    environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    print(ended.stdout, end="", flush=True)
    if ended.returncode:
        print(f"\nWith painting: not finished, {describe_end(ended)}")
    return ended.returncode == 0


# --- recordings -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recording:
    """Prediction CSVs in a folder and their calibration."""

    name: str
    folder: Path
    calibration: Path

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.csv"))

    @property
    def views(self) -> list[str]:
        from napari_pose3d import load_rig

        return list(load_rig(self.calibration).names)


def real_or_synthetic(data: Path, folder: Path) -> Recording:
    """The recording ``fly`` where it is there, else a synthetic one of its size, which is printed.

    Parameters
    ----------
    data : Path
        Folder of the real recordings.
    folder : Path
        Where a synthetic one may be written.
    """
    fly = data / "fly"
    if (fly / "calibration.toml").exists():
        return Recording("fly", fly, fly / "calibration.toml")
    print(f"\nThe real recording is not at {fly}: a synthetic one of its size takes its place.")
    return synthetic(folder)


def synthetic(folder: Path, n_frames: int = 500, n_cameras: int = 3) -> Recording:
    """A synthetic recording with three seeds, written as CSV files."""
    from napari_pose3d.core.cameras.rig_file import save_rig
    from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
    from napari_pose3d.synthetic.network_errors import simulate_predictions
    from napari_pose3d.synthetic.scene import make_scene

    folder.mkdir(parents=True, exist_ok=True)
    scene = make_scene(n_frames, n_cameras)
    ensemble, _ = simulate_predictions(scene)
    for i in range(len(ensemble.models)):
        for view in ensemble.views:
            path = folder / f"session_{view}_seed={i}.csv"
            write_prediction_csv(path, ensemble.poses(i), view=view)
    calibration = folder / "calibration.toml"
    save_rig(scene.rig, calibration)
    return Recording("synthetic", folder, calibration)


def repeated(source: Recording, folder: Path, n_frames: int) -> Recording:
    """A long recording: a short one played forward and backward in turn, without a jump."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.files:
        lines = path.read_text().splitlines()
        n_header = next(i for i, line in enumerate(lines) if line.startswith("coords,")) + 1
        frames = [line.partition(",")[2] for line in lines[n_header:]]
        there_and_back = endless(frames)
        with (folder / path.name).open("w") as stream:
            stream.writelines(f"{line}\n" for line in lines[:n_header])
            stream.writelines(
                f"{i},{row}\n" for i, row in enumerate(islice(there_and_back, n_frames))
            )
    return Recording(f"{source.name}, {n_frames:,} frames", folder, source.calibration)


def endless(frames: Sequence[str]) -> Iterator[str]:
    return cycle([*frames, *frames[-2:0:-1]])


def size_of(recording: Recording) -> str:
    """Frames x keypoints x views x seeds, in words."""
    from napari_pose3d import load_predictions, load_rig

    e = load_predictions(recording.folder, rig=load_rig(recording.calibration))
    counts = (len(e.views), len(e.models), e.n_frames, len(e.keypoints))
    return "{} views x {} seeds x {:,} frames x {} keypoints".format(*counts)


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
