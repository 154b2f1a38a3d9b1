"""``napari-pose3d rig check RIG [--videos ...] [--predictions ... | --labels ...]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_pose3d.core.projects.naming.video_views import videos_by_view
from napari_pose3d.errors import PoseDataError

from ..terminal.progress_bar import ProgressBar
from .offsets import add_offsets, offer_offsets, session_for_offsets
from .points import add_predictions_reading, labels_of, reading_of_predictions

FOUND_ERROR = 1


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="look for faults of a calibration; exit code 1 where a finding is an error",
        allow_abbrev=False,
    )
    parser.add_argument("rig", type=Path, help="Anipose calibration TOML")
    parser.add_argument(
        "--videos", nargs="+", type=Path, default=[], metavar="FILE", help="compare image sizes"
    )
    parser.add_argument(
        "--predictions",
        nargs="+",
        type=Path,
        default=[],
        metavar="PATH",
        help="folder or files of predictions: residuals, exchanged cameras, clocks, bumps",
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        type=Path,
        default=[],
        metavar="PATH",
        help="a project, or a label file for each camera: residuals, exchanged cameras",
    )
    add_offsets(parser)
    add_predictions_reading(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Print the findings."""
    from napari_pose3d.core.calibration.lint.data_lint import check_rig_against
    from napari_pose3d.core.calibration.lint.rig_lint import check_rig
    from napari_pose3d.core.cameras.rig_file import load_rig
    from napari_pose3d.core.projects.matching.inputs import open_inputs
    from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import ensemble_statistics
    from napari_pose3d.core.video.metadata import video_metadata

    target = session_for_offsets(options)
    if target is not None and not options.predictions:
        raise PoseDataError("offsets are found in predictions", expected="--predictions")
    if options.predictions and options.labels:
        raise PoseDataError(
            "labels and predictions were given", expected="--labels or --predictions"
        )
    rig = load_rig(options.rig)
    sizes, frame_rate = {}, None
    if options.videos:
        for view, path in videos_by_view(options.videos, known=rig.names).items():
            metadata = video_metadata(path)
            frame_rate = frame_rate or metadata.frame_rate
            if metadata.size is not None:
                sizes[view] = metadata.size
    findings = list(check_rig(rig, sizes, list(sizes) or None))
    if options.predictions:
        bar("reading predictions", 0, 0)
        # Predictions that lie elsewhere may have another name than the session of the offsets.
        elsewhere = target is not None and not all(
            path.resolve().is_relative_to(target[0].folder.resolve())
            for path in options.predictions
        )
        session = None if elsewhere else options.session
        reading = reading_of_predictions(options, session=session)
        stored, chosen = open_inputs(options.predictions, options.rig, reading)
        xy = ensemble_statistics(stored).centre.astype(float)
        bar("comparing", 0, 0)
        findings += check_rig_against(
            (chosen or rig).subset(stored.views), xy, frame_rate=frame_rate
        )
    if options.labels:
        points = labels_of(options.labels, rig, options.session)
        # Labeled frames lie anywhere in time.
        findings += check_rig_against(rig.subset(points.views), points.xy, clocks=False)
    bar.close()
    for finding in findings:
        print(finding)
    if not findings:
        print("nothing found")
    lags = {
        each.cameras[0]: each.evidence["lag_frames"]
        for each in findings
        if "lag_frames" in each.evidence
    }
    if lags or target is not None:
        offer_offsets(lags, target, aligned=True)
    return FOUND_ERROR if any(each.severity == "error" for each in findings) else 0
