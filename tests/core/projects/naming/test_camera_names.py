"""Cameras of a calibration that have other names than the views, or are not in it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import touch
from tests.support.windows.gui_helpers import VIEWS, write_session

from napari_pose3d import save_rig
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.pipeline.file_run import FileRun
from napari_pose3d.core.projects.matching.inputs import match_inputs
from napari_pose3d.core.projects.project import check_session, open_project
from napari_pose3d.core.projects.project_toml import (
    own_project_path,
    read_own_project,
    update_own_project,
)
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings, SmoothingSettings, TriangulationSettings

MAPPED = {view: f"camera {i}" for i, view in enumerate(VIEWS)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plain folder of predictions, a video of each view, and a calibration of all cameras."""
    predictions, calibration = write_session(tmp_path / "draft", 30)
    folder = tmp_path / "walk"
    folder.mkdir()
    for path in predictions.iterdir():
        path.rename(folder / path.name)
    for view in VIEWS:
        touch(folder / f"walk_{view}.mp4")
    calibration.rename(folder / "calibration.toml")
    return folder


def with_names(folder: Path, names: dict[str, str]) -> None:
    """Give the cameras of the calibration other names; leave those out that have none."""
    path = folder / "calibration.toml"
    rig = load_rig(path)
    cameras = [replace(c, name=names[c.name]) for c in rig.cameras if c.name in names]
    path.unlink()
    save_rig(replace(rig, cameras=tuple(cameras)), path)


def test_a_view_without_a_camera_keeps_its_video(folder: Path) -> None:
    with_names(folder, {view: view for view in VIEWS[:-1]})
    (session,) = open_project(folder).sessions
    assert set(session.videos) == set(VIEWS)
    (issue,) = [each for each in check_session(session) if "calibration" in each.what]
    assert issue.what == f"{VIEWS[-1]} is not in calibration.toml; it has {', '.join(VIEWS[:-1])}"
    assert [remedy.kind for remedy in issue.remedies] == ["views", "cameras"]
    # Whatever needs the calibration names the view, and goes on without it.
    run = FileRun(folder)
    for compute in (
        lambda run: run.triangulate(TriangulationSettings(robust="off")),
        lambda run: run.smooth(SmoothingSettings(smooth_param=5.0)),
    ):
        with pytest.raises(PoseDataError, match=f"no camera for the view {VIEWS[-1]}") as raised:
            compute(run)
        assert [remedy.kind for remedy in raised.value.remedies] == ["views", "cameras"]
    fewer = FileRun(folder, reading=ReadingSettings(views=VIEWS[:-1]))
    assert fewer.triangulate(TriangulationSettings(robust="off")).poses3d is not None


def test_another_file_in_the_folder_is_no_view(folder: Path) -> None:
    with_names(folder, {view: view for view in VIEWS[:-1]})
    touch(folder / "overview.mp4")
    touch(folder / "run_two_left_day.mp4")
    assert set(open_project(folder).views) == set(VIEWS)


@pytest.mark.parametrize("given", [False, True])
def test_cameras_get_the_names_of_their_views(folder: Path, given: bool) -> None:
    """Found in the folder or given, by whoever reads it."""
    calibration = folder / "calibration.toml"
    before = match_inputs(folder).rig
    assert before is not None
    with_names(folder, MAPPED)
    assert match_inputs(folder).rig is None
    update_own_project(folder, cameras=MAPPED)
    again = match_inputs(folder, calibration if given else None)
    assert again.rig is not None
    assert again.rig.names == before.names
    assert again.table.views == VIEWS
    np.testing.assert_allclose(again.rig.packed, before.packed, atol=1e-9)
    (session,) = open_project(folder).sessions
    rig = session.load_rig()
    assert rig is not None
    assert rig.names == before.names
    assert not [each for each in check_session(session) if "calibration" in each.what]


def test_results_are_those_of_the_right_names(folder: Path) -> None:
    """Single files are a part of the folder, with its names."""
    settings = TriangulationSettings(robust="off")
    files = sorted(folder.glob("*.csv"))
    right = FileRun(files).triangulate(settings)
    with_names(folder, MAPPED)
    with pytest.raises(PoseDataError, match="camera 0"):
        FileRun(files).triangulate(settings)
    update_own_project(folder, cameras=MAPPED)
    mapped = FileRun(files, folder / "calibration.toml").triangulate(settings)
    assert right.poses3d is not None
    assert mapped.poses3d is not None
    np.testing.assert_array_equal(mapped.poses3d.xyz, right.poses3d.xyz)


def test_two_cameras_are_exchanged(folder: Path) -> None:
    a, b, *_ = VIEWS
    rig = load_rig(folder / "calibration.toml")
    update_own_project(folder, cameras={a: b, b: a})
    changed = match_inputs(folder).rig
    assert changed is not None
    order = [rig.names.index(name) for name in (b, a)]
    places = [changed.names.index(name) for name in (a, b)]
    np.testing.assert_allclose(changed.centres[places], rig.centres[order])


def test_a_camera_whose_name_another_one_takes_is_left_out(folder: Path) -> None:
    rig = load_rig(folder / "calibration.toml")
    a, b, *others = VIEWS
    renamed = rig.renamed({a: b})
    assert renamed.names == (a, *others)
    np.testing.assert_allclose(renamed.centres[0], rig.centres[1])
    assert rig.renamed({a: "nobody"}) is rig
    assert isinstance(renamed, Rig)


def test_the_mapping_stays_in_the_file(folder: Path) -> None:
    update_own_project(folder, cameras={"top": "cam 3"}, skeleton=[("a", "b")])
    text = own_project_path(folder).read_text()
    assert tomllib.loads(text)["cameras"] == {"top": "cam 3"}
    update_own_project(folder, colours={"a": "#102030"})
    assert read_own_project(folder).cameras == {"top": "cam 3"}
    update_own_project(folder, cameras={})
    assert "cameras" not in tomllib.loads(own_project_path(folder).read_text())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[cameras]\ntop = 3\n", "camera of view top is 3"),
        ('[cameras]\ntop = ""\n', "camera of view top is ''"),
        ('[cameras]\ntop = "a"\nside = "a"\n', "top and side are both camera 'a'"),
        ('cameras = ["a"]\n', "'cameras' is not a table"),
        ('[cameras]\n"../x" = "a"\n', "view"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = own_project_path(tmp_path)
    path.parent.mkdir()
    path.write_text(f"schema_version = 1\n{text}" if "[cameras]" in text else text)
    with pytest.raises(PoseDataError, match=r"project\.toml") as caught:
        read_own_project(tmp_path)
    assert said in str(caught.value)
