"""Images paired anew for as long as lags are found to change, and the rig fits better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...board.observations import BoardObservations
from ..board_poses import best_boards, board_candidates
from ..bundle_adjustment import Freedom, Loss, costs_of
from ..rig_state import LAST_LOSS, BoardImages, RigState
from .camera_clocks import Clocks, estimate_clocks
from .clock_course import ClockCourse, paired
from .lag_growth import MOST_GROWTH, Changes, lag_changes

_COURSES = 10  # rounds in which lags that change are followed
_GAIN = 0.99  # of the cost, above which a lag counts as constant
_REST = 0.02  # frames in the course of a recording, up to which a growth that was found is followed


class PairedImages(NamedTuple):
    """Images paired by a course of the clocks, and the rig that they give."""

    observations: BoardObservations
    course: ClockCourse
    state: RigState
    found: Clocks

    @property
    def best(self) -> RigState:
        return self.state if self.found.adjusted is None else self.found.adjusted.state

    @property
    def changes(self) -> Changes | None:
        """How the lags still change."""
        return lag_changes(
            self.best, self.found.images, self.found.motion, self.observations.frames
        )

    @property
    def cost(self) -> float:
        """Of a corner, px^2."""
        images = self.found.images
        costs = costs_of(self.best, images, self.found.motion, Loss(LAST_LOSS))
        return float(costs.sum() / max(images.observed.sum(), 1))


def followed(
    start: PairedImages, recorded: BoardObservations, freedom: Freedom, check: Callable[[], None]
) -> PairedImages:
    """Images paired anew for as long as lags are found to change, and the rig fits better."""
    changes, needed = start.changes, _GAIN
    # What is found of a change, of what was added: at first too little is.
    shown = np.ones(start.state.n_views)
    growing = np.zeros(start.state.n_views, bool)
    for _ in range(_COURSES):
        if changes is None:
            break
        growing |= changes.is_sure
        share = np.where(growing, 1 / shown, 0.0)
        growth = share * changes.growth
        trials = [changes.line(share)] if (np.abs(growth) * changes.span > _REST).any() else []
        trials += [changes.step()] if changes.jumps else []
        trials = [
            each
            for each in trials
            if np.abs(start.course.growth + each.growth).max() <= MOST_GROWTH
        ]
        found = [_paired_anew(start, each, recorded, freedom, check) for each in trials]
        if not found:
            break
        best = min(found, key=lambda each: each.cost)
        if not best.cost < needed * start.cost:
            break
        added = best.course.growth - start.course.growth
        before, start, needed = changes, best, 1.0
        changes = start.changes
        if changes is not None:
            with np.errstate(invalid="ignore", divide="ignore"):
                response = (before.growth - changes.growth) / added
            shown = np.where(added != 0, np.clip(response, 0.2, 1.0), shown)
    return start


def _paired_anew(
    start: PairedImages,
    change: ClockCourse,
    recorded: BoardObservations,
    freedom: Freedom,
    check: Callable[[], None],
) -> PairedImages:
    state = start.best
    course = start.course + ClockCourse.constant(state.clocks) + change
    observations, delays = paired(recorded, course)
    images = BoardImages.of(observations, delays)
    poses = board_candidates(images, state.intrinsics, state.fisheye)
    state = replace(
        state,
        clocks=np.zeros(state.n_views),
        board_rotations=np.tile(np.eye(3), (len(observations.frames), 1, 1)),
        board_translations=np.zeros((len(observations.frames), 3)),
    )
    state = best_boards(state, images, poses, current=False)
    found = estimate_clocks(state, observations, images, freedom, check, keep=True)
    return PairedImages(observations, course, state, found)
