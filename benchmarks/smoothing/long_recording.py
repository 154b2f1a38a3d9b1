"""An hour of six cameras: time and memory from prediction CSVs to a result.

By default 216,000 frames (an hour at 60 frames per second) x 6 views x 30 keypoints x 5 seeds: 30
CSV files of some 170 MB with four decimals. They are made from a synthetic scene, played forward
and backward in turn, and need 5 GB of disk for as long as the benchmark runs.

Compared with the time that pandas needs to parse the same files one after the other on one thread,
which is what any program that reads them with pandas needs at least. Each in a process of its own;
imports and compiled code loaded before the clock starts.

Goals: not longer than 2.0 times that, from CSV to a result in memory; less than 3 GB at any time;
at most 0.5 s between two checks for Cancel.
Writing the result is timed by itself (``--write``): whole, nine columns per keypoint or 3 GB, and
compact. So is a review with all its measures (``--review``), whose memory has the same goal.

    python -m benchmarks.smoothing.long_recording [--quick] [--frames N] [--write] [--review]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.child import peak_memory_mb, received, send
from benchmarks.support.processes import describe_end, module_command
from benchmarks.support.recordings import Recording, endless
from benchmarks.support.report import Table, begin, goal, parser

GOAL_TIME = 2.0
GOAL_MEMORY = 3000
GOAL_CANCEL = 0.5
_SCENE_FRAMES = 2_000


def make(folder: Path, n_frames: int, n_views: int, n_keypoints: int, n_seeds: int) -> Recording:
    """Write the files; keypoints beyond those of the scene are the same again."""
    from napari_pose3d.core.cameras.rig_file import save_rig
    from napari_pose3d.synthetic.network_errors import simulate_predictions
    from napari_pose3d.synthetic.scene import make_scene

    scene = make_scene(min(n_frames, _SCENE_FRAMES), n_views)
    names = tuple(f"keypoint{k}" for k in range(n_keypoints))
    ensemble, _ = simulate_predictions(scene, n_seeds)
    picked = np.arange(n_keypoints) % len(ensemble.keypoints)
    for m in range(n_seeds):
        for v, view in enumerate(ensemble.views):
            table = np.concatenate(
                [ensemble.xy[m, v][:, picked], ensemble.likelihood[m, v][:, picked, None]], axis=-1
            ).reshape(ensemble.n_frames, -1)
            template = ",".join(["%.4f"] * table.shape[1])
            rows = [(template % tuple(row)).replace("nan", "") for row in table.tolist()]
            with (folder / f"session_{view}_seed={m}.csv").open("w") as stream:
                cells = 3 * n_keypoints
                stream.write("scorer," + ",".join(["network"] * cells) + "\n")
                stream.write("bodyparts," + ",".join(n for n in names for _ in range(3)) + "\n")
                stream.write("coords," + ",".join(["x", "y", "likelihood"] * n_keypoints) + "\n")
                lines = islice(endless(rows), n_frames)
                stream.writelines(f"{i},{row}\n" for i, row in enumerate(lines))
    save_rig(scene.rig, folder / "calibration.toml")
    return Recording("long", folder, folder / "calibration.toml")


def parse_with_pandas(folder: Path) -> None:
    """The child that only parses."""
    import pandas as pd

    started = time.perf_counter()
    for path in sorted(folder.glob("*.csv")):
        pd.read_csv(path, header=[0, 1, 2], index_col=0)
    send(seconds=time.perf_counter() - started, peak_mb=peak_memory_mb())


def smooth(folder: Path, out: Path | None) -> None:
    """The child that does the job."""
    from napari_pose3d.core.pipeline import smoothing_run as pipeline
    from napari_pose3d.core.pipeline.results import result_files as results
    from napari_pose3d.core.pipeline.warm_up import warm_up

    warm_up()
    stages: dict[str, float] = {}
    last = started = time.perf_counter()

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        stages[stage] = stages.get(stage, 0.0) + now - last
        last = now

    mine = threading.local()
    longest = 0.0

    def cancelled() -> bool:
        nonlocal longest
        # The main thread mostly waits for the others, which look for themselves.
        if threading.current_thread() is threading.main_thread():
            return False
        now = time.perf_counter()
        longest = max(longest, now - getattr(mine, "asked", now))
        mine.asked = now
        return False

    ensemble, rig = pipeline.open_inputs(folder, folder / "calibration.toml")
    result = pipeline.run(ensemble, rig, None, progress, cancelled)
    send(
        seconds=time.perf_counter() - started,
        stages=stages,
        peak_mb=peak_memory_mb(),
        cancel=longest,
    )
    if out is not None:
        for name in ("whole", "compact"):
            started = time.perf_counter()
            paths = results.save_result(
                result, ensemble, rig, out / name, compact=name == "compact"
            )
            size = sum(path.stat().st_size for path in paths) / 1e6
            send(**{f"{name}_seconds": time.perf_counter() - started, f"{name}_mb": size})
        send(peak_mb=peak_memory_mb())


def review(folder: Path, out: Path) -> None:
    """The child that smooths, finds events, chooses frames, and writes all measures."""
    from napari_pose3d.core.pipeline.quality.review_run import ReviewRun
    from napari_pose3d.core.review.measures.measure_table import MEASURES
    from napari_pose3d.settings import ReviewSettings

    run = ReviewRun([folder], folder / "calibration.toml")
    stages: dict[str, float] = {}
    last = started = time.perf_counter()

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        name = "Finding events" if stage.startswith("Judging") else stage
        # The names of files do not matter.
        name = "Writing measures" if "csv" in stage else name
        stages[name] = stages.get(name, 0.0) + now - last
        last = now

    found = run.run(out, ReviewSettings(measures=tuple(MEASURES)), progress=progress)
    n_events = sum(len(each.events) for each in found.sessions)
    send(
        seconds=time.perf_counter() - started,
        stages=stages,
        peak_mb=peak_memory_mb(),
        events=n_events,
    )


def child(*arguments: str) -> dict[str, Any]:
    """Run this file as a child; its facts."""
    command = module_command(__spec__.name, *arguments)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{arguments[1]}: {describe_end(ended)}")
    return received(ended.stdout)


def compare(recording: Recording, out: Path, chosen: argparse.Namespace) -> None:
    """Print the table."""
    files = recording.files
    size = sum(path.stat().st_size for path in files) / 1e6
    table = Table(
        f"{len(files)} files, {size:,.0f} MB: {chosen.views} views x {chosen.seeds} seeds x "
        f"{chosen.frames:,} frames x {chosen.keypoints} keypoints",
        ("job", "seconds", "of pandas' parsing", "peak, MB"),
    )
    pandas = child("--child", "pandas", str(recording.folder))
    ours = child("--child", "smooth", str(recording.folder), *([str(out)] if chosen.write else []))
    ratio = ours["seconds"] / pandas["seconds"]
    table.add("pandas parses the files", pandas["seconds"], 1.0, pandas["peak_mb"])
    table.add("napari-pose3d, CSV to result", ours["seconds"], ratio, ours["peak_mb"])
    if chosen.review:
        reviewed = child("--child", "review", str(recording.folder), str(out / "review"))
        what = f"and its review, {reviewed['events']:,} events, all measures written"
        table.add(
            what, reviewed["seconds"], reviewed["seconds"] / pandas["seconds"], reviewed["peak_mb"]
        )
    for stage, seconds in ours["stages"].items():
        table.notes.append(f"{stage}: {seconds:.1f} s")
    for stage, seconds in reviewed["stages"].items() if chosen.review else ():
        table.notes.append(f"review, {stage}: {seconds:.1f} s")
    for name in ("whole", "compact"):
        if f"{name}_mb" in ours:
            size, seconds = ours[f"{name}_mb"], ours[f"{name}_seconds"]
            table.notes.append(f"writing the result, {name}: {size:,.0f} MB, {seconds:.1f} s")
    table.show()
    goal(f"{ratio:.2f} times the parsing; at most {GOAL_TIME}", ratio <= GOAL_TIME)
    cancel = ours["cancel"]
    goal(
        f"no thread ran longer than {cancel:.2f} s without a check for Cancel",
        cancel <= GOAL_CANCEL,
    )
    for facts in (ours, reviewed) if chosen.review else (ours,):
        peak = facts["peak_mb"]
        goal(f"{peak:,.0f} MB; at most {GOAL_MEMORY:,}", peak <= GOAL_MEMORY)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--frames", type=int, help="default 216,000; quick 10,000")
    options.add_argument("--views", type=int, default=6)
    options.add_argument("--keypoints", type=int, default=30)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--write", action="store_true", help="write the result as well")
    options.add_argument("--review", action="store_true", help="review the session as well")
    options.add_argument("--folder", type=Path, help="keep the files here and use them again")
    options.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        job, *paths = chosen.child
        if job == "pandas":
            parse_with_pandas(Path(paths[0]))
        elif job == "review":
            review(Path(paths[0]), Path(paths[1]))
        else:
            smooth(Path(paths[0]), Path(paths[1]) if len(paths) > 1 else None)
        return
    chosen.frames = chosen.frames or (10_000 if chosen.quick else 216_000)
    begin("A long recording")
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch) / "recording"
        if not (folder / "calibration.toml").exists():
            folder.mkdir(parents=True)
            make(folder, chosen.frames, chosen.views, chosen.keypoints, chosen.seeds)
        recording = Recording("long", folder, folder / "calibration.toml")
        compare(recording, Path(scratch) / "out", chosen)


if __name__ == "__main__":
    main()
