"""Geometry of the display: where views lie, how large marks are, how cameras are drawn.

No napari in here, so that it can be tested and reasoned about with plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import FloatArray

# Width over height that the tiles together should come near to: a canvas beside a dock.
_CANVAS_ASPECT = 1.4
_GAP = 0.04
# The name above an image has a fixed size on the screen: the more rows, the more room it needs.
_NAME_GAP_PER_ROW = 0.07
# A camera further than this many diagonals of the scene is drawn nearer, at _DRAWN_DISTANCE.
_FAR = 5.0
_DRAWN_DISTANCE = 0.9
# Around an animal, which cameras at their true distance would make a dot in the view.
AROUND_ANIMAL = 0.65
# Of the frustum, as a fraction of the scene's diagonal and of its own depth.
_DEPTH = 0.16
_MIN_HALF_WIDTH = 0.22
_ASIDE, _ABOVE = np.radians(25), np.radians(20)


@dataclass(frozen=True)
class Tile:
    """Place of one view in the main viewer: offset of its pixel (0, 0) and size, in px."""

    y: float
    x: float
    height: float
    width: float

    def corners(self) -> NDArray[np.float64]:
        """The image's four corners ``(4, 2)`` as (y, x); pixels reach half a pixel outward."""
        top, left = self.y - 0.5, self.x - 0.5
        bottom, right = top + self.height, left + self.width
        return np.array([[top, left], [top, right], [bottom, right], [bottom, left]])


def tile_views(sizes: Mapping[str, tuple[float, float]]) -> dict[str, Tile]:
    """Lay images of the given (width, height) out side by side, in rows if that shows more.

    Every cell has the size of the largest image, so that columns stay aligned.
    """
    if not sizes:
        return {}
    width = max(w for w, _ in sizes.values())
    height = max(h for _, h in sizes.values())
    count = len(sizes)

    def cell(columns: int) -> tuple[float, float]:
        rows = ceil(count / columns)
        return width * (1 + _GAP), height * (1 + _NAME_GAP_PER_ROW * rows)

    def shown_size(columns: int) -> float:
        wide, high = cell(columns)
        return min(_CANVAS_ASPECT / (columns * wide), 1.0 / (ceil(count / columns) * high))

    columns = max(range(1, count + 1), key=shown_size)
    wide, high = cell(columns)
    return {
        view: Tile(
            float((i // columns) * high),
            float((i % columns) * wide),
            float(h),
            float(w),
        )
        for i, (view, (w, h)) in enumerate(sizes.items())
    }


def place_views(
    sizes: Mapping[str, tuple[float, float]], placed: Mapping[str, Tile]
) -> dict[str, Tile]:
    """Tiles for views some of which may have their place already; new ones go to the right."""
    new = {view: size for view, size in sizes.items() if view not in placed}
    tiles = tile_views(new)
    if placed:
        width = max(tile.width for tile in placed.values())
        right = max(tile.x + tile.width for tile in placed.values()) + _GAP * width
        tiles = {view: replace(tile, x=tile.x + right) for view, tile in tiles.items()}
    return {view: placed.get(view) or tiles[view] for view in sizes}


def image_sizes(
    views: Sequence[str], xy: Sequence[FloatArray], rig: Rig | None = None
) -> dict[str, tuple[float, float]]:
    """(width, height) of each view's image: the camera's, else what holds all its points."""
    known = {camera.name: camera.size for camera in rig.cameras} if rig else {}
    sizes: dict[str, tuple[float, float]] = {}
    for view, points in zip(views, xy, strict=True):
        size = known.get(view)
        if size is None:
            _, high = bounds(points)
            # Points outside the image to the left or above do not move its corner.
            size = (max(ceil(high[0]) + 1, 1), max(ceil(high[1]) + 1, 1))
        sizes[view] = (float(size[0]), float(size[1]))
    return sizes


def bounds(points: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest finite coordinates of ``(..., d)`` points; zeros when there are none."""
    flat = points.reshape(-1, points.shape[-1])
    seen = flat[np.isfinite(flat).all(axis=1)]
    if not len(seen):
        return np.zeros(points.shape[-1]), np.zeros(points.shape[-1])
    return seen.min(axis=0).astype(float), seen.max(axis=0).astype(float)


def mark_size(points: FloatArray, fraction: float) -> float:
    """A size for marks that suits the animal: a fraction of its usual extent in one frame.

    Parameters
    ----------
    points : (frame, keypoint, d)
    fraction : float
        Of the median over frames of the diagonal that the frame's keypoints span; where a frame
        holds one keypoint only, of the diagonal of all points.
    """
    sample = points[:: max(1, len(points) // 500)]
    filled = np.asarray(np.isfinite(sample).all(axis=2))
    low = np.where(filled[..., None], sample, np.inf).min(axis=1)
    high = np.where(filled[..., None], sample, -np.inf).max(axis=1)
    several = filled.sum(axis=1) > 1
    spans = np.linalg.norm(high[several] - low[several], axis=1)
    span = float(np.median(spans)) if spans.size else 0.0
    if span == 0.0:
        low_all, high_all = bounds(points)
        span = float(np.linalg.norm(high_all - low_all)) / 4
    return fraction * span if span > 0 else 1.0


@dataclass(frozen=True)
class Frustum:
    """How one camera is drawn in the scene, coordinates (x, y, z) in rig units.

    Attributes
    ----------
    apex : (3,)
        Where the camera is drawn.
    segments : (segment, 2, 3)
        Start and end of each line.
    distance : float
        True distance of the camera from the middle of the scene.
    moved : bool
        True when it is drawn nearer than it stands.
    """

    camera: str
    apex: NDArray[np.float64]
    segments: NDArray[np.float64]
    distance: float
    moved: bool


def frusta(rig: Rig, xyz: FloatArray, far: float = _FAR) -> list[Frustum]:
    """The rig's cameras as small frusta around the scene that ``xyz (..., 3)`` spans.

    A camera many scene sizes away (telecentric lenses) would be out of sight, and everything else
    a dot beside it: it is drawn on its true line of sight, but nearer.

    Parameters
    ----------
    rig : Rig
    xyz : (..., 3)
        (x, y, z) in rig units; NaN where unknown.
    far : float
        From how many diagonals of the scene on a camera is drawn nearer.
    """
    low, high = bounds(xyz)
    middle = (low + high) / 2
    diagonal = float(np.linalg.norm(high - low)) or 1.0
    return [_frustum(camera, middle, diagonal, far) for camera in rig.cameras]


def _frustum(camera: Camera, middle: NDArray[np.float64], diagonal: float, far: float) -> Frustum:
    offset = camera.centre - middle
    distance = float(np.linalg.norm(offset))
    moved = distance > far * diagonal
    drawn = min(far, _DRAWN_DISTANCE) * diagonal
    apex = middle + offset * (drawn / distance) if moved else camera.centre
    # The nearer it is drawn, the less of the scene it may hide.
    depth = _DEPTH * diagonal * min(far / _DRAWN_DISTANCE, 1.0)
    width, height = camera.size or (4, 3)
    # A long lens has so narrow a view that its frustum would look like a line.
    half_width = depth * max(0.5 * width / camera.matrix[0, 0], _MIN_HALF_WIDTH)
    half_height = half_width * height / width
    corners = np.array(
        [
            [-half_width, -half_height, depth],
            [half_width, -half_height, depth],
            [half_width, half_height, depth],
            [-half_width, half_height, depth],
        ]
    )
    # A roof on the upper edge shows which way up the image is.
    roof = np.array([0.0, -1.5 * half_height, depth])
    lines = [(np.zeros(3), corner) for corner in corners]
    lines += [(corners[i], corners[(i + 1) % 4]) for i in range(4)]
    lines += [(corners[0], roof), (roof, corners[1])]
    in_camera = np.asarray(lines)
    return Frustum(camera.name, apex, in_camera @ camera.rotation + apex, distance, moved)


def bones_of(
    keypoints: Sequence[str], skeleton: Sequence[tuple[str, str]]
) -> NDArray[np.integer[Any]]:
    """Indices of the pairs of a skeleton that both are there, ``(bone, 2)``."""
    place = {name: i for i, name in enumerate(keypoints)}
    pairs = [(place[a], place[b]) for a, b in skeleton if a in place and b in place]
    return np.array(pairs, dtype=int).reshape(-1, 2)


def looking_direction(rig: Rig) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From where to look at the scene first: (direction, up), each ``(3,)`` as (x, y, z).

    Between the cameras, their upward directions upward, but from a little above and aside, so that
    no camera stands in front of the animal. Cameras that surround the animal have no "between",
    then along the first one.
    """
    forward = np.mean([camera.rotation[2] for camera in rig.cameras], axis=0)
    if np.linalg.norm(forward) < 0.3:
        forward = rig.cameras[0].rotation[2]
    up = np.mean([-camera.rotation[1] for camera in rig.cameras], axis=0)
    # Up must not be parallel to the direction of view.
    across = np.cross(forward, up)
    if np.linalg.norm(across) < 0.1 * np.linalg.norm(forward):
        up = -rig.cameras[0].rotation[1]
    forward = forward / np.linalg.norm(forward)
    up = up - forward * (up @ forward)
    up = up / np.linalg.norm(up)
    right = np.cross(forward, up)
    forward = forward + np.tan(_ASIDE) * right - np.tan(_ABOVE) * up
    return forward / np.linalg.norm(forward), up
