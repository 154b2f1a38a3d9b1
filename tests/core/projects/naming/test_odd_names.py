"""Names that can be read in several ways, results beside predictions, files from a Mac."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tests.support.projects.session_files import counted, put_predictions, touch
from tests.support.recordings.scenes import ring_rig, walk

from napari_pose3d import load_predictions, load_rig, save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.projects.matching.prediction_matching import match_predictions
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError


def folder_of(root: Path, cameras: list[str], stems: list[str]) -> Path:
    rig = ring_rig(len(cameras))
    named = (replace(c, name=n) for c, n in zip(rig.cameras, cameras, strict=True))
    save_rig(replace(rig, cameras=tuple(named)), root / "calibration.toml")
    for stem in stems:
        put_predictions(root / f"{stem}.csv", counted(5))
    return root


def told(folder: Path) -> dict[str, dict[str, str]]:
    """Stem of the file by session and view."""
    return {
        session.name: {
            view: path.stem for each in session.sets for view, path in each.files.items()
        }
        for session in open_project(folder).sessions
    }


# --- the number of a camera beside other numbers ----------------------------------------------


@pytest.mark.parametrize(
    ("cameras", "stems", "sessions"),
    [
        # The calibration numbers its cameras, the files call them cam1 and so on.
        (
            ["1", "2", "3"],
            ["cam1_2_run", "cam2_2_run", "cam3_2_run"],
            {"2_run": {"1": "cam1_2_run", "2": "cam2_2_run", "3": "cam3_2_run"}},
        ),
        (
            ["1", "2", "10"],
            ["run_Cam1", "run_Cam2", "run_Cam10"],
            {"run": {"1": "run_Cam1", "2": "run_Cam2", "10": "run_Cam10"}},
        ),
        (
            ["1", "2"],
            ["1_trial_1", "2_trial_1", "1_trial_2", "2_trial_2"],
            {
                "trial_1": {"1": "1_trial_1", "2": "2_trial_1"},
                "trial_2": {"1": "1_trial_2", "2": "2_trial_2"},
            },
        ),
        (
            ["1", "2", "3"],
            [f"mouse_{m}_cam_{c}" for m in (1, 2, 3) for c in (1, 2, 3)],
            {
                f"mouse_{m}_cam": {str(c): f"mouse_{m}_cam_{c}" for c in (1, 2, 3)}
                for m in (1, 2, 3)
            },
        ),
        (
            ["05", "11"],
            ["05-2025-05-11", "11-2025-05-11"],
            {"2025-05-11": {"05": "05-2025-05-11", "11": "11-2025-05-11"}},
        ),
        (
            ["19", "23"],
            ["19_2024-04-19_a", "23_2024-04-19_a", "19_2024-04-23_a", "23_2024-04-23_a"],
            {
                f"2024-04-{day}_a": {c: f"{c}_2024-04-{day}_a" for c in ("19", "23")}
                for day in ("19", "23")
            },
        ),
        (
            ["A", "B"],
            ["A_day_A", "B_day_A", "A_day_B", "B_day_B"],
            {f"day_{d}": {c: f"{c}_day_{d}" for c in "AB"} for d in "AB"},
        ),
        (["1", "2"], ["cam-1", "cam-2"], {"cam": {"1": "cam-1", "2": "cam-2"}}),
    ],
)
def test_the_place_that_pairs_the_files_up_is_the_cameras(
    tmp_path: Path, cameras: list[str], stems: list[str], sessions: dict[str, dict[str, str]]
) -> None:
    folder = folder_of(tmp_path, cameras, stems)
    assert told(folder) == sessions
    table = match_predictions(folder)
    assert {(r.session, r.view, r.path.stem) for r in table.rows} == {
        (name, view, stem) for name, files in sessions.items() for view, stem in files.items()
    }
    # One file alone is read as among the others.
    (row,) = match_predictions(folder / f"{stems[0]}.csv").rows
    assert sessions[row.session][row.view] == stems[0]


def test_what_nothing_tells_is_an_error_that_lists_the_readings(tmp_path: Path) -> None:
    stems = [f"{a}_x_{b}" for a in "12" for b in "12"]
    folder = folder_of(tmp_path, ["1", "2"], stems)
    with pytest.raises(PoseDataError, match=r"session 'x_1' or view '1' of session '1_x'"):
        load_predictions(folder)
    project = open_project(folder)
    assert not project.sessions
    assert any("can be read as" in issue.what for issue in project.issues)


@pytest.mark.parametrize(
    "stems",
    [
        ["mouse_day_1", "mouse_day_2"],
        ["mouse_trial1", "mouse_trial2"],
        ["mouse_20240401", "mouse_20240402"],
        ["mouse_2024-04-01", "mouse_2024-04-02"],
    ],
)
def test_trials_are_never_taken_for_views(tmp_path: Path, stems: list[str]) -> None:
    for stem in stems:
        put_predictions(tmp_path / f"{stem}.csv", counted(5))
        touch(tmp_path / f"{stem}.mp4")
    assert [each.name for each in open_project(tmp_path).sessions] == stems
    with pytest.raises(PoseDataError, match="2 sessions"):
        load_predictions(tmp_path)


@pytest.mark.parametrize(
    ("cameras", "stems"),
    [
        (["1", "2"], ["trial_1", "trial_2"]),
        (["1", "2"], ["mouse_day-1", "mouse_day-2"]),
        (["1", "2"], ["take 1", "take 2"]),
        (["19", "23"], ["2024-04-19", "2024-04-23"]),
        (["A", "B"], ["session_A", "session_B"]),
    ],
)
def test_trials_are_no_views_although_cameras_have_their_numbers(
    tmp_path: Path, cameras: list[str], stems: list[str]
) -> None:
    folder = folder_of(tmp_path, cameras, stems)
    assert not open_project(folder).sessions
    rig = load_rig(folder / "calibration.toml")
    with pytest.raises(PoseDataError, match="has the name of a view in its own name"):
        load_predictions(folder, rig=rig)


@pytest.mark.parametrize(
    ("stems", "sessions", "views"),
    [
        # What stands behind the camera counts nothing: an animal, a note.
        ([f"cam{c}_{m}" for c in (1, 2) for m in ("bob", "eve")], 2, {"cam1", "cam2"}),
        ([f"run_cam{c}_final" for c in (1, 2)], 1, {"cam1", "cam2"}),
        ([f"cam-{c}_ses-{t}" for c in (1, 2) for t in (1, 2)], 2, {"cam-1", "cam-2"}),
        ([f"cam{c}_trial{t}" for c in (1, 2) for t in "AB"], 2, {"cam1", "cam2"}),
        ([f"cam{c} take {t}" for c in (1, 2) for t in (1, 2)], 2, {"cam1", "cam2"}),
        ([f"Camera {c} - run {t}" for c in (1, 2) for t in (1, 2)], 2, {"Camera 1", "Camera 2"}),
        ([f"mouse {t} {c}" for c in ("left", "right") for t in (1, 2)], 2, {"left", "right"}),
        (["rat 3 Cam 1", "rat 3 Cam 2"], 1, {"Cam 1", "Cam 2"}),
        # Names of Bonsai and of the IBL.
        (
            [f"{c}Cam_2024-04-01T10_20_3{t}" for c in ("Front", "Side") for t in (1, 2)],
            2,
            {"FrontCam", "SideCam"},
        ),
        ([f"_iblrig_{c}Camera.raw" for c in ("left", "right")], 1, {"leftCamera", "rightCamera"}),
        # Where a camera stands may be its name, whatever the rig is called.
        ([f"view{r}_{c}" for r in (1, 2) for c in ("left", "right")], 2, {"left", "right"}),
        # Names that cameras gave, and people went on with.
        ([f"{c}_IMG_0012" for c in ("left", "right")], 1, {"left", "right"}),
        ([f"cam{c}_GX0{k}0012" for c in (1, 2) for k in (1, 2)], 2, {"cam1", "cam2"}),
    ],
)
def test_the_camera_is_the_view_without_a_calibration(
    tmp_path: Path, stems: list[str], sessions: int, views: set[str]
) -> None:
    for stem in stems:
        put_predictions(tmp_path / f"{stem}.csv", counted(5))
        touch(tmp_path / f"{stem}.mp4")
    found = open_project(tmp_path).sessions
    assert len(found) == sessions
    assert all(set(session.views) == views for session in found)
    assert told(tmp_path).keys() == {session.name for session in found}


@pytest.mark.parametrize(
    "stems",
    [
        ["cam1_trialA", "cam1_trialB"],
        ["mouse-trial1", "mouse-trial2"],
        ["mouse take 1", "mouse take 2"],
        ["FrontCam_2024-04-01T10_20_31", "FrontCam_2024-04-01T10_20_32"],
        ["sub-1_ses-1", "sub-1_ses-2"],
        # As cameras name their files: chapters of one recording, and the next one.
        ["GX010012", "GX020012"],
        ["GOPR0012", "GP010012"],
        ["mouse_GH010012", "mouse_GH010013"],
        ["IMG_0012", "IMG_0013"],
        ["DSC00012", "DSC00013"],
    ],
)
def test_trials_of_one_camera_are_sessions(tmp_path: Path, stems: list[str]) -> None:
    for stem in stems:
        put_predictions(tmp_path / f"{stem}.csv", counted(5))
    found = told(tmp_path)
    assert len(found) == 2
    assert all(len(views) == 1 for views in found.values())


def test_cameras_of_letters_are_found_behind_the_word(tmp_path: Path) -> None:
    """Anipose's calibrations have A and B for what its files call camA and camB."""
    stems = [f"2024-05-01_t{t}_cam{c}" for t in (1, 2) for c in "AB"]
    folder = folder_of(tmp_path, ["A", "B"], stems)
    assert {name: set(views) for name, views in told(folder).items()} == {
        f"2024-05-01_t{t}": {"A", "B"} for t in (1, 2)
    }


@pytest.mark.parametrize("cameras", [["cam1", "cam2"], ["1", "2"], ["top", "side"], None])
def test_a_folder_for_each_camera(tmp_path: Path, cameras: list[str] | None) -> None:
    names = cameras or ["cam1", "cam2"]
    if cameras:
        folder_of(tmp_path, cameras, [])
    for camera in names:
        for trial in (1, 2):
            for name in (f"videos/{camera}/trial_{trial}.mp4", f"{camera}/trial_{trial}.csv"):
                path = tmp_path / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix == ".csv":
                    put_predictions(path, counted(5) + 10 * trial)
                else:
                    touch(path)
    project = open_project(tmp_path)
    assert [each.name for each in project.sessions] == ["trial_1", "trial_2"]
    for session in project.sessions:
        assert set(session.videos) == set(names)
        (each,) = session.sets
        assert {view: path.parent.name for view, path in each.files.items()} == {
            view: view for view in names
        }
    for trial in (1, 2):
        ensemble = load_predictions(tmp_path, session=f"trial_{trial}").in_memory()
        assert set(ensemble.views) == set(names)
        assert (ensemble.xy[..., 0, 0, 0] == 10 * trial).all()
    # Files that are given by name are read as in the folder.
    given = [tmp_path / camera / "trial_2.csv" for camera in names]
    assert load_predictions(given).session == "trial_2"


def test_folders_of_trials_are_no_cameras(tmp_path: Path) -> None:
    for trial in ("trial1", "trial2"):
        for camera in ("cam1", "cam2"):
            (tmp_path / trial).mkdir(exist_ok=True)
            put_predictions(tmp_path / trial / f"{camera}.csv", counted(5))
    assert {name: set(views) for name, views in told(tmp_path).items()} == {
        "trial1": {"cam1", "cam2"},
        "trial2": {"cam1", "cam2"},
    }
    # Recordings of one camera, under conditions that are called left and right.
    single = tmp_path / "single"
    for condition in ("left", "right"):
        (single / condition).mkdir(parents=True)
        touch(single / condition / "trial1.mp4")
    assert all(len(session.views) == 1 for session in open_project(single).sessions)


def test_words_that_stand_at_the_end_of_no_name_are_an_error(tmp_path: Path) -> None:
    """A session is called as a camera is, and neither place is the end: no mixture of readings."""
    stems = [f"{a}_{b}_x" for a in ("left", "right") for b in ("left", "right")]
    folder = folder_of(tmp_path, ["left", "right"], stems)
    with pytest.raises(PoseDataError, match=r"by letter 1\) or view 'left'"):
        load_predictions(folder)
    project = open_project(folder)
    assert not project.sessions
    assert any("can be read as" in issue.what for issue in project.issues)
    # At the end they are views.
    for path in folder.glob("*.csv"):
        path.rename(path.with_stem(path.stem.removesuffix("_x")))
    assert told(folder) == {
        s: {v: f"{s}_{v}" for v in ("left", "right")} for s in ("left", "right")
    }


def test_cameras_in_front_without_a_calibration(tmp_path: Path) -> None:
    for camera in (1, 2):
        for trial in (1, 2):
            put_predictions(tmp_path / f"{camera}_trial_{trial}.csv", counted(5))
    assert {name: set(views) for name, views in told(tmp_path).items()} == {
        "trial_1": {"1", "2"},
        "trial_2": {"1", "2"},
    }


# --- results beside predictions ---------------------------------------------------------------


@pytest.mark.parametrize("command", ["smooth", "triangulate"])
@pytest.mark.parametrize("compact", [[], ["--compact"]])
def test_results_beside_predictions_are_no_inputs(
    tmp_path: Path, command: str, compact: list[str]
) -> None:
    rig = ring_rig(2)
    save_rig(rig, tmp_path / "calibration.toml")
    rng = np.random.default_rng(3)
    for session in ("fly", "fly_2", "fly_2_b"):
        xyz = rng.normal(0, 30, (12, 2, 3))
        for view, xy in zip(rig.names, rig.project(xyz), strict=True):
            put_predictions(tmp_path / f"{session}_{view}.rng=0.csv", xy)
    before = told(tmp_path)
    first: dict[str, bytes] = {}
    for n in range(2):
        for session in ("fly", "fly_2"):
            arguments = [command, str(tmp_path), "--session", session, "--out", str(tmp_path)]
            assert main([*arguments, "--force", *compact]) == 0
            content = (tmp_path / f"{session}_3d.csv").read_bytes()
            assert first.setdefault(session, content) == content, n
    project = open_project(tmp_path)
    assert [each.name for each in project.sessions] == list(before)
    for each in project.sessions:
        assert set(each.views) == set(rig.names)
        assert [one.name for one in each.ensemble_sets] == ["rng=0"]
        own = {one.kind for one in each.sets if one.own}
        expected = {"3d"} if command == "triangulate" else {"3d", "smoothed"}
        assert own == (expected if each.name in first else set())


def test_results_tell_nothing_about_the_place_of_the_view(tmp_path: Path) -> None:
    """A session's name may end in the name of a view, and so does that of its 3-D positions."""
    stems = ["fly_cam1", "fly_cam2", "fly_cam1_cam1", "fly_cam1_cam2"]
    folder = folder_of(tmp_path, ["cam1", "cam2"], stems)
    before = told(folder)
    assert before["fly_cam1"] == {"cam1": "fly_cam1_cam1", "cam2": "fly_cam1_cam2"}
    for session in ("fly", "fly_cam1"):
        arguments = ["triangulate", str(folder), "--session", session, "--out", str(folder)]
        assert main(arguments) == 0
    assert told(folder) == before


# --- files from a Mac -------------------------------------------------------------------------


def test_an_umlaut_is_one_letter_or_two(tmp_path: Path) -> None:
    composed = ["käfig-1", "käfig-2"]
    folder = folder_of(tmp_path, composed, [])
    for name in composed:
        stem = unicodedata.normalize("NFD", f"müde_{name}")
        put_predictions(folder / f"{stem}.csv", counted(5))
        (folder / f"._{stem}.csv").write_bytes(b"\0\5\26\7")
    ensemble = load_predictions(folder, rig=load_rig(folder / "calibration.toml"))
    assert ensemble.views == tuple(composed)
    assert ensemble.session == "müde"
    assert load_predictions(folder, session=unicodedata.normalize("NFD", "müde")).n_frames == 5
    assert not any("._" in path.name for path, _ in ensemble.unmatched)
    with pytest.raises(PoseDataError, match="macOS"):
        load_predictions(sorted(folder.glob("._*"))[0])


def test_a_keypoint_s_umlaut_is_one_letter_or_two(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ["left", "right"], [])
    apart, together = (unicodedata.normalize(form, "rücken") for form in ("NFD", "NFC"))
    put_predictions(folder / "run_left.csv", counted(5), (apart, "nose"))
    # In another order, too: columns are told by their names.
    put_predictions(folder / "run_right.csv", counted(5)[:, ::-1] + 50, ("nose", together))
    ensemble = load_predictions(folder).in_memory()
    assert ensemble.keypoints == (apart, "nose"), "as the first file has it"
    assert ensemble.warnings == ()
    np.testing.assert_array_equal(ensemble.xy[0, 1, :, 0, 0], np.arange(5) + 50)
    some = load_predictions(folder, keypoints=[together]).in_memory()
    assert some.keypoints == (apart,)
    out = tmp_path / "out"
    rig = str(folder / "calibration.toml")
    assert main(["triangulate", str(folder), "--calibration", rig, "--out", str(out)]) == 0
    assert apart in (out / "run_3d.csv").read_text(encoding="utf-8")


def test_files_that_all_seem_to_be_of_one_view_are_explained(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ["1", "2", "3"], ["left_2_run", "right_2_run", "top_2_run"])
    rig = load_rig(folder / "calibration.toml")
    with pytest.raises(PoseDataError, match="all files were taken as view 2") as raised:
        load_predictions(folder, rig=rig)
    assert "left_2_run.csv, right_2_run.csv, top_2_run.csv" in str(raised.value)
    assert [each.kind for each in raised.value.remedies] == ["views", "cameras", "session"]


@pytest.mark.parametrize("typed", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_names_with_umlauts_are_found_as_they_are_typed(
    tmp_path: Path, typed: Literal["NFC", "NFD"], stored: Literal["NFC", "NFD"]
) -> None:
    """Views and keypoints on the command line, in files and in a calibration."""
    cameras = ["käfig1", "käfig2"]
    rig = ring_rig(2)
    named = (
        replace(c, name=unicodedata.normalize(stored, n))
        for c, n in zip(rig.cameras, cameras, strict=True)
    )
    rig = replace(rig, cameras=tuple(named))
    save_rig(rig, tmp_path / "calibration.toml")
    xyz = walk(12, 2, np.random.default_rng(3))
    names = [unicodedata.normalize(stored, name) for name in ("öhr", "nase")]
    for camera, xy in zip(cameras, rig.project(xyz), strict=True):
        put_predictions(tmp_path / f"run_{camera}.csv", xy, names)
    ear = unicodedata.normalize(typed, "öhr")
    views = [unicodedata.normalize(typed, camera) for camera in cameras]
    for more in (
        ["--views", *views],
        ["--s", f"{ear}=10,5"],
        ["--blocks", f"{ear},nase"],
        ["--skeleton", f"{ear},nase"],
        ["--left-right", f"{ear},nase"],
        ["--keypoints", ear, "nase"],
    ):
        out = tmp_path / "out"
        assert main(["smooth", str(tmp_path), "--out", str(out), "--force", *more]) == 0
        assert (out / "run_3d.csv").is_file()
    (session,) = open_project(tmp_path, views=views).sessions
    assert session.views == tuple(cameras)
