"""Our calibrated smoother: iterated, robust, with noise learned from what the views disagree on.

Starting from a robust triangulation, each round linearises the cameras about the current track,
finds the scale of the motion by maximum likelihood, smooths, and then looks at every observation
from the outside: how far it lies from what the *other* views and the motion predict. From that
follow the noise level, the weight of each observation and the bursts of motion of the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.errors import Cancelled, PoseDataError
from napari_pose3d.core.poses.arrays import observed
from napari_pose3d.core.settings import IsCancelled, SmoothingSettings

from ..kalman.scalar_minimum import bounded_minimum
from ..noise.observation_noise import learned_variance
from ..search_frames import stretches
from .error_correlation import LastingErrors
from .explanations import most_likely_explanations
from .framewise_triangulation import spread_of, triangulate_framewise, weights_of
from .single_view_stretches import single_view_stretches

Float64 = NDArray[np.float64]

# Damping of the step from frame to frame: by likelihood between 0.8 and 1 on all recordings tried.
DAMPING = 0.9
_ROUNDS = 4
# Half-widths of the search in log s, and how finely it is found before and in the last round.
_FIRST_WIDTH, _NEXT_WIDTH = 10.0, 1.5
_COARSE, _FINE = 0.3, 0.02
# Frames over which a smoother's weights are followed.
_REACH = 100
# Between two looks at the Cancel button.
_FRAMES_AT_ONCE = 32_768
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
    keypoints: Sequence[str],
    settings: SmoothingSettings,
    cancelled: IsCancelled,
) -> list[RobustTrack]:
    """Smooth keypoints that share ``s``; their rounds advance together.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    centre, variance : (view, frame, keypoint, 2)
        The ensemble's centre (px) and variance (px^2).
    searched : (frame,) bool
        Frames that the search for the motion's scale looks at.
    keypoints : sequence of str
        Their names, for messages.
    settings : SmoothingSettings

    Returns
    -------
    list of RobustTrack
        One per keypoint.

    Raises
    ------
    PoseDataError
        A keypoint can be triangulated in fewer than two frames.
    """
    tracks = [
        RobustSmoother(rig, centre[:, :, k], variance[:, :, k], searched, name, settings, cancelled)
        for k, name in enumerate(keypoints)
    ]
    # Copies of the tracks' own, and of a long recording not small.
    del centre, variance
    s = 1.0 if settings.smooth_param is None else settings.smooth_param
    width = _FIRST_WIDTH
    for last in (False,) * (_ROUNDS - 1) + (True,):
        if settings.smooth_param is None:
            s = _search(tracks, s, width, _FINE if last else _COARSE)
            # The first round looks everywhere, the others only follow what the weights changed.
            width = _NEXT_WIDTH
        for track in tracks:
            track.smooth(s)
            if not last:
                track.learn(s)
    return [track.result(s) for track in tracks]


def _search(
    tracks: Sequence[RobustSmoother], start: float, width: float, tolerance: float
) -> float:
    """The ``s`` with the greatest likelihood of all tracks together, around ``start``."""
    costs = [track.cost_of_s() for track in tracks]

    def cost(log_s: float) -> float:
        value = sum(each(np.exp(log_s)) for each in costs)
        return value if np.isfinite(value) else 1e300

    middle = float(np.log(start))
    log_s, _ = bounded_minimum(cost, middle - width, middle + width, tolerance)
    return float(np.exp(log_s))


class RobustSmoother:
    """The arrays that travel from round to round; (frame, view, ...) as the kernels walk."""

    def __init__(
        self,
        rig: Rig,
        centre: NDArray[np.float32],
        variance: NDArray[np.float32],
        searched: NDArray[np.bool_],
        keypoint: str,
        settings: SmoothingSettings,
        cancelled: IsCancelled,
    ) -> None:
        self.cams = rig.packed
        self.centres = rig.centres
        self.cancelled = cancelled
        self.robust = settings.robust
        self.parts = settings.parts
        self.damping = DAMPING if settings.motion == "damped" else 0.0
        self.y = np.ascontiguousarray(centre.transpose(1, 0, 2), dtype=np.float64)
        self.seen = observed(self.y)
        self._look_at_cancel()
        self.spread = np.where(self.seen, spread_of(variance).T, np.nan)
        self._look_at_cancel()
        self.outside_search = ~searched
        self.stretches = stretches(searched)
        self.track, inliers = self._start(rig, centre, keypoint)
        self._look_at_cancel()
        if self.robust == "off":
            inliers = self.seen
        self.weights = np.where(inliers, 1.0, 0.0)
        typical = np.nanmedian(self.spread)
        self.noise = self.spread + max(float(typical), 1e-3)
        self.bursts = np.ones(len(self.y))
        self.pixels = np.empty_like(self.y)
        self.jacobian = np.empty((*self.y.shape, 3))
        self.covs = np.empty((len(self.y), 3, 3))
        self.activity = np.empty(len(self.y))
        self._prior()
        self._linearise()
        self._find_single_view_stretches()

    def _start(
        self, rig: Rig, centre: NDArray[np.float32], keypoint: str
    ) -> tuple[Float64, NDArray[np.bool_]]:
        """Robust triangulation with gaps filled in, and which observations it used."""
        n_frames = centre.shape[1]
        trust = weights_of(self.spread.T)
        found = triangulate_framewise(rig, centre, trust, self.robust, self.cancelled)
        self._look_at_cancel()
        xyz, inliers, undecided = found.xyz, found.inliers, found.undecided
        size = _step_variance(np.where(undecided[:, None], np.nan, xyz))
        if self.robust != "off" and np.isfinite(size):
            xyz, inliers, undecided = most_likely_explanations(
                rig, centre, trust, found, size, self.robust, self.cancelled
            )
        inliers = inliers.T
        clear = np.isfinite(xyz[:, 0]) & ~undecided
        if clear.sum() > 1:
            # Where the views of a frame leave it open which of them is right, the motion decides;
            # one view may be believed all the same.
            xyz = np.where(clear[:, None], xyz, np.nan)
            inliers = inliers & (clear | (inliers.sum(axis=1) == 1))[:, None]
        located = np.flatnonzero(np.isfinite(xyz[:, 0]))
        if len(located) < 2:
            raise PoseDataError(
                f"the keypoint {keypoint} can be triangulated in {len(located)} of {n_frames} "
                "frames only",
                expected="two or more views that see it in the same frame",
                todo="Leave the keypoint out, lower the minimum likelihood, or check that the "
                "views belong to the cameras of the calibration",
            )
        size = _step_variance(xyz)
        self.extent = float(xyz[located].var(axis=0).max())
        # The scale of the motion that s = 1 stands for.
        self.reference = max(size, 1e-8 * self.extent, 1e-300)
        self.first = np.median(xyz[located[:10]], axis=0)
        frames = np.arange(n_frames)
        filled = np.stack([np.interp(frames, located, xyz[located, j]) for j in range(3)], axis=1)
        # A lone observation cannot be checked, but it still says where the ray lies.
        single_view = np.isnan(xyz[:, 0]) & (self.seen.sum(axis=1) == 1)
        return filled, inliers | (self.seen & single_view[:, None])

    def _prior(self) -> None:
        self.m0 = np.concatenate([self.first, np.zeros(3)])
        fastest = 900.0 * self.reference
        position = self.extent + fastest
        self.S0 = np.diag([position] * 3 + [fastest] * 3)

    def _look_at_cancel(self) -> None:
        if self.cancelled():
            raise Cancelled

    def _linearise(self) -> None:
        """See the cameras as linear about the current track."""
        from . import motion_kernels as kernels

        for part in _parts(slice(0, len(self.track))):
            self._look_at_cancel()
            kernels.linearise(self.cams, self.track[part], self.pixels[part], self.jacobian[part])

    def _visible(self) -> NDArray[np.bool_]:
        """Observations whose camera can see the track, ``(frame, view)``."""
        return np.asarray(self.seen & np.isfinite(self.pixels[..., 0]))

    def _counting(self) -> NDArray[np.bool_]:
        """Of these, which are taken for the keypoint."""
        return np.asarray(self._visible() & (self.weights >= _COUNTS))

    def _find_single_view_stretches(self) -> None:
        """Let a view that counts alone tell no more than its ray."""
        self.single_view = single_view_stretches(self._counting(), self.track, self.centres)
        self.single_view.make_parallel(self.jacobian)

    def cost_of_s(self) -> Callable[[float], float]:
        """Negative log-likelihood of the frames searched, as a function of ``s``."""
        pieces = []
        for stretch in self.stretches:
            self._look_at_cancel()
            variance = self._effective(stretch)
            variance[self.outside_search[stretch]] = np.inf
            # Each stretch begins anew, as wide open as the recording itself.
            m0 = np.concatenate([self.track[stretch.start], np.zeros(3)])
            pieces.append((stretch, self._gathered(variance, stretch), m0))

        def cost(s: float) -> float:
            return sum(self._forward(s, seen, stretch, m0, None) for stretch, seen, m0 in pieces)

        return cost

    def smooth(self, s: float) -> None:
        """Filter and smooth, then see the cameras as linear about the new track."""
        from . import motion_kernels as kernels

        everything = slice(0, len(self.y))
        seen = np.empty((len(self.y), 10))
        for part in _parts(everything):
            self._look_at_cancel()
            seen[part] = self._gathered(self._effective(part), part)
        kept = np.empty((len(seen), kernels.N_KEPT))
        self._forward(s, seen, everything, self.m0, kept)
        q = s * self.reference
        adjoint = np.zeros(kernels.N_ADJOINT)
        xyz = np.empty_like(self.track)
        for part in reversed(_parts(everything)):
            self._look_at_cancel()
            kernels.backward(
                seen[part],
                self.track[part],
                kept[part],
                self.damping,
                q,
                self.bursts[part],
                adjoint,
                xyz[part],
                self.covs[part],
                self.activity[part],
            )
        # No step leads to the first frame.
        self.activity[0] = 6.0
        self.single_view.turn(self.track, xyz, self.covs)
        self.track = xyz
        self._linearise()

    def _effective(self, frames: slice) -> Float64:
        """Variance of each observation with its weight; infinite where it does not count."""
        with np.errstate(divide="ignore"):
            return np.where(
                self.weights[frames] > 0, self.noise[frames] / self.weights[frames], np.inf
            )

    def _gathered(self, variance: Float64, frames: slice) -> Float64:
        """What the views say in each of the frames, observations having this variance."""
        from . import motion_kernels as kernels

        seen = np.empty((len(variance), 10))
        kernels.gather(self.y[frames], variance, self.pixels[frames], self.jacobian[frames], seen)
        return seen

    def _forward(
        self, s: float, seen: Float64, frames: slice, m0: Float64, kept: Float64 | None
    ) -> float:
        """Filter the frames, ``seen`` being theirs, from a prior; negative log-likelihood."""
        from . import motion_kernels as kernels

        mean, cov = m0.copy(), self.S0.copy()
        nothing = np.empty((0, kernels.N_KEPT))
        q = s * self.reference
        total = 0.0
        for part in _parts(frames):
            self._look_at_cancel()
            local = slice(part.start - frames.start, part.stop - frames.start)
            total += kernels.forward(
                seen[local],
                self.track[part],
                mean,
                cov,
                part.start == frames.start,
                self.damping,
                q,
                self.bursts[part],
                nothing if kept is None else kept[local],
            )
        return total

    def learn(self, s: float) -> None:
        """Noise, weights and bursts of the next round from what this one left over."""
        from . import membership_kernels as kernels

        self._look_at_cancel()
        usable = self._visible()
        noise = self.noise
        if self.parts.learn_noise:
            squared = np.empty_like(self.spread)
            # Errors that last pull the track along with them, further than its posterior says.
            wide = self._lasting_errors(s, self._trust()).usual()
            kernels.expected_squared_error(
                self.y, self.pixels, self.jacobian, self.covs, wide, squared
            )
            # What is not the keypoint says nothing about how precisely the keypoint is seen, and
            # neither does a view that is alone: the track follows it, however far off it is.
            counts = self._counting()
            squared[~(counts & (counts.sum(axis=1) > 1)[:, None])] = np.nan
            noise = learned_variance(self.spread, squared)
        if self.robust == "off":
            self.weights = usable.astype(np.float64)
        else:
            self._look_at_cancel()
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
        self._find_single_view_stretches()
        if self.parts.bursts:
            self.bursts = np.clip((4 + self.activity) / (4 + 6), 0.02, 100.0)

    def result(self, s: float) -> RobustTrack:
        """What the last round smoothed."""
        self._look_at_cancel()
        covariance = self._inflated_covariance(s)
        self._look_at_cancel()
        weights = np.where(self.seen, self.weights, np.nan)
        return RobustTrack(
            self.track,
            covariance,
            np.ascontiguousarray(self.noise.T),
            np.ascontiguousarray(weights.T),
            s,
        )

    def _inflated_covariance(self, s: float) -> Float64:
        """The posterior's covariance, widened for errors that last longer than a frame."""
        V = self.covs
        if self.parts.widen:
            trust = self._trust()
            wide = self._lasting_errors(s, trust).widening()
            self._look_at_cancel()
            V *= wide.of_frames(self.jacobian, trust)[:, None, None]
        # Large in a long recording, and not needed any more.
        del self.covs, self.jacobian, self.pixels, self.y
        return V

    def _trust(self) -> Float64:
        """Inverse variance of each observation with its weight; 0 where it does not count."""
        with np.errstate(invalid="ignore"):
            return np.where(self._visible(), self.weights / self.noise, 0.0)

    def _lasting_errors(self, s: float, trust: Float64) -> LastingErrors:
        """What makes the covariance larger, since errors last."""

        def influence(variance: float) -> Float64:
            return self._influence(s, variance)

        return LastingErrors(self.y - self.pixels, self.jacobian, trust, influence)

    def _influence(self, s: float, variance: float) -> Float64:
        """Weights of the smoother over time: what it makes of a single step aside by 1."""
        from . import motion_kernels as kernels

        n = 2 * _REACH + 1
        seen, track = np.zeros((n, 10)), np.zeros((n, 3))
        seen[:, [0, 3, 5]] = 1.0 / variance
        seen[_REACH, 6] = 1.0 / variance
        kept = np.empty((n, kernels.N_KEPT))
        xyz, covs = np.empty((n, 3)), np.empty((n, 3, 3))
        q, bursts = s * self.reference, np.ones(n)
        model = self.damping, q, bursts
        kernels.forward(seen, track, np.zeros(6), self.S0.copy(), True, *model, kept)
        adjoint = np.zeros(kernels.N_ADJOINT)
        kernels.backward(seen, track, kept, *model, adjoint, xyz, covs, np.empty(n))
        return np.ascontiguousarray(xyz[_REACH:, 0])


def _step_variance(xyz: Float64) -> float:
    """Typical squared step from frame to frame, robustly; NaN where there is none."""
    located = np.flatnonzero(np.isfinite(xyz[:, 0]))
    if len(located) < 2:
        return float("nan")
    steps = np.diff(xyz[located], axis=0) / np.sqrt(np.diff(located))[:, None]
    return float((1.4826 * np.median(np.linalg.norm(steps, axis=1))) ** 2)


def _parts(frames: slice) -> list[slice]:
    """The frames in parts, between two looks at the Cancel button."""
    starts = range(frames.start, frames.stop, _FRAMES_AT_ONCE)
    return [slice(start, min(start + _FRAMES_AT_ONCE, frames.stop)) for start in starts]
