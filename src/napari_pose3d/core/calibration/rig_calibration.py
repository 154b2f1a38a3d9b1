"""From board videos to a rig with its report: the steps in order."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError

from .board.board_shape import BoardShape, with_shape
from .board.corner_order import in_one_order
from .board.layout import UNKNOWN_THICKNESS
from .board.lens_recording import Lens, with_lenses
from .board.observations import BoardObservations
from .evaluation import (
    HeldOut,
    Measures,
    at_one_clock,
    hold_out,
    length_noise,
    measure,
    residuals_alone,
    rig_of,
)
from .jitter import Jitter, estimate_jitter
from .origin import cameras_below, from_board, still_frames
from .solve.lens import N_INTRINSICS
from .solve.rig_solution import Solution, solve_rig
from .solve.two_faces import refuse_mirrored, view_residuals, with_thickness
from .uncertainty import SpaceError, space_error
from .verdicts import Coverage, Verdict, coverage_of, rig_verdict, verdicts

Float64 = NDArray[np.float64]

_CONTRADICTION = 0.02  # of the width of the image, median distance of the corners
_LEAST_GAIN = 0.03  # of the residual on frames left out, for which a board is taken as bent
_ON_BOARD = "the board as it lies still"


@dataclass(frozen=True, eq=False)
class Calibration:
    """A rig, and all that is known of how good it is.

    Attributes
    ----------
    rig : Rig
        mm; its metadata say how it was made.
    observations : BoardObservations
        As recorded.
    solution : Solution
    as_recorded, one_clock : Measures
    held_out : HeldOut or None
        None where too few frames are left to leave some out.
    coverages : tuple of Coverage
        By view.
    verdicts : tuple of Verdict
        By view.
    origin : str
        What the world's origin is.
    excluded : tuple of int
        Frame numbers that were left out on request.
    notes : tuple of str
    jitter : Jitter or None
        What the instants of single images explain; None where clocks were not estimated or the
        board hardly moves.
    overall : Verdict
        Of the rig as a whole.
    alone : tuple of float
        Median board residual of each view with each image by itself, px.
    length_noise : float
        Mean absolute error of lengths that the corners' noise makes by itself, mm.
    space : SpaceError or None
        By how much triangulated points may be wrong.
    frame_rate : float or None
        Of the first camera, frames a second.
    shape : BoardShape or None
        Of a board that is not flat.
    """

    rig: Rig
    observations: BoardObservations
    solution: Solution
    as_recorded: Measures
    one_clock: Measures
    held_out: HeldOut | None
    coverages: tuple[Coverage, ...]
    verdicts: tuple[Verdict, ...]
    origin: str
    excluded: tuple[int, ...]
    notes: tuple[str, ...]
    jitter: Jitter | None
    overall: Verdict
    alone: tuple[float, ...]
    length_noise: float
    space: SpaceError | None
    frame_rate: float | None
    shape: BoardShape | None = None


def calibrate(
    observations: BoardObservations,
    *,
    fisheye: bool = False,
    intrinsics: Rig | None = None,
    lenses: Sequence[Lens] = (),
    clocks: bool = True,
    bent: bool = False,
    exclude: Sequence[int] = (),
    judge: bool = True,
    frame_rate: float | None = None,
    pairing: str = "",
    progress: Callable[[str], None] = lambda stage: None,
    check: Callable[[], None] = lambda: None,
) -> Calibration:
    """Calibrate cameras from corners of a board, and measure the result.

    Parameters
    ----------
    observations : BoardObservations
        See `board.detection.detect_corners`.
    fisheye : bool
        Whether the lenses follow OpenCV's fisheye model.
    intrinsics : Rig, optional
        Cameras whose intrinsics are known and stay, by name.
    lenses : sequence of Lens, optional
        Intrinsics of some cameras that are known and stay.
    clocks : bool
        Whether cameras may lag behind the first.
    bent : bool
        Whether the board may not be flat. Its shape is kept where frames left out of the fit gain
        by it.
    exclude : sequence of int
        Frame numbers to leave out.
    judge : bool
        Whether to fit again with blocks of frames left out, to be measured on those.
    frame_rate : float, optional
        Of the first camera, frames a second: for offsets in ms.
    pairing : str
        What says which frames belong together, in words; "" where it is their numbers.
    progress : callable
        Called with the name of each stage.
    check : callable
        Called often; may raise `Cancelled`.

    Raises
    ------
    PoseDataError
        When a camera observed too little of the board, shares no frame with the others, contradicts
        them in nearly all that it shows, or its video is mirrored.
    """
    if exclude:
        observations = observations.of_frames(~np.isin(observations.frames, list(exclude)))
    known = None if intrinsics is None else _known(intrinsics, observations, fisheye)
    known = with_lenses(known, lenses, observations)
    options: dict[str, Any] = {
        "fisheye": fisheye,
        "intrinsics": known,
        "clocks": clocks,
        "progress": progress,
        "check": check,
    }
    progress("order of the corners")
    observations = in_one_order(
        observations, fisheye=fisheye, intrinsics=known, clocks=clocks, check=check
    )
    solution = solve_rig(observations, **options)
    notes = [*filter(None, [pairing]), *map(str, lenses)]
    if observations.board.thickness == UNKNOWN_THICKNESS:
        refuse_mirrored(solution, observations, _behind(observations), options)
        observations, note = with_thickness(solution, observations, check)
        notes.append(note)
        solution = solve_rig(observations, **options)
    _refuse_contradictions(solution)
    held_out, shape = None, None
    if judge or bent:
        progress("measuring on frames left out")
        fit = partial(hold_out, fisheye=fisheye, intrinsics=known, check=check)
        try:
            held_out = fit(observations, solution)
        except PoseDataError as error:
            notes.append(f"not measured on frames left out: {error.problem}")
        else:
            if held_out is None:
                notes.append("not measured on frames left out: there are too few frames")
        try:
            bending = fit(observations, solution, bent=True) if bent and held_out else None
            helps, note = _gain_of_shape(held_out, bending)
            if helps:
                solve = partial(solve_rig, **options)
                observations, solution, shape = with_shape(observations, solution, solve, check)
                held_out = bending
                note = f"the board is not flat: {shape}; {note}"
        except PoseDataError as error:
            note = f"the board is taken as flat: {error.problem}"
        if bent:
            notes.append(note)
    progress("measuring")
    common = at_one_clock(observations, solution.lags)
    one_clock = measure(solution.state, common, check)
    recorded = measure(solution.state, observations, check)
    alone = residuals_alone(solution.state, observations, check)
    if solution.clock_note and clocks:
        notes.append(f"clocks are not estimated: {solution.clock_note}")
    jitter = estimate_jitter(solution) if clocks and not solution.clock_note else None
    notes += _changing_clocks(solution, frame_rate)
    coverages = tuple(
        coverage_of(solution, observations, view) for view in range(len(observations.views))
    )
    rig, origin = _with_origin(solution)
    if origin.startswith(_ON_BOARD) and (below := cameras_below(rig)):
        notes.append(
            f"below the floor that the board lies on: {', '.join(below)}. Choose the other "
            "orientation where that is not so"
        )
    space = space_error(solution)
    judged_on = one_clock.frames if held_out is None else held_out.one_clock.frames
    judging = common.of_frames(np.isin(common.frames, judged_on))
    noise = length_noise(solution.state, judging, alone)
    judged = verdicts(
        solution, observations, one_clock, coverages, alone=alone, frame_rate=frame_rate
    )
    metadata = {
        "units": "mm",
        "error": one_clock.board.median,
        "origin": origin,
        "clocks": ", ".join(
            f"{view}={clock:.4f}"
            for view, clock in zip(observations.views, solution.clocks, strict=True)
        ),
    }
    return Calibration(
        rig=replace(rig, extra={"metadata": metadata}),
        observations=observations,
        solution=solution,
        as_recorded=recorded,
        one_clock=one_clock,
        held_out=held_out,
        coverages=coverages,
        verdicts=judged,
        origin=origin,
        excluded=tuple(exclude),
        notes=tuple(notes),
        jitter=jitter,
        overall=rig_verdict(observations, one_clock, held_out, noise, space, jitter, frame_rate),
        alone=alone,
        length_noise=noise,
        space=space,
        frame_rate=frame_rate,
        shape=shape,
    )


def _gain_of_shape(flat: HeldOut | None, bent: HeldOut | None) -> tuple[bool, str]:
    """Whether frames left out gain where the board may bend, and a note."""
    if flat is None or bent is None or not flat.one_clock.board.n or not bent.one_clock.board.n:
        return False, "the board is taken as flat: there are too few frames to judge its shape"
    gain = 1 - bent.one_clock.board.mean / max(flat.one_clock.board.mean, 1e-12)
    note = f"on frames left out its shape changes the residual by {-100 * gain:+.0f} %"
    return (True, note) if gain > _LEAST_GAIN else (False, f"the board is taken as flat: {note}")


def frames_of_timestamps(
    path: str | os.PathLike[str], views: Sequence[str]
) -> dict[str, NDArray[np.int64]]:
    """Which frames of the videos belong together, from a table of them.

    Parameters
    ----------
    path : path
        CSV with the columns ``sync_index`` (common frame number), ``cam_id`` and ``frame_time``; a
        camera's n-th row is the n-th frame of its video.
    views : sequence of str
        A view is given by its name, or by the number that its name ends in.

    Returns
    -------
    mapping of view to (video frame,) int64

    Raises
    ------
    PoseDataError
        When the table cannot be read, a column or a view is missing, or numbers do not rise.
    """
    path = Path(path)
    text = read_text(path, expected="a table of frames that belong together")
    with input_errors(path):
        table = list(csv.DictReader(io.StringIO(text, newline="")))
    rows: dict[str, list[np.int64]] = {}
    for number, row in enumerate(table, start=2):
        try:
            frame = np.int64(int(row["sync_index"]))
            rows.setdefault(str(row["cam_id"]).strip(), []).append(frame)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise PoseDataError(
                "this row has no 'cam_id' or no whole 'sync_index'",
                file=path,
                place=f"line {number}",
                expected="the columns sync_index, cam_id, frame_time",
            ) from None
    out = {}
    for view in views:
        digits = view[len(view.rstrip("0123456789")) :]
        key = view if view in rows else digits if digits in rows else None
        if key is None:
            raise PoseDataError(
                f"no row is of view {view}",
                file=path,
                expected=f"'cam_id' among {', '.join(views)}; the file has {', '.join(rows)}",
            )
        numbers = np.array(rows[key])
        if np.any(np.diff(numbers) <= 0):
            raise PoseDataError(
                f"'sync_index' of camera {key} does not rise",
                file=path,
                expected="one row for each frame of its video, in order",
            )
        out[view] = numbers
    return out


def _changing_clocks(solution: Solution, frame_rate: float | None) -> list[str]:
    """Cameras whose lag changes in the course of the recording, in words."""
    lags, views = solution.lags, solution.observations.views
    frames = solution.observations.frames
    span = int(np.ptp(frames))
    advice = (
        "images were paired anew and the rig allows for it, but sessions of these cameras need the "
        "timestamps of their frames (project.toml)"
    )
    notes = []
    for view, growth in zip(views, lags.growth.tolist(), strict=True):
        if not growth:
            continue
        pace = f"one frame in {1 / abs(growth):,.0f}"
        if frame_rate:
            pace += f", {60 * frame_rate * abs(growth):.3g} frames per minute"
        notes.append(
            f"the lag of camera {view} grows by {growth * span:+.2f} frames in the course of the "
            f"recording, {pace}: its frame rate is {100 * abs(growth):.2g} % "
            f"{'lower' if growth > 0 else 'higher'} than that of {views[0]}, or one of them loses "
            f"frames all along; {advice}"
        )
    for jump in lags.jumps:
        loser = views[jump.view] if jump.frames < 0 else views[0]
        notes.append(
            f"the lag of camera {views[jump.view]} changes by {jump.frames:+d} near its frame "
            f"{jump.frame}, as where {loser} lost frames; {advice}"
        )
    return notes


def _behind(observations: BoardObservations) -> list[str]:
    """Views that saw the back of the board only."""
    seen = observations.observed
    half = observations.board.n_face_corners
    return [
        view
        for view, each in zip(observations.views, seen, strict=True)
        if not each[:, :half].any()
    ]


def _refuse_contradictions(solution: Solution) -> None:
    apart = view_residuals(solution)
    views, sizes = solution.observations.views, solution.observations.sizes
    lost = [
        f"{view} ({residual:.0f} px)"
        for view, residual, (width, _) in zip(views, apart, sizes, strict=True)
        if not residual < _CONTRADICTION * width
    ]
    if lost:
        raise PoseDataError(
            f"no arrangement of the cameras explains what they show: the board is this far from "
            f"where the others put it in view {', '.join(lost)}",
            expected="one board, seen by all cameras at once",
            todo="Check the number of squares, that the videos are of one recording, and which of "
            "their frames belong together (timestamps); or leave the view out",
        )


def _with_origin(solution: Solution) -> tuple[Rig, str]:
    """The rig in the frame of a board that lay still, else of its first camera."""
    rig = rig_of(solution.state, solution.observations)
    run = still_frames(solution.observations)
    if not len(run):
        return rig, f"camera {rig.names[0]}"
    frame = int(run[len(run) // 2])
    state = solution.state
    placed = from_board(
        rig,
        state.board_rotations[frame],
        state.board_translations[frame],
        solution.observations.board.square,
    )
    frames = solution.observations.frames[run]
    return placed, f"{_ON_BOARD} in frames {frames[0]} to {frames[-1]}"


def _known(rig: Rig, observations: BoardObservations, fisheye: bool) -> Float64:
    out = np.zeros((len(observations.views), N_INTRINSICS))
    chosen = rig.subset(observations.views)
    for row, camera, size in zip(out, chosen.cameras, observations.sizes, strict=True):
        if camera.size is not None and tuple(camera.size) != size:
            raise PoseDataError(
                f"the images of camera {camera.name} are {camera.size[0]} x {camera.size[1]} px, "
                f"those of its video {size[0]} x {size[1]}",
                file=rig.path,
                expected="lenses of images of the same size",
                todo="Leave the known lenses out, or take a calibration of this size",
            )
        if camera.fisheye != fisheye:
            raise PoseDataError(
                f"camera {camera.name} has {'a' if camera.fisheye else 'no'} fisheye lens",
                file=rig.path,
                expected="the lens model that the calibration is to have",
            )
        if camera.distortion.size > 5 and np.any(camera.distortion[5:]):
            raise PoseDataError(
                f"camera {camera.name} has {camera.distortion.size} distortion coefficients",
                file=rig.path,
                expected="k1 k2 p1 p2 k3, or four of the fisheye model",
            )
        matrix = camera.matrix
        row[:4] = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
        n = min(camera.distortion.size, 5)
        row[4 : 4 + n] = camera.distortion[:n]
    return out
