"""Bundle adjustment of cameras and rigid board poses: Levenberg-Marquardt with a Schur complement.

Notes
-----
Unknowns are, for each camera, a rotation increment, the translation, nine intrinsics and a clock,
and for each frame the six numbers of the board's pose. The board stays rigid: with free points
the same pixels are met as well, and lengths are wrong by ten times as much. Residuals of a corner
are in px, weighted by Cauchy's loss ``c^2 log(1 + r^2 / c^2)``. Boards are eliminated frame by
frame, so that the linear system has 16 unknowns for each camera.

References
----------
Triggs, McLauchlan, Hartley, Fitzgibbon (2000), "Bundle adjustment: a modern synthesis", sections 6
and 9 (Schur complement, gauge).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .lens import FX, FY
from .rig_state import (
    CLOCK,
    CORNER_NOISE,
    INTRINSICS,
    N_CAMERA,
    BoardImages,
    BoardMotion,
    Priors,
    RigState,
)
from .rotations import rotation_of

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_START_DAMPING = 1e-4
_MOST_DAMPING = 1e8


@dataclass(frozen=True, eq=False)
class Freedom:
    """Which unknowns of the cameras may change; boards always may.

    Attributes
    ----------
    poses : (view,) bool
    intrinsics : (view, 9) bool
    clocks : (view,) bool
    """

    poses: Bool
    intrinsics: Bool
    clocks: Bool

    @property
    def mask(self) -> Bool:
        """As one mask ``(view * 16,)``."""
        free = np.zeros((len(self.poses), N_CAMERA), bool)
        free[:, :6] = self.poses[:, None]
        free[:, INTRINSICS] = self.intrinsics
        free[:, CLOCK] = self.clocks
        return free.ravel()


@dataclass(frozen=True)
class Loss:
    """How residuals count.

    Attributes
    ----------
    scale : float
        Cauchy's c, in px.
    jitter : float
        Standard deviation of the instants at which images were taken, in frames: residuals along a
        corner's motion count less.
    """

    scale: float
    jitter: float = 0.0


class Adjusted(NamedTuple):
    """A solution.

    Attributes
    ----------
    state : RigState
    cost : float
        px^2.
    information : (n, n) float64
        The reduced normal matrix of the free unknowns of the cameras.
    n_steps : int
    """

    state: RigState
    cost: float
    information: Float64
    n_steps: int


def adjust(
    state: RigState,
    images: BoardImages,
    freedom: Freedom,
    loss: Loss,
    *,
    priors: Priors | None = None,
    motion: BoardMotion | None = None,
    most_steps: int = 30,
    tolerance: float = 1e-9,
    check: Callable[[], None] = lambda: None,
) -> Adjusted:
    """The state of least cost near a given one.

    Parameters
    ----------
    state : RigState
    images : BoardImages
    freedom : Freedom
    loss : Loss
    priors : Priors, optional
    motion : BoardMotion, optional
        Without it the board stands still within a frame, and clocks have no effect.
    most_steps : int
    tolerance : float
        Ends when the cost falls by less than this share.
    check : callable
        Called before each step; may raise `Cancelled`.
    """
    motion = BoardMotion.still(len(state.board_translations)) if motion is None else motion
    free = freedom.mask
    damping = _START_DAMPING
    cost = cost_of(state, images, motion, loss, priors)
    for step in range(1, most_steps + 1):
        check()
        normal = normal_equations(state, images, motion, loss, priors)
        while True:
            change = normal.solve(free, damping)
            if change is not None:
                proposed = moved(state, *change)
                next_cost = cost_of(proposed, images, motion, loss, priors)
                if next_cost < cost:
                    break
            damping *= 10
            if damping > _MOST_DAMPING:
                return Adjusted(state, cost, normal.information(free), step)
        gain = (cost - next_cost) / max(cost, 1e-300)
        state, cost = proposed, next_cost
        damping = max(damping / 10, 1e-12)
        if gain < tolerance:
            break
    return Adjusted(state, cost, normal.information(free), step)


def covariance_of(information: Float64) -> Float64:
    """The inverse of an information matrix ``(n, n)``, for residuals of 1 px.

    Unknowns of very different sizes are scaled first; what no residual tells gets no variance.
    """
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    both = np.outer(scale, scale)
    return np.asarray(np.linalg.pinv(information / both, hermitian=True) / both)


class Normal(NamedTuple):
    """Normal equations by cameras and boards: ``[[U, W], [W^T, V]] d = -[g, h]``."""

    cameras: Float64  # U (view, 16, 16)
    boards: Float64  # V (frame, 6, 6)
    mixed: Float64  # W (frame, view * 16, 6)
    camera_gradient: Float64  # g (view * 16,)
    board_gradient: Float64  # h (frame, 6)

    def reduced(self, damping: float) -> tuple[Float64, Float64, Float64, Float64]:
        """Schur complement and its right side, and what gives the boards back."""
        from .adjustment_kernels import eliminate

        n = len(self.camera_gradient)
        boards = self.boards.copy()
        diagonal = np.einsum("fii->fi", boards)
        # A frame of which nothing counts any more keeps its pose.
        diagonal *= 1 + damping
        diagonal += 1e-12 + 1e-12 * diagonal.max(axis=1, initial=0.0, keepdims=True)
        inverse = np.linalg.inv(boards)
        system = np.zeros((n, n))
        for c, block in enumerate(self.cameras):
            at = slice(c * N_CAMERA, (c + 1) * N_CAMERA)
            system[at, at] = block
        system[np.diag_indices(n)] *= 1 + damping
        right = -self.camera_gradient
        eliminate(self.mixed, inverse, self.board_gradient, N_CAMERA, system, right)
        return system, right, np.asarray(inverse, dtype=np.float64), self.mixed

    def information(self, free: Bool) -> Float64:
        """Of the cameras' free unknowns, with the boards eliminated."""
        return self.reduced(0.0)[0][np.ix_(free, free)]

    def solve(self, free: Bool, damping: float) -> tuple[Float64, Float64] | None:
        """Changes of the cameras ``(view, 16)`` and boards ``(frame, 6)``; None if singular."""
        from .adjustment_kernels import solve_positive

        system, right, inverse, mixed = self.reduced(damping)
        change = np.zeros(len(right))
        if free.any():
            system, right = system[np.ix_(free, free)], right[free]
            scale = np.sqrt(np.maximum(np.diag(system), 1e-300))
            solution = np.empty(len(right))
            if not solve_positive(system / np.outer(scale, scale), right / scale, solution):
                return None
            change[free] = solution / scale
        against = self.board_gradient + np.einsum("fnb,n->fb", mixed, change)
        return change.reshape(-1, N_CAMERA), -np.einsum("fab,fb->fa", inverse, against)


def _arguments(state: RigState, images: BoardImages, motion: BoardMotion) -> tuple[Any, ...]:
    """What the kernels take of a state, images and motion."""
    return (
        state.rotations,
        state.translations,
        state.intrinsics,
        state.clocks,
        state.fisheye,
        state.board_rotations,
        state.board_translations,
        motion.angular,
        motion.velocity,
        motion.angular_change,
        motion.acceleration,
        images.view,
        images.frame,
        images.xy,
        images.observed,
        images.points,
        images.delay,
    )


def normal_equations(
    state: RigState, images: BoardImages, motion: BoardMotion, loss: Loss, priors: Priors | None
) -> Normal:
    """The weighted normal equations of a state."""
    from .adjustment_kernels import accumulate

    n_views, n_frames = state.n_views, len(state.board_translations)
    cameras = np.zeros((n_views, N_CAMERA, N_CAMERA))
    gradient = np.zeros((n_views, N_CAMERA))
    boards = np.zeros((n_frames, 6, 6))
    board_gradient = np.zeros((n_frames, 6))
    mixed = np.zeros((n_frames, n_views, N_CAMERA, 6))
    accumulate(
        *_arguments(state, images, motion),
        loss.scale**2,
        (loss.jitter / CORNER_NOISE) ** 2,
        cameras,
        gradient,
        boards,
        board_gradient,
        mixed,
    )
    if priors is not None:
        inverse = CORNER_NOISE / priors.sd
        diagonal = np.einsum("cii->ci", cameras)
        diagonal[:, INTRINSICS] += inverse**2
        gradient[:, INTRINSICS] += inverse**2 * (state.intrinsics - priors.mean)
        _add_aspect(cameras, gradient, state, priors)
    return Normal(
        cameras,
        boards,
        mixed.reshape(n_frames, n_views * N_CAMERA, 6),
        gradient.ravel(),
        board_gradient,
    )


def _add_aspect(cameras: Float64, gradient: Float64, state: RigState, priors: Priors) -> None:
    """The prior that pixels are square."""
    fx, fy = state.intrinsics[:, FX], state.intrinsics[:, FY]
    row = CORNER_NOISE / (priors.aspect_sd * fx)
    x, y = INTRINSICS.start + FX, INTRINSICS.start + FY
    for a, b, sign in ((x, x, 1), (y, y, 1), (x, y, -1), (y, x, -1)):
        cameras[:, a, b] += sign * row**2
    gradient[:, x] += row**2 * (fx - fy)
    gradient[:, y] -= row**2 * (fx - fy)


def costs_of(state: RigState, images: BoardImages, motion: BoardMotion, loss: Loss) -> Float64:
    """The cost of each image, ``(image,)`` px^2."""
    from .adjustment_kernels import image_costs

    out = np.empty(len(images.view))
    image_costs(
        *_arguments(state, images, motion), loss.scale**2, (loss.jitter / CORNER_NOISE) ** 2, out
    )
    return out


def cost_of(
    state: RigState, images: BoardImages, motion: BoardMotion, loss: Loss, priors: Priors | None
) -> float:
    """The cost of a state, px^2; infinite where it is not finite."""
    total = float(costs_of(state, images, motion, loss).sum())
    if priors is not None:
        total += CORNER_NOISE**2 * float(
            np.square((state.intrinsics - priors.mean) / priors.sd).sum()
        )
        fx, fy = state.intrinsics[:, FX], state.intrinsics[:, FY]
        total += CORNER_NOISE**2 * float(np.square((fx - fy) / (priors.aspect_sd * fx)).sum())
    return total if np.isfinite(total) else np.inf


def moved(state: RigState, cameras: Float64, boards: Float64) -> RigState:
    """A state after changes of the cameras ``(view, 16)`` and boards ``(frame, 6)``."""
    return replace(
        state,
        rotations=rotation_of(cameras[:, :3]) @ state.rotations,
        translations=state.translations + cameras[:, 3:6],
        intrinsics=state.intrinsics + cameras[:, INTRINSICS],
        clocks=state.clocks + cameras[:, CLOCK],
        board_rotations=rotation_of(boards[:, :3]) @ state.board_rotations,
        board_translations=state.board_translations + boards[:, 3:],
    )
