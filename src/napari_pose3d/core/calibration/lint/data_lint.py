"""What predictions or labels tell about a rig: residuals, exchanged cameras, clocks, bumps.

Notes
-----
Everything works on the lengths by which views miss what the other views say. Networks err in a
way that changes slowly, so that a level of suspicion is taken from the data themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.calibration_fit import CalibrationFit, calibration_fit
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import (
    leave_one_out_residuals,
    triangulate,
)
from napari_pose3d.errors import Remedy

from .bump import find_bump
from .rig_lint import Finding
from .slow_drift import find_drift

Float64 = NDArray[np.float64]

MOST_SHIFT = 10
"""Frames by which cameras may be out of step and still be found."""

_MOST_POINTS = 6000
_FEWEST_POINTS = 30
_BLOCK = 20
# A camera misses what the others say by so much more than geometry makes the others' error.
_WORSE = 3.0
# Share of the residual left at the best shift, above which the shift counts as none.
_CLEARLY = 0.9


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
    """

    residual: Float64
    left_out: Float64
    expected: Float64


def check_rig_against(
    rig: Rig,
    xy: Float64,
    *,
    clocks: bool = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Finding, ...]:
    """Hold predictions or labels against a rig.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    xy : (view, frame, keypoint, 2)
        Pixels of the rig's images; NaN where missing.
    clocks : bool
        Whether frames follow one another in time, so that shifts and bumps can be looked for.
    """
    fit = calibration_fit(rig, xy, 0.0, cancelled)
    found: list[Finding] = []
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
            return tuple(found)
    errors = view_errors(rig, xy)
    if errors is None:
        found.append(Finding("note", "too few points are seen in two views to judge the rig"))
        return tuple(found)
    found += _guilty(rig, errors)
    if clocks:
        found += _out_of_step(rig, xy, cancelled)
        found += _bumped(rig, xy)
    return tuple(found)


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
            noise = float(np.nanmedian(found.residuals)) / 1.1774 / np.sqrt(1 - 3 / n)
            expected[i] = 1.1774 * float(np.sqrt(np.nanmedian(variance) + noise**2))
    return ViewErrors(residual, left_out, expected)


def clock_shifts(rig: Rig, xy: Float64, cancelled: Callable[[], bool] = lambda: False) -> Float64:
    """Frames by which each view lags behind the others, ``(view,)``; 0 where none is certain.

    Notes
    -----
    Each view in turn is shifted against the others; the shift of the least median distance to
    where the others put the points, with a parabola between whole frames. Odd and even blocks of
    frames must agree, else nothing is certain.
    """
    n_views = len(rig.cameras)
    out = np.zeros(n_views)
    # One at a time, the worst first: a view out of step makes the others look so.
    for _ in range(n_views):
        proposals = [
            _best_shift(rig, _shifted(xy, out), view, cancelled) for view in range(n_views)
        ]
        gains = [gain for _, gain in proposals]
        view = int(np.argmax(gains))
        shift = proposals[view][0]
        if gains[view] < 1 - _CLEARLY or abs(shift) < 0.05:
            break
        out[view] += shift
    return out - np.median(out) if n_views > 2 else out


def _shifted(xy: Float64, lags: Float64) -> Float64:
    """Views brought to one clock by linear interpolation: a view that lags shows earlier frames."""
    out = xy.copy()
    n = xy.shape[1]
    for view in np.flatnonzero(lags):
        at = np.arange(n) + lags[view]
        low = np.floor(at).astype(int)
        part = (at - low)[:, None, None]
        inside = (low >= 0) & (low < n - (part[:, 0, 0] > 0))
        a, b = xy[view, np.clip(low, 0, n - 1)], xy[view, np.clip(low + 1, 0, n - 1)]
        value = np.where(part > 0, (1 - part) * a + part * b, a)
        out[view] = np.where(inside[:, None, None], value, np.nan)
    return out


def _best_shift(
    rig: Rig, xy: Float64, view: int, cancelled: Callable[[], bool]
) -> tuple[float, float]:
    """The lag of one view against the others, and the share by which it lowers the median."""
    from napari_pose3d.errors import Cancelled

    n = xy.shape[1]
    span = min(MOST_SHIFT, n // 4)
    lags = np.arange(-span, span + 1)
    block = (np.arange(n) // _BLOCK) % 2
    costs = np.full((2, len(lags)), np.inf)
    chosen = np.flatnonzero(np.isfinite(xy).all(axis=-1).sum(axis=(0, 2)) > 0)
    if len(chosen) * xy.shape[2] > _MOST_POINTS:
        # Whole stretches: neighbours in time are needed for nothing here, but blocks are.
        step = -(-len(chosen) * xy.shape[2] // _MOST_POINTS)
        chosen = chosen[::step]
    for i, lag in enumerate(lags):
        if cancelled():
            raise Cancelled
        at = chosen + lag
        inside = (at >= 0) & (at < n)
        trial = xy[:, chosen[inside]].copy()
        trial[view] = xy[view, at[inside]]
        distance = leave_one_out_residuals(rig, trial)[view]
        for part in (0, 1):
            values = distance[block[chosen[inside]] == part]
            values = values[np.isfinite(values)]
            if len(values) >= _FEWEST_POINTS:
                costs[part, i] = np.median(values)
    if not np.isfinite(costs[:, span]).all():
        return 0.0, 0.0
    best = [int(np.argmin(cost)) for cost in costs]
    if abs(best[0] - best[1]) > 1:
        return 0.0, 0.0
    cost = costs.mean(axis=0)
    at_best = int(np.argmin(cost))
    shift = float(lags[at_best])
    if 0 < at_best < len(lags) - 1 and np.isfinite(cost[at_best - 1 : at_best + 2]).all():
        # The distance grows with the lag like a V, rounded by noise: a parabola through squares.
        a, b, c = np.square(cost[at_best - 1 : at_best + 2])
        bend = a - 2 * b + c
        shift += float(np.clip((a - c) / (2 * bend), -0.5, 0.5)) if bend > 0 else 0.0
    zero = cost[span]
    gain = 1 - float(cost[at_best] / zero) if at_best != span else 0.0
    if at_best == span and abs(shift) > 0.05:
        trial = _shifted(xy, np.where(np.arange(len(xy)) == view, shift, 0.0))[:, chosen]
        values = leave_one_out_residuals(rig, trial)[view]
        gain = 1 - float(np.nanmedian(values) / zero) if np.isfinite(values).any() else 0.0
    return shift, gain


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


def _out_of_step(rig: Rig, xy: Float64, cancelled: Callable[[], bool]) -> list[Finding]:
    shifts = clock_shifts(rig, xy, cancelled)
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
            )
        ]
    return [
        Finding(
            "warning",
            f"camera {' or '.join(bump.cameras)} seems to have been moved near frame {bump.frame}: "
            f"from then on its points lie {bump.moved_px:.1f} px away{limits}",
            bump.cameras,
            {"frame": float(bump.frame), "jump_px": bump.moved_px, "degrees": bump.degrees},
            "Calibrate again, or refine the rig for the frames before and after by themselves",
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
