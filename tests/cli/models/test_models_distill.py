"""`models distill` shows what a certainty lets through, and one network is trained on the set."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.session_files import video
from tests.support.projects.training_projects import (
    KEYPOINTS,
    SESSIONS,
    VIEWS,
    edited,
    smoothed_session,
    training_project,
)

from napari_pose3d.cli import main
from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.core.models.runs.training_record import read_record

SESSION = SESSIONS[0]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = training_project(tmp_path / "lab")
    smoothed_session(folder)
    for view in VIEWS:
        video(folder / "videos" / f"{SESSION}_{view}.mp4")
    return folder


def test_what_a_certainty_lets_through_is_shown_and_nothing_is_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "distill", str(project), "--certainty", "0.5"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    # Labels of frames 3, 7 and 20 are certain to 1 px; that of 31 is not.
    assert " * 0.5 px: 0 frames; none of 60 labeled positions is certain" in lines
    assert any(line.startswith("   1 px: 30 frames; 45 of 60 labeled positions") for line in lines)
    assert not (project / "napari-pose3d" / "distillation").exists()


def test_a_network_is_trained_on_the_set(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in project.glob("*.csv")}
    distill = ["models", "distill", str(project), "--name", "first", "--budget", "12"]
    assert main([*distill, "--held-out", "0.25"]) == 0
    said = capsys.readouterr().out
    assert f"{SESSION}: 12 frames with pseudo-labels" in said
    assert "12 labeled frames to learn from, 4 to judge by" in said
    assert main(distill) == 2
    assert "this set is there already" in capsys.readouterr().err
    environment = litpose_environment(tmp_path / "lp")
    train = ["models", "train", str(project), "--litpose", str(environment), "--epochs", "3"]
    assert main([*train, "--distilled", "first", "--name", "pupil", "--follow"]) == 0
    said = capsys.readouterr().out
    assert "pupil-seed0: done" in said
    assert [path.name for path in (project / "models").iterdir()] == ["pupil-seed0"]
    record = read_record(project / "models" / "pupil-seed0")
    assert record is not None
    assert record.n_frames == 24
    assert {Path(name).parent.name for name in record.labels} == {"first"}
    assert {path: path.read_bytes() for path in project.glob("*.csv")} == before
    assert main(["models", "list", str(project)]) == 0
    assert "trained on 24 frames of the distilled set first" in capsys.readouterr().out
    assert main([*train, "--distilled", "second"]) == 2
    assert "Expected one of first" in capsys.readouterr().err


def test_a_position_outside_of_the_image_is_not_learned(project: Path) -> None:
    assert main(["models", "distill", str(project), "--name", "all", "--budget", "100"]) == 0
    folder = project / "napari-pose3d" / "distillation" / "all"
    table = read_label_csv(folder / "Train_cam1.csv")
    lines = {Path(image).name: line for line, image in table.rows if "distillation" in image}
    assert len(lines) == 30 - 3
    cells = table.cells(lines["img00000010.png"])
    assert [cells[name].visible for name in KEYPOINTS] == [2, 2, 0, 2, 2]


def test_held_out_labels_go_with_a_copy_that_is_filled(project: Path, tmp_path: Path) -> None:
    assert main(["models", "distill", str(project), "--name", "gaps", "--budget", "5"]) == 0
    place = project / "napari-pose3d" / "distillation" / "gaps"

    def emptied(rows: list[list[str]]) -> list[list[str]]:
        rows[5][1:] = ["", "", "0"] * len(KEYPOINTS)
        return rows

    edited(place / "Train_cam2.csv", emptied)
    environment = litpose_environment(tmp_path / "lp")
    train = ["models", "train", str(project), "--litpose", str(environment), "--epochs", "3"]
    assert main([*train, "--distilled", "gaps", "--name", "pupil", "--follow"]) == 0
    copy = project / "models" / "pupil-seed0" / "training-labels"
    for view in VIEWS:
        name = f"Train_{view}_test.csv"
        assert (copy / name).read_bytes() == (place / name).read_bytes()
    assert (copy / "Train_cam2.csv").read_bytes() != (place / "Train_cam2.csv").read_bytes()


def test_what_cannot_be_distilled(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    distill = ["models", "distill", str(project)]
    for wrong, words in (
        (["--sessions", "mouse2_day1"], "was not smoothed"),
        (["--sessions", "mouse9"], "no session is called 'mouse9'"),
        (["--certainty", "0"], "above 0"),
        (["--share", "2"], "between 0 and 1"),
        (["--seed", "-1"], "a whole number from 0"),
        (["--name", "a/b"], "a/b"),
        (["--name", "none", "--certainty", "0.1"], "no frame is certain enough"),
    ):
        assert main([*distill, *wrong]) == 2, wrong
        assert words in capsys.readouterr().err
    assert not (project / "napari-pose3d" / "distillation").exists()
