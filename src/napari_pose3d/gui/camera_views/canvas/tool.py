"""What a tool gets of mouse and keys in a camera view, and of the view itself."""

from __future__ import annotations

from typing import Protocol

from napari_pose3d.gui.qt.key_bindings import Modifiers

from .input_events import Point
from .overlays import Overlays

REACH = 10.0
"""How near to a keypoint the mouse must be to mean it, in px of the screen."""


class ToolView(Protocol):
    """What a tool may use of the camera view in which something happened.

    Attributes
    ----------
    name : str
    frame : int
        The frame that is shown; -1 for none.
    zoom : float
        Canvas px per image px.
    overlays : Overlays
        The keypoints that are drawn.
    """

    @property
    def name(self) -> str: ...

    @property
    def frame(self) -> int: ...

    @property
    def zoom(self) -> float: ...

    @property
    def overlays(self) -> Overlays: ...

    def show_hint(self, text: str) -> None:
        """A tooltip at the mouse; empty takes it away."""


class Tool:
    """Does nothing; what a tool overrides, it takes over.

    A method that returns True keeps the event to itself: the image is not panned by that drag,
    and the key does nothing else.
    """

    def on_press(self, view: ToolView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """The mouse went down; ``button`` 1 is the left, 2 the right one."""
        return False

    def on_drag(self, view: ToolView, at: Point, modifiers: Modifiers) -> None:
        """The mouse moved since a press that this tool has taken."""

    def on_release(self, view: ToolView, at: Point, modifiers: Modifiers) -> None:
        """The mouse went up at ``at``, after a press that this tool has taken."""

    def on_click(self, view: ToolView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """The mouse went down and up in one place, and no tool had taken the press."""
        return False

    def on_move(self, view: ToolView, at: Point) -> None:
        """The mouse moved with no button down."""

    def on_wheel(self, view: ToolView, at: Point, steps: float, modifiers: Modifiers) -> bool:
        """The wheel was turned with a modifier held; ``steps`` are notches, away from the user > 0.

        Without a modifier the wheel zooms, and no tool is called.
        """
        return False

    def on_leave(self, view: ToolView) -> None:
        """The mouse left the view."""

    def claims(self, key: str, modifiers: Modifiers) -> bool:
        """Whether a key with Ctrl or Alt belongs to the view, though a menu may use it, too."""
        return False

    def on_key(self, view: ToolView, key: str, modifiers: Modifiers) -> bool:
        """A key went down, by its Qt name ("A", "Left", "Space"), while the view had the focus."""
        return False

    def on_key_up(self, view: ToolView, key: str) -> None:
        """A key that was held went up."""

    def on_frame(self, frame: int) -> None:
        """All views show another frame now."""
