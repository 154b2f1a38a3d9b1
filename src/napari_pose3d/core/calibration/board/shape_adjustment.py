"""Bundle adjustment with the board's shape among the unknowns.

Notes
-----
The shape is a few numbers that all frames share: the corners are ``points + sum(values * modes)``.
They stand beside the cameras in the linear system, with the boards' poses eliminated (see
`bundle_adjustment`), so that a step moves shape, cameras and poses together. Changing the shape
with the rest at its best does not converge: cameras bend to hide the shape, and give way slowly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..solve.bundle_adjustment import (
    Freedom,
    Loss,
    Normal,
    cost_of,
    covariance_of,
    moved,
    normal_equations,
)
from ..solve.rig_state import (
    CORNER_NOISE,
    N_CAMERA,
    BoardImages,
    BoardMotion,
    Priors,
    RigState,
    residuals_of,
)

Float64 = NDArray[np.float64]

_MOST_DAMPING = 1e8


class Shaped(NamedTuple):
    """Cameras, boards and the board's shape.

    Attributes
    ----------
    state : RigState
    values : (mode,) float64
        mm.
    covariance : (mode, mode) float64
        Of the values, for residuals of 1 px.
    """

    state: RigState
    values: Float64
    covariance: Float64


class _ShapeBlock(NamedTuple):
    """The part of the normal equations that the shape has a share in."""

    shape: Float64  # (mode, mode)
    gradient: Float64  # (mode,)
    cameras: Float64  # (view * 16, mode)
    boards: Float64  # (frame, mode, 6)


def adjust_shape(
    state: RigState,
    images: BoardImages,
    freedom: Freedom,
    loss: Loss,
    modes: Float64,
    values: Float64,
    sd: Float64,
    *,
    priors: Priors,
    motion: BoardMotion,
    most_steps: int = 30,
    tolerance: float = 1e-9,
    check: Callable[[], None] = lambda: None,
) -> Shaped:
    """The state and shape of least cost near given ones.

    Parameters
    ----------
    state : RigState
    images : BoardImages
        With the points of a flat board.
    freedom : Freedom
    loss : Loss
        Without jitter.
    modes : (mode, corner, 3) float64
        How the corners move with each value, mm per mm.
    values : (mode,) float64
        To start from, mm.
    sd : (mode,) float64
        Standard deviations of the values beforehand, around 0, mm.
    priors, motion, most_steps, tolerance, check
        See `bundle_adjustment.adjust`.
    """
    free = freedom.mask
    weight = np.square(CORNER_NOISE / sd)

    def shaped(numbers: Float64) -> BoardImages:
        return replace(images, points=images.points + np.einsum("m,mki->ki", numbers, modes))

    def cost_at(at: RigState, numbers: Float64) -> float:
        return cost_of(at, shaped(numbers), motion, loss, priors) + float(
            (weight * numbers**2).sum()
        )

    damping, cost = 1e-4, cost_at(state, values)
    system = np.eye(len(values))
    for _ in range(most_steps):
        check()
        now = shaped(values)
        normal = normal_equations(state, now, motion, loss, priors)
        block = _shape_block(state, now, motion, loss, modes)
        block.shape[np.diag_indices(len(values))] += weight
        block.gradient[:] += weight * values
        system = _bordered(normal, block, free, 0.0)[0]
        while True:
            change = _step(normal, block, free, damping)
            if change is not None:
                proposed = moved(state, *change[:2])
                next_cost = cost_at(proposed, values + change[2])
                if next_cost < cost:
                    break
            damping *= 10
            if damping > _MOST_DAMPING:
                return Shaped(state, values, _covariance(system, len(values)))
        gain = (cost - next_cost) / max(cost, 1e-300)
        state, values, cost = proposed, values + change[2], next_cost
        damping = max(damping / 10, 1e-12)
        if gain < tolerance:
            break
    return Shaped(state, values, _covariance(system, len(values)))


def _shape_block(
    state: RigState, images: BoardImages, motion: BoardMotion, loss: Loss, modes: Float64
) -> _ShapeBlock:
    """Sums over all corners; the order of summation does not depend on the number of threads."""
    view, frame = images.view, images.frame
    found = residuals_of(state, images, motion)
    by_world = np.einsum("nkij,njl->nkil", found.by_point, state.rotations[view])
    # The world turns the board further until the image's instant.
    turn = (images.delay - state.clocks[view])[:, None] * motion.angular[frame]
    by_turned = by_world + np.cross(by_world, turn[:, None, None])
    by_board = np.einsum("nkij,njl->nkil", by_turned, state.board_rotations[frame])
    by_shape = np.einsum("nkij,mkj->nkim", by_board, modes)
    by_camera = np.concatenate(
        [
            -np.cross(found.by_point, found.in_camera[:, :, None]),
            found.by_point,
            found.by_intrinsics,
            -np.einsum("nkij,nkj->nki", by_world, found.speed)[..., None],
        ],
        axis=-1,
    )
    by_pose = np.concatenate([-np.cross(by_turned, found.turned[:, :, None]), by_world], axis=-1)
    squared = np.square(found.xy).sum(axis=-1)
    weighted = by_shape * (found.valid / (1 + squared / loss.scale**2))[..., None, None]
    n_modes = len(modes)
    cameras = np.zeros((state.n_views, N_CAMERA, n_modes))
    np.add.at(cameras, view, np.einsum("nkia,nkim->nam", by_camera, weighted))
    boards = np.zeros((len(state.board_translations), n_modes, 6))
    np.add.at(boards, frame, np.einsum("nkim,nkia->nma", weighted, by_pose))
    return _ShapeBlock(
        np.einsum("nkia,nkim->am", by_shape, weighted),
        np.einsum("nkim,nki->m", weighted, found.xy),
        cameras.reshape(-1, n_modes),
        boards,
    )


def _bordered(
    normal: Normal, block: _ShapeBlock, free: NDArray[np.bool_], damping: float
) -> tuple[Float64, Float64, Float64]:
    """The system of the cameras' free unknowns and the shape, its right side, and V^-1."""
    system, right, inverse, mixed = normal.reduced(damping)
    solved = np.einsum("fma,fab->fmb", block.boards, inverse)
    beside = block.cameras - np.einsum("fna,fma->nm", mixed, solved)
    own = block.shape.copy()
    own[np.diag_indices(len(own))] *= 1 + damping
    own -= np.einsum("fma,fna->mn", solved, block.boards)
    below = np.einsum("fma,fa->m", solved, normal.board_gradient) - block.gradient
    whole = np.block([[system[np.ix_(free, free)], beside[free]], [beside[free].T, own]])
    return whole, np.concatenate([right[free], below]), inverse


def _step(
    normal: Normal, block: _ShapeBlock, free: NDArray[np.bool_], damping: float
) -> tuple[Float64, Float64, Float64] | None:
    """Changes of the cameras ``(view, 16)``, boards ``(frame, 6)`` and shape; None if singular."""
    from ..solve.adjustment_kernels import solve_positive

    system, right, inverse = _bordered(normal, block, free, damping)
    scale = np.sqrt(np.maximum(np.diag(system), 1e-300))
    solution = np.empty(len(right))
    if not solve_positive(system / np.outer(scale, scale), right / scale, solution):
        return None
    solution /= scale
    n_free = int(free.sum())
    cameras, shape = np.zeros(len(free)), solution[n_free:]
    cameras[free] = solution[:n_free]
    against = normal.board_gradient + np.einsum("fnb,n->fb", normal.mixed, cameras)
    against += np.einsum("fmb,m->fb", block.boards, shape)
    boards = -np.einsum("fab,fb->fa", inverse, against)
    return cameras.reshape(-1, N_CAMERA), boards, shape


def _covariance(system: Float64, n_modes: int) -> Float64:
    """Of the shape, which stands behind the cameras."""
    return covariance_of(system)[-n_modes:, -n_modes:]
