"""Adding frames to the queue: asking which, choosing them, writing their images."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.labels.frame_selection.frame_lists import every_nth, parse_frames
from napari_pose3d.core.settings import IsCancelled, Progress
from napari_pose3d.gui.qt.jobs import Job, JobSlot

from ..control.label_controller import LabelController
from ..control.label_saver import LabelSaver
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
        board.add_wanted.connect(self.ask)
        board.remove_wanted.connect(self.take_out)
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
        job.failed.connect(show_error)
        job.failed.connect(self._control.message)
        job.progressed.connect(self._tell_progress)
        self._control.message.emit("Looking at the videos for frames that are unlike each other…")
        self._choosing.start(job)

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
        n = len(self._frames(choice))
        frames = "1 frame" if n == 1 else f"{n:,} frames"
        return f"{frames} will be added; those labeled or queued are left out."

    def _put(self, choice: FrameChoice, frames: list[int]) -> None:
        if not frames:
            self._control.message.emit("These frames are all labeled or queued already.")
            return
        self._control.message.emit(f"Writing the images of {len(frames)} frames…")
        proposed = self._control.proposals if choice.with_predictions else None
        self._saver.add_frames(frames, _REASONS[choice.method], proposed)

    def _tell_progress(self, stage: str, done: int, total: int) -> None:
        part = f" ({done} of {total})" if total else ""
        self._control.message.emit(f"{stage}{part}…")


def _choose(
    session: Any, count: int, seed: int, skip: set[int], progress: Progress, cancelled: IsCancelled
) -> list[int]:
    from napari_pose3d.core.labels.frame_selection.kmeans_selection import by_kmeans

    return by_kmeans(session, count, seed=seed, skip=skip, progress=progress, cancelled=cancelled)
