"""``napari-pose3d triangulate INPUT --calibration TOML``."""

from __future__ import annotations

import argparse
from typing import Any

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.settings import TriangulationSettings

from .options import (
    add_computing,
    add_reading,
    add_swaps,
    add_writing,
    computing_of,
    reading_of,
    swaps_of,
)
from .progress_bar import ProgressBar


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    triangulate = commands.add_parser(
        "triangulate",
        help="triangulate predictions frame by frame, without smoothing",
        description="Triangulate the centre of an ensemble of prediction files frame by frame. "
        "Nothing is smoothed, and nothing is filled in where fewer than two views saw a keypoint.",
        allow_abbrev=False,
    )
    triangulate.set_defaults(command=_run)
    add_reading(triangulate)
    add_swaps(triangulate, TriangulationSettings)
    add_computing(triangulate, TriangulationSettings)
    add_writing(triangulate, "triangulated")


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.result_files import default_folder, result_paths
    from napari_pose3d.core.pipeline.smoothing_run import (
        match_inputs,
        read_inputs,
        triangulate_ensemble,
    )
    from napari_pose3d.core.pipeline.warm_up import STAGE, warm_up
    from napari_pose3d.core.storage.atomic_files import refuse_existing

    from .output import write_and_tell

    inputs, reading = reading_of(options)
    settings = TriangulationSettings(**computing_of(options), **swaps_of(options))
    matched = match_inputs(inputs, options.calibration, reading)
    if matched.rig is None:
        raise PoseDataError(
            "points in space need a calibration, and none was given or found in the project",
            todo="Give a calibration file with --calibration",
        )
    print(matched.table.as_text())
    ensemble = read_inputs(matched, reading)
    folder = options.out or default_folder(ensemble, inputs, "triangulated")
    if not options.force:
        refuse_existing(result_paths(ensemble, "triangulated", folder))
    bar(STAGE, 0, 0)
    warm_up("triangulated")
    result = triangulate_ensemble(ensemble, matched.rig, settings, bar)
    write_and_tell(result, ensemble, matched.rig, folder, options.force, options.compact, bar)
    return 0
