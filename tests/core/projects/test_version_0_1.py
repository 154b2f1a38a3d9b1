"""What version 0.1 wrote is read as before (``tests/data/version_0_1`` tells how it was made)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.support.paths import REPO

from napari_pose3d import PoseDataError, load_result, open_project
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store.label import EMPTY, Label, LabelKey, LabelStatus, Visibility
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.project_toml import read_own_project, update_own_project
from napari_pose3d.core.projects.session import PredictionSet

CLICKED, PROJECTED, CONFIRMED = LabelStatus.CLICKED, LabelStatus.PROJECTED, LabelStatus.CONFIRMED
VISIBLE, OCCLUDED = Visibility.VISIBLE, Visibility.OCCLUDED


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    original = REPO / "tests" / "data" / "version_0_1" / "project"
    return Path(shutil.copytree(original, tmp_path / "project"))


@pytest.fixture
def project(folder: Path) -> Project:
    return open_project(folder)


def labeling_of(folder: Path) -> Labeling:
    opened = open_project(folder)
    return Labeling(opened, opened.session("day1"), "cy")


def at(second: int) -> str:
    return f"2026-05-01T10:00:{second:02d}Z"


def result_set(project: Project, session: str) -> PredictionSet:
    return next(each for each in project.session(session).sets if each.kind == "smoothed")


# --- project.toml -----------------------------------------------------------------------------


def test_skeleton_colours_videos_and_layout(folder: Path) -> None:
    own = read_own_project(folder)
    assert own.skeleton == (("nose", "neck"), ("neck", "tail"))
    assert own.colours == {"nose": "#e69f00", "tail": "#56b4e9"}
    assert own.videos == (folder / "raw",)
    assert dict(own.layout) == {
        "order": ["side", "top", "front"],
        "hidden": ["front"],
        "sizes": {"columns": [400, 300], "rows": [500]},
        "min_likelihood": 0.25,
        "trails": False,
        "follow": "neck",
        "magnification": 3.0,
        "contrast": {"": [0.0, 255.0, 1.0], "side": [10.0, 200.0, 0.8]},
    }


def test_alignments(folder: Path) -> None:
    own = read_own_project(folder)
    half_size = ViewAlignment(scale=(2.0, 2.0))
    assert own.alignment(None, "top") == half_size
    assert own.alignment("day1", "top") == half_size
    assert own.alignment("day1", "side") == ViewAlignment(offset=2, dropped=(5,))
    assert own.alignment("day2", "side") == ViewAlignment()
    assert own.alignment("day2", "front") == ViewAlignment(crop=(40.0, 20.0, 240.0, 200.0))


def test_a_change_keeps_the_videos_and_everything_else(folder: Path) -> None:
    before = read_own_project(folder)
    update_own_project(folder, colours={"neck": "#009e73"})
    after = read_own_project(folder)
    assert after.colours == {"neck": "#009e73"}
    assert after.videos == before.videos == (folder / "raw",)
    assert after.layout == before.layout
    assert after.skeleton == before.skeleton
    assert after.alignment("day1", "side") == before.alignment("day1", "side")


def test_a_new_list_of_videos_replaces_the_old_one(folder: Path) -> None:
    update_own_project(folder, videos=[folder / "raw", Path("/elsewhere")])
    assert read_own_project(folder).videos == (folder / "raw", Path("/elsewhere"))
    update_own_project(folder, videos=[])
    assert read_own_project(folder).videos == ()


def test_a_damaged_old_list_of_videos_is_named_as_it_stands_in_the_file(folder: Path) -> None:
    path = folder / "napari-pose3d" / "project.toml"
    path.write_text(path.read_text().replace('films = ["raw"]', "films = 3"))
    with pytest.raises(PoseDataError, match="'films'") as raised:
        read_own_project(folder)
    assert raised.value.file == str(path)


# --- sessions ---------------------------------------------------------------------------------


def test_sessions_and_what_belongs_to_them(project: Project, folder: Path) -> None:
    assert [each.name for each in project.sessions] == ["day1", "day2"]
    assert project.views == ("top", "side", "front")
    assert project.keypoints == ("nose", "neck", "tail")
    assert project.all_issues == ()
    for session, videos in (("day1", "videos"), ("day2", "raw")):
        opened = project.session(session)
        assert opened.rig_path == folder / "calibrations" / f"{session}.toml"
        assert [each.name for each in opened.ensemble_sets] == ["net0", "net1"]
        for view in project.views:
            assert opened.videos[view] == folder / videos / f"{session}_{view}.mp4"
    assert project.session("day1").images["side"] == folder / "labeled-data" / "day1_side"


def test_frames_and_pixels_of_the_alignments(project: Project) -> None:
    day1 = project.session("day1")
    # Starts two frames late, and lost its sixth frame.
    assert day1.to_video("side", range(9)).tolist() == [-1, -1, 0, 1, 2, 3, 4, -1, 5]
    assert day1.to_video("top", [0, 11]).tolist() == [0, 11]
    assert day1.to_rig_pixels("top", [10.0, 20.0], 0).tolist() == [20.5, 40.5]
    assert project.session("day2").to_rig_pixels("front", [1.0, 2.0], 0).tolist() == [41.0, 22.0]


def test_predictions_are_read_in_session_frames_and_pixels_of_the_rig(project: Project) -> None:
    ensemble = project.session("day1").load_predictions().in_memory()
    assert ensemble.models == ("net0", "net1")
    assert ensemble.n_frames == 15
    side = ensemble.xy[0, 1, :, 0, 0]
    assert np.flatnonzero(np.isnan(side)).tolist() == [0, 1, 7]
    # The file says 87.28356, in px of a video of half the size.
    assert ensemble.xy[0, 0, 0, 0, 0] == pytest.approx((87.28356 + 0.5) * 2 - 0.5, abs=1e-4)


# --- labels -----------------------------------------------------------------------------------


def test_saved_labels(folder: Path) -> None:
    labeling = labeling_of(folder)
    assert labeling.labeled_frames == [4, 6, 9]
    assert dict(labeling.labels(4)) == {
        LabelKey("top", "nose"): Label((77.98, 63.69), CLICKED, VISIBLE, "ann", at(0), None, 0.0),
        LabelKey("side", "nose"): Label((120.94, 97.25), CLICKED, VISIBLE, "ann", at(1), None, 0.0),
        LabelKey("front", "nose"): Label((200.769, 99.474), PROJECTED, VISIBLE, "", at(2)),
        LabelKey("top", "neck"): Label((81.37, 57.86), CLICKED, VISIBLE, "ann", at(3), None, 0.0),
        LabelKey("side", "neck"): Label(
            (134.12, 100.96), CLICKED, OCCLUDED, "ann", at(10), None, 0.0
        ),
        LabelKey("front", "neck"): Label(
            (181.88, 99.087), CONFIRMED, VISIBLE, "ann", at(9), None, 0.0
        ),
        LabelKey("top", "tail"): Label((88.68, 56.28), CLICKED, VISIBLE, "ann", at(6), None, 0.0),
        LabelKey("side", "tail"): Label(
            (151.12, 120.33), CLICKED, VISIBLE, "ann", at(7), None, 0.0
        ),
        # Cleared on purpose: nothing is projected here.
        LabelKey("front", "tail"): Label(labeler="ann", time=at(11)),
    }
    assert labeling.label(4, LabelKey("front", "tail")).is_declined
    assert dict(labeling.labels(6)) == {
        LabelKey("top", "nose"): Label((71.94, 63.54), CLICKED, VISIBLE, "ann", at(12)),
        LabelKey("front", "tail"): Label(None, LabelStatus.EMPTY, OCCLUDED, "ann", at(13)),
    }
    # Proposed by a network and never confirmed: it went to no file.
    assert labeling.label(6, LabelKey("side", "nose")) == EMPTY
    assert dict(labeling.labels(9)) == {
        LabelKey("top", "nose"): Label((65.51, 60.39), CLICKED, VISIBLE, "bob", at(15)),
    }


def test_queue_with_reason_and_proposal(folder: Path) -> None:
    labeling = labeling_of(folder)
    assert labeling.queued_frames == [3]
    assert labeling.files.reasons == {labeling.key(3): "k-means"}
    assert labeling.queued_proposals(3) == {LabelKey("top", "nose"): ((80.92, 63.16), None)}


def test_the_journal_of_an_interrupted_run(folder: Path) -> None:
    labeling = labeling_of(folder)
    assert labeling.recoverable == 5
    assert labeling.recover() == 5
    front = (195.24273862519382, 98.58936653789044)
    # What was undone (the neck) is not there.
    recovered = {
        LabelKey("top", "nose"): Label((80.92, 63.16), CLICKED, VISIBLE, "bob", at(16)),
        LabelKey("side", "nose"): Label((121.1, 100.39), CLICKED, VISIBLE, "bob", at(17)),
        LabelKey("front", "nose"): Label(front, PROJECTED, VISIBLE, "", at(18)),
        LabelKey("side", "tail"): Label(None, LabelStatus.EMPTY, OCCLUDED, "bob", at(19)),
    }
    assert dict(labeling.labels(3)) == recovered
    moved = labeling.label(4, LabelKey("top", "tail"))
    assert (moved.position, moved.labeler, moved.time) == ((90.68, 56.28), "bob", at(21))
    assert {key.frame for key in labeling.unsaved} == {3, 4}

    labeling.save()
    labeling.close()
    again = labeling_of(folder)
    assert again.recoverable == 0
    assert again.labeled_frames == [3, 4, 6, 9]
    assert again.queued_frames == []
    assert {key: label.position for key, label in again.labels(3).items()} == {
        key: label.position and tuple(round(value, 3) for value in label.position)
        for key, label in recovered.items()
    }
    lines = (folder / "CollectedData_top.csv").read_text().splitlines()
    assert "labeled-data/day1_top/img00000003.png,80.92,63.16,,,," in lines
    assert "labeled-data/day1_top/img00000006.png,71.94,63.54,,,," in lines


def test_a_journal_can_be_dismissed(folder: Path) -> None:
    labeling = labeling_of(folder)
    labeling.discard_leftovers()
    assert labeling.recoverable == 0
    assert labeling.label(4, LabelKey("top", "tail")).position == (88.68, 56.28)


# --- results ----------------------------------------------------------------------------------


def test_a_result_with_all_columns(project: Project) -> None:
    result = load_result(project.session("day1"), result_set(project, "day1"))
    assert result.report.mode == "calibrated"
    assert result.report.smooth_param["nose"] == 0.0205286056670664
    assert result.report.searched
    counts = result.report
    assert (counts.observations, counts.missing, counts.rejected) == (108, 27, 0)
    assert (counts.inferred, counts.left_missing) == (0, 0)
    assert result.report.settings["var_mode"] == "confidence_weighted_var"
    poses = result.poses2d
    assert poses.views == ("top", "side", "front")
    assert poses.n_frames == 15
    assert poses.xy[0, 0, 0].tolist() == np.float32([175.57468, 121.11274]).tolist()
    assert poses.likelihood[0, 0, 0] == np.float32(0.96638596)
    assert poses.ensemble_median is not None
    assert poses.ensemble_median[0, 0, 0].tolist() == np.float32([175.55984, 120.68811]).tolist()
    assert poses.ensemble_variance is not None
    assert poses.ensemble_variance[0, 0, 0].tolist() == np.float32([0.2512268, 0.11032307]).tolist()
    assert poses.variance is not None
    assert poses.variance[0, 0, 0].tolist() == np.float32([1.9564382, 1.8841289]).tolist()
    assert result.poses3d is not None
    xyz = [20.758829810605487, 20.91380406873186, 9.766788136893462]
    assert result.poses3d.xyz[0, 0].tolist() == xyz
    variances = [1.1295602321624756, 0.896816611289978, 0.7024199366569519]
    assert np.diag(result.poses3d.covariance[0, 0]) == pytest.approx(variances)


def test_a_result_on_the_images_of_the_videos(project: Project) -> None:
    day1 = project.session("day1")
    result = load_result(day1, result_set(project, "day1"), pixels="image")
    expected = (np.array([175.57468, 121.11274]) + 0.5) / 2 - 0.5
    assert result.poses2d.xy[0, 0, 0] == pytest.approx(expected, abs=1e-4)


def test_a_compact_result(project: Project) -> None:
    result = load_result(project.session("day2"), result_set(project, "day2"))
    assert result.poses2d.xy[0, 0, 0].tolist() == np.float32([175.21, 120.47]).tolist()
    assert result.poses2d.likelihood[0, 0, 0] == np.float32(0.9466)
    assert result.poses2d.variance is None
    assert result.poses2d.ensemble_median is None
    assert result.poses3d is not None
    assert result.poses3d.xyz[0, 0].tolist() == [19.509844, 20.213818, 9.801185]
    assert np.isnan(result.poses3d.covariance).all()


def test_triangulated_positions(project: Project) -> None:
    day1 = project.session("day1")
    triangulated = next(each for each in day1.sets if each.name == "triangulated")
    poses = day1.load_poses3d(triangulated)
    assert poses.keypoints == ("nose", "neck", "tail")
    assert poses.xyz[:2, 0].tolist() == [
        [20.846742493699793, 20.638540075506167, 9.82762522877321],
        [27.48307482206106, 19.183545823274315, 10.237732728365057],
    ]
