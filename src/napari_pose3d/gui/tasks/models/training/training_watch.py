"""Trainings followed by the files that they write, in a thread, as long as any goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.models.runs.training_progress import TrainingFollower, TrainingProgress
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.settings import IsCancelled, Progress

_PAUSE_MS = 700

Looks = Mapping[str, TrainingProgress]


class TrainingWatch(QObject):
    """Looks at some trainings again and again; ``looked`` is emitted with what was seen, by name.

    Trainings that are over are read once.
    """

    looked = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._followers: dict[str, TrainingFollower] = {}
        self._running = JobSlot()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self.look)
        self.progress: Looks = {}
        """What was seen last."""
        self.destroyed.connect(self._running.abandon)

    def follow(self, folders: Mapping[str, Path]) -> None:
        """Follow these from now on; those that were followed before are read on."""
        if {name: each.folder for name, each in self._followers.items()} == dict(folders):
            self.look()
            return
        self._running.abandon()
        # The work that was abandoned may still use the old ones.
        self._followers = {name: TrainingFollower(folder) for name, folder in folders.items()}
        self.progress = {}
        self.looked.emit(self.progress)
        self.look()

    def look(self) -> None:
        """Look now, unless it is being done."""
        self._timer.stop()
        if self._running.job is not None or not self._followers:
            return
        job = Job(partial(_look, tuple(self._followers.items())))
        job.succeeded.connect(self._on_looked)
        job.failed.connect(lambda _: self._wait())
        job.stopped.connect(self._wait)
        self._running.start(job)

    def _on_looked(self, found: Looks) -> None:
        self.progress = found
        self._wait()
        self.looked.emit(found)

    def _wait(self) -> None:
        self._running.abandon()
        if any(not each.state.state.is_over for each in self.progress.values()):
            self._timer.start()


def _look(
    followers: Sequence[tuple[str, TrainingFollower]], progress: Progress, cancelled: IsCancelled
) -> Looks:
    found = {}
    for name, follower in followers:
        try:
            found[name] = follower.look()
        except PoseDataError:
            # The list of networks says what is damaged.
            continue
    return found
