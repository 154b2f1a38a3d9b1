"""Pseudo-labels are certain and diverse, and never mixed into the files of people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import video
from tests.support.projects.training_projects import KEYPOINTS, VIEWS, config_of, training_project

from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.core.models.configuration.config_file import with_values
from napari_pose3d.core.models.distillation.certainty_check import LabeledResult, check_certainty
from napari_pose3d.core.models.distillation.distillation_set import make_distillation_set
from napari_pose3d.core.models.distillation.pseudo_labels import (
    certain_positions,
    choose_pseudo_frames,
)
from napari_pose3d.core.models.preflight.preflight import preflight
from napari_pose3d.core.models.preflight.training_input import training_input
from napari_pose3d.core.poses.arrays import Poses2D, Result
from napari_pose3d.core.poses.report import Report
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import DistillationSettings

SESSION = "mouse1_day1"


def smoothed(n_frames: int = 40, spread: float = 1.0) -> Result:
    """Points that wander, all equally certain."""
    rng = np.random.default_rng(2)
    shape = (len(VIEWS), n_frames, len(KEYPOINTS))
    xy = 40 + rng.normal(0, 1, (*shape, 2)).cumsum(axis=1)
    poses = Poses2D(
        xy.astype(np.float32),
        np.ones(shape, np.float32),
        VIEWS,
        KEYPOINTS,
        variance=np.full((*shape, 2), spread**2, np.float32),
        session=SESSION,
    )
    return Result(poses, None, np.ones(len(KEYPOINTS)), Report("linear", {}, False, 0, 0, 0, 0))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = training_project(tmp_path / "lab")
    for view in VIEWS:
        video(folder / "videos" / f"{SESSION}_{view}.mp4")
    return folder


def test_only_certain_frames_are_chosen() -> None:
    result = smoothed()
    assert result.poses2d.variance is not None
    result.poses2d.variance[:, 10:20] = 100
    # One keypoint of five does not spoil a frame.
    result.poses2d.variance[:, 25, 0] = 100
    chosen = choose_pseudo_frames(result, DistillationSettings(budget=100), exclude=(3, 99))
    assert chosen == [n for n in range(40) if n not in range(10, 20) and n != 3]
    strict = DistillationSettings(budget=100, share=1.0)
    assert 25 not in choose_pseudo_frames(result, strict)
    assert choose_pseudo_frames(result, DistillationSettings(certainty=0.5)) == []


def test_chosen_poses_differ() -> None:
    result = smoothed()
    # Two poses, one of them in three frames only.
    result.poses2d.xy[:] = result.poses2d.xy[:, :1]
    result.poses2d.xy[:, [7, 8, 9], 0] += 30
    chosen = choose_pseudo_frames(result, DistillationSettings(budget=2))
    assert len(chosen) == 2
    assert len({7, 8, 9} & set(chosen)) == 1


def test_certainty_is_checked_against_labels() -> None:
    result = smoothed()
    frames = np.array([2, 5, 99])
    labels = np.full((len(VIEWS), 3, len(KEYPOINTS), 2), np.nan)
    labels[:, :2] = result.poses2d.xy[:, [2, 5]]
    labels[:, 0, :, 0] += 4
    given = LabeledResult(result, frames, labels)
    found = check_certainty([given], 3.0)
    assert (found.n_labels, found.n_certain) == (30, 30)
    assert found.median == pytest.approx(2, abs=1e-4)
    assert found.worst_tenth == pytest.approx(4, abs=1e-4)
    assert "30 of 30 labeled positions are certain" in str(found)
    assert found.n_frames == 40
    none = check_certainty([given], 0.1)
    assert none.n_frames == 0
    assert "none of 30" in str(none)
    # Two sessions are judged together.
    assert result.poses2d.variance is not None
    uncertain = smoothed(spread=5.0)
    both = check_certainty([given, LabeledResult(uncertain, frames, labels)], 3.0)
    assert (both.n_frames, both.n_labels, both.n_certain) == (40, 60, 30)


def test_files_of_both_are_written_apart(project: Path) -> None:
    result = smoothed()
    assert result.poses2d.variance is not None
    result.poses2d.variance[0, 30, 1] = 100
    before = {path: path.read_bytes() for path in project.glob("*.csv")}
    given = training_input(config_of(project))
    session = open_project(project).session(SESSION)
    settings = DistillationSettings(budget=100, held_out=0.25)
    made = make_distillation_set(given, [(session, result)], "first", settings)
    assert {path: path.read_bytes() for path in project.glob("*.csv")} == before
    assert (made.n_human, made.n_held_out) == (12, 4)
    # Frames that people labeled are not labeled again.
    assert set(made.frames[SESSION]) == set(range(40)) - {3, 7, 20, 31}
    tables = [read_label_csv(path) for path in made.files]
    assert {len(table.rows) for table in tables} == {12 + 36}
    tests = [read_label_csv(path.with_name(f"{path.stem}_test.csv")) for path in made.files]
    names = [[Path(image).name for _, image in table.rows] for table in tests]
    assert names[0] == names[1] == names[2]
    images = {image: line for line, image in tables[0].rows}
    image = f"napari-pose3d/distillation/first/labeled-data/{SESSION}_cam0/img00000030.png"
    assert (project / image).is_file()
    cells = tables[0].cells(images[image])
    assert cells["nose"].visible == 2
    assert cells["ear_left"].visible == 0
    assert cells["ear_left"].x == pytest.approx(result.poses2d.xy[0, 30, 1, 0], abs=1e-3)
    config = with_values(given.config, {"data.csv_file": [str(path) for path in made.files]})
    kinds = {each.kind for each in preflight(config).errors}
    assert kinds == set()
    with pytest.raises(PoseDataError, match="there already"):
        make_distillation_set(given, [(session, result)], "first", settings)


def test_what_cannot_be_distilled(project: Path) -> None:
    given = training_input(config_of(project))
    session = open_project(project).session(SESSION)
    folder = project / "napari-pose3d" / "distillation"
    with pytest.raises(PoseDataError, match="no frame is certain enough"):
        make_distillation_set(given, [(session, smoothed(spread=9))], "a")
    # More frames than the video has.
    with pytest.raises(PoseDataError):
        make_distillation_set(given, [(session, smoothed(60))], "b")
    for view in VIEWS[:1]:
        (project / "videos" / f"{SESSION}_{view}.mp4").unlink()
    with pytest.raises(PoseDataError, match="lacks cam0"):
        make_distillation_set(given, [(open_project(project).session(SESSION), smoothed())], "c")
    assert not folder.exists() or list(folder.iterdir()) == []
    from dataclasses import replace

    from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment

    shifted = replace(session, alignments={"cam1": ViewAlignment(offset=3)})
    with pytest.raises(PoseDataError, match="have offsets"):
        make_distillation_set(given, [(shifted, smoothed())], "d")
    without = smoothed()
    object.__setattr__(without.poses2d, "variance", None)
    with pytest.raises(PoseDataError, match="have no variance"):
        certain_positions(without, 1.0)
    for wrong in ({"certainty": 0}, {"budget": 0}, {"share": 0}, {"held_out": 1.0}):
        with pytest.raises(PoseDataError):
            DistillationSettings(**wrong)
