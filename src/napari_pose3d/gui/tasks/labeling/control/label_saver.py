"""Labels go to the files by themselves: when the frame changes, and every so often.

Before a frame gets its row, the images that Lightning Pose trains on are written, from the exact
frames. Until then its labels are in the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.labels.files.image_extraction import Extracted, extract_images
from napari_pose3d.core.labels.files.view_files import LabelsChanged
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store.label import FrameKey, LabelKey
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.jobs import Job
from napari_pose3d.gui.workspace.preferences import seconds_between_saves
from napari_pose3d.settings import IsCancelled, Progress

_NO_IMAGES = "images cannot be written"

XY = tuple[float, float]
Then = Callable[[list[FrameKey]], None]
Proposals = Callable[[int], Mapping[LabelKey, tuple[XY, float | None]]]
"""Positions and likelihoods that are proposed for a frame."""


class LabelSaver(QObject):
    """Saves the labels of a labeling, and says how it went.

    Parameters
    ----------
    labeling : Labeling

    Signals: ``saved`` when something was written or could not be, ``changed_by_others`` with the
    `LabelsChanged`, ``progressed`` with stage, done and total while images are being written,
    ``extracted`` when a set of them was written or not, ``added`` with the number of frames that
    were added to the queue.
    """

    saved = Signal()
    changed_by_others = Signal(object)
    progressed = Signal(str, int, int)
    extracted = Signal()
    added = Signal(int)

    def __init__(self, labeling: Labeling) -> None:
        super().__init__()
        self._labeling = labeling
        self.problem = ""
        self._with_images: set[FrameKey] = set()
        self._refused: dict[FrameKey, str] = {}
        self._job: Job | None = None
        self._running: tuple[list[FrameKey], Then | None] = ([], None)
        # Whether its frames are to be added to the queue.
        self._adds = False
        # Whose images are wanted next, and what is done with the frames then.
        self._waiting: list[tuple[list[FrameKey], Then | None]] = []
        self._wanted: list[FrameKey] = []
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.save)
        self._timer.start(1000 * seconds_between_saves())
        labeling.store.committed.connect(self._on_command)

    def save_now(self) -> bool:
        """Save because a person wants it: also try again what failed before."""
        self._extract_missing()
        return self.save()

    @property
    def is_extracting(self) -> bool:
        """Whether images are being written."""
        return self._job is not None

    @property
    def is_adding(self) -> bool:
        """Whether the images that are being written are those of frames for the queue."""
        return self._job is not None and self._adds

    @property
    def has_added(self) -> bool:
        """Whether the images that were written last are those of frames for the queue."""
        return self._adds

    def save(self, *, overwrite: bool = False) -> bool:
        """Write what is unsaved and has its images.

        Returns
        -------
        bool
            Whether nothing is left to be written.
        """
        labeling = self._labeling
        if labeling.store.is_editing:
            return False
        frames = [key for key in labeling.unsaved if self._is_ready(key)]
        try:
            if frames:
                labeling.save(frames, overwrite=overwrite)
            if self.problem != _NO_IMAGES or not labeling.unsaved:
                self.problem = ""
        except LabelsChanged as changed:
            self.problem = "files changed by somebody else"
            self.changed_by_others.emit(changed)
        except PoseDataError as error:
            if self.problem != error.problem:
                show_error(str(error))
            self.problem = error.problem
        self.saved.emit()
        return not labeling.unsaved

    def add_frames(
        self,
        frames: Sequence[int],
        reason: str | Mapping[int, str],
        proposals: Proposals | None = None,
    ) -> None:
        """Write the images of frames, and let them wait to be labeled.

        Parameters
        ----------
        reason : str, or mapping of frame to str
            Why, in a few words.
        proposals : callable, optional
            Gives the predictions of a frame that go into the queue with it.
        """
        keys = [self._labeling.key(frame) for frame in frames]
        self._extract(keys, partial(self._enqueue, reason, proposals))

    def cancel_adding(self) -> None:
        """Add no more frames; images of frames with labels are written all the same."""
        dropped = {key for keys, then in self._waiting if then is not None for key in keys}
        self._waiting = [(keys, then) for keys, then in self._waiting if then is None]
        self._wanted = [key for key in self._wanted if key not in dropped]
        if self._job is not None and self._adds:
            self._job.cancel()

    def finish(self, seconds: float) -> None:
        """Wait for the images of labels that are being written; the window stands still meanwhile.

        What takes longer goes on.
        """
        end = time.monotonic() + seconds
        while self._job is not None:
            found = self._job.take(max(end - time.monotonic(), 0.0))
            if found is None:
                return
            how, value = found
            keys, then = self._running
            if how == "succeeded":
                self._on_extracted(keys, then, value)
            else:
                self._on_failed(keys, value or "")

    def close(self) -> None:
        """Stop; what is unsaved stays in the journal."""
        self._timer.stop()
        self._labeling.store.committed.disconnect(self._on_command)
        self._waiting = []
        if self._job is not None:
            self._job.abandon()
            self._job = None

    # ------------------------------------------------------------------ images

    def _on_command(self, _: object) -> None:
        self._extract_missing()

    def _extract_missing(self) -> None:
        """Write the images that frames with labels still need."""
        missing = [
            key
            for key in self._labeling.unsaved
            if not self._is_ready(key) and key.session == self._labeling.session.name
        ]
        missing = [key for key in missing if key not in self._refused and key not in self._wanted]
        if missing:
            self._extract(missing, None)

    def _is_ready(self, key: FrameKey) -> bool:
        """Whether a frame's images are there, or it needs none."""
        known = key in self._with_images or self._labeling.files.is_known(key)
        return known or not self._labeling.store.is_labeled(key)

    def _extract(self, keys: Sequence[FrameKey], then: Then | None) -> None:
        self._wanted += keys
        self._waiting.append((list(keys), then))
        self._extract_next()

    def _extract_next(self) -> None:
        # One after the other; the videos are read in order.
        if self._job is not None or not self._waiting:
            return
        keys, then = self._waiting.pop(0)
        self._running = keys, then
        self._adds = then is not None
        session = self._labeling.session
        frames = [key.frame for key in keys]
        self._job = job = Job(partial(_write_images, session, frames))
        job.succeeded.connect(partial(self._on_extracted, keys, then))
        job.failed.connect(partial(self._on_failed, keys))
        job.stopped.connect(partial(self._on_failed, keys, ""))
        job.progressed.connect(self.progressed)
        self.progressed.emit("writing images", 0, len(frames))
        job.start()

    def _on_extracted(self, keys: list[FrameKey], then: Then | None, extracted: Extracted) -> None:
        self._end_job(keys)
        for refused in extracted.refused:
            self._refused[self._labeling.key(refused.frame)] = str(refused)
        done = [self._labeling.key(frame) for frame in extracted.frames]
        self._with_images.update(done)
        if extracted.refused:
            more = len(extracted.refused) - 1
            show_error(f"{extracted.refused[0]}" + (f" (and {more} more)" if more else ""))
        if then is not None:
            then(done)
        self.save()
        self._extract_next()

    def _on_failed(self, keys: list[FrameKey], message: str) -> None:
        self._end_job(keys)
        if message:
            self.problem = _NO_IMAGES
            show_error(message)
        self.saved.emit()
        # The next try of the frames that failed comes with the next label, or on Save.
        self._extract_next()

    def _end_job(self, keys: list[FrameKey]) -> None:
        self._job = None
        self._wanted = [key for key in self._wanted if key not in keys]
        self.extracted.emit()

    def _enqueue(
        self,
        reason: str | Mapping[int, str],
        proposals: Proposals | None,
        keys: list[FrameKey],
    ) -> None:
        proposed: dict[tuple[FrameKey, str], dict[str, XY]] = {}
        for key in keys if proposals is not None else ():
            assert proposals is not None
            for label_key, (at, _) in proposals(key.frame).items():
                proposed.setdefault((key, label_key.view), {})[label_key.keypoint] = at
        try:
            why = (
                reason
                if isinstance(reason, str)
                else {key: reason[key.frame] for key in keys if key.frame in reason}
            )
            self._labeling.files.enqueue(keys, why, proposed)
            self.added.emit(len(keys))
        except LabelsChanged as changed:
            self.changed_by_others.emit(changed)
        except PoseDataError as error:
            show_error(str(error))


def _write_images(
    session: Session, frames: list[int], progress: Progress, cancelled: IsCancelled
) -> Extracted:
    return extract_images(session, frames, progress=progress, cancelled=cancelled)
