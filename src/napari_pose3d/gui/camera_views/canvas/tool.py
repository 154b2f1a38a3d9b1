"""What a tool is told of mouse and keys in a camera view."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .camera_view import CameraView

Point = tuple[float, float]
"""(x, y) in px of the view's image."""

Modifiers = frozenset[str]
"""Of "Shift", "Control", "Alt"."""


class Tool:
    """Does nothing; what a tool overrides, it takes over.

    A method that returns True keeps the event to itself: the image is not panned by that drag,
    and the key does nothing else.
    """

    def on_press(self, view: CameraView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """The mouse went down; ``button`` 1 is the left, 2 the right one."""
        return False

    def on_drag(self, view: CameraView, at: Point, modifiers: Modifiers) -> None:
        """The mouse moved since a press that this tool has taken."""

    def on_release(self, view: CameraView, at: Point, modifiers: Modifiers) -> None:
        """The mouse went up after a press that this tool has taken; ``at`` is where."""

    def on_click(self, view: CameraView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """The mouse went down and up in one place, and no tool had taken the press."""
        return False

    def on_move(self, view: CameraView, at: Point) -> None:
        """The mouse moved with no button down."""

    def on_wheel(self, view: CameraView, at: Point, steps: float, modifiers: Modifiers) -> bool:
        """The wheel was turned with a modifier held; ``steps`` are notches, away from the user > 0.

        Without a modifier the wheel zooms, and no tool hears of it.
        """
        return False

    def on_leave(self, view: CameraView) -> None:
        """The mouse left the view."""

    def claims(self, key: str, modifiers: Modifiers) -> bool:
        """Whether a key with Ctrl or Alt is meant for the view, though a menu may know it, too."""
        return False

    def on_key(self, view: CameraView, key: str, modifiers: Modifiers) -> bool:
        """A key went down, by its Qt name ("A", "Left", "Space"), while the view had the focus."""
        return False

    def on_key_up(self, view: CameraView, key: str) -> None:
        """A key that was held went up."""

    def on_frame(self, frame: int) -> None:
        """All views show another frame now."""
