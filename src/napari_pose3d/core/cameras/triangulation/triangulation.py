"""Triangulation: points in space from their pixels in several calibrated views.

Notes
-----
Every point is solved by itself from the views that observed it: a linear solution from the
undistorted rays, then Gauss-Newton on the error in pixels, in which the noise is independent. The
linear problem is solved about the point nearest to all rays, so that it is well conditioned for any
unit of length and for distant cameras.

References
----------
Hartley & Zisserman, "Multiple View Geometry", 2nd ed., 2004, 12.2 and 12.5.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled

from ..rig import Rig

Robust = float | Literal["auto"] | None

# An observation with a residual of so many times its view's median is a possible outlier.
AUTO_THRESHOLD = 5.0
# ... if the residual is at least so many px.
MIN_AUTO_THRESHOLD = 3.0
_POINTS_AT_ONCE = 10_000
_FARTHEST = 1e9


@dataclass(frozen=True, eq=False)
class Triangulation:
    """What `triangulate` found; ``...`` are the axes of its input between view and coordinate.

    Attributes
    ----------
    xyz : (..., 3) float64
        Rig units; NaN where fewer than two views observed the point, or the rays do not meet in
        front of the cameras.
    covariance : (..., 3, 3) float64
        Of ``xyz``: ``sigma^2 (J^T W J)^-1`` with the projection's derivative J at the point, the
        weights W, and sigma^2 the variance that the residuals of all points show (with no point of
        three or more views: 1 px^2 at weight 1).
    n_views : (...) int64
        Views that the point was computed from.
    residuals : (view, ...) float64
        Length in px of observation minus reprojection; NaN where unobserved.
    inliers : (view, ...) bool
        Observations that the point was computed from.
    undecided : (...) bool
        Views contradict each other and it is open which of them is right: two that disagree, or
        two sets of views that fit equally well and give different points. Only looked for when
        robust; ``xyz`` is one of the possible points.
    """

    xyz: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n_views: NDArray[np.int64]
    residuals: NDArray[np.float64]
    inliers: NDArray[np.bool_]
    undecided: NDArray[np.bool_]


def triangulate(
    rig: Rig,
    xy: ArrayLike,
    weights: ArrayLike | None = None,
    robust: Robust = None,
    *,
    threads: int | None = None,
    cancelled: IsCancelled | None = None,
) -> Triangulation:
    """Points in space from pixels.

    Parameters
    ----------
    rig : Rig
        Cameras, in the order of ``xy``'s first axis.
    xy : (view, ..., 2)
        Pixels; NaN in either coordinate where unobserved.
    weights : (view, ...), optional
        Relative inverse variance of the observations, such as ``likelihood ** 2`` or
        ``1 / ensemble variance``. Zero or NaN: not used.
    robust : None, "auto" or float
        None uses every observation. Otherwise, where a residual is above this many px, the pair
        of views that the others agree with best decides which observations are used; "auto" takes
        5 times the view's typical residual, at least 3 px. With two views nothing can be decided:
        both are used, and the point is marked as undecided.
    threads : int, optional
        For more than some 10,000 points; not given: one per core. The result is the same.
    cancelled : callable, optional
        Asked every few milliseconds.

    Returns
    -------
    Triangulation

    Raises
    ------
    PoseDataError
        An array does not have the rig's number of views, or ``robust`` is invalid.
    Cancelled
        `cancelled` returned True.
    """
    from . import robust_kernels
    from . import triangulation_kernels as kernels

    _check_robust(robust)
    points, weight, shape = _by_point(rig, xy, weights)
    n, n_cams = points.shape[:2]
    rays = np.empty_like(points)
    xyz = np.empty((n, 3))
    cov = np.empty((n, 3, 3))
    residuals = np.empty((n, n_cams))
    undecided = np.zeros(n, dtype=bool)
    used = weight > 0
    packed = rig.packed

    def solve(at: slice) -> None:
        kernels.rays(packed, points[at], used[at], rays[at])
        kernels.solve(
            packed, points[at], rays[at], weight[at], used[at], xyz[at], cov[at], residuals[at]
        )

    _in_blocks(solve, n, threads, cancelled)
    hopeless = np.isnan(xyz[:, 0]) & (used.sum(axis=1) > 1)
    if hopeless.any():
        # Nearly parallel rays: the eigenvectors still give the point where elimination does not.
        moved = np.moveaxis(np.where(used[hopeless, :, None], rays[hopeless], np.nan), 1, 0)
        start = homogeneous_points(rig, moved)
        xyz[hopeless] = start
        kernels.refine(packed, points, weight, used, hopeless, xyz, cov, residuals)
    if robust is not None:
        thresholds = np.full(n_cams, 0.0 if robust == "auto" else float(robust))
        if robust == "auto":
            thresholds = auto_thresholds(residuals, used)

        def solve_robustly(at: slice) -> None:
            robust_kernels.solve_robust(
                packed,
                points[at],
                rays[at],
                weight[at],
                used[at],
                thresholds,
                xyz[at],
                cov[at],
                residuals[at],
                undecided[at],
            )

        _in_blocks(solve_robustly, n, threads, cancelled)
    n_views = used.sum(axis=1)
    n_views[np.isnan(xyz[:, 0])] = 0
    used &= (n_views > 0)[:, None]
    undecided &= n_views > 0
    cov *= _residual_variance(residuals, weight, used, n_views)
    return Triangulation(
        xyz.reshape(*shape, 3),
        cov.reshape(*shape, 3, 3),
        n_views.reshape(shape),
        _by_view(residuals, shape),
        _by_view(used, shape),
        undecided.reshape(shape),
    )


def leave_one_out_residuals(
    rig: Rig,
    xy: ArrayLike,
    weights: ArrayLike | None = None,
    inliers: ArrayLike | None = None,
    *,
    threads: int | None = None,
    cancelled: IsCancelled | None = None,
) -> NDArray[np.float64]:
    """Leave-one-out residuals: distance of each observation from the point of the other views, px.

    An ordinary residual is small where an outlier has pulled the point towards itself; a
    leave-one-out residual is not.

    Parameters
    ----------
    rig, xy, weights
        As for `triangulate`.
    inliers : (view, ...) bool, optional
        Observations that points are computed from, such as those of a robust `Triangulation`; not
        given: all. Residuals are computed for the others as well.
    threads, cancelled
        As for `triangulate`.

    Returns
    -------
    (view, ...) float64
        NaN where unobserved, and where fewer than two other views have an inlier.

    Raises
    ------
    PoseDataError
        An array does not have the shape of the others.
    Cancelled
        `cancelled` returned True.
    """
    from . import triangulation_kernels as kernels

    points, weight, shape = _by_point(rig, xy, weights)
    used = weight > 0
    if inliers is not None:
        chosen = np.asarray(inliers, dtype=bool)
        if chosen.shape != (points.shape[1], *shape):
            raise PoseDataError(
                f"the inliers have shape {chosen.shape}", expected=f"{(points.shape[1], *shape)}"
            )
        used &= chosen.reshape(points.shape[1], -1).T
    rays = np.empty_like(points)
    residuals = np.empty(points.shape[:2])

    def leave_out(at: slice) -> None:
        kernels.rays(rig.packed, points[at], used[at], rays[at])
        kernels.left_out(rig.packed, points[at], rays[at], weight[at], used[at], residuals[at])

    _in_blocks(leave_out, len(points), threads, cancelled)
    return _by_view(residuals, shape)


def _check_robust(robust: object) -> None:
    if robust is None or (isinstance(robust, str) and robust == "auto"):
        return
    number = isinstance(robust, int | float | np.number) and not isinstance(robust, bool)
    if not (number and 0 < float(robust) < np.inf):  # type: ignore[arg-type]
        raise PoseDataError(
            f"robust is {robust!r}",
            expected="None (every observation is used), 'auto', or a number of px above zero",
        )


def _by_point(
    rig: Rig, xy: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, ...]]:
    """Pixels ``(point, view, 2)``, weights ``(point, view)``, and the shape of the points.

    In the order of the kernels' loops; a weight is zero where nothing was observed.
    """
    pixels = np.asarray(xy)
    n_cams = len(rig.cameras)
    if pixels.ndim < 2 or pixels.shape[0] != n_cams or pixels.shape[-1] != 2:
        raise PoseDataError(
            f"the pixels have shape {pixels.shape}",
            expected=f"({n_cams}, ..., 2), one entry per camera of the rig",
        )
    shape = pixels.shape[1:-1]
    # A copy, view by view: what a long recording needs in between should be small.
    points = np.empty((int(np.prod(shape)), n_cams, 2))
    for v, view in enumerate(pixels.reshape(n_cams, -1, 2)):
        points[:, v] = view
        with np.errstate(invalid="ignore"):
            # No image is so large; squares of such numbers overflow.
            points[:, v][~(np.abs(points[:, v]) < _FARTHEST)] = np.nan
    if weights is None:
        return points, observed_mask(points).astype(np.float64), shape
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (n_cams, *shape):
        raise PoseDataError(f"the weights have shape {given.shape}", expected=f"{(n_cams, *shape)}")
    if np.any(given < 0):
        raise PoseDataError("a weight is negative", expected="weights of zero or more")
    weight = np.array(given.reshape(n_cams, -1).T, order="C")
    weight[~(observed_mask(points) & np.isfinite(weight))] = 0.0
    return points, weight, shape


def _by_view(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """``(point, view)`` -> ``(view, ...)``."""
    return np.ascontiguousarray(array.T).reshape(array.shape[1], *shape)


def _in_blocks(
    work: Callable[[slice], None], n_points: int, threads: int | None, cancelled: IsCancelled | None
) -> None:
    """Some points at a time, with a check for a cancellation in between."""

    def guarded(start: int) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled
        work(slice(start, start + _POINTS_AT_ONCE))

    starts = range(0, n_points, _POINTS_AT_ONCE)
    workers = min(threads or os.cpu_count() or 1, len(starts))
    if workers < 2:
        for start in starts:
            guarded(start)
        return
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        for _ in pool.map(guarded, starts):
            pass
    finally:
        # After a Cancel the blocks still waiting are not begun.
        pool.shutdown(wait=True, cancel_futures=True)


def homogeneous_points(rig: Rig, rays: ArrayLike) -> NDArray[np.float64]:
    """Linear solution in homogeneous coordinates, by the eigenvector of the least eigenvalue.

    Hartley & Zisserman 12.2 (DLT). Slower and less accurate than `triangulate`, but it copes with
    rays that are nearly parallel, and it is what other programs compute.

    Parameters
    ----------
    rig : Rig
    rays : (view, ..., 2)
        Normalised image coordinates (`Rig.undistort`); NaN where unobserved.

    Returns
    -------
    (..., 3) float64
        NaN where fewer than two views observed the point, or it lies at infinity.
    """
    normalised = np.asarray(rays, dtype=np.float64)
    shape = normalised.shape[1:-1]
    flat = normalised.reshape(len(rig.cameras), -1, 2)
    gram = np.zeros((flat.shape[1], 4, 4))
    observed = observed_mask(flat)
    for camera, ray, mask in zip(rig.cameras, flat, observed, strict=True):
        pose = np.column_stack([camera.rotation, camera.translation])
        rows = ray[mask][:, :, None] * pose[2] - pose[:2]
        gram[mask] += np.einsum("nri,nrj->nij", rows, rows)
    enough = observed.sum(axis=0) > 1
    out = np.full((flat.shape[1], 3), np.nan)
    if enough.any():
        vector = np.linalg.eigh(gram[enough])[1][:, :, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            point = vector[:, :3] / vector[:, 3:]
        out[enough] = np.where(np.isfinite(point), point, np.nan)
    return out.reshape(*shape, 3)


def auto_thresholds(residuals: NDArray[np.float64], used: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Residuals above which an observation is a possible outlier, by view, px; ``(view,)``.

    Parameters
    ----------
    residuals, used : (point, view)
        Length in px, and which observations the points were computed from.
    """
    # Of two views each follows the other: their residuals do not measure the noise.
    redundant = (used.sum(axis=1) > 2)[:, None] & used & np.isfinite(residuals)
    thresholds = np.full(residuals.shape[1], MIN_AUTO_THRESHOLD)
    for view, counts in enumerate(redundant.T):
        if counts.any():
            typical = float(np.median(residuals[counts, view]))
            thresholds[view] = max(AUTO_THRESHOLD * typical, MIN_AUTO_THRESHOLD)
    return thresholds


def _residual_variance(residuals: Any, weight: Any, used: Any, n_views: Any) -> float:
    """Variance in px^2 of an observation of weight 1, robustly from all points' residuals.

    The median over points of chi^2 / its median under Gaussian noise, with ``2 n - 3`` degrees of
    freedom (median after Wilson & Hilferty 1931).
    """
    freedom = 2 * n_views - 3
    chi2 = np.where(used, weight * residuals**2, 0.0).sum(axis=1)
    valid = (freedom > 0) & np.isfinite(chi2)
    if not valid.any():
        return 1.0
    k = freedom[valid]
    ratio = chi2[valid] / (k * (1 - 2 / (9 * k)) ** 3)
    variance = float(np.median(ratio))
    return variance if variance > 0 else 1.0
