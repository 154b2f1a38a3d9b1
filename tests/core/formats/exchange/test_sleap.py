"""SLEAP's labels with cameras. sleap-io is large: `make test-peers` installs it and runs these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.extras import needs
from tests.support.projects.labeled_projects import (
    FRAMES,
    KEYPOINTS,
    SIZE,
    labeled_project,
    labeled_rig,
)
from tests.support.recordings.exchange_poses import refusals
from tests.support.recordings.scenes import ARC_VIEWS

from napari_pose3d import PoseDataError, export_session, import_file, open_project
from napari_pose3d.core.formats.exchange.datasets.sleap import read_sleap
from napari_pose3d.core.pipeline.exchange.format_table import found_format
from napari_pose3d.core.pipeline.exchange.label_exchange import labels_of_project

pytestmark = [pytest.mark.peers, needs("sleap")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labeled_project(tmp_path_factory.mktemp("labels") / "project", ("day1", "day2"))


def test_labels_frames_cameras_and_skeleton_come_back(project: Path, tmp_path: Path) -> None:
    before = labels_of_project(open_project(project))
    (path,) = export_session(project, "sleap", tmp_path / "labels.slp").files
    assert found_format(path).key == "sleap"
    again = read_sleap(path)
    assert again.keypoints == KEYPOINTS
    assert again.views == ARC_VIEWS
    assert again.frames == before.frames
    assert again.skeleton == (("nose", "ear"),)
    np.testing.assert_allclose(again.xy, before.xy, atol=1e-6)
    assert set(again.sizes.values()) == {SIZE}
    points = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    for session in ("day1", "day2"):
        rig = again.rigs[session]
        assert rig.names == ARC_VIEWS
        assert rig.units == "mm"
        np.testing.assert_allclose(rig.project(points), labeled_rig().project(points), atol=1e-6)


def test_an_import_is_a_project_with_a_lint(project: Path, tmp_path: Path) -> None:
    export_session(project, "sleap", tmp_path / "labels.slp", session="day1")
    done = import_file(tmp_path / "labels.slp", tmp_path / "new")
    again = labels_of_project(open_project(tmp_path / "new"))
    before = labels_of_project(open_project(project), "day1")
    np.testing.assert_allclose(again.xy, before.xy, atol=1e-3)
    assert [each.positions for each in done.lint] == [12, 11, 11]
    assert all(each.residual < 0.01 for each in done.lint)
    assert (tmp_path / "new/calibrations/day1.toml").is_file()


def test_space_is_in_the_groups(project: Path, tmp_path: Path) -> None:
    import sleap_io as sio

    (path,) = export_session(project, "sleap", tmp_path / "labels.slp", session="day1").files
    content = sio.load_slp(str(path), open_videos=False)
    (recording,) = content.sessions
    before = labels_of_project(open_project(project), "day1")
    for n, frame in enumerate(FRAMES):
        (group,) = recording.frame_groups[frame].instance_groups
        seen = labeled_rig().project(np.asarray(group.instance_3d.points))
        known = np.isfinite(before.xy[:, n]).all(axis=-1)
        np.testing.assert_allclose(seen[known], before.xy[:, n][known], atol=1e-3)


def test_predictions_are_no_labels(project: Path, tmp_path: Path) -> None:
    import sleap_io as sio

    skeleton = sio.Skeleton(nodes=["nose"])
    video = sio.Video(filename="day1_top.mp4", open_backend=False)
    instance = sio.PredictedInstance.from_numpy(np.array([[1.0, 2.0]]), skeleton=skeleton, score=1)
    frame = sio.LabeledFrame(video=video, frame_idx=0, instances=[instance])
    path = tmp_path / "predictions.slp"
    sio.save_slp(sio.Labels([frame], [video], [skeleton]), str(path), verbose=False)
    with pytest.raises(PoseDataError, match="no labels of a user, but 1 predictions"):
        read_sleap(path)


def test_without_a_calibration_views_are_told_by_the_videos(tmp_path: Path) -> None:
    folder = labeled_project(tmp_path / "project")
    (folder / "calibration.toml").unlink()
    done = export_session(folder, "sleap", tmp_path / "labels.slp")
    assert any("the file has no cameras" in note for note in done.notes)
    again = read_sleap(tmp_path / "labels.slp")
    assert set(again.views) == set(ARC_VIEWS)
    assert again.sessions == ("day1",)


def test_a_fisheye_is_refused_and_more_coefficients_are_reported(tmp_path: Path) -> None:
    rig = labeled_rig((0.1, 0.0, 0.0, 0.0))
    fisheye = replace(rig, cameras=tuple(replace(each, fisheye=True) for each in rig.cameras))
    folder = labeled_project(tmp_path / "fisheye", rig=fisheye)
    with pytest.raises(PoseDataError, match="fisheye"):
        export_session(folder, "sleap", tmp_path / "a.slp")
    assert not (tmp_path / "a.slp").exists()
    eight = labeled_rig((-0.1, 0.02, 0.0, 0.0, 0.003, 0.01, 0.0, 0.0))
    folder = labeled_project(tmp_path / "eight", rig=eight)
    done = export_session(folder, "sleap", tmp_path / "b.slp")
    assert any("k4" in note for note in done.notes)


def test_damaged_files_are_refused_in_words(project: Path, tmp_path: Path) -> None:
    (path,) = export_session(project, "sleap", tmp_path / "labels.slp").files
    assert len(refusals(path, read_sleap, 24)) > 5
