"""A rig with a camera that was turned is mended from points, and only if that helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_pose3d.core.calibration.refinement.agreement import Improvement, improvement
from napari_pose3d.core.calibration.refinement.matched_points import split_points
from napari_pose3d.core.calibration.refinement.point_adjustment import (
    PointAdjustment,
    PointState,
    PointViews,
    changed,
)
from napari_pose3d.core.calibration.refinement.refinement import FREE, Refinement, refine
from napari_pose3d.core.calibration.solve.rotations import angle_between
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras
from napari_pose3d.synthetic.shared_points import simulate_points, turned

AXIS = (0.3, 1.0, -0.2)


def rig_of(n_cameras: int, **options: object) -> Rig:
    arc = 2 * np.pi if n_cameras > 4 else 2.5
    return ring_of_cameras(n_cameras, focal=1400, distance=600, arc=arc, **options)  # type: ignore[arg-type]


def angles(first: Rig, second: Rig) -> np.ndarray:
    return np.degrees(
        [
            float(angle_between(a.rotation, b.rotation))
            for a, b in zip(first.cameras, second.cameras, strict=True)
        ]
    )


@pytest.mark.parametrize(("n_cameras", "fisheye"), [(3, False), (4, False), (6, False), (4, True)])
def test_a_turned_camera_is_named_and_turned_back(n_cameras: int, fisheye: bool) -> None:
    rig = rig_of(n_cameras, fisheye=fisheye)
    found = refine(turned(rig, 1, 1.0, AXIS), simulate_points(rig, 500, seed=1).xy)
    assert found.moved == ("cam1",)
    assert angles(rig, found.rig).max() < 0.03
    # The other cameras are the very same: scale, origin and orientation are kept.
    for i in (0, 2):
        assert np.array_equal(rig.cameras[i].rotation, found.rig.cameras[i].rotation)
        assert np.array_equal(rig.cameras[i].translation, found.rig.cameras[i].translation)
    change = found.cameras[1]
    assert change.turned == pytest.approx(1.0, abs=0.03)
    assert change.moved_px > 5 > 1 > change.uncertainty_px
    before, after = (getattr(found.improvement.views[1], name) for name in ("before", "after"))
    assert after < before / 2


def test_errors_that_stay_are_said_and_harm_no_points_left_out() -> None:
    rig = rig_of(4)
    ratios = []
    for seed in range(4):
        xy = simulate_points(rig, 500, bias=1.5, seed=seed).xy
        found = refine(turned(rig, 1, 1.0, AXIS), xy, seed=seed)
        against = improvement(rig, found.rig, split_points(xy, seed=seed)[1])
        ratios.append([each.after / each.before for each in against.views])
        # What can be said of the angle is less than with white noise.
        assert found.cameras[1].uncertainty_degrees > 0.025
    assert np.mean(ratios) < 1.02


def test_two_cameras_keep_their_distance_and_either_may_have_moved() -> None:
    rig = rig_of(2)
    found = refine(turned(rig, 1, 1.0, AXIS), simulate_points(rig, 400).xy)
    assert set(found.candidates) == {"cam0", "cam1"}
    assert "unclear which camera" in found.notes[0]
    a, b = (np.linalg.norm(np.subtract(*each.centres)) for each in (rig, found.rig))
    assert b == pytest.approx(a, rel=1e-9)


def flat_rig() -> Rig:
    """Three long lenses whose axes lie in one plane."""
    cameras = []
    for camera, angle in zip(ring_of_cameras(3).cameras, (0.0, 1.0, 2.0), strict=True):
        centre = 120_000 * np.array([np.cos(angle), np.sin(angle), 0])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1.0])
        rotation = np.stack([right, np.cross(forward, right), forward])
        matrix = np.array([[200_000, 0, 640], [0, 200_000, 480], [0, 0, 1.0]])
        cameras.append(
            replace(
                camera,
                matrix=matrix,
                distortion=np.zeros(5),
                rotation=rotation,
                translation=-rotation @ centre,
            )
        )
    return Rig(tuple(cameras))


def test_where_any_of_three_cameras_explains_it_all_are_named() -> None:
    rig = flat_rig()
    found = refine(turned(rig, 2, 0.005), simulate_points(rig, 300, outliers=0).xy)
    assert set(found.candidates) == {"cam0", "cam1", "cam2"}
    assert "cam0 or cam1 or cam2" in found.notes[0]


def test_a_rig_that_is_right_is_refused_with_figures() -> None:
    rig = rig_of(4)
    with pytest.raises(PoseDataError, match=r"would not become better.*cam0 \d.*gain") as caught:
        refine(rig, simulate_points(rig, 300).xy)
    assert "->" in str(caught.value)


def test_fixed_cameras_stay_and_the_others_take_the_blame() -> None:
    rig = rig_of(4)
    bad = turned(rig, 1, 1.0, AXIS)
    found = refine(bad, simulate_points(rig, 300).xy, fixed=["cam1"], all_cameras=True)
    assert found.rig.cameras[1] is bad.cameras[1]
    # Seen from camera 1, all the others are where they should be.
    for i in (0, 2, 3):
        true = rig.cameras[i].rotation @ rig.cameras[1].rotation.T
        got = found.rig.cameras[i].rotation @ found.rig.cameras[1].rotation.T
        assert np.degrees(float(angle_between(true, got))) < 0.06


def test_two_turned_cameras_among_five() -> None:
    rig = rig_of(5)
    bad = turned(turned(rig, 1, 0.5, AXIS), 3, 0.8)
    found = refine(bad, simulate_points(rig, 400).xy)
    assert set(found.moved) == {"cam1", "cam3"}
    assert angles(rig, found.rig).max() < 0.05


def test_all_cameras_free_keep_the_world() -> None:
    rig = rig_of(4)
    found = refine(turned(rig, 2, 1.0), simulate_points(rig, 400).xy, all_cameras=True)
    assert found.moved == ("cam2",)
    # Without a camera held, most of them stay where they were.
    assert angles(rig, found.rig).max() < 0.1
    lengths = [np.linalg.norm(each.centres[0] - each.centres[1]) for each in (rig, found.rig)]
    assert lengths[1] == pytest.approx(lengths[0], rel=3e-3)


def test_a_focal_length_is_found() -> None:
    rig = rig_of(4)
    cameras = list(rig.cameras)
    matrix = cameras[2].matrix.copy()
    matrix[[0, 1], [0, 1]] *= 1.03
    cameras[2] = replace(cameras[2], matrix=matrix)
    bad = replace(rig, cameras=tuple(cameras))
    xy = simulate_points(rig, 500, noise=0.5).xy
    found = refine(bad, xy, free="focal")
    ratio = found.rig.cameras[2].matrix[0, 0] / rig.cameras[2].matrix[0, 0]
    assert ratio == pytest.approx(1.0, abs=0.01)
    kept = refine(bad, xy).rig.cameras[2].matrix
    assert np.array_equal(kept, matrix)


@pytest.mark.parametrize("free", ["rotation", "translation"])
def test_only_what_is_free_changes(free: str) -> None:
    rig = rig_of(4)
    bad = turned(rig, 1, 0.5, AXIS)
    found = refine(bad, simulate_points(rig, 300).xy, free=free)  # type: ignore[arg-type]
    old, new = bad.cameras[1], found.rig.cameras[1]
    if free == "rotation":
        assert np.allclose(old.centre, new.centre, atol=1e-9)
        assert angles(rig, found.rig)[1] < 0.02
    else:
        assert np.array_equal(old.rotation, new.rotation)


def test_same_input_same_rig() -> None:
    rig = rig_of(3)
    bad, xy = turned(rig, 1, 1.0), simulate_points(rig, 200).xy
    first, second = refine(bad, xy), refine(bad, xy.astype(np.float32).astype(float))
    again = refine(bad, xy)
    for a, b in zip(first.rig.cameras, again.rig.cameras, strict=True):
        assert np.array_equal(a.rotation, b.rotation)
        assert np.array_equal(a.translation, b.translation)
    assert angles(first.rig, second.rig).max() < 1e-3


def test_the_gain_is_a_share_of_the_distances_before() -> None:
    for before, after in ((100.0, 1.0), (4.0, 3.0), (3.0, 4.0)):
        found = Improvement((), 2 * (before - after) / (before + after), 0.01)
        assert found.share == pytest.approx(1 - after / before)
    assert f"gain {100 * found.share:.1f} %" in str(found)


def test_figures_are_plain_numbers() -> None:
    import json

    rig = rig_of(3)
    found: Refinement = refine(turned(rig, 1, 1.0), simulate_points(rig, 200).xy)
    figures = json.loads(json.dumps(found.figures()))
    assert figures["cameras"]["cam1"]["moved"] is True
    assert set(figures["left_out"]) == set(rig.names)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fixed": ["nobody"]}, "nobody"),
        ({"fixed": ["cam0", "cam1", "cam2"]}, "all cameras are fixed"),
        ({"free": "zoom"}, "zoom"),
    ],
)
def test_wrong_options(change: dict[str, object], words: str) -> None:
    rig = rig_of(3)
    with pytest.raises(PoseDataError, match=words):
        refine(rig, simulate_points(rig, 50).xy, **change)  # type: ignore[arg-type]


def test_too_few_points() -> None:
    rig = rig_of(3)
    xy = simulate_points(rig, 40).xy
    xy[1:] = np.nan
    with pytest.raises(PoseDataError, match="0 points are seen by two views"):
        refine(rig, xy)
    with pytest.raises(PoseDataError, match="one entry per camera"):
        refine(rig, xy[:2])


def test_derivatives_are_those_of_differences() -> None:
    """All 11 unknowns, ordinary and fisheye: a step of Newton's lowers the cost as it promises."""
    for fisheye in (False, True):
        rig = ring_of_cameras(2, fisheye=fisheye)
        rng = np.random.default_rng(0)
        xyz = rng.uniform(-150, 150, (40, 3))
        xy = rig.project(xyz).transpose(1, 0, 2)
        used = np.ones((40, 2), bool)
        pivots = np.array([camera.translation for camera in rig.cameras])
        free = np.zeros((2, 11), bool)
        free[1] = True
        problem = PointAdjustment(PointViews(xy, used), free, pivots, np.zeros((2, 11, 11)))
        for unknown in range(11):
            step = np.zeros(11)
            step[unknown] = 1e-6 * (1000 if 3 <= unknown < 6 or 7 <= unknown < 9 else 1)
            camera = changed(rig.cameras[1], step, pivots[1])
            there = Rig((rig.cameras[0], camera))
            moved = there.project(xyz).transpose(1, 0, 2) - xy
            state = PointState.of(there.cameras, xyz)
            # The gradient by this unknown is J^T r, and r = J step to first order.
            expected = float(np.square(moved).sum()) / step[unknown]
            gradient = problem._normal(there.packed, state, 1e6, 1e30).scores.sum(axis=0)
            assert gradient[unknown] == pytest.approx(expected, rel=1e-3), (fisheye, unknown)


@pytest.mark.parametrize("free", list(FREE))
def test_every_choice_converges(free: str) -> None:
    rig = rig_of(4)
    bad = turned(rig, 1, 0.5, AXIS)
    found = refine(bad, simulate_points(rig, 200).xy, free=free)  # type: ignore[arg-type]
    assert all(each.after < each.before * 1.02 for each in found.improvement.views)


def test_a_long_lens_that_was_turned_stays_near_its_place() -> None:
    # Few points hardly tell from where they are seen: left to themselves, they put the camera
    # 1.4 % of its distance away on the average.
    rig = ring_of_cameras(3, focal=60_000, distance=26_000, arc=2.5)
    away = []
    for seed in (0, 2, 3):
        xy = simulate_points(rig, 30, 3, bias=3.0, missing=0.0, outliers=0.0, seed=seed).xy
        found = refine(turned(rig, 1, 0.3, AXIS), xy, seed=seed)
        assert found.moved == ("cam1",)
        away.append(np.linalg.norm(found.rig.centres - rig.centres, axis=1).max() / 26_000)
    assert np.mean(away) < 0.011


def test_a_camera_that_was_put_elsewhere_is_found_there() -> None:
    rig = rig_of(4)
    xy = simulate_points(rig, 400, bias=1.0, seed=2).xy
    moved = rig.cameras[1]
    # The calibration has it 25 mm off, of 600 mm to the animal.
    shift = moved.rotation @ np.array([15.0, -20.0, 0.0])
    wrong = replace(moved, translation=moved.translation + shift)
    cameras = (rig.cameras[0], wrong, *rig.cameras[2:])
    found = refine(replace(rig, cameras=cameras), xy)
    assert found.moved == ("cam1",)
    assert np.linalg.norm(found.rig.centres[1] - rig.centres[1]) < 3.0
