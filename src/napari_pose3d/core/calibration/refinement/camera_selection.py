"""Which cameras have to move so that the views agree: as few as possible.

Notes
-----
A camera that was bumped explains by itself what is wrong. If all cameras were free, each would take
a share of its error and of the keypoints' own errors, and nothing would hold scale and origin. So
cameras are freed one by one, the one that helps most first, until the views agree as well as they
do with all cameras free. Networks err in the same way for a long time, so each step is judged on
other stretches of frames than it is fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.cameras.working_volume import image_size

from ..solve.rig_state import MEDIAN_LENGTH
from ..solve.rotations import cross_matrix, nearest_rotation
from .agreement import improvement
from .matched_points import MatchedPoints
from .point_adjustment import (
    DISTORTION,
    FOCAL,
    PRINCIPAL_POINT,
    ROTATION,
    TRANSLATION,
    PointAdjustment,
    PointsAdjusted,
    PointState,
    has_free_distortion,
)

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

SCALE_OVER_NOISE = 3.0
"""Cauchy's scale in the last fit, in standard deviations of the noise."""

# How far each unknown may be from its start: wide, it only holds what no point shows.
_TURN, _SHIFT, _ZOOM, _CENTRE, _BEND = 0.2, 0.2, 0.05, 0.02, 0.2
# Of the distance to the points: a camera that is bumped turns, and hardly leaves its place.
_PLACE = 0.005
# Further cameras are freed where that surely brings the views nearer together by so much.
_WORTH = 0.05
_FEWEST_NOISE = 0.05  # px
# Until the noise is known, steps need not lead to the last digit.
_ROUGHLY = 1e-4
_FEWEST_RAYS, _AIMS = 4, 10


@dataclass
class CameraFits:
    """Fits of a rig to points, with one or another camera free.

    Attributes
    ----------
    rig : Rig
    points : MatchedPoints
    unknowns : (11,) bool
        What may change of a free camera.
    check : callable
        Called before each step; may raise `Cancelled`.
    """

    rig: Rig
    points: MatchedPoints
    unknowns: Bool
    check: Callable[[], None] = lambda: None
    noise: float = field(default=1.0, init=False)
    start: Float64 = field(init=False)
    alike: Float64 = field(init=False)

    def __post_init__(self) -> None:
        self.start = self._triangulated(self.rig.names)
        middle = np.median(self.start, axis=0)
        self._pivots = np.zeros((len(self.rig.cameras), 3))
        if self.unknowns[TRANSLATION].any():
            self._pivots = np.array([c.rotation @ middle + c.translation for c in self.rig.cameras])
        self._sd = np.array([_spread(c, middle) for c in self.rig.cameras])
        self._depth = np.array([_depth(c, middle) for c in self.rig.cameras])
        self.alike = np.ones(len(self.rig.cameras))

    def noise_of(self, state: PointState) -> float:
        """Standard deviation of an observation's coordinate, px, from the residuals."""
        n = self.points.views.used.sum(axis=1)
        lengths = self._residuals(state) / np.sqrt(1 - 3 / (2 * np.maximum(n, 2)))[:, None]
        known = np.isfinite(lengths)
        return (
            max(float(np.median(lengths[known])) / MEDIAN_LENGTH, _FEWEST_NOISE)
            if known.any()
            else 1.0
        )

    def _widest(self, state: PointState) -> float:
        """The largest of the views' median residuals, px."""
        medians = [
            float(np.median(lengths[known])) if (known := np.isfinite(lengths)).any() else 0.0
            for lengths in self._residuals(state).T
        ]
        return max(medians)

    def _residuals(self, state: PointState) -> Float64:
        """Lengths ``(point, view)`` in px; NaN where not seen."""
        projected = Rig(state.cameras).project(state.xyz).transpose(1, 0, 2)
        lengths = np.linalg.norm(projected - self.points.views.xy, axis=-1)
        return np.where(self.points.views.used, lengths, np.nan)

    def with_all(self, cameras: Bool) -> PointsAdjusted:
        """All the given cameras free, from wide to narrow; sets `noise` and `alike`."""
        state = PointState.of(self.rig.cameras, self.start)
        problem = self.problem(cameras)
        self.noise = self.noise_of(state)
        wide = SCALE_OVER_NOISE * max(self.noise, self._widest(state))
        found = problem.solve(state, wide, most_steps=10, check=self.check)
        for _ in range(8):
            noise = self.noise_of(found.state)
            found = problem.solve(
                found.state,
                SCALE_OVER_NOISE * noise,
                most_steps=10,
                tolerance=_ROUGHLY,
                check=self.check,
            )
            settled = noise > 0.97 * self.noise
            self.noise = noise
            if settled:
                break
        self.alike = self._alikeness(cameras, found.state)
        return self.problem(cameras).solve(
            found.state, SCALE_OVER_NOISE * self.noise, check=self.check
        )

    def fit(
        self, cameras: Bool, start: PointState | None = None, new: int | None = None
    ) -> PointsAdjusted:
        """The given cameras free, from a start; points of a camera freed newly begin without it."""
        last = SCALE_OVER_NOISE * self.noise
        state = PointState.of(self.rig.cameras, self.start) if start is None else start
        if new is not None and len(self.rig.cameras) > 2:
            others = [name for i, name in enumerate(self.rig.names) if i != new]
            state = PointState(state.cameras, self._triangulated(others, state), state.total)
            if self.unknowns[ROTATION].any():
                state = self._aimed(state, new)
        problem = self.problem(cameras)
        scale = max(SCALE_OVER_NOISE * self._widest(state), last)
        while scale > 1.5 * last:
            state = problem.solve(state, scale, most_steps=8, check=self.check).state
            scale = max(min(scale / 4, SCALE_OVER_NOISE * self._widest(state)), last)
        return problem.solve(state, last, check=self.check)

    def _aimed(self, state: PointState, view: int) -> PointState:
        """A camera turned in its place so that it looks at the points.

        Otherwise a camera that is far off may see them where its distortion folds back, if at all,
        and a fit has nothing to begin with.
        """
        camera = state.cameras[view]
        used = self.points.views.used[:, view]
        rays = Rig((camera,)).undistort(self.points.views.xy[None, used, view])[0]
        place = (state.xyz[used] - camera.centre) @ camera.rotation.T
        known = np.isfinite(rays).all(axis=-1)
        if known.sum() < _FEWEST_RAYS:
            return state
        seen = np.concatenate([rays[known], np.ones((int(known.sum()), 1))], axis=1)
        seen /= np.linalg.norm(seen, axis=1)[:, None]
        wanted = place[known] / np.linalg.norm(place[known], axis=1)[:, None]
        turn, weight = np.eye(3), np.ones(len(seen))
        for _ in range(_AIMS):
            turn = nearest_rotation((weight[:, None] * seen).T @ wanted)
            away = np.linalg.norm(seen - wanted @ turn.T, axis=1)
            weight = 1 / (1 + (away / max(float(np.median(away)), 1e-12)) ** 2)
        aimed = replace(
            camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation
        )
        cameras = (*state.cameras[:view], aimed, *state.cameras[view + 1 :])
        proposed = replace(state, cameras=cameras)
        old, new = (
            np.nan_to_num(self._residuals(each)[used, view], nan=np.inf)
            for each in (state, proposed)
        )
        return proposed if np.median(new) < np.median(old) else state

    def continued(
        self, points: MatchedPoints, found: PointsAdjusted, cameras: Bool
    ) -> tuple[CameraFits, PointsAdjusted]:
        """The same cameras free, from where they are, for more points."""
        more = CameraFits(self.rig, points, self.unknowns, self.check)
        more.noise, more.alike = self.noise, self.alike
        more._pivots = self._pivots
        state = PointState(found.state.cameras, more.start, found.state.total)
        state = replace(state, xyz=more._triangulated(self.rig.names, state))
        last = SCALE_OVER_NOISE * self.noise
        return more, more.problem(cameras).solve(state, last, check=self.check)

    def problem(self, cameras: Bool) -> PointAdjustment:
        """Bundle adjustment of the given cameras ``(view,)`` and all points."""
        free = cameras[:, None] & self.unknowns[None]
        for i, camera in enumerate(self.rig.cameras):
            if not has_free_distortion(camera):
                free[i, DISTORTION] = False
        prior = self.noise**2 * (np.eye(self._sd.shape[1]) / np.square(self._sd)[:, None])
        if self.unknowns[ROTATION].all() and self.unknowns[TRANSLATION].all():
            for c, moves in enumerate(self._moves_of_place()):
                weight = self.alike[c] * (self.noise / (_PLACE * self._depth[c])) ** 2
                prior[c] += weight * (moves.T @ moves)
        return PointAdjustment(self.points.views, free, self._pivots, prior)

    def _moves_of_place(self) -> Float64:
        """How the place of each camera changes with its unknowns, ``(view, 3, 11)``."""
        out = np.zeros((len(self._pivots), 3, self._sd.shape[1]))
        out[:, :, ROTATION] = -cross_matrix(self._pivots)
        out[:, :, TRANSLATION] = -np.eye(3)
        return out

    def _alikeness(self, cameras: Bool, state: PointState) -> Float64:
        """How many points say what one would say if all erred by themselves, ``(view,)``.

        Networks err alike in neighbouring frames, so that a camera's place is known much worse
        than the number of points suggests; a prior must not drown in that number.
        """
        problem = self.problem(cameras)
        scale = SCALE_OVER_NOISE * self.noise
        groups = [numbered(each) for each in (self.points.block, self.points.keypoint)]
        found = problem.covariance(state, scale, *groups)
        alone = self.noise**2 * problem.covariance_if_independent(state, scale)
        out, start = np.ones(len(cameras)), 0
        for c, moves in enumerate(self._moves_of_place()):
            n = int(problem.free[c].sum())
            own, moves = slice(start, start + n), moves[:, problem.free[c]]
            start += n
            known = float(np.trace(moves @ alone[own, own] @ moves.T))
            if known > 0:
                out[c] = max(1.0, float(np.trace(moves @ found[own, own] @ moves.T)) / known)
        return out

    def _triangulated(self, names: Sequence[str], state: PointState | None = None) -> Float64:
        """Points from the named views where two of them see it, else from all."""
        rig = self.rig if state is None else Rig(state.cameras)
        xy = self.points.xy
        index = [self.rig.names.index(name) for name in names]
        found = triangulate(rig.subset(names), xy[index], robust="auto", threads=1).xyz
        if state is not None:
            return np.where(np.isfinite(found), found, state.xyz)
        unknown = ~np.isfinite(found).all(axis=-1)
        middle = np.nanmedian(found, axis=0)
        if not np.isfinite(middle).all():
            middle = np.zeros(3)
        found[unknown] = middle
        return found


@dataclass(frozen=True, eq=False)
class Selection:
    """What moved.

    Attributes
    ----------
    fit : PointsAdjusted
    moved : (view,) bool
        Cameras that were free in it.
    candidates : tuple of int
        Cameras each of which alone would make the views agree as well as the one that was chosen,
        that one among them; empty where several moved.
    """

    fit: PointsAdjusted
    moved: Bool
    candidates: tuple[int, ...]


def select_cameras(fits: CameraFits, movable: Bool) -> Selection:
    """Free as few of the movable cameras as make the views agree.

    Whether it helps to free one more is judged on stretches of frames that these fits do not see;
    the last fit then sees all.
    """
    blocks = np.unique(fits.points.block)
    aside = np.isin(fits.points.block, blocks[1::3])
    if not 0 < aside.sum() < len(aside):
        return Selection(fits.with_all(movable), movable, ())
    trial = CameraFits(fits.rig, fits.points.at(~aside), fits.unknowns, fits.check)
    chosen, candidates = _chosen(trial, fits.points.at(aside), movable)
    fits.noise, fits.alike = trial.noise, trial.alike
    if chosen.sum() == movable.sum():
        return Selection(fits.with_all(chosen), chosen, candidates)
    new = int(np.flatnonzero(chosen)[0]) if chosen.sum() == 1 else None
    return Selection(fits.fit(chosen, None, new), chosen, candidates)


def _chosen(fits: CameraFits, aside: MatchedPoints, movable: Bool) -> tuple[Bool, tuple[int, ...]]:
    """Which cameras to free, and which of them could be the only one."""
    with_all = fits.with_all(movable)
    free_rig = Rig(with_all.state.cameras)
    chosen = np.zeros(len(movable), bool)
    best = PointsAdjusted(PointState.of(fits.rig.cameras, fits.start), np.inf)
    candidates: tuple[int, ...] = ()
    while True:
        open_ones = np.flatnonzero(movable & ~chosen)
        # One camera at least holds the others, two hold the scale as well.
        if not len(open_ones) or (chosen.any() and chosen.sum() + 1 > len(movable) - 2):
            break
        trials = []
        for i in open_ones:
            cameras = chosen.copy()
            cameras[i] = True
            trials.append(fits.fit(cameras, best.state if chosen.any() else None, int(i)))
        at = int(np.argmin([trial.cost for trial in trials]))
        rig, before = Rig(trials[at].state.cameras), Rig(best.state.cameras)
        if not improvement(before, rig, aside).is_surely_above(_WORTH if chosen.any() else 0.0):
            break
        chosen[open_ones[at]] = True
        best = trials[at]
        if chosen.sum() == 1:
            others = [
                int(i)
                for i, trial in zip(open_ones, trials, strict=True)
                if trial is best
                or not improvement(Rig(trial.state.cameras), rig, aside).is_surely_above(0.0)
            ]
            candidates = tuple(others)
    by_all = improvement(Rig(best.state.cameras), free_rig, aside)
    if by_all.is_surely_above(_WORTH if chosen.any() else 0.0):
        return movable, ()
    if not chosen.any():
        # Nothing helps for sure; the points left out of all fits have the last word.
        chosen[open_ones[at]] = True
    return chosen, candidates if chosen.sum() == 1 else ()


def _spread(camera: Camera, middle: Float64) -> Float64:
    """Standard deviations of the prior on a camera's unknowns, ``(11,)``."""
    depth = _depth(camera, middle)
    width, height = image_size(camera)
    reach = max(float(camera.matrix[0, 0]) / (0.5 * float(np.hypot(width, height))), 1.0)
    sd = np.empty(11)
    sd[ROTATION], sd[TRANSLATION], sd[FOCAL] = _TURN, _SHIFT * depth, _ZOOM
    sd[PRINCIPAL_POINT] = _CENTRE * width
    sd[DISTORTION] = _BEND * reach**2, _BEND * reach**4
    return sd


def _depth(camera: Camera, middle: Float64) -> float:
    return abs(float((camera.rotation @ middle + camera.translation)[2])) or 1.0


def numbered(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups, counted from 0."""
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)
