"""Options that several commands share, and the texts that they take apart."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings, Robust

_RANGE = re.compile(r"^(\d*):(\d*)$")
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
    parser.add_argument("--session", help=help_of(ReadingSettings, "session"))
    parser.add_argument("--individual", help=help_of(ReadingSettings, "individual"))
    parser.add_argument(
        "--min-likelihood",
        type=float,
        default=0.0,
        metavar="L",
        help=help_of(ReadingSettings, "min_likelihood"),
    )
    for name in ("allow_missing", "shared_keypoints", "mirrored"):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, action="store_true", help=help_of(ReadingSettings, name))


def reading_of(options: argparse.Namespace) -> tuple[list[Path], ReadingSettings]:
    """What `add_reading` was given: the inputs and how to read them."""
    inputs = [*options.input, *options.input_files]
    if options.input_dir:
        inputs.append(options.input_dir)
    if not inputs:
        raise PoseDataError("no input was given", expected="a folder or prediction files")
    reading = ReadingSettings(
        views=tuple(options.views),
        keypoints=tuple(options.keypoints),
        session=options.session,
        individual=options.individual,
        min_likelihood=options.min_likelihood,
        allow_missing=options.allow_missing,
        shared_keypoints=options.shared_keypoints,
        mirrored=options.mirrored,
    )
    return inputs, reading


def add_computing(parser: argparse.ArgumentParser, settings: type) -> None:
    """What smoothing and triangulating have in common."""
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
    parser.add_argument("--threads", type=int, metavar="N", help=help_of(settings, "threads"))


def computing_of(options: argparse.Namespace) -> dict[str, Any]:
    """What `add_computing` was given, by field of the settings."""
    return {
        "avg_mode": options.avg_mode,
        "var_mode": options.var_mode,
        "robust": parse_robust(options.robust),
        "threads": options.threads,
    }


def add_swaps(parser: argparse.ArgumentParser, settings: type) -> None:
    """Left and right taken for each other."""
    parser.add_argument(
        "--left-right",
        nargs="+",
        default=[],
        metavar="LEFT,RIGHT",
        help=help_of(settings, "left_right"),
    )
    parser.add_argument("--fix-swaps", action="store_true", help=help_of(settings, "fix_swaps"))


def swaps_of(options: argparse.Namespace) -> dict[str, Any]:
    """What `add_swaps` was given, by field of the settings."""
    return {"left_right": parse_blocks(options.left_right), "fix_swaps": options.fix_swaps}


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
    parser.add_argument("--force", action="store_true", help="replace results of an earlier run")
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


def parse_frame_ranges(texts: Sequence[str]) -> tuple[tuple[int | None, int | None], ...]:
    """``A:B`` (either may be left out), or ``[(A,B),...]`` as ensemble-kalman-smoother has it.

    Raises
    ------
    PoseDataError
        A text is neither.
    """
    ranges: list[tuple[int | None, int | None]] = []
    for text in texts:
        match = _RANGE.match(text)
        if match and text != ":":
            ranges.append(tuple(int(end) if end else None for end in match.groups()))  # type: ignore[arg-type]
            continue
        pairs = _EKS_RANGES.findall(text)
        if not pairs or re.sub(r"[\s,\[\]]", "", _EKS_RANGES.sub("", text)):
            raise PoseDataError(
                f"'{text}' is not a frame range",
                place="--s-frames",
                expected="first frame, colon, one past the last, such as 0:2000 or 500:",
            )
        ranges += [
            (None if a == "None" else int(a), None if b == "None" else int(b)) for a, b in pairs
        ]
    return tuple(ranges)
