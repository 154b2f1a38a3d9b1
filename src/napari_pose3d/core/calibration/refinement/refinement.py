"""A rig mended from points that its views share: labels, or confident predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError

from ..solve.rotations import angle_between
from .agreement import Improvement, improvement
from .camera_selection import (
    SCALE_OVER_NOISE,
    CameraFits,
    Selection,
    numbered,
    select_cameras,
)
from .matched_points import MatchedPoints, split_points
from .point_adjustment import (
    DISTORTION,
    FOCAL,
    PRINCIPAL_POINT,
    ROTATION,
    TRANSLATION,
    PointAdjustment,
    PointState,
)
from .similarity import kept_world, pinholes

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

Free = Literal["extrinsics", "rotation", "translation", "focal", "all"]

FREE: dict[Free, tuple[slice, ...]] = {
    "extrinsics": (ROTATION, TRANSLATION),
    "rotation": (ROTATION,),
    "translation": (TRANSLATION,),
    "focal": (ROTATION, TRANSLATION, FOCAL),
    "all": (ROTATION, TRANSLATION, FOCAL, PRINCIPAL_POINT, DISTORTION),
}
"""What may change of a camera: "focal" and "all" include its pose, "all" k1 and k2 as well."""

_SURELY_MOVED = 3.0  # standard deviations
_LEAST_SHIFT = 0.25  # px
_FLAT = 10.0  # times: one degree moves points by so much less than it would about the camera


@dataclass(frozen=True)
class CameraChange:
    """How a camera changed.

    Attributes
    ----------
    camera : str
    turned : float
        Angle between its old and new orientation, degrees.
    shifted : float
        Distance between its old and new position, rig units.
    moved_px : float
        Median distance in its image between where the old and the new camera show the points.
    uncertainty_px : float
        Standard deviation of that, from the scatter between stretches of frames and keypoints.
    uncertainty_degrees : float
        Standard deviation of the turn; large where turning and shifting the camera look alike.
    is_moved : bool
        It moved by more than its uncertainty: it was bumped, or its calibration was wrong.
    """

    camera: str
    turned: float
    shifted: float
    moved_px: float
    uncertainty_px: float
    uncertainty_degrees: float
    is_moved: bool


@dataclass(frozen=True, eq=False)
class Refinement:
    """A rig mended.

    Attributes
    ----------
    rig : Rig
        Scale, origin and orientation of the world are kept.
    improvement : Improvement
        Before and after, on points that were left out of a first fit; the rig was then fitted to
        all.
    cameras : tuple of CameraChange
    candidates : tuple of str
        Cameras one of which was moved, where it cannot be told which: moving any of them makes the
        views agree. Empty where it is certain, or where several moved.
    n_points, n_left_out : int
        Of the first fit, and left out of it.
    notes : tuple of str
    """

    rig: Rig
    improvement: Improvement
    cameras: tuple[CameraChange, ...]
    candidates: tuple[str, ...]
    n_points: int
    n_left_out: int
    notes: tuple[str, ...]

    @property
    def moved(self) -> tuple[str, ...]:
        """Names of the cameras that moved by more than their uncertainty."""
        return tuple(each.camera for each in self.cameras if each.is_moved)

    def figures(self) -> dict[str, Any]:
        """All figures, for JSON."""
        return {
            "left_out": {
                each.view: {"before_px": each.before, "after_px": each.after, "n": each.n}
                for each in self.improvement.views
            },
            "gain": self.improvement.share,
            "gain_standard_error": self.improvement.share_error,
            "cameras": {
                each.camera: {
                    "turned_degrees": each.turned,
                    "shifted": each.shifted,
                    "moved_px": each.moved_px,
                    "uncertainty_px": each.uncertainty_px,
                    "uncertainty_degrees": each.uncertainty_degrees,
                    "moved": each.is_moved,
                }
                for each in self.cameras
            },
            "candidates": list(self.candidates),
            "n_points": self.n_points,
            "n_points_left_out": self.n_left_out,
            "notes": list(self.notes),
        }


def refine(
    rig: Rig,
    xy: NDArray[np.floating],
    *,
    free: Free = "extrinsics",
    fixed: Sequence[str] = (),
    all_cameras: bool = False,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
) -> Refinement:
    """Mend a rig so that its views agree about points.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    xy : (view, frame, keypoint, 2)
        Labels or confident predictions in px of the rig's images; NaN where missing. Any number of
        views may miss a point.
    free : {"extrinsics", "rotation", "translation", "focal", "all"}
        What may change of a camera that moves, see `FREE`.
    fixed : sequence of str
        Cameras that must stay as they are.
    all_cameras : bool
        Change all cameras that are not fixed, rather than as few as make the views agree.
    seed : int
        Which stretches of frames are left out of the fit.
    check : callable
        Called before each step; may raise `Cancelled`.

    Raises
    ------
    PoseDataError
        Too few points; nothing may change; or the views would not agree better on the points that
        were left out of the fit.
    """
    movable = _movable(rig, xy, free, fixed)
    fitted, judged = split_points(xy, seed=seed)
    unknowns = np.zeros(11, bool)
    for part in FREE[free]:
        unknowns[part] = True
    fits = CameraFits(rig, fitted, unknowns, check)
    if all_cameras:
        selection = Selection(fits.with_all(movable), movable, ())
    else:
        selection = select_cameras(fits, movable)
    state = _in_the_old_world(fits, selection)
    refined = replace(rig, cameras=state.cameras)
    gained = improvement(rig, refined, judged)
    if not gained.is_surely_above(0.0):
        raise PoseDataError(
            f"the rig would not become better: {gained}",
            file=rig.path,
            expected="a gain of more than two standard errors",
            todo="Keep the rig; or give more frames, or points that are labeled more exactly",
        )
    # It is better than the one before: now what was left out helps as well.
    fits, fit = fits.continued(fitted.with_points(judged), selection.fit, selection.moved)
    selection = replace(selection, fit=fit)
    state = _in_the_old_world(fits, selection)
    refined = replace(rig, cameras=state.cameras)
    changes = _changes(fits, selection, state)
    candidates = tuple(rig.names[i] for i in selection.candidates)
    return Refinement(
        refined,
        gained,
        changes,
        candidates if len(candidates) > 1 else (),
        len(fitted),
        len(judged),
        tuple(_notes(changes, candidates)),
    )


def _movable(rig: Rig, xy: NDArray[np.floating], free: Free, fixed: Sequence[str]) -> Bool:
    if xy.ndim != 4 or len(xy) != len(rig.cameras) or xy.shape[-1] != 2:
        raise PoseDataError(
            f"the points have shape {xy.shape}",
            expected=f"({len(rig.cameras)}, frame, keypoint, 2), one entry per camera",
        )
    if len(rig.cameras) < 2:
        raise PoseDataError("a rig of one camera cannot be refined", expected="two or more")
    if free not in FREE:
        raise PoseDataError(f"'{free}' cannot be freed", expected=f"one of {', '.join(FREE)}")
    if strangers := [name for name in fixed if name not in rig.names]:
        raise PoseDataError(
            f"no camera is called {', '.join(strangers)}",
            expected=f"cameras to keep among {', '.join(rig.names)}",
        )
    movable = np.array([name not in fixed for name in rig.names])
    if not movable.any():
        raise PoseDataError("all cameras are fixed", expected="at least one that may move")
    return movable


def _in_the_old_world(fits: CameraFits, selection: Selection) -> PointState:
    """The solution, with scale, origin and orientation as they were."""
    state, before = selection.fit.state, fits.rig.cameras
    held = np.flatnonzero(~selection.moved)
    if len(held) > 1 or not selection.moved.any():
        return state
    fixed = int(held[0]) if len(held) else None
    if len(before) == 2:
        # Which of the two moved cannot be told: the first stays, and their distance.
        fixed = 0 if fixed is None else fixed
        state = _first_kept(before, state, fixed)
        return state
    cameras, xyz = kept_world(before, state.cameras, state.xyz, fits.noise, fixed)
    return PointState(cameras, xyz, state.total)


def _first_kept(before: Sequence[Camera], state: PointState, fixed: int) -> PointState:
    """Two cameras, one of them where it was and the other as far from it as before."""
    other = 1 - fixed
    old, new = before[fixed], state.cameras[fixed]
    moved = state.cameras[other]
    # From the frame of the kept camera to that of the other one.
    turn = moved.rotation @ new.rotation.T
    shift = moved.translation - turn @ new.translation
    wanted = np.linalg.norm(before[0].centre - before[1].centre)
    scale = float(wanted / max(float(np.linalg.norm(shift)), 1e-300))
    kept = replace(new, rotation=old.rotation, translation=old.translation)
    placed = replace(
        moved,
        rotation=turn @ old.rotation,
        translation=turn @ old.translation + scale * shift,
    )
    in_camera = scale * (state.xyz @ new.rotation.T + new.translation)
    xyz = (in_camera - old.translation) @ old.rotation
    cameras = (kept, placed) if fixed == 0 else (placed, kept)
    return PointState(cameras, xyz, state.total)


def _changes(fits: CameraFits, selection: Selection, state: PointState) -> tuple[CameraChange, ...]:
    before, points = fits.rig.cameras, fits.points
    problem = fits.problem(selection.moved)
    covariance = problem.covariance(
        state, SCALE_OVER_NOISE * fits.noise, numbered(points.block), numbered(points.keypoint)
    )
    shown = [pinholes(cameras).project(state.xyz) for cameras in (before, state.cameras)]
    moved_px = np.nanmedian(np.linalg.norm(shown[0] - shown[1], axis=-1), axis=1)
    out, start = [], 0
    for i, (old, new) in enumerate(zip(before, state.cameras, strict=True)):
        n = int(problem.free[i].sum())
        own = covariance[start : start + n, start : start + n]
        start += n
        uncertain, turn = _uncertainty(problem, i, state, own, points)
        px = float(moved_px[i]) if n else 0.0
        out.append(
            CameraChange(
                old.name,
                float(np.degrees(angle_between(new.rotation, old.rotation))),
                float(np.linalg.norm(new.centre - old.centre)),
                px,
                uncertain,
                turn,
                px > max(_SURELY_MOVED * uncertain, _LEAST_SHIFT),
            )
        )
    return tuple(out)


def _uncertainty(
    problem: PointAdjustment, view: int, state: PointState, own: Float64, points: MatchedPoints
) -> tuple[float, float]:
    """Standard deviations of a camera: of its pixels, and of its turn in degrees."""
    from .point_adjustment import changed

    if not len(own):
        return 0.0, 0.0
    values, vectors = np.linalg.eigh(own)
    spread = vectors * np.sqrt(np.maximum(values, 0.0))
    seen = np.flatnonzero(points.views.used[:, view])
    xyz = state.xyz[seen[:: max(1, len(seen) // 100)]]
    camera = state.cameras[view]
    at = pinholes((camera,)).project(xyz)[0]
    squared = np.zeros(len(xyz))
    for column in spread.T:
        step = np.zeros(11)
        step[problem.free[view]] = column
        there = pinholes((changed(camera, step, problem.pivots[view]),)).project(xyz)[0]
        squared += np.square(there - at).sum(axis=1)
    turning = problem.free[view][ROTATION]
    first = own[: int(turning.sum()), : int(turning.sum())]
    turn = np.sqrt(max(float(np.linalg.eigvalsh(first)[-1]), 0.0)) if len(first) else 0.0
    return float(np.sqrt(np.nanmedian(squared))), float(np.degrees(turn))


def _notes(changes: Sequence[CameraChange], candidates: Sequence[str]) -> list[str]:
    notes = []
    if len(candidates) > 1:
        notes.append(
            f"it is unclear which camera moved: moving {' or '.join(candidates)} makes the views "
            "agree alike"
        )
    vague = [
        each
        for each in changes
        if each.is_moved and each.uncertainty_degrees > max(0.2 * each.turned, 0.05)
    ]
    notes += [
        f"the angle of camera {each.camera} is uncertain by {each.uncertainty_degrees:.2f} "
        "degrees: turning and shifting it look alike here, or keypoints have errors that stay; "
        "judge the rig by the distances on points left out"
        for each in vague
    ]
    return notes
