"""Which corner of a checkerboard is the first, where its pattern looks the same turned over.

Notes
-----
A checkerboard whose numbers of inner corners are both even or both odd is the same after half a
turn, one of as many columns as rows perhaps after a quarter: each image then begins with a corner
of its own choice. The choices of a camera are tied together in time, and those of the cameras by
where the cameras are: of all the ways in which a frame may be numbered, one puts the board at the
same place for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..solve.board_poses import BoardPoses, board_candidates
from ..solve.intrinsics import start_intrinsics
from ..solve.relative_poses import place_cameras
from ..solve.rig_solution import FEWEST_CORNERS
from ..solve.rig_state import BoardImages
from ..solve.rotations import angle_between
from .board import Board
from .observations import BoardObservations

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_GAP = 3  # frames in which a board does not turn by a quarter


def same_looking_orders(board: Board) -> tuple[Ints, ...]:
    """Orders of the corners that an image cannot tell apart, the usual one first.

    Returns
    -------
    tuple of (corner,) int64
        Corner `i` of the usual order is number ``order[i]`` of an image; only the usual order where
        the pattern has a corner to begin with.
    """
    across, down = board.grid
    usual = np.arange(across * down)
    if board.kind != "checkerboard" or (across + down) % 2:
        return (usual,)
    grid = usual.reshape(down, across)
    turns = (0, 1, 2, 3) if across == down else (0, 2)
    return tuple(np.rot90(grid, turn).ravel().astype(np.int64) for turn in turns)


def in_one_order(
    observations: BoardObservations,
    *,
    fisheye: bool = False,
    intrinsics: Float64 | None = None,
    clocks: bool = True,
    check: Callable[[], None] = lambda: None,
) -> BoardObservations:
    """The observations with the corners of all images numbered alike.

    Parameters are those of `solve_rig`.

    Raises
    ------
    PoseDataError
        See `solve_rig`.
    """
    orders = same_looking_orders(observations.board)
    if len(orders) == 1:
        return observations
    observations = _along_time(observations, orders)
    used = observations.without_sparse(FEWEST_CORNERS)
    intrinsics, _ = start_intrinsics(used, intrinsics, fisheye, check)
    images = BoardImages.of(used)
    by_order = []
    for order in orders:
        check()
        renumbered = replace(images, xy=images.xy[:, order], observed=images.observed[:, order])
        by_order.append(board_candidates(renumbered, intrinsics, fisheye))
    poses = BoardPoses(
        *(
            np.concatenate([getattr(each, name) for each in by_order], axis=1)
            for name in ("rotations", "translations", "errors")
        )
    )
    initial = place_cameras(used, images, poses, clocks)
    per_order = by_order[0].errors.shape[1]
    # Of each image's candidates, the board's rotation in the world: (image, candidate, 3, 3).
    world = np.swapaxes(initial.rotations[images.view], -1, -2)[:, None] @ poses.rotations
    middle = observations.board.points.mean(axis=0)
    centre = poses.rotations @ middle + poses.translations
    centre = np.einsum(
        "nji,ncj->nci",
        initial.rotations[images.view],
        centre - initial.translations[images.view][:, None],
    )
    chosen = np.zeros(len(images.view), np.int64)
    instants = used.frames[images.frame] - initial.shifts[images.view]
    before: tuple[int, Float64] | None = None
    for instant in np.unique(instants):
        members = np.flatnonzero(instants == instant)
        if before is not None and instant - before[0] > _MOST_GAP:
            before = None
        board = _agreed(world[members], centre[members], poses.errors[members], before)
        if board is None:
            continue
        angles = angle_between(world[members], board[None, None])
        angles = np.where(np.isfinite(poses.errors[members]), angles, np.inf)
        chosen[members] = angles.argmin(axis=1) // per_order
        before = (int(instant), board)
    xy = observations.xy.copy()
    at = np.searchsorted(observations.frames, used.frames)
    for number, order in enumerate(orders):
        these = chosen == number
        view, frame = images.view[these], at[images.frame[these]]
        xy[view, frame] = xy[view, frame][:, order]
    return replace(observations, xy=xy)


def _agreed(
    world: Float64, centre: Float64, errors: Float64, before: tuple[int, Float64] | None
) -> Float64 | None:
    """The board's rotation on which the images of a frame agree best, near to the one before.

    Parameters
    ----------
    world : (image, candidate, 3, 3), centre : (image, candidate, 3), errors : (image, candidate)
    """
    known = np.isfinite(errors)
    if not known.any():
        return None
    flat = world[known]
    angles = angle_between(flat[:, None, None], world[None])
    angles = np.where(known[None], angles, np.pi)
    apart = angles.min(axis=2).sum(axis=1) + 0.2 * _worse(errors)[known]
    if before is not None:
        # A tie otherwise: all images may be turned together.
        apart = apart + 0.5 * angle_between(flat, before[1])
    return np.asarray(flat[int(np.argmin(apart))])


def _worse(errors: Float64) -> Float64:
    """By how much, relatively, each candidate of an image fits worse than the best."""
    best = errors.min(axis=1, keepdims=True)
    return np.asarray(np.where(np.isfinite(errors), errors / np.maximum(best, 1e-12) - 1, np.inf))


def _along_time(observations: BoardObservations, orders: tuple[Ints, ...]) -> BoardObservations:
    """Each view's corners numbered as in its image before, where that was shortly before."""
    xy = observations.xy.copy()
    for view in range(len(xy)):
        last = -1
        for frame in np.flatnonzero(observations.n_observed[view] > 0):
            if last >= 0 and observations.frames[frame] - observations.frames[last] <= _MOST_GAP:
                trials = [xy[view, frame][order] for order in orders]
                away = [
                    float(np.nanmean(np.linalg.norm(trial - xy[view, last], axis=-1)))
                    for trial in trials
                ]
                xy[view, frame] = trials[int(np.nanargmin(away))]
            last = int(frame)
    return replace(observations, xy=xy)
