"""What predictions or labels tell about a rig: residuals, exchanged cameras, clocks, bumps.

Notes
-----
Everything works on the lengths by which views miss what the other views say. Networks err in a
way that changes slowly, so that a level of suspicion is taken from the data themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.calibration_fit import CalibrationFit, calibration_fit
from napari_pose3d.core.cameras.epipolar_distance import epipolar_distances
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import (
    leave_one_out_residuals,
    triangulate,
)
from napari_pose3d.errors import Remedy

from ..solve.rig_state import MEDIAN_LENGTH
from .bump import find_bump
from .clock_lint import clock_shifts, lag_growth
from .rig_lint import Finding
from .slow_drift import find_drift
from .turned_camera import find_turned_camera

Float64 = NDArray[np.float64]

_MOST_POINTS = 6000
_FEWEST_POINTS = 30
# A camera misses what the others say by so much more than geometry makes the others' error.
_WORSE = 3.0


@dataclass(frozen=True, eq=False)
class ViewErrors:
    """How each view agrees with the others.

    Attributes
    ----------
    residual, left_out : (view,) float64
        Medians, px: of the residual to the common point, and of the distance to where the other
        views put the point.
    expected : (view,) float64
        What ``left_out`` would be if only noise made it: the others' uncertainty seen in this view.
    epipolar : (view,) float64
        Medians of the distance to the epipolar curves of the other views, px.
    """

    residual: Float64
    left_out: Float64
    expected: Float64
    epipolar: Float64


class RigComparison(NamedTuple):
    """A rig held against predictions or labels.

    Attributes
    ----------
    findings : tuple of Finding
    errors : ViewErrors or None
        None where two cameras see too few points.
    """

    findings: tuple[Finding, ...]
    errors: ViewErrors | None


def check_rig_against(
    rig: Rig,
    xy: Float64,
    *,
    clocks: bool = True,
    frame_rate: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Finding, ...]:
    """Hold predictions or labels against a rig; parameters as for `compare_rig`.

    A note gives the figures of all cameras, whatever they are.
    """
    found = compare_rig(rig, xy, clocks=clocks, frame_rate=frame_rate, cancelled=cancelled)
    figures = () if found.errors is None else (_figures(rig, found.errors),)
    return (*found.findings, *figures)


def compare_rig(
    rig: Rig,
    xy: Float64,
    *,
    clocks: bool = True,
    frame_rate: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> RigComparison:
    """Hold predictions or labels against a rig.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    xy : (view, frame, keypoint, 2)
        Pixels of the rig's images; NaN where missing.
    clocks : bool
        Whether frames follow one another in time, so that shifts and bumps can be looked for.
    frame_rate : float, optional
        Frames a second: for words only.
    """
    fit = calibration_fit(rig, xy, 0.0, cancelled)
    found: list[Finding] = []
    errors = view_errors(rig, xy)
    text = fit.warning()
    if text is not None:
        moved = tuple(
            dict.fromkeys(
                view
                for order in fit.orders
                for view, camera in zip(fit.residuals, order, strict=True)
                if view != camera
            )
        )
        figures = {f"{view}_px": value for view, value in fit.residuals.items()}
        found.append(
            Finding("error", text, moved, figures, remedy=_remedy(fit, tuple(fit.residuals)))
        )
        if moved:
            return RigComparison(tuple(found), errors)
    if errors is None:
        found.append(Finding("note", "too few points are seen in two views to judge the rig"))
        return RigComparison(tuple(found), None)
    guilty = _guilty(rig, errors)
    if guilty and np.isfinite(fit.shared):
        # What all keypoints share says less than which camera it is.
        found = []
    found += guilty
    if not found:
        found += _turned(rig, xy)
    if clocks:
        found += out_of_step(rig, xy, frame_rate, cancelled)
        found += _bumped(rig, xy)
    return RigComparison(tuple(found), errors)


def _remedy(fit: CalibrationFit, views: Sequence[str]) -> Remedy:
    """What helps a rig that does not fit: names, where other ones fit; else a better rig."""
    if not fit.orders:
        return Remedy("refine")
    if len(fit.orders) > 1:
        return Remedy("names")
    pairs = [(view, camera) for view, camera in zip(views, fit.orders[0], strict=True)]
    return Remedy("exchange", "\n".join(f"{view}\t{camera}" for view, camera in pairs))


def view_errors(rig: Rig, xy: Float64) -> ViewErrors | None:
    """How each view agrees with the others; None where too little is seen."""
    points = _points(xy)
    if points.shape[1] < _FEWEST_POINTS:
        return None
    solved = triangulate(rig, points)
    residual = _medians(solved.residuals)
    left_out = _medians(leave_one_out_residuals(rig, points))
    expected = np.full(len(rig.cameras), np.nan)
    if len(rig.cameras) > 2:
        for i, name in enumerate(rig.names):
            others = [other for other in rig.names if other != name]
            index = [rig.names.index(other) for other in others]
            found = triangulate(rig.subset(others), points[index])
            spread = np.linalg.cholesky(
                np.where(np.isfinite(found.covariance), found.covariance, 0.0) + 1e-18 * np.eye(3)
            )
            camera = rig.subset([name])
            at = camera.project(found.xyz)[0]
            ends = camera.project(found.xyz[:, None] + np.swapaxes(spread, -1, -2))[0]
            variance = np.square(ends - at[:, None]).sum(axis=(1, 2)) / 2
            # Of the others alone: a wrong camera makes residuals of all that it takes part in.
            n = 2 * len(others)
            noise = float(np.nanmedian(found.residuals)) / MEDIAN_LENGTH / np.sqrt(1 - 3 / n)
            expected[i] = MEDIAN_LENGTH * float(np.sqrt(np.nanmedian(variance) + noise**2))
    return ViewErrors(residual, left_out, expected, _medians(epipolar_distances(rig, points)))


def _figures(rig: Rig, errors: ViewErrors) -> Finding:
    """How each view agrees with the others, whatever that is."""
    parts = []
    columns = zip(
        rig.names, errors.residual, errors.epipolar, errors.left_out, errors.expected, strict=True
    )
    for name, residual, epipolar, left_out, expected in columns:
        text = f"{name} {residual:.2f}, {epipolar:.2f}"
        if np.isfinite(left_out) and np.isfinite(expected):
            text += f", {left_out:.2f} ({left_out / expected:.1f})"
        parts.append(text)
    return Finding(
        "note",
        "medians by camera, px: residual, from its epipolar curves, from where the others put the "
        f"points (times what their uncertainty explains): {'; '.join(parts)}",
    )


def _turned(rig: Rig, xy: Float64) -> list[Finding]:
    """A camera that a small turn brings into agreement, all the time."""
    turned = find_turned_camera(rig, xy)
    if turned is None:
        return []
    return [
        Finding(
            "warning",
            f"camera {' or '.join(turned.cameras)} seems to be turned against its calibration: "
            f"what all keypoints share lies {turned.moved_px:.1f} px from where it should",
            turned.cameras,
            {"moved_px": turned.moved_px, "standard_errors": turned.standard_errors},
            "Refine the rig from these points, or calibrate again",
            Remedy("refine"),
        )
    ]


def _guilty(rig: Rig, errors: ViewErrors) -> list[Finding]:
    ratio = errors.left_out / errors.expected
    if not np.isfinite(ratio).any():
        return []
    usual = float(np.nanmedian(ratio))
    found = []
    for i, name in enumerate(rig.names):
        if np.isfinite(ratio[i]) and ratio[i] > _WORSE and ratio[i] > 2 * usual:
            found.append(
                Finding(
                    "warning",
                    f"camera {name} misses what the others say by {errors.left_out[i]:.1f} px; "
                    f"their uncertainty explains {errors.expected[i]:.1f} px",
                    (name,),
                    {"left_out_px": float(errors.left_out[i]), "ratio": float(ratio[i])},
                    "Calibrate this camera again, or refine the rig from these points",
                    Remedy("refine"),
                )
            )
    return found


def out_of_step(
    rig: Rig, xy: Float64, frame_rate: float | None, cancelled: Callable[[], bool]
) -> list[Finding]:
    """Cameras that lag behind the others; parameters as for `check_rig_against`."""
    shifts = clock_shifts(rig, xy, cancelled)
    growing = lag_growth(rig, xy, shifts, cancelled)
    if growing is not None:
        view, frames = growing
        n = xy.shape[1]
        pace = f"one frame in {n / abs(frames):,.0f}"
        evidence = {"growth_frames": frames, "growth_per_1000_frames": 1000 * frames / n}
        if frame_rate:
            evidence["growth_per_minute"] = 60 * frame_rate * frames / n
            pace += f", {abs(evidence['growth_per_minute']):.3g} frames per minute"
        return [
            Finding(
                "warning",
                f"the lag of camera {rig.names[view]} behind the others grows by {frames:+.1f} "
                f"frames in the course of the recording ({pace}): another frame rate, or lost "
                "frames",
                (rig.names[view],),
                evidence,
                "Give the timestamps of the frames of each view, or 'dropped' frames, in "
                "napari-pose3d/project.toml (docs/projects.md); an offset does not mend it",
            )
        ]
    return [
        Finding(
            "warning",
            f"camera {name} lags {shift:+.1f} frames behind the others",
            (name,),
            {"lag_frames": float(shift)},
            f"Give the view the offset {-round(float(shift))} frames"
            if abs(shift) >= 0.5
            else "A part of a frame cannot be mended by an offset: check the trigger",
            Remedy("offset", str(-round(float(shift)))) if abs(shift) >= 0.5 else None,
        )
        for name, shift in zip(rig.names, shifts, strict=True)
        if abs(shift) > 0.05
    ]


def _bumped(rig: Rig, xy: Float64) -> list[Finding]:
    """A camera that was moved during the recording, at once or slowly."""
    limits = ""
    if len(rig.cameras) == 2:
        # A turn along the epipolar lines looks like points at another depth.
        limits = "; two cameras show only what leads across their epipolar lines, not which moved"
    bump = find_bump(rig, xy)
    if bump is None:
        drift = find_drift(rig, xy)
        if drift is None:
            return []
        return [
            Finding(
                "warning",
                f"camera {' or '.join(drift.cameras)} seems to have turned slowly: from the "
                f"beginning to the end its points move {drift.moved_px:.1f} px{limits}",
                drift.cameras,
                {"drift_px": drift.moved_px, "degrees": drift.degrees},
                "Fix the camera; calibrate again, or refine the rig for stretches of frames by "
                "themselves",
                Remedy("refine"),
            )
        ]
    return [
        Finding(
            "warning",
            f"camera {' or '.join(bump.cameras)} seems to have been moved near frame {bump.frame}: "
            f"from then on its points lie {bump.moved_px:.1f} px away{limits}",
            bump.cameras,
            {"frame": float(bump.frame), "jump_px": bump.moved_px, "degrees": bump.degrees},
            f"Calibrate again, or refine the rig from the frames from {bump.frame} on, for these; "
            "those before keep the calibration there is",
            Remedy("refine", f"{bump.frame}:"),
        )
    ]


def _points(xy: Float64) -> Float64:
    """Points that two views or more see, evenly over the recording, ``(view, point, 2)``."""
    flat = xy.reshape(len(xy), -1, 2)
    usable = np.flatnonzero(np.isfinite(flat).all(axis=-1).sum(axis=0) > 1)
    step = max(1, -(-len(usable) // _MOST_POINTS))
    return np.asarray(flat[:, usable[::step]], dtype=np.float64)


def _medians(lengths: Float64) -> Float64:
    out = np.full(len(lengths), np.nan)
    for i, values in enumerate(lengths):
        known = values[np.isfinite(values)]
        if len(known):
            out[i] = np.median(known)
    return out
