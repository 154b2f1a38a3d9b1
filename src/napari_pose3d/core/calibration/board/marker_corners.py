"""Corners of markers to a tenth of a pixel: where the straight sides of a marker meet.

Notes
-----
A corner of a marker is a bend, not a saddle as that of a chessboard: blur rounds it off and draws
it inwards, so what searches around the corner itself is off by a fifth to half a pixel. An edge
that is blurred alike on both sides stays where it is. So points of each side are found along its
normal, away from the corners, and lines through them are intersected.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Image = NDArray[np.uint8]

_TURNS = 3
_SAMPLES = 17  # of a side
_STEPS = 13  # of a profile across it
_END = 0.12  # of a side, left out at each end
_MOST_REACH = 3.0  # px to either side of the edge
_LEAST_REACH = 1.0
_INSIDE = 0.8  # of the border's width: beyond it the pattern begins
_FARTHEST = 3.0  # px: a corner that moves further was no corner


def refined_corners(cv2: Any, image: Image, corners: Float64, n_modules: int) -> Float64:
    """The corners of markers found in an image, refined.

    Parameters
    ----------
    image : (height, width) uint8
        Dark markers on light ground.
    corners : (marker, 4, 2)
        px, one after the other around each marker.
    n_modules : int
        Width of a marker in modules, its border included.

    Returns
    -------
    (marker, 4, 2) float64
        As given where a side cannot be found.
    """
    found = corners = np.asarray(corners, dtype=np.float64)
    if not len(found):
        return found
    side = np.linalg.norm(np.roll(found, -1, axis=1) - found, axis=-1).min(axis=1)
    reach = np.clip(_INSIDE * side / n_modules, _LEAST_REACH, _MOST_REACH)
    light = image.astype(np.float32)
    for _ in range(_TURNS):
        ends = np.roll(found, -1, axis=1)
        along = ends - found
        along /= np.linalg.norm(along, axis=-1, keepdims=True)
        # Around a marker, the ground is on one side of every edge.
        across = np.stack([along[..., 1], -along[..., 0]], axis=-1)
        at = np.linspace(_END, 1 - _END, _SAMPLES)[:, None]
        base = found[:, :, None] * (1 - at) + ends[:, :, None] * at
        steps = np.linspace(-1, 1, _STEPS)
        offset = steps * reach[:, None]
        places = base[:, :, :, None] + across[:, :, None, None] * offset[:, None, None, :, None]
        flat = places.reshape(len(found) * 4, -1, 2).astype(np.float32)
        x, y = flat[..., 0], flat[..., 1]
        grey = cv2.remap(light, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        grey = grey.reshape(places.shape[:-1])
        slope = np.abs(np.diff(grey, axis=-1))
        middle = (offset[:, 1:] + offset[:, :-1])[:, None, None] / 2
        weight = slope.sum(axis=-1)
        shift = (slope * middle).sum(axis=-1) / np.maximum(weight, 1e-9)
        points = base + across[:, :, None] * shift[..., None]
        found = _crossings(points, weight)
    moved = np.linalg.norm(found - corners, axis=-1)
    good = np.isfinite(moved).all(axis=1) & (np.nan_to_num(moved).max(axis=1) <= _FARTHEST)
    return np.where(good[:, None, None], found, corners)


def _crossings(points: Float64, weight: Float64) -> Float64:
    """Where each side ``(marker, 4, sample, 2)`` meets the one before it, ``(marker, 4, 2)``."""
    share = weight / np.maximum(weight.sum(axis=-1, keepdims=True), 1e-9)
    centre = (share[..., None] * points).sum(axis=2)
    away = points - centre[:, :, None]
    spread = np.einsum("mks,mksi,mksj->mkij", share, away, away)
    normal = np.linalg.eigh(spread)[1][..., 0]
    offset = (normal * centre).sum(axis=-1)
    other, other_offset = np.roll(normal, 1, axis=1), np.roll(offset, 1, axis=1)
    cross = normal[..., 0] * other[..., 1] - normal[..., 1] * other[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        x = (offset * other[..., 1] - other_offset * normal[..., 1]) / cross
        y = (normal[..., 0] * other_offset - other[..., 0] * offset) / cross
    return np.stack([x, y], axis=-1)
