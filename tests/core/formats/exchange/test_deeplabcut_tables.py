"""Poses as DeepLabCut's tables, which are Anipose's `pose-2d` as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.extras import needs, of_formats
from tests.support.recordings.exchange_poses import FILLED, GAP, KEYPOINTS, poses_of, refusals
from tests.support.recordings.scenes import ARC_VIEWS

from napari_pose3d import PoseDataError, export_poses, load_predictions, read_poses

KEYS = ("dlc-csv", "dlc-h5")


@pytest.mark.parametrize("key", of_formats(KEYS))
def test_each_view_comes_back(key: str, tmp_path: Path) -> None:
    poses = poses_of()
    assert poses.poses2d is not None
    done = export_poses(poses, key, tmp_path)
    tables = [path for path in done.files if path.suffix != ".json"]
    assert [path.stem for path in tables][:3] == [f"day1_{view}" for view in ARC_VIEWS]
    for v, path in enumerate(tables[:3]):
        again = read_poses(path)
        assert again.poses2d is not None
        assert again.keypoints == KEYPOINTS
        assert again.views == (ARC_VIEWS[v],)
        assert again.session == "day1"
        np.testing.assert_array_equal(again.poses2d.xy[0], poses.poses2d.xy[v])
        np.testing.assert_array_equal(again.poses2d.likelihood[0], poses.poses2d.likelihood[v])
        assert again.fps == 120


@needs("dlc-h5")
def test_space_comes_back_from_h5(tmp_path: Path) -> None:
    poses = poses_of()
    done = export_poses(poses, "dlc-h5", tmp_path)
    (path,) = [each for each in done.files if each.name == "day1_3d.h5"]
    again = read_poses(path)
    assert again.poses3d is not None
    assert poses.poses3d is not None
    np.testing.assert_array_equal(again.poses3d.xyz, poses.poses3d.xyz)
    assert np.isnan(again.poses3d.xyz[GAP]).all()
    assert np.argwhere(again.poses3d.inferred).tolist() == [list(FILLED)]
    assert again.units == "mm"
    assert again.session == "day1"


@pytest.mark.parametrize("key", of_formats(KEYS))
def test_a_folder_of_them_is_predictions_of_a_session(key: str, tmp_path: Path) -> None:
    poses = replace(poses_of(), poses3d=None)
    assert poses.poses2d is not None
    export_poses(poses, key, tmp_path)
    again = load_predictions(tmp_path, views=ARC_VIEWS)
    np.testing.assert_array_equal(again.xy[0], poses.poses2d.xy)


@needs("dlc-h5")
def test_anipose_opens_its_pose_2d(tmp_path: Path) -> None:
    from napari_pose3d import open_project

    poses = replace(poses_of(), poses3d=None)
    assert poses.poses2d is not None
    export_poses(poses, "dlc-h5", tmp_path / "mouse" / "day1" / "pose-2d")
    for view in ARC_VIEWS:
        (tmp_path / "mouse/day1/videos-raw").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"mouse/day1/videos-raw/day1_{view}.mp4").touch()
    project = open_project(tmp_path / "mouse", views=ARC_VIEWS)
    (session,) = project.sessions
    (found,) = [each for each in session.sets if set(each.files) == set(ARC_VIEWS)]
    again = session.load_predictions(found).in_memory()
    np.testing.assert_array_equal(again.xy[0], poses.poses2d.xy)


def test_without_views_there_is_no_csv(tmp_path: Path) -> None:
    with pytest.raises(PoseDataError, match="no positions in the views"):
        export_poses(replace(poses_of(), poses2d=None), "dlc-csv", tmp_path)


@pytest.mark.parametrize("key", of_formats(KEYS))
def test_damaged_files_are_refused_in_words(key: str, tmp_path: Path) -> None:
    done = export_poses(poses_of(), key, tmp_path)
    (tmp_path / "day1_Cam-A.json").unlink(missing_ok=True)
    assert len(refusals(done.files[0], lambda path: read_poses(path, key), 40)) > 5
