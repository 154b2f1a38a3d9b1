"""Compiled function that draws a flat board into an image, every pixel from 16 rays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

_PARTS = 4


@njit(cache=True, nogil=True)
def draw_board(
    image: Float32,
    rays: Float64,
    eye: Float64,
    axes: Float64,
    corner: Float64,
    print_: Float32,
    cell: float,
    box: NDArray[Any],
    brightness: float,
) -> None:
    """Draw a board over the image, edges smooth.

    Parameters
    ----------
    image : (height, width) float32
        Grey levels from 0 to 255; changed in place.
    rays : (height, width, 3)
        Direction in space of each pixel.
    eye : (3,)
        The camera's place, mm.
    axes : (3, 3)
        The board's x, y and z axis (rows) in space; z points to its back.
    corner : (3,)
        The outer corner of its print in space, mm.
    print_ : (row, column) float32
        What is printed, from 0 (black) to 1 (white), in square cells.
    cell : float
        Side of a cell, mm.
    box : (4,) int
        x, y of the first pixel and one past the last.
    brightness : float
        Grey level of white.
    """
    height, width = image.shape
    rows, columns = print_.shape
    away = corner - eye
    depth = away[0] * axes[2, 0] + away[1] * axes[2, 1] + away[2] * axes[2, 2]
    # Seen from behind there is no print.
    front = depth > 0.0
    for v in range(box[1], box[3]):
        for u in range(box[0], box[2]):
            right, down = min(u + 1, width - 1), min(v + 1, height - 1)
            left, up = right - 1, down - 1
            total, hits = 0.0, 0
            for j in range(_PARTS):
                for i in range(_PARTS):
                    a, b = (i + 0.5) / _PARTS - 0.5, (j + 0.5) / _PARTS - 0.5
                    x = rays[v, u, 0] + a * (rays[v, right, 0] - rays[v, left, 0])
                    x += b * (rays[down, u, 0] - rays[up, u, 0])
                    y = rays[v, u, 1] + a * (rays[v, right, 1] - rays[v, left, 1])
                    y += b * (rays[down, u, 1] - rays[up, u, 1])
                    z = rays[v, u, 2] + a * (rays[v, right, 2] - rays[v, left, 2])
                    z += b * (rays[down, u, 2] - rays[up, u, 2])
                    across = x * axes[2, 0] + y * axes[2, 1] + z * axes[2, 2]
                    if across * depth <= 0.0:
                        continue
                    far = depth / across
                    px, py, pz = far * x - away[0], far * y - away[1], far * z - away[2]
                    s = (px * axes[0, 0] + py * axes[0, 1] + pz * axes[0, 2]) / cell
                    t = (px * axes[1, 0] + py * axes[1, 1] + pz * axes[1, 2]) / cell
                    if s < 0.0 or t < 0.0 or s >= columns or t >= rows:
                        continue
                    hits += 1
                    total += print_[int(t), int(s)] if front else 0.35
            if hits:
                part = hits / (_PARTS * _PARTS)
                seen = brightness * (0.06 + 0.94 * total / hits)
                image[v, u] += part * (seen - image[v, u])
