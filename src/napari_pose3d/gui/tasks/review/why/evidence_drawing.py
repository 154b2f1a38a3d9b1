"""Keeps the evidence about the chosen event in all camera views up to date."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.poses.arrays import Ensemble
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.gui.camera_views.panel_link import PanelLink
from napari_pose3d.gui.camera_views.views_panel import ViewsPanel
from napari_pose3d.gui.layers.colours import keypoint_rgba, palette_of
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings

from ..review_model import ReviewModel
from .evidence import Evidence
from .evidence_marks import EvidenceMarks, Rgba

# Prediction sets that need more than this stay in their files, and are not drawn.
_LARGEST = 600_000_000


class EvidenceDrawing(QObject):
    """Draws why the chosen event is one, as long as it is switched on.

    Parameters
    ----------
    model : ReviewModel
    link : PanelLink

    Signals: ``explained`` with a sentence about the frame that is shown, empty where there is none,
    and whether it tells how far the event's prediction is off.
    """

    explained = Signal(str, bool)

    def __init__(self, model: ReviewModel, link: PanelLink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._link = model, link
        self._on = True
        self._evidence: Evidence | None = None
        self._panel: ViewsPanel | None = None
        self._marks: dict[str, EvidenceMarks] = {}
        self._colours: dict[str, Rgba] = {}
        self._reading = JobSlot()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.draw)
        model.found.connect(self._on_found)
        model.event_changed.connect(self._later)
        link.attached.connect(self._attach)
        link.left.connect(self._detach)
        self._attach()

    @property
    def evidence(self) -> Evidence | None:
        """What is known of the review; None without one."""
        return self._evidence

    def switch(self, on: bool) -> None:
        """Draw, or draw nothing."""
        if on != self._on:
            self._on = on
            self.draw()

    def renew(self) -> None:
        """Positions were corrected."""
        members = None if self._evidence is None else self._evidence.members
        self._make_evidence()
        if self._evidence is not None:
            self._evidence.members = members
        self._later()

    def stop(self) -> None:
        """Take everything off the views."""
        self._timer.stop()
        self._reading.abandon()
        self._detach()

    # ------------------------------------------------------------------ following

    def _attach(self) -> None:
        panel = self._panel = self._link.panel
        if panel is not None:
            # At once: images are never painted with the marks of the frame before.
            panel.shown.connect(self.draw)
            panel.selected.connect(self._later)
            panel.rebuilt.connect(self._later)
            self._later()

    def _detach(self) -> None:
        panel, self._panel = self._panel, None
        if panel is None:
            return
        panel.shown.disconnect(self.draw)
        for signal in (panel.selected, panel.rebuilt):
            signal.disconnect(self._later)
        self._remove(panel)

    def _remove(self, panel: ViewsPanel) -> None:
        for name, marks in self._marks.items():
            if panel.views.get(name) is marks.view:
                marks.remove()
        self._marks.clear()

    def _later(self, _: object = None) -> None:
        self._timer.start()

    def _on_found(self) -> None:
        self._reading.abandon()
        self._make_evidence()
        opened = self._model.opened
        if self._evidence is not None and opened is not None:
            job = Job(partial(_read_members, opened))
            job.succeeded.connect(self._take_members)
            self._reading.start(job)
        self.draw()

    def _make_evidence(self) -> None:
        review, opened = self._model.base, self._model.opened
        if review is None or opened is None:
            self._evidence = None
            return
        self._evidence = Evidence(review, opened.session, self._model.rig)
        names = review.result.poses2d.keypoints
        rgba = keypoint_rgba(palette_of(names, opened.session.colours))
        self._colours = {
            name: (float(c[0]), float(c[1]), float(c[2]), 1.0)
            for name, c in zip(names, rgba, strict=True)
        }

    def _take_members(self, members: Ensemble | None) -> None:
        if self._evidence is not None:
            self._evidence.members = members
            self._later()

    # ------------------------------------------------------------------ drawing

    def draw(self) -> None:
        """Draw the frame that the views show."""
        self._timer.stop()
        panel, event, evidence = self._panel, self._model.current, self._evidence
        if event is None or evidence is None:
            self.explained.emit("", False)
            if panel is not None:
                self._remove(panel)
            return
        frame = event.peak if panel is None or panel.frame < 0 else panel.frame
        chosen = "" if panel is None else panel.selection
        keypoint = chosen if chosen in event.keypoints else event.keypoints[0]
        self.explained.emit(*_words(evidence, event, frame, keypoint))
        if panel is None:
            return
        if not self._on:
            self._remove(panel)
            return
        for name in set(self._marks) - set(panel.views):
            # The view has gone, and its layers with it.
            del self._marks[name]
        found = evidence.of_frame(frame, event.keypoints, keypoint)
        room = (
            len(evidence.keypoints),
            max(len(found) - 1, 1),
            0 if evidence.members is None else len(evidence.members.models),
        )
        for name in panel.grid.seen:
            view = panel.views.get(name)
            if view is None:
                continue
            marks = self._marks.get(name)
            if marks is not None and marks.view is view and marks.room != room:
                marks.remove()
                marks = None
            if marks is None or marks.view is not view:
                marks = self._marks[name] = EvidenceMarks(view, *room)
            shown = found.get(name) if view.frame == frame else None
            marks.show(shown, event.keypoints, keypoint, self._colours)


def _words(evidence: Evidence, event: Event, frame: int, keypoint: str) -> tuple[str, bool]:
    """Why the frame is part of the event, and whether that tells what the event's value does."""
    sets = evidence.describe_sets(frame, keypoint, event.views)
    if event.kind is Failure.SETS_DISAGREE:
        words, tells = sets or evidence.describe(frame, keypoint), bool(sets)
    elif event.kind is Failure.UNCERTAIN:
        words, tells = evidence.observers(frame, keypoint), False
    else:
        views = evidence.describe(frame, keypoint)
        words, tells = views or sets, bool(views) and event.unit == "px"
    if words and len(event.keypoints) > 1:
        words = f"{keypoint}: {words}"
    return words, tells


def _read_members(
    opened: OpenSession, progress: Progress, cancelled: IsCancelled
) -> Ensemble | None:
    """All prediction sets, px of the videos; None where they are too large to be held."""
    session = opened.session
    sets = session.ensemble_sets
    if len(sets) < 2:
        return None
    views = tuple(view for view in session.views if any(view in each.files for each in sets))
    reading = ReadingSettings(views=views, allow_missing=True)
    stored = session.load_predictions(sets, reading, pixels="image")
    first = stored.one_view(0, progress, cancelled)
    if first.xy.nbytes * len(stored.views) > _LARGEST:
        return None
    return stored.in_memory(progress, cancelled)
