"""What a tool draws over an image: marks of any look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from napari_pose3d.gui.qt.napari_private import draw_marks_only, redraw_points

from .camera_view import CameraView

_NOWHERE = -1e6


class Marks:
    """A fixed number of marks over one view, in front of what the view draws itself.

    Their number is fixed because napari takes ten times as long to change it as to move them;
    lines are rows of small ones. A place without a mark is NaN. Their size is that on the screen,
    whatever the zoom.

    Parameters
    ----------
    view : CameraView
    name : str
        Of the napari layer.
    size : (mark,)
        In px of the screen.
    """

    def __init__(self, view: CameraView, name: str, size: ArrayLike) -> None:
        self._view = view
        self._size = np.asarray(size, np.float64)
        self.count = len(self._size)
        with view.adding_layers():
            self.layer = view.model.add_points(
                np.full((self.count, 2), _NOWHERE),
                name=name,
                size=self._size,
                border_width=0.0,
                canvas_size_limits=(1, 200),
                opacity=1.0,
            )
        view.own(self.layer)
        draw_marks_only(view.canvas, self.layer)
        self._zoom = view.zoom
        view.model.scene.camera.events.zoom.connect(self._on_zoom)

    def show(
        self,
        xy: ArrayLike,
        *,
        face: ArrayLike | None = None,
        border: ArrayLike | None = None,
        border_width: ArrayLike | None = None,
        size: ArrayLike | None = None,
        symbol: Sequence[str] | None = None,
    ) -> None:
        """Move the marks and, where something is given, change their look.

        Parameters
        ----------
        xy : (count, 2)
            Px of the image; NaN for none.
        face, border : (count, 4), optional
            RGBA from 0 to 1.
        border_width : (count,), optional
            As a fraction of the size.
        size : (count,), optional
            Px of the screen.
        symbol : sequence of str, optional
            napari's names: "disc", "cross", "x", "square", "diamond", "ring" and so on.
        """
        looks: dict[str, Any] = {
            "face_color": face,
            "border_color": border,
            "border_width": border_width,
            "symbol": symbol,
        }
        if size is not None:
            self._size = np.asarray(size, np.float64)
        looks["size"] = self._size / self._zoom
        for name, value in looks.items():
            if value is not None and not _same(getattr(self.layer, name), value):
                setattr(self.layer, name, value)
        yx = np.array(xy, np.float64).reshape(self.count, 2)[:, ::-1]
        yx[~np.isfinite(yx).all(axis=1)] = _NOWHERE
        # In place, and without what napari would look at again: nothing of it has changed.
        self.layer.data[...] = yx
        redraw_points(self._view.canvas, self.layer)

    def remove(self) -> None:
        """Take the marks off the view."""
        self._view.model.scene.camera.events.zoom.disconnect(self._on_zoom)
        self._view.disown(self.layer)

    def _on_zoom(self) -> None:
        zoom = self._view.zoom
        if not np.isclose(zoom, self._zoom, rtol=1e-3):
            self._zoom = zoom
            self.layer.size = self._size / zoom


def _same(now: Any, wanted: Any) -> bool:
    now = np.asarray(now)
    if now.dtype.kind == "O":
        return [str(getattr(each, "value", each)) for each in now] == list(wanted)
    return now.shape == np.shape(wanted) and np.allclose(now, np.asarray(wanted))
