"""Our calibrated smoother: iterated, robust, with noise learned from what the views disagree on.

Starting from a robust triangulation, each round linearises the cameras about the current track,
finds the scale of the motion by maximum likelihood, smooths, and then looks at every observation
from the outside: how far it lies from what the *other* views and the motion predict. From that
follow the noise level, the weight of each observation and the bursts of motion of the next round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cameras.rig import Rig
from ..cameras.triangulation import triangulate
from ..errors import Cancelled, PoseDataError
from ..poses import observed
from ..settings import IsCancelled
from .correlation import widening
from .noise import learned_variance

Float64 = NDArray[np.float64]

# Damping of the step from frame to frame: by likelihood between 0.8 and 1 on all recordings tried.
DAMPING = 0.9
_ROUNDS = 4
# Points triangulated between two looks at the Cancel button.
_BLOCK = 50_000
# An observation belongs to the keypoint with this prior probability, else anywhere in the picture.
_BELONGS = 0.98
_PICTURE = 1e6
# An observation with less weight than this does not count as a view that saw the keypoint.
_COUNTS = 0.5


@dataclass(frozen=True, eq=False)
class RobustTrack:
    """One keypoint smoothed in space.

    Attributes
    ----------
    xyz, covariance : (frame, 3), (frame, 3, 3)
    noise : (view, frame)
        Variance of an observation in px^2; NaN where there is none.
    weights : (view, frame)
        Probability that an observation is the keypoint; NaN where there is none.
    smooth_param : float
        Scale of the motion relative to the robust variance of the track's own steps.
    """

    xyz: Float64
    covariance: Float64
    noise: Float64
    weights: Float64
    smooth_param: float

    @property
    def used(self) -> NDArray[np.bool_]:
        """Observations that counted, ``(view, frame)``."""
        return np.nan_to_num(self.weights) >= _COUNTS


def smooth_robustly(
    rig: Rig,
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    searched: NDArray[np.bool_],
    keypoint: str,
    smooth_param: float | None,
    cancelled: IsCancelled,
) -> RobustTrack:
    """Smooth one keypoint.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    centre, variance : (view, frame, 2)
        The ensemble's centre (px) and variance (px^2).
    searched : (frame,) bool
        Frames that the search for the motion's scale looks at.
    keypoint : str
        For messages.
    smooth_param : float or None
        Given, or None to search.

    Raises
    ------
    PoseDataError
        Fewer than two frames can be triangulated.
    """
    rounds = _Rounds(rig, centre, variance, searched, keypoint, smooth_param, cancelled)
    for last in (False,) * (_ROUNDS - 1) + (True,):
        rounds.smooth(last)
        if not last:
            rounds.learn()
    return rounds.result()


class _Rounds:
    """The arrays that travel from round to round; (frame, view, ...) as the kernels walk."""

    def __init__(
        self,
        rig: Rig,
        centre: NDArray[np.float32],
        variance: NDArray[np.float32],
        searched: NDArray[np.bool_],
        keypoint: str,
        smooth_param: float | None,
        cancelled: IsCancelled,
    ) -> None:
        self.cams = rig.packed
        self.cancelled = cancelled
        self.given = smooth_param
        self.y = np.ascontiguousarray(centre.transpose(1, 0, 2), dtype=np.float64)
        self.seen = observed(self.y)
        spread = variance.transpose(1, 0, 2).mean(axis=-1, dtype=np.float64)
        self.spread = np.where(self.seen, spread, np.nan)
        self.outside_search = ~searched
        self.track, inliers = self._start(rig, centre, keypoint)
        self.weights = np.where(inliers, 1.0, 0.0)
        typical = np.nanmedian(self.spread)
        self.noise = self.spread + max(float(typical), 1e-3)
        self.bursts = np.ones(len(self.y))
        self.pixels = np.empty_like(self.y)
        self.slopes = np.empty((*self.y.shape, 3))
        self.means = np.empty((len(self.y), 6))
        self.covs = np.empty((len(self.y), 6, 6))
        self.activity = np.empty(len(self.y))
        self._prior()

    def _start(
        self, rig: Rig, centre: NDArray[np.float32], keypoint: str
    ) -> tuple[Float64, NDArray[np.bool_]]:
        """Robust triangulation with gaps filled in, and which observations it used."""
        n_frames = centre.shape[1]
        xyz = np.empty((n_frames, 3))
        inliers = np.empty(centre.shape[:2], dtype=bool)
        # A variance of a few seeds can be zero by chance; half of the weight is the typical one.
        typical = np.nanmedian(self.spread) if self.seen.any() else 1.0
        trust = 1.0 / (self.spread.T + max(float(typical), 1e-2))
        for start in range(0, n_frames, _BLOCK):
            self._look_at_cancel()
            block = slice(start, start + _BLOCK)
            found = triangulate(rig, centre[:, block], trust[:, block], robust="auto")
            xyz[block], inliers[:, block] = found.xyz, found.inliers
        located = np.flatnonzero(np.isfinite(xyz[:, 0]))
        if len(located) < 2:
            raise PoseDataError(
                f"the keypoint {keypoint} can be triangulated in {len(located)} of {n_frames} "
                "frames only",
                expected="two or more views that see it in the same frame",
                todo="Leave the keypoint out, lower the minimum likelihood, or check that the "
                "views belong to the cameras of the calibration",
            )
        steps = np.diff(xyz[located], axis=0) / np.sqrt(np.diff(located))[:, None]
        size = float((1.4826 * np.median(np.linalg.norm(steps, axis=1))) ** 2)
        self.extent = float(xyz[located].var(axis=0).max())
        # The scale of the motion that s = 1 stands for.
        self.reference = max(size, 1e-8 * self.extent, 1e-300)
        self.first = np.median(xyz[located[:10]], axis=0)
        frames = np.arange(n_frames)
        filled = np.stack([np.interp(frames, located, xyz[located, j]) for j in range(3)], axis=1)
        # A lone observation cannot be checked, but it still says where the ray lies.
        lone = np.isnan(xyz[:, 0]) & (self.seen.sum(axis=1) == 1)
        return filled, inliers.T | (self.seen & lone[:, None])

    def _prior(self) -> None:
        self.m0 = np.concatenate([self.first, np.zeros(3)])
        fastest = 900.0 * self.reference
        position = self.extent + fastest
        self.S0 = np.diag([position] * 3 + [fastest] * 3)
        self.smooth_param = self.given if self.given is not None else 1.0
        self.width = 10.0

    def _look_at_cancel(self) -> None:
        if self.cancelled():
            raise Cancelled

    def smooth(self, last: bool) -> None:
        """One round: linearise, search, filter and smooth."""
        from . import motion_kernels as kernels

        self._look_at_cancel()
        kernels.linearise(self.cams, self.track, self.pixels, self.slopes)
        if self.given is None:
            self.smooth_param = self._search(last)
        q = self.smooth_param * self.reference
        self._forward(q, self._effective(), self.means, self.covs)
        self._look_at_cancel()
        kernels.backward(DAMPING, q, self.bursts, self.means, self.covs, self.activity)
        self.track = np.ascontiguousarray(self.means[:, :3])

    def _effective(self) -> Float64:
        """Variance of each observation with its weight; infinite where it does not count."""
        with np.errstate(divide="ignore"):
            return np.where(self.weights > 0, self.noise / self.weights, np.inf)

    def _forward(self, q: float, variance: Float64, means: Float64, covs: Float64) -> float:
        from . import motion_kernels as kernels

        return float(
            kernels.forward(
                self.y,
                variance,
                self.track,
                self.pixels,
                self.slopes,
                self.m0,
                self.S0,
                DAMPING,
                q,
                self.bursts,
                means,
                covs,
            )
        )

    def _search(self, last: bool) -> float:
        from scipy.optimize import minimize_scalar

        variance = self._effective()
        variance[self.outside_search] = np.inf
        means, covs = np.empty((0, 6)), np.empty((0, 6, 6))

        def cost(log_s: float) -> float:
            self._look_at_cancel()
            value = self._forward(np.exp(log_s) * self.reference, variance, means, covs)
            return value if np.isfinite(value) else 1e300

        middle = np.log(self.smooth_param)
        bounds = (middle - self.width, middle + self.width)
        tolerance = 0.02 if last else 0.3
        found = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": tolerance})
        # The first round looks everywhere, the others only follow what the weights changed.
        self.width = 1.5
        return float(np.exp(found.x))

    def learn(self) -> None:
        """Noise, weights and bursts of the next round from what this one left over."""
        from . import motion_kernels as kernels

        self._look_at_cancel()
        kernels.linearise(self.cams, self.track, self.pixels, self.slopes)
        error = self.y - self.pixels
        state = np.einsum(
            "tcai,tij,tcbj->tcab", self.slopes, self.covs[:, :3, :3], self.slopes, optimize=True
        )
        usable = self.seen & np.isfinite(self.pixels[..., 0])
        own = ((error**2).sum(axis=-1) + np.trace(state, axis1=2, axis2=3)) / 2
        # What is not the keypoint says nothing about how precisely the keypoint is seen.
        trusted = usable & (self.weights >= _COUNTS)
        noise = learned_variance(self.spread, np.where(trusted, own, np.nan))
        self.weights = _membership(error, state, self.noise, self.weights, noise, usable)
        self.noise = noise
        self.bursts = np.clip((4 + self.activity) / (4 + 6), 0.02, 100.0)

    def result(self) -> RobustTrack:
        from . import motion_kernels as kernels

        kernels.linearise(self.cams, self.track, self.pixels, self.slopes)
        weights = np.where(self.seen, self.weights, np.nan)
        return RobustTrack(
            self.track,
            self._honest_covariance(),
            np.ascontiguousarray(self.noise.T),
            np.ascontiguousarray(weights.T),
            float(self.smooth_param),
        )

    def _honest_covariance(self) -> Float64:
        """The posterior's covariance, widened for errors that last longer than a frame."""
        V = self.covs[:, :3, :3]
        visible = self.seen & np.isfinite(self.pixels[..., 0])
        with np.errstate(invalid="ignore"):
            trust = np.where(visible, self.weights / self.noise, 0.0)
        error = np.where(visible[..., None], self.y - self.pixels, 0.0)
        slopes = np.where(visible[..., None, None], self.slopes, 0.0)
        return np.ascontiguousarray(V * widening(error, slopes, trust, V))


def _membership(
    error: Float64,
    state: Float64,
    noise: Float64,
    weights: Float64,
    new_noise: Float64,
    usable: NDArray[np.bool_],
) -> Float64:
    """Probability that each observation is the keypoint, ``(frame, view)``.

    From its innovation given everything but itself, in closed form. With the observation's part
    in the smoothed state ``A = H V H^T`` and ``r`` its effective variance, leaving it out turns the
    residual e into ``r (r - A)^-1 e`` and A into ``r^2 (r - A)^-1 - r``.
    """
    identity = np.eye(2)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(weights > 0, noise / weights, 1.0)
    counted = (usable & (weights > 0))[..., None, None]
    rI = r[..., None, None] * identity
    rest = rI - state
    # Rounding, or a track that moved since, can leave nothing to take out.
    determinant = rest[..., 0, 0] * rest[..., 1, 1] - rest[..., 0, 1] * rest[..., 1, 0]
    counted &= ((determinant > 0) & (rest[..., 0, 0] > 0))[..., None, None]
    B = _inverse2(np.where(counted, rest, identity))
    without = np.where(counted, r[..., None, None] ** 2 * B - rI, state)
    shifted = np.where(counted[..., 0], r[..., None] * np.einsum("tcab,tcb->tca", B, error), error)
    S = without + np.where(usable, new_noise, 1.0)[..., None, None] * identity
    S = np.where(usable[..., None, None], S, identity)
    shifted = np.where(usable[..., None], shifted, 0.0)
    d2 = np.einsum("tca,tcab,tcb->tc", shifted, _inverse2(S), shifted, optimize=True)
    determinant = S[..., 0, 0] * S[..., 1, 1] - S[..., 0, 1] * S[..., 1, 0]
    density = _BELONGS * np.exp(-0.5 * d2) / (2 * np.pi * np.sqrt(np.maximum(determinant, 1e-300)))
    probability = density / (density + (1 - _BELONGS) / _PICTURE)
    probability[~usable | (probability < 1e-4)] = 0.0
    return probability


def _inverse2(matrices: Float64) -> Float64:
    """Inverse of 2 x 2 matrices."""
    a, b = matrices[..., 0, 0], matrices[..., 0, 1]
    c, d = matrices[..., 1, 0], matrices[..., 1, 1]
    out = np.empty_like(matrices)
    out[..., 0, 0], out[..., 0, 1], out[..., 1, 0], out[..., 1, 1] = d, -b, -c, a
    return np.asarray(out / (a * d - b * c)[..., None, None])
