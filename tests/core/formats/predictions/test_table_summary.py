"""`info` says what a table holds, with every animal in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.prediction_csv import (
    read_individuals_csv,
    read_prediction_csv,
)
from napari_pose3d.core.formats.predictions.prediction_h5 import (
    read_individuals_h5,
    read_prediction_h5,
)
from napari_pose3d.core.formats.predictions.table_summary import describe_table
from napari_pose3d.errors import PoseDataError

# Animals in one order, then a part of the box that belongs to none.
ANIMALS = {"m1": ("nose", "tail"), "m2": ("tail", "nose"), "single": ("corner",)}


def two_animals(coords: tuple[str, ...] = ("x", "y", "likelihood")) -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples(
        [("net", who, part, c) for who, parts in ANIMALS.items() for part in parts for c in coords],
        names=["scorer", "individuals", "bodyparts", "coords"],
    )
    values = np.random.default_rng(5).uniform(1, 400, (6, len(columns)))
    values[0] = np.nan
    return pd.DataFrame(values, columns=columns)


def written(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".h5":
        pytest.importorskip("tables")
        frame.to_hdf(path, key="df_with_missing")
    else:
        frame.to_csv(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_all_animals_are_named_in_file_order(suffix: str, tmp_path: Path) -> None:
    path = written(two_animals(), tmp_path / f"run1_top{suffix}")
    assert describe_table(path).splitlines() == [
        f"{path}: predictions of 3 individuals, 6 frames",
        "  m1: 2 keypoints (nose, tail), scorer net, 16.7 % missing",
        "  m2: 2 keypoints (tail, nose), scorer net, 16.7 % missing",
        "  single: 1 keypoints (corner), scorer net, 16.7 % missing",
    ]


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_one_animal_can_be_chosen(suffix: str, tmp_path: Path) -> None:
    path = written(two_animals(), tmp_path / f"run1_top{suffix}")
    assert describe_table(path, "single") == (
        f"{path}: predictions of single, 6 frames x 1 keypoints (corner), scorer net, "
        "16.7 % missing"
    )
    with pytest.raises(PoseDataError, match=r"no individual is called 'm3'.*m1, m2, single"):
        describe_table(path, "m3")


def test_a_file_without_individuals_has_none_to_choose(tmp_path: Path) -> None:
    frame = two_animals()["net"]["m1"]
    frame.columns = pd.MultiIndex.from_tuples(
        [("net", *column) for column in frame.columns], names=["scorer", "bodyparts", "coords"]
    )
    path = written(frame, tmp_path / "run1_top.csv")
    assert "6 frames x 2 keypoints (nose, tail)" in describe_table(path)
    with pytest.raises(PoseDataError, match=r"names no individuals"):
        describe_table(path, "m1")


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_all_are_what_each_is_by_itself(suffix: str, tmp_path: Path) -> None:
    path = written(two_animals(), tmp_path / f"run1_top{suffix}")
    read_all = read_individuals_h5 if suffix == ".h5" else read_individuals_csv
    read_one = read_prediction_h5 if suffix == ".h5" else read_prediction_csv
    tables = read_all(path)
    assert [table.individual for table in tables] == list(ANIMALS)
    for table in tables:
        one = read_one(path, table.individual)
        assert one.keypoints == table.keypoints == ANIMALS[str(table.individual)]
        np.testing.assert_array_equal(one.xy, table.xy)
        np.testing.assert_array_equal(one.likelihood, table.likelihood)


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_labels_are_called_labels(suffix: str, tmp_path: Path) -> None:
    path = written(two_animals(("x", "y")), tmp_path / f"CollectedData_top{suffix}")
    said = f"{path}: labels of 3 keypoints (nose, tail, corner) of m1, m2, single"
    assert describe_table(path) == said


def test_anipose_positions_and_foreign_tables(tmp_path: Path) -> None:
    path = tmp_path / "run1.csv"
    path.write_text("a_x,a_y,a_z,a_error,a_ncams,a_score,fnum\n1,2,3,0,2,1,0\n")
    assert describe_table(path) == f"{path}: 3-D positions, 1 frames x 1 keypoints (a)"
    path.write_text("time,weight\n1,2\n")
    assert "not predictions" in describe_table(path)


def test_the_command_succeeds_and_takes_a_choice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(two_animals(), tmp_path / "run1_top.csv")
    assert main(["info", str(path)]) == 0
    assert "m2: 2 keypoints (tail, nose)" in capsys.readouterr().out
    assert main(["info", "--individual", "m2", str(path)]) == 0
    assert "predictions of m2" in capsys.readouterr().out
    assert main(["info", "--individual", "cat", str(path)]) == 2
    assert "m1, m2, single" in capsys.readouterr().err


def test_tables_that_are_not_read_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tables")
    frame = two_animals().xs("m1", axis=1, level="individuals")
    for view in ("left", "right"):
        path = written(frame, tmp_path / f"run1_{view}.h5")
        for key in ("keypoints", "old/labels"):
            (frame * 2).to_hdf(path, key=key)
    note = (
        "note: the file holds 3 tables: df_with_missing is read, as in DeepLabCut, "
        "keypoints, old/labels are not"
    )
    assert describe_table(path).splitlines()[1:] == [f"  {note}"]
    assert main(["info", str(tmp_path)]) == 0
    of_folder = capsys.readouterr().out
    assert note.replace("note: ", "note: run1_left.h5 and 1 more: ") in of_folder


def test_positions_in_hdf5(tmp_path: Path) -> None:
    frame = two_animals(("x", "y", "z")).xs("m1", axis=1, level="individuals")
    path = written(frame, tmp_path / "run1_3d.h5")
    assert describe_table(path) == f"{path}: 3-D positions, 6 frames x 2 keypoints (nose, tail)"


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_an_empty_file_is_called_so(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"run1_top{suffix}"
    path.touch()
    assert describe_table(path) == f"{path}: an empty file"
