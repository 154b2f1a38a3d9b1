"""The default calibrated smoother: an iterated Kalman smoother with robust observation weights.

Notes
-----
Starting from a robust triangulation (`initial_track`), each iteration

1. linearises the cameras about the current track,
2. finds the process noise by maximum likelihood,
3. runs the Kalman filter and the smoother (`motion_kernels`), and
4. estimates anew, from the innovation of each observation given all *other* observations, the
   observation noise, the probability that the observation is an inlier, and in which frames the
   process noise is larger than usual.

After the last iteration the posterior covariance is inflated for errors that are correlated in time
(`error_correlation`).

References
----------
Bell, "The iterated Kalman smoother as a Gauss-Newton method", SIAM J. Optim. 4, 1994 (iterated
linearisation). Sarkka, "Bayesian Filtering and Smoothing", 2013, algorithms 5.4, 8.2 and 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.core.poses.certain import CERTAIN_VARIANCE, CertainCells
from napari_pose3d.core.poses.time_axis import TimeAxis
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, SmoothingSettings

from ..kalman.motion import acceleration_variance, displacement_covariance, motion_steps
from ..kalman.smooth_param_search import sample_stretches
from ..noise.observation_noise import learned_variance
from .error_correlation import BEND, WAY, ErrorCorrelation, weights_by_lag
from .framewise_triangulation import spread_of
from .initial_track import InitialTrack
from .single_view_stretches import SingleViewStretches, single_view_stretches

Float64 = NDArray[np.float64]

# Damping of the velocity; the maximum of the likelihood lay between 0.8 and 1 on all recordings.
DAMPING = 0.9
# Between two checks for a cancellation.
_FRAMES_AT_ONCE = 32_768
# An observation with at least this membership probability is an inlier.
_INLIER = 0.5


@dataclass(frozen=True, eq=False)
class RobustTrack:
    """One keypoint smoothed in space.

    Attributes
    ----------
    xyz : (frame, 3)
        Rig units.
    covariance : (frame, 3, 3)
        Posterior covariance, inflated for correlated errors, squared rig units.
    noise : (view, frame)
        Variance of an observation in px^2; NaN where there is none.
    weights : (view, frame)
        Membership: posterior probability that the observation is an inlier; NaN where there is
        none.
    displacement_covariance : (frame, 3, 3) or None
        Of the way from the frame before to the frame after; NaN in the first and the last frame.
    acceleration_variance : (frame,) or None
        Of the second difference of three positions in a row, along its direction; NaN in the first
        and the last frame.
    smooth_param : float
        Process noise relative to the robust variance of the track's own steps, no unit.
    process_noise : float
        Per frame, squared rig units.
    """

    xyz: Float64
    covariance: Float64
    noise: Float64
    weights: Float64
    smooth_param: float
    process_noise: float
    displacement_covariance: Float64 | None = None
    acceleration_variance: Float64 | None = None

    @property
    def used(self) -> NDArray[np.bool_]:
        """Inliers, ``(view, frame)``."""
        return np.nan_to_num(self.weights) >= _INLIER


class Views(Protocol):
    """How a track appears in the views: calibrated cameras, or a model learned from the data."""

    centres: Float64 | None
    """Positions of the cameras, ``(view, 3)``; None for parallel projections."""

    def linearise(self, track: Float64, pixels: Float64, jacobian: Float64) -> None:
        """Projection of ``track (frame, 3)`` and its derivative, written into the other two.

        ``pixels (frame, view, 2)``, ``jacobian (frame, view, 2, 3)``; NaN where a view cannot see
        the point.
        """


class CalibratedViews:
    """The cameras of a rig."""

    def __init__(self, rig: Rig) -> None:
        self._packed = rig.packed
        self.centres: Float64 | None = rig.centres

    def linearise(self, track: Float64, pixels: Float64, jacobian: Float64) -> None:
        """See `Views`."""
        from . import motion_kernels as kernels

        kernels.linearise(self._packed, track, pixels, jacobian)


class RobustSmoother:
    """One keypoint's track, observation weights and noise, from iteration to iteration.

    Parameters
    ----------
    views : Views
        How a track appears in the views.
    start : callable
        From ``spread (view, frame)`` and ``observed (frame, view)`` to an `InitialTrack`.
    centre : (view, frame, 2)
        Observations in px; NaN where missing.
    variance : (view, frame, 2)
        Their ensemble variance, px^2.
    searched : (frame,) bool
        Frames that the search for ``s`` uses.
    settings : SmoothingSettings
    cancelled : callable
    certain : CertainCells, optional
        Observations that a person gave: never set aside, and of a variance of their own.
    axis : TimeAxis, optional
        The instants of the frames, where they are not one frame apart and views have frames of
        their own. Then "frame" is a row of it below.

    Attributes
    ----------
    y : (frame, view, 2) float64
        Observations, px; NaN where missing.
    observed : (frame, view) bool
        Where both coordinates of ``y`` are finite.
    spread : (frame, view) float64
        Ensemble variance of the observations (mean of x and y), px^2.
    noise : (frame, view) float64
        Current variance of the observations, px^2.
    weights : (frame, view) float64
        Current membership probability of the observations, 0 to 1.
    bursts : (frame,) float64
        Factor of the process noise of the step that leads to the frame, no unit.
    track : (frame, 3) float64
        Current smoothed positions, rig units; the cameras are linearised about them.
    covs : (frame, 3, 3) float64
        Posterior covariance of ``track``, squared rig units.
    activity : (frame,) float64
        Squared size of each step relative to the process noise; its expectation is 6.
    pixels : (frame, view, 2) float64
        Reprojection of ``track``, px; NaN where the camera cannot see it.
    jacobian : (frame, view, 2, 3) float64
        Derivative of ``pixels`` by ``track``, px per rig unit; without its component along the
        common ray in single-view stretches.
    single_view : SingleViewStretches or None
        Frames in which one view only has an inlier; None for parallel projections.
    reference : float
        Process noise per frame that ``s = 1`` stands for, squared rig units.
    m0, S0 : (6,), (6, 6) float64
        Mean and covariance of the prior of position and velocity in the first frame.
    """

    def __init__(
        self,
        views: Views,
        start: Callable[[Float64, NDArray[np.bool_]], InitialTrack],
        centre: NDArray[np.float32],
        variance: NDArray[np.float32],
        searched: NDArray[np.bool_],
        settings: SmoothingSettings,
        cancelled: IsCancelled,
        certain: CertainCells | None = None,
        axis: TimeAxis | None = None,
    ) -> None:
        self.views = views
        self.axis = axis
        self.certain = None if certain is None else certain.mask(*centre.shape[1::-1])
        self.cancelled = cancelled
        self.robust = settings.robust
        self.parts = settings.parts
        damping = DAMPING if settings.motion == "damped" else 0.0
        self.steady_step = motion_steps(damping)
        self.steps = self.steady_step if axis is None else motion_steps(damping, axis.times)
        self.y = np.ascontiguousarray(centre.transpose(1, 0, 2), dtype=np.float64)
        self.observed = observed_mask(self.y)
        self._check_cancelled()
        self.spread = np.where(self.observed, spread_of(variance).T, np.nan)
        self._check_cancelled()
        self.outside_search = ~searched
        self.stretches = sample_stretches(searched)
        first = start(self.spread.T, self.observed)
        self._check_cancelled()
        self.track = first.xyz
        self.reference = first.step_variance
        self.weights = np.where(self.observed if self.robust == "off" else first.inliers, 1.0, 0.0)
        self.noise = self.spread + max(float(np.nanmedian(self.spread)), 1e-3)
        self._keep_certain(self.observed)
        self.bursts = np.ones(len(self.y))
        self.pixels = np.empty_like(self.y)
        self.jacobian = np.empty((*self.y.shape, 3))
        self.covs = np.empty((len(self.y), 3, 3))
        self.activity = np.empty(len(self.y))
        # A wide prior: velocities of thirty typical steps per frame.
        velocity_variance = 900.0 * self.reference
        position_variance = first.extent + velocity_variance
        self.m0 = np.concatenate([first.first, np.zeros(3)])
        self.S0 = np.diag([position_variance] * 3 + [velocity_variance] * 3)
        self.single_view: SingleViewStretches | None = None
        self.ahead: Float64 | None = None
        self._linearise()
        self._restrict_single_views()

    def _keep_certain(self, usable: NDArray[np.bool_]) -> None:
        """What a person gave stays in, as precise as it is."""
        if self.certain is not None:
            self.weights[self.certain & usable] = 1.0
            self.noise[self.certain] = CERTAIN_VARIANCE

    def _check_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled

    def _linearise(self) -> None:
        """Linearise the cameras about the current track."""
        for part in _parts(slice(0, len(self.track))):
            self._check_cancelled()
            self.views.linearise(self.track[part], self.pixels[part], self.jacobian[part])

    def _visible(self) -> NDArray[np.bool_]:
        """Observations whose camera can see the track, ``(frame, view)``."""
        return np.asarray(self.observed & np.isfinite(self.pixels[..., 0]))

    def _inliers(self) -> NDArray[np.bool_]:
        """Of these, the inliers, ``(frame, view)``."""
        return np.asarray(self._visible() & (self.weights >= _INLIER))

    def _n_near(self, inliers: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many views have an inlier about that time, ``(frame,)``."""
        near = inliers if self.axis is None else self.axis.near(inliers)
        return np.asarray(near.sum(axis=1))

    def _restrict_single_views(self) -> None:
        """Remove the depth from the Jacobian where a single view has the only inlier."""
        if self.views.centres is None:
            # Of parallel rays nothing has to be made parallel.
            return
        inliers = self._inliers()
        self.single_view = single_view_stretches(
            inliers, self._n_near(inliers), self.track, self.views.centres
        )
        self.single_view.make_parallel(self.jacobian)

    def cost_of_s(self) -> Callable[[float], float]:
        """Negative log-likelihood of the frames searched, as a function of ``s``."""
        pieces = []
        for stretch in self.stretches:
            self._check_cancelled()
            variance = self._effective(stretch)
            variance[self.outside_search[stretch]] = np.inf
            # Each stretch has the prior of the recording's first frame, about its own start.
            m0 = np.concatenate([self.track[stretch.start], np.zeros(3)])
            pieces.append((stretch, self._information(variance, stretch), m0))

        def cost(s: float) -> float:
            return sum(
                self._forward(s, information, stretch, m0, None)
                for stretch, information, m0 in pieces
            )

        return cost

    def smooth(self, s: float, last: bool = False) -> None:
        """Filter and smooth, then linearise the cameras about the new track.

        After the ``last`` iteration, the covariances between frames are known, too.
        """
        from . import motion_kernels as kernels

        everything = slice(0, len(self.y))
        information = np.empty((len(self.y), 10))
        for part in _parts(everything):
            self._check_cancelled()
            information[part] = self._information(self._effective(part), part)
        kept = np.empty((len(information), kernels.N_KEPT))
        self._forward(s, information, everything, self.m0, kept)
        q = s * self.reference
        adjoint = np.zeros(kernels.N_ADJOINT)
        xyz = np.empty_like(self.track)
        # On an axis of its own, the rows before and after are no frames.
        n = len(self.y) if last and self.axis is None else 0
        ahead = np.empty((n, 2, 3, 3))
        for part in reversed(_parts(everything)):
            self._check_cancelled()
            kernels.backward(
                information[part],
                self.track[part],
                kept[part],
                self._steps(part),
                q,
                self.bursts[part],
                adjoint,
                xyz[part],
                self.covs[part],
                self.activity[part],
                ahead[part],
            )
        # No step leads to the first frame.
        self.activity[0] = 6.0
        if self.single_view is not None:
            self.single_view.turn(self.track, xyz, self.covs, ahead)
        self.ahead = ahead if n > 2 else None
        self.track = xyz
        self._linearise()

    def _steps(self, frames: slice) -> Float64:
        return self.steps if len(self.steps) == 1 else self.steps[frames]

    def _effective(self, frames: slice) -> Float64:
        """Variance of each observation divided by its weight, px^2; infinite at weight 0."""
        with np.errstate(divide="ignore"):
            return np.where(
                self.weights[frames] > 0, self.noise[frames] / self.weights[frames], np.inf
            )

    def _information(self, variance: Float64, frames: slice) -> Float64:
        """Information of the observations about each frame's position, ``(frame, 10)``.

        ``variance (frame, view)`` is that of the observations; see `motion_kernels.gather`.
        """
        from . import motion_kernels as kernels

        information = np.empty((len(variance), 10))
        kernels.gather(
            self.y[frames], variance, self.pixels[frames], self.jacobian[frames], information
        )
        return information

    def _forward(
        self, s: float, information: Float64, frames: slice, m0: Float64, kept: Float64 | None
    ) -> float:
        """Filter the frames from the prior mean ``m0``; their negative log-likelihood."""
        from . import motion_kernels as kernels

        mean, cov = m0.copy(), self.S0.copy()
        nothing = np.empty((0, kernels.N_KEPT))
        q = s * self.reference
        total = 0.0
        for part in _parts(frames):
            self._check_cancelled()
            local = slice(part.start - frames.start, part.stop - frames.start)
            total += kernels.forward(
                information[local],
                self.track[part],
                mean,
                cov,
                part.start == frames.start,
                self._steps(part),
                q,
                self.bursts[part],
                nothing if kept is None else kept[local],
            )
        return total

    def learn(self, s: float) -> None:
        """Estimate noise, weights and bursts of the next iteration from the residuals."""
        from . import membership_kernels as kernels

        self._check_cancelled()
        usable = self._visible()
        noise = self.noise
        if self.parts.learn_noise:
            squared = np.empty_like(self.spread)
            # Correlated errors pull the track further than its posterior covariance implies.
            inflation = self._error_correlation(s, self._precision()).usual_factor()
            kernels.expected_squared_error(
                self.y, self.pixels, self.jacobian, self.covs, inflation, squared
            )
            # Outliers have another distribution, and the track follows a single view however large
            # its error is.
            inliers = self._inliers()
            squared[~(inliers & (self._n_near(inliers) > 1)[:, None])] = np.nan
            if self.certain is not None:
                squared[self.certain] = np.nan
            noise = learned_variance(self.spread, squared)
        if self.robust == "off":
            self.weights = usable.astype(np.float64)
        else:
            self._check_cancelled()
            nearest = -1.0 if self.robust == "auto" else float(self.robust)
            kernels.membership(
                self.y,
                self.pixels,
                self.jacobian,
                self.covs,
                self.noise,
                noise,
                usable,
                nearest,
                self.weights,
            )
        self.noise = noise
        self._keep_certain(usable)
        self._restrict_single_views()
        if self.parts.bursts:
            self.bursts = np.clip((4 + self.activity) / (4 + 6), 0.02, 100.0)

    def result(self, s: float) -> RobustTrack:
        """The track of the last iteration; the smoother cannot be used afterwards."""
        self._check_cancelled()
        displacement, acceleration = self._differences(s)
        covariance = self._inflated_covariance(s)
        self._check_cancelled()
        weights = np.where(self.observed, self.weights, np.nan)
        return RobustTrack(
            self.track,
            covariance,
            np.ascontiguousarray(self.noise.T),
            np.ascontiguousarray(weights.T),
            s,
            s * self.reference,
            displacement,
            acceleration,
        )

    def _differences(self, s: float) -> tuple[Float64 | None, Float64 | None]:
        """Uncertainty of displacement and acceleration, see `RobustTrack`; inflated as well."""
        if self.ahead is None:
            return None, None
        displacement = displacement_covariance(self.covs, self.ahead)
        acceleration = acceleration_variance(self.track, self.covs, self.ahead)
        self.ahead = None
        if self.parts.widen:
            precision = self._precision()
            correlation = self._error_correlation(s, precision)
            ways = correlation.factors(WAY).of_frames(self.jacobian, precision)
            displacement *= ways[:, None, None]
            acceleration *= correlation.factors(BEND).of_frames(self.jacobian, precision)
        return displacement, acceleration

    def _inflated_covariance(self, s: float) -> Float64:
        """The posterior covariance, inflated for correlated errors."""
        V = self.covs
        if self.parts.widen:
            precision = self._precision()
            factors = self._error_correlation(s, precision).factors()
            self._check_cancelled()
            jacobian = self.jacobian
            if self.axis is not None:
                jacobian, precision = self.axis.paired(jacobian), self._paired_precision(precision)
            factor = factors.of_frames(jacobian, precision)
            V *= (factor if self.axis is None else factor[self.axis.nearest])[:, None, None]
        # Large in a long recording, and not needed any more.
        del self.covs, self.jacobian, self.pixels, self.y
        return V

    def _precision(self) -> Float64:
        """Inverse variance of each observation times its weight, px^-2; 0 where not used."""
        with np.errstate(invalid="ignore"):
            return np.where(self._visible(), self.weights / self.noise, 0.0)

    def _error_correlation(self, s: float, precision: Float64) -> ErrorCorrelation:
        def influence(variance: float) -> Float64:
            return weights_by_lag(self.steady_step, s * self.reference, self.S0, variance)

        error, jacobian, at_once = self.y - self.pixels, self.jacobian, None
        if self.axis is not None:
            error, jacobian = self.axis.paired(error), self.axis.paired(jacobian)
            precision, at_once = self._paired_precision(precision), self.axis.per_frame
        return ErrorCorrelation(error, jacobian, precision, influence, self.cancelled, at_once)

    def _paired_precision(self, precision: Float64) -> Float64:
        """That of all observations that a view has in a frame's time, at the frames of the axis."""
        assert self.axis is not None
        return self.axis.paired(precision, 0.0) * self.axis.per_frame


def _parts(frames: slice) -> list[slice]:
    """The frames in parts, between two checks for a cancellation."""
    starts = range(frames.start, frames.stop, _FRAMES_AT_ONCE)
    return [slice(start, min(start + _FRAMES_AT_ONCE, frames.stop)) for start in starts]
