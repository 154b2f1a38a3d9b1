"""``napari-pose3d kinematics SESSION``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_pose3d.core.poses.kinematics.kinds import KINDS

from ..options import add_force, add_poses
from ..terminal.outcome import print_notes, print_written
from ..terminal.progress_bar import ProgressBar
from .measurement_options import add_measurements, measurements_given


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "kinematics",
        help="angles, lengths and speeds of a session, with their uncertainty",
        description="Measure the 3-D positions of a session in every frame and write a table. "
        "What is measured stands in [kinematics] of the project's project.toml, or in options; "
        "these may be repeated.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=_run)
    add_poses(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="CSV", help="table to write")
    add_measurements(parser)
    add_force(parser)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.kinematics.kinematics_run import (
        measure_session,
        write_kinematics,
    )
    from napari_pose3d.core.pipeline.kinematics.measured_poses import undefined_notes
    from napari_pose3d.core.storage.atomic_files import refuse_existing

    if not options.force:
        refuse_existing([options.out])
    measured, fps = measure_session(
        options.input,
        measurements_given(options),
        session=options.session,
        prediction_set=options.set,
        fps=options.fps,
        progress=bar,
        cancelled=options.interruption.asked,
    )
    with options.interruption.writing():
        write_kinematics(measured, fps, options.out, overwrite=options.force)
    bar.close()
    notes = undefined_notes(measured)
    if fps is None and any(KINDS[each.measurement.kind].per_time for each in measured):
        notes.append("no video states the frame rate: speeds are per frame (--fps N)")
    print_notes(notes)
    print_written([options.out])
    return 0
