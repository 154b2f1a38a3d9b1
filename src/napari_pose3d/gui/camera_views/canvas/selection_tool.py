"""Clicking a keypoint selects it; hovering over it shows its name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_pose3d.gui.layers.layer_poses import LayerPoses
from napari_pose3d.gui.qt.key_bindings import Modifiers

from .input_events import Point
from .overlays import at_frame
from .tool import REACH, Tool, ToolView


class SelectionTool(Tool):
    """The tool that is there when no other is.

    Parameters
    ----------
    select : callable
        Called with the keypoint that was clicked.
    """

    def __init__(self, select: Callable[[str], None]) -> None:
        self._select = select
        self._hint = ""

    def on_press(self, view: ToolView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """Select what is under the mouse; the image is panned all the same."""
        found = view.overlays.nearest(*at, REACH / view.zoom)
        if button == 1 and found is not None:
            self._select(found[0])
        return False

    def on_move(self, view: ToolView, at: Point) -> None:
        """Name what is under the mouse."""
        found = view.overlays.nearest(*at, REACH / view.zoom)
        hint = "" if found is None else describe(*found, view.frame)
        if hint != self._hint:
            self._hint = hint
            view.show_hint(hint)

    def on_leave(self, view: ToolView) -> None:
        """Nothing is under the mouse any more."""
        self._hint = ""
        view.show_hint("")


def describe(name: str, poses: LayerPoses, frame: int) -> str:
    """Name, where it comes from, and how sure it is."""
    k = poses.keypoints.index(name)
    of_set = f" ({poses.prediction_set})" if poses.prediction_set else ""
    parts = [name, f"{poses.stage}{of_set}"]
    for array, text in ((poses.confidence, "likelihood {:.2f}"), (poses.residual, "{:.1f} px off")):
        if array is not None:
            value = float(at_frame(array, frame)[k])
            if np.isfinite(value):
                parts.append(text.format(value))
    if poses.swapped is not None and at_frame(poses.swapped, frame)[k] == 1:
        parts.append(f"in the place of {poses.keypoints[poses.counterparts[k]]}")
    return ", ".join(parts)
