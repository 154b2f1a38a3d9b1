"""COCO keypoints: the labels of a project, written and read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import lightning_project, video
from tests.support.recordings.exchange_poses import refusals

from napari_pose3d import PoseDataError, export_session, import_file, open_project
from napari_pose3d.core.formats.exchange.datasets.coco import read_coco
from napari_pose3d.core.pipeline.exchange.label_exchange import labels_of_project

ROWS = "scorer,me,me,me,me,me,me\nbodyparts,nose,nose,nose,tail,tail,tail\n"
KINDS = "coords,x,y,visible,x,y,visible\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Labels of two frames in two views; the tail of frame 7 is occluded in one."""
    folder = lightning_project(tmp_path / "project", ("day1",), models=())
    for view, shift in (("top", 0.0), ("side", 30.25)):
        path = folder / "videos" / f"day1_{view}.mp4"
        path.unlink()
        video(path)
        rows = [
            f"labeled-data/day1_{view}/img00000003.png,{10 + shift},20,2,,,0",
            f"labeled-data/day1_{view}/img00000007.png,0,{5 + shift},2,"
            + ("40,50,2" if view == "top" else ",,1"),
        ]
        text = ROWS + KINDS + "\n".join(rows) + "\n"
        (folder / f"CollectedData_{view}.csv").write_text(text, encoding="utf-8")
    return folder


def test_labels_come_back_by_name(project: Path, tmp_path: Path) -> None:
    before = labels_of_project(open_project(project))
    done = export_session(project, "coco", tmp_path / "labels.json")
    again = read_coco(done.files[0])
    assert again.frames == (("day1", 3), ("day1", 7))
    assert again.views == before.views
    assert again.keypoints == ("nose", "tail")
    np.testing.assert_allclose(again.xy, before.xy)
    assert set(again.sizes.values()) == {(128, 96)}


def test_entries_are_as_coco_defines_them(project: Path, tmp_path: Path) -> None:
    done = export_session(project, "coco", tmp_path / "labels.json")
    content = json.loads(done.files[0].read_text(encoding="utf-8"))
    image = content["images"][0]
    assert (image["width"], image["height"]) == (128, 96)
    assert image["file_name"].startswith("labeled-data/day1_")
    assert len(content["annotations"]) == len(content["images"]) == 4
    for each in content["annotations"]:
        v = each["keypoints"][2::3]
        assert each["num_keypoints"] == sum(value > 0 for value in v)
        assert each["area"] > 0
        x, y, w, h = each["bbox"]
        assert all(x <= px <= x + w for px, value in zip(each["keypoints"][::3], v, strict=True)
                   if value)  # fmt: skip
        assert all(y <= py <= y + h for py, value in zip(each["keypoints"][1::3], v, strict=True)
                   if value)  # fmt: skip
    empty = next(each for each in content["annotations"] if each["num_keypoints"] == 1)
    assert empty["keypoints"][3:] == [0, 0, 0]


def test_an_import_is_a_project_that_opens(project: Path, tmp_path: Path) -> None:
    export_session(project, "coco", tmp_path / "labels.json")
    done = import_file(tmp_path / "labels.json", tmp_path / "new")
    opened = open_project(tmp_path / "new")
    assert opened.kind == "lightning-pose"
    again = labels_of_project(opened)
    before = labels_of_project(open_project(project))
    assert again.views == before.views
    np.testing.assert_allclose(again.xy, before.xy)
    assert {each.where: each.positions for each in done.lint} == {"top": 3, "side": 2}
    assert done.notes == ("4 of 4 images do not lie beside the file",)


def test_images_that_lie_beside_the_file_come_along(project: Path, tmp_path: Path) -> None:
    image = project / "labeled-data" / "day1_top" / "img00000003.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"an image")
    export_session(project, "coco", project / "labels.json")
    import_file(project / "labels.json", tmp_path / "new")
    copy = tmp_path / "new" / "labeled-data" / "day1_top" / "img00000003.png"
    assert copy.read_bytes() == b"an image"


def test_zeros_are_found_and_are_missing_where_that_is_asked(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "s_a/img1.png", "width": 10, "height": 10}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "keypoints": [0, 0, 2, 20, 5, 2]}
        ],
        "categories": [{"id": 1, "keypoints": ["nose", "tail"]}],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    (found,) = import_file(path).lint
    assert (found.positions, found.zero, found.outside) == (2, 1, 1)
    (found,) = import_file(path, zero_is_missing=True).lint
    assert (found.positions, found.zero) == (1, 0)


def test_several_animals_are_refused(tmp_path: Path) -> None:
    one = {"image_id": 1, "category_id": 1, "keypoints": [1, 1, 2]}
    content = {
        "images": [{"id": 1, "file_name": "s_a/img1.png", "width": 10, "height": 10}],
        "annotations": [{"id": 1, **one}, {"id": 2, **one}],
        "categories": [{"id": 1, "keypoints": ["nose"]}],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(PoseDataError, match="several animals in the image 1 of a"):
        import_file(path)


def test_damaged_files_are_refused_in_words(project: Path, tmp_path: Path) -> None:
    done = export_session(project, "coco", tmp_path / "labels.json")
    assert len(refusals(done.files[0], read_coco, 200)) > 50


def test_a_project_without_labels_is_refused(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path / "project", ("day1",), models=())
    with pytest.raises(PoseDataError, match="there are no labels"):
        export_session(folder, "coco", tmp_path / "labels.json")
