"""Keeps what a person corrects, and lets the track and the review follow at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, Signal

from napari_pose3d.core.poses.certain import Cell
from napari_pose3d.core.review.decisions.corrections import Corrections, decisions_folder
from napari_pose3d.core.review.decisions.step_log import Step
from napari_pose3d.core.review.events.excess_update import update_excesses
from napari_pose3d.core.review.measures.measures import raw_positions
from napari_pose3d.core.smoothing.certain.local_update import LiveCorrections, UpdatedStretch
from napari_pose3d.core.storage.user_name import user_name
from napari_pose3d.errors import PoseDataError

from ..review_model import ReviewModel

Point = tuple[float, float]


class CorrectionController(QObject):
    """The corrections of the session that is reviewed.

    Parameters
    ----------
    model : ReviewModel

    Signals: ``changed`` with the tuple of `UpdatedStretch` whose results are others, which may be
    empty; ``message`` with a line for the user.
    """

    changed = Signal(object)
    message = Signal(str)

    def __init__(self, model: ReviewModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.kept: Corrections | None = None
        self._live: LiveCorrections | None = None
        model.found.connect(self._on_found)

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Those that can be corrected; empty without a review."""
        return () if self.kept is None else self.kept.keypoints

    def positions(self, view: str, frame: int) -> dict[str, Point]:
        """What can be taken hold of in a frame: keypoints as corrected or predicted, video px."""
        review, opened = self._model.base, self._model.opened
        if review is None or opened is None or not 0 <= frame < review.n_frames:
            return {}
        poses = review.result.poses2d
        if view not in poses.views:
            return {}
        v = poses.views.index(view)
        raw = np.asarray(raw_positions(poses)[v, frame], np.float64)
        smoothed = np.asarray(poses.xy[v, frame], np.float64)
        # What is not predicted is taken hold of where the smoother puts it.
        xy = np.where(np.isfinite(raw), raw, smoothed)
        video = int(opened.session.to_video(view, frame))
        xy = opened.session.to_video_pixels(view, xy, np.full(len(xy), max(video, 0)))
        return {
            name: (float(x), float(y))
            for name, (x, y) in zip(poses.keypoints, xy.tolist(), strict=True)
            if np.isfinite([x, y]).all()
        }

    def corrected(self, view: str, frame: int) -> set[str]:
        """The keypoints of a view that were corrected in a frame."""
        kept = self.kept
        if kept is None:
            return set()
        return {
            cell.keypoint for cell in kept.positions if (cell.view, cell.frame) == (view, frame)
        }

    # ------------------------------------------------------------------ correcting

    def move(self, view: str, frame: int, keypoint: str, at: Point) -> None:
        """Put a keypoint somewhere, px of the view's video."""
        kept, opened = self.kept, self._model.opened
        if kept is None or opened is None:
            return
        video = int(opened.session.to_video(view, frame))
        x, y = opened.session.to_rig_pixels(view, np.array(at), np.array(max(video, 0)))
        self._keep(lambda: kept.move({Cell(view, frame, keypoint): (float(x), float(y))}))

    def take_away(self, view: str, frame: int, keypoint: str) -> bool:
        """Take a correction away; False where there is none."""
        kept = self.kept
        if kept is None or keypoint not in self.corrected(view, frame):
            return False
        self._keep(lambda: kept.move({Cell(view, frame, keypoint): None}))
        return True

    def undo(self) -> None:
        """Take the newest step back."""
        if self.kept is not None:
            self._keep(self.kept.undo)

    def redo(self) -> None:
        """Bring the step again that was undone last."""
        if self.kept is not None:
            self._keep(self.kept.redo)

    def _keep(self, change: Callable[[], Step | None]) -> None:
        try:
            step = change()
        except PoseDataError as error:
            show_error(str(error))
            return
        if step is not None:
            self._follow()

    def _follow(self) -> None:
        """Let the track, the review and everything that shows them follow."""
        kept, review = self.kept, self._model.base
        assert kept is not None
        stretches: tuple[UpdatedStretch, ...] = ()
        if self._live is not None and review is not None:
            stretches = self._live.follow(kept.positions)
            update_excesses(review.excesses, review.result, stretches)
        self._say(stretches)
        self.changed.emit(stretches)
        if stretches:
            self._model.reclassify()

    def _say(self, stretches: Sequence[UpdatedStretch]) -> None:
        kept = self.kept
        assert kept is not None
        n = len(kept.positions)
        count = "1 position" if n == 1 else f"{n:,} positions"
        if not n:
            self.message.emit("")
        elif self._live is None:
            self.message.emit(f"{count} corrected; counted when it is smoothed again.")
        elif stretches:
            one = stretches[0]
            self.message.emit(
                f"{count} corrected; {one.keypoint} is smoothed anew in frames {one.start:,} to "
                f"{one.end:,}."
            )
        else:
            self.message.emit(f"{count} corrected.")

    # ------------------------------------------------------------------ session

    def _on_found(self) -> None:
        review, opened = self._model.base, self._model.opened
        self.kept = self._live = None
        if review is None or opened is None:
            self.message.emit("")
            return
        poses = review.result.poses2d
        try:
            folder = decisions_folder(opened.project.folder)
            self.kept = Corrections(
                folder, review.session, poses.views, poses.keypoints, user_name()
            )
        except PoseDataError as error:
            show_error(str(error))
            return
        if self._model.rig is not None:
            try:
                self._live = LiveCorrections(review.result, self._model.rig)
            except PoseDataError:
                # They are kept, and counted by the next run.
                self._live = None
        self._say(())
        self.changed.emit(())
