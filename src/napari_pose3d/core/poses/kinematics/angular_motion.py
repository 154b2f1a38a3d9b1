"""How angles, lengths and orientations change between two frames.

All functions take positions ``(..., frame, 2 * point, 3)``: of all points in the frame before, then
of the same points in the frame after. NaN where a point is missing, or a segment has no length.
"""

from __future__ import annotations

import numpy as np

from .geometry import Difference, Float64, Geometry, axes_of_body


def change_of(geometry: Geometry, difference: Difference = np.subtract) -> Geometry:
    """What a value of `geometry` changes by, as a function of the points in both frames."""

    def change(points: Float64) -> Float64:
        before, after = np.split(points, 2, axis=-2)
        return difference(geometry(after), geometry(before))

    return change


def displacement(points: Float64) -> Float64:
    """Way of one point, ``(frame, 3)``, in the unit of the positions."""
    return np.asarray(points[..., 1, :] - points[..., 0, :])


def turn_of_segment(points: Float64) -> Float64:
    """Shortest rotation of the segment 0-1, ``(frame, 3)``: along its axis, degrees long."""
    before = _unit(points[..., 1, :] - points[..., 0, :])
    after = _unit(points[..., 3, :] - points[..., 2, :])
    return _rotation_vector(np.cross(before, after), np.sum(before * after, axis=-1))


def turn_of_body(points: Float64) -> Float64:
    """Rotation of the body of three points, ``(frame, 3)``: along its axis, degrees long.

    In the axes of the world.
    """
    before, after = np.split(points, 2, axis=-2)
    turn = axes_of_body(after) @ np.swapaxes(axes_of_body(before), -1, -2)
    across = np.stack(
        [
            turn[..., 2, 1] - turn[..., 1, 2],
            turn[..., 0, 2] - turn[..., 2, 0],
            turn[..., 1, 0] - turn[..., 0, 1],
        ],
        axis=-1,
    )
    return _rotation_vector(across / 2, (np.trace(turn, axis1=-2, axis2=-1) - 1) / 2)


def _unit(vectors: Float64) -> Float64:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, np.nan))


def _rotation_vector(across: Float64, cosine: Float64) -> Float64:
    """From the axis, as long as the sine of the angle, and the cosine; degrees."""
    sine = np.linalg.norm(across, axis=-1)
    angle = np.degrees(np.arctan2(sine, cosine))
    # The limit of a small angle, where the axis has no direction of its own.
    factor = np.where(sine > 0, angle / np.where(sine > 0, sine, 1.0), np.degrees(1.0))
    return np.asarray(across * factor[..., None])
