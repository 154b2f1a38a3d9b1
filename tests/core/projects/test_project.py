"""Opening folders: what is found in them, and how much work it is."""

from __future__ import annotations

import builtins
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.projects.session_files import (
    KEYPOINTS,
    counted,
    lightning_project,
    put_predictions,
    touch,
)
from tests.support.recordings.scenes import ring_rig
from tests.support.work_count import function_calls

from napari_pose3d import make_sample, save_rig
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import check_session, open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.summary import project_text
from napari_pose3d.synthetic.network_errors import PredictionErrors
from napari_pose3d.synthetic.sample import SampleRecipe

LABELS = "scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\nlabeled-data/day1_top/img1.png,1,2\n"
TABLE = "scorer,net,net,net\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,1,2,1\n"
RIG = ring_rig(3)


# --- Lightning Pose ---------------------------------------------------------------------------


def test_lightning_pose_project(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path)
    touch(folder / "videos_new" / "more" / "day3_top.avi")
    touch(folder / "videos" / "day1_top_bbox.csv", ",x,y,h,w\n0,1,2,3,4\n")
    touch(folder / "CollectedData_top.csv", LABELS)
    touch(folder / "CollectedData_side.csv", LABELS)
    touch(folder / "night_top.csv", LABELS)
    touch(folder / "results.csv", "a,b\n1,2\n")
    touch(folder / "CollectedData_top.unlabeled.jsonl")
    touch(folder / "bboxes_top.csv")
    touch(folder / "labeled-data" / "day1_top" / "img1.png")
    touch(folder / "calibrations" / "day2.toml")
    touch(folder / "calibration.toml")
    nested = folder / "models" / "2026" / "01" / "video_preds"
    touch(nested / "day1_top.mp4" / "predictions.csv")
    touch(nested / "labeled_videos" / "day1_top_labeled.mp4")
    touch(folder / "models" / "eks" / "ensemble.yaml")
    touch(folder / "models" / "eks" / "video_preds" / "day1_side.csv")
    project = open_project(folder)

    assert (project.kind, project.views) == ("lightning-pose", ("top", "side"))
    assert project.keypoints == KEYPOINTS
    assert [each.name for each in project.sessions] == ["day1", "day2", "day3"]
    day1 = project.session("day1")
    assert day1.views == ("top", "side")
    assert day1.videos["side"] == folder / "videos" / "day1_side.mp4"
    kinds = {each.name: (each.kind, sorted(each.files)) for each in day1.sets}
    assert kinds == {
        "2026/01": ("predictions", ["top"]),
        "eks": ("smoothed", ["side"]),
        "net0": ("predictions", ["side", "top"]),
        "net1": ("predictions", ["side", "top"]),
    }
    assert day1.images == {"top": folder / "labeled-data" / "day1_top"}
    assert day1.boxes == {"top": folder / "videos" / "day1_top_bbox.csv"}
    assert set(day1.labels) == {"top", "side"}
    assert {key: set(files) for key, files in project.label_files.items()} == {
        "CollectedData": {"top", "side"},
        "night": {"top"},
    }
    assert set(project.queues["CollectedData"]) == {"top"}
    assert day1.rig_path == folder / "calibration.toml"
    assert project.session("day2").rig_path == folder / "calibrations" / "day2.toml"
    reasons = {path.name: reason for path, reason in project.unmatched}
    assert "quality measure" in reasons["day1_top_temporal_norm.csv"]


def test_all_ways_into_a_project(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path)
    for place in (folder, folder / "project.yaml", str(folder / "videos"), [folder]):
        assert open_project(place).folder == folder
    update_own_project(folder, skeleton=[("nose", "tail")])
    assert open_project(folder / "napari-pose3d" / "project.toml").skeleton == (("nose", "tail"),)


def test_calibrations_csv(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path)
    touch(folder / "calibration.toml")
    touch(folder / "rigs" / "a.toml")
    touch(folder / "calibrations.csv", ",file\nlabeled-data/day1/img1.png,rigs/a.toml\n")
    project = open_project(folder)
    assert project.session("day1").rig_path == folder / "rigs" / "a.toml"
    assert project.session("day2").rig_path == folder / "calibration.toml"


def test_project_with_a_single_view(tmp_path: Path) -> None:
    touch(tmp_path / "project.yaml", "view_names: []\nkeypoint_names: [nose, tail]\n")
    touch(tmp_path / "videos" / "mouse_01.mp4")
    put_predictions(tmp_path / "models" / "net" / "video_preds" / "mouse_01.csv", counted())
    touch(tmp_path / "CollectedData.csv", LABELS)
    session = open_project(tmp_path).session("mouse_01")
    assert (session.views, list(session.videos), len(session.sets)) == (("view",), ["view"], 1)
    assert list(session.labels) == ["view"]


def test_videos_outside_the_project(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path / "project", sessions=())
    elsewhere = tmp_path / "raw"
    touch(elsewhere / "day9_top.mp4")
    touch(elsewhere / "day9_side.mp4")
    update_own_project(folder, videos=[elsewhere])
    session = open_project(folder).session("day9")
    assert session.videos["top"] == elsewhere / "day9_top.mp4"
    assert session.issues == ()


def test_the_sample(tmp_path: Path) -> None:
    errors = PredictionErrors(lost_frames=1, occlusion_frames=(1, 2))
    recipe = SampleRecipe(4, 2, (64, 48), seeds=2, labeled_frames=1, errors=errors)
    folder = make_sample(tmp_path / "sample", recipe=recipe)
    project = open_project(folder)
    (arena,) = project.sessions
    assert [each.name for each in arena.sets] == ["seed0", "seed1", "truth"]
    assert len(arena.videos) == len(arena.labels) == len(arena.images) == 2
    assert arena.skeleton
    assert arena.rig_path == folder / "calibrations" / "arena.toml"
    assert project.all_issues == ()
    assert check_session(arena) == ()
    assert arena.load_predictions().in_memory().xy.shape[:3] == (2, 2, 4)
    with arena.open_videos() as videos:
        assert {view: len(video) for view, video in videos.items()} == dict.fromkeys(arena.views, 4)
    table = arena.load_poses3d("truth")
    assert table.xyz.shape[0] == 4


# --- other folders ----------------------------------------------------------------------------


def test_plain_folder(tmp_path: Path) -> None:
    for view in ("top", "side"):
        touch(tmp_path / f"mouse1_{view}.mp4")
        for seed in (0, 1):
            put_predictions(tmp_path / f"mouse1_{view}.rng={seed}.csv", counted())
    touch(tmp_path / "notes.csv", "time,food\n1,2\n")
    project = open_project(tmp_path)
    (session,) = project.sessions
    assert (project.kind, session.name, set(session.views)) == ("folder", "mouse1", {"top", "side"})
    assert [each.name for each in session.sets] == ["rng=0", "rng=1"]
    assert [path.name for path, _ in project.unmatched] == ["notes.csv"]


def test_views_of_a_plain_folder_are_those_of_its_calibration(tmp_path: Path) -> None:
    for name in RIG.names:
        touch(tmp_path / f"fly_{name}_rot.mp4")
    save_rig(RIG, tmp_path / "calibration.toml")
    (session,) = open_project(tmp_path).sessions
    assert (session.name, session.views) == ("fly_rot", RIG.names)
    assert session.rig_path == tmp_path / "calibration.toml"


def test_a_folder_for_each_recording(tmp_path: Path) -> None:
    for day in ("day1", "day2"):
        for view in ("left", "right"):
            touch(tmp_path / day / "videos" / f"{view}.mp4")
            put_predictions(tmp_path / day / "predictions" / f"{view}.csv", counted())
        save_rig(RIG, tmp_path / day / "calibration.toml")
    project = open_project(tmp_path, views=["left", "right"])
    assert [each.name for each in project.sessions] == ["day1", "day2"]
    for session in project.sessions:
        assert session.rig_path == tmp_path / session.name / "calibration.toml"
        assert set(session.videos) == set(session.sets[0].files) == {"left", "right"}


def test_equal_names_in_folders_for_each_recording(tmp_path: Path) -> None:
    for day in ("day1", "day2"):
        for view in ("left", "right"):
            touch(tmp_path / day / f"run_{view}.mp4")
    project = open_project(tmp_path)
    assert [each.name for each in project.sessions] == ["day1_run", "day2_run"]
    assert project.all_issues == ()


def test_networks_in_folders_of_their_own(tmp_path: Path) -> None:
    for view in ("left", "right"):
        touch(tmp_path / f"run_{view}.mp4")
        for net in ("old", "new"):
            put_predictions(tmp_path / net / f"run_{view}.csv", counted())
    (session,) = open_project(tmp_path).sessions
    assert [each.name for each in session.sets] == ["new", "old"]
    assert session.load_predictions().models == ("new", "old")


def test_deeplabcut_names(tmp_path: Path) -> None:
    scorer = "DLC_resnet50_mouseJan1shuffle1_100000"
    for view in ("left", "right"):
        touch(tmp_path / f"run_{view}.avi")
        touch(tmp_path / f"run_{view}{scorer}_labeled.mp4")
        for ending in (".csv", ".h5", "_filtered.csv"):
            touch(tmp_path / f"run_{view}{scorer}{ending}", TABLE)
    project = open_project(tmp_path)
    (session,) = project.sessions
    assert [(each.name, sorted(each.files)) for each in session.sets] == [
        ("predictions", ["left", "right"])
    ]
    assert set(session.videos) == {"left", "right"}
    assert len(project.unmatched) == 6


@pytest.mark.parametrize("config", [True, False])
def test_anipose(tmp_path: Path, config: bool) -> None:
    rig = ring_rig(2)
    names = "".join(each for each in "AB")
    text = "[triangulation]\ncam_regex = '-cam([A-Z])'\n"
    if config:
        touch(tmp_path / "config.toml", text)
    home = tmp_path / "2026-01-01"
    cameras = tuple(replace(c, name=n) for c, n in zip(rig.cameras, names, strict=True))
    (home / "calibration").mkdir(parents=True)
    save_rig(replace(rig, cameras=cameras), home / "calibration" / "calibration.toml")
    for name in "AB":
        touch(home / "calibration" / f"board-cam{name}.avi")
        touch(home / "videos-raw" / f"walk-cam{name}.avi")
        touch(home / "videos-labeled" / f"walk-cam{name}.avi")
        touch(home / "pose-2d" / f"walk-cam{name}.h5")
        touch(home / "pose-2d-filtered" / f"walk-cam{name}.h5")
    touch(home / "pose-3d" / "walk.csv")
    for opened in (tmp_path, home):
        project = open_project(opened)
        (session,) = project.sessions
        assert (project.kind, session.name, session.views) == ("anipose", "walk", ("A", "B"))
        assert len(session.videos) == 2
        assert session.rig_path == home / "calibration" / "calibration.toml"
        assert [(each.name, each.kind) for each in session.sets] == [
            ("pose-2d", "predictions"),
            ("pose-2d-filtered", "smoothed"),
            ("pose-3d", "3d"),
        ]


def test_crops_of_anipose_are_said(tmp_path: Path) -> None:
    touch(
        tmp_path / "config.toml", "[cameras.A]\noffset = [30, 40]\n[cameras.B]\noffset = [0, 0]\n"
    )
    touch(tmp_path / "day1" / "videos-raw" / "walk_A.avi")
    touch(tmp_path / "day1" / "videos-raw" / "walk_B.avi")
    (problem,) = open_project(tmp_path / "day1").issues
    assert "A at 30, 40" in problem.what
    assert "B" not in problem.what


def test_list_of_files(tmp_path: Path) -> None:
    videos = [touch(tmp_path / "videos" / f"run_{view}.mp4") for view in ("left", "right", "back")]
    table = put_predictions(tmp_path / "net" / "run_left.csv", counted())
    project = open_project([*videos[:2], table])
    (session,) = project.sessions
    assert (project.kind, set(session.videos)) == ("files", {"left", "right"})
    assert set(session.sets[0].files) == {"left"}


def test_list_of_files_in_a_project(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path)
    update_own_project(folder, alignments={(None, "top"): ViewAlignment(offset=4)})
    touch(folder / "calibration.toml")
    project = open_project([folder / "videos" / "day1_top.mp4"])
    (session,) = project.sessions
    assert (session.name, session.views, session.folder) == ("day1", ("top",), folder)
    assert session.rig_path == folder / "calibration.toml"
    assert session.alignment("top").offset == 4
    assert project.all_issues == ()


def test_projects_in_a_folder_are_not_mixed(tmp_path: Path) -> None:
    lightning_project(tmp_path / "a")
    assert open_project(tmp_path).folder == tmp_path / "a"
    lightning_project(tmp_path / "b" / "c")
    touch(tmp_path / "run_left.mp4")
    project = open_project(tmp_path)
    assert [each.name for each in project.sessions] == ["run"]
    assert {p.where for p in project.issues if "of its own" in p.what} == {"a", "b/c"}


def test_folders_that_are_linked(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path / "project", sessions=())
    touch(tmp_path / "disk" / "day1_top.mp4")
    touch(tmp_path / "disk" / "day1_side.mp4")
    (folder / "videos").symlink_to(tmp_path / "disk")
    (folder / "self").symlink_to(folder)
    (session,) = open_project(folder).sessions
    assert session.videos["top"] == folder / "videos" / "day1_top.mp4"
    assert session.issues == ()


# --- size -------------------------------------------------------------------------------------


VIEWS = tuple(f"Cam-{i}" for i in range(6))


def large_project(folder: Path, n_sessions: int) -> Path:
    """Empty files of many sessions, in six views with two prediction sets."""
    preds = [folder / "models" / f"net{i}" / "video_preds" for i in range(2)]
    for each in (folder / "videos", *preds):
        each.mkdir(parents=True)
    touch(folder / "project.yaml", f"view_names: [{', '.join(VIEWS)}]\n")
    for i in range(n_sessions):
        for view in VIEWS:
            (folder / "videos" / f"mouse{i}_{view}.mp4").touch()
            for each in preds:
                (each / f"mouse{i}_{view}.csv").touch()
    return folder


def test_thousands_of_files_are_listed_and_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large_project(tmp_path, 278)
    opened = []
    really_open = Path.open

    def watched(path: Path, *args: object, **kwargs: object) -> object:
        opened.append(path.name)
        return really_open(path, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", watched)
    monkeypatch.setattr(builtins, "open", watched)
    project = open_project(tmp_path)
    text = project_text(project)
    assert len(project.sessions) == 278
    assert len(project.table()) == 278 * 6
    assert set(opened) <= {"project.yaml", "project.toml"}
    assert "and 78 more sessions" in text


def test_the_work_of_opening_grows_as_the_number_of_files(tmp_path: Path) -> None:
    few, many = large_project(tmp_path / "few", 30), large_project(tmp_path / "many", 120)
    open_project(few)  # what is imported or compiled once
    once = function_calls(lambda: open_project(few))
    assert function_calls(lambda: open_project(many)) < 1.3 * 4 * once


def test_overview_text(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    (folder / "videos" / "day1_side.mp4").unlink()
    text = project_text(open_project(folder))
    assert "1 of 2" in text
    assert "net0, net1" in text
    assert "no video of view side" in text
