"""The figures of a calibration as plain data (JSON)."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

import numpy as np

from ..evaluation import Lengths, Measures, Spread
from ..rig_calibration import Calibration
from ..uncertainty import standard_errors

_INTRINSICS = ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3")
_FISHEYE = ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4", "")


def figures_of(calibration: Calibration) -> dict[str, Any]:
    """All figures, with plain numbers and None where there is none.

    Returns
    -------
    dict
        ``board_residual_px``, ``triangulated_residual_px`` and ``length_error_mm`` on all frames at
        one clock; the same under ``as_recorded``, and under ``held_out`` on blocks of frames left
        out of the fit; ``cameras.<name>`` with the same by camera, its clock in frames and ms, its
        coverage, its parameters with standard errors and its verdict (under ``held_out`` its
        residuals and its clock); ``links`` between cameras; the ``verdict`` on the rig; the
        standard deviation of points in space; ``board_shape``, of a board that is not flat.
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
        "verdict": calibration.overall.grade,
        "findings": [text for _, text in calibration.overall.findings],
        "length_noise_mm": calibration.length_noise,
        "space_error": None,
        "board_shape": None,
    }
    if calibration.shape is not None:
        out["board_shape"] = {
            "largest_height_mm": calibration.shape.bend,
            "largest_height_sd_mm": calibration.shape.bend_sd,
            "stretch_percent": calibration.shape.stretch,
            "stretch_sd_percent": calibration.shape.stretch_sd,
        }
    if calibration.space is not None:
        out["space_error"] = {
            "sd_mm": calibration.space.sd,
            "percent_of_volume": calibration.space.percent,
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
        out["held_out"] = {
            **_measures(held_out.one_clock),
            "as_recorded": _measures(held_out.as_recorded),
            "ratio_to_used": held_out.ratio,
            "without_clocks": None if held_out.still is None else _measures(held_out.still),
            "cameras": {
                view: {
                    **_clock(held_out.clocks[i], held_out.clock_sd[i], calibration.frame_rate),
                    **_residuals(held_out.one_clock, view),
                }
                for i, view in enumerate(calibration.observations.views)
            },
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


def _residuals(measures: Measures, view: str) -> dict[str, Any]:
    return {
        "board_residual_px": _spread(measures.board_by_view[view]),
        "triangulated_residual_px": _spread(measures.triangulated_by_view[view]),
    }


def _clock(frames: float, sd: float, frame_rate: float | None) -> dict[str, Any]:
    ms = 1000 / frame_rate if frame_rate else math.nan
    return {
        "clock_offset_frames": frames,
        "clock_offset_sd_frames": sd,
        "clock_offset_ms": ms * frames,
        "clock_offset_sd_ms": ms * sd,
    }


def _camera(calibration: Calibration, view: int) -> dict[str, Any]:
    solution, observations = calibration.solution, calibration.observations
    name = observations.views[view]
    coverage, verdict = calibration.coverages[view], calibration.verdicts[view]
    sd = standard_errors(solution)[view]
    lags = solution.lags
    names = _FISHEYE if solution.state.fisheye else _INTRINSICS
    return {
        **_clock(solution.clocks[view], solution.clock_sd[view], calibration.frame_rate),
        "lag_grows_by_frames": float(np.ptp(solution.observations.frames) * lags.growth[view]),
        "lag_jumps": [
            {"frame": jump.frame, "frames": jump.frames} for jump in lags.jumps if jump.view == view
        ],
        **_residuals(calibration.one_clock, name),
        "alone_residual_px": calibration.alone[view],
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
