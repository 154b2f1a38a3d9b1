"""What the figures of a calibration mean, camera by camera.

Notes
-----
The bands are those of rigs that are triggered together; thresholds in px hold for images 1,280 px
wide and grow with the width.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .board.observations import BoardObservations
from .evaluation import FEW_CORNERS, HeldOut, Measures
from .jitter import Jitter
from .solve.relative_poses import Link
from .solve.rig_solution import Solution
from .solve.rig_state import INTRINSICS, N_CAMERA
from .uncertainty import SpaceError

Grade = Literal["good", "fair", "poor"]

RIG = "rig"
"""Stands for all cameras in a `Verdict`."""

_WIDTH = 1280.0
_GRID = 5
_LEAST_ALONE = 0.1  # px: below, a camera by itself is as good as corners are
# Coverage and the trigger alone spoil no rig whose residuals are good.
_NEVER_POOR = ("cells", "tilts", "depth", "worse", "jitter", "tail", "ratio")


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
    "alone": Band(
        0.15,
        0.4,
        "the image is blurred or out of focus, the board is bent, or the lens needs another model",
    ),
    "worse": Band(
        2.5,
        5.0,
        "it contradicts the others: it was moved during the recording, or its frames are paired "
        "wrongly",
    ),
    "length": Band(
        0.4,
        1.0,
        "the geometry is weak: show the board nearer, tilted to all sides, all over the volume",
    ),
    "tail": Band(4.0, 8.0, "some images do not fit: look at the worst ones and take bad ones out"),
    "ratio": Band(1.5, 2.0, "there are too few images: record the board longer"),
    "jitter": Band(2.0, 10.0, "the trigger is uneven: move the board slowly, trigger by hardware"),
    "space": Band(
        0.05,
        0.2,
        "the cameras are not certain enough: show the board with more tilts, near and far",
    ),
    "agree": Band(
        0.3,
        0.15,
        "the videos do not belong together, start at other times, or their frames are paired "
        "wrongly: check the timestamps, or record again with the board in sight of both",
        True,
    ),
    "clock": Band(0.05, 0.5, "the camera is not triggered with the others, or lost a frame"),
    "images": Band(30, 12, "too few images: record the board longer in this camera", True),
    "shared": Band(15, 6, "too few: show the board where both see it at once", True),
    "cells": Band(20, 12, "show the board all over the image", True),
    "tilts": Band(4, 3, "tilt the board to all sides", True),
    "depth": Band(2.0, 1.4, "show the board near and far", True),
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
    mine = images.view == view
    frames = images.frame[mine]
    if not len(frames):
        return Coverage(cells, 0, np.nan, 0)
    rotation, translation = state.rotations[view], state.translations[view]
    middle = observations.points.mean(axis=0)
    world = state.board_rotations[frames] @ middle + state.board_translations[frames]
    centre = world @ rotation.T + translation
    distance = np.linalg.norm(centre, axis=1)
    normal = (rotation @ state.board_rotations[frames])[:, :, 2]
    sight = centre / distance[:, None]
    across = normal - np.einsum("ni,ni->n", normal, sight)[:, None] * sight
    tilted = np.linalg.norm(across, axis=1) > np.sin(np.radians(10))
    direction = np.arctan2(across[tilted, 1], across[tilted, 0])
    sectors = np.unique(np.floor((direction + np.pi) / (np.pi / 4)).astype(int) % 8)
    # A few corners in one view do not tell how far away the board is.
    placed = images.observed[mine].sum(axis=1) >= FEW_CORNERS
    placed |= images.in_several_views(len(state.board_translations))[frames]
    near, far = np.percentile(distance[placed] if placed.any() else distance, (2, 98))
    return Coverage(cells, len(sectors), float(far / near), len(frames))


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of one camera, or of the rig as a whole.

    Attributes
    ----------
    view : str
        `RIG` for the whole.
    grade : {"good", "fair", "poor"}
        The worst of its figures.
    findings : tuple of (grade, sentence)
        Those that are not good, the worst first.
    """

    view: str
    grade: Grade
    findings: tuple[tuple[Grade, str], ...]

    @classmethod
    def of(cls, view: str, findings: Sequence[tuple[Grade, str]]) -> Verdict:
        """From findings in any order."""
        ordered = sorted(findings, key=lambda each: each[0] != "poor")
        return cls(view, ordered[0][0] if ordered else "good", tuple(ordered))

    def __str__(self) -> str:
        rest = "; ".join(text for _, text in self.findings)
        return f"{self.view}: {self.grade}" + (f". {rest}" if rest else "")


def verdicts(
    solution: Solution,
    observations: BoardObservations,
    measures: Measures,
    coverages: Sequence[Coverage],
    *,
    alone: Sequence[float] = (),
    frame_rate: float | None = None,
) -> tuple[Verdict, ...]:
    """A verdict for each camera.

    Parameters
    ----------
    measures : Measures
        At one clock.
    alone : sequence of float
        See `evaluation.residuals_alone`.
    frame_rate : float, optional
        Frames a second: for words only.
    """
    single = alone or [np.nan] * len(observations.views)
    return tuple(
        _verdict(solution, observations, measures, coverages[i], i, single[i], frame_rate)
        for i in range(len(observations.views))
    )


def _verdict(
    solution: Solution,
    observations: BoardObservations,
    measures: Measures,
    coverage: Coverage,
    view: int,
    alone: float,
    frame_rate: float | None,
) -> Verdict:
    name = observations.views[view]
    scale = _scale(observations, view)
    clock = float(solution.clocks[view])
    board = measures.board_by_view[name].median
    apart = measures.triangulated_by_view[name].median
    missing = coverage.missing()
    links = [link for link in solution.initial.links if view in (link.first, link.second)]

    def partner(link: Link) -> str:
        return observations.views[link.second if link.first == view else link.first]

    widest = max(links, key=lambda link: link.shared, default=None)
    shared, neighbour = (0, "") if widest is None else (widest.shared, f" ({partner(widest)})")
    best = max(links, key=lambda link: link.score, default=None)
    share, other = (1.0, "") if best is None else (best.share, partner(best))
    worse = board / max(alone, _LEAST_ALONE)
    figures = [
        ("agree", share, 1.0, f"with {other}, {100 * share:.0f} % of the shared frames agree"),
        ("board", board, scale, f"board residual {board:.2f} px"),
        ("triangulated", apart, scale, f"triangulated residual {apart:.2f} px"),
        (
            "alone",
            alone,
            max(scale, 1.0),
            f"board residual {alone:.2f} px where each image is taken alone",
        ),
        ("worse", worse, 1.0, f"board residual {worse:.1f} times that of its images alone"),
        ("clock", abs(clock), 1.0, f"lags by {clock:+.2f} frame{_in_ms(clock, frame_rate)}"),
        ("images", coverage.images, 1.0, f"{coverage.images} images of the board"),
        (
            "shared",
            shared,
            1.0,
            f"at most {shared} frames shared with another camera{neighbour}",
        ),
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
    unknown = {key for key, value in (("alone", alone), ("worse", worse)) if not value >= 0}
    if not np.isfinite(apart) and observations.board.thickness:
        # No other camera sees the face that this one sees.
        unknown.add("triangulated")
    if not solution.free.reshape(-1, N_CAMERA)[view, INTRINSICS].any():
        # A lens that is known needs no board all over the image.
        unknown |= {"cells", "tilts", "depth"}
    findings = _graded(figures, unknown)
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
    return Verdict.of(name, findings)


def rig_verdict(
    observations: BoardObservations,
    measures: Measures,
    held_out: HeldOut | None,
    noise: float,
    space: SpaceError | None,
    jitter: Jitter | None,
    frame_rate: float | None = None,
) -> Verdict:
    """What is to be thought of all cameras together.

    Parameters
    ----------
    measures : Measures
        At one clock, on all frames; lengths are judged on frames left out where there are any.
    noise : float
        See `evaluation.length_noise`: that part of the lengths' errors is no fault of the rig.
    frame_rate : float, optional
        Frames a second; without it nothing is said of the trigger.
    """
    judged = measures if held_out is None else held_out.one_clock
    where = "" if held_out is None else " on frames left out"
    lengths, board = judged.lengths, measures.board
    scale = float(np.median([_scale(observations, i) for i in range(len(observations.views))]))
    figures = []
    if lengths.n:
        text = (
            f"lengths are wrong by {lengths.mean:.2f} mm ({lengths.percent:.2f} %){where}, bias "
            f"{lengths.bias:+.2f} mm; the corners' noise explains {noise:.2f} mm"
        )
        rest = np.sqrt(max(1 - (np.nan_to_num(noise) / max(lengths.mean, 1e-12)) ** 2, 0.0))
        figures.append(("length", float(rest) * lengths.percent, 1.0, text))
    if held_out is not None:
        apart = held_out.one_clock.triangulated
        if apart.n:
            text = f"triangulated residual {apart.median:.2f} px{where}"
            figures.append(("triangulated", apart.median, scale, text))
        ratio = held_out.ratio
        if np.isfinite(ratio):
            text = f"the board residual is {ratio:.1f} times as large{where} as on those used"
            figures.append(("ratio", ratio, 1.0, text))
    if board.n:
        tail = board.p95 / max(board.median, 1e-9)
        text = f"the largest board residuals (95 %) are {tail:.1f} times the median"
        figures.append(("tail", tail, 1.0, text))
    if space is not None:
        text = (
            f"points in space are uncertain by {space.sd:.2g} mm, {space.percent:.2g} % of the "
            "volume"
        )
        figures.append(("space", space.percent, 1.0, text))
    if jitter is not None and frame_rate:
        late = float(np.nanmax(jitter.frames, initial=0.0)) * 1000 / frame_rate
        text = f"images are taken up to {late:.1f} ms early or late (standard deviation)"
        figures.append(("jitter", late, 1.0, text))
    return Verdict.of(RIG, _graded(figures, ()))


def _graded(
    figures: Sequence[tuple[str, float, float, str]], unknown: Collection[str]
) -> list[tuple[Grade, str]]:
    """What is not good of figures ``(band, value, scale, text)``."""
    findings: list[tuple[Grade, str]] = []
    for key, value, by, text in figures:
        if key in unknown:
            continue
        band = BANDS[key]
        grade = band.grade(float(value), by)
        if grade == "poor" and key in _NEVER_POOR:
            grade = "fair"
        if grade != "good":
            findings.append((grade, f"{text}: {band.meaning}"))
    return findings


def _scale(observations: BoardObservations, view: int) -> float:
    """What bounds in px are multiplied by for the images of a view."""
    # The noise of the corners themselves, about 0.1 px, is the same in smaller images.
    return max(observations.sizes[view][0] / _WIDTH, 0.5)


def _in_ms(frames: float, frame_rate: float | None) -> str:
    return f" ({1000 * frames / frame_rate:+.1f} ms)" if frame_rate else ""
