"""The world that long lenses mistake for the true one: everything mirrored in depth.

Notes
-----
Without perspective, a scene and its mirror image in depth, seen by cameras that are turned the
other way round, give the same pixels. With little of it a fit may settle in the wrong one, or with
single boards in the wrong one, and no step of Gauss-Newton's leads out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .rig_state import RigState

Float64 = NDArray[np.float64]

_FLAT = 0.05
_TURNED_PLANE = np.diag([1.0, 1.0, -1.0])  # leaves what lies in the plane of the board


def is_flat(state: RigState, points: Float64) -> bool:
    """Whether boards are so small, as seen from the cameras, that depth hardly shows.

    Parameters
    ----------
    points : (corner, 3)
        Of the board, mm.
    """
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    place = state.board_translations
    depth = np.einsum("cj,fj->cf", state.rotations[:, 2], place) + state.translations[:, 2:]
    return bool(size < _FLAT * np.median(np.abs(depth)))


def mirrored(state: RigState) -> RigState:
    """Cameras and boards mirrored in depth about the middle of the boards."""
    middle, reflection = _mirror(state)
    rotations = np.diag([1.0, 1.0, -1.0]) @ state.rotations @ reflection
    at = state.rotations @ middle + state.translations
    return replace(
        state,
        rotations=rotations,
        translations=at - rotations @ middle,
        board_rotations=reflection @ state.board_rotations @ _TURNED_PLANE,
        board_translations=middle + (state.board_translations - middle) @ reflection,
    )


def boards_mirrored(state: RigState, points: Float64) -> RigState:
    """Each board mirrored in depth about its own middle, the cameras as they are."""
    _, reflection = _mirror(state)
    centre = points.mean(axis=0)
    rotations = reflection @ state.board_rotations @ _TURNED_PLANE
    middles = state.board_rotations @ centre + state.board_translations
    return replace(
        state, board_rotations=rotations, board_translations=middles - rotations @ centre
    )


def _mirror(state: RigState) -> tuple[Float64, Float64]:
    """The middle of the boards, and the reflection along the mean line of sight."""
    middle = np.median(state.board_translations, axis=0)
    centres = -np.einsum("cji,cj->ci", state.rotations, state.translations)
    sight = middle - centres
    sight /= np.linalg.norm(sight, axis=1)[:, None]
    along = sight.mean(axis=0)
    along /= max(float(np.linalg.norm(along)), 1e-12)
    return middle, np.eye(3) - 2 * np.outer(along, along)
