"""The figures of a calibration as rows of text, and two calibrations side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_pose3d.core.calibration.evaluation import Lengths, Measures, Spread
from napari_pose3d.core.calibration.rig_calibration import Calibration
from napari_pose3d.core.calibration.uncertainty import standard_errors
from napari_pose3d.core.calibration.verdicts import Verdict

from . import column_help

GRADE_SIGNS: Mapping[str, str] = {"good": "✓", "fair": "~", "poor": "✗"}


@dataclass(frozen=True)
class Table:
    """Text to be shown as a table.

    Attributes
    ----------
    title : str
    header : tuple of str
    rows : tuple of tuple of str
    note : str
        A sentence on what it shows.
    help : mapping of str to str
        What a column, by its header, or a row, by its first cell, means.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    help: Mapping[str, str] = field(default_factory=dict)


def headline(calibration: Calibration) -> str:
    """The three measures in one sentence, on frames left out where there are any."""
    held_out = calibration.held_out
    shown = calibration.one_clock if held_out is None else held_out.one_clock
    where = "On all frames" if held_out is None else "On frames left out of the fit"
    return (
        f"{where}: board residual {_px(shown.board.median)}, triangulated "
        f"{_px(shown.triangulated.median)}, lengths {_lengths(shown.lengths)}."
    )


def summary(calibration: Calibration) -> str:
    """Which cameras are good and which are not, in a sentence; also whether the whole rig is."""
    by_grade = {
        grade: [each.view for each in all_verdicts(calibration) if each.grade == grade]
        for grade in ("poor", "fair", "good")
    }
    if by_grade["poor"]:
        return f"Poor: {', '.join(by_grade['poor'])}; why, and what to do, stands below."
    if by_grade["fair"]:
        return f"Usable; could be better: {', '.join(by_grade['fair'])}."
    return "All cameras are good."


def all_verdicts(calibration: Calibration) -> tuple[Verdict, ...]:
    """Those on the cameras, and that on the rig."""
    return (*calibration.verdicts, calibration.overall)


def measures_table(calibration: Calibration) -> Table:
    """The three measures, as recorded and at one clock, on frames used and left out."""
    columns: dict[str, Measures] = {
        "all, as recorded": calibration.as_recorded,
        "all, one clock": calibration.one_clock,
    }
    held_out = calibration.held_out
    if held_out is not None:
        columns["left out, as recorded"] = held_out.as_recorded
        columns["left out, one clock"] = held_out.one_clock
        if held_out.still is not None:
            columns["left out, fit without clocks"] = held_out.still
    each = columns.values()
    rows = [
        ("Board residual", *(_spread(m.board) for m in each)),
        ("Triangulated residual", *(_spread(m.triangulated) for m in each)),
        ("Length error", *(_lengths(m.lengths) for m in each)),
        ("Bias of lengths", *(f"{m.lengths.bias:+.3f} mm" for m in each)),
        ("Corners, lengths", *(f"{m.board.n:,}, {m.lengths.n:,}" for m in each)),
    ]
    space = calibration.space
    note = column_help.MEASURES_NOTE
    if space is not None:
        note += (
            f" Points in space are uncertain by {space.sd:.2g} mm, {space.percent:.2g} % of the "
            f"volume in which two cameras see the board. {column_help.SPACE}"
        )
    return Table(
        "Measures (median / mean / 95 %)",
        ("", *columns),
        tuple(rows),
        note,
        {**column_help.MEASURES, **column_help.MEASURE_ROWS},
    )


def cameras_table(calibration: Calibration, rates: Mapping[str, float]) -> Table:
    """What is known of each camera.

    Parameters
    ----------
    rates : mapping of view to float
        Frames per second, for clocks in ms.
    """
    solution = calibration.solution
    rows = []
    for i, view in enumerate(calibration.observations.views):
        coverage, verdict = calibration.coverages[i], calibration.verdicts[i]
        rows.append(
            (
                view,
                f"{GRADE_SIGNS[verdict.grade]} {verdict.grade}",
                _px(calibration.as_recorded.board_by_view[view].median),
                _px(calibration.one_clock.board_by_view[view].median),
                _px(calibration.alone[i]),
                _px(calibration.one_clock.triangulated_by_view[view].median),
                clock_text(solution.clocks[i], solution.clock_sd[i], rates.get(view), i == 0),
                f"{coverage.images}",
                f"{coverage.n_cells} of 25",
                f"{coverage.tilts} of 8",
                f"{coverage.depth:.1f}",
            )
        )
    header = (
        *("camera", "verdict", "board, recorded", "board, one clock", "alone", "triangulated"),
        *("clock", "images", "parts", "tilts", "far / near"),
    )
    return Table(
        "Cameras (medians)", header, tuple(rows), column_help.CAMERAS_NOTE, column_help.CAMERAS
    )


def lenses_table(calibration: Calibration) -> Table:
    """The parameters of each camera with their standard errors."""
    state = calibration.solution.state
    errors = standard_errors(calibration.solution)
    # fx fy cx cy, then k1 k2 p1 p2 k3, or k1 k2 k3 k4 of a fisheye lens.
    radial, tangential = ([4, 5, 6, 7], []) if state.fisheye else ([4, 5, 8], [6, 7])
    units = calibration.rig.units or "units"
    rows = []
    for i, view in enumerate(calibration.observations.views):
        values, sd = state.intrinsics[i], errors[i, 6:]

        def told(which: Sequence[int], values: Any = values, sd: Any = sd) -> str:
            return ", ".join(_with_error(values[k], sd[k]) for k in which)

        rows.append(
            (
                view,
                told([0, 1]),
                told([2, 3]),
                told(radial),
                told(tangential) if tangential else "-",
                _error(np.degrees(errors[i, :3]), "°"),
                _error(errors[i, 3:6], f" {units}"),
            )
        )
    header = tuple(column_help.LENSES)
    return Table(
        "Lenses and poses, with standard errors",
        header,
        tuple(rows),
        column_help.LENSES_NOTE,
        column_help.LENSES,
    )


def pairs_table(calibration: Calibration) -> Table:
    """Which cameras saw the board at once."""
    views = calibration.observations.views
    rows = tuple(
        (f"{views[link.first]}, {views[link.second]}", f"{link.shared}")
        for link in calibration.solution.initial.links
    )
    return Table(
        "Frames that two cameras share",
        ("cameras", "frames"),
        rows,
        column_help.PAIRS_NOTE,
        column_help.PAIRS,
    )


def comparison_table(before: Calibration, now: Calibration) -> Table:
    """Two fits of the same recording."""

    def lines(each: Calibration) -> tuple[str, ...]:
        held_out = each.held_out
        shown = each.one_clock if held_out is None else held_out.one_clock
        return (
            _px(each.one_clock.board.median),
            _px(each.one_clock.board.p95),
            _px(shown.board.median),
            _px(shown.triangulated.median),
            _lengths(shown.lengths),
            f"{len(each.excluded)}",
        )

    names = (
        *("Board residual, median", "Board residual, 95 %", "Board residual, left out"),
        *("Triangulated, left out", "Length error, left out", "Frames taken out"),
    )
    rows = tuple(zip(names, lines(before), lines(now), strict=True))
    return Table("Before and now", ("", "before", "now"), rows, column_help.COMPARISON_NOTE)


def clock_text(clock: float, error: float, rate: float | None, is_first: bool) -> str:
    """A clock offset with its standard error, in frames and ms."""
    if is_first:
        return "reference"
    if not math.isfinite(error):
        return f"{clock:+.0f} frames" if clock else "not estimated"
    digits = 3 if error >= 5e-4 else 4
    text = f"{clock:+.{digits}f} ± {error:.{digits}f} frames"
    return text + (f", {1000 * clock / rate:+.1f} ms" if rate else "")


def excluded_text(frames: Sequence[int]) -> str:
    """Which frames a fit did without."""
    if not frames:
        return "All frames are used."
    return f"Taken out: frames {', '.join(str(frame) for frame in sorted(frames))}."


def _with_error(value: float, error: float) -> str:
    """A parameter, no finer than its standard error; one that was held fixed has none."""
    if not math.isfinite(error):
        return f"{value:.6g} (fixed)"
    digits = _digits(error)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _error(errors: Any, unit: str) -> str:
    """The largest of some standard errors."""
    known = errors[np.isfinite(errors)]
    return f"± {known.max():.{_digits(known.max())}f}{unit}" if len(known) else "the world's"


def _digits(error: float) -> int:
    """Decimal places that leave two digits of an error."""
    return min(max(1 - math.floor(math.log10(error)), 0), 9) if error > 0 else 3


def _spread(spread: Spread) -> str:
    if not spread.n:
        return "-"
    return f"{spread.median:.3f} / {spread.mean:.3f} / {spread.p95:.3f} px"


def _lengths(lengths: Lengths) -> str:
    return f"{lengths.mean:.3f} mm ({lengths.percent:.2f} %)" if lengths.n else "-"


def _px(value: float) -> str:
    return f"{value:.3f} px" if math.isfinite(value) else "-"
