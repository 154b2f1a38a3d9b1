"""Points in space from their pixels in several calibrated views.

Every point is solved by itself from the views that saw it: a linear solution from the
undistorted rays, then Gauss-Newton on the error in pixels, which is what the noise lives in
(Hartley & Zisserman, "Multiple View Geometry", 2nd ed., 12.2 and 12.5; the linear problem is solved
about the point nearest to all rays, so that no unit of length and no far camera spoils it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import Cancelled, PoseDataError
from ..poses import observed
from ..settings import IsCancelled

if TYPE_CHECKING:
    from .rig import Rig

Robust = float | Literal["auto"] | None

# An observation this many times the typical residual is not noise any more.
_AUTO_THRESHOLD = 5.0
# ... but below this many px it is not worth a second look.
_MIN_AUTO_THRESHOLD = 3.0
_POINTS_AT_ONCE = 10_000


@dataclass(frozen=True, eq=False)
class Triangulation:
    """What `triangulate` found; ``...`` are the axes of its input between view and coordinate.

    Attributes
    ----------
    xyz : (..., 3) float64
        Rig units; NaN where fewer than two views saw the point or the rays do not meet in front
        of the cameras.
    covariance : (..., 3, 3) float64
        Of ``xyz``: ``sigma^2 (J^T W J)^-1`` with the projection's derivative J at the point, the
        weights W, and sigma^2 the variance that the residuals of all points show (with nothing to
        show it, as with two views everywhere seen once: 1 px^2 at weight 1).
    n_views : (...) int64
        Views that the point was computed from.
    residuals : (view, ...) float64
        Length in px of observation minus reprojection; NaN where unobserved.
    inliers : (view, ...) bool
        Observations that the point was computed from.
    """

    xyz: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n_views: NDArray[np.int64]
    residuals: NDArray[np.float64]
    inliers: NDArray[np.bool_]


def triangulate(
    rig: Rig,
    xy: ArrayLike,
    weights: ArrayLike | None = None,
    robust: Robust = None,
    *,
    cancelled: IsCancelled | None = None,
) -> Triangulation:
    """Points in space from pixels.

    Parameters
    ----------
    rig : Rig
        Cameras, in the order of ``xy``'s first axis.
    xy : (view, ..., 2)
        Pixels; NaN in either coordinate where unseen.
    weights : (view, ...), optional
        Relative inverse variance of the observations, such as ``likelihood ** 2`` or
        ``1 / ensemble variance``. Zero or NaN: not used.
    robust : None, "auto" or float
        None uses every observation. Otherwise, where a residual is above this many px, the pair
        of views that the others agree with best decides which observations are used; "auto" takes
        5 times the typical residual, at least 3 px. With two views nothing can be decided and both
        are used.
    cancelled : callable, optional
        Asked every few milliseconds.

    Returns
    -------
    Triangulation

    Raises
    ------
    PoseDataError
        An array does not have the rig's number of views.
    Cancelled
        When `cancelled` says so.
    """
    from . import triangulation_kernels as kernels

    pixels = np.asarray(xy, dtype=np.float64)
    n_cams = len(rig.cameras)
    if pixels.ndim < 2 or pixels.shape[0] != n_cams or pixels.shape[-1] != 2:
        raise PoseDataError(
            f"the pixels have shape {pixels.shape}",
            expected=f"({n_cams}, ..., 2), one entry per camera of the rig",
        )
    shape = pixels.shape[1:-1]
    if weights is None:
        weight = np.ones((n_cams, *shape))
    else:
        weight = np.asarray(weights, dtype=np.float64)
        if weight.shape != (n_cams, *shape):
            raise PoseDataError(
                f"the weights have shape {weight.shape}", expected=f"{(n_cams, *shape)}"
            )
        if np.any(weight < 0):
            raise PoseDataError("a weight is negative", expected="weights of zero or more")
    # (point, view, ...) lies in memory as the kernels walk through it.
    points = np.ascontiguousarray(np.moveaxis(pixels.reshape(n_cams, -1, 2), 0, 1))
    weight = np.ascontiguousarray(weight.reshape(n_cams, -1).T)
    weight[~(observed(points) & np.isfinite(weight))] = 0.0

    n = len(points)
    rays = np.empty_like(points)
    xyz = np.empty((n, 3))
    cov = np.empty((n, 3, 3))
    residuals = np.empty((n, n_cams))
    used = weight > 0
    packed = rig.packed
    for at in _blocks(n, cancelled):
        kernels.rays(packed, points[at], used[at], rays[at])
        kernels.solve(
            packed, points[at], rays[at], weight[at], used[at], xyz[at], cov[at], residuals[at]
        )
    hopeless = np.isnan(xyz[:, 0]) & (used.sum(axis=1) > 1)
    if hopeless.any():
        # Nearly parallel rays: the eigenvectors still tell the point where elimination does not.
        moved = np.moveaxis(np.where(used[hopeless, :, None], rays[hopeless], np.nan), 1, 0)
        start = homogeneous_points(rig, moved)
        xyz[hopeless] = start
        kernels.refine(packed, points, weight, used, hopeless, xyz, cov, residuals)
    if robust is not None and n_cams > 2:
        threshold = _auto_threshold(residuals, used) if robust == "auto" else float(robust)
        for at in _blocks(n, cancelled):
            kernels.solve_robust(
                packed,
                points[at],
                rays[at],
                weight[at],
                used[at],
                threshold,
                xyz[at],
                cov[at],
                residuals[at],
            )
    n_views = used.sum(axis=1)
    n_views[np.isnan(xyz[:, 0])] = 0
    used &= (n_views > 0)[:, None]
    cov *= _residual_variance(residuals, weight, used, n_views)
    return Triangulation(
        xyz.reshape(*shape, 3),
        cov.reshape(*shape, 3, 3),
        n_views.reshape(shape),
        np.ascontiguousarray(residuals.T).reshape(n_cams, *shape),
        np.ascontiguousarray(used.T).reshape(n_cams, *shape),
    )


def _blocks(n_points: int, cancelled: IsCancelled | None) -> Iterator[slice]:
    """Some points at a time, between two looks at the Cancel button."""
    for start in range(0, n_points, _POINTS_AT_ONCE):
        if cancelled is not None and cancelled():
            raise Cancelled
        yield slice(start, start + _POINTS_AT_ONCE)


def homogeneous_points(rig: Rig, rays: ArrayLike) -> NDArray[np.float64]:
    """Linear solution in homogeneous coordinates, by the eigenvector of the least eigenvalue.

    Hartley & Zisserman 12.2 (DLT). Slower and less accurate than `triangulate`, but it copes with
    rays that are nearly parallel, and it is what other programs compute.

    Parameters
    ----------
    rig : Rig
    rays : (view, ..., 2)
        Normalised image coordinates (`Rig.undistort`); NaN where unseen.

    Returns
    -------
    (..., 3) float64
        NaN where fewer than two views saw the point, or it lies at infinity.
    """
    normalised = np.asarray(rays, dtype=np.float64)
    shape = normalised.shape[1:-1]
    flat = normalised.reshape(len(rig.cameras), -1, 2)
    gram = np.zeros((flat.shape[1], 4, 4))
    seen = observed(flat)
    for camera, ray, mask in zip(rig.cameras, flat, seen, strict=True):
        pose = np.column_stack([camera.rotation, camera.translation])
        rows = ray[mask][:, :, None] * pose[2] - pose[:2]
        gram[mask] += np.einsum("nri,nrj->nij", rows, rows)
    enough = seen.sum(axis=0) > 1
    out = np.full((flat.shape[1], 3), np.nan)
    if enough.any():
        vector = np.linalg.eigh(gram[enough])[1][:, :, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            point = vector[:, :3] / vector[:, 3:]
        out[enough] = np.where(np.isfinite(point), point, np.nan)
    return out.reshape(*shape, 3)


def _auto_threshold(residuals: NDArray[np.float64], used: NDArray[np.bool_]) -> float:
    seen = residuals[used & (used.sum(axis=1) > 2)[:, None]]
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return _MIN_AUTO_THRESHOLD
    return max(_AUTO_THRESHOLD * float(np.median(seen)), _MIN_AUTO_THRESHOLD)


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
