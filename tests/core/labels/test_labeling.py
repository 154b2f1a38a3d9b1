"""Labeling without a window: what an action does to the labels of all views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.support.projects.label_sessions import (
    KEYPOINTS,
    SESSION,
    VIEWS,
    calibrated_project,
    open_labeling,
    truth,
)
from tests.support.projects.session_files import touch

from napari_pose3d.core.labels import label_actions as actions
from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.files.view_files import LabelsChanged
from napari_pose3d.core.labels.label_import import import_labels, label_folders
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store.label import EMPTY, LabelKey, LabelStatus, Visibility
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.errors import PoseDataError

FRAME = 12
XY = truth(FRAME)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def labeling(tmp_path: Path) -> Labeling:
    return open_labeling(calibrated_project(tmp_path / "project"))


def label_key(view: int, keypoint: int = 0) -> LabelKey:
    return LabelKey(VIEWS[view], KEYPOINTS[keypoint])


def place(labeling: Labeling, *views: int, keypoint: int = 0, off: float = 0.0) -> None:
    for view in views:
        x, y = XY[view, keypoint] + off
        actions.place(labeling, FRAME, label_key(view, keypoint), (x, y))


def statuses(labeling: Labeling, keypoint: int = 0) -> list[str]:
    return [
        labeling.label(FRAME, label_key(view, keypoint)).status.name.lower() for view in range(4)
    ]


def position(labeling: Labeling, view: int, keypoint: int = 0) -> np.ndarray:
    return np.array(labeling.label(FRAME, label_key(view, keypoint)).position)


# ---------------------------------------------------------------------- projecting


def test_two_views_fill_the_others(labeling: Labeling) -> None:
    place(labeling, 0)
    assert statuses(labeling) == ["clicked", "empty", "empty", "empty"]
    place(labeling, 2)
    assert statuses(labeling) == ["clicked", "projected", "clicked", "projected"]
    for view in (1, 3):
        np.testing.assert_allclose(position(labeling, view), XY[view, 0], atol=1e-3)
    assert labeling.label(FRAME, label_key(0)).labeler == "ann"
    assert labeling.label(FRAME, label_key(1)).labeler == ""
    labeling.store.undo()
    assert statuses(labeling) == ["clicked", "empty", "empty", "empty"]


def test_what_is_projected_follows_and_what_is_confirmed_stays(labeling: Labeling) -> None:
    place(labeling, 0, 2)
    actions.confirm(labeling, FRAME, [label_key(1)])
    confirmed, projected = position(labeling, 1), position(labeling, 3)
    move = actions.Move(labeling, FRAME, label_key(0))
    for step in range(1, 4):
        move.to(tuple(XY[0, 0] + step))
        np.testing.assert_array_equal(position(labeling, 1), confirmed)
    assert np.abs(position(labeling, 3) - projected).max() > 0.3
    move.finish()
    labeling.store.undo()
    np.testing.assert_allclose(position(labeling, 3), projected)
    np.testing.assert_allclose(position(labeling, 0), XY[0, 0])


def test_nothing_is_filled_unasked_when_that_is_off(labeling: Labeling) -> None:
    labeling.auto_project = False
    place(labeling, 0, 2)
    assert statuses(labeling) == ["clicked", "empty", "clicked", "empty"]
    done = actions.project(labeling, FRAME)
    assert statuses(labeling) == ["clicked", "projected", "clicked", "projected"]
    assert done.describe() == "2 labels projected; too few labels of ear, neck, tail, paw"


def test_a_point_outside_the_image_is_left_empty_and_said(labeling: Labeling) -> None:
    assert labeling.rig is not None
    # Between the first two cameras, far to the side: the others do not video it.
    beside = next(
        xyz
        for xyz in np.random.default_rng(0).uniform(-9, 9, (5000, 3))
        if inside(labeling.rig.project(xyz)).tolist() == [True, True, False, False]
    )
    xy = labeling.rig.project(beside)
    for view in (0, 1):
        actions.place(labeling, FRAME, label_key(view), tuple(xy[view]))
    assert statuses(labeling)[2:] == ["empty", "empty"]
    done = actions.project(labeling, FRAME, ["nose"])
    assert set(done.refused) == {label_key(2), label_key(3)}
    assert "left empty" in done.describe()


def inside(xy: np.ndarray) -> np.ndarray:
    return (
        np.isfinite(xy).all(axis=1) & (xy >= -0.5).all(axis=1) & (xy <= (127.5, 95.5)).all(axis=1)
    )


def test_a_label_that_is_taken_away_is_not_filled_again(labeling: Labeling) -> None:
    place(labeling, 0, 2)
    actions.clear(labeling, FRAME, label_key(1))
    place(labeling, 0, off=1.0)
    assert statuses(labeling) == ["clicked", "empty", "clicked", "projected"]
    assert labeling.label(FRAME, label_key(1)).is_declined
    labeling.save()
    again = open_labeling(labeling.files.folder)
    assert again.label(FRAME, label_key(1)).is_declined
    actions.project(again, FRAME, ["nose"])
    assert statuses(again)[1] == "projected"
    actions.clear_everywhere(again, FRAME, ["nose"])
    assert not [s for s in again.labels(FRAME) if s.keypoint == "nose"]


def test_projections_go_when_their_labels_go(labeling: Labeling) -> None:
    place(labeling, 0, 2)
    actions.clear(labeling, FRAME, label_key(0))
    assert statuses(labeling) == ["empty", "empty", "clicked", "empty"]


def test_the_view_that_disagrees_is_named(labeling: Labeling) -> None:
    place(labeling, 0, 1, 2)
    actions.place(labeling, FRAME, label_key(2), tuple(XY[2, 0] + (14, 11)))
    geometry = labeling.geometry(FRAME)
    assert geometry is not None
    assert geometry.suspect("nose") == "Cam-C"
    assert geometry.suspect("ear") is None
    assert geometry.worst == label_key(2)
    np.testing.assert_allclose(position(labeling, 3), XY[3, 0], atol=0.5)


def test_one_label_gives_a_curve_through_the_truth(labeling: Labeling) -> None:
    place(labeling, 0)
    geometry = labeling.geometry(FRAME)
    assert geometry is not None
    for view in (1, 2, 3):
        curve = geometry.curve(label_key(0), VIEWS[view], labeling.volume)
        assert curve is not None
        assert np.hypot(*(curve.xy - XY[view, 0]).T).min() < 2.0
        at = geometry.on_curve(label_key(view), tuple(XY[view, 0] + (3, -2)), labeling.volume)
        nearest = np.hypot(*(curve.xy - at).T).min()
        assert nearest < 2.0


def test_cropped_scaled_and_shifted_views(tmp_path: Path) -> None:
    folder = calibrated_project(tmp_path / "project")
    # Cam-B's video shows a part of the rig's image at half the size, and starts 5 frames later.
    cropped = ViewAlignment(offset=5, crop=(10, 6, 100, 80), scale=(2.0, 2.0))
    update_own_project(folder, alignments={(SESSION, "Cam-B"): cropped})
    labeling = open_labeling(folder)
    place(labeling, 0, 2)
    expected = (XY[1, 0] - (10, 6) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(position(labeling, 1), expected, atol=1e-3)
    assert labeling.lacking_views(4) == ["Cam-B"]
    assert labeling.lacking_views(FRAME) == []
    labeling.save()
    # All views name the image by the session's frame.
    rows = [labeling.files.image(labeling.key(FRAME), view) for view in VIEWS]
    assert rows == [f"labeled-data/{SESSION}_{view}/img00000012.png" for view in VIEWS]


# ---------------------------------------------------------------------- other actions


def test_predictions_are_proposed_confirmed_and_corrected(labeling: Labeling) -> None:
    place(labeling, 0)
    found = {label_key(view): (tuple(XY[view, 0] + 1), 0.5) for view in range(3)}
    assert actions.propose(labeling, FRAME, found, "net") == 2
    assert statuses(labeling) == ["clicked", "predicted", "predicted", "empty"]
    assert labeling.label(FRAME, label_key(1)).likelihood == 0.5
    assert actions.confirm(labeling, FRAME, [label_key(1)]) == 1
    assert statuses(labeling)[:3] == ["clicked", "confirmed", "projected"], "two now decide"
    assert labeling.label(FRAME, label_key(1)).labeler == "ann"


def test_occlusion_keeps_the_position(labeling: Labeling) -> None:
    place(labeling, 0, 1)
    assert actions.toggle_occluded(labeling, FRAME, label_key(2)) == Visibility.OCCLUDED
    label = labeling.label(FRAME, label_key(2))
    assert (label.status, label.visibility) == (LabelStatus.PROJECTED, Visibility.OCCLUDED)
    place(labeling, 0, off=1.0)
    assert labeling.label(FRAME, label_key(2)).visibility == Visibility.OCCLUDED
    assert actions.toggle_occluded(labeling, FRAME, label_key(2)) == Visibility.VISIBLE
    assert actions.toggle_occluded(labeling, FRAME, label_key(0, 3)) == Visibility.OCCLUDED
    assert actions.toggle_occluded(labeling, FRAME, label_key(0, 3)) == Visibility.NOT_LABELED
    assert labeling.label(FRAME, label_key(0, 3)) == EMPTY


def test_nudging(labeling: Labeling) -> None:
    assert not actions.nudge(labeling, FRAME, label_key(0), 1, 0)
    place(labeling, 0)
    assert actions.nudge(labeling, FRAME, label_key(0), -0.1, 1)
    np.testing.assert_allclose(position(labeling, 0), XY[0, 0] + (-0.1, 1))


def test_the_pose_of_another_frame_is_proposed(labeling: Labeling) -> None:
    place(labeling, 0, 1)
    place(labeling, 3, keypoint=2)
    n = actions.copy_pose(labeling, FRAME + 3, FRAME)
    assert n == 5
    copied = labeling.label(FRAME + 3, label_key(3, 2))
    assert (copied.position, copied.status) == (tuple(XY[3, 2]), LabelStatus.PREDICTED)
    labeling.store.undo()
    assert actions.copy_pose(labeling, FRAME + 3, FRAME, in_space=True) == 4
    np.testing.assert_allclose(
        labeling.label(FRAME + 3, label_key(2)).position, XY[2, 0], atol=1e-3
    )


def test_bones_of_odd_length_are_marked(labeling: Labeling) -> None:
    assert labeling.rig is not None
    rng = np.random.default_rng(3)
    for frame in range(20, 40):
        xy = truth(frame) + rng.normal(0, 0.2, (4, 5, 2))
        for view in range(3):
            for k in range(5):
                actions.place(labeling, frame, label_key(view, k), tuple(xy[view, k]))
    labeling.save()
    for view in range(3):
        for k in (0, 2):
            place(labeling, view, keypoint=k)
    bones = [(0, 2), (2, 3)]
    geometry = labeling.geometry(FRAME)
    assert geometry is not None
    assert geometry.odd_bones(bones, labeling.distances) == []
    moved = labeling.rig.project(geometry.xyz[0] * 1.5)
    for view in range(3):
        actions.place(labeling, FRAME, label_key(view), tuple(moved[view]))
    geometry = labeling.geometry(FRAME)
    assert geometry is not None
    assert geometry.odd_bones(bones, labeling.distances) == [0]


def test_without_a_calibration_the_labels_so_far_project(tmp_path: Path) -> None:
    labeling = open_labeling(calibrated_project(tmp_path / "project", rig=False))
    assert labeling.rig is None
    place(labeling, 0, 1)
    assert statuses(labeling) == ["clicked", "clicked", "empty", "empty"], "nothing is known yet"
    for frame in range(20, 40):
        for view in range(4):
            for k in range(5):
                at = tuple(truth(frame)[view, k])
                actions.place(labeling, frame, label_key(view, k), at)
    labeling.save()
    place(labeling, 0, off=0.0)
    assert statuses(labeling) == ["clicked", "clicked", "projected", "projected"]
    np.testing.assert_allclose(position(labeling, 3), XY[3, 0], atol=3.0)


# ---------------------------------------------------------------------- files


def test_labels_are_saved_with_their_residuals(labeling: Labeling) -> None:
    place(labeling, 0, 1)
    place(labeling, 2, off=0.4)
    assert labeling.labeled_frames == [FRAME]
    assert labeling.save() == 1
    again = open_labeling(labeling.files.folder)
    assert again.labeled_frames == [FRAME]
    assert statuses(again) == ["clicked", "clicked", "clicked", "projected"]
    residual = again.label(FRAME, label_key(2)).residual
    assert residual is not None
    assert 0 < residual < 1
    assert again.save() == 0


def test_others_and_we_change_the_same_files(labeling: Labeling) -> None:
    place(labeling, 0, 1)
    labeling.save()
    other = open_labeling(labeling.files.folder)
    place(other, 0, keypoint=3)
    other.save()
    place(labeling, 2, keypoint=4)
    with pytest.raises(LabelsChanged):
        labeling.save()
    new = LabelFiles(labeling.files.project)
    assert labeling.merge(new, "ours").describe() == "1 label was changed"
    labeling.save()
    again = open_labeling(labeling.files.folder)
    assert statuses(again, 3)[0] == statuses(again, 4)[2] == "clicked"


def test_what_a_dead_run_left_is_taken_over(labeling: Labeling) -> None:
    place(labeling, 0, 1)
    labeling.close()
    again = open_labeling(labeling.files.folder)
    assert again.recoverable == 4
    assert again.recover() == 4
    assert statuses(again) == ["clicked", "clicked", "projected", "projected"]
    assert again.recoverable == 0
    again.save()
    again.close()
    assert open_labeling(labeling.files.folder).recoverable == 0


def test_leftovers_of_keypoints_that_are_gone_are_kept(labeling: Labeling) -> None:
    place(labeling, 0)
    place(labeling, 1, keypoint=4)
    labeling.close()
    yaml = labeling.files.folder / "project.yaml"
    yaml.write_text(yaml.read_text().replace("paw", "foot"))
    again = open_labeling(labeling.files.folder)
    assert again.recover() == 1
    assert statuses(again)[0] == "clicked"
    (kept,) = (labeling.files.folder / "napari-pose3d" / "journal").glob("*.kept")
    assert '"paw"' in kept.read_text()
    assert again.recoverable == 0


def test_a_damaged_label_file_is_said(tmp_path: Path) -> None:
    folder = calibrated_project(tmp_path / "project")
    touch(folder / "CollectedData_Cam-B.csv", "scorer,a,a\nbodyparts,nose,nose\ncoords,x\n")
    project = open_project(folder)
    with pytest.raises(PoseDataError, match=r"CollectedData_Cam-B\.csv"):
        Labeling(project, project.session(SESSION), "ann")


# ---------------------------------------------------------------------- labels made elsewhere


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_labels_of_deeplabcut_are_taken_over(labeling: Labeling, suffix: str) -> None:
    columns = pd.MultiIndex.from_product(
        [["bob"], ["nose", "whisker"], ["x", "y"]], names=["scorer", "bodyparts", "coords"]
    )
    index = pd.MultiIndex.from_tuples(
        [("labeled-data", "walk", f"img{frame:04d}.png") for frame in (7, FRAME)]
    )
    frame = pd.DataFrame([[1.5, 2.5, 3, 4], [5, 6, np.nan, np.nan]], index, columns)
    path = labeling.files.folder.parent / f"CollectedData_bob{suffix}"
    if suffix == ".csv":
        frame.to_csv(path)
    else:
        frame.to_hdf(path, key="df")
    place(labeling, 1)
    found = import_labels(labeling, path, "Cam-B")
    assert (found.n_labels, found.n_frames, found.n_kept) == (1, 1, 1)
    assert found.unknown == ("whisker",)
    label = labeling.label(7, label_key(1))
    assert (label.position, label.labeler) == ((1.5, 2.5), "bob")
    np.testing.assert_allclose(position(labeling, 1), XY[1, 0])
    labeling.store.undo()
    assert labeling.label(7, label_key(1)) == EMPTY


def deeplabcut_file(path: Path, images: dict[str, tuple[float, float]]) -> Path:
    """Labels of "nose" in some images."""
    rows = "".join(f"labeled-data/{name},{x},{y}\n" for name, (x, y) in images.items())
    return touch(path, f"scorer,bob,bob\nbodyparts,nose,nose\ncoords,x,y\n{rows}")


def test_of_a_file_with_several_folders_the_views_own_is_taken(labeling: Labeling) -> None:
    outside = labeling.files.folder.parent
    images = {f"{SESSION}_Cam-B/img7.png": (1, 2), "other/img9.png": (3, 4)}
    path = deeplabcut_file(outside / "CollectedData.csv", images)
    assert label_folders(path) == {f"{SESSION}_Cam-B": 1, "other": 1}
    with pytest.raises(PoseDataError, match=f"one of the folders {SESSION}_Cam-B, other"):
        import_labels(labeling, path, "Cam-C")
    assert labeling.unsaved == ()
    assert import_labels(labeling, path, "Cam-B").n_frames == 1
    assert labeling.label(7, label_key(1)).position == (1, 2)
    assert import_labels(labeling, path, "Cam-C", "other").n_frames == 1
    assert labeling.label(9, label_key(2)).position == (3, 4)


def test_labels_of_another_view_are_not_taken_for_this_one(labeling: Labeling) -> None:
    """The file has one folder only, but that is plainly the other camera's."""
    outside = labeling.files.folder.parent
    path = deeplabcut_file(outside / "CollectedData.csv", {f"{SESSION}_Cam-B/img7.png": (1, 2)})
    with pytest.raises(PoseDataError, match="does not tell which images are of Cam-C"):
        import_labels(labeling, path, "Cam-C")
    assert labeling.unsaved == ()


def test_imported_labels_are_of_the_videos_frames(tmp_path: Path) -> None:
    """A camera that started 3 frames late: its frame 7 is the session's frame 10."""
    project = open_project(calibrated_project(tmp_path / "project"))
    session = project.session(SESSION).with_alignments({"Cam-B": ViewAlignment(offset=3)})
    labeling = Labeling(project, session, "ann")
    images = {"a/img7.png": (1.0, 2.0), "a/unnumbered.png": (3.0, 4.0)}
    path = deeplabcut_file(tmp_path / "CollectedData.csv", images)
    found = import_labels(labeling, path, "Cam-B")
    assert labeling.label(10, label_key(1)).position == (1, 2)
    assert found.no_frame == ("labeled-data/a/unnumbered.png",)
    assert "1 label in 1 frame was taken over" in found.describe()


@pytest.mark.parametrize("row", ["individuals,m1,m1,m1,m1", "individuals,,,m1,m1,m1,m1"])
def test_labels_of_one_named_animal_are_taken_over(
    tmp_path: Path, labeling: Labeling, row: str
) -> None:
    """As a project of DeepLabCut for several animals has them; lines keep their numbers."""
    view = labeling.views[0]
    empty = row.count(",") - 4
    parts = [name for name in KEYPOINTS[:2] for _ in "xy"]
    heads = [["scorer", *["me"] * 4], ["bodyparts", *parts], ["coords", *"xyxy"]]
    lines = [",".join([h[0], *[""] * empty, *h[1:]]) for h in heads]
    image = f"labeled-data/{SESSION}_{view}/img004.png"
    cells = image.split("/") if empty else [image]
    path = tmp_path / "CollectedData_me.csv"
    text = "\n".join([lines[0], row, *lines[1:], ",".join([*cells, "1,2,3,4"])]) + "\n"
    path.write_text(text)
    assert import_labels(labeling, path, view).n_labels == 2
    path.write_text(text.replace("1,2,3,4", "1,2,x,4"))
    with pytest.raises(PoseDataError, match="line 5, column") as caught:
        import_labels(labeling, path, view)
    assert "'x' is not a number" in str(caught.value)
    path.write_text(text.replace("m1,m1\n", "m1,m2\n"))
    with pytest.raises(PoseDataError, match=r"individuals \(m1, m2\)"):
        import_labels(labeling, path, view)
