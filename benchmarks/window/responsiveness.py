"""Does napari stay responsive while the job computes?

A 5 ms timer in the main thread records its delay while the plugin's own background job
(`napari_pose3d.gui.qt.jobs.Job`, the one behind the widget) reads, smooths, prepares the layers and
writes. Whatever holds Python's lock or the processor too long in the thread makes the timer late,
and would make the window stutter. No viewer is open: redrawing and adding the layers are napari's
own work in the main thread and are left out.

Two inputs: a short recording, and one of 20,000 frames. "Idle" is the same timer while the thread
only sleeps. "Machine" is the delay of the same timer in an independent process: where it is late as
well, the processor was busy with something else. The last column says
which line the thread had reached when the timer came latest, that is, behind which call the main
thread waited.

Goal: never late by more than 50 ms.

    python -m benchmarks.window.responsiveness [--quick] [--data PATH] [--repeats N]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QEventLoop, QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication

from benchmarks.support.processes import module_command
from benchmarks.support.recordings import Recording, real_or_synthetic, repeated, size_of
from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d.gui.qt.jobs import Job, Work
from napari_pose3d.settings import IsCancelled, Progress

INTERVAL = 0.005
GOAL = 0.050
COLUMNS = (
    "input",
    "stage",
    "seconds",
    "median, ms",
    "p99, ms",
    "max, ms",
    "> 50 ms",
    "machine max, ms",
    "waited for",
)


class Pulse(QObject):
    """A timer in the main thread that records how late it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self.waited_for = ""
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(round(INTERVAL * 1000))
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self.late, self.waited_for = [], ""
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        now = time.perf_counter()
        late = max(now - self._last - INTERVAL, 0.0)
        if late > GOAL / 5 and late > max(self.late, default=0.0):
            self.waited_for = where_threads_are()
        self.late.append(late)
        self._last = time.perf_counter()


def where_threads_are() -> str:
    """The innermost line of each working thread, and our own line that led there."""
    texts = []
    for ident, frame in sys._current_frames().items():
        stack = traceback.extract_stack(frame)
        ours = [entry for entry in stack if f"napari_pose3d{os.sep}" in entry.filename]
        if ident == threading.get_ident() or not ours or ours[-1].name == "_smooth_param":
            continue
        texts.append(_place(ours[-1]))
        if stack[-1] is not ours[-1]:
            texts[-1] += f" -> {_place(stack[-1])}"
    return "; ".join(texts)


def _place(entry: traceback.FrameSummary) -> str:
    return f"{Path(entry.filename).name}:{entry.lineno} {entry.name}"


def watch(pulse: Pulse, work: Work) -> tuple[Any, float]:
    """Run work as the widget does; returns its result and the seconds it took."""
    loop = QEventLoop()
    ended: dict[str, Any] = {}
    job = Job(work)

    def finish(key: str, value: Any = None) -> None:
        ended[key] = value
        loop.quit()

    job.succeeded.connect(partial(finish, "result"))
    job.failed.connect(partial(finish, "problem"))
    job.stopped.connect(partial(finish, "problem", "stopped"))
    job.progressed.connect(lambda stage, done, total: None)
    started = time.perf_counter()
    pulse.start()
    job.start()
    loop.exec()
    pulse.stop()
    if "problem" in ended:
        raise SystemExit(f"the job failed: {ended['problem']}")
    return ended["result"], time.perf_counter() - started


def stages(recording: Recording, folder: Path) -> list[tuple[str, Callable[..., Any]]]:
    """The parts of the job in their order; each keeps what the next one needs."""
    from napari_pose3d.core.pipeline.results.result_files import save_result
    from napari_pose3d.core.pipeline.smoothing_run import open_inputs, run
    from napari_pose3d.gui.layers.recording_layers import result_layers

    kept: dict[str, Any] = {}

    def read(progress: Progress, cancelled: IsCancelled) -> None:
        stored, rig = open_inputs(recording.folder, recording.calibration)
        kept["input"] = stored.in_memory(progress, cancelled), rig

    def smooth(progress: Progress, cancelled: IsCancelled) -> None:
        ensemble, rig = kept["input"]
        kept["result"] = run(ensemble, rig, None, progress, cancelled)

    def layers(progress: Progress, cancelled: IsCancelled) -> None:
        ensemble, rig = kept["input"]
        result_layers(kept["result"], rig.subset(ensemble.views))

    def write(progress: Progress, cancelled: IsCancelled) -> None:
        ensemble, rig = kept["input"]
        save = partial(save_result, force=True, progress=progress, cancelled=cancelled)
        save(kept["result"], ensemble, rig, folder)

    return [
        ("reading", read),
        ("smoothing", smooth),
        ("preparing the layers", layers),
        ("writing", write),
    ]


class Machine:
    """An independent process with the same timer: late as well if the processor was busy."""

    def __init__(self) -> None:
        command = module_command("benchmarks.window.child_pulse")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def end(self) -> list[tuple[float, float]]:
        """When it was late, and by how much."""
        lines = self._process.communicate()[0].splitlines()
        return [(float(when), float(late)) for when, late in (line.split() for line in lines)]


@dataclass
class Watched:
    """One stage of one input, over all repeats."""

    input: str
    stage: str
    seconds: list[float] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    waited_for: str = ""

    def run(self, pulse: Pulse, work: Work) -> None:
        worst = max(self.late, default=0.0)
        begun = time.perf_counter()
        self.seconds.append(watch(pulse, work)[1])
        self.spans.append((begun, time.perf_counter()))
        self.late += pulse.late
        if max(pulse.late, default=0.0) > worst:
            self.waited_for = pulse.waited_for

    def row(self, machine: list[tuple[float, float]]) -> tuple[object, ...]:
        """The cells of the table."""
        ms = 1000 * np.array(self.late or [0.0])
        elsewhere = [
            1000 * late for when, late in machine if any(a <= when <= b for a, b in self.spans)
        ]
        return (
            self.input,
            self.stage,
            min(self.seconds),
            float(np.median(ms)),
            float(np.percentile(ms, 99)),
            float(ms.max()),
            int((ms > 1000 * GOAL).sum()),
            max(elsewhere) if elsewhere else "< 10",
            self.waited_for,
        )


def _idle(progress: Progress, cancelled: IsCancelled) -> None:
    time.sleep(2)


def _prepare(progress: Progress, cancelled: IsCancelled) -> None:
    from napari_pose3d.core.pipeline.warm_up import warm_up

    warm_up()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, help="of each stage (default 3, quick 1)")
    chosen = options.parse_args()
    repeats = chosen.repeats or (1 if chosen.quick else 3)
    n_frames = 2_000 if chosen.quick else 20_000

    begin("Responsiveness while the job computes")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication.instance() or QApplication([])
    pulse = Pulse()
    table = Table(f"lateness of a {INTERVAL * 1000:.0f} ms timer in the main thread", COLUMNS)
    machine = Machine()
    watched = [Watched("-", "idle"), Watched("once", "loading compiled code")]
    watched[0].run(pulse, _idle)
    watched[1].run(pulse, _prepare)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        short = real_or_synthetic(chosen.data, scratch / "synthetic")
        long = repeated(short, scratch / "long", n_frames)
        for recording in (short, long):
            parts = stages(recording, scratch / "out")
            now = [Watched(recording.name, stage) for stage, _ in parts]
            for _ in range(repeats):
                for entry, (_, work) in zip(now, parts, strict=True):
                    entry.run(pulse, work)
            watched += now
            table.notes.append(f"{recording.name}: {size_of(recording)}; {repeats} run(s)")
    elsewhere = machine.end()
    for entry in watched:
        table.add(*entry.row(elsewhere))
    table.show()
    for stage in dict.fromkeys(entry.stage for entry in watched[2:]):
        worst = max(max(entry.late, default=0.0) for entry in watched if entry.stage == stage)
        goal(f"{stage}: {1000 * worst:.0f} ms late at most; at most 50 ms", worst <= GOAL)
    app.processEvents()


if __name__ == "__main__":
    main()
