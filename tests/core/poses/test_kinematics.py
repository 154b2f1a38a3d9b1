"""Angles, lengths, orientations and speeds: known shapes, and uncertainty against many draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from tests.support.recordings.exchange_poses import poses_of as session_poses

from napari_pose3d.cli import main
from napari_pose3d.core.poses.arrays import Poses3D
from napari_pose3d.core.poses.kinematics import geometry
from napari_pose3d.core.poses.kinematics.kinds import KINDS
from napari_pose3d.core.poses.kinematics.measurements import (
    Measured,
    Measurement,
    measure,
    measurements_of,
)
from napari_pose3d.core.projects.project_toml import read_own_project, text_with_renamed
from napari_pose3d.errors import PoseDataError

NAMES = ("a", "b", "c", "d", "e", "f")


def poses_of(
    points: np.ndarray, covariance: np.ndarray | None = None, units: str = "mm"
) -> Poses3D:
    n, k = points.shape[:2]
    if covariance is None:
        covariance = np.zeros((n, k, 3, 3))
    return Poses3D(
        points,
        covariance,
        np.full((n, k), 2),
        np.zeros((2, n, k), np.float32),
        np.zeros((n, k), bool),
        ("one", "two"),
        NAMES[:k],
        units=units,
    )


def value(kind: str, *points: tuple[float, float, float], fps: float | None = None) -> Measured:
    array = np.array(points, float)[None]
    return measure(poses_of(array), Measurement("it", kind, NAMES[: len(points)]), fps)


def test_known_shapes() -> None:
    right = ((2.0, 0, 0), (0.0, 0, 0), (0.0, 3, 0))
    assert value("angle", *right).values[0, 0] == pytest.approx(90)
    assert value("length", (1, 2, 3), (1, 2, 7)).values[0, 0] == 4
    assert value("segment_angle", (0, 0, 0), (1, 0, 0), (5, 5, 5), (5, 5, 9)).values[0, 0] == 90
    flat, upright = ((0, 0, 0), (1, 0, 0), (0, 1, 0)), ((0, 0, 0), (1, 0, 0), (0, 0, 1))
    assert value("plane_angle", *flat, *upright).values[0, 0] == pytest.approx(90)
    np.testing.assert_allclose(
        value("direction", (0, 0, 0), (-1, 1, 2**0.5)).values[0], (135, 45), atol=1e-12
    )


@pytest.mark.parametrize("turn", [0.0, 60.0, 179.0, -120.0])
def test_torsion_looking_along_the_axis(turn: float) -> None:
    # Along +z, clockwise for who looks that way is from x to y.
    last = Rotation.from_euler("z", turn, degrees=True).apply([1.0, 0, 1])
    found = value("torsion", (1, 0, 0), (0, 0, 0), (0, 0, 1), tuple(last))
    assert found.values[0, 0] == pytest.approx(turn)


def test_orientation_turns_the_world_into_the_body() -> None:
    rng = np.random.default_rng(0)
    turns = Rotation.random(50, rng=rng)
    body = np.array([[0.0, 0, 0], [2, 0, 0], [1, 3, 0]])
    points = np.stack([turn.apply(body) for turn in turns]) + rng.normal(size=(50, 1, 3))
    found = measure(poses_of(points), Measurement("body", "orientation", ("a", "b", "c")))
    assert found.names == ("body w", "body x", "body y", "body z")
    again = Rotation.from_quat(found.values[:, [1, 2, 3, 0]])
    np.testing.assert_allclose((again * turns.inv()).magnitude(), 0, atol=1e-7)
    assert (found.values[:, 0] >= 0).all()


def test_speed_in_seconds_and_frames() -> None:
    points = np.zeros((5, 1, 3))
    points[:, 0, 0] = 3 * np.arange(5)
    one = Measurement("nose", "speed", ("a",))
    np.testing.assert_allclose(measure(poses_of(points), one, 50.0).values[:, 0], 150)
    assert measure(poses_of(points), one, 50.0).unit == "mm per s"
    assert measure(poses_of(points), one).unit == "mm per frame"
    assert np.isnan(measure(poses_of(points[:1]), one).values).all()


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.per_time])
def test_uncertainty_is_that_of_many_draws(kind: str) -> None:
    rng = np.random.default_rng(3)
    k = KINDS[kind].n_points
    centre = rng.normal(size=(k, 3)) * 10
    roots = rng.normal(size=(k, 3, 3)) * 0.05
    covariance = roots @ roots.transpose(0, 2, 1)
    draws = centre + np.einsum("kij,nkj->nki", roots, rng.normal(size=(40_000, k, 3)))
    one = Measurement("it", kind, NAMES[:k])
    stated = measure(poses_of(centre[None], covariance[None]), one)
    each = measure(poses_of(draws), one).values
    off = KINDS[kind].difference(each, np.broadcast_to(stated.values, each.shape))
    np.testing.assert_allclose(stated.deviations[0], off.std(axis=0), rtol=0.03)


def test_uncertainty_where_angles_and_quaternions_begin_again() -> None:
    covariance = np.full((1, 4, 3, 3), 1e-4) * np.eye(3)
    back = np.array([[[0.0, 0, 0], [-1, 0, 0]]])
    heading = measure(poses_of(back, covariance[:, :2]), Measurement("h", "direction", ("a", "b")))
    assert heading.deviations[0, 0] == pytest.approx(np.degrees(0.01 * 2**0.5), rel=1e-3)
    half = Rotation.from_euler("z", 180, degrees=True).apply([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    body = measure(
        poses_of(half[None], covariance[:, :3]), Measurement("b", "orientation", NAMES[:3])
    )
    assert (body.deviations < 0.05).all()


def test_what_is_missing_stays_missing() -> None:
    points = np.random.default_rng(1).normal(size=(3, 3, 3))
    points[1, 2] = np.nan
    points[2, 0] = points[2, 1]
    found = measure(poses_of(points), Measurement("it", "angle", ("a", "b", "c")))
    assert np.isnan(found.values[:, 0]).tolist() == [False, True, True]
    assert np.isnan(found.deviations[1:]).all()


def test_variances_alone_are_enough() -> None:
    points = np.array([[[0.0, 0, 0], [0, 0, 5]]])
    covariance = np.full((1, 2, 3, 3), np.nan)
    covariance[..., np.arange(3), np.arange(3)] = 0.04
    found = measure(poses_of(points, covariance), Measurement("it", "length", ("a", "b")))
    assert found.deviations[0, 0] == pytest.approx(0.2 * 2**0.5)


def test_the_angle_keeps_its_digits_near_zero() -> None:
    tiny = 1e-9
    found = geometry.angle(np.array([[[1.0, 0, 0], [0, 0, 0], [np.cos(tiny), np.sin(tiny), 0]]]))
    assert np.radians(found[0, 0]) == pytest.approx(tiny, rel=1e-6)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"angle": ["a", "b"]}, "3 keypoints"),
        ({"angel": ["a", "b", "c"]}, "one of angle, length"),
        ({"angle": ["a", "b", "c"], "length": ["a", "b"]}, "a kind and its keypoints"),
        ({"length": [1, 2]}, "a kind and its keypoints"),
        ("a", "a kind and its keypoints"),
        ({}, "a kind and its keypoints"),
        ({"angle": ["a", "b", "a"]}, "3 different keypoints"),
        ({"length": ["a", "a"]}, "2 different keypoints"),
        ({"plane_angle": ["a", "b", "b", "c", "d", "e"]}, "3 different keypoints"),
        ({"segment_angle": ["a", "b", "c", "c"]}, "2 different keypoints"),
        ({"angular_velocity": ["a", "b", "a"]}, "3 different keypoints"),
    ],
)
def test_entries_that_are_none_are_named(entry: object, expected: str) -> None:
    with pytest.raises(PoseDataError, match=expected) as caught:
        measurements_of({"knee": entry})
    assert caught.value.place == "knee"


def test_planes_and_segments_may_share_keypoints() -> None:
    found = measurements_of(
        {
            "wing": {"plane_angle": ["a", "b", "c", "a", "b", "d"]},
            "knee": {"segment_angle": ["a", "b", "b", "c"]},
        }
    )
    assert [each.kind for each in found] == ["plane_angle", "segment_angle"]


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ({"a": {"direction": ["a", "b"]}, "a azimuth": {"length": ["a", "b"]}}, "a azimuth"),
        ({"a": {"length": ["a", "b"]}, "a sd": {"length": ["a", "b"]}}, "a sd"),
    ],
)
def test_values_of_one_name_are_refused(table: dict[str, object], place: str) -> None:
    with pytest.raises(PoseDataError, match="Rename one of the two") as caught:
        measurements_of(table)
    assert caught.value.place == place


@pytest.mark.parametrize("name", ["frame", "time", "", " "])
def test_names_that_tables_have_anyway_are_refused(name: str) -> None:
    with pytest.raises(PoseDataError, match="a name other than frame"):
        Measurement(name, "length", ("a", "b"))


@pytest.mark.parametrize(
    ("kind", "n", "words"),
    [("orientation", 3, "lie on one line in every frame"), ("torsion", 4, "lie on one line"),
     ("angle", 3, "lie at one place")],
)  # fmt: skip
def test_keypoints_that_never_span_it_are_an_error(kind: str, n: int, words: str) -> None:
    line = np.arange(n)[None, :, None] * np.array([1.0, 2.0, 3.0]) + np.arange(5)[:, None, None]
    points = np.zeros_like(line) if kind == "angle" else line
    one = Measurement("it", kind, NAMES[:n])
    with pytest.raises(PoseDataError, match=words) as caught:
        measure(poses_of(points), one)
    assert caught.value.place == "it"
    assert caught.value.todo == "Choose other keypoints"
    # Where they do so in some frames only, these have no value and are counted.
    points = (
        points
        + np.random.default_rng(0).normal(size=points.shape) * (np.arange(5) > 1)[:, None, None]
    )
    found = measure(poses_of(points), one)
    assert found.n_undefined == 2
    assert np.isnan(found.values).all(axis=1).tolist() == [True, True, False, False, False]


def test_the_project_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "napari-pose3d" / "project.toml"
    path.parent.mkdir()
    path.write_text('[kinematics]\nknee = { angle = ["a", "b", "c"] }\npace = { speed = "a" }\n')
    assert read_own_project(tmp_path).kinematics == (
        Measurement("knee", "angle", ("a", "b", "c")),
        Measurement("pace", "speed", ("a",)),
    )
    path.write_text(text_with_renamed(tmp_path, {"a": "hip"}))
    knee, pace = read_own_project(tmp_path).kinematics
    assert (knee.keypoints, pace.keypoints) == (("hip", "b", "c"), ("hip",))
    path.write_text('[kinematics]\nknee = { angle = ["a", "b"] }\n')
    with pytest.raises(PoseDataError, match=r"\[kinematics\] knee") as caught:
        read_own_project(tmp_path)
    assert caught.value.file == str(path)
    path.write_text('[kinematics]\nknee = { speed = "a" }\nknee = { speed = "b" }\n')
    with pytest.raises(PoseDataError, match="line 3") as caught:
        read_own_project(tmp_path)
    assert caught.value.file == str(path)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = session_poses()
    assert poses.poses3d is not None
    names = poses.keypoints
    table = pd.DataFrame(
        np.concatenate(
            [poses.poses3d.xyz, np.full((*poses.poses3d.xyz.shape[:2], 3), 0.01)], axis=2
        ).reshape(poses.n_frames, -1),
        columns=pd.MultiIndex.from_product(
            [
                ["net"],
                names,
                ["x", "y", "z", "x_posterior_var", "y_posterior_var", "z_posterior_var"],
            ],
            names=["scorer", "bodyparts", "coords"],
        ),
    )
    table.to_csv(tmp_path / "day1_3d.csv")
    a, b, *_ = names
    out = tmp_path / "kin.csv"
    given = ["kinematics", str(tmp_path / "day1_3d.csv"), "--out", str(out)]
    assert main([*given, "--length", f"bone={a},{b}", "--speed", f"pace={a}"]) == 0
    assert "speeds are per frame" in capsys.readouterr().out
    found = pd.read_csv(out)
    xyz = poses.poses3d.xyz
    np.testing.assert_allclose(
        found["bone"], np.linalg.norm(xyz[:, 0] - xyz[:, 1], axis=-1), rtol=1e-5
    )
    assert main([*given, "--length", f"bone={a},{b}"]) == 2
    assert main([*given, "--force", "--length", f"bone={a},nothing"]) == 2
    assert "there is no keypoint nothing" in capsys.readouterr().err
    twice = ["--length", f"bone={a},{b}", "--speed", f"bone={a}"]
    assert main([*given, "--force", *twice]) == 2
    assert "'bone' and 'bone' both have a value" in capsys.readouterr().err
    assert main([*given, "--force"]) == 2
    assert "nothing is to be measured" in capsys.readouterr().err
    assert main([*given, "--force", "--angle", "knee"]) == 2
    assert "--angle" in capsys.readouterr().err
    # Of the project's own, the file and the line are named.
    own = tmp_path / "napari-pose3d" / "project.toml"
    own.parent.mkdir()
    for line, problem in (
        ('bend = { length = ["a", "knee"] }', "there is no keypoint a, knee"),
        (f'bend = {{ length = ["{a}", "bend"] }}', "'bend' is a measurement, not a keypoint"),
    ):
        own.write_text(f"[kinematics]\n{line}\n")
        assert main([*given, "--force"]) == 2
        error = capsys.readouterr().err
        assert f"{own}, [kinematics] bend: {problem}" in error
        assert f"some of {', '.join(names)}" in error
