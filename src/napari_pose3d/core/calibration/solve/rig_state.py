"""The unknowns of a calibration, and the observations laid out for solving it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..board.observations import BoardObservations
from .lens import CX, CY, FX, K1, K2, K3, N_INTRINSICS, P1, P2, project

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]
Bool = NDArray[np.bool_]

CORNER_NOISE = 0.12
"""Standard deviation of a well seen corner in px, the unit of priors."""

_LONG = 2.0  # focal lengths over half the image's diagonal, of a long lens

LAST_LOSS = 0.5
"""Scale of Cauchy's loss in the final fit, px."""

MEDIAN_LENGTH = 1.1774
"""Median length of a normal vector in the plane, over the deviation of its coordinates."""


@dataclass(frozen=True, eq=False)
class RigState:
    """Cameras, and the board's pose in each frame.

    Attributes
    ----------
    rotations : (view, 3, 3) float64
        World to camera.
    translations : (view, 3) float64
        ``X_cam = R X + t``, mm.
    intrinsics : (view, 9) float64
        See `lens`.
    clocks : (view,) float64
        How many frames each camera lags behind the first: its image n shows the instant
        ``n - clock``.
    fisheye : bool
        Whether the cameras have fisheye lenses.
    board_rotations : (frame, 3, 3) float64
        Board to world.
    board_translations : (frame, 3) float64
        mm.
    """

    rotations: Float64
    translations: Float64
    intrinsics: Float64
    clocks: Float64
    fisheye: bool
    board_rotations: Float64
    board_translations: Float64

    @property
    def n_views(self) -> int:
        return len(self.translations)


@dataclass(frozen=True, eq=False)
class BoardMotion:
    """How the board moves around each frame, per frame and frame squared, in the world.

    Attributes
    ----------
    angular, velocity, angular_change, acceleration : (frame, 3) float64
        rad and mm; zero where unknown.
    known : (frame,) bool
        Whether a neighbouring frame was there to tell.
    """

    angular: Float64
    velocity: Float64
    angular_change: Float64
    acceleration: Float64
    known: Bool

    @classmethod
    def still(cls, n_frames: int) -> BoardMotion:
        """A board that does not move."""
        zero = np.zeros((n_frames, 3))
        return cls(zero, zero, zero, zero, np.zeros(n_frames, bool))


@dataclass(frozen=True, eq=False)
class BoardImages:
    """All images that show the board, one after the other.

    Attributes
    ----------
    view, frame : (image,) int64
        Indices into the state's arrays.
    xy : (image, corner, 2) float64
        px; zero where not observed.
    observed : (image, corner) bool
    points : (corner, 3) float64
        Corners in the board's frame, mm.
    delay : (image,) float64
        How many frames later than its camera's clock says each image was taken.
    """

    view: Ints
    frame: Ints
    xy: Float64
    observed: Bool
    points: Float64
    delay: Float64

    @classmethod
    def of(cls, observations: BoardObservations, delays: Float64 | None = None) -> BoardImages:
        """Those of all views and frames that show a corner, frame by frame.

        Parameters
        ----------
        delays : (view, frame) float64, optional
            See ``delay``; none if not given.
        """
        observed = observations.observed
        frame, view = np.nonzero(observed.any(axis=-1).T)
        xy = np.nan_to_num(observations.xy[view, frame])
        delay = np.zeros(len(view)) if delays is None else delays[view, frame]
        return cls(view, frame, xy, observed[view, frame], observations.points, delay)

    def in_several_views(self, n_frames: int) -> Bool:
        """Frames in which two views or more show the board, ``(frame,)``.

        What one view shows of a few corners may be placed anywhere, also at infinity.
        """
        return np.asarray(np.bincount(self.frame, minlength=n_frames) > 1)

    def at(self, chosen: Bool | Ints) -> BoardImages:
        """The images of a mask ``(image,)``, or of indices."""
        return replace(
            self,
            view=self.view[chosen],
            frame=self.frame[chosen],
            xy=self.xy[chosen],
            observed=self.observed[chosen],
            delay=self.delay[chosen],
        )


@dataclass(frozen=True, eq=False)
class Priors:
    """What is known of the intrinsics beforehand: normal distributions.

    Attributes
    ----------
    mean, sd : (view, 9) float64
        An infinite ``sd`` is no prior.
    aspect_sd : float
        Of fx / fy about 1.
    """

    mean: Float64
    sd: Float64
    aspect_sd: float = 0.005


def weak_priors(intrinsics: Float64, sizes: tuple[tuple[int, int], ...], fisheye: bool) -> Priors:
    """Priors wide enough for any lens that is made, narrow enough to keep out what no image shows.

    Parameters
    ----------
    intrinsics : (view, 9)
        From which the focal lengths are taken.
    """
    mean, sd = intrinsics.copy(), np.full(intrinsics.shape, np.inf)
    for i, (width, height) in enumerate(sizes):
        mean[i, CX], mean[i, CY] = (width - 1) / 2, (height - 1) / 2
        # Distortion is a matter of the angle at the image's corner: a long lens has a small one.
        reach = max(intrinsics[i, FX] / (0.5 * np.hypot(width, height)), 1.0)
        # Behind a long lens the principal point moves the image as turning the camera does: left
        # free, it would carry the camera's direction along with whatever else does not fit.
        sd[i, CX] = sd[i, CY] = 0.025 * width / max(reach / _LONG, 1.0)
        mean[i, K1:] = 0.0
        if fisheye:
            sd[i, K1:] = 0.3
            sd[i, K3] = 1e-9
        else:
            sd[i, K1], sd[i, K2], sd[i, K3] = reach**2, 0.5 * reach**4, 0.3 * reach**6
            sd[i, P1] = sd[i, P2] = 0.003 * reach
    return Priors(mean, sd)


@dataclass(frozen=True, eq=False)
class Residuals:
    """Residuals of all images with what their derivatives are made of.

    Attributes
    ----------
    xy : (image, corner, 2) float64
        Projection minus observation, px; zero where not observed or behind the camera.
    valid : (image, corner) bool
        Observed and in front of the camera.
    by_point : (image, corner, 2, 3) float64
        Derivative of the projection by the point in the camera's frame.
    by_intrinsics : (image, corner, 2, 9) float64
    in_camera : (image, corner, 3) float64
        The points in the camera's frame, without its translation.
    turned : (image, corner, 3) float64
        The board's points turned into the world, without the board's translation.
    speed : (image, corner, 3) float64
        Their velocity in the world at the image's instant, mm per frame.
    """

    xy: Float64
    valid: Bool
    by_point: Float64
    by_intrinsics: Float64
    in_camera: Float64
    turned: Float64
    speed: Float64


def residuals_of(state: RigState, images: BoardImages, motion: BoardMotion) -> Residuals:
    """Project the board into all images."""
    view, frame = images.view, images.frame
    turned = np.einsum("nij,kj->nki", state.board_rotations[frame], images.points)
    tau = (images.delay - state.clocks[view])[:, None, None]
    omega = motion.angular[frame][:, None]
    spun = np.cross(omega, turned)
    change = (
        np.cross(motion.angular_change[frame][:, None], turned)
        + np.cross(omega, spun)
        + motion.acceleration[frame][:, None]
    )
    start = spun + motion.velocity[frame][:, None]
    world = turned + state.board_translations[frame][:, None] + tau * (start + 0.5 * tau * change)
    in_camera = np.einsum("nij,nkj->nki", state.rotations[view], world)
    points = in_camera + state.translations[view][:, None]
    xy, by_point, by_intrinsics = project(state.intrinsics[view][:, None], points, state.fisheye)
    valid = images.observed & (points[..., 2] > 0)
    return Residuals(
        np.where(valid[..., None], xy - images.xy, 0.0),
        valid,
        by_point,
        by_intrinsics,
        in_camera,
        turned,
        start + tau * change,
    )


INTRINSICS = slice(6, 6 + N_INTRINSICS)
CLOCK = 6 + N_INTRINSICS
N_CAMERA = CLOCK + 1
"""Unknowns of a camera: rotation, translation, intrinsics, clock."""
