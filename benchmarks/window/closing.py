"""Closing napari in the middle of something: how the process ends, when, and what it leaves.

A process of its own opens a window, begins to work, and closes the window in the middle of that;
from there to the end of the process is timed. Beside it, in turn, napari without the plugin with as
many canvases (one for each camera view where these are open). Processes are started one after
another, so that load on the machine meets both.

Goals: exit code 0, nothing half-written, at most 2 s, and at most half a second more than bare
napari.

    xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks.window.closing [--quick]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.support.processes import ROOT
from benchmarks.support.recordings import real_or_synthetic, repeated
from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d.synthetic.board.board_sample import make_board_sample
from napari_pose3d.synthetic.sample import make_sample

CHILD = ROOT / "tests" / "support" / "windows" / "closing_child.py"
MORE_THAN_BARE, LONGEST = 0.5, 2.0
TIME_OUT = 300.0
FRAMES = 20_000
RESULT_FILES = 5


@dataclass(frozen=True)
class State:
    """What a process does when its window is closed.

    Attributes
    ----------
    name : str
    work, stage : str
        For the child process.
    paths : tuple of Path
    n_canvases : int
        Beside the main one, for bare napari.
    fresh_cache : bool
        Whether nothing is cached: the sample is made, kernels are compiled.
    """

    name: str
    work: str
    stage: str = ""
    paths: tuple[Path, ...] = ()
    n_canvases: int = 0
    fresh_cache: bool = False


def states(data: Path, folder: Path) -> list[State]:
    """All of them, on recordings that are made in a folder."""
    recording = repeated(real_or_synthetic(data, folder / "short"), folder / "long", FRAMES)
    predictions = (recording.folder, recording.calibration)
    sample = make_sample(folder / "sample")
    board = make_board_sample(folder / "board")
    videos = tuple(sorted((sample / "videos").glob("*.mp4")))
    n = len(videos)
    return [
        State("camera views", "views", "", videos, n),
        State("decoding", "decode", "", videos, n),
        State("compiling", "compile", fresh_cache=True),
        State("reading", "smooth", "reading", predictions),
        State("smoothing", "smooth", "smoothing", predictions),
        State("adding layers", "smooth", "adding the layers", predictions),
        State("saving", "save", "saving", predictions),
        State("making the sample", "sample", "rendering", fresh_cache=True),
        State("looking for the board", "calibrate", "looking for the board", (board,)),
        State("calibrating", "calibrate", "bundle", (board,)),
        State("reviewing", "review", "", (sample,)),
    ]


@dataclass(frozen=True)
class End:
    """How a process ended.

    Attributes
    ----------
    code : int
    seconds : float
        From the closing of the window on.
    n_strays : int
        Files that were not there before and are no whole result.
    words : str
        What it said at last.
    """

    code: int
    seconds: float
    n_strays: int
    words: str


def close_in(state: State) -> End:
    """Run a process, and close it in a state."""
    with tempfile.TemporaryDirectory(prefix="closing-") as place:
        home = Path(place)
        variables = {
            "NAPARI_CONFIG": str(home / "napari.yaml"),
            "XDG_DATA_HOME": str(home / "data"),
        }
        if state.fresh_cache:
            variables |= {"XDG_CACHE_HOME": str(home / "cache"), "NUMBA_CACHE_DIR": str(home / "n")}
        watched = [
            *{path if path.is_dir() else path.parent for path in state.paths},
            home / "cache",
        ]
        results = state.paths[0].parent / "results" if state.work == "save" else None
        before = _files(watched)
        process = subprocess.Popen(
            [sys.executable, str(CHILD), state.work, "window", state.stage, *map(str, state.paths)],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            out, errors = process.communicate(timeout=TIME_OUT)
        except subprocess.TimeoutExpired:
            process.kill()
            return End(-1, float("nan"), 0, f"no end in {TIME_OUT:.0f} s")
        ended = time.time()
        closed = [line.split()[1] for line in out.splitlines() if line.startswith("closed ")]
        strays = _files(watched) - before
        n_strays = sum(path.name.startswith(".") or ".part" in path.as_posix() for path in strays)
        if results is not None:
            n_results = len(_files([results]))
            n_strays += n_results if n_results not in (0, RESULT_FILES) else 0
            shutil.rmtree(results, ignore_errors=True)
    seconds = ended - float(closed[0]) if closed else float("nan")
    return End(process.returncode, seconds, n_strays, errors[-2000:])


def _files(folders: list[Path]) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


def main() -> None:
    options = parser(__doc__).parse_args()
    n = 1 if options.quick else 5
    begin("Closing")
    with tempfile.TemporaryDirectory(prefix="closing-data-") as place:
        table = Table(
            f"From the closing of the window to the end of the process (median of {n})",
            ["state", "exit codes", "with the plugin, s", "bare napari, s", "stray files"],
        )
        fine, quick, alike = True, True, True
        for state in states(options.data, Path(place)):
            ours, bare = [], []
            for _ in range(n):
                bare.append(close_in(State("bare", "bare", str(state.n_canvases))))
                ours.append(close_in(state))
            codes = sorted({end.code for end in ours})
            strays = sum(end.n_strays for end in ours)
            seconds, of_bare = (median(end.seconds for end in ends) for ends in (ours, bare))
            table.add(state.name, ", ".join(map(str, codes)), seconds, of_bare, strays)
            fine &= codes == [0] and strays == 0
            quick &= seconds <= LONGEST
            alike &= seconds <= of_bare + MORE_THAN_BARE
            for end in ours:
                if end.code:
                    table.notes.append(f"{state.name}: {end.words}")
        table.show()
    goal("exit code 0 and nothing half-written in every state", fine)
    goal(f"the process is gone in {LONGEST:.0f} s", quick)
    goal(f"at most {MORE_THAN_BARE} s more than bare napari", alike)


if __name__ == "__main__":
    main()
