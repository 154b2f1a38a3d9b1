"""Files with several animals whose views do not hold the same ones: all commands say the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.recordings.scenes import ring_rig, walk

from napari_pose3d import load_predictions, save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.errors import PoseDataError

RIG = ring_rig(3)
VIEWS = RIG.names
XYZ = {name: walk(20, 2, np.random.default_rng(i)) for i, name in enumerate(("m1", "m2"))}
Owners = tuple[str | None, ...]


def put(folder: Path, view: int, owners: Owners) -> None:
    """A file of one view with two keypoints of each owner; None where no row names them."""
    head = [["scorer"], ["individuals"], ["bodyparts"], ["coords"]]
    for owner in owners:
        for keypoint in ("nose", "tail"):
            for coordinate in ("x", "y", "likelihood"):
                cells = ("net", owner, keypoint, coordinate)
                for row, cell in zip(head, cells, strict=True):
                    row.append(str(cell))
    if owners == (None,):
        del head[1]
    xy = np.concatenate([RIG.project(XYZ[owner or "m1"])[view] for owner in owners], axis=1)
    rows = [[str(t)] + [f"{x:.4f},{y:.4f},0.9" for x, y in row] for t, row in enumerate(xy)]
    text = "\n".join(",".join(row) for row in [*head, *rows])
    (folder / f"day1_{VIEWS[view]}.csv").write_text(text + "\n")


def recording(root: Path, *owners: Owners) -> Path:
    folder = root / "recording"
    folder.mkdir()
    save_rig(RIG, folder / "calibration.toml")
    for view, each in enumerate(owners):
        put(folder, view, each)
    return folder


CASES: dict[str, tuple[Owners, Owners, Owners]] = {
    "one view lacks it": (("m1", "m2"), ("m1",), ("m2", "m1")),
    "one view names none": (("m1", "m2"), (None,), ("m2", "m1")),
}


@pytest.mark.parametrize("name", CASES)
def test_an_individual_that_a_view_lacks(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is said which file lacks it, and what is advised works."""
    folder = recording(tmp_path, *CASES[name])
    lacking = f"day1_{VIEWS[1]}.csv"
    with pytest.raises(PoseDataError, match="not in every file") as caught:
        load_predictions(folder, individual="m2")
    assert lacking in str(caught.value)
    out = tmp_path / "out"
    command = ["triangulate", str(folder), "--individual", "m2", "--out", str(out)]
    assert main(command) == 2
    assert "--allow-missing" in capfd.readouterr().err
    assert main([*command, "--allow-missing"]) == 0
    assert lacking in capfd.readouterr().out
    table = read_poses3d_csv(out / "day1_3d.csv")
    assert np.abs(table.xyz - XYZ["m2"]).max() < 1e-3
    record = json.loads((out / "day1_run.json").read_text())
    assert record["views"] == [VIEWS[0], VIEWS[2]]
    assert main(["info", str(folder)]) == 0
    said = capfd.readouterr().out
    assert "other individuals in other views" in said
    exported = ["export", str(folder), "--format", "dlc-csv", "--out", str(tmp_path / "dlc")]
    assert main([*exported, "--individual", "m2"]) == 2
    assert "--allow-missing" in capfd.readouterr().err
    assert main([*exported, "--individual", "m2", "--allow-missing"]) == 0


def test_individuals_in_another_order(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = recording(tmp_path, ("m1", "m2"), ("m2", "m1"), ("m1", "m2"))
    for name in ("m1", "m2"):
        out = tmp_path / name
        assert main(["triangulate", str(folder), "--individual", name, "--out", str(out)]) == 0
        xyz = read_poses3d_csv(out / "day1_3d.csv").xyz
        assert np.abs(xyz - XYZ[name]).max() < 1e-3
    capfd.readouterr()
    assert main(["info", str(folder)]) == 0
    assert "holds the individuals m1, m2" in capfd.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ["rig", "check", "TOML", "--predictions", "DIR"],
        ["rig", "origin", "TOML", "--predictions", "DIR", "--floor", "nose", "--out", "OUT"],
        ["rig", "refine", "TOML", "--predictions", "DIR", "--out", "OUT"],
    ],
)
def test_commands_for_calibrations_take_the_option_that_they_name(
    tmp_path: Path, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = recording(tmp_path, ("m1", "m2"), ("m2", "m1"), ("m1", "m2"))
    places = {"TOML": folder / "calibration.toml", "DIR": folder, "OUT": tmp_path / "new.toml"}
    arguments = [str(places.get(each, each)) for each in command]
    assert main(arguments) == 2
    assert "--individual NAME" in capfd.readouterr().err
    main([*arguments, "--individual", "m2"])
    # A rig without fault is not refined.
    assert capfd.readouterr().err.count("individual") == 0


def test_files_of_different_animals(tmp_path: Path) -> None:
    folder = recording(tmp_path, ("m1",), ("m2",), ("m1",))
    with pytest.raises(PoseDataError, match="different individuals") as caught:
        load_predictions(folder)
    assert [each.kind for each in caught.value.remedies] == ["individual", "allow_missing"]
    found = load_predictions(folder, individual="m1", allow_missing=True)
    assert found.views == (VIEWS[0], VIEWS[2])


@pytest.mark.parametrize("ending", ["", "net", "net_el", "net_sk_filtered"])
def test_import_reads_one_individual(
    tmp_path: Path, ending: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Session and view follow from the name, also of a tracker's file."""
    folder = recording(tmp_path, ("m1", "m2"), ("m2", "m1"), ("m1", "m2"))
    path = folder / f"day1_{VIEWS[0]}.csv"
    path = path.rename(path.with_stem(f"{path.stem}{ending}"))
    command = ["import", str(path), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert "--individual NAME" in capfd.readouterr().err
    assert main([*command, "--individual", "m2"]) == 0
    table = read_prediction_csv(tmp_path / "out" / f"day1_{VIEWS[0]}.csv")
    assert np.abs(table.xy - RIG.project(XYZ["m2"])[0]).max() < 1e-3
    trc = tmp_path / "day1.trc"
    trc.write_text("PathFileType\t4\t(X/Y/Z)\tday1.trc\n")
    assert main(["import", str(trc), "--individual", "m2"]) == 2
    assert "leave out --individual" in capfd.readouterr().err
