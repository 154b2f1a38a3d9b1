"""The keys of the panel Review in napari's main canvas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_pose3d.gui.qt.key_bindings import REVIEW_KEYS


class CanvasKeys:
    """Binds the keys in the viewer as long as the panel is in front.

    Napari's own keys, those of the selected layer, and what others have bound come first.

    Parameters
    ----------
    viewer : napari viewer
    perform : callable
        Does what a key of `REVIEW_KEYS` stands for.
    """

    def __init__(self, viewer: Any, perform: Callable[[str], None]) -> None:
        self._viewer, self._perform = viewer, perform
        self._bound: list[str] = []

    def bind(self) -> None:
        """Let the keys act; those that are bound already are left alone."""
        if self._bound:
            return
        taken = {
            str(key) for keys in (self._viewer.keymap, self._viewer.class_keymap) for key in keys
        }
        for key in REVIEW_KEYS:
            if key.action != "remove_correction" and key.label not in taken:
                self._viewer.bind_key(key.label, self._act(key.action))
                self._bound.append(key.label)

    def release(self) -> None:
        """Let the keys mean what they meant before."""
        for label in self._bound:
            self._viewer.bind_key(label, None)
        self._bound.clear()

    def _act(self, action: str) -> Callable[[Any], None]:
        # A function: napari asks for its name, which a partial has not.
        def act(_: Any) -> None:
            self._perform(action)

        return act
