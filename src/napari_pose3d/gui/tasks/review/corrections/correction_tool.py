"""Mouse and keys of the camera views while predictions are corrected."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_pose3d.gui.camera_views.canvas.input_events import Point, clamped
from napari_pose3d.gui.camera_views.canvas.tool import REACH, Tool, ToolView
from napari_pose3d.gui.qt.key_bindings import REVIEW_KEYS, Modifiers, find_key

from .correction_controller import CorrectionController

# A point that is pressed on moves only when the mouse does, by so many px of the screen.
_STILL = 2.0


class CorrectionTool(Tool):
    """Drags keypoints to where they belong, while `is_active` says so.

    Parameters
    ----------
    control : CorrectionController
    is_active : callable
        Whether the panel Review is in front.
    preferred : callable
        Keypoints that are taken hold of before others, such as those of the chosen event.
    size_of : callable
        Width and height of a view's image.
    act : callable
        Does what other keys of `REVIEW_KEYS` stand for.
    """

    def __init__(
        self,
        control: CorrectionController,
        is_active: Callable[[], bool],
        preferred: Callable[[], tuple[str, ...]],
        size_of: Callable[[str], tuple[float, float]],
        act: Callable[[str], None],
    ) -> None:
        self._control, self._is_active = control, is_active
        self._preferred, self._size_of, self._act = preferred, size_of, act
        self._near = ("", -1, "")
        self._held = ""
        self._pressed: Point = (0.0, 0.0)
        self._offset = np.zeros(2)
        self._frame = -1
        self._at: Point | None = None
        self.on_moved: Callable[[str, str, Point | None], None] = lambda *_: None

    def nearest(self, view: ToolView, at: Point) -> str:
        """The keypoint near the mouse; empty for none."""
        positions = self._control.positions(view.name, view.frame)
        preferred = self._preferred()
        best, found = np.inf, ""
        for name, xy in positions.items():
            distance = float(np.hypot(*np.subtract(xy, at)))
            if distance > REACH / view.zoom:
                continue
            # Any of the event's keypoints before all others.
            distance -= 1e6 * (name in preferred)
            if distance < best:
                best, found = distance, name
        return found

    def on_press(self, view: ToolView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """Take hold of a keypoint near the mouse."""
        if button != 1 or not self._is_active() or view.frame < 0:
            return False
        name = self.nearest(view, at)
        if not name:
            return False
        position = self._control.positions(view.name, view.frame)[name]
        # The point keeps its distance to the mouse, so that it does not jump.
        self._offset = np.subtract(position, at)
        self._held, self._pressed, self._frame, self._at = name, at, view.frame, None
        view.show_hint("")
        return True

    def on_drag(self, view: ToolView, at: Point, modifiers: Modifiers) -> None:
        """Show where it would come to lie."""
        if not self._held:
            return
        moved = np.hypot(*np.subtract(at, self._pressed)) * view.zoom
        if self._at is None and moved <= _STILL:
            return
        x, y = np.add(at, self._offset)
        self._at = clamped((float(x), float(y)), self._size_of(view.name))
        self.on_moved(view.name, self._held, self._at)

    def on_release(self, view: ToolView, at: Point, modifiers: Modifiers) -> None:
        """Leave it there: it is kept, and the track follows."""
        self.on_drag(view, at, modifiers)
        held, self._held = self._held, ""
        where, self._at = self._at, None
        self.on_moved(view.name, held, None)
        if held and where is not None and view.frame == self._frame:
            self._control.move(view.name, self._frame, held, where)

    def on_move(self, view: ToolView, at: Point) -> None:
        """Remember what is under the mouse: keys act on it."""
        if self._is_active():
            self._near = view.name, view.frame, self.nearest(view, at)

    def claims(self, key: str, modifiers: Modifiers) -> bool:
        """Undo is Review's, not that of a menu, while the mouse is over a view."""
        return self._is_active() and find_key(REVIEW_KEYS, key, modifiers) is not None

    def on_key(self, view: ToolView, key: str, modifiers: Modifiers) -> bool:
        """Do what the key stands for."""
        if not self._is_active():
            return False
        entry = find_key(REVIEW_KEYS, key, modifiers)
        if entry is None:
            return False
        if entry.action == "remove_correction":
            where, frame, name = self._near
            if (where, frame) == (view.name, view.frame) and name:
                self._control.take_away(where, frame, name)
        else:
            self._act(entry.action)
        return True
