"""``napari-pose3d ibl-paw INPUT``: two cameras of different rates on both sides of an animal."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings, SmoothingSettings

from ..options import (
    add_computing,
    add_reading,
    add_writing,
    inputs_of,
    parse_file_name,
    reading_of,
)
from ..terminal.progress_bar import ProgressBar
from .file_job import print_result
from .smoothing_options import add_linear, add_plot, linear_of, plot_of

if TYPE_CHECKING:
    from napari_pose3d.core.projects.matching.stored_ensemble import StoredEnsemble


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "ibl-paw",
        help="smooth the two paws that cameras of different rates see from the left and the right",
        description="Smooth two keypoints that two cameras record from opposite sides at their own "
        "times, which lie beside the predictions in *.timestamps.<view>.npy. The second camera is "
        "interpolated to the times of the first, its keypoints are exchanged and its x is "
        "mirrored; then both are smoothed together.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=_run)
    add_reading(parser)
    parser.add_argument(
        "--image-width",
        type=float,
        default=128.0,
        metavar="PX",
        help="x of the second camera becomes this minus x; not given: 128",
    )
    add_linear(parser)
    add_computing(parser, SmoothingSettings)
    add_writing(parser, "smoothed")
    add_plot(parser)
    # As the published command has it.
    parser.set_defaults(views=["left", "right"], keypoints=["paw_l", "paw_r"], var_mode="var")


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.results.plot_page import (
        check_keypoints,
        plot_frames,
        plot_path,
        save_plot,
    )
    from napari_pose3d.core.pipeline.results.result_files import (
        default_folder,
        result_paths,
        save_result,
    )
    from napari_pose3d.core.pipeline.smoothing_run import run
    from napari_pose3d.core.projects.alignment.opposite_cameras import (
        in_place,
        opposite_cameras,
        times_of,
        timestamp_files,
    )
    from napari_pose3d.core.storage.atomic_files import refuse_existing
    from napari_pose3d.core.storage.input_files import refuse_inputs

    settings = linear_of(options)
    reading = reading_of(options)
    name = parse_file_name(options.save_filename)
    inputs, calibration = inputs_of(options)
    if calibration is not None:
        raise PoseDataError("ibl-paw uses no calibration", file=calibration, todo="Leave it out")
    if len(reading.views) != 2:
        raise PoseDataError(
            f"the views are {', '.join(reading.views)}",
            place="--views",
            expected="two; the second one is brought to the times and the side of the first",
        )
    files = timestamp_files(inputs, reading.views)
    cancelled = options.interruption.asked
    first, second = (each.in_memory(bar, cancelled) for each in _views_of(inputs, reading))
    times = times_of(files[reading.views[0]], first), times_of(files[reading.views[1]], second)
    both, frames = opposite_cameras(
        first, second, times, options.image_width, keep_placeholders=settings.as_published
    )
    folder = options.out or default_folder(both)
    paths = result_paths(both, "linear", folder, name)
    refuse_inputs(paths, [source.path for source in both.sources])
    plot, page = plot_of(options), plot_path(both, folder, name)
    if plot is not None:
        check_keypoints(plot, both.keypoints)
        plot_frames(plot, first.n_frames)
    if not options.force:
        refuse_existing(paths if plot is None else [*paths, page])
    result = in_place(run(both, None, settings, bar, cancelled), frames, first.n_frames)
    with options.interruption.writing():
        written = save_result(
            result,
            both,
            None,
            folder,
            name=name,
            force=options.force,
            compact=options.compact,
            columns=options.columns,
            progress=bar,
            cancelled=cancelled,
        )
        if plot is not None:
            save_plot(page, result, plot, force=options.force)
            written.append(page)
    bar.close()
    print_result(result, written, verbose=options.verbose)
    return 0


def _views_of(inputs: list[Path], reading: ReadingSettings) -> list[StoredEnsemble]:
    """Each view by itself: their numbers of frames differ, and so may the rates of their videos."""
    from napari_pose3d.core.projects.matching.completeness import check_complete
    from napari_pose3d.core.projects.matching.inputs import match_inputs
    from napari_pose3d.core.projects.matching.stored_ensemble import StoredEnsemble

    table = match_inputs(inputs, None, reading).table
    check_complete(table, reading)
    found = []
    for view in reading.views:
        rows = tuple(row for row in table.rows if row.view == view)
        alone = replace(table, rows=rows, project=None, damaged={})
        found.append(StoredEnsemble(alone, replace(reading, views=(view,))))
    return found
