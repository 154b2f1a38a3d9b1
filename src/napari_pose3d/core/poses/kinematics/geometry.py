"""Angles, lengths and orientations of points in space, and what their uncertainty makes of them.

All functions take positions ``(..., frame, point, 3)`` of as many points as they name and are
vectorised. NaN where a point is missing, or where a segment has no length.

Notes
-----
Angles are computed as ``atan2(|u x v|, u . v)``, which keeps its digits where ``acos`` of the
scalar product loses half of them (Kahan, *How futile are mindless assessments of roundoff*, 2006,
section 12). Uncertainty is carried through to first order (``J C J'``; JCGM 100:2008, section 5.2)
with the derivatives as central differences, each point by itself: a smoother's posteriors of
different keypoints are independent. Where the first order is not enough, near 0 and 180 degrees,
the stated deviation is too large, not too small.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Geometry = Callable[[Float64], Float64]
Difference = Callable[[Float64, Float64], Float64]

# Of the distances between the points: far above rounding, far below what bends.
_STEP = 1e-5
# Sine of the angle between two sides below which three points lie on a line.
_COLLINEAR = 1e-6


def length(points: Float64) -> Float64:
    """Distance between two points, ``(frame, 1)``, in the unit of the positions."""
    return np.asarray(np.linalg.norm(points[..., 1, :] - points[..., 0, :], axis=-1)[..., None])


def angle(points: Float64) -> Float64:
    """Joint angle at the second of three points, ``(frame, 1)``, degrees from 0 to 180."""
    return _between(points[..., 0, :] - points[..., 1, :], points[..., 2, :] - points[..., 1, :])


def segment_angle(points: Float64) -> Float64:
    """Angle between the segments 0-1 and 2-3, ``(frame, 1)``, degrees from 0 (parallel) to 180."""
    return _between(points[..., 1, :] - points[..., 0, :], points[..., 3, :] - points[..., 2, :])


def plane_angle(points: Float64) -> Float64:
    """Angle between the normals of the planes 0-1-2 and 3-4-5, ``(frame, 1)``, degrees to 180."""
    return _between(_normal(points[..., :3, :]), _normal(points[..., 3:, :]))


def torsion(points: Float64) -> Float64:
    """Dihedral angle about the segment 1-2 of four points, ``(frame, 1)``, -180 to 180 degrees.

    0 where the outer segments lie on the same side; positive where, looking along 1-2, the far
    one is turned clockwise (IUPAC's convention).
    """
    first, axis, last = np.moveaxis(np.diff(points, axis=-2), -2, 0)
    before, after = np.cross(first, axis), np.cross(axis, last)
    along = np.linalg.norm(axis, axis=-1)
    sine = np.sum(first * after, axis=-1) * along
    cosine = np.sum(before * after, axis=-1)
    found = np.degrees(np.arctan2(sine, cosine))
    gone = False
    for normal, side in ((before, first), (after, last)):
        extent = np.linalg.norm(side, axis=-1) * along
        gone = gone | (np.linalg.norm(normal, axis=-1) <= _COLLINEAR * extent)
    return np.asarray(np.where(gone, np.nan, found)[..., None])


def direction(points: Float64) -> Float64:
    """Where the segment 0-1 points in the world, ``(frame, 2)``: azimuth and elevation, degrees.

    Azimuth from the world's x towards its y, -180 to 180; elevation above the plane of x and y.
    """
    x, y, z = np.moveaxis(points[..., 1, :] - points[..., 0, :], -1, 0)
    level = np.hypot(x, y)
    azimuth = np.where(level == 0, np.nan, np.degrees(np.arctan2(y, x)))
    elevation = np.where((level == 0) & (z == 0), np.nan, np.degrees(np.arctan2(z, level)))
    return np.stack([azimuth, elevation], axis=-1)


def orientation(points: Float64) -> Float64:
    """Orientation of the body of three points as a unit quaternion, ``(frame, 4)``: w, x, y, z.

    Its x axis goes from point 0 to 1, its z axis is the normal of the plane 0-1-2, and the
    quaternion turns the world's axes into these. ``w`` is not negative.
    """
    return _quaternion(axes_of_body(points))


def axes_of_body(points: Float64) -> Float64:
    """The axes of `orientation` as columns, ``(frame, 3, 3)``; NaN for points on a line."""
    x = points[..., 1, :] - points[..., 0, :]
    z = _normal(points)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = x / np.linalg.norm(x, axis=-1, keepdims=True)
        z = z / np.linalg.norm(z, axis=-1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def difference_of_angles(one: Float64, other: Float64) -> Float64:
    """The shorter way from one angle to the other, degrees from -180 to 180."""
    return np.asarray((one - other + 180) % 360 - 180)


def difference_of_quaternions(one: Float64, other: Float64) -> Float64:
    """Of two unit quaternions; a quaternion and its negative are the same orientation."""
    same = np.sum(one * other, axis=-1, keepdims=True) >= 0
    return np.asarray(np.where(same, one - other, one + other))


def spread(
    geometry: Geometry,
    points: Float64,
    covariance: Float64,
    difference: Difference = np.subtract,
    between: Float64 | None = None,
) -> Float64:
    """Standard deviation of what `geometry` makes of uncertain points, to first order.

    Parameters
    ----------
    geometry : callable
        One of the functions above.
    points : (frame, point, 3)
    covariance : (frame, point, 3, 3)
        Of each point, in squared units of the positions.
    difference : callable
        Of two values that lie near each other: `difference_of_angles` where they begin again at
        180 degrees, `difference_of_quaternions`.
    between : (frame, point / 2, 3, 3), optional
        Covariance of each point of the first half with its own in the second half, where the
        points are those of two frames; not given: they are independent.

    Returns
    -------
    (frame, value) float64
        In the unit of the values; NaN where these are missing.
    """
    step = _STEP * _extent(points)
    jacobians = []
    total: Float64 | float = 0.0
    for point in range(points.shape[-2]):
        derivative = []
        for axis in range(3):
            moved = np.zeros_like(points)
            moved[..., point, axis] = step
            change = difference(geometry(points + moved), geometry(points - moved))
            derivative.append(change / (2 * step[..., None]))
        jacobian = np.stack(derivative, axis=-1)
        jacobians.append(jacobian)
        total = total + _carried(jacobian, covariance[..., point, :, :], jacobian)
    if between is not None:
        half = len(jacobians) // 2
        for point, (before, after) in enumerate(
            zip(jacobians[:half], jacobians[half:], strict=True)
        ):
            total = total + 2 * _carried(before, between[..., point, :, :], after)
    return np.asarray(np.sqrt(np.maximum(total, 0)))


def _carried(before: Float64, covariance: Float64, after: Float64) -> Float64:
    return np.asarray(np.einsum("...vi,...ij,...vj->...v", before, covariance, after))


def _extent(points: Float64) -> Float64:
    """A length to measure steps by: the largest distance from the first point, or from 0."""
    if points.shape[-2] == 1:
        return np.asarray(np.linalg.norm(points[..., 0, :], axis=-1) + 1)
    far = np.linalg.norm(points - points[..., :1, :], axis=-1).max(axis=-1)
    return np.asarray(np.where(far > 0, far, np.nan))


def _between(u: Float64, v: Float64) -> Float64:
    across = np.linalg.norm(np.cross(u, v), axis=-1)
    found = np.degrees(np.arctan2(across, np.sum(u * v, axis=-1)))
    gone = (np.linalg.norm(u, axis=-1) == 0) | (np.linalg.norm(v, axis=-1) == 0)
    return np.asarray(np.where(gone, np.nan, found)[..., None])


def _normal(points: Float64) -> Float64:
    """Of the plane of three points; NaN where they lie on a line."""
    one, other = points[..., 1, :] - points[..., 0, :], points[..., 2, :] - points[..., 0, :]
    normal = np.cross(one, other)
    extent = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    flat = np.linalg.norm(normal, axis=-1) <= _COLLINEAR * extent
    return np.asarray(np.where(flat[..., None], np.nan, normal))


def _quaternion(matrix: Float64) -> Float64:
    """Of rotation matrices ``(..., 3, 3)``: w, x, y, z with w >= 0; NaN where one is not finite."""
    from scipy.spatial.transform import Rotation

    found = np.full((*matrix.shape[:-2], 4), np.nan)
    known = np.isfinite(matrix).all(axis=(-2, -1))
    if known.any():
        x, y, z, w = Rotation.from_matrix(matrix[known]).as_quat(canonical=True).T
        found[known] = np.stack([w, x, y, z], axis=-1)
    return found
