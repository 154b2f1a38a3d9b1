"""The world placed by labeled, predicted and clicked points, in Python and by `rig origin`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import put_predictions, touch

from napari_pose3d import load_rig
from napari_pose3d.cli import main
from napari_pose3d.core.calibration.origin import moved_rig, points_in_space
from napari_pose3d.core.calibration.solve.rotations import rotation_of
from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.pipeline.rigs.point_sources import SharedPoints
from napari_pose3d.core.pipeline.rigs.rig_origin import placed_by_floor, placed_by_points
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras

# Cameras above a floor, in a world that is turned and shifted against it.
LEVEL = ring_of_cameras(4, focal=1400, distance=600, arc=2.5)
RIG = moved_rig(LEVEL, rotation_of(np.array([0.4, -0.7, 1.1])), np.array([30.0, 20.0, -80.0]))
MARKS = {"a": (10.0, -20.0, 5.0), "b": (70.0, -20.0, 5.0), "c": (30.0, 40.0, 5.0)}
NAMES = ("a", "b", "c")


def marks(n_frames: int = 6, noise: float = 0.0) -> SharedPoints:
    xyz = np.broadcast_to(np.array([MARKS[name] for name in NAMES]), (n_frames, 3, 3))
    xy = LEVEL.project(xyz)
    xy = xy + noise * np.random.default_rng(0).standard_normal(xy.shape)
    return SharedPoints(LEVEL.names, NAMES, xy, np.arange(n_frames))


def test_three_marks_make_the_world() -> None:
    points = marks()
    placed = placed_by_points(RIG, points, NAMES)
    xyz = triangulate(placed, points.xy).xyz[0]
    np.testing.assert_allclose(xyz, [[0, 0, 0], [60, 0, 0], [20, 60, 0]], atol=1e-6)
    assert (placed.centres[:, 2] > 0).all()
    # The cameras are the same ones: they see the marks where they were.
    np.testing.assert_allclose(placed.project(xyz), points.xy[:, 0], atol=1e-6)
    assert placed.extra["metadata"]["origin"] == "a, x through b, floor by c"


def test_noise_of_single_frames_is_averaged() -> None:
    points = marks(40, noise=1.0)
    placed = placed_by_points(RIG, points, NAMES)
    xyz = triangulate(placed, marks().xy).xyz[0]
    np.testing.assert_allclose(xyz, [[0, 0, 0], [60, 0, 0], [20, 60, 0]], atol=0.5)


def test_a_keypoint_that_moves_needs_a_frame() -> None:
    points = marks()
    moving = np.array(MARKS["b"]) + np.linspace(0, 50, 6)[:, None] * [1.0, 0.0, 0.0]
    xy = points.xy.copy()
    xy[:, :, 1] = LEVEL.project(moving)
    points = SharedPoints(points.views, NAMES, xy, points.frames + 100)
    with pytest.raises(PoseDataError, match=r"b is not at one place.*Say which frame"):
        placed_by_points(RIG, points, NAMES)
    placed = placed_by_points(RIG, points, NAMES, frame=100)
    assert triangulate(placed, xy).xyz[0, 1] == pytest.approx([60, 0, 0], abs=1e-6)
    with pytest.raises(PoseDataError, match="no points of frame 5"):
        placed_by_points(RIG, points, NAMES, frame=5)


def test_feet_find_the_floor_though_they_are_raised_and_some_are_wrong() -> None:
    rng = np.random.default_rng(3)
    n = 300
    feet = np.stack([rng.uniform(-90, 90, (n, 2)), rng.uniform(-90, 90, (n, 2))], axis=-1)
    height = np.where(rng.random((n, 2)) < 0.3, rng.uniform(0, 30, (n, 2)), 0.0)
    xyz = np.concatenate([feet, height[..., None]], axis=-1)
    xyz[:15] += rng.normal(0, 200, (15, 2, 3))
    xy = LEVEL.project(xyz) + 0.3 * rng.standard_normal((4, n, 2, 2))
    points = SharedPoints(LEVEL.names, ("left", "right"), xy, np.arange(n))
    placed, share = placed_by_floor(RIG, points, ("left", "right"))
    floor = triangulate(placed, LEVEL.project(xyz[20:])).xyz[height[20:] == 0]
    assert np.abs(floor[:, 2]).max() < 0.5
    assert 0.6 < share < 0.85
    assert (placed.centres[:, 2] > 0).all()


def test_clicks_of_two_views_are_put_in_space() -> None:
    xy = marks(1).xy[:, 0]
    clicks = {view: xy[i].copy() for i, view in enumerate(LEVEL.names) if i < 3}
    clicks["cam2"][1] = np.nan
    expected = triangulate(RIG, xy).xyz
    np.testing.assert_allclose(points_in_space(RIG, clicks), expected, atol=1e-6)
    clicks["cam1"][1] = np.nan
    with pytest.raises(PoseDataError, match="point 2 was clicked in one view only"):
        points_in_space(RIG, clicks)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("a", "b", "b"), "2 points were named"),
        (("a", "b", "tail"), "there is no keypoint tail"),
    ],
)
def test_points_that_make_no_world(names: tuple[str, ...], problem: str) -> None:
    with pytest.raises(PoseDataError, match=problem):
        placed_by_points(RIG, marks(), names)


def test_the_command_places_by_clicks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_rig(RIG, tmp_path / "rig.toml")
    rows = ["view,point,x,y"]
    for view, each in zip(LEVEL.names[:2], marks(1).xy[:2, 0], strict=True):
        rows += [
            f"{view},{name},{x!r},{y!r}" for name, (x, y) in zip(NAMES, each.tolist(), strict=True)
        ]
    touch(tmp_path / "clicks.csv", "\n".join(rows) + "\n")
    command = [
        "rig",
        "origin",
        str(tmp_path / "rig.toml"),
        "--clicks",
        str(tmp_path / "clicks.csv"),
    ]
    command += ["--points", "a", "b", "c", "--out", str(tmp_path / "placed.toml")]
    assert main(command) == 0
    assert "camera cam0 is at" in capsys.readouterr().out
    placed = load_rig(tmp_path / "placed.toml")
    xyz = triangulate(placed, marks(1).xy).xyz[0]
    np.testing.assert_allclose(xyz, [[0, 0, 0], [60, 0, 0], [20, 60, 0]], atol=1e-6)
    assert main([*command, "--turned-over", "--force"]) == 0
    assert "below the floor: cam0" in capsys.readouterr().out
    assert (load_rig(tmp_path / "placed.toml").centres[:, 2] < 0).all()


def test_the_command_places_by_predicted_feet(tmp_path: Path) -> None:
    save_rig(RIG, tmp_path / "rig.toml")
    points = marks(30, noise=0.2)
    for view, xy in zip(LEVEL.names, points.xy, strict=True):
        put_predictions(tmp_path / "predictions" / f"day1_{view}.csv", xy, NAMES)
    command = ["rig", "origin", str(tmp_path / "rig.toml")]
    command += ["--predictions", str(tmp_path / "predictions"), "--floor", *NAMES]
    assert main([*command, "--out", str(tmp_path / "placed.toml")]) == 0
    placed = load_rig(tmp_path / "placed.toml")
    assert np.abs(triangulate(placed, marks(1).xy).xyz[..., 2]).max() < 0.5


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("view,point,x\ncam0,a,1\n", "line 2.*no view, point, x and y"),
        ("view,point,x,y\ncam0,a,1,left\n", "line 2"),
        ("view,point,x,y\ncam0,a,1,2\ncam0,a,1,2\n", "line 3.*second time"),
        ("view,point,x,y\n", "there are no points"),
    ],
)
def test_damaged_clicks_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    import re

    save_rig(RIG, tmp_path / "rig.toml")
    touch(tmp_path / "clicks.csv", text)
    command = [
        "rig",
        "origin",
        str(tmp_path / "rig.toml"),
        "--clicks",
        str(tmp_path / "clicks.csv"),
    ]
    assert main([*command, "--points", "a", "b", "c", "--out", str(tmp_path / "out.toml")]) == 2
    said = capsys.readouterr().err
    assert "clicks.csv" in said
    assert re.search(problem, said.replace("\n", " "))
    assert not (tmp_path / "out.toml").exists()


def test_sources_and_worlds_are_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_rig(RIG, tmp_path / "rig.toml")
    start = ["rig", "origin", str(tmp_path / "rig.toml"), "--out", str(tmp_path / "out.toml")]
    assert main([*start, "--points", "a", "b", "c"]) == 2
    assert "no points were given" in capsys.readouterr().err
    assert main([*start, "--clicks", str(tmp_path / "x.csv")]) == 2
    assert "neither --points nor --floor was given" in capsys.readouterr().err
