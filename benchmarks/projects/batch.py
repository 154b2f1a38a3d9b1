"""Many sessions: two workers against one, Cancel, and what a Dask scheduler holds for each session.

    python -m benchmarks.projects.batch [--quick]

Goals: two workers do at least 1.8 times as many sessions as one, on a machine that has two cores
to itself; a batch that is cancelled ends within a second.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.support.recordings import synthetic
from benchmarks.support.report import Table, begin, parser
from napari_pose3d import BatchSettings, Cancelled, SmoothingSettings, batch
from napari_pose3d.core.pipeline.batch.batch_plan import BatchPlan, SessionOutcome, SessionTask
from napari_pose3d.settings import ReviewSettings

N_TASKS = 10_000


def project(folder: Path, n_sessions: int, n_frames: int) -> Path:
    """Sessions of equal content in one project."""
    source = synthetic(folder / "source", n_frames)
    home = folder / "project"
    for path in source.files:
        seed = path.stem.rpartition("_")[2]
        target = home / "models" / seed / "video_preds"
        target.mkdir(parents=True, exist_ok=True)
        view = path.stem.removeprefix("session_").removesuffix(f"_{seed}")
        for i in range(n_sessions):
            (target / f"day{i}_{view}.csv").write_bytes(path.read_bytes())
    (home / "calibration.toml").write_bytes(source.calibration.read_bytes())
    (home / "project.yaml").write_text(f"view_names: {json.dumps(source.views)}\n")
    return home


class Run(NamedTuple):
    """Seconds of a batch, until its first session was begun, and of all processors in it."""

    seconds: float
    start: float
    processors: float


def run(folder: Path, n_workers: int) -> Run:
    settings = BatchSettings(steps=("smooth",), workers=n_workers, again=True)
    first: list[float] = []
    before = processor_seconds()
    begun = time.perf_counter()
    done = batch(
        folder,
        settings,
        smoothing=SmoothingSettings(threads=1),
        on_stage=lambda *_: first.append(time.perf_counter()) if not first else None,
    )
    assert not done.failed, done.failed[0].why
    return Run(time.perf_counter() - begun, first[0] - begun, processor_seconds() - before)


def processor_seconds() -> float:
    """Of this process, and of its children that have ended."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def seconds_to_cancel(folder: Path) -> float:
    """From the click until the call returns, in the middle of two sessions."""
    settings = BatchSettings(steps=("smooth",), workers=2, again=True)
    at_work: set[SessionTask] = set()
    clicked: list[float] = []

    def cancelled() -> bool:
        if len(at_work) > 1 and not clicked:
            clicked.append(time.perf_counter())
        return bool(clicked)

    with contextlib.suppress(Cancelled):
        batch(
            folder,
            settings,
            smoothing=SmoothingSettings(threads=1),
            on_stage=lambda task, *_: at_work.add(task),
            cancelled=cancelled,
        )
    return time.perf_counter() - clicked[0]


def empty(plan: BatchPlan, task: SessionTask) -> SessionOutcome:
    return SessionOutcome(task)


def bytes_for_each_session(folder: Path) -> float:
    """Growth of a scheduler's process with sessions that wait for a worker."""
    from distributed import Client

    file = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    command += ["--port", "0", "--scheduler-file", str(file)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while not file.exists() or not file.read_text().strip().endswith("}"):
                time.sleep(0.1)
            with Client(json.loads(file.read_text())["address"]) as client:
                memory = psutil.Process(process.pid).memory_info
                plan = BatchPlan(BatchSettings(), SmoothingSettings(), ReviewSettings())
                client.run_on_scheduler(lambda: None)
                before = memory().rss
                tasks = [SessionTask("/data/projects/mice", f"day{i}") for i in range(N_TASKS)]
                futures = client.map(partial(empty, plan), tasks, pure=False, key="session")
                client.run_on_scheduler(lambda: None)
                time.sleep(3)
                grown = memory().rss - before
                del futures
        finally:
            process.terminate()
    return grown / N_TASKS


def main() -> int:
    chosen = parser(__doc__).parse_args()
    begin("Many sessions")
    n_sessions, n_frames = (8, 2000) if chosen.quick else (32, 10_000)
    with tempfile.TemporaryDirectory() as name:
        home = project(Path(name), n_sessions, n_frames)
        run(home, 1)  # what is compiled is kept
        one, two = run(home, 1), run(home, 2)
        table = Table(
            f"{n_sessions} sessions of {n_frames:,} frames, smoothed",
            ("workers", "seconds", "times one", "until the first begins", "processor seconds"),
        )
        table.add("1", one.seconds, 1.0, one.start, one.processors)
        table.add("2", two.seconds, one.seconds / two.seconds, two.start, two.processors)
        table.notes.append("Goal: 1.8. The start of the processes is in it.")
        table.show()
        table = Table("Cancel in the middle of two sessions", ("trial", "seconds"))
        for trial in range(5):
            table.add(str(trial + 1), seconds_to_cancel(home))
        table.notes.append("Goal: at most 1.")
        table.show()
        try:
            held = bytes_for_each_session(Path(name))
        except ImportError:
            print("\nWithout the package distributed, no scheduler is measured.")
        else:
            print(
                f"\nA scheduler with {N_TASKS:,} waiting sessions holds {held / 1e3:.1f} kB each."
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
