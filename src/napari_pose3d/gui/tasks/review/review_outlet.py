"""What follows from a review: frames for the tab Label, and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.frame_choice import ChosenFrame, choose_frames, shown_by
from napari_pose3d.core.review.review_files import EVENTS
from napari_pose3d.core.review.session_review import SessionReview
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.gui.workspace.workspace import Workspace
from napari_pose3d.wording import counted, verb

from .review_jobs import proposals
from .review_model import ReviewModel

_NO_PROJECT = "Labels need a Lightning Pose project: tab Session, New…."
_NO_VIDEOS = "Frames are labeled on their images, and this session has no videos."
_PANEL = "Review"
_NAMED = 6


class ReviewOutlet(QObject):
    """Sends frames to the tab Label, with what was smoothed as proposals.

    Parameters
    ----------
    model : ReviewModel
    places : Workspace
    budget : callable
        How many frames to label, at most.

    Signals: ``queued`` with what was queued of single events, in a sentence.
    """

    # Not one of napari's notifications: closing, they take the focus to the images.
    queued = Signal(str)

    def __init__(
        self,
        model: ReviewModel,
        places: Workspace,
        budget: Callable[[], int],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._workspace, self._budget = model, places, budget

    @property
    def obstacle(self) -> str:
        """Why frames of the session cannot be labeled; "" where they can."""
        return labeling_obstacle(self._model.opened)

    def chosen(self) -> tuple[ChosenFrame, ...]:
        """The frames to label."""
        review = self._model.review
        if review is None:
            return ()
        return choose_frames({review.session: review}, self._budget())

    def queue_frames(self) -> None:
        """Add the chosen frames to the queue of the tab Label."""
        chosen = self.chosen()
        if chosen and not self.obstacle:
            self._workspace.open("Label")
            show_info(self._queue({each.frame: each.reason for each in chosen}))

    def queue_events(self, events: Sequence[Event]) -> None:
        """Add a frame of each event to the queue."""
        if self.obstacle:
            show_error(self.obstacle)
            return
        reasons: dict[int, str] = {}
        for event in events:
            frame = event.label_frame if event.label_frame >= 0 else event.peak
            reasons.setdefault(frame, ChosenFrame("", frame, event.severity, (event,)).reason)
        label = self._workspace.find("Label")
        if label is None or label.labeling is None:
            self._workspace.open("Label")
            # There may be more to decide.
            self._workspace.bring_forward(_PANEL)
        self.queued.emit(self._queue(reasons))

    def fix(self, event: Event) -> None:
        """Open the worst frame of an event in the tab Label."""
        if self.obstacle:
            show_error(self.obstacle)
            return
        label_key = LabelKey(event.views[0] if event.views else "", event.keypoints[0])
        self._workspace.open("Label").requests.mend(event.peak, label_key, self._proposals)

    def _queue(self, reasons: Mapping[int, str]) -> str:
        """Hand frames to the tab Label; what was done, in a sentence."""
        self._workspace.find("Label").requests.queue_frames(reasons, self._proposals)
        frames = ", ".join(f"{frame:,}" for frame in sorted(reasons)[:_NAMED])
        more = f" and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
        what = "frame" if len(reasons) == 1 else "frames"
        return f"Queued for the tab Label: {what} {frames}{more}."

    def _proposals(self, frame: int) -> dict[LabelKey, tuple[tuple[float, float], float | None]]:
        review, opened = self._model.review, self._model.opened
        if review is None or opened is None:
            return {}
        return proposals(review, opened.session, frame)


def summary(
    review: SessionReview, chosen: Sequence[ChosenFrame], *, bars_moved: bool = False
) -> str:
    """What was found, and what the chosen frames to label show of it, in words."""
    bars = " (bars moved)" if bars_moved else ""
    n = sum(event.kind.is_mended_by_labels for event in review.events)
    parts = []
    if n or not review.moved:
        found = counted(n, "event") if n else "Nothing was found"
        if flagged := int(review.flagged.sum()):
            found += f" in {flagged:,} of {review.n_frames:,} frames"
        else:
            found += f" in {review.n_frames:,} frames"
        parts.append(found + bars)
    if review.moved:
        camera = " or ".join(review.moved[0].views)
        parts.append(f"{review.moved[0].kind.value} ({camera})")
    words = " and ".join(parts)
    words = f"{words[:1].upper()}{words[1:]}."
    more = []
    if chosen:
        n_shown = len({event for each in chosen for event in each.events})
        shows = verb(len(chosen), "shows", "show")
        more.append(f"{counted(len(chosen), 'frame')} to label {shows} {n_shown:,} of them")
    if n_labeled := len(shown_by(review.events, review.labeled)):
        have = verb(n_labeled, "has a labeled frame", "have labeled frames")
        more.append(f"{n_labeled:,} {have} already")
    return f"{words} {'; '.join(more)}." if more else words


def labeling_obstacle(opened: OpenSession | None) -> str:
    """Why frames of a session cannot be labeled; "" where they can."""
    if opened is None or opened.project.kind != "lightning-pose":
        return _NO_PROJECT
    return "" if opened.session.videos else _NO_VIDEOS


def ask_for_folder(model: ReviewModel, parent: QWidget) -> tuple[Path, bool] | None:
    """Ask where to save a review.

    Returns
    -------
    (Path, bool) or None
        The folder, and whether the review that it holds may be replaced; None when the user
        changed their mind.
    """
    run, review = model.run, model.review
    if run is None or review is None:
        return None
    start = run.default_folder() / review.session
    chosen = QFileDialog.getExistingDirectory(parent, "Folder for the review", str(_nearest(start)))
    if not chosen:
        return None
    folder = Path(chosen)
    force = (folder / EVENTS).exists()
    if force:
        answer = QMessageBox.question(
            parent, "Replace the review?", f"{folder} holds a review already. Replace it?"
        )
        if answer != QMessageBox.StandardButton.Yes:
            return None
    return folder, force


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above that there is."""
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path.home())
