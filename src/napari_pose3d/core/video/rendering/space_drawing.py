"""The animal in space, seen by a camera that stands still and has the whole recording in view."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.floor import floor_grid, oblique_direction

from .pose_drawing import FAR, GREY, Image, PoseDrawing, write

Float64 = NDArray[np.float64]

BACKGROUND = (28, 28, 30)
_MARGIN = 0.08
# Distance of the camera, in diagonals of what the animal moves in.
_DISTANCE = 2.5
# Of a recording, so many positions tell where the animal moves.
_MOST = 200_000
# A few wild positions must not make all others a dot.
_WILD = 2.0


class SpaceDrawing:
    """Draws the positions of a frame in space.

    Parameters
    ----------
    xyz : (frame, keypoint, 3)
        Of the whole recording, whichever frames are drawn.
    drawing : PoseDrawing
    size : (int, int)
        Width and height of the images, px.
    centres : (camera, 3), optional
        Where the cameras stand: above the floor.
    """

    def __init__(
        self,
        xyz: NDArray[Any],
        drawing: PoseDrawing,
        size: tuple[int, int],
        centres: Float64 | None = None,
    ) -> None:
        self._drawing = drawing
        some = xyz[:: max(xyz.shape[0] * xyz.shape[1] // _MOST, 1)].reshape(-1, 3)
        known = np.asarray(some[np.isfinite(some).all(axis=1)], np.float64)
        known = _without_wild(known)
        floor = floor_grid(known, centres)
        up = np.array([0.0, 0.0, 1.0]) if floor is None else floor.up
        forward = oblique_direction(up)
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, up)
        right /= np.linalg.norm(right)
        self._rotation = np.stack([right, np.cross(forward, right), forward])
        low, high = (known.min(axis=0), known.max(axis=0)) if len(known) else (up * 0, up)
        self._middle = (low + high) / 2
        self._distance = _DISTANCE * (float(np.linalg.norm(high - low)) or 1.0)
        self._zoom, self._offset = 1.0, np.zeros(2)
        ground = np.empty((0, 3)) if floor is None else floor.segments.reshape(-1, 3)
        self._fit(np.vstack([known, ground]), size)
        self._ground = None if floor is None else (up, float(floor.segments[0, 0] @ up))
        self._background = self._empty(size, None if floor is None else floor.segments)

    def project(self, xyz: NDArray[Any]) -> tuple[Float64, Float64]:
        """Where points appear, ``(..., 2)`` px, and how far away they are, ``(...)``."""
        seen = (np.asarray(xyz, np.float64) - self._middle) @ self._rotation.T
        depth = seen[..., 2] + self._distance
        with np.errstate(invalid="ignore"):
            depth = np.where(depth > 0.05 * self._distance, depth, np.nan)
        return seen[..., :2] / depth[..., None] * self._zoom + self._offset, depth

    def draw(self, xyz: NDArray[Any], hollow: NDArray[np.bool_] | None = None) -> Image:
        """One frame: ``(keypoint, 3)`` to an image ``(y, x, 3)``."""
        import cv2

        image = self._background.copy()
        if self._ground is not None:
            up, height = self._ground
            shadows, _ = self.project(xyz - (xyz @ up - height)[:, None] * up)
            for x, y in shadows[np.isfinite(shadows).all(axis=1)]:
                if max(abs(x), abs(y)) < FAR:
                    radius = round(0.7 * self._drawing.radius)
                    cv2.circle(image, (round(x), round(y)), radius, (62, 62, 66), -1, cv2.LINE_AA)
        xy, depth = self.project(xyz)
        order = np.argsort(-np.nan_to_num(depth))
        self._drawing.draw(image, xy, hollow=hollow, order=order)
        return image

    def _fit(self, points: Float64, size: tuple[int, int]) -> None:
        if not len(points):
            return
        xy, _ = self.project(points)
        low, high = np.nanmin(xy, axis=0), np.nanmax(xy, axis=0)
        extent = np.maximum(high - low, 1e-12)
        self._zoom = float(np.min((1 - 2 * _MARGIN) * np.array(size) / extent))
        self._offset = np.array(size) / 2 - self._zoom * (low + high) / 2

    def _empty(self, size: tuple[int, int], floor: Float64 | None) -> Image:
        import cv2

        image = np.full((size[1], size[0], 3), BACKGROUND, np.uint8)
        if floor is not None:
            xy, _ = self.project(floor)
            for line in xy[np.isfinite(xy).all(axis=(1, 2))]:
                start, end = ((round(x), round(y)) for x, y in line)
                cv2.line(image, start, end, [c // 2 for c in GREY], 1, cv2.LINE_AA)
        text = max(14.0, 0.04 * size[1])
        write(image, "3-D", (0.4 * text, 1.1 * text), text)
        return image


def _without_wild(known: Float64) -> Float64:
    """Without the few positions that lie far outside of where the others are."""
    if len(known) < 3:
        return known
    low, high = np.percentile(known, [1, 99], axis=0)
    room = _WILD * (high - low).max() / 2
    kept = ((known >= low - room) & (known <= high + room)).all(axis=1)
    return known[kept]
