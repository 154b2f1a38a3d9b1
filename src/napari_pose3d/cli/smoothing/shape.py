"""``napari-pose3d shape INPUT --shape circle:top,bottom,right,left``, and ``ibl-pupil INPUT``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_pose3d.settings import ShapeSettings

from ..options import add_force, add_reading, help_of, inputs_of, reading_of
from ..terminal.outcome import print_written
from ..terminal.progress_bar import ProgressBar

_PUPIL = "pupil=circle:pupil_top_r,pupil_bottom_r,pupil_right_r,pupil_left_r"


def add_to(commands: Any) -> None:
    """Add the commands to the parser."""
    for name, usual in (("shape", None), ("ibl-pupil", _PUPIL)):
        parser = commands.add_parser(
            name,
            help="smooth points that lie on a circle or an ellipse, such as a pupil's",
            description="Smooth the centre and the sizes of a shape that keypoints lie on, in each "
            "view, from an ensemble of predictions.",
            allow_abbrev=False,
        )
        parser.set_defaults(command=_run)
        add_reading(parser)
        parser.add_argument(
            "--shape",
            default=usual,
            required=usual is None,
            metavar="KIND:NAME,...",
            help="circle or ellipse, and its points: top, bottom, right and left, or any with "
            "their angles in degrees from the right towards the bottom, such as "
            "iris=circle:a@0,b@90,c@180",
        )
        for option, alias in (("--size-s", "--diameter-s"), ("--centre-s", "--com-s")):
            field = option.removeprefix("--").replace("-", "_")
            parser.add_argument(
                option,
                alias,
                dest=field,
                type=float,
                metavar="S",
                help=help_of(ShapeSettings, field),
            )
        parser.add_argument(
            "--as-published", action="store_true", help=help_of(ShapeSettings, "as_published")
        )
        parser.add_argument(
            "--out",
            "--save-dir",
            type=Path,
            metavar="DIR",
            help="folder for the results; not given: ./<session>_shape/",
        )
        add_force(parser)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.file_run import FileRun
    from napari_pose3d.core.pipeline.results.shape_files import save_shapes
    from napari_pose3d.core.smoothing.linear.shapes.shape import shape_of
    from napari_pose3d.core.smoothing.linear.shapes.shape_smoother import smooth_shape

    shape = shape_of(options.shape)
    settings = ShapeSettings(options.size_s, options.centre_s, options.as_published)
    inputs, calibration = inputs_of(options)
    work = FileRun(inputs, calibration, reading_of(options))
    cancelled = options.interruption.asked
    ensemble = work.ensemble.in_memory(bar, cancelled)
    tracks = smooth_shape(ensemble, shape, settings, cancelled)
    folder = options.out or Path.cwd() / f"{ensemble.session or 'recording'}_shape"
    with options.interruption.writing():
        written = save_shapes(tracks, ensemble, folder, force=options.force)
    bar.close()
    for track in tracks:
        sizes = ", ".join(
            f"{name} {mean:.4g} px"
            for name, mean in zip(shape.sizes, track.state.mean(axis=0), strict=False)
        )
        size_s, centre_s = track.smooth_param
        print(f"{track.view}: mean {sizes}; s {size_s:.4g} (size), {centre_s:.4g} (centre)")
    print_written(written)
    return 0
