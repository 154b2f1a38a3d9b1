"""The dialogs of the widget "Session": adjusting views, skeleton and colours, new projects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.projects.session_files import lightning_project

from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import read_own_project, update_own_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.colours import (
    PALETTE,
    keypoint_hex,
    keypoint_rgba,
    palette_of,
)


def test_chosen_colours_take_the_place_of_the_usual_ones() -> None:
    places = palette_of(("nose", "neck", "tail"), {"neck": "#102030"})
    rgba = keypoint_rgba(places)
    np.testing.assert_allclose(rgba[1], [0x10 / 255, 0x20 / 255, 0x30 / 255, 1], atol=1e-6)
    np.testing.assert_array_equal(rgba[[0, 2]], keypoint_rgba([0, 2]))
    colours = keypoint_hex(("nose", "neck", "tail"), {"neck": "#102030", "ear": "#ffffff"})
    assert colours == {"nose": PALETTE[0], "neck": "#102030", "tail": PALETTE[2]}
    assert palette_of(("neck",), {"neck": "#102030"}) == (places[1],)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return open_project(lightning_project(tmp_path / "mouse")).session("day1")


@pytest.mark.gui
def test_cameras_are_chosen_for_views(qtbot: Any) -> None:
    from napari_pose3d.gui.session.dialogs.camera_dialog import CameraDialog

    def dialog(cameras: dict[str, str]) -> CameraDialog:
        made = CameraDialog(("top", "side", "front"), ("top", "c1", "c2"), cameras, "rig.toml")
        qtbot.addWidget(made)
        return made

    first = dialog({})
    assert first.cameras == {}
    first.choose("side", "c1")
    assert first.cameras == {"side": "c1"}
    first.choose("front", "c1")
    assert first.problem == "side and front cannot both be c1."
    first.choose("front", "c2")
    assert first.problem == ""
    # What is stored is shown, and what is said about other views stays.
    again = dialog({**first.cameras, "back": "c9"})
    assert again.cameras == {"side": "c1", "front": "c2", "back": "c9"}
    again.choose("side", "")
    assert again.cameras == {"front": "c2", "back": "c9"}
    exchanged = dialog({"side": "top", "top": "c1"})
    assert exchanged.cameras == {"side": "top", "top": "c1"}
    assert dialog({"side": "top"}).problem == ""


@pytest.mark.gui
def test_alignments_are_entered_view_by_view(qtbot: Any, session: Session) -> None:
    from napari_pose3d.gui.session.dialogs.alignment_dialog import ViewDialog

    dialog = ViewDialog(session)
    qtbot.addWidget(dialog)
    assert dialog.changes() == {}
    dialog.set_row("side", offset=-4, dropped="10, 25-27", crop="8, 16, 320 240", scale="2")
    assert dialog.changes() == {
        ("day1", "side"): ViewAlignment(
            offset=-4, dropped=(10, 25, 26, 27), crop=(8, 16, 320, 240), scale=(2, 2)
        )
    }
    update_own_project(session.folder, alignments=dialog.changes())
    again = open_project(session.folder).session("day1")
    assert again.alignment("side").dropped == (10, 25, 26, 27)
    dialog = ViewDialog(again)
    qtbot.addWidget(dialog)
    # What is stored is shown, and stays as it is.
    assert dialog.changes() == {}


@pytest.mark.gui
def test_crop_and_scale_may_hold_for_all_sessions(qtbot: Any, session: Session) -> None:
    from napari_pose3d.gui.session.dialogs.alignment_dialog import ViewDialog

    dialog = ViewDialog(session)
    qtbot.addWidget(dialog)
    dialog.set_row("top", offset=7, scale="0.5, 2")
    dialog._everywhere.setChecked(True)
    update_own_project(session.folder, alignments=dialog.changes())
    project = open_project(session.folder)
    assert project.session("day1").alignment("top") == ViewAlignment(offset=7, scale=(0.5, 2))
    assert project.session("day2").alignment("top") == ViewAlignment(scale=(0.5, 2))


@pytest.mark.gui
@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("dropped", "ten"),
        ("dropped", "9-3"),
        ("crop", "1, 2, 3"),
        ("crop", "0, 0, 0, 10"),
        ("scale", "big"),
        ("scale", "-1"),
    ],
)
def test_what_cannot_be_meant_keeps_the_dialog_open(
    qtbot: Any, session: Session, column: str, text: str
) -> None:
    from napari_pose3d.gui.session.dialogs.alignment_dialog import ViewDialog

    dialog = ViewDialog(session)
    qtbot.addWidget(dialog)
    dialog.set_row("side", **{column: text})
    with pytest.raises(PoseDataError, match="view side"):
        dialog.changes()
    dialog._accept_if_right()
    assert dialog.result() == 0
    assert "side" in dialog._problem.text()


@pytest.mark.gui
def test_skeleton_and_colours_are_edited(qtbot: Any) -> None:
    from napari_pose3d.gui.session.dialogs.skeleton_dialog import SkeletonDialog

    keypoints = ("nose", "neck", "tail")
    dialog = SkeletonDialog(keypoints, [("nose", "neck")], {"tail": "#112233"})
    qtbot.addWidget(dialog)
    dialog.join("neck", "tail")
    dialog.join("neck", "nose")  # there already, the other way round
    dialog.join("nose", "nose")
    assert dialog.skeleton == (("nose", "neck"), ("neck", "tail"))
    dialog._bone_list.setCurrentRow(0)
    dialog.remove_bone()
    assert dialog.skeleton == (("neck", "tail"),)
    dialog.set_colour("nose", "#abcdef")
    dialog.set_colour("tail", None)
    assert dialog.colours == {"nose": "#abcdef"}


@pytest.mark.gui
def test_a_project_is_made_from_the_dialog(qtbot: Any, tmp_path: Path) -> None:
    from napari_pose3d.gui.session.dialogs.new_project import NewProjectDialog
    from napari_pose3d.gui.session.session_widget import _create

    videos = tmp_path / "videos"
    videos.mkdir()
    for view in ("top", "side"):
        (videos / f"day1_{view}.mp4").touch()
    dialog = NewProjectDialog()
    qtbot.addWidget(dialog)
    dialog._accept_if_whole()
    assert "Still missing" in dialog._problem.text()
    dialog.folder.add([tmp_path / "mouse"])
    dialog.views.setText("top, side")
    dialog.keypoints.setPlainText("nose\n\ntail\n")
    dialog.videos.add([videos])
    project = _create(dialog.answer, lambda stage, done, total: None, lambda: False)
    assert project.keypoints == ("nose", "tail")
    assert [each.name for each in project.sessions] == ["day1"]
    assert set(project.sessions[0].videos) == {"top", "side"}
    # The videos stayed where they are, and the project knows where that is.
    outside = read_own_project(tmp_path / "mouse").videos
    assert {path.name for path in outside} == {"day1_top.mp4", "day1_side.mp4"}
    assert not (tmp_path / "mouse" / "videos").exists()
