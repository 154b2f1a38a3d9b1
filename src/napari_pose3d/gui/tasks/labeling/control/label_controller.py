"""What the user does to labels, from wherever it comes: mouse, keys or panels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_pose3d.core.labels import label_actions as actions
from napari_pose3d.core.labels.geometry.frame_geometry import FrameGeometry
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store.label import FrameKey, Label, LabelKey, Visibility
from napari_pose3d.gui.camera_views.canvas.input_events import Point, clamped, is_inside
from napari_pose3d.gui.camera_views.views_panel import ViewsPanel
from napari_pose3d.wording import counted, verb

from .epipolar_curves import ViewCurve, curves_of
from .frame_navigation import KINDS, Kind, frames_of_kind, neighbour
from .label_saver import Proposals
from .missing_labels import first_keypoint, missing_keypoint

_MAGNIFICATION = 6.0


class LabelController(QObject):
    """The labels of the frame that the views show, and what can be done with them.

    Parameters
    ----------
    labeling : Labeling
    panel : ViewsPanel
        Where they are drawn.

    Signals: ``changed`` when something has to be drawn anew, ``labels_changed`` with the set of
    frames (`FrameKey`) whose labels are others, ``pointed`` when the mouse has moved,
    ``message`` with a line for the user, ``save_wanted``, ``keys_wanted`` for the table of keys,
    ``carry_wanted`` with the direction that labels are to be carried on in, ``propose_wanted`` when
    a network is to be asked about the frame.
    """

    changed = Signal()
    labels_changed = Signal(object)
    pointed = Signal()
    message = Signal(str)
    save_wanted = Signal()
    keys_wanted = Signal()
    carry_wanted = Signal(int)
    propose_wanted = Signal()

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
        self.proposals: Proposals = lambda _: {}
        self._move: actions.Move | None = None
        # The frame that the last message is about.
        self._message_frame = -1
        # Whether the next frame begins with its first missing keypoint.
        self._begins_anew = False
        self._curves: dict[str, ViewCurve] | None = None
        labeling.store.changed.connect(self._on_labels)

    def close(self) -> None:
        """End a drag, and follow the labels no longer."""
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
    def label_key(self) -> LabelKey:
        """The current keypoint in the current view."""
        return LabelKey(self.view, self.keypoint)

    @property
    def views(self) -> list[str]:
        """Views that are seen and can be labeled, in the order of the grid."""
        known = set(self.labeling.views)
        return [name for name in self.panel.grid.seen if name in known]

    @property
    def geometry(self) -> FrameGeometry | None:
        """What the frame's labels say in space."""
        return None if self.frame < 0 else self.labeling.geometry(self.frame)

    def label(self, label_key: LabelKey) -> Label:
        """A label of the frame that is shown."""
        return self.labeling.label(self.frame, label_key)

    @property
    def curves(self) -> dict[str, ViewCurve]:
        """Where the current keypoint can be in each view, while one view alone is labeled."""
        if self._curves is None:
            self._curves = curves_of(self.labeling, self.geometry, self.keypoint)
        return self._curves

    def nearest(self, view: str, at: Point, within: float) -> str | None:
        """The keypoint whose label in a view is nearest to a pixel, within so many px."""
        best, found = within, None
        for label_key, label in self.labeling.labels(self.frame).items():
            if label_key.view == view and label.position is not None:
                distance = float(np.hypot(*np.subtract(label.position, at)))
                # What is current wins over another one at the same place.
                if distance < best or (distance <= best and label_key.keypoint == self.keypoint):
                    best, found = distance, label_key.keypoint
        return found

    def may_label(self) -> bool:
        """Whether a label may be placed now; emits a message where not."""
        if not self.panel.is_settled:
            return False
        lacking = self.labeling.lacking_views(self.frame)
        lacking += [s.view for s in self.panel.scene.views if not s.has_image(self.frame)]
        if lacking:
            views = list(dict.fromkeys(lacking))
            self.show_message(
                f"{', '.join(views)} {verb(len(views), 'has', 'have')} no image of frame "
                f"{self.frame:,}. Lightning Pose needs one of every view: it cannot be labeled."
            )
        return not lacking

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

    def point(self, at: Point | None) -> None:
        """The mouse is at a pixel of the current view, or over none."""
        self.pointer = at
        self.pointed.emit()

    def on_frame(self) -> None:
        """The views show another frame, or the same one anew."""
        if self._move is not None and self._move.frame != self.frame:
            # A drag ends where it was; its frame is gone.
            self._move.finish()
            self._move = None
        if self.frame != self._message_frame:
            self.show_message("")
        if self._begins_anew:
            self._begins_anew = False
            self.choose(first_keypoint(self.labeling, self.frame, self._wanted_views))
        self._redraw()

    def show_message(self, text: str, frame: int | None = None) -> None:
        """Show the user a line, as long as a frame is shown.

        Parameters
        ----------
        text : str
        frame : int, optional
            The one that it is about; not given: the current one.
        """
        self._message_frame = self.frame if frame is None else frame
        self.message.emit(text)

    def go_to(self, frame: int) -> None:
        """Go to a frame to label it: with its first missing keypoint."""
        if frame != self.frame:
            self._begins_anew = True
            self.panel.go_to(frame)

    # ------------------------------------------------------------------ mouse

    def click(self, view: str, at: Point) -> bool:
        """Place the current keypoint, unless a person has placed it in this view already."""
        self.view = view
        if not self.may_label():
            return False
        label_key = self.label_key
        if self.label(label_key).status.by_person:
            self.show_message(
                f"{label_key.keypoint} is placed in {view} already: drag it, "
                "or press W to bring it to the mouse."
            )
            return False
        return self._place(label_key, at)

    def is_wanted(self, view: str) -> bool:
        """Whether the current keypoint has no label in a view yet."""
        return self.label(LabelKey(view, self.keypoint)).is_empty

    def grab(self, view: str, keypoint: str) -> bool:
        """Take hold of a label, to be moved by `drag`."""
        self.view = view
        self.choose(keypoint, view)
        return self.may_label()

    def drag(self, at: Point, *, along_curve: bool) -> None:
        """Move the label that is held."""
        if self._move is None:
            if not self.panel.is_settled or self.labeling.store.is_editing:
                return
            self._move = actions.Move(self.labeling, self.frame, self.label_key)
        if along_curve and (geometry := self.geometry) is not None:
            at = geometry.on_curve(self.label_key, at, self.labeling.volume)
        self._move.to(clamped(at, self.panel.views[self.view].source.size))

    def drop(self) -> bool:
        """Leave the label where it is; False when it was not moved."""
        if self._move is None:
            return False
        self._move.finish()
        self._move = None
        self._redraw()
        return True

    def hide_marks(self, hidden: bool) -> None:
        """Take all marks off the images, or draw them again."""
        self.marks_hidden = hidden
        self._redraw()

    # ------------------------------------------------------------------ actions

    def project(self, keypoints: Sequence[str] | None) -> None:
        """Fill the other views; all keypoints where None is given."""
        if self.may_label():
            self.show_message(
                actions.project(self.labeling, self.frame, keypoints).describe() + "."
            )

    def start_from_predictions(self, proposals: Proposals | None = None) -> None:
        """Propose predictions of this frame, wherever nobody has labeled.

        Parameters
        ----------
        proposals : callable, optional
            Gives those of a frame; not given: what the layers show.
        """
        if not self.may_label():
            return
        found = (proposals or self.proposals)(self.frame)
        n = actions.propose(self.labeling, self.frame, found, "predictions") if found else 0
        self.show_message(
            f"{n} predictions are proposed: C confirms one, Shift+C all, dragging corrects."
            if n
            else "There are no predictions of this frame, or everything is labeled."
        )

    def look_at_suspect(self) -> None:
        """Go to the view that disagrees about the current keypoint."""
        geometry = self.geometry
        view = None if geometry is None else geometry.suspect(self.keypoint)
        if view is None:
            self.show_message(f"No view disagrees about {self.keypoint}.")
        else:
            self.go_to_label(LabelKey(view, self.keypoint))

    def go_to_label(self, label_key: LabelKey) -> None:
        """Make it current, and bring it into the middle of its view."""
        self.choose(label_key.keypoint, label_key.view)
        view = self.panel.views.get(label_key.view)
        if view is None:
            return
        view.take_focus()
        at = self._where(label_key)
        if at is not None:
            view.zoom_to(at, max(view.zoom, _MAGNIFICATION))

    def zoom_to_keypoint(self) -> None:
        """Bring the current keypoint into the middle of every view."""
        for name in self.views:
            at = self._where(LabelKey(name, self.keypoint))
            if at is not None:
                self.panel.views[name].zoom_to(at, _MAGNIFICATION)

    def edit(self, action: Callable[..., object], *what: Any) -> None:
        """Do one of `core.labels.actions` to the frame that is shown."""
        if self.may_label():
            action(self.labeling, self.frame, *what)

    def place_here(self) -> None:
        """Place the current keypoint at the mouse, also where it is placed already."""
        if self.pointer is not None and self.may_label():
            self._place(self.label_key, self.pointer)

    def confirm(self, label_keys: Sequence[LabelKey]) -> None:
        """Accept what is projected or predicted."""
        if not self.may_label():
            return
        n = actions.confirm(self.labeling, self.frame, label_keys)
        if not n:
            self.show_message(
                "Nothing is projected or predicted here; Predictions (I) proposes predictions."
            )
        elif len(label_keys) == 1:
            self._advance()
        else:
            self.show_message(f"{counted(n, 'label')} confirmed.")

    def toggle_occluded(self) -> None:
        """Say that the current keypoint cannot be seen in the current view, or that it can."""
        if self.may_label():
            seen = actions.toggle_occluded(self.labeling, self.frame, self.label_key)
            word = "occluded" if seen == Visibility.OCCLUDED else "not occluded"
            self.show_message(f"{self.keypoint} is {word} in {self.view}.")

    def nudge(self, dx: float, dy: float) -> None:
        """Move the current label by some px."""
        at = self.label(self.label_key).position
        if at is None or not self.may_label():
            return
        if self._is_on_image((at[0] + dx, at[1] + dy)):
            actions.nudge(self.labeling, self.frame, self.label_key, dx, dy)

    def copy_pose(self, direction: int, *, in_space: bool) -> None:
        """Propose the pose of the labeled frame before (-1) or after (1)."""
        source = neighbour(self.labeling.labeled_frames, self.frame, direction)
        if source is None:
            self.show_message(
                f"There is no labeled frame {'after' if direction > 0 else 'before'}."
            )
        elif self.may_label():
            n = actions.copy_pose(self.labeling, self.frame, source, in_space=in_space)
            self.show_message(f"{n} positions of frame {source:,} are proposed.")

    def step_history(self, *, back: bool) -> None:
        """Undo or redo, and go where something changed."""
        history = self.labeling.store.history
        text = history.undo_text if back else history.redo_text
        command = self.labeling.store.undo() if back else self.labeling.store.redo()
        if command is None:
            self.show_message("Nothing to undo." if back else "Nothing to redo.")
            return
        own = [k.frame for k in command.frames if k.session == self.labeling.session.name]
        # What changed has to be seen.
        target = min(own) if own and self.frame not in own else self.frame
        self.show_message(f"{'Undone' if back else 'Done again'}: {text}.", target)
        if target != self.frame:
            self.panel.go_to(target)

    def step_keypoint(self, by: int) -> None:
        """The next keypoint, or the one before."""
        names = self.labeling.keypoints
        self.choose(names[(names.index(self.keypoint) + by) % len(names)])

    def step_view(self, by: int) -> None:
        """The next view gets the keys, or the one before."""
        views = self.views
        if not views:
            return
        at = views.index(self.view) if self.view in views else -by
        self.view = views[(at + by) % len(views)]
        self.panel.views[self.view].take_focus()
        self._redraw()

    def go(self, kind: Kind, direction: int) -> None:
        """Go to the next frame of some kind, or the one before."""
        frames = frames_of_kind(self.labeling, kind)
        frame = neighbour(frames, self.frame, direction)
        if frame is None:
            where = "after" if direction > 0 else "before"
            self.show_message(f"There is no {KINDS[kind]} {where} this one.")
        else:
            self.go_to(frame)

    def go_to_worst(self) -> None:
        """Go to the label of the frame that the others disagree with most."""
        geometry = self.geometry
        worst = None if geometry is None else geometry.worst
        if geometry is None or worst is None:
            self.show_message("Nothing to compare: too few labels in this frame.")
            return
        off = geometry.left_out(worst) or geometry.residual(worst) or 0.0
        self.show_message(f"{worst.keypoint} in {worst.view} is {off:.1f} px off.")
        self.go_to_label(worst)

    def toggle_loupe(self) -> None:
        """Show the loupe, or take it away."""
        self.loupe = not self.loupe
        self._redraw()

    # ------------------------------------------------------------------ inside

    def _place(self, label_key: LabelKey, at: Point) -> bool:
        if not self._is_on_image(at):
            return False
        actions.place(self.labeling, self.frame, label_key, at)
        self._advance()
        return True

    def _is_on_image(self, at: Point) -> bool:
        """Whether a position is on the image of the current view; emits a message where not."""
        inside = is_inside(at, self.panel.views[self.view].source.size)
        if not inside:
            self.show_message(f"That is outside the image of {self.view}: nothing was placed.")
        return inside

    def _advance(self) -> None:
        """Go on to the next empty label: of this keypoint in other views, or of this view."""
        names = self.labeling.keypoints
        # Through the views, this keypoint goes first.
        start = names.index(self.keypoint) + (0 if self.through_views else 1)
        order = (*names[start:], *names[:start])
        missing = missing_keypoint(self.labeling, self.frame, order, self._wanted_views)
        if missing is None:
            where = "this frame" if self.through_views else f"{self.view} in this frame"
            self.show_message(f"All keypoints of {where} are labeled.")
            self._begins_anew = True
        elif missing != self.keypoint:
            self.choose(missing)

    @property
    def _wanted_views(self) -> list[str]:
        return self.views if self.through_views else [self.view]

    def _where(self, label_key: LabelKey) -> Point | None:
        position = self.label(label_key).position
        geometry = self.geometry
        if position is None and geometry is not None:
            position = geometry.reprojection(label_key)
        if position is None and (view := self.panel.views.get(label_key.view)) is not None:
            position = view.overlays.position(label_key.keypoint)
        return position

    def _on_labels(self, frames: frozenset[FrameKey]) -> None:
        self.labels_changed.emit(frames)
        self._redraw()

    def _redraw(self) -> None:
        self._curves = None
        self.changed.emit()
