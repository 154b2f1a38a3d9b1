"""What calibration draws over one camera view: curves of one or two rigs, and points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.gui.camera_views.canvas.camera_view import CameraView
from napari_pose3d.gui.camera_views.canvas.tool_layers import Marks

Float64 = NDArray[np.float64]

FIRST, SECOND = "#f0e442", "#56b4e9"
"""Colours of the curves of the one rig and of the other."""
_CURVE, _POINTS = 100, 30
_DOT, _DASH, _PICK, _RING, _MOUSE = 2.5, 3.5, 11.0, 17.0, 15.0  # px of the screen
_CLEAR = (0.0, 0.0, 0.0, 0.0)


class ViewMarks:
    """A solid and a dashed curve, discs for points that were clicked, rings for reprojections.

    Parameters
    ----------
    view : CameraView
    """

    def __init__(self, view: CameraView) -> None:
        self.view = view
        n = 2 * _CURVE + 2 * _POINTS + 1
        self._at = np.full((n, 2), np.nan)
        self._face = np.zeros((n, 4))
        self._border = np.zeros((n, 4))
        self._width = np.zeros(n)
        self._size = np.full(n, _DOT)
        self._first, self._second = slice(0, _CURVE), slice(_CURVE, 2 * _CURVE)
        self._picks = slice(2 * _CURVE, 2 * _CURVE + _POINTS)
        self._rings = slice(2 * _CURVE + _POINTS, 2 * _CURVE + 2 * _POINTS)
        self._mouse = n - 1
        self._face[self._first] = rgba(FIRST)
        self._face[self._second], self._size[self._second] = rgba(SECOND), _DASH
        # Dashes tell the curves apart where colours do not.
        self._face[self._second][np.arange(_CURVE) % 6 > 2] = _CLEAR
        self._size[self._picks], self._size[self._rings] = _PICK, _RING
        self._width[self._picks], self._width[self._rings] = 0.12, 0.1
        self._border[self._mouse], self._width[self._mouse] = rgba(FIRST), 0.1
        self._size[self._mouse] = _MOUSE
        self._marks = Marks(view, "calibration", self._size)

    def show_curves(self, first: Float64 | None, second: Float64 | None) -> None:
        """Curves as ``(point, 2)`` px; None for none. `draw` brings them to the screen."""
        for part, curve in ((self._first, first), (self._second, second)):
            self._at[part] = np.nan
            if curve is not None and len(curve):
                self._at[part] = _evenly(curve, _CURVE)

    def show_mouse(self, at: tuple[float, float] | None) -> None:
        """Where the curves in the other views come from."""
        self._at[self._mouse] = np.nan if at is None else at

    def show_points(self, picks: Float64, rings: Float64, colours: Sequence[str]) -> None:
        """Points that were clicked and where all views together put them.

        Parameters
        ----------
        picks, rings : (point, 2)
            px; NaN where not clicked here, or not known yet.
        colours : sequence of ``#rrggbb``
            One for each point.
        """
        n = min(len(picks), _POINTS)
        for part, xy in ((self._picks, picks), (self._rings, rings)):
            self._at[part] = np.nan
            self._at[part][:n] = xy[:n]
        if n:
            faces = np.array([rgba(each) for each in colours[:n]])
            self._face[self._picks][:n] = faces
            self._border[self._picks][:n] = (0, 0, 0, 1)
            self._border[self._rings][:n] = faces

    def draw(self) -> None:
        """Bring all of it to the screen."""
        self._marks.show(
            self._at,
            face=self._face,
            border=self._border,
            border_width=self._width,
            size=self._size,
        )

    def remove(self) -> None:
        """Take the marks off the view."""
        self._marks.remove()


def rgba(colour: str) -> tuple[float, float, float, float]:
    """``#rrggbb`` as four numbers from 0 to 1."""
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b, 1.0


def _evenly(curve: Float64, n: int) -> Float64:
    """So many positions at equal distances along a curve."""
    along = np.concatenate([[0.0], np.hypot(*np.diff(curve, axis=0).T).cumsum()])
    at = np.linspace(0.0, along[-1], n)
    return np.stack([np.interp(at, along, curve[:, i]) for i in (0, 1)], axis=1)
