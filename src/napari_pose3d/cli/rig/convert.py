"""``napari-pose3d rig convert IN OUT [--from FORMAT] [--to FORMAT]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_pose3d.core.storage.atomic_files import refuse_existing
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

from ..options import add_force
from ..terminal.progress_bar import ProgressBar

FORMATS = (
    *("anipose", "opencv", "caliscope", "jarvis", "label3d", "matlab", "deeplabcut"),
    *("colmap", "pose2sim", "freemocap", "kalibr", "dlt", "csv"),
)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "convert",
        help="read a calibration of another program, or write one for it",
        description="Read a calibration of another program, or write one for it, and look for "
        "faults. What the new format cannot keep is listed.",
        allow_abbrev=False,
    )
    parser.add_argument("input", metavar="IN", type=Path, help="file, or folder of files")
    parser.add_argument("output", metavar="OUT", type=Path, help="file, or folder to write to")
    parser.add_argument(
        "--from", dest="source", choices=FORMATS, help="format of IN; not given: found in it"
    )
    parser.add_argument(
        "--to", dest="target", choices=FORMATS, help="format of OUT; not given: by its name"
    )
    parser.add_argument(
        "--names",
        nargs="+",
        default=[],
        metavar="NAME",
        help="names of the cameras in the order of IN, in place of its own",
    )
    parser.add_argument(
        "--size",
        nargs="+",
        default=[],
        metavar="WxH",
        help="size of the images in px where IN does not hold it, for all cameras or for each",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="multiply lengths by this, such as 0.001 from mm to m, or by the side of a square "
        "(DeepLabCut)",
    )
    add_force(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Convert, and print what was lost and what was found."""
    from napari_pose3d.core.calibration.lint.rig_lint import check_rig
    from napari_pose3d.core.formats.calibrations import rig_conversion as conversion

    target = options.target or conversion.format_for(options.output)
    if not options.force and not conversion.FORMATS[target].is_folder:
        refuse_existing([options.output])
    sizes = [_size(text) for text in options.size]
    source = options.source or conversion.detect_format(options.input)
    rig = conversion.read_rig(
        options.input, source, names=options.names, sizes=sizes, scale=options.scale
    )
    lost = conversion.write_rig(rig, options.output, target, overwrite=options.force)
    bar.close()
    title = conversion.FORMATS[source].title
    print(f"read {counted(len(rig.cameras), 'camera')} from {title}: {', '.join(rig.names)}")
    for finding in check_rig(rig):
        print(finding)
    for each in lost:
        print(f"not kept: {each}")
    print(f"wrote {options.output} ({conversion.FORMATS[target].title})")
    return 0


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < len(text) < 20):
        raise PoseDataError(f"'{text[:40]}' is no size of images", expected="such as 1280x1024")
    return int(width), int(height)
