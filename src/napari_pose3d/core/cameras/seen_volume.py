"""The part of space that several cameras see at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.errors import PoseDataError

from .rig import Rig
from .working_volume import WorkingVolume, image_size, working_volume

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

_REACH = 1.5  # half the side of the box, in radii of the working volume
_HALVINGS = 12
_BLOCK = 200_000  # points projected at once


@dataclass(frozen=True, eq=False)
class SeenVolume:
    """What at least `n` cameras see, within a box that is cut into cubes (voxels).

    Attributes
    ----------
    rig : Rig
    sizes : tuple of (width, height)
        px of each camera's image.
    n : int
    corner : (3,) float64
        Centre of the first voxel, rig units.
    step : float
        Side of a voxel, rig units.
    counts : (x, y, z) int64
        Cameras that see the centre of each voxel.
    """

    rig: Rig
    sizes: tuple[tuple[float, float], ...]
    n: int
    corner: Float64
    step: float
    counts: Int64

    @property
    def seen(self) -> Bool:
        """Voxels whose centre at least `n` cameras see, ``(x, y, z)``."""
        return np.asarray(self.counts >= self.n)

    @property
    def content(self) -> float:
        """Volume in cubic rig units, as far as it lies in the box."""
        return float(self.seen.sum()) * self.step**3

    @property
    def is_cut(self) -> bool:
        """Whether it goes on beyond the box, as what a single camera sees always does."""
        faces = (self.seen.take((0, -1), axis=axis).any() for axis in range(3))
        return any(faces)

    @cached_property
    def boundary(self) -> tuple[Float64, Int64]:
        """A closed surface around it.

        Returns
        -------
        vertices : (vertex, 3) float64
            Rig units. They lie where the number of cameras passes `n`, to a thousandth of a voxel,
            or on the faces of the box; between them, edges and corners are cut off by up to half a
            voxel.
        triangles : (triangle, 3) int64
            Indices of vertices, anticlockwise as seen from outside. Both are empty where nothing
            is seen.
        """
        inside = np.pad(self.seen, 1)
        pairs, triangles = _crossed_edges(inside)
        if not len(pairs):
            return np.empty((0, 3)), np.empty((0, 3), np.int64)
        places = np.stack(np.unravel_index(pairs, inside.shape), axis=-1).astype(np.float64)
        low = self.corner - 0.5 * self.step
        high = low + self.step * np.array(self.counts.shape)
        within, beyond = np.moveaxis(self.corner + (places - 1) * self.step, 1, 0)
        # Voxels around the box are outside, however many cameras see them.
        for _ in range(_HALVINGS):
            middle = (within + beyond) / 2
            in_box = ((middle >= low) & (middle <= high)).all(axis=-1)
            hit = in_box & (cameras_that_see(self.rig, middle, self.sizes) >= self.n)
            within = np.where(hit[:, None], middle, within)
            beyond = np.where(hit[:, None], beyond, middle)
        return (within + beyond) / 2, triangles


def seen_volume(
    rig: Rig,
    n: int = 2,
    *,
    sizes: Mapping[str, tuple[int, int]] | None = None,
    within: WorkingVolume | None = None,
    resolution: int = 48,
) -> SeenVolume:
    """The part of space that at least `n` cameras see.

    Parameters
    ----------
    n : int
        2: what can be triangulated.
    sizes : mapping of camera to (width, height), optional
        px of the images, in place of those in the rig. A camera without any has an image twice as
        wide as its principal point is far.
    within : WorkingVolume, optional
        The box is one and a half times as wide as this sphere. Not given: what the cameras are
        directed at.
    resolution : int
        Voxels along a side of the box.

    Raises
    ------
    PoseDataError
        When `n` is no number of cameras of the rig, or the resolution is out of range.
    """
    if not 1 <= n <= len(rig.cameras):
        raise PoseDataError(
            f"{n} cameras are asked for, the rig has {len(rig.cameras)}",
            expected=f"a number from 1 to {len(rig.cameras)}",
        )
    if not 2 <= resolution <= 400:
        raise PoseDataError(f"the resolution is {resolution}", expected="from 2 to 400 voxels")
    volume = within or working_volume(rig)
    half = _REACH * volume.radius
    step = 2 * half / resolution
    corner = volume.centre - half + step / 2
    axes = [corner[axis] + step * np.arange(resolution) for axis in range(3)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    known = tuple((sizes or {}).get(each.name) or image_size(each) for each in rig.cameras)
    counts = cameras_that_see(rig, places, known)
    return SeenVolume(rig, known, n, corner, step, counts)


def cameras_that_see(
    rig: Rig, points: ArrayLike, sizes: tuple[tuple[float, float], ...] | None = None
) -> Int64:
    """How many cameras have each point in their image.

    Parameters
    ----------
    points : (..., 3)
        Rig units.
    sizes : tuple of (width, height), optional
        px of each camera's image; not given: those in the rig.

    Returns
    -------
    (...) int64
    """
    xyz = np.asarray(points, dtype=np.float64)
    flat = xyz.reshape(-1, 3)
    limits = np.array(sizes or [image_size(camera) for camera in rig.cameras]) - 0.5
    counts = np.zeros(len(flat), np.int64)
    for start in range(0, len(flat), _BLOCK):
        block = slice(start, start + _BLOCK)
        pixels = rig.project(flat[block])
        # NaN, where a camera cannot see at all, is in no image.
        inside = (pixels >= -0.5).all(axis=-1) & (pixels <= limits[:, None]).all(axis=-1)
        counts[block] = inside.sum(axis=0)
    return counts.reshape(xyz.shape[:-1])


def _crossed_edges(inside: Bool) -> tuple[Int64, Int64]:
    """Marching tetrahedra: edges with one end inside, and triangles of them.

    Each cube of eight voxels is cut into the six tetrahedra around its diagonal, so that
    neighbouring cubes meet in the same triangles.

    Returns
    -------
    edges : (edge, 2) int64
        Flat indices of the end inside and the end outside.
    triangles : (triangle, 3) int64
        Indices of edges, anticlockwise as seen from outside.
    """
    shape = inside.shape
    flat = inside.ravel()
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    grid = np.arange(flat.size).reshape(shape)[:-1, :-1, :-1].ravel()
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1]])
    corners = np.concatenate([corners, [[0, 1, 1], [1, 1, 1]]])
    total = sum(flat[grid + offset].astype(np.int8) for offset in corners @ strides)
    cubes = grid[(total > 0) & (total < 8)]
    found = []
    for order in permutations(range(3)):
        path = np.zeros((4, 3), np.int64)
        for i, axis in enumerate(order):
            path[i + 1] = path[i]
            path[i + 1, axis] += 1
        odd = round(np.linalg.det(np.diff(path, axis=0))) < 0
        if odd:
            path[[1, 2]] = path[[2, 1]]
        found.append(_triangles_in(cubes[:, None] + path @ strides, flat))
    ends = np.concatenate(found)
    if not len(ends):
        return np.empty((0, 2), np.int64), np.empty((0, 3), np.int64)
    edges, index = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    return edges, index.reshape(-1, 3)


def _triangles_in(tetrahedra: Int64, inside: Bool) -> Int64:
    """Triangles of tetrahedra of positive orientation, ``(triangle, 3, 2)``: edges by their ends.

    The first end of each edge is the one inside.
    """
    state = inside[tetrahedra]
    out = []
    for code in range(1, 15):
        these = tetrahedra[(state == [bool(code >> bit & 1) for bit in range(4)]).all(axis=1)]
        in_, out_ = ([b for b in range(4) if (code >> b & 1) == side] for side in (1, 0))
        # An even order of the four corners keeps the tetrahedron's orientation.
        even = _is_even([*in_, *out_])
        if len(in_) == 1:
            a, (b, c, d) = in_[0], out_
            triangles = [[(a, b), (a, c), (a, d)]]
        elif len(in_) == 3:
            d, (a, b, c) = out_[0], in_
            triangles = [[(a, d), (b, d), (c, d)]]
        else:
            (a, b), (c, d) = in_, out_
            triangles = [[(a, c), (a, d), (b, d)], [(a, c), (b, d), (b, c)]]
        for triangle in triangles:
            if not even:
                triangle = triangle[::-1]
            out.append(np.stack([these[:, pair] for pair in triangle], axis=1))
    return np.concatenate(out) if out else np.empty((0, 3, 2), np.int64)


def _is_even(order: list[int]) -> bool:
    return sum(a > b for i, a in enumerate(order) for b in order[i + 1 :]) % 2 == 0
