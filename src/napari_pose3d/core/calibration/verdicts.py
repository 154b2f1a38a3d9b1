"""What the figures of a calibration mean, camera by camera.

Notes
-----
The bands are those of rigs that are triggered together; thresholds in px hold for images 1,280 px
wide and grow with the width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .board.observations import BoardObservations
from .evaluation import Measures
from .solve.rig_solution import Solution

Grade = Literal["good", "fair", "poor"]

_WIDTH = 1280.0
_GRID = 5


@dataclass(frozen=True)
class Band:
    """Where a figure turns from good to fair and from fair to poor.

    Attributes
    ----------
    good, fair : float
        Up to these values; at least these where ``more_is_better``.
    meaning : str
        What a poor figure means.
    """

    good: float
    fair: float
    meaning: str
    more_is_better: bool = False

    def grade(self, value: float, scale: float = 1.0) -> Grade:
        """The grade of a value; "poor" for NaN."""
        if self.more_is_better:
            return "good" if value >= self.good else "fair" if value >= self.fair else "poor"
        good = value < self.good * scale
        return "good" if good else "fair" if value < self.fair * scale else "poor"


BANDS: Mapping[str, Band] = {
    "board": Band(
        0.3, 0.8, "the cameras' clocks differ, a camera was moved, or the lens model is wrong"
    ),
    "triangulated": Band(0.4, 1.0, "the cameras do not agree on where the corners are"),
    "length": Band(0.4, 1.0, "the geometry is weak; with a bias, the size of the squares is wrong"),
    "agree": Band(
        0.3,
        0.15,
        "the videos do not belong together, start at other times, or their frames are paired "
        "wrongly: check the timestamps, or record again with the board in sight of both",
        True,
    ),
    "clock": Band(0.05, 0.5, "the camera is not triggered with the others, or lost a frame"),
    "images": Band(30, 12, "too few images: film the board longer in this camera", True),
    "shared": Band(15, 6, "too few frames shared with another camera", True),
    "cells": Band(20, 12, "the board was not shown all over the image", True),
    "tilts": Band(4, 3, "the board was not tilted in enough directions", True),
    "depth": Band(2.0, 1.4, "the board was not shown near and far", True),
}


@dataclass(frozen=True)
class Coverage:
    """Where a camera observed the board.

    Attributes
    ----------
    cells : (5, 5) bool
        Parts of the image, rows from the top, that a corner was seen in.
    tilts : int
        Directions, of eight, in which the board was tilted by more than 10 degrees.
    depth : float
        Largest over smallest distance of the board, without the outermost 2 % on each side: a board
        of which little is seen may be placed anywhere.
    images : int
    """

    cells: NDArray[np.bool_]
    tilts: int
    depth: float
    images: int

    @property
    def n_cells(self) -> int:
        return int(self.cells.sum())

    def missing(self) -> str:
        """The empty parts of the image in words; "" where none is."""
        corners = [
            f"{row} {column}"
            for r, row in ((0, "top"), (4, "bottom"))
            for c, column in ((0, "left"), (4, "right"))
            if not self.cells[r, c]
        ]
        edges = {
            "top": self.cells[0, 1:4],
            "bottom": self.cells[4, 1:4],
            "left": self.cells[1:4, 0],
            "right": self.cells[1:4, 4],
        }
        empty = [name for name, cells in edges.items() if not cells.any()]
        parts = (_listed(corners, "corner"), _listed(empty, "edge"))
        return ", ".join(part for part in parts if part)


def _listed(names: Sequence[str], what: str) -> str:
    """Up to four places of one kind: "the top left corner", "the top and left edges"."""
    if len(names) == 4:
        return f"all {what}s"
    if len(names) == 1:
        return f"the {names[0]} {what}"
    return f"the {', '.join(names[:-1])} and {names[-1]} {what}s" if names else ""


def coverage_of(solution: Solution, observations: BoardObservations, view: int) -> Coverage:
    """Where and how one camera observed the board."""
    width, height = observations.sizes[view]
    seen = observations.xy[view][observations.observed[view]]
    cells = np.zeros((_GRID, _GRID), bool)
    column = np.clip((seen[:, 0] * _GRID / width).astype(int), 0, _GRID - 1)
    row = np.clip((seen[:, 1] * _GRID / height).astype(int), 0, _GRID - 1)
    cells[row, column] = True
    state, images = solution.state, solution.images
    frames = images.frame[images.view == view]
    if not len(frames):
        return Coverage(cells, 0, np.nan, 0)
    rotation, translation = state.rotations[view], state.translations[view]
    middle = observations.board.points.mean(axis=0)
    world = state.board_rotations[frames] @ middle + state.board_translations[frames]
    centre = world @ rotation.T + translation
    distance = np.linalg.norm(centre, axis=1)
    normal = (rotation @ state.board_rotations[frames])[:, :, 2]
    sight = centre / distance[:, None]
    across = normal - np.einsum("ni,ni->n", normal, sight)[:, None] * sight
    tilted = np.linalg.norm(across, axis=1) > np.sin(np.radians(10))
    direction = np.arctan2(across[tilted, 1], across[tilted, 0])
    sectors = np.unique(np.floor((direction + np.pi) / (np.pi / 4)).astype(int) % 8)
    near, far = np.percentile(distance, (2, 98))
    return Coverage(cells, len(sectors), float(far / near), len(frames))


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of one camera.

    Attributes
    ----------
    view : str
    grade : {"good", "fair", "poor"}
        The worst of its figures.
    findings : tuple of (grade, sentence)
        Those that are not good, the worst first.
    """

    view: str
    grade: Grade
    findings: tuple[tuple[Grade, str], ...]

    def __str__(self) -> str:
        rest = "; ".join(text for _, text in self.findings)
        return f"{self.view}: {self.grade}" + (f". {rest}" if rest else "")


def verdicts(
    solution: Solution,
    observations: BoardObservations,
    measures: Measures,
    coverages: Sequence[Coverage],
) -> tuple[Verdict, ...]:
    """A verdict for each camera.

    Parameters
    ----------
    measures : Measures
        At one clock.
    """
    return tuple(
        _verdict(solution, observations, measures, coverages[i], i)
        for i in range(len(observations.views))
    )


def _verdict(
    solution: Solution,
    observations: BoardObservations,
    measures: Measures,
    coverage: Coverage,
    view: int,
) -> Verdict:
    name = observations.views[view]
    scale = max(observations.sizes[view][0] / _WIDTH, 0.25)
    clock = abs(float(solution.clocks[view]))
    shared = max(
        (link.shared for link in solution.initial.links if view in (link.first, link.second)),
        default=0,
    )
    board = measures.board_by_view[name].median
    apart = measures.triangulated_by_view[name].median
    missing = coverage.missing()
    best = max(
        (link for link in solution.initial.links if view in (link.first, link.second)),
        key=lambda link: link.score,
        default=None,
    )
    share, partner = 1.0, ""
    if best is not None:
        share = best.share
        partner = observations.views[best.second if best.first == view else best.first]
    figures = [
        ("agree", share, 1.0, f"with {partner}, {100 * share:.0f} % of the shared frames agree"),
        ("board", board, scale, f"board residual {board:.2f} px"),
        ("triangulated", apart, scale, f"triangulated residual {apart:.2f} px"),
        ("clock", clock, 1.0, f"lags by {solution.clocks[view]:+.2f} frame"),
        ("images", coverage.images, 1.0, f"{coverage.images} images of the board"),
        ("shared", shared, 1.0, f"at most {shared} frames shared with another camera"),
        (
            "cells",
            coverage.n_cells,
            1.0,
            f"corners in {coverage.n_cells} of {_GRID**2} parts of the image"
            + (f" (none at {missing})" if missing else ""),
        ),
        ("tilts", coverage.tilts, 1.0, f"tilted in {coverage.tilts} of 8 directions"),
        ("depth", coverage.depth, 1.0, f"farthest {coverage.depth:.1f} times as far as nearest"),
    ]
    findings: list[tuple[Grade, str]] = []
    for key, value, by, text in figures:
        band = BANDS[key]
        if key == "triangulated" and not np.isfinite(value) and observations.board.thickness:
            # No other camera sees the face that this one sees.
            continue
        grade = band.grade(float(value), by)
        # Coverage alone spoils no rig whose residuals are good.
        if grade == "poor" and key in ("cells", "tilts", "depth"):
            grade = "fair"
        if grade != "good":
            findings.append((grade, f"{text}: {band.meaning}"))
    lags = solution.lags
    if not lags.is_constant[view]:
        grown = lags.lags(view, solution.observations.frames[[0, -1]])
        findings.append(
            (
                "fair",
                (
                    f"its lag changes by {grown[1] - grown[0]:+.1f} frames in the course of the "
                    "recording: the frame rates differ, or frames were lost"
                ),
            )
        )
    findings.sort(key=lambda each: each[0] != "poor")
    worst: Grade = findings[0][0] if findings else "good"
    return Verdict(name, worst, tuple(findings))
