"""Label files: every shape that is out there, byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.label_projects import header, image

from napari_pose3d.core.formats.labels.label_csv import new_label_csv, read_label_csv
from napari_pose3d.core.formats.labels.label_lines import Cell
from napari_pose3d.core.formats.labels.label_queue import read_label_queue
from napari_pose3d.core.formats.predictions.table_header import kind_of, read_header
from napari_pose3d.errors import PoseDataError

DLC = (
    "scorer,,,ann,ann,ann,ann\nbodyparts,,,nose,nose,tail,tail\ncoords,,,x,y,x,y\n"
    "labeled-data,day1,img0012.png,1.5,2.5,,\nlabeled-data,day1,img0044.png,3,4,5,6\n"
)
SHAPES = {
    "two columns": header() + f"{image('top', 3)},1.25,2,,\n",
    "with visible": header(visible=True) + f"{image('top', 3)},1.25,2,2,,,1\n",
    "visible left empty by others": header(visible=True) + f"{image('top', 3)},1,2,,,,\n",
    "no line feed at the end": header() + f"{image('top', 3)},1,2,3,4",
    "windows": (header() + f"{image('top', 3)},1,2,3,4\n").replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + header() + f"{image('top', 3)},1,2,3,4\n",
    "an empty first row": header() + f"{image('top', 3)},,,,\n{image('top', 4)},1,2,3,4\n",
    "empty lines": header() + f"\n{image('top', 3)},1,2,3,4\n\n\n",
    "long floats": header()
    + f"{image('top', 3)},253.5,101.900392541708,1e2,NaN\n".replace("NaN", "7"),
    "nan in words": header() + f"{image('top', 3)},nan,NaN,3,4\n",
    "quotes": header() + '"labeled-data/a,b_top/img00000003.png",1,2,3,4\n',
    "foreign column": (
        "scorer,me,me,me,notes\nbodyparts,nose,nose,nose,notes\ncoords,x,y,blur,text\n"
        f"{image('top', 3)},1,2,0.7,hello\n"
    ),
    "header only": header(),
    "DeepLabCut": DLC,
    "three words in the header": header(("left ear", "right ear", "nose 2")),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_file_that_does_not_change_stays_byte_for_byte(tmp_path: Path, name: str) -> None:
    path = tmp_path / "CollectedData_top.csv"
    path.write_bytes(SHAPES[name].encode())
    table = read_label_csv(path)
    assert table.text().encode() == path.read_bytes()
    assert table.changed({}).text().encode() == path.read_bytes()


@pytest.mark.parametrize("name", [n for n, t in SHAPES.items() if "img" in t])
def test_one_cell_changes_and_nothing_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / "CollectedData_top.csv"
    path.write_bytes(SHAPES[name].encode())
    table = read_label_csv(path)
    line = table.rows[-1][0]
    new = table.changed({line: {table.keypoints[0]: Cell(9.5, 8.25, 2)}})
    path.write_bytes(new.text().encode())
    again = read_label_csv(path)
    assert again.cells(line)[table.keypoints[0]][:2] == (9.5, 8.25)
    for at, _ in table.rows:
        for keypoint in table.keypoints:
            if (at, keypoint) != (line, table.keypoints[0]):
                assert again.cells(at)[keypoint] == table.cells(at)[keypoint]
    assert sum(a != b for a, b in zip(table.lines, again.lines, strict=True)) == 1


def test_new_rows_come_last_and_old_ones_can_go(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_top.csv"
    path.write_text(SHAPES["no line feed at the end"])
    table = read_label_csv(path)
    new = table.changed({}, [(image("top", 7), {"tail": Cell(5, 6, 2)})])
    assert new.text() == SHAPES["no line feed at the end"] + f"\n{image('top', 7)},,,5,6\n"
    gone = new.changed({}, removed=[new.rows[0][0]])
    assert gone.text() == header() + f"{image('top', 7)},,,5,6\n"
    assert [p for _, p in gone.rows] == [image("top", 7)]


def test_deeplabcut_has_its_path_in_three_cells(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_ann.csv"
    path.write_text(DLC)
    table = read_label_csv(path)
    assert [p for _, p in table.rows] == [
        "labeled-data/day1/img0012.png",
        "labeled-data/day1/img0044.png",
    ]
    np.testing.assert_array_equal(
        table.positions(), [[[1.5, 2.5], [np.nan, np.nan]], [[3, 4], [5, 6]]]
    )
    new = table.changed({}, [("labeled-data/day1/img0050.png", {"nose": Cell(1, 2)})])
    assert new.text() == DLC + "labeled-data,day1,img0050.png,1,2,,\n"


def test_keypoints_are_added_renamed_and_ordered(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_top.csv"
    path.write_text(header(visible=True) + f"{image('top', 3)},1,2,2,3,4,2\n")
    new = read_label_csv(path).with_keypoints([("base", "tail"), ("ear", None), ("nose", "nose")])
    assert new.keypoints == ("base", "ear", "nose")
    line = new.rows[0][0]
    assert new.cells(line) == {
        "base": Cell(3, 4, 2),
        "ear": Cell(None, None, 0),
        "nose": Cell(1, 2, 2),
    }
    path.write_text(new.text())
    assert read_label_csv(path).cells(line) == new.cells(line)


def test_columns_of_others_survive_other_keypoints(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_top.csv"
    path.write_text(SHAPES["foreign column"])
    new = read_label_csv(path).with_keypoints([("muzzle", "nose")])
    assert "0.7,hello" in new.text()
    assert "blur" in new.text()


def test_a_new_file_is_what_lightning_pose_makes() -> None:
    assert new_label_csv("x.csv", "me", ("nose", "tail")).text() == header()
    assert new_label_csv("x.csv", "me", ("nose", "tail"), visible=True).text() == header(
        visible=True
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1"),
        ("scorer,a,a\nbodyparts,n,n\n", "line 3"),
        ("time,x\n1,2\n", "this is no label file"),
        (header() + "img1.png,1,2,3\n", "line 4: the line has 4 cells, the header has 5"),
        (header() + "img1.png,1,two,3,4\n", "line 4, column 3: 'two' is not a number"),
        (header() + "img1.png,1,inf,3,4\n", "'inf' is not a number"),
        (header() + "img1.png,1,,3,4\n", "keypoint nose has x but not the other"),
        (header(visible=True) + "img1.png,1,2,3,3,4,2\n", "visible = 3"),
        (header(("nose", "nose")), "keypoint nose is there twice"),
        (header().replace("x,y,x,y", "x,y,x,likelihood"), "predictions, no labels"),
        (header().replace("x,y,x,y", "x,y,x,z"), "keypoint tail has no column y"),
        (
            "scorer,a,a,a,a\nindividuals,b,b,c,c\nbodyparts,n,n,n,n\ncoords,x,y,x,y\n",
            "several individuals (b, c)",
        ),
        ("scorer,a,a\nindividuals,b,b\nbodyparts,n,n\ncoords,x,y\n", "names an individual, b"),
    ],
)
def test_damaged_files_say_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "CollectedData_top.csv"
    path.write_text(text)
    with pytest.raises(PoseDataError) as caught:
        read_label_csv(path).positions()
    assert message in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.realdata
def test_real_labels(shared_data: Path) -> None:
    path = shared_data / "mouse" / "CollectedData.csv"
    table = read_label_csv(path)
    assert table.text().encode() == path.read_bytes()
    assert (len(table.rows), len(table.keypoints)) == (90, 17)
    assert int(np.isnan(table.positions()).sum()) == 268


# ---------------------------------------------------------------------- queues

QUEUE = (
    '{"frame_path":"labeled-data/day1_top/img00000001.png","predictions":{"model_name":"m",'
    '"date_time":1,"predictions":[{"keypoint_name":"nose","x":156.1,"y":105.3}]}}\n'
    '{"frame_path": "labeled-data/day1_top/img00000123.png", "predictions": null}\n'
)


def test_a_queue_keeps_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_top.unlabeled.jsonl"
    path.write_text(QUEUE)
    queue = read_label_queue(path)
    assert queue.text() == QUEUE
    assert queue.predictions(queue.images[0]) == {"nose": (156.1, 105.3)}
    assert queue.predictions(queue.images[1]) == {}
    more = queue.with_added([queue.images[1], "labeled-data/day1_top/img00000007.png"])
    assert more.text() == QUEUE + (
        '{"frame_path":"labeled-data/day1_top/img00000007.png","predictions":null}\n'
    )
    assert more.without([queue.images[0]]).text().count("\n") == 2


def test_a_queue_that_others_left_empty(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_top.unlabeled.jsonl"
    path.write_text("\n")
    assert read_label_queue(path).images == ()
    assert read_label_queue(tmp_path / "none.jsonl").lines == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{broken\n", "line 1: this is not valid JSON"), ('{"a": 1}\n', "names no image")],
)
def test_damaged_queues_say_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "CollectedData_top.unlabeled.jsonl"
    path.write_text(text)
    with pytest.raises(PoseDataError, match=message):
        read_label_queue(path)


@pytest.mark.parametrize(
    "head",
    [
        ("", ""),
        ("Unnamed: 1_level_{}", "Unnamed: 2_level_{}"),
    ],
)
def test_paths_in_three_cells(tmp_path: Path, head: tuple[str, str]) -> None:
    rows = [
        [name, *(each.format(i) for each in head), *cells]
        for i, (name, cells) in enumerate(
            [
                ("scorer", ["me"] * 4),
                ("bodyparts", ["nose", "nose", "tail", "tail"]),
                ("coords", ["x", "y"] * 2),
            ]
        )
    ]
    rows.append(["labeled-data", "s01_left", "img00000004.png", "1", "2", "3", "4"])
    path = tmp_path / "CollectedData_me.csv"
    path.write_text("".join(",".join(row) + "\n" for row in rows))
    table = read_label_csv(path)
    assert table.keypoints == ("nose", "tail")
    assert table.scorer == "me"
    assert table.rows == ((3, "labeled-data/s01_left/img00000004.png"),)
    assert table.positions().tolist() == [[[1, 2], [3, 4]]]
    assert kind_of(path) == "labels"
    assert read_header(path)[0].keypoints(None) == ("nose", "tail")
    added = table.changed({}, [("labeled-data/s01_left/img00000009.png", {})])
    assert added.text().endswith("labeled-data,s01_left,img00000009.png,,,,\n")
