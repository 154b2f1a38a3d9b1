"""How good a rig is: three measures, as recorded and at one clock, also on blocks left out.

Notes
-----
Each measure alone misleads: a rig that bends itself to hide a lagging clock has a smaller residual
as recorded than a better one; free points meet the same pixels with lengths wrong by ten times as
much. So there are always three:

- *board residual*: the rigid board is fitted to each frame with the rig held fixed, px;
- *triangulated residual*: every corner seen in two or more views is triangulated by itself, px;
- *length error*: distance of neighbouring triangulated corners minus the side of a square, mm.

*At one clock* means that the corners of views that lag were interpolated in the image, along their
own tracks, to the instants of the first view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

from .board.board_shape import with_shape
from .board.observations import BoardObservations
from .solve.board_poses import board_candidates
from .solve.clocks.clock_course import ClockCourse
from .solve.lens import CX, CY, FX, FY, K1
from .solve.rig_solution import (
    FEWEST_CORNERS,
    Solution,
    fit_boards,
    solve_rig,
)
from .solve.rig_state import (
    CORNER_NOISE,
    MEDIAN_LENGTH,
    BoardImages,
    BoardMotion,
    RigState,
    residuals_of,
)

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

BLOCK = 6
"""Frames of a block that is left out as a whole: single frames left out have neighbours inside."""

EVERY = 4
"""Every fourth block is left out."""

_LEAST_PART = 1e-3
FEW_CORNERS = 8
"""Corners of an image below which one view alone hardly tells the pose of the board."""
_MOST_ALONE = 60  # images of a view
_MOST_NOISY = 100  # frames
_NO_POSE = 0.02  # root mean square, in focal lengths


@dataclass(frozen=True)
class Spread:
    """A measure's distribution.

    Attributes
    ----------
    median, mean, p95 : float
        NaN where nothing was measured.
    n : int
    """

    median: float
    mean: float
    p95: float
    n: int

    @classmethod
    def of(cls, values: Float64) -> Spread:
        """Of finite values."""
        if not len(values):
            return cls(np.nan, np.nan, np.nan, 0)
        return cls(
            float(np.median(values)),
            float(values.mean()),
            float(np.percentile(values, 95)),
            len(values),
        )


@dataclass(frozen=True)
class Lengths:
    """Errors of the distance between neighbouring corners.

    Attributes
    ----------
    mean : float
        Mean absolute error, mm.
    bias : float
        Mean signed error, mm; above 0 where the rig makes things too large.
    percent : float
        ``mean`` in per cent of the square.
    n : int
    """

    mean: float
    bias: float
    percent: float
    n: int


@dataclass(frozen=True, eq=False)
class Measures:
    """The three measures of a rig on some frames.

    Attributes
    ----------
    board, triangulated : Spread
        px.
    lengths : Lengths
    board_by_view, triangulated_by_view : mapping of view to Spread
    frames : (frame,) int64
        Those that were measured.
    per_image : (view, frame) float64
        Root mean square board residual of each image, px; NaN where the board was not seen.
    """

    board: Spread
    triangulated: Spread
    lengths: Lengths
    board_by_view: dict[str, Spread]
    triangulated_by_view: dict[str, Spread]
    frames: NDArray[np.int64]
    per_image: Float64


def measure(
    rig: RigState, observations: BoardObservations, check: Callable[[], None] = lambda: None
) -> Measures:
    """The three measures of a rig on observations as they are (clocks are ignored)."""
    observations = observations.without_sparse(FEWEST_CORNERS)
    images = _placeable(rig, BoardImages.of(observations))
    n_frames = len(observations.frames)
    fitted = fit_boards(rig, images, n_frames, check)
    residuals = residuals_of(fitted, images, BoardMotion.still(n_frames))
    length = np.linalg.norm(residuals.xy, axis=-1)
    per_image = np.full((len(observations.views), n_frames), np.nan)
    count = np.maximum(residuals.valid.sum(axis=1), 1)
    rms = np.sqrt((np.square(length) * residuals.valid).sum(axis=1) / count)
    per_image[images.view, images.frame] = rms
    apart, by_view, lengths = _triangulated(rig_of(rig, observations), observations)
    return Measures(
        Spread.of(length[residuals.valid]),
        Spread.of(apart),
        lengths,
        {
            view: Spread.of(length[images.view == i][residuals.valid[images.view == i]])
            for i, view in enumerate(observations.views)
        },
        by_view,
        observations.frames,
        per_image,
    )


def residuals_alone(
    rig: RigState, observations: BoardObservations, check: Callable[[], None] = lambda: None
) -> tuple[float, ...]:
    """Median board residual of each view, px, with the board's pose found in every image alone.

    Clocks and the other cameras have no part in it: it tells how exact the corners are, and
    whether the lens model holds. NaN where a view shows nothing.
    """
    fewest = min(FEW_CORNERS, observations.board.n_face_corners)
    images = BoardImages.of(observations.without_sparse(fewest))
    by_view = [np.flatnonzero(images.view == view) for view in range(len(observations.views))]
    chosen = [of_view[:: max(1, len(of_view) // _MOST_ALONE)] for of_view in by_view]
    images = images.at(np.concatenate(chosen))
    images = replace(images, frame=np.arange(len(images.view)))
    if not len(images.view):
        return tuple(np.nan for _ in by_view)
    fitted = fit_boards(rig, images, len(images.view), check)
    residuals = residuals_of(fitted, images, BoardMotion.still(len(images.view)))
    length = np.linalg.norm(residuals.xy, axis=-1)
    return tuple(
        Spread.of(length[images.view == view][residuals.valid[images.view == view]]).median
        for view in range(len(by_view))
    )


def length_noise(
    rig: RigState, observations: BoardObservations, residuals: Sequence[float], seed: int = 0
) -> float:
    """Mean absolute error of lengths, mm, that the noise of the corners makes in a true rig.

    Parameters
    ----------
    residuals : sequence of float
        See `residuals_alone`.
    """
    step = max(1, len(observations.frames) // _MOST_NOISY)
    chosen = np.arange(len(observations.frames)) % step == 0
    observations = observations.of_frames(chosen)
    cameras = rig_of(rig, observations)
    xyz = triangulate(cameras, observations.xy).xyz
    sd = np.nan_to_num(np.array(residuals), nan=CORNER_NOISE)[:, None, None, None] / MEDIAN_LENGTH
    noise = sd * np.random.default_rng(seed).standard_normal(observations.xy.shape)
    seen = np.where(observations.observed[..., None], cameras.project(xyz) + noise, np.nan)
    again = triangulate(cameras, seen).xyz
    pairs = observations.board.neighbours
    before, after = (
        np.linalg.norm(each[:, pairs[:, 0]] - each[:, pairs[:, 1]], axis=-1)
        for each in (xyz, again)
    )
    error = np.abs(after - before)
    known = np.isfinite(error)
    return float(error[known].mean()) if known.any() else np.nan


def _placeable(rig: RigState, images: BoardImages) -> BoardImages:
    """Without images of few corners, seen by one camera alone, that no pose of the board explains.

    Corners near a line tell no pose: what is left then is a failed fit and not the rig's fault.
    """
    count = images.observed.sum(axis=1)
    alone = np.bincount(images.frame)[images.frame] == 1
    poses = board_candidates(images, rig.intrinsics, rig.fisheye)
    best = np.nan_to_num(poses.errors, nan=np.inf).min(axis=1)
    return images.at(~(alone & (count < FEW_CORNERS) & (best > _NO_POSE)))


def at_one_clock(observations: BoardObservations, clocks: ClockCourse) -> BoardObservations:
    """Corners at the instants of the first view, interpolated along each view's own tracks.

    Parameters
    ----------
    clocks : ClockCourse
        How each view lags behind the first.

    Notes
    -----
    Cubic where the two frames on each side are there, a parabola or a line where fewer are; a
    corner whose two enclosing frames are not both there is left out.
    """
    views = range(len(observations.views))
    own = observations.frames
    frames = np.unique(
        np.concatenate(
            [np.ceil(own - clocks.lags(view, own) - _LEAST_PART).astype(np.int64) for view in views]
        )
    )
    xy = np.full((len(views), len(frames), *observations.xy.shape[2:]), np.nan)
    for view in views:
        xy[view] = _interpolated(observations.xy[view], own, clocks.recorded(view, frames))
    return replace(observations, frames=frames, xy=xy)


def _interpolated(xy: Float64, frames: NDArray[np.int64], times: Float64) -> Float64:
    """Tracks ``(frame, corner, 2)`` at times between frames by Lagrange's polynomial."""
    whole = np.full((int(frames[-1] - frames[0]) + 4, *xy.shape[1:]), np.nan)
    whole[frames - frames[0] + 1] = xy
    # Fractions next to a whole frame need no interpolation.
    near = np.flatnonzero(np.abs(times - np.round(times)) < _LEAST_PART)
    times = times.copy()
    times[near] = np.round(times[near])
    low = np.floor(times).astype(np.int64)
    part = (times - low)[:, None, None]
    at = low - frames[0] + 1
    nodes = np.array([-1, 0, 1, 2])
    values = np.stack([_at(whole, at + node) for node in nodes])
    have = np.asarray(np.isfinite(values).all(axis=-1))
    out = np.full((len(times), *xy.shape[1:]), np.nan)
    for use in ((0, 1, 2, 3), (0, 1, 2), (1, 2, 3), (1, 2)):
        chosen = [nodes[i] for i in use]
        fits = have[list(use)].all(axis=0) & ~np.isfinite(out).all(axis=-1)
        total = np.zeros_like(out)
        for i, node in zip(use, chosen, strict=True):
            weight = np.prod(
                [(part - other) / (node - other) for other in chosen if other != node], axis=0
            )
            total += weight * np.nan_to_num(values[i])
        out[fits] = total[fits]
    out[near] = values[1, near]
    return out


def _at(whole: Float64, index: NDArray[np.int64]) -> Float64:
    """Rows of an array; NaN outside."""
    out = whole[np.clip(index, 0, len(whole) - 1)]
    out[(index < 0) | (index >= len(whole))] = np.nan
    return out


def left_out(observations: BoardObservations) -> Bool:
    """Which frames are left out of a fit that is judged on them: blocks, ``(frame,)`` bool."""
    block = (observations.frames - observations.frames[0]) // BLOCK
    used = np.unique(block)
    return np.asarray(np.searchsorted(used, block) % EVERY == EVERY - 1)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A rig fitted without some blocks of frames, measured on those.

    Attributes
    ----------
    as_recorded, one_clock : Measures
        Of the frames left out.
    one_clock_used : Measures
        Of the frames that were fitted.
    still : Measures
        Of a rig that was fitted without clocks, at one clock, on the frames left out.
    clocks, clock_sd : (view,) float64
        Of the rig that was fitted; see `Solution`.
    """

    as_recorded: Measures
    one_clock: Measures
    one_clock_used: Measures
    still: Measures | None
    clocks: Float64
    clock_sd: Float64

    @property
    def ratio(self) -> float:
        """Mean board residual on the frames left out over that on those used."""
        used = self.one_clock_used.board.mean
        return self.one_clock.board.mean / used if used else np.nan


def hold_out(
    observations: BoardObservations,
    solution: Solution,
    *,
    fisheye: bool = False,
    intrinsics: Float64 | None = None,
    compare_clocks: bool = True,
    bent: bool = False,
    check: Callable[[], None] = lambda: None,
) -> HeldOut | None:
    """Fit again without every fourth block of frames, and measure on those.

    Parameters
    ----------
    solution : Solution
        Of all frames; whether it has clocks decides whether they are estimated here.
    bent : bool
        Whether the board's shape is found from the frames used.

    Returns
    -------
    HeldOut or None
        None where too few frames are left.
    """
    out = left_out(observations)
    if not out.any() or out.all():
        return None
    used = observations.of_frames(~out)
    lags = solution.lags
    clocks = bool(np.any(lags.offsets)) or not lags.is_constant.all()
    options = {"fisheye": fisheye, "intrinsics": intrinsics, "check": check}
    trained = solve_rig(used, clocks=clocks, **options)  # type: ignore[arg-type]
    if bent:
        solve = partial(solve_rig, clocks=clocks, **options)  # type: ignore[arg-type]
        used, trained, _ = with_shape(used, trained, solve, check)
        observations = replace(observations, shape=used.shape)
    still = None
    if clocks and compare_clocks:
        still = solve_rig(used, clocks=False, **options)  # type: ignore[arg-type]
    common = at_one_clock(observations, lags)
    of_out = np.isin(common.frames, observations.frames[out])
    return HeldOut(
        measure(trained.state, observations.of_frames(out), check),
        measure(trained.state, common.of_frames(of_out), check),
        measure(trained.state, common.of_frames(~of_out), check),
        None if still is None else measure(still.state, common.of_frames(of_out), check),
        trained.clocks,
        trained.clock_sd,
    )


def rig_of(state: RigState, observations: BoardObservations) -> Rig:
    """The cameras of a state as a `Rig`, world and units (mm) as they are."""
    return Rig(
        tuple(
            Camera(
                name=view,
                size=observations.sizes[i],
                matrix=_matrix(state.intrinsics[i]),
                distortion=state.intrinsics[i, K1 : K1 + (4 if state.fisheye else 5)].copy(),
                rotation=state.rotations[i],
                translation=state.translations[i],
                fisheye=state.fisheye,
            )
            for i, view in enumerate(observations.views)
        ),
        units="mm",
    )


def _matrix(intrinsics: Float64) -> Float64:
    fx, fy, cx, cy = intrinsics[[FX, FY, CX, CY]]
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def _triangulated(
    rig: Rig, observations: BoardObservations
) -> tuple[Float64, dict[str, Spread], Lengths]:
    result = triangulate(rig, observations.xy)
    residuals = np.where(result.n_views >= 2, result.residuals, np.nan)
    by_view = {
        view: Spread.of(residuals[i][np.isfinite(residuals[i])])
        for i, view in enumerate(observations.views)
    }
    pairs = observations.board.neighbours
    xyz = result.xyz
    length = np.linalg.norm(xyz[:, pairs[:, 0]] - xyz[:, pairs[:, 1]], axis=-1)
    points = observations.points
    true = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=-1)
    error = (length - true)[np.isfinite(length)]
    mean = float(np.abs(error).mean()) if len(error) else np.nan
    lengths = Lengths(
        mean,
        float(error.mean()) if len(error) else np.nan,
        100 * mean / observations.board.square,
        len(error),
    )
    return residuals[np.isfinite(residuals)], by_view, lengths
