"""How sessions are smoothed: chosen in one panel, used in another."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from qtpy.compat import isalive

from napari_pose3d.gui.workspace.docking import unwrapped
from napari_pose3d.settings import ReadingSettings, SmoothingSettings

Chosen = tuple[SmoothingSettings, ReadingSettings]


class SmoothingChoice:
    """What a panel shows; nothing while there is no such panel."""

    def __init__(self) -> None:
        self._source: weakref.WeakMethod[Callable[[], Chosen]] | None = None

    def follow(self, source: Callable[[], Chosen]) -> None:
        """Take the settings from a method of a widget, as long as there is this widget."""
        self._source = weakref.WeakMethod(source)

    @property
    def is_known(self) -> bool:
        """Whether there is such a panel."""
        return self._method() is not None

    @property
    def current(self) -> Chosen | None:
        """The settings that are chosen now; None where there is no such panel.

        Raises
        ------
        PoseDataError
            A text in the panel cannot be read.
        """
        source = self._method()
        return None if source is None else source()

    def _method(self) -> Callable[[], Chosen] | None:
        source = None if self._source is None else self._source()
        if source is None or not isalive(source.__self__):  # type: ignore[attr-defined]
            return None
        return source


_CHOICES: weakref.WeakKeyDictionary[Any, SmoothingChoice] = weakref.WeakKeyDictionary()


def smoothing_choice(viewer: Any) -> SmoothingChoice:
    """The one `SmoothingChoice` of a viewer."""
    viewer = unwrapped(viewer)
    found = _CHOICES.get(viewer)
    if found is None:
        found = _CHOICES[viewer] = SmoothingChoice()
    return found
