"""The figures of a calibration as plain data (JSON)."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

import numpy as np

from ..evaluation import Lengths, Measures, Spread
from ..rig_calibration import Calibration
from ..solve.lens import N_INTRINSICS
from ..solve.rig_state import N_CAMERA

_INTRINSICS = ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3")
_FISHEYE = ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4", "")


def figures_of(calibration: Calibration) -> dict[str, Any]:
    """All figures, with plain numbers and None where there is none.

    Returns
    -------
    dict
        ``board_residual_px``, ``triangulated_residual_px`` and ``length_error_mm`` on all frames at
        one clock; the same under ``as_recorded``, and under ``held_out`` on blocks of frames left
        out of the fit; ``cameras.<name>`` with the same by camera, its clock in frames, its
        coverage, its parameters with standard errors and its verdict; ``links`` between cameras.
    """
    solution = calibration.solution
    out: dict[str, Any] = {
        **_measures(calibration.one_clock),
        "as_recorded": _measures(calibration.as_recorded),
        "held_out": None,
        "cameras": {
            view: _camera(calibration, i) for i, view in enumerate(calibration.observations.views)
        },
        "links": [
            {
                "views": [
                    calibration.observations.views[link.first],
                    calibration.observations.views[link.second],
                ],
                "shared_frames": link.shared,
                "agreeing_frames": round(link.score, 2),
                "agreeing_share": round(link.share, 3),
            }
            for link in solution.initial.links
        ],
        "board": calibration.observations.board.describe(),
        "corner_noise_px": solution.noise,
        "origin": calibration.origin,
        "excluded_frames": list(calibration.excluded),
        "notes": list(calibration.notes),
    }
    jitter = calibration.jitter
    if jitter is not None:
        out["with_jitter"] = {
            "board_residual_px": _spread(jitter.board),
            "jitter_frames": {
                view: None if math.isnan(value) else float(value)
                for view, value in zip(calibration.observations.views, jitter.frames, strict=True)
            },
        }
    held_out = calibration.held_out
    if held_out is not None:
        used = held_out.one_clock_used.board.mean
        out["held_out"] = {
            **_measures(held_out.one_clock),
            "as_recorded": _measures(held_out.as_recorded),
            "ratio_to_used": held_out.one_clock.board.mean / used if used else None,
            "without_clocks": None if held_out.still is None else _measures(held_out.still),
        }
    return _plain(out)


def figures_text(calibration: Calibration) -> str:
    """`figures_of` as JSON."""
    return json.dumps(figures_of(calibration), indent=2, allow_nan=False) + "\n"


def _measures(measures: Measures) -> dict[str, Any]:
    return {
        "board_residual_px": _spread(measures.board),
        "triangulated_residual_px": _spread(measures.triangulated),
        "length_error_mm": _lengths(measures.lengths),
    }


def _spread(spread: Spread) -> dict[str, Any]:
    return {"median": spread.median, "mean": spread.mean, "p95": spread.p95, "n": spread.n}


def _lengths(lengths: Lengths) -> dict[str, Any]:
    return {
        "mean": lengths.mean,
        "bias": lengths.bias,
        "percent": lengths.percent,
        "n": lengths.n,
    }


def _camera(calibration: Calibration, view: int) -> dict[str, Any]:
    solution, observations = calibration.solution, calibration.observations
    name = observations.views[view]
    coverage, verdict = calibration.coverages[view], calibration.verdicts[view]
    measures = calibration.one_clock
    sd = standard_errors(calibration)[view]
    lags = solution.lags
    names = _FISHEYE if solution.state.fisheye else _INTRINSICS
    return {
        "clock_offset_frames": solution.clocks[view],
        "clock_offset_sd_frames": solution.clock_sd[view],
        "lag_grows_by_frames": float(np.ptp(solution.observations.frames) * lags.growth[view]),
        "lag_jumps": [
            {"frame": jump.frame, "frames": jump.frames} for jump in lags.jumps if jump.view == view
        ],
        "board_residual_px": _spread(measures.board_by_view[name]),
        "triangulated_residual_px": _spread(measures.triangulated_by_view[name]),
        "images": coverage.images,
        "cells_hit": coverage.n_cells,
        "cells_missing": coverage.missing(),
        "tilts_hit": coverage.tilts,
        "depth_ratio": coverage.depth,
        "parameters": {
            key: {"value": solution.state.intrinsics[view, i], "sd": sd[6 + i]}
            for i, key in enumerate(names)
            if key
        },
        "rotation_sd_degrees": np.degrees(sd[:3]).tolist(),
        "translation_sd_mm": sd[3:6].tolist(),
        "verdict": verdict.grade,
        "findings": [text for _, text in verdict.findings],
    }


def standard_errors(calibration: Calibration) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Standard errors of each camera's unknowns, ``(view, 16)``: rotation (rad), translation (mm),
    nine intrinsics, clock (frames); NaN for what was held fixed."""
    solution = calibration.solution
    n_views = solution.state.n_views
    out = np.full((n_views, N_CAMERA), np.nan)
    if not solution.information.size:
        return out
    scale = np.sqrt(np.maximum(np.diag(solution.information), 1e-300))
    inverse = np.linalg.pinv(solution.information / np.outer(scale, scale), hermitian=True)
    variance = np.maximum(np.diag(inverse), 0) / scale**2
    out.reshape(-1)[np.flatnonzero(solution.free)] = np.sqrt(variance)
    if solution.state.fisheye:
        out[:, 6 + N_INTRINSICS - 1] = np.nan
    return out


class WorstImage(NamedTuple):
    """An image that the rig explains badly.

    Attributes
    ----------
    view : str
    frame : int
        On the axis that the views share once whole frames of lag are taken out.
    rms : float
        Root mean square board residual at one clock, px.
    """

    view: str
    frame: int
    rms: float


def worst_images(calibration: Calibration, most: int) -> list[WorstImage]:
    """The images with the largest residuals at one clock, the worst first."""
    measures = calibration.one_clock
    errors = np.nan_to_num(measures.per_image, nan=-1.0)
    order = np.argsort(-errors, axis=None, kind="stable")[:most]
    return [
        WorstImage(
            calibration.observations.views[view],
            int(measures.frames[frame]),
            float(errors[view, frame]),
        )
        for view, frame in zip(*np.unravel_index(order, errors.shape), strict=True)
        if errors[view, frame] >= 0
    ]


def _plain(value: Any) -> Any:
    """The same with Python's own numbers, and None instead of NaN."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
