"""The command line: the same steps as the widget, without a screen."""

from __future__ import annotations

import argparse
import dataclasses
import re
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from .._version import __version__
from .errors import Cancelled, PoseDataError
from .settings import ReadingSettings, SmoothingSettings

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``napari-pose3d``; returns the exit code (2 on bad input)."""
    options = _parser().parse_args(arguments)
    # A job that a cluster ends cleans up like one that the user interrupts.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    bar = ProgressBar(sys.stderr)
    try:
        return int(options.command(options, bar))
    except PoseDataError as error:
        bar.close()
        print(f"napari-pose3d: {error}", file=sys.stderr)
        return BAD_INPUT
    except (KeyboardInterrupt, Cancelled):
        bar.close()
        print("napari-pose3d: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    finally:
        bar.close()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


class ProgressBar:
    """One line per stage on a terminal, silence in a pipe.

    Parameters
    ----------
    stream : text stream
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._bar: Any = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not self._shown:
            return
        if stage != self._stage:
            from tqdm import tqdm

            self.close()
            self._stage = stage
            self._bar = tqdm(total=total or None, desc=stage, file=self._stream, leave=False)
        self._bar.n = done
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="napari-pose3d",
        description="Smooth and triangulate multi-camera keypoints.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"napari-pose3d {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_smooth(commands)
    _add_sample(commands)
    _add_info(commands)
    return parser


def _help(settings: type, name: str) -> str:
    fields = {field.name: field for field in dataclasses.fields(settings)}
    return str(fields[name].metadata["help"]).replace("%", "%%")


def _add_smooth(commands: Any) -> None:
    smooth = commands.add_parser(
        "smooth",
        help="smooth predictions; with a calibration, in 3-D",
        description="Smooth an ensemble of prediction files (several seeds of all views). With a "
        "calibration the keypoints are smoothed in space and written as 3-D as well.",
        epilog="Option names of ensemble-kalman-smoother work as aliases.",
        allow_abbrev=False,
    )
    smooth.set_defaults(command=_smooth)
    smooth.add_argument("input", nargs="*", type=Path, help="folder, or prediction files")
    smooth.add_argument(
        "--input-dir", dest="input_dir", type=Path, metavar="DIR", help=argparse.SUPPRESS
    )
    smooth.add_argument(
        "--calibration", type=Path, metavar="TOML", help="Anipose calibration of the cameras"
    )
    smooth.add_argument(
        "--views",
        "--camera-names",
        nargs="+",
        default=[],
        metavar="NAME",
        help=_help(ReadingSettings, "views"),
    )
    smooth.add_argument(
        "--keypoints",
        "--bodypart-list",
        nargs="+",
        default=[],
        metavar="NAME",
        help=_help(ReadingSettings, "keypoints"),
    )
    smooth.add_argument("--session", help=_help(ReadingSettings, "session"))
    smooth.add_argument("--individual", help=_help(ReadingSettings, "individual"))
    smooth.add_argument(
        "--min-likelihood",
        type=float,
        default=0.0,
        metavar="L",
        help=_help(ReadingSettings, "min_likelihood"),
    )
    smooth.add_argument(
        "--allow-missing", action="store_true", help=_help(ReadingSettings, "allow_missing")
    )
    smooth.add_argument(
        "--shared-keypoints", action="store_true", help=_help(ReadingSettings, "shared_keypoints")
    )
    smooth.add_argument(
        "--mode",
        choices=["auto", "calibrated", "linear", "single"],
        default="auto",
        help=_help(SmoothingSettings, "mode"),
    )
    smooth.add_argument(
        "--smooth-param",
        "--s",
        type=float,
        metavar="S",
        help=_help(SmoothingSettings, "smooth_param"),
    )
    smooth.add_argument(
        "--s-frames",
        nargs="+",
        default=[],
        metavar="A:B",
        help=_help(SmoothingSettings, "s_frames"),
    )
    smooth.add_argument(
        "--n-latent", type=int, default=3, metavar="N", help=_help(SmoothingSettings, "n_latent")
    )
    smooth.add_argument(
        "--quantile-keep-pca",
        "--quantile_keep_pca",
        type=float,
        default=50.0,
        metavar="P",
        help=_help(SmoothingSettings, "quantile_keep_pca"),
    )
    smooth.add_argument(
        "--as-published", action="store_true", help=_help(SmoothingSettings, "as_published")
    )
    smooth.add_argument(
        "--out",
        "--save-dir",
        type=Path,
        metavar="DIR",
        help="folder for the results; not given: napari-pose3d/smoothed/<session>/ in the "
        "project, outside a project ./<session>_smoothed/",
    )
    smooth.add_argument("--force", action="store_true", help="replace results of an earlier run")


def _add_sample(commands: Any) -> None:
    sample = commands.add_parser("sample", help="make the sample session", allow_abbrev=False)
    sample.set_defaults(command=_sample)
    sample.add_argument("folder", type=Path, help="where to put it; made if it does not exist")


def _add_info(commands: Any) -> None:
    info = commands.add_parser("info", help="say what a file or folder is", allow_abbrev=False)
    info.set_defaults(command=_info)
    info.add_argument("path", nargs="+", type=Path)


def _smooth(options: argparse.Namespace, bar: ProgressBar) -> int:
    from .pipeline import chosen_mode, match_inputs, read_inputs, run
    from .results import default_folder, refuse_existing, result_paths, save_result, summary

    inputs = [*options.input, *([options.input_dir] if options.input_dir else [])]
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
    )
    settings = SmoothingSettings(
        mode=options.mode,
        smooth_param=options.smooth_param,
        s_frames=parse_frame_ranges(options.s_frames),
        as_published=options.as_published,
        n_latent=options.n_latent,
        quantile_keep_pca=options.quantile_keep_pca,
    )
    matched = match_inputs(inputs, options.calibration, reading)
    print(matched.table.as_text())
    ensemble = read_inputs(matched, reading, bar)
    folder = options.out or default_folder(ensemble, inputs)
    if not options.force:
        mode = chosen_mode(ensemble, matched.rig, settings)
        refuse_existing(result_paths(ensemble, mode, folder))
    result = run(ensemble, matched.rig, settings, bar)
    written = save_result(result, ensemble, matched.rig, folder, force=options.force, progress=bar)
    bar.close()
    for note in result.report.warnings:
        print(f"note: {note}")
    print(summary(result))
    print("wrote", *written, sep="\n  ")
    return 0


def _sample(options: argparse.Namespace, bar: ProgressBar) -> int:
    from .synthetic.sample import make_sample

    folder = make_sample(options.folder, progress=bar)
    bar.close()
    print(f"the sample session is in {folder}")
    print(f"try: napari-pose3d smooth {folder}")
    return 0


def _info(options: argparse.Namespace, bar: ProgressBar) -> int:
    from .describe import describe

    status = 0
    for i, path in enumerate(options.path):
        if i:
            print()
        try:
            print(describe(path))
        except PoseDataError as error:
            # One bad file does not hide what the others are.
            print(f"napari-pose3d: {error}", file=sys.stderr)
            status = BAD_INPUT
    return status


_RANGE = re.compile(r"^(\d*):(\d*)$")
_EKS_RANGES = re.compile(r"\(\s*(\d+|None)\s*,\s*(\d+|None)\s*\)")


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


if __name__ == "__main__":
    sys.exit(main())
