"""Mouse and keys of the camera views while labels are edited."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus, Visibility
from napari_pose3d.gui.camera_views.canvas.input_events import Point
from napari_pose3d.gui.camera_views.canvas.tool import REACH, Tool, ToolView
from napari_pose3d.gui.qt.key_bindings import LABEL_KEYS, Modifiers, find_key

from ..control.key_actions import HeldKeys, perform
from ..control.label_controller import LabelController

# A label that is pressed on moves only when the mouse does, by so many px of the screen.
_STILL = 2.0


class LabelTool(Tool):
    """Clicks place, drags move, keys do what `keys.LABEL_KEYS` says.

    Parameters
    ----------
    controller : LabelController
    is_active : callable
        Whether mouse and keys are for labels now; otherwise others have them.
    """

    def __init__(self, controller: LabelController, is_active: Callable[[], bool]) -> None:
        self._controller = controller
        self._is_active = is_active
        self._pressed: Point = (0.0, 0.0)
        self._found = ""
        self._frame = -1
        self._moves = False
        self._offset = np.zeros(2)
        self._held = HeldKeys(controller)
        self._hint = ""

    def on_press(self, view: ToolView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """Perhaps a label near the mouse is to be moved; elsewhere the image is."""
        control = self._controller
        if button != 1 or not self._labels(view):
            return False
        found = control.nearest(view.name, at, REACH / view.zoom)
        if found is None:
            return False
        position = control.label(LabelKey(view.name, found)).position
        # The label keeps its distance to the mouse, so that it does not jump.
        self._offset = np.subtract(at if position is None else position, at)
        self._pressed, self._found, self._moves = at, found, False
        self._frame = control.frame
        self._show_hint(view, "")
        return True

    def on_drag(self, view: ToolView, at: Point, modifiers: Modifiers) -> None:
        """Move the label, in the frame where the button went down and in no other."""
        if self._controller.frame != self._frame:
            return
        if not self._moves:
            if np.hypot(*np.subtract(at, self._pressed)) * view.zoom <= _STILL:
                return
            self._moves = self._controller.grab(view.name, self._found)
        if self._moves:
            x, y = np.add(at, self._offset)
            self._controller.drag((float(x), float(y)), along_curve="Shift" in modifiers)
            self._controller.point(at)

    def on_release(self, view: ToolView, at: Point, modifiers: Modifiers) -> None:
        """Leave it where the mouse went up; a mouse that did not move has clicked."""
        self.on_drag(view, at, modifiers)
        if self._moves:
            self._controller.drop()
            self._moves = False
        elif self._controller.frame != self._frame:
            return
        elif self._controller.is_wanted(view.name):
            # Close to another label, it is the current keypoint that is placed.
            self._controller.click(view.name, self._pressed)
        else:
            self._controller.choose(self._found, view.name)

    def on_click(self, view: ToolView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """Place the current keypoint."""
        if button != 1 or not self._labels(view):
            return False
        return self._controller.click(view.name, at)

    def on_move(self, view: ToolView, at: Point) -> None:
        """Name what is under the mouse."""
        control = self._controller
        if not self._is_active():
            return
        control.enter(view.name)
        control.point(at)
        found = control.nearest(view.name, at, REACH / view.zoom)
        self._show_hint(
            view, "" if found is None else describe(control, LabelKey(view.name, found))
        )

    def on_leave(self, view: ToolView) -> None:
        """Nothing is under the mouse."""
        self._controller.point(None)
        self._show_hint(view, "")

    def claims(self, key: str, modifiers: Modifiers) -> bool:
        """Undo and save act on labels while the mouse is over a view."""
        return self._is_active() and find_key(LABEL_KEYS, key, modifiers) is not None

    def on_key(self, view: ToolView, key: str, modifiers: Modifiers) -> bool:
        """Do what the key stands for."""
        entry = find_key(LABEL_KEYS, key, modifiers) if self._is_active() else None
        if entry is None:
            return False
        if entry.held:
            self._held.press(key, entry.action)
        else:
            perform(self._controller, entry.action)
        return True

    def on_key_up(self, view: ToolView, key: str) -> None:
        """A key that was held went up."""
        self._held.release(key)

    def on_frame(self, frame: int) -> None:
        """Other labels are to be seen."""
        self._controller.on_frame()

    def _labels(self, view: ToolView) -> bool:
        """Whether a click into a view is for its labels."""
        return self._is_active() and view.name in self._controller.labeling.views

    def _show_hint(self, view: ToolView, hint: str) -> None:
        if hint != self._hint:
            self._hint = hint
            view.show_hint(hint)


def describe(control: LabelController, label_key: LabelKey) -> str:
    """A label in words: name, where it comes from, how far it is off."""
    label = control.label(label_key)
    parts = [label_key.keypoint, label.status.name.lower()]
    if label.visibility == Visibility.OCCLUDED:
        parts.append("occluded")
    if label.status == LabelStatus.PREDICTED and label.likelihood is not None:
        parts.append(f"likelihood {label.likelihood:.2f}")
    geometry = control.geometry
    if geometry is not None:
        residual = geometry.residual(label_key)
        if residual is not None:
            parts.append(f"{residual:.1f} px off")
        if geometry.suspect(label_key.keypoint) == label_key.view:
            parts.append("disagrees with the other views")
    if label.labeler:
        parts.append(f"by {label.labeler}")
    return ", ".join(parts)
