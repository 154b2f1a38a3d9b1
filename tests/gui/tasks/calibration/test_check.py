"""Calibration, sections Check and Origin: faults found, undone, and files of other programs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from scipy.spatial.transform import Rotation
from tests.support.windows.calibration_window import LEFT, press
from tests.support.windows.gui_helpers import VIEWS, write_session
from tests.support.windows.label_window import until

from napari_pose3d.core.calibration.lint.rig_lint import Finding
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import load_rig, save_rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.formats.calibrations.rig_conversion import FORMATS, read_rig
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.pipeline.rigs.point_sources import session_points
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import Remedy
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.session.dialogs.camera_dialog import CameraDialog
from napari_pose3d.gui.tasks.calibration.calibration_widget import CalibrationWidget
from napari_pose3d.gui.tasks.calibration.check import check_panel
from napari_pose3d.gui.tasks.calibration.check.rig_check import sizes_from, with_video_size
from napari_pose3d.gui.tasks.calibration.mend.mend_preview import BEFORE, MENDED, preview_layers
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras
from napari_pose3d.synthetic.shared_points import simulate_points

pytestmark = pytest.mark.gui


@pytest.fixture
def opened(tmp_path: Path) -> OpenSession:
    """A session with predictions and a calibration of its own."""
    folder, calibration = write_session(tmp_path)
    calibration.rename(folder / "calibration.toml")
    project = open_project(folder)
    return OpenSession(project, project.sessions[0])


@pytest.fixture
def widget(shared_viewer: Any, qtbot: Any) -> Iterator[CalibrationWidget]:
    current_session(shared_viewer).set(None)
    made = CalibrationWidget(shared_viewer)
    qtbot.addWidget(made)
    made.resize(340, 900)
    made.section("Check and convert").expand(animate=False)
    made.show()
    yield made
    made.origin.window_3d.shut_down()
    shared_viewer.layers.clear()
    current_session(shared_viewer).set(None)


def check(widget: CalibrationWidget) -> list[str]:
    press(widget, widget.check._check)
    until(lambda: not widget.jobs.is_busy)
    return widget.check.findings.texts


def with_moved_camera(rig: Rig) -> Rig:
    """A rig whose first camera is turned."""
    turn = Rotation.from_rotvec([0.0, np.radians(1.5), 0.0]).as_matrix()
    first, *others = rig.cameras
    moved = replace(first, rotation=turn @ first.rotation, translation=turn @ first.translation)
    return replace(rig, cameras=(moved, *others))


def test_the_calibration_of_the_session_is_checked(
    widget: CalibrationWidget, opened: OpenSession
) -> None:
    assert not widget.check._check.isEnabled()
    widget._current.set(opened)
    texts = check(widget)
    assert "Anipose" in widget.check.title
    assert "predictions" in widget.check.title
    assert not any("Error" in text for text in texts)


def test_a_time_shift_is_found_and_given_to_the_alignment(
    widget: CalibrationWidget, opened: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_pose3d.core.calibration.lint import data_lint

    monkeypatch.setattr(
        data_lint, "clock_shifts", lambda rig, xy, cancelled: np.array([0.0, 0.0, 3.0])
    )
    widget._current.set(opened)
    check(widget)
    press(widget, widget.check.findings.buttons["Shift the view by -3 frames"])
    until(lambda: not widget.jobs.is_busy)
    assert widget._current.open.session.alignment(VIEWS[2]).offset == -3


def test_cameras_of_other_names_are_mapped(
    widget: CalibrationWidget, opened: OpenSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = opened.session.load_rig()
    assert rig is not None
    other = replace(
        rig, cameras=tuple(replace(c, name=f"port{i}") for i, c in enumerate(rig.cameras))
    )
    save_rig(other, tmp_path / "other.toml")
    widget._current.set(opened)
    widget.check.choose(tmp_path / "other.toml")
    until(lambda: not widget.jobs.is_busy)
    assert "no camera for the view" in widget.check.findings.texts[0]
    monkeypatch.setattr(CameraDialog, "exec", lambda self: 1)
    monkeypatch.setattr(
        CameraDialog,
        "cameras",
        property(lambda self: {view: f"port{i}" for i, view in enumerate(VIEWS)}),
    )
    press(widget, widget.check.findings.buttons["Map cameras…"])
    until(lambda: not widget.jobs.is_busy)
    assert not any("no camera" in text for text in widget.check.findings.texts)
    press(widget, widget.check._use)
    again = widget._current.open.session.load_rig()
    assert again is not None
    assert set(VIEWS) <= set(again.names)


def test_a_file_that_was_understood_is_written_anew(
    widget: CalibrationWidget, opened: OpenSession
) -> None:
    path = opened.session.rig_path
    assert path is not None
    rig = opened.session.load_rig()
    assert rig is not None
    # Numbers as text are read with a warning.
    text = path.read_text()
    path.write_text(re.sub(r"(?m)^(rotation = .*)$", _quoted, text, count=1))
    widget._current.set(opened)
    assert any("Write the file" in each for each in check(widget))
    press(widget, widget.check.findings.buttons["Write the file as it was understood"])
    until(lambda: not widget.jobs.is_busy)
    assert "it was kept as" in widget.jobs.status
    assert not any("Write the file" in each for each in widget.check.findings.texts)
    assert not load_rig(path).warnings
    assert np.allclose(load_rig(path).centres, rig.centres)


def test_exchanged_cameras_are_exchanged_back(
    widget: CalibrationWidget, opened: OpenSession
) -> None:
    rig = opened.session.load_rig()
    assert rig is not None
    assert opened.session.rig_path is not None
    a, b, c = rig.cameras
    wrong = replace(rig, cameras=(replace(a, name=b.name), replace(b, name=a.name), c))
    save_rig(wrong, opened.session.rig_path)
    widget._current.set(opened)
    assert any("look exchanged" in each for each in check(widget))
    press(widget, widget.check.findings.buttons["Exchange the cameras"])
    until(lambda: not widget.jobs.is_busy)
    assert not any("Error" in each for each in widget.check.findings.texts)
    assert np.allclose(widget.check._checked.rig.subset([a.name]).centres[0], a.centre)


def test_a_pose_the_other_way_round_is_turned(widget: CalibrationWidget, tmp_path: Path) -> None:
    rig = ring_of_cameras(4)
    first, *others = rig.cameras
    turned = replace(
        first, rotation=first.rotation.T, translation=-first.rotation.T @ first.translation
    )
    save_rig(replace(rig, cameras=(turned, *others)), tmp_path / "rig.toml")
    widget.check.choose(tmp_path / "rig.toml")
    until(lambda: not widget.jobs.is_busy)
    name = f"Take the pose of {first.name} the other way round"
    press(widget, widget.check.findings.buttons[name])
    until(lambda: not widget.jobs.is_busy)
    assert np.allclose(widget.check._checked.rig.centres, rig.centres)
    assert name not in widget.check.findings.buttons


def test_a_copied_camera_leads_to_a_new_calibration(
    widget: CalibrationWidget, tmp_path: Path
) -> None:
    rig = ring_of_cameras(3)
    first, second, third = rig.cameras
    copied = replace(second, rotation=first.rotation, translation=first.translation)
    save_rig(replace(rig, cameras=(first, copied, third)), tmp_path / "rig.toml")
    widget.check.choose(tmp_path / "rig.toml")
    until(lambda: not widget.jobs.is_busy)
    widget.section("Make").collapse(animate=False)
    press(widget, widget.check.findings.buttons["Make a new calibration"])
    assert widget.section("Make").isExpanded()


def _quoted(line: re.Match[str]) -> str:
    """``a = [1.0, 2.0]`` with the numbers as text."""
    return re.sub(r"-?\d[-+.\de]*", lambda number: f'"{number[0]}"', line[1])


def test_a_file_of_another_program_becomes_any_format(
    widget: CalibrationWidget, opened: OpenSession, tmp_path: Path
) -> None:
    assert set(check_panel._FORMATS) == set(check_panel._NAMES) == set(FORMATS)
    rig = opened.session.load_rig()
    assert rig is not None
    save_rig(rig, tmp_path / "rig.toml")
    widget.check.choose(tmp_path / "rig.toml")
    until(lambda: not widget.jobs.is_busy)
    widget.check.save(tmp_path / "cameras.csv", "csv")
    assert "Everything was kept" in widget.jobs.status
    widget.check.save(tmp_path / "Calib.toml", "pose2sim")
    widget.check.choose(tmp_path / "cameras.csv")
    until(lambda: not widget.jobs.is_busy)
    assert "a CSV with a row for each camera" in widget.check.title
    assert np.allclose(read_rig(tmp_path / "cameras.csv").centres, rig.centres)
    # A pickle of two cameras cannot hold three.
    widget.check.save(tmp_path / "stereo.pickle", "deeplabcut")
    assert "two cameras" in widget.jobs.status
    (tmp_path / "notes.txt").write_text("no rig")
    widget.check.choose(tmp_path / "notes.txt")
    until(lambda: not widget.jobs.is_busy)
    assert "no known calibration" in widget.jobs.status


def test_the_world_is_chosen_from_two(
    widget: CalibrationWidget, opened: OpenSession, tmp_path: Path
) -> None:
    rig = opened.session.load_rig()
    assert rig is not None
    save_rig(rig, tmp_path / "rig.toml")
    widget.check.choose(tmp_path / "rig.toml")
    until(lambda: not widget.jobs.is_busy)
    widget.section("Origin and axes, 3-D").expand(animate=False)
    origin, page = widget.origin, widget.origin.keypoints
    origin.choose("keypoints")
    assert not origin.propose_button.isEnabled()
    assert "Open the session" in page.note
    widget._current.set(opened)
    page.source.setCurrentIndex(1)
    press(widget, page.read_button)
    until(lambda: page.is_complete)
    # Keypoints of an animal are at no place, but for one frame.
    press(widget, origin.propose_button)
    assert "not at one place" in origin.state
    page.one_frame.setChecked(True)
    press(widget, origin.propose_button)
    # Images and animal are read first.
    until(lambda: len(origin.window_3d.canvases) == 2)
    QTest.mouseClick(origin.window_3d.buttons[1], LEFT)
    until(lambda: not widget.jobs.is_busy)
    placed = widget.check._checked.rig
    first, second = [box.currentText() for box in page.boxes[:2]]
    assert f"{first}, x through {second}" in origin.state
    assert "turned over" in origin.state
    # The same cameras, seen from the new origin; turned over, they are below the floor.
    xy = session_points(opened.project, opened.session, "predictions").xy[:, :1, :2]
    at, along = triangulate(placed, xy).xyz[0]
    assert np.allclose(at, 0, atol=1e-6)
    assert np.allclose(along[1:], 0, atol=1e-6)
    assert along[0] > 0
    assert (placed.centres[:, 2] < 0).sum() > 1
    widget.check.save(tmp_path / "placed.toml", "anipose")
    assert load_rig(tmp_path / "placed.toml").extra["metadata"]["origin"].startswith(first)


def test_a_floor_goes_under_the_keypoints_that_are_checked(
    widget: CalibrationWidget, opened: OpenSession
) -> None:
    widget._current.set(opened)
    check(widget)
    widget.section("Origin and axes, 3-D").expand(animate=False)
    origin, page = widget.origin, widget.origin.feet
    origin.choose("feet")
    press(widget, page.read_button)
    until(lambda: page.is_complete)
    press(widget, origin.propose_button)
    assert "no keypoint is checked" in origin.state
    page.list.item(0).setCheckState(Qt.CheckState.Checked)
    press(widget, origin.propose_button)
    assert "positions lie on this floor" in page.note
    until(lambda: len(origin.window_3d.canvases) == 2)
    assert "places" in origin.window_3d.canvases[0].model.layers
    origin.window_3d.close()


def test_a_camera_that_was_moved_is_mended_and_put_back(
    widget: CalibrationWidget, opened: OpenSession, tmp_path: Path
) -> None:
    true = opened.session.load_rig()
    assert true is not None
    assert opened.session.rig_path is not None
    first, wrong = true.cameras[0], with_moved_camera(true)
    save_rig(wrong, opened.session.rig_path)
    assert not widget.mend._refine.isEnabled()
    widget._current.set(opened)
    # A finding about a camera that was moved leads to the section that mends it.
    check(widget)
    finding = Finding("warning", "a camera was moved", remedy=Remedy("refine"))
    bump = Finding("warning", "it was bumped", remedy=Remedy("refine", "240:"))
    widget.check.findings.show_findings([finding, bump], True)
    press(widget, widget.check.findings.buttons["Mend from frame 240 on"])
    assert widget.mend._form.widget("frames").value == "240:"
    press(widget, widget.check.findings.buttons["Mend the calibration"])
    assert widget.mend._form.widget("frames").value == ""
    widget.mend._form.widget("min_likelihood").value = 0.0
    press(widget, widget.mend._refine)
    until(lambda: not widget.jobs.is_busy)
    assert f"{first.name} moved" in widget.mend.text, widget.jobs.status
    rows = widget.mend.table.texts()
    assert [row[0] for row in rows] == list(VIEWS)
    assert all(float(row[2].split()[0]) < float(row[1].split()[0]) for row in rows)
    press(widget, widget.mend._use)
    mended = widget._current.open.session.load_rig()
    assert mended is not None
    xyz = np.random.default_rng(0).uniform(-1, 1, (40, 3))
    off = np.abs(mended.project(xyz) - true.project(xyz)).max()
    assert off < 0.2 * np.abs(wrong.project(xyz) - true.project(xyz)).max()
    assert "now uses this calibration" in widget.jobs.status
    press(widget, widget.mend._back)
    again = widget._current.open.session.load_rig()
    assert again is not None
    assert np.allclose(again.project(xyz), wrong.project(xyz))
    # What was said, found and filled in is of this session, not of the next one.
    widget.mend.show_frames("240:")
    widget._current.set(widget._current.open)
    assert widget.jobs.status
    assert widget.mend._form.widget("frames").value == "240:"
    assert widget.check.findings.buttons
    shutil.copytree(opened.project.folder, tmp_path / "other")
    project = open_project(tmp_path / "other")
    widget._current.set(OpenSession(project, project.sessions[0]))
    assert widget.jobs.status == ""
    assert widget.mend._form.widget("frames").value == ""
    assert not widget.mend._back.isEnabled()
    assert not widget.check.findings.buttons
    assert "check again" in widget.check.title


def test_what_is_found_for_a_session_that_was_left_is_not_offered(
    widget: CalibrationWidget, opened: OpenSession
) -> None:
    true = opened.session.load_rig()
    assert true is not None
    assert opened.session.rig_path is not None
    save_rig(with_moved_camera(true), opened.session.rig_path)
    widget.mend._form.widget("min_likelihood").value = 0.0
    for start, panel in ((widget.check.check, widget.check), (widget.mend.refine, widget.mend)):
        widget._current.set(opened)
        start()
        widget._current.set(None)
        until(lambda: not widget.jobs.is_busy)
        assert re.search("Another session|no longer open", widget.jobs.status)
        assert not panel._use.isEnabled()
    assert not widget.check.findings.texts
    assert widget.mend.text == "Open a session that has a calibration."


def test_all_sessions_are_looked_at_before_anything_is_written(
    widget: CalibrationWidget, opened: OpenSession
) -> None:
    true = opened.session.load_rig()
    assert true is not None
    folder = opened.project.folder
    # A second session, whose calibration is wrong; that of the first is right.
    for path in list(folder.glob("walk_*.csv")):
        shutil.copy(path, folder / path.name.replace("walk", "run"))
    (folder / "calibrations").mkdir()
    save_rig(with_moved_camera(true), folder / "calibrations" / "run.toml")
    before = (folder / "calibrations" / "run.toml").read_bytes()
    project = open_project(folder)
    widget._current.set(OpenSession(project, project.session("walk")))
    widget.section("Mend").expand(animate=False)
    panel = widget.mend.sessions
    widget.mend._form.widget("min_likelihood").value = 0.0
    press(widget, panel.look)
    until(lambda: not widget.jobs.is_busy)
    rows = {row[0]: row for row in panel.table.texts()}
    assert rows["run"][1] == "better"
    assert true.names[0] in rows["run"][3]
    assert rows["walk"][1] == "kept"
    assert (folder / "calibrations" / "run.toml").read_bytes() == before
    press(widget, panel.use)
    assert {row[0]: row[1] for row in panel.table.texts()}["run"] == "written"
    assert "1 of 2 sessions" in widget.jobs.status
    assert len(list((folder / "calibrations").glob("run.toml.*.bak"))) == 1
    xyz = np.random.default_rng(0).uniform(-1, 1, (40, 3))
    off = np.abs(load_rig(folder / "calibrations" / "run.toml").project(xyz) - true.project(xyz))
    assert off.max() < 20


def test_cameras_are_placed_from_points_alone(widget: CalibrationWidget, tmp_path: Path) -> None:
    true = ring_of_cameras(4)
    points = simulate_points(true, 60)
    keypoints = tuple(f"kp{k}" for k in range(points.xy.shape[2]))
    for view, xy in zip(true.names, points.xy, strict=True):
        likelihood = np.ones(xy.shape[:2], np.float32)
        table = PredictionTable(keypoints, xy.astype(np.float32), likelihood, scorer="net")
        write_prediction_csv(tmp_path / f"walk_{view}.csv", table)
    save_rig(true, tmp_path / "calibration.toml")
    project = open_project(tmp_path)
    widget._current.set(OpenSession(project, project.sessions[0]))
    widget.section("Mend").expand(animate=False)
    panel = widget.mend
    panel.from_nothing.setChecked(True)
    distance = float(np.linalg.norm(true.centres[0] - true.centres[1]))
    panel._length.setText(f"{true.names[0]}, {true.names[1]}, far")
    press(widget, panel._refine)
    until(lambda: not widget.jobs.is_busy)
    assert "'far' is no length" in widget.jobs.status
    panel._length.setText(f"{true.names[0]}, {true.names[1]}, {distance}")
    press(widget, panel._refine)
    until(lambda: not widget.jobs.is_busy)
    assert "cameras were placed" in panel.text, widget.jobs.status
    found = widget.shelf.rig("mended")
    assert found is not None
    gaps = [np.linalg.norm(r.centres[:, None] - r.centres, axis=-1) for r in (true, found)]
    assert np.allclose(*gaps, rtol=0.05)


def test_a_preview_shows_where_points_fall(opened: OpenSession) -> None:
    rig = opened.session.load_rig()
    assert rig is not None
    layers = preview_layers(
        opened,
        {BEFORE: rig, MENDED: rig},
        "predictions",
        0.0,
        {},
        lambda *_: None,
        lambda: False,
    )
    assert len(layers) == 2 * len(VIEWS)
    poses = [attributes["metadata"]["napari_pose3d"] for _, attributes, _ in layers]
    assert [each.prediction_set for each in poses] == [BEFORE] * 3 + [MENDED] * 3
    assert [each.view for each in poses] == list(VIEWS) * 2
    # The rig is right, so they fall on the predictions, but for their noise.
    predicted = session_points(opened.project, opened.session, "predictions", 0.0).xy
    assert np.nanmedian(np.abs(poses[0].positions - predicted[0])) < 3.0


def test_a_camera_takes_the_size_of_its_video(opened: OpenSession) -> None:
    rig = opened.session.load_rig()
    assert rig is not None
    name, (width, height) = rig.names[0], rig.cameras[0].size or (0, 0)
    half = with_video_size(rig, name, (width // 2, height // 2))
    xyz = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    # Edges of the image stay edges: pixel 0 is centred half a pixel inside.
    assert np.allclose(half.project(xyz)[0], (rig.project(xyz)[0] + 0.5) / 2 - 0.5)
    assert sizes_from("640x480, 1280x1024") == ((640, 480), (1280, 1024))
