"""Epipolar curves: through both lenses, no further than the volume, exact to a fraction of a px."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import Camera, Rig, load_rig
from napari_pose3d.core.cameras.epipolar import (
    NOTHING,
    Curve,
    epipolar_curve,
    likely_part,
    likely_part_2d,
    nearest_on_curve,
)
from napari_pose3d.core.cameras.working_volume import WorkingVolume, working_volume
from napari_pose3d.synthetic.scene import Scene, make_scene

FISHEYE = (0.05, -0.01, 0.002, -0.0005)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(200, 6, seed=1)


def fisheye_rig() -> Rig:
    """Wide lenses around the origin."""
    cameras = ring_rig(3, focal=420.0).cameras
    return Rig(tuple(replace(c, distortion=np.array(FISHEYE), fisheye=True) for c in cameras))


def distance_to(curve: Curve, xy: np.ndarray) -> float:
    return float(np.linalg.norm(nearest_on_curve(curve, xy) - xy))


def test_the_true_position_lies_on_the_curve(scene: Scene) -> None:
    volume = working_volume(scene.rig)
    frames = np.arange(0, 200, 25)
    for view in range(6):
        for other in set(range(6)) - {view}:
            for k in (0, 6, 11):
                for frame in frames:
                    seen, there = scene.xy[view, frame, k], scene.xy[other, frame, k]
                    curve = epipolar_curve(scene.rig, view, seen, other, volume)
                    assert distance_to(curve, there) < 0.05


def test_a_curve_keeps_its_promises(scene: Scene) -> None:
    rig, volume = scene.rig, working_volume(scene.rig)
    seen = scene.xy[2, 50, 3]
    curve = epipolar_curve(rig, 2, seen, 4, volume, n_points=50)
    assert len(curve) == 50
    np.testing.assert_allclose(rig.project(curve.xyz)[4], curve.xy, atol=1e-9)
    np.testing.assert_allclose(rig.project(curve.xyz)[2], np.tile(seen, (50, 1)), atol=1e-6)
    # From near to far, evenly in the image, and no further than asked.
    assert np.all(np.diff(curve.depth) > 0)
    camera = rig.cameras[2]
    depth = curve.xyz @ camera.rotation[2] + camera.translation[2]
    np.testing.assert_allclose(depth, curve.depth)
    steps = np.linalg.norm(np.diff(curve.xy, axis=0), axis=1)
    assert np.ptp(steps) < 0.01 * steps.mean()
    assert np.linalg.norm(curve.xyz - volume.centre, axis=1).max() <= volume.radius * (1 + 1e-9)
    assert np.all((curve.xy > -21) & (curve.xy < np.array([661, 501])))


def test_a_small_volume_shortens_the_curve(scene: Scene) -> None:
    xyz = scene.xyz[50, 3]
    small = WorkingVolume(xyz, 10.0)
    curve = epipolar_curve(scene.rig, 0, scene.xy[0, 50, 3], 1, small)
    np.testing.assert_allclose(np.linalg.norm(curve.xyz[[0, -1]] - xyz, axis=1), 10.0, rtol=1e-6)
    np.testing.assert_allclose(curve.xyz[[0, -1]].mean(axis=0), xyz, atol=1e-6)


def test_distortion_bends_the_curve() -> None:
    rig = ring_rig(3, focal=900.0, distortion=(-0.3, 0.09, 0.0, 0.0, 0.0))
    corner = epipolar_curve(rig, 0, (200.0, 150.0), 1, working_volume(rig)).xy
    chord = corner[-1] - corner[0]
    normal = np.array([-chord[1], chord[0]]) / np.linalg.norm(chord)
    assert np.abs((corner - corner[0]) @ normal).max() > 5.0


@pytest.mark.parametrize("rig", [ring_rig(4), fisheye_rig()], ids=["pinhole", "fisheye"])
def test_any_lens(rig: Rig) -> None:
    xyz = np.random.default_rng(0).uniform(-60, 60, (40, 3))
    xy, volume = rig.project(xyz), working_volume(rig)
    for i in range(len(xyz)):
        curve = epipolar_curve(rig, 0, xy[0, i], 2, volume, n_points=128)
        assert distance_to(curve, xy[2, i]) < 0.1


def test_nothing_where_there_is_nothing() -> None:
    rig = ring_rig(3)
    volume = working_volume(rig)
    assert epipolar_curve(rig, 0, (np.nan, 3.0), 1, volume) is NOTHING
    # A camera that looks away sees nothing of the volume.
    turned = rig.cameras[1]
    away = replace(
        turned,
        rotation=np.diag([1.0, -1.0, -1.0]) @ turned.rotation,
        translation=np.diag([1.0, -1.0, -1.0]) @ turned.translation,
    )
    blind = replace(rig, cameras=(rig.cameras[0], away, rig.cameras[2]))
    assert len(epipolar_curve(blind, 0, (640.0, 512.0), 1, volume)) == 0
    # A ray that misses the volume.
    far = WorkingVolume(np.array([0.0, 0.0, 5000.0]), 10.0)
    assert len(epipolar_curve(rig, 0, (640.0, 512.0), 1, far)) == 0
    assert np.isnan(nearest_on_curve(NOTHING, (1.0, 2.0))).all()


def test_no_curve_behind_the_other_camera() -> None:
    # Two cameras that face each other: the ray of one passes the other one's lens.
    matrix = np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    flip = np.diag([-1.0, 1.0, -1.0])
    front = Camera("a", (640, 480), matrix, np.zeros(5), np.eye(3), np.array([0.0, 0, 300]))
    back = Camera("b", (640, 480), matrix, np.zeros(5), flip, np.array([0.0, 0, 300]))
    rig = Rig((front, back))
    curve = epipolar_curve(rig, 0, (360.0, 260.0), 1, WorkingVolume(np.zeros(3), 2000.0))
    assert len(curve)
    for camera in rig.cameras:
        assert np.all(curve.xyz @ camera.rotation[2] + camera.translation[2] > 0)


def test_the_likely_part_holds_the_truth_and_is_short(scene: Scene) -> None:
    rng = np.random.default_rng(2)
    volume = working_volume(scene.rig)
    spread = np.diag([9.0, 4.0, 1.0])
    held = 0
    for frame in range(200):
        xyz = scene.xyz[frame, 5]
        curve = epipolar_curve(scene.rig, 0, scene.xy[0, frame, 5], 3, volume)
        predicted = rng.multivariate_normal(xyz, spread)
        part = likely_part(curve, predicted, spread)
        if len(part):
            ends = part.xyz[[0, -1]]
            assert np.linalg.norm(ends[1] - ends[0]) < 18.1
            held += distance_to(part, scene.xy[3, frame, 5]) < 0.1
    # Three standard deviations along the ray: 99.7 %.
    assert held >= 196


def test_the_likely_part_ends_three_sd_from_the_middle() -> None:
    xyz = np.stack([np.zeros(41), np.zeros(41), np.linspace(100, 140, 41)], axis=1)
    curve = Curve(xyz[:, 1:] * 2.0, xyz, xyz[:, 2])
    part = likely_part(curve, (0.3, 0.0, 120.3), np.eye(3) * 0.04)
    np.testing.assert_allclose(part.depth[[0, -1]], [119.7, 120.9], atol=1e-9)
    np.testing.assert_allclose(part.xy[:, 1], 2 * part.depth)
    assert np.all(np.diff(part.depth) >= 0)
    flat = likely_part_2d(curve, (0.0, 240.6), (4.0, 0.16))
    np.testing.assert_allclose(flat.depth[[0, -1]], [119.7, 120.9], atol=1e-9)
    # A prediction elsewhere speaks for no part; one beyond the end for the end.
    assert likely_part(curve, (2.0, 0.0, 120.0), np.eye(3) * 0.04) is NOTHING
    assert likely_part(curve, (np.nan, 0.0, 0.0), np.eye(3)) is NOTHING
    end = likely_part(curve, (0.0, 0.0, 140.5), np.eye(3))
    assert end.depth[-1] == 140.0


def test_nearest_on_curve_is_exact_within_a_piece() -> None:
    curve = Curve(
        np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]), np.zeros((3, 3)), np.arange(3.0)
    )
    np.testing.assert_allclose(nearest_on_curve(curve, (3.25, -4.0)), [3.25, 0.0])
    np.testing.assert_allclose(nearest_on_curve(curve, (12.0, 7.5)), [10.0, 7.5])
    np.testing.assert_allclose(nearest_on_curve(curve, (-5.0, 1.0)), [0.0, 0.0])


def test_the_volume_holds_everything_and_ignores_outliers(scene: Scene) -> None:
    rng = np.random.default_rng(3)
    recorded = working_volume(scene.rig)
    assert np.linalg.norm(scene.xyz - recorded.centre, axis=-1).max() < recorded.radius
    known = scene.xyz.copy()
    wild = rng.random(known.shape[:2]) < 0.08
    known[wild] = rng.normal(0, 1e5, (wild.sum(), 3))
    known[rng.random(known.shape[:2]) < 0.1] = np.nan
    narrow = working_volume(scene.rig, known)
    assert np.linalg.norm(scene.xyz - narrow.centre, axis=-1).max() < narrow.radius
    assert narrow.radius < recorded.radius
    # A first labeled frame does not tell where the animal goes next.
    few = working_volume(scene.rig, scene.xyz[0])
    assert np.linalg.norm(scene.xyz - few.centre, axis=-1).max() < few.radius
    assert working_volume(scene.rig, np.full((3, 3), np.nan)).radius == recorded.radius


def test_cameras_side_by_side_have_a_volume_in_front_of_them() -> None:
    matrix = np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    cameras = [
        Camera(name, None, matrix, np.zeros(5), np.eye(3), np.array([x, 0.0, 0.0]))
        for name, x in (("left", 30.0), ("right", -30.0))
    ]
    rig = Rig(tuple(cameras))
    volume = working_volume(rig)
    assert volume.centre[2] > 30.0
    assert volume.radius > 0.0
    assert len(epipolar_curve(rig, 0, (330.0, 240.0), 1, volume))


@pytest.mark.realdata
def test_a_nearly_telecentric_rig(shared_data: Path) -> None:
    rig = load_rig(shared_data / "fly" / "calibration.toml")
    volume = working_volume(rig)
    rng = np.random.default_rng(4)
    # The fly is a few units long and the cameras are up to 270 units away.
    assert 0.5 < volume.radius < 5.0
    xyz = volume.centre + rng.uniform(-0.4, 0.4, (30, 3))
    xy = rig.project(xyz)
    for view, other in ((0, 1), (1, 2), (2, 0)):
        for i in range(len(xyz)):
            curve = epipolar_curve(rig, view, xy[view, i], other, volume)
            assert len(curve) == 64
            assert distance_to(curve, xy[other, i]) < 0.05
