"""Bundle adjustment of cameras and free points: Levenberg-Marquardt with a Schur complement.

Notes
-----
Points are eliminated one by one, so that the linear system has at most 11 unknowns for each camera
that may change. Residuals are in px, weighted by Cauchy's loss. Rotations are about the middle of
the scene: about the camera itself, a long lens turns rotation and translation into nearly the same
thing.

References
----------
Triggs, McLauchlan, Hartley, Fitzgibbon (2000), "Bundle adjustment: a modern synthesis".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera

from ..solve.rotations import rotation_of

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]
Bool = NDArray[np.bool_]

ROTATION, TRANSLATION, FOCAL, PRINCIPAL_POINT, DISTORTION = (
    slice(0, 3),
    slice(3, 6),
    slice(6, 7),
    slice(7, 9),
    slice(9, 11),
)
_N = 11
_START_DAMPING = 1e-4
_MOST_DAMPING = 1e10
_LENSES = 5  # coefficients; those of longer models change what k1 and k2 do


@dataclass(frozen=True, eq=False)
class PointViews:
    """Points with the views that saw them.

    Attributes
    ----------
    xy : (point, view, 2) float64
        px; zero where not seen.
    used : (point, view) bool
    """

    xy: Float64
    used: Bool

    def at(self, chosen: Bool | Ints) -> PointViews:
        """Those of a mask ``(point,)``, or of indices."""
        return PointViews(self.xy[chosen], self.used[chosen])


@dataclass(frozen=True, eq=False)
class PointState:
    """Cameras and points.

    Attributes
    ----------
    cameras : tuple of Camera
    xyz : (point, 3) float64
    total : (view, 11) float64
        By how much each unknown was changed from the start, which weak priors hold on to.
    """

    cameras: tuple[Camera, ...]
    xyz: Float64
    total: Float64

    @classmethod
    def of(cls, cameras: Sequence[Camera], xyz: Float64) -> PointState:
        """A start."""
        return cls(tuple(cameras), xyz, np.zeros((len(cameras), _N)))


class PointsAdjusted(NamedTuple):
    """A solution.

    Attributes
    ----------
    state : PointState
    cost : float
        px^2.
    """

    state: PointState
    cost: float


@dataclass(frozen=True, eq=False)
class PointAdjustment:
    """A problem of bundle adjustment: what was observed, and what may change.

    Attributes
    ----------
    observed : PointViews
    free : (view, 11) bool
        Unknowns of the cameras that may change.
    pivots : (view, 3) float64
        About which each camera turns, in its own frame.
    prior : (view, 11, 11) float64
        Inverse covariance of the change of each camera's unknowns, times the noise's variance in
        px^2.
    """

    observed: PointViews
    free: Bool
    pivots: Float64
    prior: Float64

    def solve(
        self,
        state: PointState,
        scale: float,
        *,
        most_steps: int = 30,
        tolerance: float = 1e-7,
        check: Callable[[], None] = lambda: None,
    ) -> PointsAdjusted:
        """The state of least cost near a given one.

        Parameters
        ----------
        state : PointState
        scale : float
            Cauchy's c, in px.
        most_steps : int
        tolerance : float
            Ends when the cost falls by less than this share.
        check : callable
            Called before each step; may raise `Cancelled`.
        """
        from .point_kernels import moved_points

        damping = _START_DAMPING
        packed = _packed(state.cameras)
        cost = self._cost(packed, state, scale)
        where = np.flatnonzero(self.free.ravel())
        for _ in range(most_steps):
            check()
            while True:
                normal = self._normal(packed, state, scale, damping)
                change = normal.solved(damping)
                if change is not None:
                    xyz = np.empty_like(state.xyz)
                    moved_points(
                        state.xyz,
                        change,
                        normal.n_unknowns,
                        normal.start,
                        normal.inverse,
                        normal.gradient,
                        normal.mixed,
                        xyz,
                    )
                    full = np.zeros(self.free.size)
                    full[where] = change
                    steps = full.reshape(self.free.shape)
                    cameras = tuple(
                        changed(camera, step, pivot) if free.any() else camera
                        for camera, step, pivot, free in zip(
                            state.cameras, steps, self.pivots, self.free, strict=True
                        )
                    )
                    proposed = PointState(cameras, xyz, state.total + steps)
                    next_packed = _packed(cameras)
                    next_cost = self._cost(next_packed, proposed, scale)
                    if next_cost < cost:
                        break
                damping = max(damping, 1e-8) * 10
                if damping > _MOST_DAMPING:
                    return PointsAdjusted(state, cost)
            gain = (cost - next_cost) / max(cost, 1e-300)
            state, cost, packed = proposed, next_cost, next_packed
            damping = max(damping / 10, 1e-10)
            if gain < tolerance:
                break
        return PointsAdjusted(state, cost)

    def normal_equations(self, state: PointState, scale: float) -> tuple[Float64, Float64]:
        """Matrix ``(n, n)`` and gradient ``(n,)`` of the free unknowns, points eliminated."""
        normal = self._normal(_packed(state.cameras), state, scale, 0.0)
        return normal.system, normal.scores.sum(axis=0)

    def covariance(self, state: PointState, scale: float, *clusters: Ints) -> Float64:
        """Of the free unknowns, ``(n, n)``: each camera's with the other cameras held.

        Parameters
        ----------
        clusters : (point,) int64
            Points whose errors may be alike, such as those of one stretch of time or of one
            keypoint: the scatter of their sums replaces the assumption that errors are
            independent, which those of networks are not.
        """
        packed = _packed(state.cameras)
        bread = self._normal(packed, state, scale, 0.0)
        n = len(bread.diagonal)
        out = np.zeros((n, n))
        for c, count in enumerate(bread.n_unknowns):
            at = slice(bread.start[c], bread.start[c] + count)
            if not count:
                continue
            prior = self.prior[c][np.ix_(self.free[c], self.free[c])]
            inverse = np.linalg.pinv(bread.system[at, at] + prior, hermitian=True)
            meat = np.zeros((count, count))
            for cluster in clusters:
                scores = self._normal(packed, state, scale, 0.0, cluster).scores[:, at]
                scores = scores - scores.mean(axis=0)
                meat += scores.T @ scores * len(scores) / max(len(scores) - 1, 1)
            out[at, at] = inverse @ meat @ inverse
        return out

    def covariance_if_independent(self, state: PointState, scale: float) -> Float64:
        """The same for errors that are independent, with a variance of 1 px^2."""
        normal = self._normal(_packed(state.cameras), state, scale, 0.0)
        out = np.zeros_like(normal.system)
        for c, count in enumerate(normal.n_unknowns):
            at = slice(normal.start[c], normal.start[c] + count)
            prior = self.prior[c][np.ix_(self.free[c], self.free[c])]
            out[at, at] = np.linalg.pinv(normal.system[at, at] + prior, hermitian=True)
        return out

    def _cost(self, packed: Float64, state: PointState, scale: float) -> float:
        from .point_kernels import point_costs

        out = np.empty(len(state.xyz))
        point_costs(packed, state.xyz, self.observed.xy, self.observed.used, scale**2, out)
        total = float(out.sum()) + float(np.sum(state.total * self._pull(state)))
        return total if np.isfinite(total) else np.inf

    def _pull(self, state: PointState) -> Float64:
        """Gradient of half the prior's cost, ``(view, 11)``."""
        return np.asarray(np.einsum("cij,cj->ci", self.prior, state.total) * self.free)

    def _prior_of_free(self) -> Float64:
        """Of all free unknowns, ``(n, n)``."""
        where = np.flatnonzero(self.free.ravel())
        view, own = np.divmod(where, _N)
        same = view[:, None] == view[None]
        return np.where(same, self.prior[view[:, None], own[:, None], own[None]], 0.0)

    def _normal(
        self,
        packed: Float64,
        state: PointState,
        scale: float,
        damping: float,
        cluster: Ints | None = None,
    ) -> _Normal:
        from .point_kernels import accumulate

        n_points, n_views = self.observed.used.shape
        counts = self.free.sum(axis=1)
        n = int(counts.sum())
        unknowns = np.zeros((n_views, _N), np.int64)
        for c, free in enumerate(self.free):
            unknowns[c, : counts[c]] = np.flatnonzero(free)
        start = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        cluster = np.zeros(n_points, np.int64) if cluster is None else cluster
        normal = _Normal(
            np.zeros((n, n)),
            np.zeros(n),
            np.zeros((int(cluster.max(initial=0)) + 1, n)),
            np.empty((n_points, 3, 3)),
            np.empty((n_points, 3)),
            np.empty((n_points, n_views, int(counts.max(initial=1)) or 1, 3)),
            counts,
            start,
            self._prior_of_free(),
            self._pull(state)[self.free],
        )
        accumulate(
            packed,
            self.pivots,
            state.xyz,
            self.observed.xy,
            self.observed.used,
            scale**2,
            damping,
            unknowns,
            counts,
            start,
            cluster,
            *normal[:6],
        )
        return normal


class _Normal(NamedTuple):
    """Normal equations of the free unknowns, points eliminated (see `point_kernels.accumulate`)."""

    system: Float64
    diagonal: Float64
    scores: Float64
    inverse: Float64
    gradient: Float64
    mixed: Float64
    n_unknowns: Ints
    start: Ints
    prior: Float64
    prior_gradient: Float64

    def solved(self, damping: float) -> Float64 | None:
        """Change of the free unknowns ``(n,)``; None if singular."""
        from ..solve.adjustment_kernels import solve_positive

        if not len(self.diagonal):
            return np.zeros(0)
        system = self.system.copy()
        system += self.prior
        system[np.diag_indices_from(system)] += damping * self.diagonal
        right = -self.scores.sum(axis=0) - self.prior_gradient
        scale = np.sqrt(np.maximum(np.diag(system), 1e-300))
        solution = np.empty(len(right))
        if not solve_positive(system / np.outer(scale, scale), right / scale, solution):
            return None
        return np.asarray(solution / scale)


def changed(camera: Camera, change: Float64, pivot: Float64) -> Camera:
    """A camera after its 11 unknowns changed: turned about `pivot`, shifted, zoomed, ..."""
    turn = rotation_of(change[ROTATION])
    matrix = camera.matrix.copy()
    matrix[0, 0] *= np.exp(change[6])
    matrix[1, 1] *= np.exp(change[6])
    matrix[:2, 2] += change[PRINCIPAL_POINT]
    distortion = camera.distortion
    if change[DISTORTION].any():
        distortion = distortion.copy()
        distortion[:2] += change[DISTORTION]
    return replace(
        camera,
        matrix=matrix,
        distortion=distortion,
        rotation=turn @ camera.rotation,
        translation=turn @ (camera.translation - pivot) + pivot + change[TRANSLATION],
    )


def has_free_distortion(camera: Camera) -> bool:
    """Whether k1 and k2 of a camera can be adjusted: not in models with more than k3."""
    return camera.fisheye or camera.distortion.size <= _LENSES or not camera.distortion[5:].any()


def _packed(cameras: Sequence[Camera]) -> Float64:
    from napari_pose3d.core.cameras.projection import pack_cameras

    return pack_cameras(tuple(cameras))
