"""``napari-pose3d rig calibrate VIDEOS ... --board FILE --out TOML``."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from napari_pose3d.core.calibration.board.board import MM, Board, Kind, load_board
from napari_pose3d.core.projects.alignment.frame_rates import checked_rates
from napari_pose3d.core.projects.naming.video_views import videos_by_view
from napari_pose3d.core.storage.atomic_files import FileGroup, refuse_existing
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import CalibrationSettings

from ..options import add_force, help_of
from ..terminal.outcome import print_notes, print_written
from ..terminal.progress_bar import ProgressBar
from .offsets import add_offsets, offer_offsets, session_for_offsets

BOARD_HELP = (
    "a board file (TOML), or a description: charuco:COLUMNSxROWS:SQUARE:MARKER:DICTIONARY or "
    "checkerboard:COLUMNSxROWS:SQUARE, squares counted, lengths such as 30mm, or "
    "aruco:COLUMNSxROWS:PITCH:MARKER:DICTIONARY, markers counted; add :inverted for white on "
    "black, :legacy for the layout of OpenCV before 4.6, :thickness=5mm for a print on both sides"
)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "calibrate", help="make a calibration from videos of a board", allow_abbrev=False
    )
    parser.add_argument("videos", nargs="+", type=Path, help="one video for each camera")
    parser.add_argument("--board", required=True, metavar="FILE|TEXT", help=BOARD_HELP)
    parser.add_argument(
        "--views", nargs="+", default=[], metavar="NAME", help="names of the cameras, in order"
    )
    parser.add_argument(
        "--timestamps",
        type=Path,
        metavar="CSV",
        help="which frames belong together: columns sync_index, cam_id, frame_time",
    )
    parser.add_argument(
        "--offsets-from",
        type=Path,
        metavar="PROJECT",
        help="the offsets of a session of this project (--session) say which frames belong "
        "together",
    )
    parser.add_argument(
        "--intrinsics", type=Path, metavar="TOML", help="a rig whose intrinsics are kept"
    )
    parser.add_argument(
        "--lens-videos",
        nargs="+",
        default=[],
        type=Path,
        metavar="FILE",
        help="videos of the board that cameras recorded one by one: their lenses are found from "
        "these and kept",
    )
    parser.add_argument("--fisheye", action="store_true", help="lenses of the fisheye model")
    parser.add_argument(
        "--no-clocks", action="store_true", help="the cameras are triggered together exactly"
    )
    parser.add_argument(
        "--bent-board", action="store_true", help=help_of(CalibrationSettings, "bent")
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every n-th frame")
    parser.add_argument(
        "--exclude", nargs="+", type=int, default=[], metavar="FRAME", help="leave frames out"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="TOML", help="the rig")
    parser.add_argument("--report", type=Path, metavar="HTML", help="a page to look at")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    add_offsets(parser)
    add_force(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Calibrate, write, and say how good it is."""
    from napari_pose3d.core.calibration.board.detection import detect_corners
    from napari_pose3d.core.calibration.board.layout import recognise_board
    from napari_pose3d.core.calibration.board.lens_recording import (
        lenses_of_videos,
        refuse_foreign,
    )
    from napari_pose3d.core.calibration.report.figures import figures_text
    from napari_pose3d.core.calibration.report.page import page_text
    from napari_pose3d.core.calibration.rig_calibration import calibrate, frames_of_timestamps
    from napari_pose3d.core.calibration.session_rig import pairing_of, session_rows
    from napari_pose3d.core.cameras.rig_file import load_rig, rig_text
    from napari_pose3d.core.projects.project import open_project
    from napari_pose3d.core.video.metadata import video_metadata

    outputs = [path for path in (options.out, options.report, options.json) if path is not None]
    if not options.force:
        refuse_existing(outputs)
    target = session_for_offsets(options)
    board = board_from(options.board)
    videos = videos_by_view(options.videos, options.views)
    alone = videos_by_view(options.lens_videos, known=list(videos)) if options.lens_videos else {}
    refuse_foreign(alone, videos)
    known = None if options.intrinsics is None else load_rig(options.intrinsics)
    rows, pairing = None, ""
    if options.offsets_from is not None:
        if options.timestamps is not None:
            raise PoseDataError(
                "timestamps and offsets were given", expected="--timestamps or --offsets-from"
            )
        project = open_project(options.offsets_from)
        session = project.session_or_only(options.session)
        rows, pairing = session_rows(session, videos), pairing_of(session, list(videos))
    elif options.timestamps is not None:
        rows = frames_of_timestamps(options.timestamps, list(videos))
        pairing = f"frames belong together by {options.timestamps.name}"
    if rows is None and (rates := checked_rates(videos, triggered=options.no_clocks)):
        print(f"note: {rates[0]}")
    looked: dict[tuple[str, str], tuple[int, int]] = {}

    def report(stage: str, view: str, n: int, total: int) -> None:
        looked[stage, view] = n, total
        counts = [count for (at, _), count in looked.items() if at == stage]
        bar(stage, *(sum(each) for each in zip(*counts, strict=True)))

    bar("looking for the board", 0, 0)
    board, notes = recognise_board(videos, board)
    print_notes(notes)
    observations = detect_corners(
        videos,
        board,
        rows=rows,
        every=options.every,
        progress=partial(report, "looking for the board"),
    )
    lenses = lenses_of_videos(
        alone,
        board,
        fisheye=options.fisheye,
        every=options.every,
        progress=partial(report, "looking for the board in lens videos"),
    )
    result = calibrate(
        observations,
        fisheye=options.fisheye,
        intrinsics=known,
        lenses=lenses,
        clocks=not options.no_clocks,
        bent=options.bent_board,
        exclude=options.exclude,
        frame_rate=video_metadata(next(iter(videos.values()))).frame_rate,
        pairing=pairing,
        progress=lambda stage: bar(stage, 0, 0),
    )
    bar.close()
    with FileGroup(overwrite=options.force) as group:
        group.open(options.out).write(rig_text(result.rig))
        if options.report is not None:
            group.open(options.report).write(page_text(result))
        if options.json is not None:
            group.open(options.json).write(figures_text(result))
    for verdict in (*result.verdicts, result.overall):
        print(verdict)
    shown = result.one_clock if result.held_out is None else result.held_out.one_clock
    print(
        f"{'all frames' if result.held_out is None else 'frames left out of the fit'}: "
        f"board residual {shown.board.median:.3f} px median, "
        f"triangulated {shown.triangulated.median:.3f} px, "
        f"length error {shown.lengths.mean:.3f} mm ({shown.lengths.percent:.2f} %), "
        f"bias {shown.lengths.bias:+.3f} mm"
    )
    print_notes(result.notes)
    aligned = options.offsets_from is not None and rows is not None
    offer_offsets(result.solution.steady_clocks, target, aligned=aligned)
    print_written(outputs)
    return 0


def board_from(text: str) -> Board:
    """A board from a file, or from a description such as ``charuco:5x7:30mm:22mm:DICT_4X4_50``.

    Raises
    ------
    PoseDataError
        When it is neither.
    """
    if ":" not in text or Path(text).is_file():
        return load_board(text)
    kind, *parts = text.split(":")
    flags = {part for part in parts if part in ("inverted", "legacy")}
    thick = [part for part in parts if part.startswith("thickness=")]
    parts = [part for part in parts if part not in flags and part not in thick]
    n_parts = {"charuco": 4, "checkerboard": 2, "aruco": 4}.get(kind)
    if n_parts is None or len(parts) != n_parts or len(thick) > 1:
        raise PoseDataError(
            f"the board '{text}' is not understood",
            expected="charuco:COLUMNSxROWS:SQUARE:MARKER:DICTIONARY, "
            "checkerboard:COLUMNSxROWS:SQUARE or aruco:COLUMNSxROWS:PITCH:MARKER:DICTIONARY",
        )
    columns, _, rows = parts[0].partition("x")
    if not (columns.isdecimal() and rows.isdecimal()):
        raise PoseDataError(f"'{parts[0]}' are no numbers of squares", expected="such as 5x7")
    kinds: dict[str, Kind] = {"charuco": "charuco", "aruco": "aruco"}
    return Board(
        columns=int(columns),
        rows=int(rows),
        square=_length(parts[1]),
        kind=kinds.get(kind, "checkerboard"),
        marker=_length(parts[2]) if n_parts == 4 else 0.0,
        dictionary=parts[3] if n_parts == 4 else "DICT_4X4_50",
        inverted="inverted" in flags,
        legacy="legacy" in flags,
        thickness=_length(thick[0].partition("=")[2]) if thick else 0.0,
    )


def _length(text: str) -> float:
    """Millimetres of a text such as ``30mm`` or ``1.2inch``; without a unit, mm."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(number) :] or "mm"
    try:
        return float(number) * MM[unit]
    except (ValueError, KeyError):
        raise PoseDataError(
            f"'{text}' is no length", expected=f"a number with a unit: {', '.join(MM)}"
        ) from None
