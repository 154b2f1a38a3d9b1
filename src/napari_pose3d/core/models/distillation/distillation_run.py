"""A project's smoothed sessions made into label files for one network."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_pose3d.core.pipeline.results.saved_results import load_result
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.session import PredictionSet, Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import DistillationSettings, IsCancelled, Progress

from ..preflight.training_input import TrainingInput
from ..training_plan import plan_training
from .certainty_check import CertaintyCheck, LabeledResult, check_certainty
from .distillation_set import (
    FOLDER,
    KEY,
    DistillationSet,
    labeled_rows,
    make_distillation_set,
    refuse_unusable,
)

CERTAINTIES = (1.0, 2.0, 3.0, 5.0, 8.0)
"""px: those that a table compares."""


@dataclass(frozen=True, eq=False)
class DistillationInput:
    """What a project has to distill.

    Attributes
    ----------
    given : TrainingInput
        The labels of people.
    sessions : tuple of (Session, Result)
        Smoothed, with positions in px of the videos' images.
    """

    given: TrainingInput
    sessions: tuple[tuple[Session, Result], ...]

    def check(self, certainty: float, share: float = 0.8) -> CertaintyCheck:
        """What a certainty lets through, against the labels.

        Raises
        ------
        PoseDataError
            A result has no posterior variance.
        """
        return check_certainty(
            [_labeled(self.given, session, result) for session, result in self.sessions],
            certainty,
            share,
        )

    def make(
        self,
        name: str,
        settings: DistillationSettings | None = None,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> DistillationSet:
        """Write the label files; parameters and errors as `make_distillation_set`."""
        return make_distillation_set(
            self.given,
            self.sessions,
            name,
            settings,
            seed=seed,
            progress=progress,
            cancelled=cancelled,
        )


def distillation_input(
    path: str | os.PathLike[str],
    sessions: Collection[str] = (),
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> DistillationInput:
    """Read the labels and the smoothed sessions of a project.

    Parameters
    ----------
    path : path
        A Lightning Pose project of several views.
    sessions : collection of str
        Empty: all that were smoothed.
    progress, cancelled
        As for `smooth`.

    Raises
    ------
    PoseDataError
        It is no project with labels, nothing was smoothed, or a session cannot be used.
    Cancelled
        `cancelled` returned True.
    """
    project = open_project(path)
    given = plan_training(project.folder).checked.given
    wanted = [project.session(name) for name in sessions] or list(project.sessions)
    chosen = [(each, found) for each in wanted if (found := _smoothed(each)) is not None]
    lacking = [each.name for each in wanted if _smoothed(each) is None]
    if not chosen or (sessions and lacking):
        raise PoseDataError(
            f"session '{lacking[0]}' was not smoothed" if lacking else "there is no session",
            file=project.folder,
            expected="smoothed predictions of several networks",
            todo="Predict and smooth first (models predict --then smooth)",
        )
    read = []
    for session, found in chosen:
        result = load_result(session, found, pixels="image", progress=progress, cancelled=cancelled)
        refuse_unusable(given, session, result)
        read.append((session, result))
    return DistillationInput(given, tuple(read))


def distilled_sets(project: Path) -> list[str]:
    """Names of the distilled sets of a project."""
    root = project.joinpath(*FOLDER)
    return sorted(each.name for each in root.glob("*") if each.is_dir())


def distilled_labels(project: Path, name: str) -> Path:
    """What the label files of a set begin with, for `plan_training`.

    Raises
    ------
    PoseDataError
        There is none of that name.
    """
    root = project.joinpath(*FOLDER)
    if name and (root / name).is_dir():
        return root / name / KEY
    names = distilled_sets(project)
    raise PoseDataError(
        f"no distilled set is called '{name}'",
        file=root,
        expected=f"one of {', '.join(names)}" if names else "a set (models distill)",
    )


def _smoothed(session: Session) -> PredictionSet | None:
    """The smoothed set of most views; of several, ours."""
    found = [each for each in session.sets if each.kind == "smoothed"]
    return max(found, key=lambda each: (len(each.files), each.own), default=None)


def _labeled(given: TrainingInput, session: Session, result: Result) -> LabeledResult:
    rows = labeled_rows(given, session.name)
    poses = result.poses2d
    keypoints = given.labels[0].table.keypoints
    shape = (len(poses.views), len(rows), len(poses.keypoints), 2)
    labels = np.full(shape, np.nan)
    for each in given.labels:
        v = poses.views.index(each.view)
        for k, name in enumerate(keypoints):
            labels[v, :, poses.keypoints.index(name)] = each.xy[[row for row, _ in rows], k]
    return LabeledResult(result, np.array([n for _, n in rows], np.int64), labels)
