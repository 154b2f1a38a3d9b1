"""From observed corners to a rig: the whole fit, and boards fitted to a rig that is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from ..board.observations import BoardObservations
from .board_poses import FORGIVING, BoardPoses, best_boards, board_candidates
from .bundle_adjustment import Adjusted, Freedom, Loss, adjust, costs_of
from .clocks.board_motion import motion_of
from .clocks.camera_clocks import corner_noise, estimate_clocks
from .clocks.clock_course import ClockCourse, paired
from .clocks.lag_following import PairedImages, followed
from .intrinsics import start_intrinsics
from .lens import FX, FY, K1, N_INTRINSICS
from .mirrored_world import boards_mirrored, is_flat, mirrored
from .relative_poses import InitialRig, place_cameras
from .rig_state import (
    LAST_LOSS,
    BoardImages,
    BoardMotion,
    RigState,
    weak_priors,
)

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]
Bool = NDArray[np.bool_]

FEWEST_CORNERS = 4
"""An image with fewer corners says nothing about the board's pose."""

_TURNS = 6  # rounds in which boards are turned the right way round
_FEWEST_ALIKE = 3  # cameras, whose median leaves one that stands out aside
_STANDS_OUT = np.log(2)  # of a focal length over the median


@dataclass(frozen=True, eq=False)
class Solution:
    """A calibrated rig with the boards it was found from.

    Attributes
    ----------
    observations : BoardObservations
        At the cameras' common whole frames.
    images : BoardImages
        Those that were used.
    state : RigState
        ``clocks`` are beyond ``course``.
    course : ClockCourse
        By which the images were paired.
    motion : BoardMotion
    clock_sd : (view,) float64
        Standard errors of the clocks in frames; NaN where none was estimated.
    clock_note : str
        Why clocks were not estimated; "" if they were.
    information : (n, n) float64
        Of the cameras' free unknowns, the inverse of their covariance.
    free : (view * 16,) bool
        Which unknowns of the cameras were free.
    noise : float
        Standard deviation of a corner, px, as the residuals tell.
    initial : InitialRig
    """

    observations: BoardObservations
    images: BoardImages
    state: RigState
    course: ClockCourse
    motion: BoardMotion
    clock_sd: Float64
    clock_note: str
    information: Float64
    free: Bool
    noise: float
    initial: InitialRig

    @property
    def lags(self) -> ClockCourse:
        """How each camera lags behind the first in the course of the recording."""
        return self.course + ClockCourse.constant(self.state.clocks)

    @property
    def clocks(self) -> Float64:
        """Frames that each camera lags behind the first, midway through, ``(view,)``."""
        frames = self.observations.frames
        middle = np.array([(frames[0] + frames[-1]) / 2]) if len(frames) else np.zeros(1)
        return np.array([self.lags.lags(view, middle)[0] for view in range(self.state.n_views)])

    @property
    def steady_clocks(self) -> dict[str, float]:
        """`clocks` by view, without views whose lag changes."""
        views, steady = self.observations.views, self.lags.is_constant
        return {
            view: float(clock)
            for view, clock, stays in zip(views, self.clocks, steady, strict=True)
            if stays
        }


def solve_rig(
    observations: BoardObservations,
    *,
    fisheye: bool = False,
    intrinsics: Float64 | None = None,
    clocks: bool = True,
    progress: Callable[[str], None] = lambda stage: None,
    check: Callable[[], None] = lambda: None,
) -> Solution:
    """Calibrate all cameras together.

    Parameters
    ----------
    observations : BoardObservations
        Of two views or more.
    fisheye : bool
    intrinsics : (view, 9) float64, optional
        Known ones, which stay as they are; rows of NaN are found.
    clocks : bool
        Whether cameras may lag behind the first.
    progress : callable
        Called with the name of each stage.
    check : callable
        Called often; may raise `Cancelled`.

    Raises
    ------
    PoseDataError
        When there is one view only, or a camera observed too little of the board or shares no frame
        with the others.
    """
    if len(observations.views) < 2:
        raise PoseDataError(
            f"there is one view only, {observations.views[0]}" if observations.views else "no view",
            expected="two or more cameras",
        )
    observations = observations.without_sparse(FEWEST_CORNERS)
    progress("intrinsics")
    intrinsics, held = start_intrinsics(observations, intrinsics, fisheye, check)
    recorded = observations
    start = _started(recorded, intrinsics, held, fisheye, clocks, progress, check)
    alike = _alike(intrinsics, held)
    if alike is not None and is_flat(start.state, start.images.points):
        other = _started(recorded, alike, held, fisheye, clocks, progress, check)
        start = min(start, other, key=lambda each: each.cost)
    observations, images, initial, course, state = start[:5]
    freedom = _freedom(state, everything=True, held=held)
    clock_sd, note = np.full(state.n_views, np.nan), "not asked for"
    result: Adjusted | None = None
    motion: BoardMotion | None = None
    if clocks:
        progress("clocks")
        found = estimate_clocks(state, observations, images, freedom, check)
        paired_by = PairedImages(observations, course, state, found)
        if not found.note:
            paired_by = followed(paired_by, recorded, freedom, check)
        observations, course, state, found = paired_by
        clock_sd, note, result = found.sd, found.note, found.adjusted
        changing = not course.is_constant.all()
        if result is not None or changing:
            images, motion = found.images, found.motion
        if result is not None:
            freedom = replace(freedom, clocks=np.isfinite(clock_sd))
    if result is None:
        priors = weak_priors(state.intrinsics, observations.sizes, fisheye)
        result = adjust(
            state, images, freedom, Loss(LAST_LOSS), priors=priors, motion=motion, check=check
        )
        motion = None
    state = result.state
    if motion is None:
        motion = motion_of(state, observations.frames)
    noise = corner_noise(state, images, motion)
    return Solution(
        observations=observations,
        images=images,
        state=state,
        course=course,
        motion=motion,
        clock_sd=clock_sd * noise,
        clock_note=note,
        information=result.information / noise**2,
        free=freedom.mask,
        noise=noise,
        initial=initial,
    )


class _Start(NamedTuple):
    """Cameras and boards before the clocks are found."""

    observations: BoardObservations
    images: BoardImages
    initial: InitialRig
    course: ClockCourse
    state: RigState
    cost: float  # of an image, px^2


def _started(
    recorded: BoardObservations,
    intrinsics: Float64,
    held: Bool,
    fisheye: bool,
    clocks: bool,
    progress: Callable[[str], None],
    check: Callable[[], None],
) -> _Start:
    """Place the cameras from given intrinsics, and adjust them and the boards together."""
    progress("initial poses")
    observations = recorded
    images = BoardImages.of(observations)
    poses = board_candidates(images, intrinsics, fisheye)
    initial = place_cameras(observations, images, poses, clocks)
    check()
    course = ClockCourse.constant(initial.shifts)
    if initial.shifts.any():
        observations, _ = paired(recorded, course)
        images = BoardImages.of(observations)
        poses = board_candidates(images, intrinsics, fisheye)
    state = RigState(
        rotations=initial.rotations,
        translations=initial.translations,
        intrinsics=intrinsics,
        clocks=np.zeros(len(observations.views)),
        fisheye=fisheye,
        board_rotations=np.tile(np.eye(3), (len(observations.frames), 1, 1)),
        board_translations=np.zeros((len(observations.frames), 3)),
    )
    state = best_boards(state, images, poses, current=False)

    progress("bundle adjustment")
    state = _joint(state, observations, images, poses, held, check)
    if is_flat(state, images.points):
        state = _right_way_round(state, observations, images, poses, held, check)
    cost = float(_still_costs(state, images).mean())
    return _Start(observations, images, initial, course, state, cost)


def _alike(intrinsics: Float64, held: Bool) -> Float64 | None:
    """The same with the median focal length where one stands out; None where none does.

    A small board before a long lens hardly tells its focal length, and a rig's cameras mostly have
    lenses of one kind.
    """
    found = intrinsics[~held]
    if len(found) < _FEWEST_ALIKE:
        return None
    usual = float(np.median(found[:, FX]))
    if np.abs(np.log(found[:, FX] / usual)).max() < _STANDS_OUT:
        return None
    out = intrinsics.copy()
    out[~held, FX] = out[~held, FY] = usual
    # Distortion belongs to the focal length that it was found with.
    out[~held, K1:] = 0.0
    return out


def fit_boards(
    rig: RigState,
    images: BoardImages,
    n_frames: int,
    check: Callable[[], None] = lambda: None,
) -> RigState:
    """The poses of the board in all frames for cameras that stay as they are.

    Parameters
    ----------
    rig : RigState
        Its boards are not used; the board stands still within a frame.
    images : BoardImages
    n_frames : int
    """
    state = replace(
        rig,
        clocks=np.zeros(rig.n_views),
        board_rotations=np.tile(np.eye(3), (n_frames, 1, 1)),
        board_translations=np.zeros((n_frames, 3)),
    )
    poses = board_candidates(images, state.intrinsics, state.fisheye)
    state = best_boards(state, images, poses, current=False)
    no = np.zeros(state.n_views, bool)
    fixed = Freedom(no, np.zeros((state.n_views, N_INTRINSICS), bool), no)
    for scale in (20.0, LAST_LOSS):
        state = adjust(state, images, fixed, Loss(scale), check=check).state
    return state


def _freedom(state: RigState, everything: bool, held: Bool) -> Freedom:
    poses = np.ones(state.n_views, bool)
    poses[0] = False
    intrinsics = np.zeros((state.n_views, N_INTRINSICS), bool)
    intrinsics[:, [FX, FY, K1]] = True
    intrinsics |= everything
    intrinsics[held] = False
    return Freedom(poses, intrinsics, np.zeros(state.n_views, bool))


def _joint(
    state: RigState,
    observations: BoardObservations,
    images: BoardImages,
    poses: BoardPoses,
    held: Bool,
    check: Callable[[], None],
) -> RigState:
    """Cameras and boards together, from a forgiving loss to a strict one."""
    every = np.ones(state.n_views, bool)
    for scale, everything, hold in ((20.0, False, every), (5.0, False, held), (2.0, True, held)):
        priors = weak_priors(state.intrinsics, observations.sizes, state.fisheye)
        freedom = _freedom(state, everything, hold)
        state = adjust(
            state,
            images,
            freedom,
            Loss(scale),
            priors=priors,
            most_steps=15,
            tolerance=1e-4,
            check=check,
        ).state
        state = best_boards(state, images, poses)
    return state


def _right_way_round(
    state: RigState,
    observations: BoardObservations,
    images: BoardImages,
    poses: BoardPoses,
    held: Bool,
    check: Callable[[], None],
) -> RigState:
    """The cheapest of the world found, and its mirror image; each with its boards mirrored too."""
    best, least = state, np.inf
    for start in (state, mirrored(state)):
        if start is not state:
            start = _joint(start, observations, images, poses, held, check)
        for _ in range(_TURNS):
            turned = _boards_turned(start, images, check)
            if turned is start:
                break
            start = _joint(turned, observations, images, poses, held, check)
        cost = float(_still_costs(start, images).sum())
        if cost < least:
            best, least = start, cost
    return best


def _boards_turned(state: RigState, images: BoardImages, check: Callable[[], None]) -> RigState:
    """Boards mirrored in depth where all cameras together prefer that; the same state for none."""
    no = np.zeros(state.n_views, bool)
    held = Freedom(no, np.zeros((state.n_views, N_INTRINSICS), bool), no)
    other = boards_mirrored(state, images.points)
    other = adjust(other, images, held, Loss(FORGIVING), most_steps=15, check=check).state
    n = len(state.board_translations)
    old, new = (
        np.bincount(images.frame, _still_costs(each, images), minlength=n)
        for each in (state, other)
    )
    better = new < 0.995 * old
    if not better.any():
        return state
    return replace(
        state,
        board_rotations=np.where(
            better[:, None, None], other.board_rotations, state.board_rotations
        ),
        board_translations=np.where(
            better[:, None], other.board_translations, state.board_translations
        ),
    )


def _still_costs(state: RigState, images: BoardImages) -> Float64:
    motion = BoardMotion.still(len(state.board_translations))
    return costs_of(state, images, motion, Loss(FORGIVING))
