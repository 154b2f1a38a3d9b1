"""Calibrations of a project are refined from its labels or predictions, and saved."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.label_projects import header, image
from tests.support.projects.session_files import put_predictions, touch

from napari_pose3d import load_rig
from napari_pose3d.cli import main
from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.store.label import FrameKey, Label, LabelKey, LabelStatus, Visibility
from napari_pose3d.core.pipeline.rigs.point_sources import (
    label_file_points,
    labeled_points,
)
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras
from napari_pose3d.synthetic.shared_points import simulate_points, turned

RIG = ring_of_cameras(4, focal=1400, distance=600, arc=2.5)
BAD = turned(RIG, 1, 1.0, (0.3, 1.0, -0.2))
KEYPOINTS = tuple(f"k{i}" for i in range(12))


def put_labels(folder: Path, xy: np.ndarray, sessions: dict[str, range]) -> None:
    """Label files with the frames of each session, one line after the other."""
    for view, positions in zip(RIG.names, xy, strict=True):
        text, line = header(KEYPOINTS), 0
        for session, frames in sessions.items():
            for frame in frames:
                cells = [
                    "" if np.isnan(value) else repr(float(value))
                    for value in positions[line].ravel()
                ]
                text += f"{image(view, frame, session)},{','.join(cells)}\n"
                line += 1
        touch(folder / f"CollectedData_{view}.csv", text)


def project_with(folder: Path, sessions: dict[str, range], xy: np.ndarray) -> Path:
    names, views = ", ".join(KEYPOINTS), ", ".join(f'"{view}"' for view in RIG.names)
    touch(folder / "project.yaml", f"view_names: [{views}]\nkeypoint_names: [{names}]\n")
    for session in sessions:
        for view in RIG.names:
            touch(folder / "videos" / f"{session}_{view}.mp4")
    put_labels(folder, xy, sessions)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A session that the calibration fits, and one in which a camera was bumped."""
    scene = simulate_points(RIG, 80, noise=0.5)
    again = simulate_points(BAD, 80, noise=0.5, seed=2)
    folder = project_with(
        tmp_path / "lab",
        {"day1": range(80), "day2": range(80)},
        np.concatenate([scene.xy, again.xy], axis=1),
    )
    save_rig(RIG, folder / "calibration.toml")
    return folder


def test_each_session_gets_its_own_calibration_where_it_needs_one(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "calibration.toml").read_bytes()
    json_file = tmp_path / "figures.json"
    command = ["rig", "refine", str(project), "--each-session", "--labels"]
    assert main([*command, "--json", str(json_file)]) == 0
    said = capsys.readouterr().out
    assert "day1: kept" in said
    assert "would not become better" in said
    assert "camera cam1 moved" in said
    assert "refined 1 of 2 sessions" in said
    assert not (project / "calibrations" / "day1.toml").exists()
    mended = load_rig(project / "calibrations" / "day2.toml")
    assert np.allclose(mended.cameras[1].rotation, BAD.cameras[1].rotation, atol=1e-3)
    assert (project / "calibration.toml").read_bytes() == before
    assert open_project(project).session("day2").load_rig().names == RIG.names  # type: ignore[union-attr]
    figures = json.loads(json_file.read_text())
    assert figures["day2"]["cameras"]["cam1"]["moved"] is True
    assert "kept" in figures["day1"]


def test_a_session_by_name_and_what_was_there_is_kept(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = project / "calibrations" / "day2.toml"
    own.parent.mkdir()
    save_rig(RIG, own)
    old = own.read_bytes()
    touch(project / "calibrations.csv", f"{image('cam0', 1, 'day2')[:-4]},calibration.toml\n")
    command = ["rig", "refine", str(own), "--labels", "--project", str(project)]
    assert main(command) == 2
    assert "--session" in capsys.readouterr().err
    assert main([*command, "--session", "day2"]) == 0
    (backup,) = own.parent.glob("day2.toml.*.bak")
    assert backup.read_bytes() == old
    assert own.read_bytes() != old
    assert backup.name in capsys.readouterr().out
    # The copy is no calibration of a session.
    assert len(open_project(project).sessions) == 2


def test_from_predictions_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = simulate_points(RIG, 200)
    for view, xy in zip(RIG.names, scene.xy, strict=True):
        put_predictions(tmp_path / "preds" / f"day1_{view}.csv", xy, KEYPOINTS)
    save_rig(BAD, tmp_path / "rig.toml")
    out = tmp_path / "new.toml"
    given = ["rig", "refine", str(tmp_path / "rig.toml"), "--out", str(out)]
    assert main([*given, "--predictions", str(tmp_path / "preds")]) == 0
    assert np.allclose(load_rig(out).cameras[1].rotation, RIG.cameras[1].rotation, atol=1e-3)
    # Not replaced without being asked, and kept when it is.
    assert main([*given, "--predictions", str(tmp_path / "preds")]) == 2
    written = out.read_bytes()
    assert main([*given, "--predictions", str(tmp_path / "preds"), "--force"]) == 0
    (backup,) = tmp_path.glob("new.toml.*.bak")
    assert backup.read_bytes() == written
    capsys.readouterr()
    save_rig(RIG, tmp_path / "rig.toml")
    assert main([*given, "--predictions", str(tmp_path / "preds"), "--force"]) == 2
    assert "would not become better" in capsys.readouterr().err


def test_frames_from_a_bump_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene, after = simulate_points(RIG, 200), simulate_points(BAD, 200)
    xy = scene.xy.copy()
    xy[1, 120:] = after.xy[1, 120:]
    for view, positions in zip(RIG.names, xy, strict=True):
        put_predictions(tmp_path / "preds" / f"day1_{view}.csv", positions, KEYPOINTS)
    save_rig(RIG, tmp_path / "rig.toml")
    given = [str(tmp_path / "rig.toml"), "--predictions", str(tmp_path / "preds")]
    assert main(["rig", "check", *given]) == 0
    said = capsys.readouterr().out
    assert "moved near frame 120" in said
    figures = r"cam0 \d+\.\d\d, \d+\.\d\d, \d+\.\d\d \(\d+\.\d\); cam1 "
    assert re.search(f"medians by camera, px: .*: {figures}", said)
    out = tmp_path / "new.toml"
    refine = ["rig", "refine", *given, "--out", str(out), "--frames"]
    assert main([*refine, "120:"]) == 0
    assert np.allclose(load_rig(out).cameras[1].rotation, BAD.cameras[1].rotation, atol=1e-3)
    capsys.readouterr()
    # Those before fit the calibration that there is.
    assert main([*refine, ":120", "--force"]) == 2
    assert "would not become better" in capsys.readouterr().err
    assert main([*refine, "500:", "--force"]) == 2
    assert "no points in the frames 500:" in capsys.readouterr().err
    assert main([*refine, "late", "--force"]) == 2
    assert "not a frame range" in capsys.readouterr().err


def test_a_rig_is_checked_against_labels(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rig = str(project / "calibration.toml")
    assert main(["rig", "check", rig, "--labels", str(project), "--session", "day1"]) == 0
    said = capsys.readouterr().out
    assert "medians by camera" in said
    assert "warning" not in said
    main(["rig", "check", rig, "--labels", str(project), "--session", "day2"])
    assert "cam1 misses what the others say" in capsys.readouterr().out
    assert main(["rig", "check", rig, "--labels", "a", "--predictions", "b"]) == 2


def test_from_nothing_with_a_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = simulate_points(RIG, 200, noise=0.5)
    for view, xy in zip(RIG.names, scene.xy, strict=True):
        put_predictions(tmp_path / "preds" / f"day1_{view}.csv", xy, KEYPOINTS)
    save_rig(BAD, tmp_path / "rig.toml")
    bone = float(np.linalg.norm(scene.xyz[:, 0] - scene.xyz[:, 1], axis=-1).mean())
    out = tmp_path / "new.toml"
    given = ["rig", "refine", str(tmp_path / "rig.toml"), "--out", str(out)]
    given += ["--predictions", str(tmp_path / "preds"), "--from-nothing"]
    assert main([*given, "--length", f"k0,k1,{bone}"]) == 0
    made = load_rig(out)
    for i in range(1, 4):
        distance = [np.linalg.norm(rig.centres[i] - rig.centres[0]) for rig in (RIG, made)]
        assert distance[1] == pytest.approx(distance[0], rel=0.01)
    assert "placed 4 cameras" in capsys.readouterr().out
    assert main([*given, "--length", "k0,tail,3", "--force"]) == 2


def test_label_files_without_a_project(tmp_path: Path) -> None:
    scene = simulate_points(RIG, 30, noise=0.5)
    put_labels(tmp_path, scene.xy, {"day1": range(30)})
    files = sorted(tmp_path.glob("*.csv"))
    points = label_file_points(files, RIG.names)
    assert points.views == RIG.names
    assert points.keypoints == KEYPOINTS
    assert np.allclose(points.xy, scene.xy, equal_nan=True)
    save_rig(BAD, tmp_path / "rig.toml")
    out = tmp_path / "new.toml"
    given = ["rig", "refine", str(tmp_path / "rig.toml"), "--out", str(out), "--labels"]
    assert main([*given, *map(str, files)]) == 0
    assert main([*given, str(files[0])]) == 2


def test_projected_labels_are_not_used(project: Path) -> None:
    opened = open_project(project)
    files = LabelFiles(opened)
    store = files.new_store()
    frame, at = FrameKey("day1", 5), LabelKey("cam1", "k3")
    with store.edit("project") as edit:
        edit.put(frame, at, Label((10.0, 20.0), LabelStatus.PROJECTED, Visibility.VISIBLE, "me"))
    files.save(store, [frame])
    points = labeled_points(opened, opened.sessions)
    assert points.xy.shape == (4, 160, 12, 2)
    assert np.isnan(points.xy[1, 5, 3]).all()
    assert np.isfinite(points.xy[1, :5, 3]).any()


def test_a_project_without_labels(tmp_path: Path) -> None:
    folder = project_with(tmp_path, {}, simulate_points(RIG, 1).xy[:, :0])
    with pytest.raises(PoseDataError, match="there are no labels"):
        labeled_points(open_project(folder), [])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "no points were given"),
        (["--labels", "a", "--predictions", "b"], "labels and predictions"),
        (["--labels", "a"], "no place to write to was given"),
        (["--labels", "a", "--out", "b.toml", "--project", "c"], "two places"),
        (["--labels", "--out", "b.toml"], "--labels is empty"),
        (["--labels", "a", "--out", "b.toml", "--length", "a,b,3"], "only used with"),
        (["--each-session", "--labels", "a"], "those of the project"),
        (["--each-session", "--labels", "--frames", "3:"], "those of the project"),
        (["--each-session", "--labels"], "no folder"),
    ],
)
def test_options_that_do_not_go_together(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_rig(RIG, tmp_path / "rig.toml")
    assert main(["rig", "refine", str(tmp_path / "rig.toml"), *options]) == 2
    assert words in capsys.readouterr().err
