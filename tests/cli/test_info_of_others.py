"""`info` names the files of other programs, and says of damaged ones what `smooth` says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.support.projects.label_projects import label_project
from tests.support.projects.session_files import counted, put_predictions
from tests.support.recordings.rig_formats import KEPT, rig_with

from napari_pose3d import load_rig
from napari_pose3d.cli import main
from napari_pose3d.core.formats.calibrations.mat_files import label3d_cells
from napari_pose3d.core.formats.calibrations.rig_conversion import (
    projection_differences,
    read_rig,
    write_rig,
)
from napari_pose3d.errors import PoseDataError

RIG = rig_with()


def said_of(path: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capfd.readouterr()
    code = main(["info", str(path)])
    said = capfd.readouterr()
    return code, said.out + said.err


@pytest.mark.parametrize("key", [key for key in KEPT if key not in ("anipose", "deeplabcut")])
def test_calibrations_of_other_programs(
    tmp_path: Path, key: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name, distortion = KEPT[key]
    rig = rig_with(distortion)
    write_rig(rig, tmp_path / name, key)
    code, said = said_of(tmp_path / name, capfd)
    if key in ("pose2sim", "freemocap"):
        assert "calibration of 3 cameras" in said  # read as they are
        return
    # Caliscope's is refused by the reader of Anipose's, in the same words as everywhere.
    assert code == (2 if key == "caliscope" else 0)
    assert "convert it to Anipose's TOML: napari-pose3d rig convert" in said.replace(
        "Convert", "convert"
    )
    if key not in ("caliscope", "dlt"):
        assert "3 cameras" in said


@pytest.mark.parametrize("key", ["caliscope", "opencv", "label3d", "dlt", "csv", "jarvis"])
@pytest.mark.parametrize("folder", ["", "predictions"])
def test_a_calibration_of_another_program_beside_predictions(
    tmp_path: Path, key: str, folder: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is not used, and every command says so, and what to do."""
    name, distortion = KEPT[key]
    name = "calibration" if key == "jarvis" else name.replace("a.csv", "cameras.csv")
    write_rig(rig_with(distortion), tmp_path / name, key)
    for view in RIG.names:
        put_predictions(tmp_path / folder / f"day1_{view}.csv", counted(), ("nose", "tail"))
    said = f"{name} is a calibration of another program"
    assert said in said_of(tmp_path, capfd)[1]
    for command, code in (("triangulate", 2), ("smooth", 0)):
        single = ["--mode", "single"] if command == "smooth" else []
        out = str(tmp_path / "out")
        assert main([command, str(tmp_path), "--out", out, *single]) == code
        captured = capfd.readouterr()
        assert said in captured.out + captured.err


def test_files_that_only_look_like_calibrations(tmp_path: Path, capfd) -> None:
    """Such as those of DeepLabCut and Lightning Pose, and damaged ones."""
    for view in ("left", "right"):
        put_predictions(tmp_path / f"day1_{view}.csv", counted(), ("nose", "tail"))
        (tmp_path / f"day1_{view}DLC_full.pickle").write_bytes(b"\x80\x04N.")
    (tmp_path / "litpose.yaml").write_text("data:\n  view_names: [left, right]\n")
    (tmp_path / "times.mat").write_bytes(b"MATLAB 5.0" + b"\0" * 200)
    (tmp_path / "camera_notes.csv").write_text("camera,serial\nleft,1\n")
    (tmp_path / "cameras.xml").write_text("<?xml version='1.0'?><a/>")
    assert "calibration of another program" not in said_of(tmp_path, capfd)[1]
    assert main(["triangulate", str(tmp_path)]) == 2
    assert "calibration of another program" not in capfd.readouterr().err


def test_a_folder_of_dannce(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One file for each camera; a Mac adds to each what is none."""
    from scipy.io import savemat

    rig = rig_with((-0.12, 0.03, 0.001, -0.002, 0.0), 11)
    names = [f"cam{i}" for i in range(11)]
    cameras = (replace(c, name=n) for c, n in zip(rig.cameras, names, strict=True))
    rig = replace(rig, cameras=tuple(cameras))
    cells, _ = label3d_cells(rig)
    folder = tmp_path / "calibration"
    folder.mkdir()
    for name, values in zip(names, cells["params"].ravel(), strict=True):
        savemat(folder / f"hires_{name}_params.mat", values)
        (folder / f"._hires_{name}_params.mat").write_bytes(b"\0\5\x16\7")
    read = read_rig(folder)
    assert list(read.names) == names
    assert max(projection_differences(rig, read).values()) < 1e-9
    code, said = said_of(folder, capfd)
    assert code == 0
    assert "11 cameras" in said
    with pytest.raises(PoseDataError, match="folder") as caught:
        load_rig(folder)
    assert [each.kind for each in caught.value.remedies] == ["convert"]


def test_a_mac_adds_files_to_those_of_opencv(tmp_path: Path) -> None:
    write_rig(RIG, tmp_path / "jarvis", "jarvis")
    for path in list((tmp_path / "jarvis").iterdir()):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
    assert set(read_rig(tmp_path / "jarvis").names) == set(RIG.names)


@pytest.mark.parametrize("content", [{"cam1": {"K": [[1]]}}, {"a": [1, 2]}, [1, 2]])
def test_json_that_is_no_data_set(
    tmp_path: Path, content: object, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(content))
    code, said = said_of(path, capfd)
    assert code == 0
    assert "COCO" not in said
    assert main(["import", str(path)]) == 2
    assert "--format" in capfd.readouterr().err


def test_numbers_too_long_for_a_calibration(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(f"a = {'4' * 5000}\n")
    for command in (["rig", "convert", str(path), str(tmp_path / "new.toml")], ["info", str(path)]):
        assert main(command) == 2
        assert "rig.toml" in capfd.readouterr().err


# --- tables -----------------------------------------------------------------------------------


def dlc_frame(n: int = 4) -> pd.DataFrame:
    names = ["scorer", "bodyparts", "coords"]
    columns = pd.MultiIndex.from_product(
        [["net"], ["a", "b"], ["x", "y", "likelihood"]], names=names
    )
    return pd.DataFrame(np.arange(6.0 * n).reshape(n, 6), columns=columns)


@pytest.mark.parametrize("key", ["tracks", "position", "df_with_missing", "group/df_with_missing"])
@pytest.mark.parametrize("style", ["fixed", "table"])
def test_tables_of_pandas_by_any_name(
    tmp_path: Path, key: str, style: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also by that of a data set of another program."""
    pytest.importorskip("tables")
    path = tmp_path / "day1_left.h5"
    dlc_frame().to_hdf(path, key=key, format=style, mode="w")
    code, said = said_of(path, capfd)
    assert code == 0
    assert "predictions, 4 frames x 2 keypoints (a, b)" in said
    if "/" in key:
        dlc_frame(2).to_hdf(path, key="group/older", format=style, mode="a")
        code, said = said_of(path, capfd)
        assert "predictions, 4 frames" in said
        assert "group/older is not" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"hello", "this is no HDF5 file"),
        (lambda data: data[: len(data) // 2], "damaged, or was not copied to its end"),
    ],
)
def test_files_that_are_no_hdf5(tmp_path: Path, change, words: str, capfd) -> None:
    pytest.importorskip("tables")
    path = tmp_path / "day1_left.h5"
    dlc_frame().to_hdf(path, key="df_with_missing", mode="w")
    path.write_bytes(change(path.read_bytes()))
    assert words in said_of(path, capfd)[1]
    assert main(["smooth", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capfd.readouterr().err
    assert words in said
    assert "Export CSV" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace(",", ";"), "separated by semicolons"),
        (lambda text: text.replace(",", "\t"), "separated by tabs"),
        (lambda text: text.replace("\n", "\r"), "carriage returns only"),
        (lambda text: text.replace("\n", ",,\n"), "2 columns at the end have no head"),
    ],
)
def test_what_a_spreadsheet_makes_of_predictions(tmp_path: Path, change, words: str, capfd) -> None:
    """One message, with the file and what to do, from every command."""
    for view in ("left", "right"):
        path = put_predictions(tmp_path / f"day1_{view}.csv", counted(), ("nose", "tail"))
        path.write_bytes(change(path.read_text()).encode())
    code, said = said_of(path, capfd)
    assert code == 2
    assert words in said
    assert words in said_of(tmp_path, capfd)[1]
    for command in ("smooth", "triangulate"):
        assert main([command, str(tmp_path), "--out", str(tmp_path / "out")]) == 2
        said = capfd.readouterr().err
        assert words in said
        assert "day1_left.csv" in said


def test_a_header_that_pandas_has_numbered(tmp_path: Path, capfd) -> None:
    """With one header row it gives each scorer another name; the other rows tell the columns."""
    path = put_predictions(tmp_path / "day1_left.csv", counted(), ("nose", "tail"))
    text = path.read_text().split("\n", 1)[1]
    path.write_text("scorer,net,net.1,net.2,net.3,net.4,net.5\n" + text)
    assert "10 frames x 2 keypoints (nose, tail), scorer net" in said_of(path, capfd)[1]


def test_damaged_labels_are_named_in_their_project(tmp_path: Path, capfd) -> None:
    folder = label_project(tmp_path, {4: "1,2,3,4"})
    assert "CollectedData_" not in said_of(folder, capfd)[1].partition("issues:")[2]
    path = next(folder.glob("CollectedData_*.csv"))
    path.write_text(path.read_text().replace(",", ";"))
    issues = said_of(folder, capfd)[1].partition("issues:")[2]
    assert f"{path}, line 1: the cells are separated by semicolons" in issues
