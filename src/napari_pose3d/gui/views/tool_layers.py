"""What a tool draws over a picture: marks of any look, and lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .camera_view import CameraView

_NOWHERE = -1e6


class Marks:
    """A fixed number of marks over one view, in front of what the view draws itself.

    Their number is fixed because napari takes ten times as long to change it as to move them. A
    place without a mark is NaN.

    Parameters
    ----------
    view : CameraView
    name : str
        Of the napari layer.
    count : int
    size : float
        In px of the picture; on the screen marks stay between 3 and 60 px.
    """

    def __init__(self, view: CameraView, name: str, count: int, size: float = 9.0) -> None:
        self._view = view
        self.count = count
        self.layer = view.model.add_points(
            np.full((count, 2), _NOWHERE),
            name=name,
            size=size,
            border_width=0.0,
            canvas_size_limits=(3, 60),
            opacity=1.0,
        )
        view.own(self.layer)

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
            Px of the picture; NaN for none.
        face, border : (count, 4), optional
            RGBA from 0 to 1.
        border_width : (count,), optional
            As a fraction of the size.
        size : (count,), optional
            Px of the picture.
        symbol : sequence of str, optional
            napari's names: "disc", "cross", "x", "square", "diamond", "ring" and so on.
        """
        looks = {
            "face_color": face,
            "border_color": border,
            "border_width": border_width,
            "size": size,
            "symbol": symbol,
        }
        for name, value in looks.items():
            if value is not None and not _same(getattr(self.layer, name), value):
                setattr(self.layer, name, value)
        yx = np.array(xy, np.float64).reshape(self.count, 2)[:, ::-1]
        yx[~np.isfinite(yx).all(axis=1)] = _NOWHERE
        with self.layer.events.data.blocker():
            self.layer.data = yx

    def remove(self) -> None:
        """Take the marks off the view."""
        self._view.disown(self.layer)


class Lines:
    """A fixed number of straight lines over one view, for paths, outlines and epipolar lines.

    Keep them few: some hundred in all views together while frames go by.

    Parameters
    ----------
    view : CameraView
    name : str
        Of the napari layer.
    count : int
    width : float
        In px of the picture.
    """

    def __init__(self, view: CameraView, name: str, count: int, width: float = 1.0) -> None:
        self._view = view
        self.count = count
        self.layer = view.model.add_vectors(
            np.zeros((count, 2, 2)),
            name=name,
            edge_width=width,
            vector_style="line",
            opacity=1.0,
        )
        view.own(self.layer)

    def show(self, ends: ArrayLike, colour: ArrayLike | None = None) -> None:
        """Move the lines.

        Parameters
        ----------
        ends : (line, 2, 2)
            (x, y) in px of both ends of at most `count` lines; NaN for none. See `path`.
        colour : (count, 4), optional
            RGBA from 0 to 1.
        """
        if colour is not None and not _same(self.layer.edge_color, colour):
            self.layer.edge_color = np.asarray(colour)
        given = np.asarray(ends, np.float64).reshape(-1, 2, 2)[..., ::-1]
        data = np.zeros((self.count, 2, 2))
        data[: len(given), 0] = given[:, 0]
        data[: len(given), 1] = given[:, 1] - given[:, 0]
        data[~np.isfinite(data).all(axis=(1, 2))] = 0.0
        if not np.array_equal(data, self.layer.data):
            with self.layer.events.data.blocker():
                self.layer.data = data

    def remove(self) -> None:
        """Take the lines off the view."""
        self._view.disown(self.layer)


def path(xy: ArrayLike, *, closed: bool = False) -> NDArray[np.float64]:
    """The lines from each point to the next, ``(line, 2, 2)``, for `Lines.show`.

    Parameters
    ----------
    xy : (point, 2)
    closed : bool
        Also from the last to the first, as an outline needs it.
    """
    points = np.asarray(xy, np.float64)
    following = np.roll(points, -1, axis=0)
    lines = np.stack([points, following], axis=1)
    return lines if closed else lines[:-1]


def _same(now: Any, wanted: Any) -> bool:
    now = np.asarray(now)
    if now.dtype.kind == "O":
        return [str(getattr(each, "value", each)) for each in now] == list(wanted)
    return now.shape == np.shape(wanted) and np.allclose(now, np.asarray(wanted))
