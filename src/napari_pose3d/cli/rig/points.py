"""Points that a command takes from labels or predictions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.settings import ReadingSettings, RefinementSettings

from ..options import add_matching_settings, help_of
from ..terminal.progress_bar import ProgressBar

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.pipeline.rigs.point_sources import SharedPoints
    from napari_pose3d.core.projects.project import Project
    from napari_pose3d.core.projects.session import Session


def add_min_likelihood(parser: argparse.ArgumentParser) -> None:
    """The likelihood below which predictions are not used."""
    parser.add_argument(
        "--min-likelihood",
        type=float,
        metavar="L",
        help=f"{help_of(RefinementSettings, 'min_likelihood')}; not given: 0.9",
    )


def add_predictions_reading(parser: argparse.ArgumentParser) -> None:
    """How the files of ``--predictions`` are matched and read."""
    group = parser.add_argument_group("how predictions are read")
    group.add_argument(
        "--views", nargs="+", default=[], metavar="NAME", help=help_of(ReadingSettings, "views")
    )
    add_matching_settings(group)


def reading_of_predictions(
    options: argparse.Namespace, min_likelihood: float = 0.0, session: str | None = None
) -> ReadingSettings:
    """What `add_predictions_reading` was given."""
    return ReadingSettings(
        views=tuple(options.views),
        session=session,
        individual=options.individual,
        min_likelihood=min_likelihood,
        allow_missing=options.allow_missing,
        shared_keypoints=options.shared_keypoints,
        mirrored=options.mirrored,
    )


def points_of(
    options: argparse.Namespace,
    rig: Rig,
    project: Project | None,
    session: Session | None,
    bar: ProgressBar,
) -> SharedPoints:
    """What ``--labels`` or ``--predictions`` name; without paths, those of the session."""
    from napari_pose3d.core.pipeline.rigs.point_sources import (
        CONFIDENT,
        predicted_points,
        session_points,
    )
    from napari_pose3d.core.projects.matching.inputs import open_inputs

    likelihood = CONFIDENT if options.min_likelihood is None else options.min_likelihood
    source = "labels" if options.labels is not None else "predictions"
    given = options.labels if options.labels is not None else options.predictions
    bar(f"reading {source}", 0, 0)
    if not given and project is not None and session is not None:
        return session_points(project, session, source, likelihood, options.individual)
    if source == "predictions":
        reading = reading_of_predictions(options, likelihood, options.session)
        stored, _ = open_inputs(given, options.rig, reading)
        return predicted_points(stored)
    return labels_of(given, rig, options.session)


def labels_of(given: Sequence[Path], rig: Rig, session: str | None) -> SharedPoints:
    """Labels of a project, of one session of it, or of a file for each camera."""
    from napari_pose3d.core.pipeline.rigs.point_sources import label_file_points, labeled_points
    from napari_pose3d.core.projects.project import open_project

    if len(given) == 1 and given[0].is_dir():
        labeled = open_project(given[0])
        sessions = labeled.sessions if session is None else (labeled.session(session),)
        return labeled_points(labeled, sessions)
    return label_file_points(given, rig.names)
