"""The options of `SmoothingSettings`: what smooth, batch and ibl-paw share."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from napari_pose3d.settings import PlotSettings, SmootherParts, SmoothingSettings

from ..options import (
    computing_of,
    help_of,
    parse_blocks,
    parse_frame_range,
    parse_frame_ranges,
    parse_smooth_params,
)


def add_smoothing(parser: argparse._ActionsContainer) -> None:
    """The options of `SmoothingSettings` that triangulating does not have."""
    _add(
        parser,
        "mode",
        "--mode",
        choices=["auto", "calibrated", "linear", "single"],
        default="auto",
    )
    add_linear(parser)
    _add(parser, "blocks", "--blocks", nargs="+", default=[], metavar="A,B")
    parser.add_argument(
        "--skeleton",
        nargs="*",
        metavar="A,B",
        help=f"{help_of(SmoothingSettings, 'skeleton')}; without names: those of the project",
    )
    _add(parser, "max_gap", "--max-gap", type=int, metavar="FRAMES")
    _add(parser, "own_times", "--own-times", action="store_true")
    _add(parser, "output_times", "--output-times", default="", metavar="VIEW|RATE")
    _add(parser, "motion", "--motion", choices=["damped", "walk"], default="damped")
    parts = dataclasses.fields(SmootherParts)
    meanings = "; ".join(f"{part.name}: {help_of(SmootherParts, part.name)}" for part in parts)
    parser.add_argument(
        "--without",
        nargs="+",
        default=[],
        choices=[part.name for part in parts],
        metavar="PART",
        help=f"calibrated: switch off parts of the smoother ({meanings})",
    )


def add_linear(parser: argparse._ActionsContainer) -> None:
    """Those of them that the linear smoother has."""
    parser.add_argument(
        "--smooth-param",
        "--s",
        action="append",
        default=[],
        metavar="S|NAME=S,...",
        help=f"{help_of(SmoothingSettings, 'smooth_param')}; nose=10,tail=100,5 gives single "
        "keypoints their own, and the others 5",
    )
    _add(parser, "s_frames", "--s-frames", nargs="+", default=[], metavar="N|A:B")
    _add(parser, "n_latent", "--n-latent", type=int, default=3, metavar="N")
    _add(
        parser,
        "quantile_keep_pca",
        "--quantile-keep-pca",
        "--quantile_keep_pca",
        type=float,
        default=50.0,
        metavar="P",
    )
    _add(parser, "as_published", "--as-published", action="store_true")
    _add(parser, "inflate_vars", "--inflate-vars", "--inflate_vars", action="store_true")
    # In ensemble-kalman-smoother it is on unless one says so.
    parser.add_argument(
        "--no-inflate-vars", dest="inflate_vars", action="store_false", help=argparse.SUPPRESS
    )


def _add(parser: argparse._ActionsContainer, field: str, *names: str, **options: Any) -> None:
    parser.add_argument(*names, dest=field, help=help_of(SmoothingSettings, field), **options)


def smoothing_of(options: argparse.Namespace) -> SmoothingSettings:
    """What `add_smoothing` and `add_computing` were given."""
    return dataclasses.replace(
        linear_of(options),
        mode=options.mode,
        blocks=parse_blocks(options.blocks),
        skeleton=parse_blocks(options.skeleton or ()),
        max_gap=options.max_gap,
        own_times=options.own_times,
        output_times=options.output_times,
        motion=options.motion,
        parts=SmootherParts(**dict.fromkeys(options.without, False)),
    )


def linear_of(options: argparse.Namespace) -> SmoothingSettings:
    """What `add_linear` and `add_computing` were given."""
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


def add_plot(parser: argparse._ActionsContainer) -> None:
    """The options of the page of raw against smoothed."""
    parser.add_argument(
        "--plot",
        "--make-plot",
        action="store_true",
        help="also write <session>_plot.html: raw against smoothed with its uncertainty",
    )
    parser.add_argument(
        "--plot-frames", default="0:500", metavar="A:B", help=help_of(PlotSettings, "frames")
    )
    parser.add_argument(
        "--plot-keypoints",
        nargs="+",
        default=[],
        metavar="NAME",
        help=help_of(PlotSettings, "keypoints"),
    )


def plot_of(options: argparse.Namespace) -> PlotSettings | None:
    """What `add_plot` was given; None: no page."""
    if not options.plot:
        return None
    frames = parse_frame_range(options.plot_frames, "--plot-frames")
    return PlotSettings(frames, tuple(options.plot_keypoints))
