"""Session, view and seed from file names: the naming rule."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from napari_pose3d.core.formats.projects.project_yaml import find_project
from napari_pose3d.core.projects.layouts.lightning_pose import lightning_rigs
from napari_pose3d.core.projects.naming.file_names import (
    natural_order,
    parse_stem,
    prediction_set_of,
    stem_of,
)
from napari_pose3d.core.projects.naming.naming_rule import Naming
from napari_pose3d.core.projects.scan.folder_listing import list_folder
from napari_pose3d.errors import PoseDataError

FLY = "05272019_fly4_0_R1C24_{}_rot-ccw-0.06_sec.rng=0.csv"
CAMERAS = ("Cam-A", "Cam-B", "Cam-C")


@pytest.mark.parametrize(
    ("stem", "views", "view", "key", "seed"),
    [
        # real files
        (
            "180607_004.train_frames=75.rng=0.top",
            None,
            "top",
            "180607_004.train_frames=75",
            "rng=0",
        ),
        (
            stem_of(FLY.format("Cam-B")),
            CAMERAS,
            "Cam-B",
            "05272019_fly4_0_R1C24_rot-ccw-0.06_sec",
            "rng=0",
        ),
        ("session0_view1", None, "view1", "session0", ""),
        ("multicam_Cam-A_results", CAMERAS, "Cam-A", "multicam_results", ""),
        # delimiters and ends
        ("Cam-A", CAMERAS, "Cam-A", "", ""),
        ("Cam-A_day1", CAMERAS, "Cam-A", "day1", ""),
        ("day1=Cam-A", CAMERAS, "Cam-A", "day1", ""),
        ("day1.Cam-A.seed=12", CAMERAS, "Cam-A", "day1", "seed=12"),
        ("seed=3_day1_Cam-A", CAMERAS, "Cam-A", "day1", "seed=3"),
        # part of a longer word is no match
        ("day1_Cam-10", ("Cam-1", "Cam-10"), "Cam-10", "day1", ""),
        ("day1_Cam-10", ("Cam-1",), None, "day1_Cam-10", ""),
        ("day1_backtop", ("top", "back"), None, "day1_backtop", ""),
        ("day1_topé", ("top",), None, "day1_topé", ""),
        ("barng=1_top", ("top",), "top", "barng=1", ""),
        # the end beats others, then the longest
        ("top_view_left_bot", ("top", "bot", "left"), "bot", "top_view_left", ""),
        ("day1_top-left_x", ("top", "top-left"), "top-left", "day1_x", ""),
        ("day1_top-left", ("left", "top-left"), "top-left", "day1", ""),
        ("top_a_top_b", ("top",), "top", "top_a_b", ""),
        # the seed does not hide the end
        ("left_day1_right.rng=0", ("left", "right"), "right", "left_day1", "rng=0"),
        # characters that mean something to a pattern
        ("day1_cam(1)", ("cam(1)",), "cam(1)", "day1", ""),
    ],
)
def test_stem(stem: str, views: tuple[str, ...] | None, view: str, key: str, seed: str) -> None:
    parsed = parse_stem(stem, views)
    assert (parsed.view, parsed.key, parsed.seed) == (view, key, seed)


def test_two_views_in_one_name_are_an_error() -> None:
    with pytest.raises(PoseDataError, match="bot, top"):
        parse_stem("top_bot_day1", ("top", "bot"))


@pytest.mark.parametrize(
    ("path", "scorer", "views", "stem"),
    [
        ("a/day1_Cam-A.csv", "heatmap_tracker", (), "day1_Cam-A"),
        ("day1_Cam-ADLC_resnet50_s1_1000.csv", "DLC_resnet50_s1_1000", (), "day1_Cam-A"),
        ("day1_Cam-ADLC_resnet50_s1_1000_filtered.csv", "DLC_resnet50_s1_1000", (), "day1_Cam-A"),
        ("day1_Cam-ADLC_resnet50_s1_1000.h5", "DLC_resnet50_s1_1000", CAMERAS, "day1_Cam-A"),
        ("day1_anna.csv", "anna", ("anna",), "day1_anna"),
        ("anna.csv", "anna", (), "anna"),
        ("video_preds/day1_Cam-A.mp4/predictions.csv", "heatmap_tracker", (), "day1_Cam-A"),
        ("day1/predictions.csv", "heatmap_tracker", (), "predictions"),
        (FLY.format("Cam-A"), "x", (), FLY.format("Cam-A")[:-4]),
    ],
)
def test_stem_of_path(path: str, scorer: str, views: tuple[str, ...], stem: str) -> None:
    assert stem_of(path, scorer, views) == stem


@pytest.mark.parametrize(
    ("path", "name", "folder"),
    [
        ("/p/models/a/video_preds/s_v.csv", "a", "/p/models/a"),
        ("/p/models/a/video_preds/s_v.mp4/predictions.csv", "a", "/p/models/a"),
        ("/p/models/day/time/video_preds/s_v.csv", "day/time", "/p/models/day/time"),
        ("/p/models/a/s_v.csv", "a", "/p/models/a"),
    ],
)
def test_prediction_set(path: str, name: str, folder: str) -> None:
    assert prediction_set_of(path) == (name, Path(folder).absolute())


@pytest.mark.parametrize("path", ["/p/models/s_v.csv", "/p/s_v.csv", "/models.csv"])
def test_no_prediction_set(path: str) -> None:
    assert prediction_set_of(path) is None


def test_numbers_sort_as_numbers() -> None:
    mixed = ["9" * 5000, "cam010", "cam9", "cam09", "0", "1" * 5000, "cam"]
    assert sorted(mixed, key=natural_order)[-3:] == ["cam9", "cam09", "cam010"]
    assert sorted(["rng=10", "rng=2", "a", "rng=1"], key=natural_order) == [
        "a",
        "rng=1",
        "rng=2",
        "rng=10",
    ]


def calibration_of(folder: Path, session: str) -> Path | None:
    return lightning_rigs(list_folder(folder))(session, "")


def test_project_is_the_nearest_folder_upward(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text("view_names: [outer]\n")
    inner = tmp_path / "inner"
    (inner / "models" / "a").mkdir(parents=True)
    (inner / "project.yaml").write_text(
        "view_names:\n  - Cam-A\n  - 2\nkeypoint_names: [nose]\nother: {x: 1}\n"
    )
    project = find_project(inner / "models" / "a")
    assert project is not None
    assert (project.folder, project.view_names, project.keypoint_names) == (
        inner,
        ("Cam-A", "2"),
        ("nose",),
    )
    assert calibration_of(inner, "day1") is None
    (inner / "calibration.toml").touch()
    assert calibration_of(inner, "day1") == inner / "calibration.toml"
    (inner / "calibrations").mkdir()
    (inner / "calibrations" / "day1.toml").touch()
    assert calibration_of(inner, "day1") == inner / "calibrations" / "day1.toml"
    assert calibration_of(inner, "day2") == inner / "calibration.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("view_names: [a\nb: c", r"project\.yaml, line 2.*YAML"),
        ("view_names: a", "'view_names' is not a list"),
        ("view_names: [on]", "in quotes"),
        ("keypoint_names: [a, a]", "'a' is in 'keypoint_names' twice"),
        ("- a\n- b", "not a list of settings"),
    ],
)
def test_damaged_project_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "project.yaml").write_text(text)
    with pytest.raises(PoseDataError, match=message):
        find_project(tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "joint"),
    [
        (("c1", "c2"), ("d1", "d2"), "_"),
        (("c1", "c2", "c3"), ("t1", "t2"), "-"),
        (("c1", "c2"), ("d1", "d12"), ""),
        (("c1", "c2"), ("20240101", "20240102"), "_"),
        (("v1", "v2"), ("run1", "run2"), "_"),
        (("cam1", "cam2"), ("1", "2"), "_"),
        (("cam1", "cam2"), ("trial1", "trial2"), "-"),
        (("cam1", "cam2"), ("trial_1", "trial_2"), "_"),
        (("cam1", "cam2"), ("trial1", "trial2"), ""),
        (("cam1", "cam2"), ("trial1", "trial2"), " "),
        (("camA", "camB"), ("d1", "d2"), "."),
        (("camera-1", "camera-2"), ("d1", "d2"), "_"),
        (("left", "right"), ("1", "2"), "_"),
        (("top", "side"), ("d1", "d2"), "_"),
    ],
)
@pytest.mark.parametrize("around", ["", "m1_", "20240101_"])
@pytest.mark.parametrize("behind", [False, True])
def test_trials_are_not_taken_for_cameras_whichever_comes_first(
    first: tuple[str, ...], second: tuple[str, ...], joint: str, around: str, behind: bool
) -> None:
    # Of two delimiters the one before the camera goes with it.
    start = around if behind or not around or not joint else around[:-1] + joint
    stems = {}
    for camera, trial in itertools.product(first, second):
        stem = around + joint.join((trial, camera) if behind else (camera, trial))
        stems[stem] = camera, start + trial
    naming = Naming(None).fitted(stems)
    found = {stem: naming.parse(stem) for stem in stems}
    assert {stem: (each.view, each.key) for stem, each in found.items()} == stems


@pytest.mark.parametrize(
    ("stems", "views"),
    [
        # Nothing tells which is which: the end, as Lightning Pose has it.
        (["A_1", "A_2", "B_1", "B_2"], {"1", "2"}),
        (["c1_1", "c1_2", "c2_1", "c2_2"], {"1", "2"}),
        # A camera that all names share is no camera among several.
        (["c1_d1", "c1_d2"], {"d1", "d2"}),
        # The names themselves are those of cameras.
        (["top-left", "top-right"], {"top-left", "top-right"}),
        (["mouse1-top", "mouse1-side"], {"mouse1-top", "mouse1-side"}),
        (["s1_abc1", "s1_abc2"], {"abc1", "abc2"}),
    ],
)
def test_the_end_of_a_name_is_the_view_otherwise(stems: list[str], views: set[str]) -> None:
    naming = Naming(None).fitted(stems)
    assert {naming.parse(stem).view for stem in stems} == views
