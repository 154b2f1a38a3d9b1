"""A calibration as one HTML page that needs nothing else."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np

from ..rig_calibration import Calibration
from .error_map import ARROW, error_map
from .figures import figures_of, worst_images

_WORST = 12


def page_text(calibration: Calibration) -> str:
    """The report as HTML with inline drawings (SVG): verdicts, measures, maps of errors, links,
    worst images, parameters."""
    from jinja2 import Environment

    template = files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        figures=figures_of(calibration),
        verdicts=calibration.verdicts,
        overall=calibration.overall,
        maps=[_map(calibration, view) for view in range(len(calibration.observations.views))],
        plan=_plan(calibration),
        worst=worst_images(calibration, _WORST),
        units=calibration.rig.units,
    )


def _map(calibration: Calibration, view: int) -> dict[str, Any]:
    """Mean residuals over one image: arrows in parts of it, and where no corner was seen."""
    found = error_map(calibration, view)
    width, height = found.size
    return {
        "view": found.view,
        "width": width,
        "height": height,
        "arrows": [
            {"x": x, "y": y, "dx": ARROW * dx, "dy": ARROW * dy, "n": int(n)}
            for (x, y), (dx, dy), n in zip(found.at, found.error, found.counts, strict=True)
        ],
        "cells": [
            {"x": c * width / 5, "y": r * height / 5, "w": width / 5, "h": height / 5}
            for r in range(5)
            for c in range(5)
            if not found.cells[r, c]
        ],
        "coverage": calibration.coverages[view],
    }


def _plan(calibration: Calibration) -> dict[str, Any]:
    """The cameras and the board's way seen along the axis in which they spread least."""
    solution = calibration.solution
    state = solution.state
    centres = -np.einsum("cji,cj->ci", state.rotations, state.translations)
    boards = state.board_translations
    everything = np.concatenate([centres, boards])
    middle = np.median(everything, axis=0)
    _, _, axes = np.linalg.svd(centres - centres.mean(axis=0), full_matrices=True)
    flat = axes[:2]
    forward = state.rotations[:, 2] @ flat.T
    spots, way = (centres - middle) @ flat.T, (boards - middle) @ flat.T
    reach = 1.15 * max(float(np.abs(spots).max()), 1e-9)
    return {
        "reach": reach,
        "cameras": [
            {"name": name, "x": x, "y": y, "fx": fx * reach * 0.15, "fy": fy * reach * 0.15}
            for name, (x, y), (fx, fy) in zip(
                calibration.observations.views, spots, forward, strict=True
            )
        ],
        "boards": [{"x": x, "y": y} for x, y in way[:: max(1, len(way) // 300)]],
    }
