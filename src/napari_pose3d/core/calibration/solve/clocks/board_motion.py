"""How the board moves, from its poses in neighbouring frames: what the cameras' clocks need.

Notes
-----
Around each frame the board's pose is a parabola through that frame and its neighbours, which may
be up to two frames away; with one neighbour it is a line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rig_state import BoardImages, BoardMotion, RigState
from ..rotations import vector_of

Float64 = NDArray[np.float64]

_MOST_GAP = 2
# A board that turns further than this between two frames was taken for its mirror image.
_MOST_TURN = np.radians(60.0)


def motion_of(state: RigState, frames: NDArray[np.int64]) -> BoardMotion:
    """Velocities and accelerations of the board at each frame.

    Parameters
    ----------
    state : RigState
    frames : (frame,) int
        Frame numbers of the state's boards.
    """
    n = len(frames)
    if n < 2:
        return BoardMotion.still(n)
    rotations = state.board_rotations
    turn = vector_of(rotations[1:] @ np.swapaxes(rotations[:-1], -1, -2))
    shift = np.diff(state.board_translations, axis=0)
    step = np.diff(frames).astype(float)
    usable = (step <= _MOST_GAP) & (np.linalg.norm(turn, axis=1) < _MOST_TURN)
    before = np.concatenate([[False], usable])
    after = np.concatenate([usable, [False]])
    first, last = np.zeros(3)[None], np.zeros(1)
    result = []
    for change in (turn, shift):
        # Change from the frame before, and to the one after.
        back = np.concatenate([first, change])
        forth = np.concatenate([change, first])
        h1 = np.where(before, np.concatenate([last, step]), 1.0)[:, None]
        h2 = np.where(after, np.concatenate([step, last]), 1.0)[:, None]
        both = (before & after)[:, None]
        total = h1 + h2
        speed = np.where(both, (back * h2 / h1 + forth * h1 / h2) / total, 0.0)
        bend = np.where(both, 2 * (forth / h2 - back / h1) / total, 0.0)
        speed += np.where((before & ~after)[:, None], back / h1, 0.0)
        speed += np.where((after & ~before)[:, None], forth / h2, 0.0)
        result += [speed, bend]
    return BoardMotion(result[0], result[2], result[1], result[3], before | after)


def with_known_motion(images: BoardImages, motion: BoardMotion) -> BoardImages:
    """Without images whose instants cannot be distinguished.

    Where nothing says how the board moves, only the fullest image of the frame counts.
    """
    order = np.lexsort((images.view, -images.observed.sum(axis=1), images.frame))
    fullest = np.zeros(len(order), bool)
    _, start = np.unique(images.frame[order], return_index=True)
    fullest[order[start]] = True
    return images.at(motion.known[images.frame] | fullest)
