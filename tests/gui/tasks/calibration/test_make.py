"""Calibration, section Make: from the sample's videos to a rig of the session, with a mouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox
from tests.support.windows.calibration_window import LEFT, press
from tests.support.windows.label_window import until

from napari_pose3d.core.calibration.board.board import Board, board_text
from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.tasks.calibration.calibration_widget import CalibrationWidget
from napari_pose3d.synthetic.board.board_observations import (
    BoardScene,
    ring_of_cameras,
    simulate_board,
)

pytestmark = pytest.mark.gui
BOARD = Board(7, 6, 30.0, marker=22.0)


@pytest.fixture(scope="module")
def scene() -> BoardScene:
    """Corners of three cameras, of which the last lags."""
    return simulate_board(ring_of_cameras(3), BOARD, 120, clocks=(0.0, 0.0, 2.6))


@pytest.fixture
def detected(scene: BoardScene, monkeypatch: pytest.MonkeyPatch) -> BoardScene:
    """Corners at once, wherever the videos are looked at."""

    def detect(
        videos: Any, board: Board, *, progress: Any, looked: Any, check: Any, **_: Any
    ) -> Any:
        if board != BOARD:
            raise PoseDataError("no corner of the board was found", expected=board.describe())
        image = np.full((96, 128), 90, np.uint8)
        for view in videos:
            check()
            progress(view, 1, 1)
            looked(view, 0, image, np.array([[20.0, 20.0], [np.nan, np.nan]]))
        return scene.observations

    board = "napari_pose3d.core.calibration.board"
    monkeypatch.setattr(f"{board}.detection.detect_corners", detect)
    monkeypatch.setattr(
        f"{board}.layout.recognise_board",
        lambda videos, board, _: (board, ["it is what it is"]),
    )
    return scene


@pytest.fixture
def widget(shared_viewer: Any, qtbot: Any) -> Iterator[CalibrationWidget]:
    current_session(shared_viewer).set(None)
    made = CalibrationWidget(shared_viewer)
    qtbot.addWidget(made)
    made.resize(340, 900)
    made.show()
    yield made
    current_session(shared_viewer).set(None)


@pytest.fixture
def project(tmp_path: Path, scene: BoardScene) -> OpenSession:
    """A session with a video for each camera of the scene."""
    for name in scene.rig.names:
        (tmp_path / "videos").mkdir(exist_ok=True)
        (tmp_path / "videos" / f"walk_{name}.mp4").touch()
    opened = open_project(tmp_path)
    return OpenSession(opened, opened.sessions[0])


def fill_in(widget: CalibrationWidget, names: tuple[str, ...] = ("cam0", "cam1", "cam2")) -> None:
    videos = {name: Path(f"/nowhere/board_{name}.mp4") for name in names}
    widget.make.show_recording(BOARD, videos)


def calibrate(widget: CalibrationWidget) -> None:
    fill_in(widget)
    press(widget, widget.make._fit)
    until(lambda: not widget.jobs.is_busy)
    assert widget.result.history is not None, widget.jobs.status


def test_why_a_button_cannot_be_clicked_is_said(widget: CalibrationWidget, detected: Any) -> None:
    assert not widget.make._fit.isEnabled()
    assert "Add the videos" in widget.make.note
    fill_in(widget, ("cam0",))
    assert "two cameras" in widget.make.note
    fill_in(widget)
    assert widget.make._fit.isEnabled()
    assert widget.make.note == ""


def test_a_board_that_cannot_be_is_refused_in_place(
    widget: CalibrationWidget, detected: Any
) -> None:
    fill_in(widget)
    widget.make.board._form.widget("marker").value = 31.0
    press(widget, widget.make._find)
    assert "markers are 31 mm" in widget.make.note
    assert not widget.jobs.is_busy


def test_a_board_that_is_not_found_is_said(widget: CalibrationWidget, detected: Any) -> None:
    fill_in(widget)
    widget.make.board._form.widget("columns").value = 8
    press(widget, widget.make._fit)
    until(lambda: not widget.jobs.is_busy)
    assert "no corner of the board was found" in widget.jobs.status
    assert widget.result.history is None


def test_a_camera_that_shares_nothing_is_named(
    widget: CalibrationWidget, detected: BoardScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    observations = detected.observations
    alone = observations.xy.copy()
    alone[2, : len(alone[2]) // 2] = np.nan
    alone[:2, len(alone[2]) // 2 :] = np.nan
    monkeypatch.setattr(
        "napari_pose3d.core.calibration.board.detection.detect_corners",
        lambda *_, **__: replace(observations, xy=alone),
    )
    fill_in(widget)
    press(widget, widget.make._fit)
    until(lambda: not widget.jobs.is_busy)
    assert "view cam2 shares no image of the board with cam0, cam1" in widget.jobs.status
    assert widget.result_panel.isHidden()
    assert widget.make._fit.isEnabled()


def test_a_folder_of_lens_videos_that_is_none_is_said(
    widget: CalibrationWidget, detected: Any, tmp_path: Path
) -> None:
    fill_in(widget)
    widget.make._lens_videos.show_path(tmp_path / "nowhere")
    press(widget, widget.make._fit)
    until(lambda: not widget.jobs.is_busy)
    assert "this is no folder" in widget.jobs.status
    assert widget.result.history is None


def test_cancel_leaves_nothing(
    widget: CalibrationWidget, detected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, check: Any, **__: Any) -> Any:
        while True:
            check()

    monkeypatch.setattr("napari_pose3d.core.calibration.board.detection.detect_corners", never)
    fill_in(widget)
    press(widget, widget.make._fit)
    assert widget.jobs.is_busy
    widget.jobs.cancel()
    until(lambda: not widget.jobs.is_busy)
    assert "Cancelled" in widget.jobs.status
    assert widget.result_panel.isHidden()
    assert widget.make._fit.isEnabled()


def test_frames_are_taken_out_undone_and_compared(widget: CalibrationWidget, detected: Any) -> None:
    calibrate(widget)
    page = widget.result.page
    first = widget.result.history.now
    assert page.measures.texts()[0][0] == "Board residual"
    assert "it is what it is" in widget.make.note
    assert any("lags by +2.60" in line for line in widget.result_panel.verdicts.lines)
    assert not page._undo.isEnabled()
    page.refit_wanted.emit((10, 11))
    until(lambda: not widget.jobs.is_busy)
    now = widget.result.history.now
    assert now.excluded == (10, 11)
    assert not np.isin([10, 11], now.observations.frames).any()
    assert page.comparison.texts()[-1] == ["Frames taken out", "0", "2"]
    QTest.mouseClick(page._undo, LEFT)
    assert widget.result.history.now is first
    assert page.comparison.isHidden()


def test_the_rig_becomes_that_of_the_session(
    widget: CalibrationWidget, detected: Any, project: OpenSession, tmp_path: Path
) -> None:
    calibrate(widget)
    use = widget.result_panel.button("use")
    assert not use.isEnabled()
    widget._current.set(project)
    assert use.isEnabled()
    press(widget, use)
    path = tmp_path / "calibrations" / "walk.toml"
    assert widget._current.open.session.rig_path == path
    saved = load_rig(path)
    assert saved.names == ("cam0", "cam1", "cam2")
    assert np.allclose(saved.centres, widget.result.rig.centres, atol=1e-9)
    # What was there stays as a copy.
    press(widget, use)
    assert len(list(path.parent.glob("walk.toml.*.bak"))) == 1
    assert "kept as" in widget.jobs.status


def test_clocks_become_offsets_of_the_session(
    widget: CalibrationWidget,
    detected: Any,
    project: OpenSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calibrate(widget)
    widget._current.set(project)
    asked: list[str] = []

    def answer(_: Any, __: str, text: str) -> Any:
        asked.append(text)
        return QMessageBox.StandardButton.Yes

    monkeypatch.setattr(QMessageBox, "question", answer)
    press(widget, widget.result_panel.button("clocks"))
    assert "cam2: offset -3" in asked[0]
    assert widget._current.open.session.alignment("cam2").offset == -3
    assert widget._current.open.session.alignment("cam1").offset == 0


def test_files_are_written(widget: CalibrationWidget, detected: Any, tmp_path: Path) -> None:
    calibrate(widget)
    widget.result.save(tmp_path / "rig.toml")
    assert load_rig(tmp_path / "rig.toml").units == "mm"
    widget.result.save_report(tmp_path / "report.html")
    assert "cam2" in (tmp_path / "report.html").read_text()
    widget.result.save(tmp_path / "not" / "there" / "rig.toml")
    assert (tmp_path / "not" / "there" / "rig.toml").is_file()


def test_a_board_file_with_unknown_markers_changes_nothing(
    widget: CalibrationWidget, tmp_path: Path
) -> None:
    from napari.utils.notifications import notification_manager

    text = board_text(BOARD).replace("DICT_4X4_50", "DICT_9X9_9")
    (tmp_path / "board.toml").write_text(text)
    before = widget.make.board.board()
    widget.make.board.open_file(tmp_path / "board.toml")
    assert widget.make.board.board() == before
    assert "DICT_9X9_9" in notification_manager.records[-1].message
    # A board with a back keeps its thickness.
    (tmp_path / "board.toml").write_text(board_text(BOARD) + "thickness = 3.0\n")
    widget.make.board.open_file(tmp_path / "board.toml")
    assert widget.make.board.board().thickness == 3.0


def test_boards_of_all_kinds_are_described_and_printed(
    widget: CalibrationWidget, tmp_path: Path
) -> None:
    panel = widget.make.board
    for board in (
        Board(1, 3, 40.0, kind="aruco", marker=30.0),
        Board(9, 7, 20.0, kind="checkerboard"),
        Board(5, 7, 30.0, marker=22.0, inverted=True, thickness=4.0),
    ):
        panel.show_board(board)
        assert panel.board() == board
        panel.print_to(tmp_path / f"{board.kind}.pdf")
        assert (tmp_path / f"{board.kind}.pdf").read_bytes().startswith(b"%PDF")


def test_videos_and_board_come_from_a_folder(widget: CalibrationWidget, tmp_path: Path) -> None:
    for name in ("board_left.mp4", "board_right.mp4", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "board.toml").write_text(board_text(BOARD))
    widget.show_recording(tmp_path)
    assert widget.make.board.board() == BOARD
    assert list(widget.make.recording.videos()) == ["left", "right"]
    # The name of a camera can be typed.
    widget.make.recording._table.item(0, 0).setText("right")
    with pytest.raises(PoseDataError, match="different camera"):
        widget.make.recording.videos()
