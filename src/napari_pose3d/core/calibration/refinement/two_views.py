"""Relative pose of two cameras from points that both see, and of a camera from known points.

References
----------
Hartley & Zisserman, "Multiple View Geometry", 2nd ed., 2004: 7.1 (resection), 9.6 (essential
matrix), 11.1 (eight points).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..solve.rotations import nearest_rotation

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_TRIALS = 300
_ROUNDS = 5


class RelativePose(NamedTuple):
    """Second camera relative to the first.

    Attributes
    ----------
    rotation : (3, 3) float64
    translation : (3,) float64
        ``X_2 = R X_1 + t``, of length 1.
    inliers : (point,) bool
    parallax : float
        Median angle between the two rays of a point, rad.
    """

    rotation: Float64
    translation: Float64
    inliers: Bool
    parallax: float


def relative_pose(
    first: Float64, second: Float64, tolerance: float, rng: np.random.Generator
) -> RelativePose | None:
    """Pose from matched points; None where there is none that most of them agree with.

    Parameters
    ----------
    first, second : (point, 2)
        Normalised image coordinates.
    tolerance : float
        Distance from the epipolar line up to which a point is an inlier, in the same unit.
    rng : Generator
        Draws the samples of eight.
    """
    n = len(first)
    if n < 12:
        return None
    rows = _epipolar_rows(first, second)
    samples = np.array([rng.choice(n, 8, replace=False) for _ in range(_TRIALS)])
    best, best_cost = None, np.inf
    for matrix in _essentials(rows[samples]):
        cost = float(np.minimum(_sampson(matrix, first, second), tolerance**2).sum())
        if cost < best_cost:
            best, best_cost = matrix, cost
    if best is None:
        return None
    for _ in range(_ROUNDS):
        weight = 1 / (1 + _sampson(best, first, second) / tolerance**2)
        (matrix,) = _essentials((np.sqrt(weight)[:, None] * rows)[None])
        cost = float(np.minimum(_sampson(matrix, first, second), tolerance**2).sum())
        if cost >= best_cost:
            break
        best, best_cost = matrix, cost
    inliers = _sampson(best, first, second) < tolerance**2
    if inliers.sum() < 12:
        return None
    return _in_front(best, first, second, inliers)


def camera_pose(
    xyz: Float64, seen: Float64, tolerance: float, rng: np.random.Generator
) -> tuple[Float64, Float64] | None:
    """Pose ``X_cam = R X + t`` of a camera from points in the world; None where none fits.

    Parameters
    ----------
    xyz : (point, 3)
    seen : (point, 2)
        Normalised image coordinates.
    tolerance : float
        Distance up to which a point is an inlier.
    """
    n = len(xyz)
    if n < 12:
        return None
    middle = xyz.mean(axis=0)
    size = max(float(np.sqrt(np.square(xyz - middle).sum(axis=1).mean())), 1e-12)
    points = np.concatenate([(xyz - middle) / size, np.ones((n, 1))], axis=1)
    rows = np.zeros((n, 2, 12))
    rows[:, 0, 0:4], rows[:, 0, 8:12] = points, -seen[:, :1] * points
    rows[:, 1, 4:8], rows[:, 1, 8:12] = points, -seen[:, 1:] * points

    def poses(chosen: Float64) -> Float64:
        solved = _null_vectors(chosen).reshape(-1, 3, 4)
        scale = np.cbrt(np.linalg.det(solved[:, :, :3]))
        scale = np.where(np.abs(scale) < 1e-12, 1.0, scale)
        solved = solved / scale[:, None, None]
        return np.concatenate([nearest_rotation(solved[:, :, :3]), solved[:, :, 3:]], axis=2)

    def errors(pose: Float64) -> Float64:
        at = points @ pose.T
        away = at[:, :2] / np.where(at[:, 2:] > 0, at[:, 2:], np.nan) - seen
        return np.nan_to_num(np.square(away).sum(axis=1), nan=np.inf)

    samples = np.array([rng.choice(n, 8, replace=False) for _ in range(_TRIALS)])
    trials = poses(rows[samples].reshape(_TRIALS, 16, 12))
    costs = [np.minimum(errors(pose), tolerance**2).sum() for pose in trials]
    best, best_cost = trials[int(np.argmin(costs))], min(costs)
    for _ in range(_ROUNDS):
        weight = np.sqrt(1 / (1 + errors(best) / tolerance**2))
        (pose,) = poses((weight[:, None, None] * rows).reshape(1, 2 * n, 12))
        cost = np.minimum(errors(pose), tolerance**2).sum()
        if cost >= best_cost:
            break
        best, best_cost = pose, cost
    if not (errors(best) < tolerance**2).any():
        return None
    rotation = best[:, :3]
    return rotation, size * best[:, 3] - rotation @ middle


def _epipolar_rows(first: Float64, second: Float64) -> Float64:
    """Rows of ``x_2^T E x_1 = 0``, ``(point, 9)``."""
    one = np.ones((len(first), 1))
    a, b = np.concatenate([first, one], axis=1), np.concatenate([second, one], axis=1)
    return np.asarray(b[:, :, None] * a[:, None]).reshape(-1, 9)


def _essentials(rows: Float64) -> Float64:
    """Essential matrices of sets of rows, ``(set, row, 9)`` to ``(set, 3, 3)``."""
    # Coordinates of a small scene differ little: columns of equal weight keep the digits.
    scale = np.sqrt(np.square(rows).mean(axis=(0, 1))) + 1e-12
    solved = _null_vectors(rows / scale) / scale
    u, _, vt = np.linalg.svd(solved.reshape(-1, 3, 3))
    return np.asarray(u @ np.diag([1.0, 1.0, 0.0]) @ vt)


def _null_vectors(rows: Float64) -> Float64:
    """The unit vectors that sets of rows are most nearly orthogonal to, ``(set, row, n)``."""
    normal = np.swapaxes(rows, -1, -2) @ rows
    return np.asarray(np.linalg.eigh(normal)[1][..., 0])


def _sampson(matrix: Float64, first: Float64, second: Float64) -> Float64:
    """Squared distances from the epipolar lines, to first order, ``(point,)``."""
    one = np.ones((len(first), 1))
    a, b = np.concatenate([first, one], axis=1), np.concatenate([second, one], axis=1)
    line, back = a @ matrix.T, b @ matrix
    value = np.einsum("pi,pi->p", b, line)
    size = np.square(line[:, :2]).sum(axis=1) + np.square(back[:, :2]).sum(axis=1)
    return np.asarray(value**2 / np.maximum(size, 1e-300))


def _in_front(matrix: Float64, first: Float64, second: Float64, inliers: Bool) -> RelativePose:
    """Of the four poses that an essential matrix has, that with most points in front."""
    u, _, vt = np.linalg.svd(matrix)
    u, vt = u * np.sign(np.linalg.det(u)), vt * np.sign(np.linalg.det(vt))
    w = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    one = np.ones((int(inliers.sum()), 1))
    a = np.concatenate([first[inliers], one], axis=1)
    b = np.concatenate([second[inliers], one], axis=1)
    best, most = None, -1
    for turn in (u @ w @ vt, u @ w.T @ vt):
        for shift in (u[:, 2], -u[:, 2]):
            # s b = d R a + t, solved for the depths d and s.
            ra = a @ turn.T
            aa, ab, bb = (ra * ra).sum(1), (ra * b).sum(1), (b * b).sum(1)
            at, bt = ra @ shift, b @ shift
            det = np.maximum(aa * bb - ab * ab, 1e-15)
            d, s = (ab * bt - bb * at) / det, (aa * bt - ab * at) / det
            count = int(((d > 0) & (s > 0)).sum())
            if count > most:
                cosine = ab / np.sqrt(aa * bb)
                angle = float(np.median(np.arccos(np.clip(cosine, -1, 1))))
                best, most = RelativePose(turn, shift, inliers, angle), count
    assert best is not None
    return best
