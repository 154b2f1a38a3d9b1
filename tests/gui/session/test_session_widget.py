"""Opening a session in a window: by the widget, by dropping a folder, again, and another one."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton, QTableWidget
from tests.support.projects.session_files import touch
from tests.support.video_recipes import Video, read_number
from tests.support.windows.gui_helpers import VIEWS, write_session
from tests.support.windows.napari_window import emptied

from napari_pose3d.core.pipeline.results.result_files import default_folder, save_result
from napari_pose3d.core.pipeline.smoothing_run import run
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.issues import Issue
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import read_own_project, update_own_project
from napari_pose3d.gui.contributions.session_reader import get_reader
from napari_pose3d.gui.layers.layer_poses import poses_of
from napari_pose3d.gui.layers.session_layers import SESSION_KEY, session_layers
from napari_pose3d.gui.session import session_widget as session_module
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.session.dialogs.camera_dialog import CameraDialog
from napari_pose3d.gui.session.dialogs.new_project import NewProjectDialog
from napari_pose3d.gui.tasks.smooth.smooth_job import Choice, smooth
from napari_pose3d.gui.workspace.docking import dock_of
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.settings import ReadingSettings, SmoothingSettings

QUIET: tuple[Any, Any] = (lambda stage, done, total: None, lambda: False)
TIMEOUT = 60_000
SHOWN = False
N_FRAMES = 60


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for view in VIEWS:
        Video(f"walk_{view}.mp4", n_frames=N_FRAMES).write(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path, videos: Path) -> Path:
    """A Lightning Pose project of two sessions: walk with everything, and run without videos."""
    folder = tmp_path / "mouse"
    predictions, calibration = write_session(tmp_path / "draft", N_FRAMES)
    (folder / "videos").mkdir(parents=True)
    (folder / "calibrations").mkdir()
    for path in videos.iterdir():
        shutil.copy(path, folder / "videos")
    shutil.copy(calibration, folder / "calibrations" / "walk.toml")
    for path in sorted(predictions.iterdir()):
        stem, seed = path.stem.split("_seed=")
        for session in ("walk", "run") if seed == "0" else ("walk",):
            target = folder / "models" / f"net{seed}" / "video_preds"
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / f"{stem.replace('walk', session)}.csv")
    names = ", ".join(VIEWS)
    (folder / "project.yaml").write_text(
        f"view_names: [{names}]\nkeypoint_names: [kp0, kp1, kp2]\n"
    )
    return folder


def image_of(data: Any, frame: int) -> int:
    return read_number(np.squeeze(np.asarray(data[frame])))


def by_name(layers: list[Any]) -> dict[str, Any]:
    return {attributes["name"]: (data, attributes) for data, attributes, _ in layers}


# --- without a window -----------------------------------------------------------------------


def test_videos_and_a_set_become_layers(project: Path) -> None:
    session = open_project(project).session("walk")
    layers = by_name(session_layers(session, session.ensemble_sets[:1], *QUIET))
    assert {f"walk {view}" for view in VIEWS} <= set(layers)
    assert {f"predicted {view}" for view in VIEWS} <= set(layers)
    video, attributes = layers["walk Cam-B"]
    assert len(video) == N_FRAMES
    assert attributes["metadata"][SESSION_KEY] == "walk"
    # Points lie on their video.
    assert layers["predicted Cam-B"][1]["translate"] == attributes["translate"]


def test_with_several_sets_layers_say_which(project: Path) -> None:
    session = open_project(project).session("walk")
    layers = by_name(session_layers(session, session.ensemble_sets, *QUIET))
    assert {"predicted Cam-A net0", "predicted Cam-A net1"} <= set(layers)


def test_videos_and_points_are_in_session_frames(project: Path) -> None:
    dropped = ViewAlignment(offset=3, dropped=(10,))
    update_own_project(project, alignments={("walk", "Cam-B"): dropped})
    session = open_project(project).session("walk")
    layers = by_name(session_layers(session, session.ensemble_sets[:1], *QUIET))
    video = layers["walk Cam-B"][0]
    assert len(video) == N_FRAMES + 4
    assert len(layers["walk Cam-A"][0]) == N_FRAMES + 4
    # Camera frame 10 was lost: session frame 13 has no image, 14 has the tenth.
    shown = [image_of(video, frame) for frame in (0, 2, 3, 12, 13, 14, N_FRAMES + 3)]
    assert shown == [-1, -1, 0, 9, -1, 10, 59]
    assert image_of(layers["walk Cam-A"][0], 5) == 5
    several = video[[2, 3, 13, 20]]
    assert [read_number(np.squeeze(each)) for each in several] == [-1, 0, -1, 16]
    poses = poses_of(layers["predicted Cam-B"][1]["metadata"])
    plain = poses_of(
        by_name(session_layers(session, session.ensemble_sets[:1], *QUIET))["predicted Cam-A"][1][
            "metadata"
        ]
    )
    assert poses is not None
    assert plain is not None
    assert np.isnan(poses.positions[[0, 2, 13]]).all()
    assert np.isfinite(poses.positions[[3, 12, 14]]).all()
    assert np.isfinite(plain.positions[:N_FRAMES]).all()


def test_what_is_smoothed_lies_on_a_video_of_another_size(project: Path) -> None:
    """A run from the widget: geometry in the rig's pixels, drawn in those of the video."""
    change = ViewAlignment(crop=(40.0, 20.0, 500.0, 400.0), scale=(2.0, 4.0))
    update_own_project(project, alignments={("walk", "Cam-B"): change})
    session = open_project(project).session("walk")
    files = [path for each in session.ensemble_sets for path in each.files.values()]
    choice = Choice((*files, session.rig_path), None, ReadingSettings())  # type: ignore[arg-type]
    finished = smooth(choice, SmoothingSettings(smooth_param=1.0), (), {}, None, *QUIET)
    poses2d = finished.result.poses2d
    layers = by_name(finished.layers)
    for i, view in enumerate(poses2d.views):
        drawn = poses_of(layers[f"smoothed {view}"][1]["metadata"])
        assert drawn is not None
        expected = change.to_video_pixels(poses2d.xy[i]) if view == "Cam-B" else poses2d.xy[i]
        np.testing.assert_allclose(drawn.positions, expected, atol=1e-3)
        assert poses2d.variance is not None
        factor = (4, 16) if view == "Cam-B" else (1, 1)
        np.testing.assert_allclose(drawn.variance, poses2d.variance[i] / factor, rtol=1e-5)


def test_a_saved_result_is_shown_again(project: Path) -> None:
    before = open_project(project).session("walk")
    ensemble, rig = before.load_predictions(), before.load_rig()
    assert rig is not None
    result = run(ensemble, rig)
    save_result(result, ensemble, rig, default_folder(ensemble))
    session = open_project(project).session("walk")
    smoothed = [each for each in session.sets if each.kind == "smoothed"]
    layers = by_name(session_layers(session, smoothed[:1], *QUIET))
    poses = poses_of(layers["smoothed Cam-C"][1]["metadata"])
    space = poses_of(layers["3-D"][1]["metadata"])
    assert poses is not None
    assert space is not None
    assert result.poses3d is not None
    np.testing.assert_allclose(poses.positions, result.poses2d.xy[2], rtol=1e-6)
    np.testing.assert_allclose(space.positions, result.poses3d.xyz, rtol=1e-6)
    raw = poses_of(layers["raw Cam-C"][1]["metadata"])
    assert raw is not None
    assert raw.residual is not None
    np.testing.assert_allclose(raw.residual, result.poses3d.residuals[2], atol=1e-4)


def test_only_folders_with_sessions_are_taken(project: Path, tmp_path: Path) -> None:
    assert get_reader(str(project)) is not None
    assert get_reader(str(project / "project.yaml")) is not None
    assert get_reader([str(project)]) is not None
    images = tmp_path / "images"
    images.mkdir()
    (images / "cell.tif").touch()
    assert get_reader(str(images)) is None
    assert get_reader(str(images / "cell.tif")) is None
    assert get_reader([str(project), str(images)]) is None
    # A project that is damaged is still a project: the widget says what is wrong.
    (project / "project.yaml").write_text("view_names: [")
    assert get_reader(str(project)) is not None


# --- in a window ----------------------------------------------------------------------------


@pytest.fixture
def viewer(shared_viewer: Any) -> Iterator[Any]:
    """An empty window."""
    yield shared_viewer
    emptied(shared_viewer)


@pytest.fixture
def widget(viewer: Any) -> Iterator[Any]:
    made = session_module.SessionWidget(viewer)
    viewer.window.add_dock_widget(made, name="Session")
    made.viewer = viewer
    yield made
    made.viewer = None


def open_paths(widget: Any, qtbot: Any, *paths: Path, at_once: bool = False) -> None:
    widget.open_paths(paths, at_once=at_once)
    qtbot.waitUntil(lambda: widget._finding.job is None, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: not widget.bar.is_busy, timeout=TIMEOUT)


def show(widget: Any, qtbot: Any) -> None:
    widget.open_session()
    qtbot.waitUntil(lambda: not widget.bar.is_busy, timeout=TIMEOUT)


def layer_names(widget: Any) -> set[str]:
    return {layer.name for layer in widget.viewer.layers}


@pytest.mark.gui
def test_a_session_is_chosen_and_opened(widget, qtbot, project: Path) -> None:
    assert not widget.bar.is_ready
    open_paths(widget, qtbot, project)
    assert "2 sessions" in widget.project.text
    assert current_session(widget.viewer).open is None
    widget.sessions.choose("walk")
    assert [each.name for each in widget.sessions.sets] == ["net0"]
    show(widget, qtbot)
    assert {"walk Cam-A", "walk Cam-B", "walk Cam-C", "predicted Cam-A"} <= layer_names(widget)
    opened = current_session(widget.viewer).open
    assert opened is not None
    assert opened.session.name == "walk"
    assert "walk is open" in widget.bar.status
    assert widget.viewer.title == "walk"


@pytest.mark.gui
def test_what_is_opened_elsewhere_is_shown(widget, qtbot, project: Path, tmp_path: Path) -> None:
    """Such as the sample, while the panel is open."""
    current, elsewhere = current_session(widget.viewer), open_project(project)
    current.set(OpenSession(elsewhere, elsewhere.session("run")))
    assert "2 sessions" in widget.project.text
    assert widget.sessions.session.name == "run"
    assert widget.bar.status == "run is open."
    # Somebody looks into another folder, and goes on doing so.
    open_paths(widget, qtbot, tmp_path / "draft" / "predictions")
    again = open_project(project)
    current.set(OpenSession(again, again.session("run")))
    assert "predictions" in widget.project.text


@pytest.mark.gui
def test_a_new_project_begins_with_what_is_open(
    widget, qtbot, project: Path, tmp_path: Path, monkeypatch
) -> None:
    """A plain folder whose views are shifted; a failed attempt keeps what was typed."""
    folder = tmp_path / "plain"
    shutil.copytree(project / "videos", folder)
    for path in (project / "models" / "net0" / "video_preds").glob("walk*"):
        shutil.copy(path, folder)
    shutil.copy(project / "calibrations" / "walk.toml", folder / "calibration.toml")
    shifted = ViewAlignment(offset=3, dropped=(10,))
    update_own_project(folder, alignments={("walk", "Cam-B"): shifted})
    open_paths(widget, qtbot, folder)
    show(widget, qtbot)
    asked, said = [], []

    class Dialog(NewProjectDialog):
        def exec(self) -> bool:
            asked.append(self.answer)
            said.append(self._problem.message)
            self.folder.line.setText(str(occupied if len(asked) == 1 else tmp_path / "made"))
            self.keypoints.setPlainText("kp0\nkp1\nkp2\nextra")
            return True

    occupied = touch(tmp_path / "occupied" / "project.yaml", "view_names: [a]\n").parent
    monkeypatch.setattr(session_module, "NewProjectDialog", Dialog)
    with qtbot.waitSignal(widget.opened, timeout=TIMEOUT):
        widget.ask_for_new_project()
    first, second = asked
    assert first.views == VIEWS
    assert first.keypoints == ("kp0", "kp1", "kp2")
    assert len(first.videos) == len(VIEWS)
    assert first.calibration == folder / "calibration.toml"
    assert first.predictions
    assert said[0] == ""
    # What was typed is still there, and why it failed.
    assert second.keypoints == ("kp0", "kp1", "kp2", "extra")
    assert second.folder == occupied
    assert "occupied" in said[1]
    # It is open, with what its session had.
    opened = current_session(widget.viewer).open
    assert opened.project.folder == tmp_path / "made"
    assert opened.project.kind == "lightning-pose"
    assert opened.session.rig_path is not None
    assert opened.session.alignment("Cam-B") == shifted
    assert opened.session.ensemble_sets


@pytest.mark.gui
def test_a_long_name_leaves_the_numbers_in_sight(widget, qtbot, tmp_path: Path) -> None:
    name = "20260102_mouse17_openfield_left_of_the_window_after_feeding"
    predictions, _ = write_session(tmp_path / "draft", N_FRAMES)
    folder = tmp_path / "long"
    folder.mkdir()
    for path in predictions.iterdir():
        shutil.copy(path, folder / path.name.replace(path.name.split("_")[0], name, 1))
    widget.resize(320, 700)
    open_paths(widget, qtbot, folder)
    table = widget.sessions.findChild(QTableWidget)
    last = table.visualItemRect(table.item(0, table.columnCount() - 1))
    assert table.viewport().rect().contains(last)
    assert table.visualItemRect(table.item(0, 0)).width() > 40
    assert table.item(0, 0).toolTip() == name


@pytest.mark.gui
def test_another_session_takes_the_place_of_the_first(widget, qtbot, project: Path) -> None:
    open_paths(widget, qtbot, project)
    widget.viewer.add_points([[0, 0, 0, 0]], name="mine")
    widget.sessions.choose("walk")
    show(widget, qtbot)
    video = weakref.ref(widget.viewer.layers["walk Cam-A"].data.video)
    widget.sessions.choose("run")
    show(widget, qtbot)
    qtbot.wait(50)
    gc.collect()
    assert video() is None, "a video of the old session stays open"
    assert not [name for name in layer_names(widget) if "walk" in name]
    assert {"predicted Cam-A", "mine"} <= layer_names(widget)
    # Once more, the same one.
    show(widget, qtbot)
    assert len([n for n in layer_names(widget) if n.startswith("predicted Cam-A")]) == 1


@pytest.mark.gui
def test_a_reopened_widget_knows_what_is_open(widget, qtbot, project: Path) -> None:
    open_paths(widget, qtbot, project)
    widget.sessions.choose("walk")
    show(widget, qtbot)
    again = session_module.SessionWidget(widget.viewer)
    qtbot.addWidget(again)
    assert again.sessions.session.name == "walk"


@pytest.mark.gui
def test_the_only_session_of_a_dropped_folder_is_opened_at_once(
    viewer, qtbot, project: Path
) -> None:
    for path in project.glob("models/*/video_preds/run_*"):
        path.unlink()
    viewer.open(str(project), plugin="napari-pose3d")
    qtbot.waitUntil(lambda: current_session(viewer).open is not None, timeout=TIMEOUT)
    assert "walk Cam-A" in {layer.name for layer in viewer.layers}


@pytest.mark.gui
def test_a_broken_video_is_told_and_blocks_nothing_but_itself(widget, qtbot, project: Path) -> None:
    open_paths(widget, qtbot, project)
    widget.sessions.choose("walk")
    (project / "videos" / "walk_Cam-B.mp4").write_bytes(b"this is no video")
    show(widget, qtbot)
    assert {"walk Cam-A", "walk Cam-C", "predicted Cam-B"} <= layer_names(widget)
    assert "walk Cam-B" not in layer_names(widget)
    assert any("walk_Cam-B.mp4" in each.message for each in notification_manager.records)
    assert "walk is open, without the video of Cam-B." in widget.bar.status
    assert dock_of(widget).windowTitle() == "Session !"
    panel = workspace(widget.viewer).open("Camera views").panel
    assert [source.view for source in panel.scene.views] == list(VIEWS)


@pytest.mark.gui
def test_a_camera_under_another_name_is_mapped(
    widget, qtbot, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view is shown all along; the session that is open follows the new names."""
    calibration = project / "calibrations" / "walk.toml"
    calibration.write_text(calibration.read_text().replace('"Cam-C"', '"left"'))
    open_paths(widget, qtbot, project)
    widget.sessions.choose("walk")

    def missing() -> list[Issue]:
        return [each for each in widget.issues.issues if "is not in walk.toml" in each.what]

    qtbot.waitUntil(lambda: bool(missing()), timeout=TIMEOUT)
    assert missing()[0].what == "Cam-C is not in walk.toml; it has Cam-A, Cam-B, left"
    show(widget, qtbot)
    assert {"walk Cam-A", "walk Cam-C"} <= layer_names(widget)

    def answer(dialog: CameraDialog) -> bool:
        dialog.choose("Cam-C", "left")
        return True

    monkeypatch.setattr(CameraDialog, "exec", answer)
    widget.issues.mapping_wanted.emit()
    qtbot.waitUntil(lambda: not widget.bar.is_busy, timeout=TIMEOUT)
    opened = current_session(widget.viewer).open
    assert opened is not None
    rig = opened.session.load_rig()
    assert rig is not None
    assert rig.names == VIEWS
    qtbot.waitUntil(lambda: not missing(), timeout=TIMEOUT)
    assert read_own_project(project).cameras == {"Cam-C": "left"}


@pytest.mark.gui
def test_smooth_names_views_without_a_camera(
    widget, qtbot, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is run, with the way to mend it beside."""
    calibration = project / "calibrations" / "walk.toml"
    calibration.write_text(calibration.read_text().replace('"Cam-C"', '"left"'))
    open_paths(widget, qtbot, project)
    widget.sessions.choose("walk")
    show(widget, qtbot)
    smooth = workspace(widget.viewer).open("Smooth and triangulate")
    assert smooth.cameras.text.startswith("Cam-C is not in walk.toml; it has Cam-A, Cam-B, left")

    def answer(dialog: CameraDialog) -> bool:
        dialog.choose("Cam-C", "left")
        return True

    monkeypatch.setattr(CameraDialog, "exec", answer)
    QTest.mouseClick(smooth.cameras.findChild(QPushButton), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not smooth.cameras.text, timeout=TIMEOUT)
    assert read_own_project(project).cameras == {"Cam-C": "left"}


@pytest.mark.gui
def test_a_folder_that_is_not_there_is_told(widget, qtbot, tmp_path: Path) -> None:
    open_paths(widget, qtbot, tmp_path / "nowhere")
    assert "no such file or folder" in widget.project.text
    assert not widget.bar.is_ready


@pytest.mark.gui
def test_a_size_unlike_the_rigs_is_offered_to_be_adjusted(widget, qtbot, project: Path) -> None:
    """The videos are 128 x 96, the rig's images 640 x 480: a fifth of them."""
    open_paths(widget, qtbot, project)
    widget.sessions.choose("walk")
    qtbot.waitUntil(lambda: any(problem.offer for problem in widget.issues.issues), timeout=TIMEOUT)
    offer: Issue = next(problem for problem in widget.issues.issues if problem.offer)
    assert offer.offer is not None
    widget.issues.accepted.emit(offer)
    qtbot.waitUntil(lambda: widget._finding.job is None, timeout=TIMEOUT)
    _, view, _ = offer.offer
    assert read_own_project(project).alignment("walk", view).scale == (5.0, 5.0)
