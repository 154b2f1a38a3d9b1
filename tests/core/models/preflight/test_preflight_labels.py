"""Faults of label files, images and calibrations are found before a training."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.projects.session_files import touch
from tests.support.projects.training_projects import (
    KEYPOINTS,
    RIG,
    SESSIONS,
    VIEWS,
    checked,
    config_of,
    edited,
    training_project,
)

from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.models.preflight.animals import animals_of
from napari_pose3d.core.models.preflight.preflight import preflight
from napari_pose3d.core.models.training_plan import plan_training
from napari_pose3d.errors import PoseDataError

Rows = list[list[str]]
FIRST = "CollectedData_cam0.csv"
LAST = "CollectedData_cam2.csv"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return training_project(tmp_path / "lab")


def emptied(n_kept: int, row: int = 5) -> Callable[[Rows], Rows]:
    """Only some labels left in a row."""

    def change(rows: Rows) -> Rows:
        kept = rows[row][: 1 + 2 * n_kept]
        rows[row] = kept + [""] * (len(rows[row]) - len(kept))
        return rows

    return change


def with_visible(value: str, keypoint: int = 1) -> Callable[[Rows], Rows]:
    """Columns visible, all 2, but one cell of line 6."""

    def change(rows: Rows) -> Rows:
        new = []
        for n, row in enumerate(rows):
            out = row[:1]
            for k in range(len(KEYPOINTS)):
                cell = row[1 + 2 * k] if n < 2 else ["visible"][0] if n == 2 else "2"
                if n == 5 and k == keypoint:
                    cell = value
                out += [*row[1 + 2 * k : 3 + 2 * k], cell]
            new.append(out)
        return new

    return change


def swapped(i: int, j: int) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        rows[i], rows[j] = rows[j], rows[i]
        return rows

    return change


def replaced(old: str, new: str) -> Callable[[Rows], Rows]:
    return lambda rows: [[cell.replace(old, new) for cell in row] for row in rows]


def test_a_sound_project_has_no_errors(project: Path) -> None:
    found = plan_training(project).checked
    assert found.errors == ()
    assert found.coverage is not None
    assert found.coverage.counts.shape == (3, 5)
    assert found.coverage.counts.min() == 16
    assert found.coverage.sessions == dict.fromkeys(SESSIONS, 8)
    assert len(found.coverage.lines()) == 6


LABEL_FAULTS = {
    "row missing": (
        LAST,
        lambda rows: rows[:-1],
        "rows of views",
        "missing: mouse2_day1 img00000071.png",
    ),
    "row order": (LAST, swapped(4, 6), "order of rows", "line 5"),
    "other session": (LAST, swapped(4, 12), "sessions mixed up", "wrong pairs"),
    "keypoint order": (
        LAST,
        lambda rows: [[row[0], *row[3:5], *row[1:3], *row[5:]] for row in rows],
        "keypoints of views",
        "number 1 is ear_left, not nose",
    ),
    "other keypoint": (LAST, replaced("tail", "rump"), "keypoints of views", "rump, not tail"),
    "half a label": (LAST, lambda r: (r[5].__setitem__(1, ""), r)[1], "invalid cell", "y but not"),
    "text": (LAST, lambda r: (r[5].__setitem__(1, "x"), r)[1], "invalid cell", "not a number"),
    "visible 3": (LAST, with_visible("3"), "invalid cell", "visible = 3"),
    "visible empty": (LAST, with_visible(""), "visible empty", "ear_left"),
    "visible 1": (LAST, with_visible("1"), "visible 1 with position", "taught as hidden"),
    "two labels": (LAST, emptied(2), "few labels in a view", "2 labels"),
    "no labels": (FIRST, emptied(0), "few labels in a view", "0 labels"),
    "outside": (
        FIRST,
        lambda r: (r[5].__setitem__(3, "9000"), r)[1],
        "label outside",
        "ear_left at 9000",
    ),
    "image twice": (LAST, lambda rows: [*rows, rows[-1]], "images twice", "img00000071"),
    "never labeled": (
        LAST,
        lambda rows: rows[:3] + [[*row[:9], "", ""] for row in rows[3:]],
        "never labeled",
        "tail in cam2",
    ),
    "few labels": (
        LAST,
        lambda rows: rows[:3] + [[*r[:9], "", ""] for r in rows[3:12]] + rows[12:],
        "few labels",
        "tail in cam2 (7)",
    ),
    "no header": (LAST, lambda rows: rows[1:], "unreadable labels", "scorer"),
}


@pytest.mark.parametrize("name", LABEL_FAULTS)
def test_faults_of_label_files(project: Path, name: str) -> None:
    file, change, kind, text = LABEL_FAULTS[name]
    config = config_of(project)
    assert kind not in {each.kind for each in preflight(config).findings}
    edited(project / file, change)
    findings = preflight(config).findings
    found = [each for each in findings if each.kind == kind]
    assert len(found) == 1
    assert text in str(found[0])
    # One of anything is in the singular.
    assert not any(re.search(r"(?<![\d.])1 \w+s (are|have|lie)\b", str(e)) for e in findings)
    assert found[0].remedy


def test_messages_agree_with_their_numbers(project: Path) -> None:
    folder = project / "labeled-data" / f"{SESSIONS[0]}_cam1"
    config = config_of(project)
    singular = (
        "1 image is missing",
        "1 label lies outside of the image",
        "1 position has visible = 0 and is not learned",
        "in 1 frame a view has fewer",
    )
    plural = (
        "2 images are missing",
        "2 labels lie outside of the image",
        "2 positions have visible = 0 and are not learned",
        "in 2 frames a view has fewer",
    )
    edited(project / "CollectedData_cam1.csv", with_visible("2"))

    def worse(row: int) -> Callable[[Rows], Rows]:
        def change(rows: Rows) -> Rows:
            rows[row][1] = "9000"
            return emptied(1, row + 2)(rows)

        return change

    for n, expected in enumerate((singular, plural)):
        sorted(folder.iterdir())[0].unlink()
        edited(project / FIRST, worse(4 + 4 * n))

        def unlearned(rows: Rows, row: int = 4 + 4 * n) -> Rows:
            rows[row][3] = "0"
            return rows

        edited(project / "CollectedData_cam1.csv", unlearned)
        found = "\n".join(map(str, preflight(config).findings))
        for words in expected:
            assert words in found


def test_few_labels_are_an_error_without_the_training_copy(project: Path) -> None:
    edited(project / LAST, emptied(2))
    config = config_of(project)
    assert [e.kind for e in preflight(config, training_copy=False).errors] == [
        "few labels in a view"
    ]
    assert preflight(config).errors == ()


@pytest.mark.parametrize("how", ["two labels everywhere", "no calibration", "default"])
def test_few_labels_are_none_where_litpose_does_not_mind(project: Path, how: str) -> None:
    edited(project / LAST, emptied(2))
    values = {}
    if how == "two labels everywhere":
        for view in VIEWS[:2]:
            edited(project / f"CollectedData_{view}.csv", emptied(2))
    elif how == "no calibration":
        for path in (project / "calibrations").iterdir():
            path.unlink()
        (project / "calibrations").rmdir()
    else:
        values = {"training__imgaug": "default"}
    assert "few labels in a view" not in {e.kind for e in checked(project, **values).findings}


def test_an_empty_frame_is_a_note(project: Path) -> None:
    for view in VIEWS:
        edited(project / f"CollectedData_{view}.csv", emptied(0))
    found = {each.kind: each for each in checked(project).findings}
    assert found["empty frames"].severity == "note"


def test_too_few_frames(project: Path) -> None:
    for n_rows, words in ((4, "is one labeled frame"), (3, "are no labeled frames")):
        for view in VIEWS:
            edited(project / f"CollectedData_{view}.csv", lambda rows, n=n_rows: rows[:n])
        found = {each.kind: each for each in plan_training(project).checked.errors}
        assert words in found["too few frames"].problem


def test_a_missing_label_file_and_no_labels_at_all(project: Path) -> None:
    (project / LAST).unlink()
    found = plan_training(project).checked.errors
    assert [each.kind for each in found] == ["unreadable labels"]
    (project / FIRST).unlink()
    with pytest.raises(PoseDataError, match="no labels to train on"):
        plan_training(project)


def test_images_missing_damaged_and_of_another_size(project: Path) -> None:
    folder = project / "labeled-data" / f"{SESSIONS[0]}_cam1"
    (folder / "img00000003.png").unlink()
    touch(folder / "img00000007.png", "not an image")
    config = config_of(project)
    found = {each.kind: each for each in preflight(config).findings}
    assert found["missing image"].severity == "error"
    assert "img00000003.png" in found["missing image"].evidence
    assert "img00000007.png" in found["unreadable image"].evidence
    data = bytearray((folder / "img00000020.png").read_bytes())
    data[16:24] = (320).to_bytes(4, "big") + (240).to_bytes(4, "big")
    (folder / "img00000020.png").write_bytes(data)
    found = {each.kind: each for each in preflight(config).findings}
    assert "img00000020.png 320 x 240" in found["size of images"].evidence


def test_a_damaged_calibration(project: Path) -> None:
    touch(project / "calibrations" / f"{SESSIONS[0]}.toml", "[cam_0\n")
    found = plan_training(project).checked.errors
    assert [each.kind for each in found] == ["unreadable calibration"]


def no_calibration(project: Path) -> None:
    for path in (project / "calibrations").iterdir():
        path.unlink()


def test_an_empty_folder_of_calibrations(project: Path) -> None:
    config = config_of(project)
    no_calibration(project)
    found = preflight(config).errors
    assert [each.kind for each in found] == ["calibration of no session"]
    save_rig(RIG, project / "calibrations" / "another.toml")
    found = preflight(config).errors
    assert "there: another.toml" in found[0].evidence


def test_calibrations_of_some_sessions(project: Path) -> None:
    (project / "calibrations" / f"{SESSIONS[1]}.toml").unlink()
    found = plan_training(project).checked.errors
    assert [each.kind for each in found] == ["calibration of some sessions"]
    assert f"{SESSIONS[1]}.toml" in found[0].evidence
    save_rig(RIG, project / "calibration.toml")
    assert plan_training(project).checked.errors == ()


@pytest.mark.parametrize(
    ("cameras", "words"),
    [
        (("cam0", "cam9", "cam2"), "no camera for view cam1"),
        (("cam0", "cam1"), "no camera for view cam2"),
        (("cam0", "cam1", "cam2", "cam3"), "cameras that are no views: cam3"),
    ],
)
def test_cameras_that_are_not_the_views(
    project: Path, cameras: tuple[str, ...], words: str
) -> None:
    path = project / "calibrations" / f"{SESSIONS[0]}.toml"
    sections = path.read_text().split("[cam_")
    parts = [sections[1 + min(i, 2)].split("]", 1)[1] for i in range(len(cameras))]
    parts = [part.split("[metadata]")[0] for part in parts]
    text = "".join(
        f"[cam_{i}]" + part.replace(f'"cam{min(i, 2)}"', f'"{name}"')
        for i, (name, part) in enumerate(zip(cameras, parts, strict=True))
    )
    path.write_text(text)
    found = [each for each in checked(project).errors if each.kind == "cameras and views"]
    assert len(found) == 1
    assert words in found[0].problem


def test_views_follow_the_order_of_the_cameras(project: Path) -> None:
    order = ("cam2", "cam0", "cam1")
    for session in SESSIONS:
        save_rig(RIG.subset(order), project / "calibrations" / f"{session}.toml")
    plan = plan_training(project)
    assert plan.checked.errors == ()
    assert plan.config["data"]["view_names"] == list(order)
    assert [Path(p).stem[-4:] for p in plan.config["data"]["csv_file"]] == list(order)
    # As litpose recommend would have it:
    found = checked(project, data__view_names=list(VIEWS)).errors
    assert {each.kind for each in found} == {"order of label files", "cameras and views"}
    assert "another order" in str(found)


def test_a_folder_that_names_no_session(project: Path) -> None:
    for view in VIEWS:
        file = project / f"CollectedData_{view}.csv"
        for session in SESSIONS:
            edited(file, replaced(f"{session}_{view}", view))
    found = {each.kind for each in checked(project).errors}
    assert "folder of images" in found


def test_a_list_of_calibrations(project: Path) -> None:
    key = "data__camera_params_file"
    assert "not absolute" in str(checked(project, **{key: "calibrations.csv"}).errors)
    file = project / "list.csv"
    assert "no such file" in str(checked(project, **{key: str(file)}).errors)
    rows = (project / FIRST).read_text().splitlines()[3:]
    lines = [f"{row.split(',')[0]},calibrations/{SESSIONS[0]}.toml" for row in rows]
    touch(file, "\n".join([",file", *lines[:-1]]) + "\n")
    assert "15 rows are not the 16 images" in str(checked(project, **{key: str(file)}).errors)
    touch(file, "\n".join([",file", *lines]) + "\n")
    assert checked(project, **{key: str(file)}).errors == ()


def test_an_image_that_is_cut_off(project: Path) -> None:
    path = project / "labeled-data" / "mouse1_day1_cam1" / "img00000007.png"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    (error,) = plan_training(project).checked.errors
    assert error.kind == "unreadable image"
    assert "1 image is cut off" in error.problem
    assert "mouse1_day1_cam1/img00000007.png" in error.evidence
    # What a program wrote behind the end is none.
    path.write_bytes(whole + b"note")
    assert plan_training(project).checked.errors == ()


def test_label_files_for_judging_are_checked_as_the_others(project: Path) -> None:
    tables = [project / f"CollectedData_{view}.csv" for view in VIEWS]
    beside = [path.with_name(f"{path.stem}_test.csv") for path in tables]
    for path, other in zip(tables, beside, strict=True):
        other.write_text("\n".join(path.read_text().splitlines()[:5]) + "\n")
    assert plan_training(project).checked.errors == ()
    edited(beside[1], lambda rows: [*rows[:3], rows[4], rows[3]])
    (error,) = plan_training(project).checked.errors
    assert error.kind == "order of rows"
    assert error.where == "CollectedData_cam1_test.csv, line 4"
    beside[1].unlink()
    (error,) = plan_training(project).checked.errors
    assert error.kind == "unreadable labels"
    assert "CollectedData_cam1_test.csv" in error.where
    hidden = tables[1].rename(tables[1].with_suffix(".hidden"))
    (error,) = plan_training(project).checked.errors
    assert error.where.endswith("CollectedData_cam1.csv")
    hidden.rename(tables[1])
    beside[0].unlink()
    checked = plan_training(project).checked
    assert checked.errors == ()
    assert "label files for judging" in {each.kind for each in checked.findings}


def test_every_finding_has_a_remedy(project: Path) -> None:
    beside = project / "CollectedData_cam0_new.csv"
    beside.write_text((project / "CollectedData_cam0.csv").read_text())
    for each in plan_training(project).checked.findings:
        assert each.remedy, str(each)


@pytest.mark.parametrize(
    ("sessions", "animals"),
    [
        (("mouse1_day1", "mouse1_day2", "mouse2_day1"), ("mouse1", "mouse1", "mouse2")),
        (("mouse1_day1", "mouse1_day2"), ("mouse1", "mouse1")),
        (("20240101_m3_trial1", "20240102_m3_trial2"), ("m3", "m3")),
        (("20240101_m3", "20240101_m4"), ("m3", "m4")),
        (("sub-01_ses-01", "sub-02_ses-01"), ("sub01", "sub02")),
        (("openfield_rat_7_s1", "openfield_rat_8_s1"), ("rat7", "rat8")),
        (("1_2", "2_1"), ("1", "2")),
        (("trial1", "trial2"), ("trial1", "trial2")),
        (("20240101", "20240102"), ("20240101", "20240102")),
    ],
)
def test_animals_are_guessed_from_the_names_of_sessions(
    sessions: tuple[str, ...], animals: tuple[str, ...]
) -> None:
    assert tuple(animals_of(sessions).values()) == animals
    assert animals_of(sessions, {sessions[1]: "Ada"})[sessions[1]] == "Ada"


def variety(project: Path) -> dict[str, str]:
    kinds = ("few sessions", "uneven sessions", "few animals", "unreadable project.toml")
    return {each.kind: str(each) for each in checked(project).findings if each.kind in kinds}


def test_sessions_and_animals_covered(tmp_path: Path) -> None:
    two = training_project(tmp_path / "two")
    coverage = checked(two).coverage
    assert coverage is not None
    assert (coverage.animals, coverage.guessed) == ({"mouse1": 8, "mouse2": 8}, True)
    assert variety(two).keys() == {"few sessions"}
    days = tuple(f"mouse1_day{n}" for n in range(1, 7))
    one = training_project(tmp_path / "one", days)
    found = variety(one)
    assert found.keys() == {"few animals"}
    # 48 frames are not many.
    words = "note: all 6 labeled sessions are of one animal, mouse1, by their names"
    assert found["few animals"].startswith(words)
    assert "[animals] in napari-pose3d/project.toml" in found["few animals"]
    own = touch(one / "napari-pose3d" / "project.toml", '[animals]\nmouse1_day2 = "Ada"\n')
    assert variety(one) == {}
    coverage = checked(one).coverage
    assert coverage is not None
    assert coverage.animals == {"mouse1": 40, "Ada": 8}
    own.write_text("[animals]\n" + "".join(f'{day} = "Ada"\n' for day in days))
    assert "sessions are of one animal, Ada (" in variety(one)["few animals"]
    own.write_text("[animals]\nmouse1_day2 = 3\n")
    assert "the animal of session mouse1_day2 is 3" in variety(one)["unreadable project.toml"]
    own.unlink()
    # Most frames of one session: its rows three times, as other images.
    for view in VIEWS:
        lines = (one / f"CollectedData_{view}.csv").read_text().splitlines()
        more = [line.replace("img0", f"img{n}") for n in (1, 2, 3, 4, 5, 6) for line in lines[3:11]]
        touch(one / f"CollectedData_{view}.csv", "\n".join([*lines, *more]) + "\n")
    found = variety(one)
    assert found["uneven sessions"].startswith("warning: 56 of 96 frames are of one session")
