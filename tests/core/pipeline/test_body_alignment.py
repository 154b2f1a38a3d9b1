"""Sessions in the frame of their animal: the floor that is fitted, exports, what is said of it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from tests.core.poses.test_body_frame import BODY
from tests.support.projects.session_files import touch
from tests.support.recordings.exchange_poses import poses_of as session_poses

from napari_pose3d import PoseDataError, SessionPoses, export_poses
from napari_pose3d.cli import main
from napari_pose3d.core.formats.exchange.session_poses import poses3d_of
from napari_pose3d.core.formats.predictions.poses3d_csv import write_poses3d_csv
from napari_pose3d.core.pipeline.kinematics.body_alignment import align_to_body, floor_normal
from napari_pose3d.core.poses.kinematics.body_frame import BodyFrame, BodyFrameEntry
from napari_pose3d.core.poses.kinematics.measurements import Measurement
from napari_pose3d.core.projects.project_toml import read_own_project, text_with_renamed
from napari_pose3d.settings import ExportSettings

NAMES = ("tail", "neck", "nose", "paw_L")


def walk(tilt: Rotation, n: int = 80, seed: int = 0) -> SessionPoses:
    """An animal that walks and turns on a tilted floor; its left paw stands on it or is raised."""
    rng = np.random.default_rng(seed)
    turns = Rotation.from_euler("z", rng.uniform(-180, 180, (n, 1)), degrees=True)
    world = np.stack([turn.apply(BODY) for turn in turns])
    world[..., :2] += rng.uniform(-40, 40, (n, 1, 2))
    world[..., 2] += 1
    # Raised in a fifth of the frames, else on the floor but for noise.
    world[:, 3, 2] = np.where(rng.random(n) < 0.2, rng.uniform(3, 6, n), rng.normal(0, 0.05, n))
    points = tilt.apply(world.reshape(-1, 3)).reshape(world.shape) + np.array([100.0, -50, 20])
    covariance = np.broadcast_to(np.eye(3, dtype=np.float32) * 1e-4, (*world.shape, 3))
    return SessionPoses(poses3d_of(points, NAMES, session="day1", covariance=covariance))


def test_a_fitted_floor_passes_over_raised_feet() -> None:
    tilt = Rotation.from_euler("xy", [25, -40], degrees=True)
    poses = walk(tilt)
    assert poses.poses3d is not None
    up = floor_normal(poses.poses3d, ("paw_L",))
    off = np.degrees(np.arccos(np.clip(tilt.apply([0, 0, 1]) @ up, -1, 1)))
    assert off < 0.2
    aligned, notes = align_to_body(poses, "neck,tail,neck", ("paw_L",))
    assert aligned.poses3d is not None
    np.testing.assert_allclose(
        aligned.poses3d.xyz[:, :3], np.broadcast_to(BODY[:3], (80, 3, 3)), atol=0.03
    )
    angle = np.degrees(np.arccos(tilt.as_matrix()[2, 2]))
    assert len(notes) == 1
    assert abs(float(notes[0].split("tilted ")[1].split()[0]) - angle) < 0.3


def test_where_up_is_not_known_that_is_told() -> None:
    poses = walk(Rotation.identity())
    _, notes = align_to_body(poses, "neck,tail,neck")
    assert "does not say where its floor is" in notes[0]
    rig = session_poses().rig
    assert rig is not None
    placed = replace(rig, extra={"metadata": {"origin": "a floor through paw_L"}})
    assert align_to_body(replace(poses, rig=placed), "neck,tail,neck")[1] == []


def test_empty_frames_are_counted_and_none_at_all_is_an_error() -> None:
    poses = walk(Rotation.identity())
    assert poses.poses3d is not None
    xyz = poses.poses3d.xyz.copy()
    xyz[:7, 0] = np.nan
    xyz[7:10, 0] = xyz[7:10, 1] - [0, 0, 5]
    some = replace(poses, poses3d=replace(poses.poses3d, xyz=xyz))
    notes = align_to_body(some, "neck,tail,neck")[1]
    assert notes[1].startswith("10 frames left empty: 7 without one of neck, tail, 3 with an")
    xyz[:, 0] = np.nan
    with pytest.raises(PoseDataError, match="defined in none of 80 frames"):
        align_to_body(some, "neck,tail,neck")
    with pytest.raises(PoseDataError, match="there is no keypoint hoof"):
        align_to_body(poses, "neck,nose", ("hoof",))


def test_a_tidy_export_in_the_frame_of_the_animal(tmp_path: Path) -> None:
    measured = (Measurement("back", "length", ("tail", "neck")), Measurement("x", "speed", ("y",)))
    poses = replace(walk(Rotation.identity()), measurements=measured, fps=50.0)
    settings = ExportSettings(body_frame="neck,tail,neck", floor="paw_L")
    done = export_poses(poses, "tidy-csv", tmp_path, settings)
    assert [path.name for path in done.files if path.suffix == ".csv"] == [
        "day1.csv",
        "day1_kinematics.csv",
    ]
    assert "[kinematics] x is left out: there is no keypoint y" in done.notes
    table = pd.read_csv(tmp_path / "day1.csv")
    tail = table[table["keypoint"] == "tail"]
    np.testing.assert_allclose(tail[["x", "y", "z"]], [[-3, 0, 0]] * 80, atol=0.03)
    # Of the way from tail to neck, both ends vary.
    np.testing.assert_allclose(tail["sd_x"], 0.01 * 2**0.5, rtol=1e-3)
    lengths = pd.read_csv(tmp_path / "day1_kinematics.csv")
    assert list(lengths) == ["frame", "measurement", "value", "sd", "unit"]
    np.testing.assert_allclose(lengths["value"], 3)
    # From the world, where keypoints are independent.
    np.testing.assert_allclose(lengths["sd"], 0.01 * 2**0.5, rtol=1e-3)
    with pytest.raises(PoseDataError, match="cannot be in the frame of an animal"):
        export_poses(session_poses(), "dlc-csv", tmp_path / "other", settings)
    with pytest.raises(PoseDataError, match="only together with the frame"):
        ExportSettings(floor="paw_L")


def test_the_frame_of_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = walk(Rotation.identity()).poses3d
    assert space is not None
    write_poses3d_csv(tmp_path / "day1_3d.csv", space)
    given = ["export", str(tmp_path), "--format", "tidy-csv", "--out", str(tmp_path / "out")]
    assert main([*given, "--body-frame"]) == 2
    assert "a table [body_frame] in napari-pose3d/project.toml" in capsys.readouterr().err
    table = 'origin = "neck"\nback = "tail"\nfront = "neck"\nfloor = ["paw_L"]\n'
    touch(tmp_path / "napari-pose3d" / "project.toml", f"[body_frame]\n{table}")
    assert main([*given, "--body-frame"]) == 0
    assert "the floor under paw_L" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "out" / "day1.csv")
    tail = found[found["keypoint"] == "tail"]
    np.testing.assert_allclose(tail[["x", "y", "z"]], [[-3, 0, 0]] * 80, atol=0.03)
    renamed = text_with_renamed(tmp_path, {"neck": "withers", "paw_L": "hand"})
    assert BodyFrameEntry.of_table(tomllib.loads(renamed)["body_frame"]) == BodyFrameEntry(
        BodyFrame("withers", "withers", "tail"), ("hand",)
    )


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('front = "nose"', "'origin' is no name"),
        ('origin = "neck"\nfront = "neck"', "to itself"),
        ('origin = "neck"\nfront = "nose"\nfloor = "paw_L"', "'floor' is no list"),
        ('origin = "neck"\nfront = "nose"\nup = "z"', "'up' is no key"),
        ('origin = "neck"\nfront = "nose"\nback = ""', "'back' is no name"),
    ],
)
def test_a_faulty_frame_of_a_project_is_named(tmp_path: Path, table: str, problem: str) -> None:
    path = touch(tmp_path / "napari-pose3d" / "project.toml", f"[body_frame]\n{table}\n")
    with pytest.raises(PoseDataError, match=problem) as raised:
        read_own_project(tmp_path)
    assert raised.value.file == str(path)
    assert "[body_frame]" in str(raised.value)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = walk(Rotation.identity()).poses3d
    assert space is not None
    write_poses3d_csv(tmp_path / "day1_3d.csv", space)
    given = ["export", str(tmp_path / "day1_3d.csv"), "--format", "tidy-csv"]
    out = tmp_path / "out"
    assert main([*given, "--out", str(out), "--body-frame", "neck,tail,neck"]) == 0
    assert "does not say where its floor is" in capsys.readouterr().out
    table = pd.read_csv(out / "day1.csv")
    np.testing.assert_allclose(table[table["keypoint"] == "neck"][["x", "y", "z"]], 0, atol=1e-9)
    assert main([*given, "--out", str(out), "--force", "--body-frame", "neck,neck"]) == 2
    assert "two different keypoints" in capsys.readouterr().err
