"""What the user does to labels, from wherever it comes: mouse, keys or panels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from ...core.labels import actions
from ...core.labels.frame_geometry import FrameGeometry
from ...core.labels.label import Label, Spot
from ...core.labels.labeling import Labeling
from ...core.labels.status import LabelStatus, Visibility
from ..views.tool import Point
from .curves import ViewCurve, curves_of
from .going import neighbour

if TYPE_CHECKING:
    from ..views.panel import ViewsPanel

_STEP, _FINE_STEP = 1.0, 0.1
_MAGNIFICATION = 6.0


class LabelController(QObject):
    """The labels of the frame that the views show, and what can be done with them.

    Parameters
    ----------
    labeling : Labeling
    panel : ViewsPanel
        Where they are drawn.

    Signals: ``changed`` when something has to be drawn anew, ``told`` with a line for the user,
    ``save_wanted``, ``keys_wanted``.
    """

    changed = Signal()
    told = Signal(str)
    save_wanted = Signal()
    keys_wanted = Signal()

    def __init__(self, labeling: Labeling, panel: ViewsPanel) -> None:
        super().__init__()
        self.labeling = labeling
        self.panel = panel
        self.keypoint = labeling.keypoints[0]
        self.view = labeling.views[0] if labeling.views else ""
        self.pointer: Point | None = None
        self.through_views = True
        self.loupe = False
        self.marks_hidden = False
        self.proposals: Callable[[int], dict[Spot, tuple[Point, float | None]]] = lambda _: {}
        self._move: actions.Move | None = None
        self._flicker: Any = None
        self._curves: dict[str, ViewCurve] | None = None
        self._actions = self._table()
        labeling.store.changed.connect(self._on_labels)

    def close(self) -> None:
        """Hear of labels no longer."""
        if self._move is not None:
            self._move.cancel()
            self._move = None
        self.labeling.store.changed.disconnect(self._on_labels)

    # ------------------------------------------------------------------ what is shown

    @property
    def frame(self) -> int:
        """The frame that the views show; -1 before the first."""
        return self.panel.frame

    @property
    def spot(self) -> Spot:
        """The current keypoint in the current view."""
        return Spot(self.view, self.keypoint)

    @property
    def views(self) -> list[str]:
        """Views that are seen and can be labeled, in the order of the grid."""
        known = set(self.labeling.views)
        return [name for name in self.panel.grid.seen if name in known]

    @property
    def geometry(self) -> FrameGeometry | None:
        """What the frame's labels say in space."""
        return None if self.frame < 0 else self.labeling.geometry(self.frame)

    def label(self, spot: Spot) -> Label:
        """A label of the frame that is shown."""
        return self.labeling.label(self.frame, spot)

    @property
    def curves(self) -> dict[str, ViewCurve]:
        """Where the current keypoint can be in each view, while one view alone is labeled."""
        if self._curves is None:
            self._curves = curves_of(self.labeling, self.geometry, self.keypoint)
        return self._curves

    def nearest(self, view: str, at: Point, within: float) -> str | None:
        """The keypoint whose label in a view is nearest to a pixel, within so many px."""
        best, found = within, None
        for spot, label in self.labeling.labels(self.frame).items():
            if spot.view == view and label.position is not None:
                distance = float(np.hypot(*np.subtract(label.position, at)))
                # What is current wins over another one at the same place.
                if distance < best or (distance <= best and spot.keypoint == self.keypoint):
                    best, found = distance, spot.keypoint
        return found

    # ------------------------------------------------------------------ choosing

    def choose(self, keypoint: str, view: str = "") -> None:
        """Make a keypoint current, and perhaps a view."""
        if keypoint not in self.labeling.keypoints:
            return
        self.keypoint = keypoint
        if view:
            self.view = view
        self.panel.select(keypoint)
        self._redraw()

    def enter(self, view: str) -> None:
        """The mouse came into a view."""
        if view in self.labeling.views and view != self.view:
            self.view = view
            self._redraw()

    def on_frame(self) -> None:
        """The views show another frame."""
        if self._move is not None:
            # A drag ends where it was; its frame is gone.
            self._move.finish()
            self._move = None
        self._redraw()

    # ------------------------------------------------------------------ mouse

    def click(self, view: str, at: Point) -> bool:
        """Place the current keypoint, unless a person has placed it in this view already."""
        self.view = view
        if not self._may_label():
            return False
        spot = self.spot
        if self.label(spot).status.by_person:
            self.told.emit(
                f"{spot.keypoint} is placed in {view} already: drag it, "
                "or press W to bring it to the mouse."
            )
            return False
        self._place(spot, at)
        return True

    def grab(self, view: str, keypoint: str) -> bool:
        """Take hold of a label, to be moved by `drag`."""
        self.view = view
        self.choose(keypoint, view)
        return self._may_label()

    def drag(self, at: Point, *, along_curve: bool) -> None:
        """Move the label that is held."""
        if self._move is None:
            if not self.panel.is_settled or self.labeling.store.is_editing:
                return
            self._move = actions.Move(self.labeling, self.frame, self.spot)
        if along_curve and (geometry := self.geometry) is not None:
            at = geometry.on_curve(self.spot, at, self.labeling.volume)
        self._move.to(at)

    def drop(self) -> bool:
        """Leave the label where it is; False when it was not moved."""
        if self._move is None:
            return False
        self._move.finish()
        self._move = None
        self._redraw()
        return True

    # ------------------------------------------------------------------ keys

    def do(self, action: str) -> None:
        """Do what a key of `keys.LABEL_KEYS` stands for."""
        self._actions[action]()

    def hold(self, action: str, held: bool) -> None:
        """A key that acts while it is held went down or up."""
        if action == "hide_marks":
            self.marks_hidden = held
            self._redraw()
        elif action == "flicker":
            self._flicker_through(held)

    def _table(self) -> dict[str, Callable[[], object]]:
        step, fine = _STEP, _FINE_STEP
        panel = self.panel
        return {
            "next_keypoint": lambda: self._step_keypoint(1),
            "previous_keypoint": lambda: self._step_keypoint(-1),
            "next_view": lambda: self._step_view(1),
            "previous_view": lambda: self._step_view(-1),
            "step_forward": lambda: panel.step(1),
            "step_back": lambda: panel.step(-1),
            "next_labeled": lambda: self._go("labeled", 1),
            "previous_labeled": lambda: self._go("labeled", -1),
            "next_queued": lambda: self._go("queued", 1),
            "previous_queued": lambda: self._go("queued", -1),
            "next_incomplete": lambda: self._go("incomplete", 1),
            "previous_incomplete": lambda: self._go("incomplete", -1),
            "worst": self._go_to_worst,
            "look_at_suspect": self.look_at_suspect,
            "place_here": self._place_here,
            "confirm": lambda: self._confirm([self.spot]),
            "confirm_all": lambda: self._confirm(list(self.labeling.labels(self.frame))),
            "occluded": self._toggle_occluded,
            "clear": lambda: self._edit(actions.clear, self.spot),
            "clear_everywhere": lambda: self._edit(actions.clear_everywhere, [self.keypoint]),
            "nudge_left": lambda: self._nudge(-step, 0),
            "nudge_right": lambda: self._nudge(step, 0),
            "nudge_up": lambda: self._nudge(0, -step),
            "nudge_down": lambda: self._nudge(0, step),
            "nudge_left_finely": lambda: self._nudge(-fine, 0),
            "nudge_right_finely": lambda: self._nudge(fine, 0),
            "nudge_up_finely": lambda: self._nudge(0, -fine),
            "nudge_down_finely": lambda: self._nudge(0, fine),
            "project": lambda: self.project([self.keypoint]),
            "project_all": lambda: self.project(None),
            "start_from_predictions": self.start_from_predictions,
            "copy_previous": lambda: self._copy(-1, in_space=False),
            "copy_previous_in_space": lambda: self._copy(-1, in_space=True),
            "copy_next": lambda: self._copy(1, in_space=False),
            "copy_next_in_space": lambda: self._copy(1, in_space=True),
            "zoom_to_keypoint": self.zoom_to_keypoint,
            "loupe": self._toggle_loupe,
            "undo": lambda: self._step_history(back=True),
            "redo": lambda: self._step_history(back=False),
            "save": self.save_wanted.emit,
            "show_keys": self.keys_wanted.emit,
        }

    # ------------------------------------------------------------------ actions

    def project(self, keypoints: Sequence[str] | None) -> None:
        """Fill the other views; all keypoints where None is given."""
        if self._may_label():
            self.told.emit(
                actions.project(self.labeling, self.frame, keypoints).describe() + "."
            )

    def start_from_predictions(self) -> None:
        """Propose what the layers show in this frame, wherever nobody has labeled."""
        if not self._may_label():
            return
        found = self.proposals(self.frame)
        n = actions.propose(self.labeling, self.frame, found, "predictions") if found else 0
        self.told.emit(
            f"{n} predictions are proposed: C confirms one, Shift+C all, dragging corrects."
            if n
            else "There are no predictions of this frame, or everything is labeled."
        )

    def look_at_suspect(self) -> None:
        """Go to the view that disagrees about the current keypoint."""
        geometry = self.geometry
        view = None if geometry is None else geometry.suspect(self.keypoint)
        if view is None:
            self.told.emit(f"No view disagrees about {self.keypoint}.")
        else:
            self.go_to_spot(Spot(view, self.keypoint))

    def go_to_spot(self, spot: Spot) -> None:
        """Make it current, and bring it into the middle of its view."""
        self.choose(spot.keypoint, spot.view)
        view = self.panel.views.get(spot.view)
        if view is None:
            return
        view.take_focus()
        at = self._where(spot)
        if at is not None:
            view.zoom_to(at, max(view.zoom, _MAGNIFICATION))

    def zoom_to_keypoint(self) -> None:
        """Bring the current keypoint into the middle of every view."""
        for name in self.views:
            at = self._where(Spot(name, self.keypoint))
            if at is not None:
                self.panel.views[name].zoom_to(at, _MAGNIFICATION)

    # ------------------------------------------------------------------ inside

    def _may_label(self) -> bool:
        """Whether a label may be placed now; says why not."""
        if not self.panel.is_settled:
            return False
        lacking = self.labeling.lacking_views(self.frame)
        if lacking:
            self.told.emit(
                f"{', '.join(lacking)} has no picture of frame {self.frame:,}. Lightning Pose "
                "needs one of every view, so this frame cannot be labeled."
            )
        return not lacking

    def _edit(self, action: Callable[..., object], *what: Any) -> None:
        if self._may_label():
            action(self.labeling, self.frame, *what)

    def _place(self, spot: Spot, at: Point) -> None:
        actions.place(self.labeling, self.frame, spot, at)
        self._advance()

    def _place_here(self) -> None:
        if self.pointer is not None and self._may_label():
            self._place(self.spot, self.pointer)

    def _advance(self) -> None:
        """Go on to the next empty label: of this keypoint in other views, or of this view."""
        if self.through_views:
            if any(self._is_open(Spot(view, self.keypoint)) for view in self.views):
                return
            wanted = self.views
        else:
            wanted = [self.view]
        names = self.labeling.keypoints
        start = names.index(self.keypoint) + 1
        for name in (*names[start:], *names[:start]):
            if any(self._is_open(Spot(view, name)) for view in wanted):
                self.choose(name)
                return
        where = "this frame" if self.through_views else f"{self.view} in this frame"
        self.told.emit(f"All keypoints of {where} are labeled.")

    def _is_open(self, spot: Spot) -> bool:
        label = self.label(spot)
        return label.is_empty and not label.is_declined

    def _confirm(self, spots: Sequence[Spot]) -> None:
        if not self._may_label():
            return
        n = actions.confirm(self.labeling, self.frame, spots)
        if len(spots) == 1 and n:
            self._advance()
        elif len(spots) > 1:
            self.told.emit(f"{n} labels confirmed.")

    def _toggle_occluded(self) -> None:
        if self._may_label():
            seen = actions.toggle_occluded(self.labeling, self.frame, self.spot)
            word = "occluded" if seen == Visibility.OCCLUDED else "not occluded"
            self.told.emit(f"{self.keypoint} is {word} in {self.view}.")

    def _nudge(self, dx: float, dy: float) -> None:
        if self._may_label():
            actions.nudge(self.labeling, self.frame, self.spot, dx, dy)

    def _copy(self, direction: int, *, in_space: bool) -> None:
        source = neighbour(self.labeling.labeled_frames, self.frame, direction)
        if source is None:
            self.told.emit(f"There is no labeled frame {'after' if direction > 0 else 'before'}.")
        elif self._may_label():
            n = actions.copy_pose(self.labeling, self.frame, source, in_space=in_space)
            self.told.emit(f"{n} positions of frame {source:,} are proposed.")

    def _step_history(self, *, back: bool) -> None:
        history = self.labeling.store.history
        text = history.undo_text if back else history.redo_text
        command = self.labeling.store.undo() if back else self.labeling.store.redo()
        if command is None:
            self.told.emit("Nothing to undo." if back else "Nothing to redo.")
            return
        self.told.emit(f"{'Undone' if back else 'Done again'}: {text}.")
        own = [k.frame for k in command.frames if k.session == self.labeling.session.name]
        if own and self.frame not in own:
            # What changed has to be seen.
            self.panel.go_to(min(own))

    def _step_keypoint(self, by: int) -> None:
        names = self.labeling.keypoints
        self.choose(names[(names.index(self.keypoint) + by) % len(names)])

    def _step_view(self, by: int) -> None:
        views = self.views
        if not views:
            return
        at = views.index(self.view) if self.view in views else -by
        self.view = views[(at + by) % len(views)]
        self.panel.views[self.view].take_focus()
        self._redraw()

    def _go(self, kind: str, direction: int) -> None:
        frames = {
            "labeled": lambda: self.labeling.labeled_frames,
            "queued": lambda: sorted(self.labeling.queued_frames),
            "incomplete": self._incomplete_frames,
        }[kind]()
        frame = neighbour(frames, self.frame, direction)
        if frame is None:
            where = "after" if direction > 0 else "before"
            what = {
                "labeled": "labeled frame",
                "queued": "frame in the queue",
                "incomplete": "frame with labels missing",
            }[kind]
            self.told.emit(f"There is no {what} {where} this one.")
        else:
            self.panel.go_to(frame)

    def _incomplete_frames(self) -> list[int]:
        n_spots = len(self.labeling.views) * len(self.labeling.keypoints)
        found = list(self.labeling.queued_frames)
        for frame in self.labeling.labeled_frames:
            labels = self.labeling.labels(frame).values()
            settled = [x for x in labels if x.status != LabelStatus.PREDICTED]
            if len(settled) < n_spots:
                found.append(frame)
        return sorted(set(found))

    def _go_to_worst(self) -> None:
        geometry = self.geometry
        worst = None if geometry is None else geometry.worst
        if geometry is None or worst is None:
            self.told.emit("Nothing to compare: too few labels in this frame.")
            return
        off = geometry.left_out(worst) or geometry.residual(worst) or 0.0
        self.told.emit(f"{worst.keypoint} in {worst.view} is {off:.1f} px off.")
        self.go_to_spot(worst)

    def _where(self, spot: Spot) -> Point | None:
        position = self.label(spot).position
        geometry = self.geometry
        if position is None and geometry is not None:
            position = geometry.reprojection(spot)
        if position is None and (view := self.panel.views.get(spot.view)) is not None:
            position = view.overlays.position(spot.keypoint)
        return position

    def _toggle_loupe(self) -> None:
        self.loupe = not self.loupe
        self._redraw()

    def _flicker_through(self, held: bool) -> None:
        from .flicker import Flicker

        if held and self._flicker is None:
            self._flicker = Flicker(self.panel)
        elif not held and self._flicker is not None:
            self._flicker.stop()
            self._flicker = None

    def _on_labels(self, _: object) -> None:
        self._redraw()

    def _redraw(self) -> None:
        self._curves = None
        self.changed.emit()
