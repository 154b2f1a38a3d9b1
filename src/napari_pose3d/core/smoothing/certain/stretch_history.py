"""What stretches of a result were before a person gave positions, so that undo is exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result

State = frozenset[tuple[tuple[int, int, int], tuple[float, float]]]
"""Cells (view, frame, keypoint) of one keypoint and the positions that a person gave there."""


@dataclass
class _Step:
    """One change of a keypoint: its positions before, and what stretches held then."""

    state: State
    stretches: list[tuple[int, int, list[NDArray[np.generic]]]] = field(default_factory=list)


class StretchHistory:
    """What a result held before each change of a keypoint, newest last.

    Smoothing a stretch again with the positions that were there before comes near what was there,
    not to it: the whole recording was smoothed at once. So it is remembered, some hundred kilobytes
    for each change.

    Parameters
    ----------
    result : Result
        Its arrays are restored in place.
    """

    def __init__(self, result: Result) -> None:
        self._result = result
        self._steps: dict[int, list[_Step]] = {}

    def begin(self, k: int, state: State) -> None:
        """A keypoint is about to change from these positions."""
        self._steps.setdefault(k, []).append(_Step(state))

    def keep(self, k: int, first: int, last: int) -> None:
        """Remember frames ``first`` to ``last``, which the change that was begun will write."""
        values = [each.copy() for each in self._parts(k, first, last)]
        self._steps[k][-1].stretches.append((first, last, values))

    def restore(self, k: int, state: State) -> list[tuple[int, int]] | None:
        """Bring back what the result was with these positions of a keypoint.

        Returns
        -------
        list of (int, int) or None
            First and last frames of what was written, overlapping ones joined; None where the
            keypoint never had these positions, and nothing is done.
        """
        steps = self._steps.get(k, [])
        if not any(each.state == state for each in steps):
            return None
        written: list[tuple[int, int]] = []
        while True:
            step = steps.pop()
            for first, last, values in reversed(step.stretches):
                for part, value in zip(self._parts(k, first, last), values, strict=True):
                    part[...] = value
                written.append((first, last))
            if step.state == state:
                return _joined(written)

    def _parts(self, k: int, first: int, last: int) -> Iterator[NDArray[np.generic]]:
        """Views of everything that a change writes."""
        poses, space, part = self._result.poses2d, self._result.poses3d, slice(first, last + 1)
        assert space is not None
        for by_frame in (space.xyz, space.covariance, space.n_views, space.inferred):
            yield by_frame[part, k]
        for values in space.differences:
            yield values[part, k]
        for by_view in (
            space.residuals,
            poses.xy,
            poses.likelihood,
            poses.variance,
            poses.ensemble_median,
            poses.ensemble_variance,
        ):
            assert by_view is not None
            yield by_view[:, part, k]


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for first, last in sorted(stretches):
        if out and first <= out[-1][1] + 1:
            out[-1] = out[-1][0], max(last, out[-1][1])
        else:
            out.append((first, last))
    return out
