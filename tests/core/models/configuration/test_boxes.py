"""Projects whose labeled images are crops: their boxes go with the labels into a training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.projects.training_projects import VIEWS, edited, training_project

from napari_pose3d.core.models.configuration.config_file import read_config
from napari_pose3d.core.models.runs.training_start import prepare_trainings
from napari_pose3d.core.models.training_plan import plan_training


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = training_project(tmp_path / "lab")
    for view in VIEWS:
        labels = (folder / f"CollectedData_{view}.csv").read_text().splitlines()[3:]
        rows = [f"{line.split(',')[0]},0,0,960,1280" for line in labels]
        (folder / f"bboxes_{view}.csv").write_text("\n".join([",x,y,h,w", *rows]) + "\n")
    return folder


def test_a_training_is_given_the_boxes(project: Path) -> None:
    plan = plan_training(project)
    assert plan.checked.errors == ()
    assert plan.config["data"]["bbox_file"] == [str(project / f"bboxes_{v}.csv") for v in VIEWS]
    # Distilled labels are of whole images.
    assert (
        "bbox_file" not in plan_training(project, labels=project / "CollectedData").config["data"]
    )


def test_boxes_of_frames_that_are_left_out_are_left_out(project: Path, tmp_path: Path) -> None:
    def emptied(rows: list[list[str]]) -> list[list[str]]:
        rows[5][1:] = ["nan"] * len(rows[5][1:])
        return rows

    edited(project / "CollectedData_cam2.csv", emptied)
    for path in (project / "calibrations").iterdir():
        text = path.read_text().splitlines()
        # A camera that looks the other way sees none of the points.
        at = [i for i, line in enumerate(text) if line.startswith("translation")][2]
        text[at] = "translation = [ 0.0, 0.0, -90000.0,]"
        path.write_text("\n".join(text) + "\n")
    prepared = prepare_trainings(project, plan_training(project).config, "net", (0,), None)
    assert prepared.left_out == 1
    data = read_config(prepared.folders[0] / "asked_config.yaml")["data"]
    for labels, boxes in zip(data["csv_file"], data["bbox_file"], strict=True):
        images = [line.split(",")[0] for line in Path(labels).read_text().splitlines()[3:]]
        assert [line.split(",")[0] for line in Path(boxes).read_text().splitlines()[1:]] == images
        assert len(images) == 15


def gone(path: Path) -> None:
    path.unlink()


def shorter(path: Path) -> None:
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


def worded(path: Path) -> None:
    path.write_text(path.read_text().replace("1280", "wide"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (gone, "the table of boxes of view cam1 is missing"),
        (shorter, "its 15 rows are not the 16 images"),
        (worded, "a row has no box of four numbers"),
    ],
)
def test_boxes_that_cannot_be(project: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(project / "bboxes_cam1.csv")
    found = plan_training(project).checked.errors
    assert [each.kind for each in found] == ["boxes"]
    assert words in str(found[0])
    assert found[0].remedy
