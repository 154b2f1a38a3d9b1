"""Adding frames to the queue: asking which, choosing them, writing their images."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject

from napari_pose3d.core.labels.frame_selection.frame_lists import every_nth, parse_frames
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.settings import IsCancelled, Progress
from napari_pose3d.wording import counted, verb

from ..control.label_controller import LabelController
from ..control.label_saver import LabelSaver, Proposals
from ..panel.label_board import LabelBoard
from .frame_choice_dialog import AddFramesDialog, FrameChoice

_REASONS = {"current": "chosen", "numbers": "by number", "every": "every n-th", "kmeans": "k-means"}


class FrameAdder(QObject):
    """Does what the board's buttons for frames ask for.

    Parameters
    ----------
    board : LabelBoard
    control : LabelController
    saver : LabelSaver
    """

    def __init__(self, board: LabelBoard, control: LabelController, saver: LabelSaver) -> None:
        super().__init__(board)
        self._board, self._control, self._saver = board, control, saver
        self._choosing = JobSlot()
        self._job: Job | None = None
        board.add_wanted.connect(self.ask)
        board.remove_wanted.connect(self.take_out)
        board.progress.cancel_clicked.connect(self._cancel)
        saver.added.connect(self._on_added)
        board.destroyed.connect(self._choosing.abandon)

    def ask(self) -> None:
        """Ask which frames, and add them."""
        panel = self._control.panel
        has_any = bool(self._control.proposals(self._control.frame))
        dialog = AddFramesDialog(
            self._control.frame,
            panel.scene.n_frames,
            self._preview,
            "" if has_any else "There are no predictions in the viewer.",
            self._board,
        )
        if dialog.exec():
            self.add(dialog.choice)

    def add(self, choice: FrameChoice) -> None:
        """Add the frames of a choice; choosing them by k-means takes a while."""
        if choice.method != "kmeans":
            try:
                self._put(choice, self._frames(choice))
            except PoseDataError as error:
                show_error(str(error))
            return
        labeling = self._control.labeling
        skip = {*labeling.labeled_frames, *labeling.queued_frames}
        work = partial(_choose, labeling.session, choice.count, choice.seed, skip)
        job = Job(work)
        job.succeeded.connect(partial(self._put, choice))
        job.failed.connect(self._on_failed)
        job.stopped.connect(self._on_stopped)
        job.progressed.connect(self._board.progress.show_progress)
        self._job = job
        self._board.progress.show_progress("choosing frames that differ", 0, 0)
        self._choosing.start(job)

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
        elif self._saver.is_adding:
            self._saver.cancel_adding()
            self._on_stopped()

    def _on_failed(self, message: str) -> None:
        self._end_choosing()
        show_error(message)
        self._control.show_message(message)

    def _on_stopped(self) -> None:
        self._end_choosing()
        self._control.show_message("Cancelled: no frames were added.")

    def _end_choosing(self) -> None:
        self._job = None
        self._board.progress.finish()

    def _on_added(self, n: int) -> None:
        was = verb(n, "was", "were")
        self._control.show_message(f"{counted(n, 'frame')} {was} added to the queue.")

    def take_out(self, frames: list[int]) -> None:
        """Take frames out of the queue; their images stay."""
        labeling = self._control.labeling
        try:
            labeling.files.dequeue([labeling.key(frame) for frame in frames])
        except PoseDataError as error:
            show_error(str(error))
        self._board.show_frames()

    def _frames(self, choice: FrameChoice) -> list[int]:
        n_frames = self._control.panel.scene.n_frames
        labeling = self._control.labeling
        have = {*labeling.labeled_frames, *labeling.queued_frames}
        if choice.method == "current":
            frames = [self._control.frame]
        elif choice.method == "numbers":
            frames = parse_frames(choice.numbers_text, n_frames)
        else:
            frames = every_nth(n_frames, choice.every)
        return [frame for frame in frames if frame not in have]

    def _preview(self, choice: FrameChoice) -> str:
        frames = counted(len(self._frames(choice)), "frame")
        return f"{frames} will be added; those labeled or queued are left out."

    def put(self, reasons: Mapping[int, str], proposals: Proposals | None = None) -> None:
        """Add frames, each for a reason, with their predictions; not those labeled or queued.

        Parameters
        ----------
        reasons : mapping of frame to str
        proposals : callable, optional
            Gives the predictions of a frame; not given: those of the layers.
        """
        labeling = self._control.labeling
        have = {*labeling.labeled_frames, *labeling.queued_frames}
        new = [frame for frame in sorted(reasons) if frame not in have]
        if not new:
            self._control.show_message("These frames are all labeled or queued already.")
            return
        self._saver.add_frames(new, reasons, proposals or self._control.proposals)

    def _put(self, choice: FrameChoice, frames: list[int]) -> None:
        self._end_choosing()
        if not frames:
            self._control.show_message("These frames are all labeled or queued already.")
            return
        proposed = self._control.proposals if choice.with_predictions else None
        self._saver.add_frames(frames, _REASONS[choice.method], proposed)


def _choose(
    session: Any, count: int, seed: int, skip: set[int], progress: Progress, cancelled: IsCancelled
) -> list[int]:
    from napari_pose3d.core.labels.frame_selection.kmeans_selection import by_kmeans

    return by_kmeans(session, count, seed=seed, skip=skip, progress=progress, cancelled=cancelled)
