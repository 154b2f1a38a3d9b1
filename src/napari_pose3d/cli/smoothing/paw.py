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
    computing_of,
    help_of,
    inputs_of,
    parse_file_name,
    parse_frame_ranges,
    parse_smooth_params,
    reading_of,
)
from ..terminal.progress_bar import ProgressBar

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
        "--image-width", type=float, default=128.0, metavar="PX",
        help="x of the second camera becomes this minus x; not given: 128",
    )  # fmt: skip
    parser.add_argument(
        "--smooth-param", "--s", action="append", default=[], metavar="S|NAME=S,...",
        help=help_of(SmoothingSettings, "smooth_param"),
    )  # fmt: skip
    parser.add_argument(
        "--s-frames", nargs="+", default=[], metavar="N|A:B",
        help=help_of(SmoothingSettings, "s_frames"),
    )  # fmt: skip
    parser.add_argument(
        "--n-latent", type=int, default=3, metavar="N", help=help_of(SmoothingSettings, "n_latent")
    )
    parser.add_argument(
        "--quantile-keep-pca", "--quantile_keep_pca", type=float, default=50.0, metavar="P",
        help=help_of(SmoothingSettings, "quantile_keep_pca"),
    )  # fmt: skip
    parser.add_argument(
        "--inflate-vars", "--inflate_vars", action="store_true",
        help=help_of(SmoothingSettings, "inflate_vars"),
    )  # fmt: skip
    # In ensemble-kalman-smoother it is on unless one says so.
    parser.add_argument(
        "--no-inflate-vars", dest="inflate_vars", action="store_false", help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--as-published", action="store_true", help=help_of(SmoothingSettings, "as_published")
    )
    add_computing(parser, SmoothingSettings)
    add_writing(parser, "smoothed")
    # As the published command has it.
    parser.set_defaults(views=["left", "right"], keypoints=["paw_l", "paw_r"], var_mode="var")


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.file_run import refuse_inputs
    from napari_pose3d.core.pipeline.results.result_files import (
        default_folder,
        result_paths,
        save_result,
    )
    from napari_pose3d.core.pipeline.results.run_summary import s_table, summary, view_table
    from napari_pose3d.core.pipeline.smoothing_run import run
    from napari_pose3d.core.projects.alignment.opposite_cameras import (
        in_place,
        opposite_cameras,
        times_of,
        timestamp_files,
    )
    from napari_pose3d.core.storage.atomic_files import refuse_existing

    settings = _smoothing_of(options)
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
    if not options.force:
        refuse_existing(paths)
    result = in_place(run(both, None, settings, bar, cancelled), frames, first.n_frames)
    with options.interruption.writing():
        written = save_result(
            result, both, None, folder, name=name, force=options.force, compact=options.compact,
            columns=options.columns, progress=bar, cancelled=cancelled,
        )  # fmt: skip
    bar.close()
    for note in result.report.warnings:
        print(f"{'warning' if note in result.report.serious else 'note'}: {note}")
    print(summary(result))
    tables = [view_table(result.report.views), s_table(result) if options.verbose else ""]
    print(*filter(None, tables), sep="\n")
    print("wrote", *written, sep="\n  ")
    return 0


def _smoothing_of(options: argparse.Namespace) -> SmoothingSettings:
    common, named = parse_smooth_params(options.smooth_param)
    return SmoothingSettings(
        mode="linear",
        smooth_param=common,
        smooth_params=named,
        s_frames=parse_frame_ranges(options.s_frames),
        as_published=options.as_published,
        n_latent=options.n_latent,
        quantile_keep_pca=options.quantile_keep_pca,
        inflate_vars=options.inflate_vars,
        **computing_of(options),
    )


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
