"""A camera that was moved during the recording: which, when, and how far.

Notes
-----
For short stretches of frames the small turn of each camera is found that best explains the
residuals, with the points free to move. Where a camera was bumped, that turn jumps and stays. The
errors of networks wander as well, but slowly, so a jump is compared with those at all other
times, never with what independent errors would give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

from ..refinement.point_adjustment import ROTATION, PointAdjustment, PointState, PointViews
from ..solve.rig_state import MEDIAN_LENGTH

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 10  # frames
_MOST_BLOCKS = 400
_FEWEST_BLOCKS = 8
_MOST_POINTS = 240  # of a block
# Stretches before and after that a jump is found in, and over which it has to last.
_NEAR, _FAR = 4, 12
_SCALE_OVER_NOISE = 3.0
# A jump is a bump where its gain is so many times the usual one, and it moves points by so much.
_OUTSTANDING = 18.0
_LEAST_PX = 1.5
# A bump lasts: of the jump, so much is left after a while.
_LASTING = 0.5
# Keypoints are looked at in so many parts.
_PARTS = 4
# Cameras that explain the jump nearly as well: a gain that stands out so many times is itself known
# to within about this over the root of that number, as a share.
_GAIN_ERROR = 2.0


@dataclass(frozen=True)
class Bump:
    """A camera was moved.

    Attributes
    ----------
    cameras : tuple of str
        The one that was moved; several where it cannot be told which of them.
    frame : int
        The first frame after it.
    moved_px : float
        How far its image moved.
    degrees : float
        The angle that this is; turning about its axis moves points in the middle little.
    times_usual : float
        How far the gain stands out among those at all other times.
    """

    cameras: tuple[str, ...]
    frame: int
    moved_px: float
    degrees: float
    times_usual: float


class _Sums(NamedTuple):
    """Normal equations of the turns of all cameras by stretch, points eliminated."""

    information: Float64  # (stretch, 3 * view, 3 * view)
    gradient: Float64  # (stretch, 3 * view)

    def turns(self, at: slice) -> tuple[Float64, Float64]:
        """Of each camera by itself: ``(view, 3, 3)`` and ``(view, 3)`` summed over stretches."""
        information, gradient = self.information[at].sum(axis=0), self.gradient[at].sum(axis=0)
        n = len(gradient) // 3
        own = [information[3 * c : 3 * c + 3, 3 * c : 3 * c + 3] for c in range(n)]
        return np.array(own), gradient.reshape(n, 3)


def find_bump(rig: Rig, xy: NDArray[np.floating]) -> Bump | None:
    """The clearest bump of a recording; None where there is none.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    xy : (view, frame, keypoint, 2)
        px; NaN where missing. Frames follow one another in time.
    """
    n_frames = xy.shape[1]
    length = max(_BLOCK, -(-n_frames // _MOST_BLOCKS))
    n_blocks = n_frames // length
    if len(rig.cameras) < 2 or n_blocks < _FEWEST_BLOCKS:
        return None
    solver = TurnSolver(rig, xy)
    sums = solver.sums([range(b * length, (b + 1) * length) for b in range(n_blocks)])
    gains = np.zeros((len(rig.cameras), n_blocks))
    for cut in range(2, n_blocks - 1):
        before = slice(max(0, cut - _NEAR), cut)
        after = slice(cut, min(n_blocks, cut + _NEAR))
        gains[:, cut] = _gain(sums, before, after)
    inner = gains[:, 2 : n_blocks - 1]
    usual = np.maximum(np.median(inner, axis=1), _least_gain(solver.noise))
    ratio = gains / usual[:, None]
    cut = int(np.argmax(ratio.max(axis=0)))
    view = int(np.argmax(gains[:, cut]))
    if ratio[view, cut] < _OUTSTANDING:
        return None
    before, after = slice(max(0, cut - _NEAR), cut), slice(cut, min(n_blocks, cut + _NEAR))
    turn = _jump(sums, view, before, after)
    wide = _jump(sums, view, slice(max(0, cut - _FAR), cut), slice(cut, min(n_blocks, cut + _FAR)))
    metric = solver.metric(view)
    squared = float(turn @ metric @ turn)
    if wide @ metric @ turn < _LASTING * squared or squared < _LEAST_PX**2:
        return None
    if not _shared(solver, view, cut, length, turn @ metric):
        return None
    moved = float(np.sqrt(squared))
    # Of two cameras, each explains what the other does.
    share = 1 - _GAIN_ERROR / np.sqrt(ratio[view, cut]) if len(rig.cameras) > 2 else 0.0
    alike = np.flatnonzero(gains[:, cut] >= share * gains[view, cut])
    frame = _exact(solver, sums, view, cut, length, n_frames)
    return Bump(
        tuple(rig.names[i] for i in alike),
        frame,
        moved,
        float(np.degrees(np.arctan(moved / abs(rig.cameras[view].matrix[0, 0])))),
        float(ratio[view, cut]),
    )


class TurnSolver:
    """Normal equations of small turns, for stretches of a recording."""

    def __init__(self, rig: Rig, xy: NDArray[np.floating]) -> None:
        self.rig, self.xy = rig, xy
        self.noise = 1.0
        self._xyz: list[Float64] = []

    def sums(self, stretches: Sequence[range]) -> _Sums:
        """Of each stretch, thinned out where it holds many points."""
        points = [self._points(stretch) for stretch in stretches]
        used = [np.asarray(np.isfinite(each).all(axis=-1), bool).T for each in points]
        together = np.concatenate(points, axis=1)
        solved = triangulate(self.rig, together, robust="auto", threads=1)
        lengths = solved.residuals
        if not self._xyz:
            seen = np.isfinite(together).all(axis=-1).sum(axis=0)
            freedom = np.sqrt(1 - 3 / (2 * np.maximum(seen, 2)))
            values = (lengths / freedom)[np.isfinite(lengths)]
            self.noise = max(float(np.median(values)) / MEDIAN_LENGTH, 0.05) if len(values) else 1.0
            self._xyz = [solved.xyz]
        n = 3 * len(self.rig.cameras)
        information, gradient = np.zeros((len(points), n, n)), np.zeros((len(points), n))
        start = 0
        for b, (each, seen_by) in enumerate(zip(points, used, strict=True)):
            xyz = solved.xyz[start : start + each.shape[1]]
            start += each.shape[1]
            good = np.asarray(np.isfinite(xyz).all(axis=1))
            if not good.any():
                continue
            views = PointViews(
                np.nan_to_num(each.transpose(1, 0, 2)[good]),
                np.ascontiguousarray(seen_by[good]),
            )
            problem = self._problem(views)
            state = PointState.of(self.rig.cameras, xyz[good])
            # The points are at their best under the robust cost, not under the linear one.
            state = (
                self._points_only(views)
                .solve(state, _SCALE_OVER_NOISE * self.noise, most_steps=3)
                .state
            )
            information[b], gradient[b] = problem.normal_equations(
                state, _SCALE_OVER_NOISE * self.noise
            )
        return _Sums(information, gradient)

    def metric(self, view: int) -> Float64:
        """Matrix M with ``w^T M w`` the mean square in px^2 by which a turn w moves the points."""
        camera = self.rig.cameras[view]
        xyz = self._xyz[0]
        xyz = xyz[np.isfinite(xyz).all(axis=1)]
        place = xyz[:: max(1, len(xyz) // 200)] @ camera.rotation.T + camera.translation
        x, y = (place[:, :2] / place[:, 2:]).T
        focal = abs(float(camera.matrix[0, 0]))
        flow = np.empty((len(x), 2, 3))
        flow[:, 0] = np.stack([-x * y, 1 + x * x, -y], axis=1)
        flow[:, 1] = np.stack([-1 - y * y, x * y, x], axis=1)
        return np.asarray(focal**2 * np.einsum("pij,pik->jk", flow, flow) / max(len(x), 1))

    def parts(self, n_parts: int) -> Iterator[TurnSolver]:
        """The same for every n-th keypoint, with the noise of all."""
        for part in range(n_parts):
            own = TurnSolver(self.rig, self.xy[:, :, part::n_parts])
            own.noise = self.noise
            yield own

    def _points(self, stretch: range) -> Float64:
        """Points of a stretch that two views see, ``(view, point, 2)``."""
        step = max(1, len(stretch) * self.xy.shape[2] // _MOST_POINTS)
        part = self.xy[:, stretch.start : stretch.stop : step]
        flat = part.reshape(len(part), -1, 2)
        usable = np.isfinite(flat).all(axis=-1).sum(axis=0) > 1
        return np.asarray(flat[:, usable], dtype=np.float64)

    def _problem(self, views: PointViews) -> PointAdjustment:
        n = len(self.rig.cameras)
        free = np.zeros((n, 11), bool)
        free[:, ROTATION] = True
        return PointAdjustment(views, free, np.zeros((n, 3)), np.zeros((n, 11, 11)))

    def _points_only(self, views: PointViews) -> PointAdjustment:
        n = len(self.rig.cameras)
        return PointAdjustment(
            views, np.zeros((n, 11), bool), np.zeros((n, 3)), np.zeros((n, 11, 11))
        )


def _gain(sums: _Sums, before: slice, after: slice) -> Float64:
    """By how much a jump of each camera between two spans lowers the cost, ``(view,)`` px^2."""
    (a, g), (b, h) = sums.turns(before), sums.turns(after)
    apart = turn_gain(a, g) + turn_gain(b, h)
    return np.asarray(apart - turn_gain(a + b, g + h))


def _jump(sums: _Sums, view: int, before: slice, after: slice) -> Float64:
    """The turn of a camera between two spans, ``(3,)`` rad."""
    (a, g), (b, h) = sums.turns(before), sums.turns(after)
    return np.asarray(-np.linalg.pinv(b[view]) @ h[view] + np.linalg.pinv(a[view]) @ g[view])


def _shared(solver: TurnSolver, view: int, cut: int, length: int, along: Float64) -> bool:
    """Whether all parts of the animal jump: else it is a posture, not the camera.

    Parameters
    ----------
    along : (3,)
        The jump times the metric, so that its product with a jump is in px^2.
    """
    n_keypoints = solver.xy.shape[2]
    n_parts = min(_PARTS, n_keypoints)
    first = max(0, cut - _NEAR) * length
    middle = cut * length
    last = min(middle + _NEAR * length, solver.xy.shape[1])
    spans = [range(first, middle), range(middle, last)]
    jumps = []
    for part in range(n_parts):
        own = TurnSolver(solver.rig, solver.xy[:, :, part::n_parts])
        own.noise = solver.noise
        jumps.append(_jump(own.sums(spans), view, slice(0, 1), slice(1, 2)))
    shares = np.array(jumps) @ along
    return bool(np.all(shares > _LASTING * np.median(shares)) and np.median(shares) > 0)


def turn_gain(matrices: Float64, vectors: Float64) -> Float64:
    """``g^T S^-1 g`` of each camera; directions that nothing is known about count nothing."""
    inverse = np.linalg.pinv(matrices, rcond=1e-9, hermitian=True)
    return np.asarray(np.einsum("ci,cij,cj->c", vectors, inverse, vectors))


def _least_gain(noise: float) -> float:
    """What independent errors give: the median of chi-squared with three degrees of freedom."""
    return 2.366 * noise**2


def _exact(solver: TurnSolver, sums: _Sums, view: int, cut: int, length: int, n_frames: int) -> int:
    """The frame of a bump known to a stretch: the best border within the two around it."""
    first, last = max(0, (cut - 1) * length), min((cut + 1) * length, n_frames)
    left = slice(max(0, cut - 1 - _NEAR), cut - 1)
    right = slice(cut + 1, cut + 1 + _NEAR)
    outer = [sums.turns(left), sums.turns(right)]
    while True:
        step = max(1, (last - first) // 20)
        starts = list(range(first, last, step))
        cells = solver.sums([range(s, min(s + step, last)) for s in starts])
        best, at = -np.inf, first
        for i in range(len(starts) + 1):
            (a, g), (b, h) = cells.turns(slice(0, i)), cells.turns(slice(i, None))
            a, g = a + outer[0][0], g + outer[0][1]
            b, h = b + outer[1][0], h + outer[1][1]
            gain = float((turn_gain(a, g) + turn_gain(b, h))[view])
            if gain > best:
                best, at = gain, starts[i] if i < len(starts) else last
        if step == 1:
            return at
        # Cells before and after those next to the border belong to the spans.
        low, high = max(first, at - step), min(last, at + step)
        i, j = (low - first) // step, -(-(high - first) // step)
        for k, part in ((0, slice(0, i)), (1, slice(j, None))):
            a, g = cells.turns(part)
            outer[k] = (outer[k][0] + a, outer[k][1] + g)
        first, last = low, high
