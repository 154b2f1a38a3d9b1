"""Cameras placed from nothing but points that they share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_pose3d.core.calibration.refinement.rig_from_points import KnownLength, rig_from_points
from napari_pose3d.core.calibration.solve.rotations import angle_between
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras
from napari_pose3d.synthetic.shared_points import simulate_points


def relative_angles(first: Rig, second: Rig) -> list[float]:
    """Errors of the cameras' orientations relative to the first, degrees."""
    out = []
    for a, b in zip(first.cameras, second.cameras, strict=True):
        turn_a = a.rotation @ first.cameras[0].rotation.T
        turn_b = b.rotation @ second.cameras[0].rotation.T
        out.append(float(np.degrees(angle_between(turn_a, turn_b))))
    return out


def without_poses(rig: Rig) -> Rig:
    cameras = (
        replace(camera, rotation=np.eye(3), translation=np.zeros(3)) for camera in rig.cameras
    )
    return replace(rig, cameras=tuple(cameras))


@pytest.mark.parametrize("n_cameras", [2, 4, 6])
def test_cameras_are_placed_and_a_bone_sets_the_scale(n_cameras: int) -> None:
    arc = 2 * np.pi if n_cameras > 4 else 2.5
    rig = ring_of_cameras(n_cameras, focal=1400, distance=600, arc=arc)
    scene = simulate_points(rig, 400, seed=3)
    bone = float(np.linalg.norm(scene.xyz[:, 0] - scene.xyz[:, 1], axis=-1).mean())
    length = KnownLength("keypoints", 0, 1, bone)
    found = rig_from_points(without_poses(rig), scene.xy, length=length)
    assert max(relative_angles(rig, found.rig)) < 0.1
    for i in range(1, n_cameras):
        pair = [np.linalg.norm(each.centres[i] - each.centres[0]) for each in (rig, found.rig)]
        assert pair[1] == pytest.approx(pair[0], rel=5e-3)
    assert "two keypoints in" in found.scale
    assert all(value < 3 for value in found.left_out.values())


def test_scale_from_two_cameras_or_arbitrary() -> None:
    rig = ring_of_cameras(3, focal=1400, distance=600, arc=2.5)
    xy = simulate_points(rig, 200).xy
    found = rig_from_points(rig, xy, length=KnownLength("cameras", 0, 2, 12.5))
    assert np.linalg.norm(found.rig.centres[0] - found.rig.centres[2]) == pytest.approx(12.5)
    free = rig_from_points(rig, xy)
    assert "arbitrary" in free.scale
    assert "arbitrary" in str(free)


def test_a_focal_length_that_is_roughly_known_is_adjusted() -> None:
    rig = ring_of_cameras(4, focal=1400, distance=600, arc=2.5)
    rough = []
    for camera, factor in zip(rig.cameras, (1.03, 0.97, 1.02, 0.98), strict=True):
        matrix = camera.matrix.copy()
        matrix[[0, 1], [0, 1]] *= factor
        rough.append(replace(camera, matrix=matrix))
    xy = simulate_points(rig, 400, noise=0.5).xy
    kept = rig_from_points(Rig(tuple(rough)), xy)
    freed = rig_from_points(Rig(tuple(rough)), xy, free="focal")
    assert sum(freed.left_out.values()) < sum(kept.left_out.values())
    for true, got in zip(rig.cameras, freed.rig.cameras, strict=True):
        assert got.matrix[0, 0] == pytest.approx(true.matrix[0, 0], rel=0.02)


def test_long_lenses_are_refused() -> None:
    rig = ring_of_cameras(3, focal=60_000, distance=36_000, arc=2.0)
    with pytest.raises(PoseDataError, match="perspective"):
        rig_from_points(rig, simulate_points(rig, 200).xy)


def test_two_cameras_at_one_place_are_refused() -> None:
    rig = ring_of_cameras(4, focal=1400, distance=600, arc=2.5)
    xy = simulate_points(rig, 200).xy
    rng = np.random.default_rng(0)
    xy[3] = xy[0] + rng.normal(0, 0.5, xy[0].shape)
    with pytest.raises(PoseDataError, match="cameras cam0 and cam3 come to lie at one place"):
        rig_from_points(rig, xy)


def test_a_rig_that_its_points_contradict_is_refused() -> None:
    """One keypoint in four is right in the third view: enough to place it, not to believe it."""
    rig = ring_of_cameras(3, focal=1400, distance=600, arc=2.5)
    xy = simulate_points(rig, 200).xy
    xy[2, :, 3:] += np.random.default_rng(0).normal(0, 40, xy[2, :, 3:].shape)
    with pytest.raises(PoseDataError, match=r"in camera cam2 half of the points .* more than"):
        rig_from_points(rig, xy)


def test_a_camera_that_shares_nothing_is_named() -> None:
    rig = ring_of_cameras(4, focal=1400, distance=600, arc=2.5)
    xy = simulate_points(rig, 200).xy
    xy[3, 10:] = np.nan
    xy[3, :, 1:] = np.nan
    with pytest.raises(PoseDataError, match="camera cam3 cannot be placed"):
        rig_from_points(rig, xy)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("nose", "tail", "0"), "is no length"),
        (("nose", "tail", "long"), "is no length"),
        (("nose", "nose", "3"), "not two"),
        (("nose", "side", "3"), "not two"),
    ],
)
def test_lengths_that_are_none(given: tuple[str, str, str], words: str) -> None:
    with pytest.raises(PoseDataError, match=words):
        KnownLength.of(*given, ("top", "side"), ("nose", "tail"))
    assert KnownLength.of("top", "side", "3", ("top", "side"), ("nose", "tail")).kind == "cameras"
