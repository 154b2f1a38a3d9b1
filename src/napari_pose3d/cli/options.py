"""Options that several commands share, and the texts that they take apart."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.settings import (
    COLOURS,
    OF_PROJECT,
    ExportSettings,
    ReadingSettings,
    RenderSettings,
    Robust,
    frame_range_of,
    smooth_params_of,
)

_METAVARS = {"floor": "NAME,NAME,..."}
_EKS_RANGES = re.compile(r"\(\s*(\d+|None)\s*,\s*(\d+|None)\s*\)")


def help_of(settings: type, name: str) -> str:
    """What a field of the settings means, for argparse."""
    fields = {field.name: field for field in dataclasses.fields(settings)}
    return str(fields[name].metadata["help"]).replace("%", "%%")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Input, calibration and the options of `ReadingSettings`."""
    parser.add_argument("input", nargs="*", type=Path, help="folder, or prediction files")
    # The names that ensemble-kalman-smoother has for it.
    parser.add_argument("--input-dir", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument(
        "--input-files", type=Path, nargs="+", default=[], metavar="FILE", help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="TOML", help="Anipose calibration of the cameras"
    )
    parser.add_argument("--session", metavar="NAME", help=help_of(ReadingSettings, "session"))
    add_reading_settings(parser)


def add_reading_settings(parser: argparse._ActionsContainer) -> None:
    """The options of `ReadingSettings` without the session."""
    parser.add_argument(
        "--views",
        "--camera-names",
        nargs="+",
        default=[],
        metavar="NAME",
        help=help_of(ReadingSettings, "views"),
    )
    parser.add_argument(
        "--keypoints",
        "--bodypart-list",
        nargs="+",
        default=[],
        metavar="NAME",
        help=help_of(ReadingSettings, "keypoints"),
    )
    parser.add_argument(
        "--min-likelihood",
        type=float,
        default=0.0,
        metavar="L",
        help=help_of(ReadingSettings, "min_likelihood"),
    )
    add_matching_settings(parser)


def add_matching_settings(parser: argparse._ActionsContainer, *, mirrored: bool = True) -> None:
    """Which individual, and what to do where prediction files do not match."""
    parser.add_argument("--individual", metavar="NAME", help=help_of(ReadingSettings, "individual"))
    for name in ("allow_missing", "shared_keypoints", *(["mirrored"] if mirrored else [])):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, action="store_true", help=help_of(ReadingSettings, name))


def add_poses(parser: argparse.ArgumentParser) -> None:
    """The poses of one session: input, session, prediction set and frame rate."""
    parser.add_argument(
        "input", nargs="+", type=Path, help="project, folder, or files of poses of one session"
    )
    parser.add_argument("--session", metavar="NAME", help=help_of(ReadingSettings, "session"))
    parser.add_argument(
        "--set",
        metavar="NAME",
        help="prediction set; not given: the smoothed result, else 3-D positions, else the only "
        "predictions",
    )
    parser.add_argument(
        "--fps", type=float, metavar="N", help="frames a second; not given: that of the videos"
    )


def add_part_of_poses(parser: argparse.ArgumentParser) -> None:
    """Which calibration, keypoints and individual, for poses as in `add_poses`."""
    parser.add_argument("--calibration", type=Path, metavar="TOML", help="not given: the session's")
    parser.add_argument(
        "--keypoints",
        nargs="+",
        default=[],
        metavar="NAME",
        help=help_of(ReadingSettings, "keypoints"),
    )
    add_matching_settings(parser, mirrored=False)


def part_reading_of(options: argparse.Namespace, views: Sequence[str] = ()) -> ReadingSettings:
    """What `add_part_of_poses` was given."""
    return ReadingSettings(
        views=tuple(views),
        keypoints=tuple(options.keypoints),
        individual=options.individual,
        allow_missing=options.allow_missing,
        shared_keypoints=options.shared_keypoints,
    )


def add_export_settings(parser: argparse._ActionsContainer) -> None:
    """The options of `ExportSettings`."""
    for field in dataclasses.fields(ExportSettings):
        option = f"--{field.name.replace('_', '-')}"
        text = help_of(ExportSettings, field.name)
        if isinstance(field.default, bool):
            parser.add_argument(option, action="store_true", help=text)
        elif isinstance(field.default, float):
            parser.add_argument(option, type=float, default=field.default, metavar="X", help=text)
        elif field.name == "body_frame":
            name = "ORIGIN,[BACK,]FRONT"
            parser.add_argument(
                option, nargs="?", default="", const=OF_PROJECT, metavar=name, help=text
            )
        elif isinstance(field.default, str):
            name = _METAVARS.get(field.name, "CHOICE")
            parser.add_argument(option, default=field.default, metavar=name, help=text)
        else:
            parser.add_argument(option, nargs="+", default=[], metavar="KEY=VALUE", help=text)


def export_settings_of(options: argparse.Namespace) -> ExportSettings:
    """What `add_export_settings` was given."""
    from napari_pose3d.core.pipeline.exchange.export_run import subject_of

    names = [field.name for field in dataclasses.fields(ExportSettings)]
    chosen = {name: getattr(options, name) for name in names}
    return ExportSettings(**{**chosen, "subject": subject_of(options.subject)})


def add_render_settings(parser: argparse._ActionsContainer) -> None:
    """The options of `RenderSettings` without the views."""
    parser.add_argument("--frames", metavar="A:B", help=help_of(RenderSettings, "frames"))
    parser.add_argument(
        "--without-skeleton",
        dest="draw_skeleton",
        action="store_false",
        help=f"else {help_of(RenderSettings, 'skeleton')}",
    )
    parser.add_argument(
        "--without-3d",
        dest="space",
        action="store_false",
        help=f"else {help_of(RenderSettings, 'space')}",
    )
    for name in ("uncertainty", "labels", "names"):
        parser.add_argument(f"--{name}", action="store_true", help=help_of(RenderSettings, name))
    parser.add_argument(
        "--colours",
        choices=COLOURS,
        default=RenderSettings().colours,
        help=help_of(RenderSettings, "colours"),
    )
    parser.add_argument("--scale", type=float, metavar="X", help=help_of(RenderSettings, "scale"))


def render_settings_of(options: argparse.Namespace) -> RenderSettings:
    """What `add_render_settings` was given, and ``--views``."""
    frames: tuple[int | None, int | None] = (None, None)
    if options.frames is not None:
        frames = parse_frame_range(options.frames, "--frames")
    return RenderSettings(
        tuple(options.views),
        frames,
        skeleton=options.draw_skeleton,
        space=options.space,
        uncertainty=options.uncertainty,
        labels=options.labels,
        names=options.names,
        colours=options.colours,
        scale=options.scale,
    )


def add_force(parser: argparse.ArgumentParser) -> None:
    """The option that lets files be replaced."""
    parser.add_argument("--force", action="store_true", help="replace existing files")


def inputs_of(options: argparse.Namespace) -> tuple[list[Path], Path | None]:
    """The predictions and the calibration that `add_reading` was given.

    Raises
    ------
    PoseDataError
        No predictions, or several calibrations.
    """
    given = [*options.input, *options.input_files]
    if options.input_dir:
        given.append(options.input_dir)
    rigs = [path for path in given if _is_calibration(path)]
    inputs = [path for path in given if path not in rigs]
    if options.calibration:
        rigs.append(options.calibration)
    if len(rigs) > 1:
        raise PoseDataError(
            f"there are several calibrations: {', '.join(map(str, rigs))}", expected="one"
        )
    if not inputs:
        given_alone = (
            "a calibration was given, and no predictions" if rigs else "no input was given"
        )
        raise PoseDataError(given_alone, expected="a folder or prediction files")
    return inputs, (rigs[0] if rigs else None)


def _is_calibration(path: Path) -> bool:
    # A project's own file stands for the project.
    return path.suffix.lower() == ".toml" and path.name != "project.toml" and not path.is_dir()


def reading_of(options: argparse.Namespace) -> ReadingSettings:
    """What `add_reading` or `add_reading_settings` was given."""
    return ReadingSettings(
        views=tuple(options.views),
        keypoints=tuple(options.keypoints),
        session=getattr(options, "session", None),
        individual=options.individual,
        min_likelihood=options.min_likelihood,
        allow_missing=options.allow_missing,
        shared_keypoints=options.shared_keypoints,
        mirrored=options.mirrored,
    )


def add_computing(parser: argparse._ActionsContainer, settings: type) -> None:
    """What smoothing and triangulating have in common, by the help of their settings."""
    parser.add_argument(
        "--left-right",
        nargs="+",
        default=[],
        metavar="LEFT,RIGHT",
        help=help_of(settings, "left_right"),
    )
    parser.add_argument("--fix-swaps", action="store_true", help=help_of(settings, "fix_swaps"))
    parser.add_argument(
        "--avg-mode",
        choices=["median", "mean"],
        default="median",
        help=help_of(settings, "avg_mode"),
    )
    parser.add_argument(
        "--var-mode",
        choices=["confidence_weighted_var", "var"],
        default="confidence_weighted_var",
        help=help_of(settings, "var_mode"),
    )
    parser.add_argument(
        "--robust", default="auto", metavar="auto|off|PX", help=help_of(settings, "robust")
    )
    parser.add_argument(
        "--without-corrections",
        dest="corrections",
        action="store_false",
        help=f"leave out what was corrected in review; else {help_of(settings, 'corrections')}",
    )
    parser.add_argument(
        "--keep-bad",
        dest="leave_out_bad",
        action="store_false",
        help=f"else {help_of(settings, 'leave_out_bad')}",
    )
    parser.add_argument("--threads", type=int, metavar="N", help=help_of(settings, "threads"))


def computing_of(options: argparse.Namespace) -> dict[str, Any]:
    """What `add_computing` was given, by field of the settings."""
    return {
        "left_right": parse_blocks(options.left_right),
        "fix_swaps": options.fix_swaps,
        "avg_mode": options.avg_mode,
        "var_mode": options.var_mode,
        "robust": parse_robust(options.robust),
        "corrections": options.corrections,
        "leave_out_bad": options.leave_out_bad,
        "threads": options.threads,
    }


def add_writing(parser: argparse.ArgumentParser, kind: str) -> None:
    """Where to write; ``kind`` names the default folder."""
    parser.add_argument(
        "--out",
        "--save-dir",
        type=Path,
        metavar="DIR",
        help=f"folder for the results; not given: napari-pose3d/{kind}/<session>/ in the "
        f"project, outside a project ./<session>_{kind}/",
    )
    parser.add_argument(
        "--save-filename",
        metavar="NAME",
        help="what the names of the files begin with; not given: the session",
    )
    add_force(parser)
    parser.add_argument(
        "--verbose", action="store_true", help="say what is done, how long it took, and each s"
    )
    parser.add_argument(
        "--compact",
        action="store_true",
        help="write positions and likelihood only, without variances: a quarter of the text",
    )
    parser.add_argument(
        "--columns",
        choices=["all", "movement"],
        default="all",
        help="movement: only the columns that movement reads, with all digits; it cannot read "
        "files with variances",
    )


def parse_robust(text: str) -> Robust:
    """``auto``, ``off`` or a number of pixels.

    Raises
    ------
    PoseDataError
        It is none of them.
    """
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    try:
        return float(text)
    except ValueError:
        raise PoseDataError(
            f"'{text}' is not known", place="--robust", expected="auto, off, or a number of px"
        ) from None


def parse_blocks(texts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """``a,b c,d``, or ``0,1;2,3`` as ensemble-kalman-smoother has it."""
    blocks = (block for text in texts for block in text.split(";"))
    named = (tuple(name.strip() for name in block.split(",") if name.strip()) for block in blocks)
    return tuple(names for names in named if names)


def parse_frame_range(text: str, option: str) -> tuple[int | None, int | None]:
    """As `frame_range_of`; an error names the option."""
    try:
        return frame_range_of(text)
    except PoseDataError as error:
        raise error.located(place=option) from None


def parse_frame_ranges(texts: Sequence[str]) -> tuple[tuple[int | None, int | None], ...]:
    """``A:B`` or ``N`` (see `frame_range_of`), or ``[(A,B),...]`` as in ensemble-kalman-smoother.

    Raises
    ------
    PoseDataError
        A text is none of them.
    """
    ranges: list[tuple[int | None, int | None]] = []
    for text in texts:
        pairs = _EKS_RANGES.findall(text)
        if pairs and not re.sub(r"[\s,\[\]]", "", _EKS_RANGES.sub("", text)):
            ranges += [
                (None if a == "None" else int(a), None if b == "None" else int(b)) for a, b in pairs
            ]
            continue
        ranges.append(parse_frame_range(text, "--s-frames"))
    return tuple(ranges)


def parse_smooth_params(
    texts: Sequence[str],
) -> tuple[float | None, tuple[tuple[str, float], ...]]:
    """``10`` for all keypoints, ``nose=10`` for one, ``nose=10,tail=100,5`` for several.

    Returns
    -------
    (float or None, pairs of keypoint and float)
        ``s`` of all keypoints but those named; None: it is searched.

    Raises
    ------
    PoseDataError
        A text is neither, or two are for all keypoints.
    """
    common: list[float] = []
    named: list[str] = []
    for part in (part.strip() for text in texts for part in text.split(",")):
        try:
            common.append(float(part))
        except ValueError:
            named.append(part)
    try:
        pairs = smooth_params_of(",".join(named))
        if len(common) > 1:
            raise PoseDataError(
                f"several values are for all keypoints: {', '.join(f'{s:g}' for s in common)}",
                expected="one, and those of single keypoints with their names, such as nose=10",
            )
        return (common[0] if common else None), pairs
    except PoseDataError as error:
        raise error.located(place="--s") from None


def parse_file_name(text: str | None) -> str | None:
    """The name that result files begin with, from a name with or without ``.csv``.

    Raises
    ------
    PoseDataError
        It is empty, or holds a folder.
    """
    if text is None:
        return None
    name = text.removesuffix(".csv").strip()
    if not name or set(name) & set('/\\:*?"<>|') or name.startswith("."):
        raise PoseDataError(
            f"'{text}' cannot be what file names begin with",
            place="--save-filename",
            expected="a name without folders, such as mouse1",
            todo="Give the folder",
            remedy=Remedy("folder"),
        )
    return name
