"""``napari-pose3d rig origin RIG --points A B C | --floor NAME ... --out TOML``."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_pose3d.core.storage.atomic_files import FileGroup, refuse_existing
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings

from ..options import add_force, help_of
from ..terminal.outcome import print_written
from ..terminal.progress_bar import ProgressBar
from .points import add_min_likelihood, add_predictions_reading, points_of


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "origin",
        help="say where the world begins and which way is up",
        description="Give a calibration another world: by three points, or by keypoints that touch "
        "the floor. z points to the side that most cameras are on. Nothing else changes.",
        allow_abbrev=False,
    )
    parser.add_argument("rig", type=Path, metavar="RIG", help="Anipose calibration TOML")
    parser.add_argument(
        "--labels", nargs="+", type=Path, metavar="PATH", help="a project, or label files by camera"
    )
    parser.add_argument(
        "--predictions", nargs="+", type=Path, metavar="PATH", help="folder or files of predictions"
    )
    parser.add_argument(
        "--clicks", type=Path, metavar="CSV", help="points of single images: view, point, x, y"
    )
    parser.add_argument("--session", metavar="NAME", help=help_of(ReadingSettings, "session"))
    parser.add_argument(
        "--points",
        nargs=3,
        metavar="NAME",
        help="keypoints or points: the origin, one along x, one more on the floor",
    )
    parser.add_argument(
        "--floor", nargs="+", metavar="NAME", help="keypoints that touch the floor, such as feet"
    )
    parser.add_argument(
        "--frame", type=int, metavar="N", help="take them from this frame; not given: from all"
    )
    parser.add_argument(
        "--turned-over", action="store_true", help="z to the side that fewer cameras are on"
    )
    add_min_likelihood(parser)
    add_predictions_reading(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="TOML", help="the new rig")
    add_force(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Place the rig, write it, and say where the cameras are now."""
    from napari_pose3d.core.calibration.origin import cameras_below, turned_over
    from napari_pose3d.core.cameras.rig_file import load_rig, rig_text
    from napari_pose3d.core.pipeline.rigs.rig_origin import (
        clicked_points,
        placed_by_floor,
        placed_by_points,
    )

    _check(options)
    if not options.force:
        refuse_existing([options.out])
    rig = load_rig(options.rig)
    if options.clicks is not None:
        points = clicked_points(options.clicks)
    else:
        points = points_of(options, rig, None, None, bar)
    bar.close()
    if options.points:
        placed = placed_by_points(rig, points, options.points, options.frame)
    else:
        placed, share = placed_by_floor(rig, points, options.floor, options.frame)
        print(f"{100 * share:.0f} % of the positions lie on the floor")
    if options.turned_over:
        placed = turned_over(placed)
    with FileGroup(overwrite=options.force) as group:
        group.open(options.out).write(rig_text(placed))
    for name, (x, y, z) in zip(placed.names, placed.centres, strict=True):
        print(f"camera {name} is at {x:.4g}, {y:.4g}, {z:.4g}")
    if below := cameras_below(placed):
        print(f"note: below the floor: {', '.join(below)} (--turned-over exchanges up and down)")
    print_written([options.out])
    return 0


def _check(options: argparse.Namespace) -> None:
    sources = [
        name for name in ("labels", "predictions", "clicks") if getattr(options, name) is not None
    ]
    if len(sources) != 1:
        raise PoseDataError(
            f"points of {' and '.join(sources)} were given" if sources else "no points were given",
            expected="one of --labels, --predictions and --clicks",
        )
    if (options.points is None) == (options.floor is None):
        raise PoseDataError(
            "neither --points nor --floor was given"
            if options.points is None
            else "--points and --floor were given",
            expected="--points ORIGIN X PLANE or --floor NAME ...",
        )
