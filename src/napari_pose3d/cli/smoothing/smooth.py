"""``napari-pose3d smooth INPUT``."""

from __future__ import annotations

import argparse
import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import PlotSettings, SmootherParts, SmoothingSettings, frame_range_of

from ..options import (
    add_computing,
    add_reading,
    add_writing,
    computing_of,
    help_of,
    parse_blocks,
    parse_frame_ranges,
    parse_smooth_params,
)
from ..terminal.progress_bar import ProgressBar
from .file_job import Job, run_on_files

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.file_run import FileRun


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    smooth = commands.add_parser(
        "smooth",
        help="smooth predictions; with a calibration, in 3-D",
        description="Smooth an ensemble of prediction files (several seeds of all views). With a "
        "calibration the keypoints are smoothed in space and written as 3-D as well.",
        epilog="Option names of ensemble-kalman-smoother work as aliases.",
        allow_abbrev=False,
    )
    smooth.set_defaults(command=_run)
    add_reading(smooth)
    add_smoothing(smooth)
    add_computing(smooth, SmoothingSettings)
    add_writing(smooth, "smoothed")
    smooth.add_argument(
        "--plot",
        "--make-plot",
        action="store_true",
        help="also write <session>_plot.html: raw against smoothed with its uncertainty",
    )
    smooth.add_argument(
        "--plot-frames", default="0:500", metavar="A:B", help=help_of(PlotSettings, "frames")
    )
    smooth.add_argument(
        "--plot-keypoints",
        nargs="+",
        default=[],
        metavar="NAME",
        help=help_of(PlotSettings, "keypoints"),
    )


def add_smoothing(smooth: argparse._ActionsContainer) -> None:
    """The options of `SmoothingSettings` that triangulating does not have."""

    def add(*names: str, field: str, **options: Any) -> None:
        smooth.add_argument(*names, dest=field, help=help_of(SmoothingSettings, field), **options)

    add(
        "--mode",
        field="mode",
        choices=["auto", "calibrated", "linear", "single"],
        default="auto",
    )
    smooth.add_argument(
        "--smooth-param",
        "--s",
        action="append",
        default=[],
        metavar="S|NAME=S,...",
        help=f"{help_of(SmoothingSettings, 'smooth_param')}; nose=10,tail=100,5 gives single "
        "keypoints their own, and the others 5",
    )
    add("--s-frames", field="s_frames", nargs="+", default=[], metavar="N|A:B")
    add("--blocks", field="blocks", nargs="+", default=[], metavar="A,B")
    smooth.add_argument(
        "--skeleton",
        nargs="*",
        metavar="A,B",
        help=f"{help_of(SmoothingSettings, 'skeleton')}; without names: those of the project",
    )
    add("--max-gap", field="max_gap", type=int, metavar="FRAMES")
    add("--n-latent", field="n_latent", type=int, default=3, metavar="N")
    add(
        "--quantile-keep-pca",
        "--quantile_keep_pca",
        field="quantile_keep_pca",
        type=float,
        default=50.0,
        metavar="P",
    )
    add("--as-published", field="as_published", action="store_true")
    add("--inflate-vars", "--inflate_vars", field="inflate_vars", action="store_true")
    # In ensemble-kalman-smoother it is on unless one says so.
    smooth.add_argument(
        "--no-inflate-vars", dest="inflate_vars", action="store_false", help=argparse.SUPPRESS
    )
    add("--motion", field="motion", choices=["damped", "walk"], default="damped")
    parts = dataclasses.fields(SmootherParts)
    meanings = "; ".join(f"{part.name}: {help_of(SmootherParts, part.name)}" for part in parts)
    smooth.add_argument(
        "--without",
        nargs="+",
        default=[],
        choices=[part.name for part in parts],
        metavar="PART",
        help=f"calibrated: switch off parts of the smoother ({meanings})",
    )


def smoothing_of(options: argparse.Namespace) -> SmoothingSettings:
    """What `add_smoothing` and `add_computing` were given."""
    common, named = parse_smooth_params(options.smooth_param)
    return SmoothingSettings(
        mode=options.mode,
        smooth_param=common,
        smooth_params=named,
        s_frames=parse_frame_ranges(options.s_frames),
        as_published=options.as_published,
        n_latent=options.n_latent,
        quantile_keep_pca=options.quantile_keep_pca,
        inflate_vars=options.inflate_vars,
        blocks=parse_blocks(options.blocks),
        skeleton=parse_blocks(options.skeleton or ()),
        max_gap=options.max_gap,
        motion=options.motion,
        parts=SmootherParts(**dict.fromkeys(options.without, False)),
        **computing_of(options),
    )


def _plot_of(options: argparse.Namespace) -> PlotSettings | None:
    if not options.plot:
        return None
    try:
        frames = frame_range_of(options.plot_frames)
    except PoseDataError as error:
        raise error.located(place="--plot-frames") from None
    return PlotSettings(frames, tuple(options.plot_keypoints))


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    settings = smoothing_of(options)

    def job(work: FileRun) -> Job:
        chosen = work.with_project_bones(settings) if options.skeleton == [] else settings
        return work.mode(chosen), partial(work.smooth, chosen)

    return run_on_files(options, bar, "smoothed", job, _plot_of(options))
