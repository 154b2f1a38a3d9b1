"""Angular speeds: motion of known speed, and uncertainty against many draws of two frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from tests.core.poses.test_kinematics import NAMES, poses_of

from napari_pose3d.core.poses.kinematics.kinds import KINDS
from napari_pose3d.core.poses.kinematics.measurements import Measurement, measure

FPS = 100.0
CHANGES = [name for name, kind in KINDS.items() if kind.per_time]


def turning(axis: tuple[float, float, float], per_frame: float, n: int = 200) -> NDArray:
    """A body of four points that turns about an axis, degrees per frame, ``(frame, 4, 3)``."""
    body = np.array([[0.0, 0, 0], [4, 0, 0], [1, 3, 0], [1, 1, 2]])
    unit = np.asarray(axis) / np.linalg.norm(axis)
    turns = Rotation.from_rotvec(np.radians(per_frame) * np.arange(n)[:, None] * unit)
    # It moves on, which is no turning.
    return np.stack([turn.apply(body) for turn in turns]) + np.arange(n)[:, None, None] * 0.3


def values(points: NDArray, kind: str, fps: float | None = FPS) -> NDArray:
    one = Measurement("it", kind, NAMES[: KINDS[kind].n_points])
    return measure(poses_of(points), one, fps).values


def test_a_segment_that_turns_has_the_speed_of_the_turn() -> None:
    points = turning((0, 0, 1), -3.0)
    np.testing.assert_allclose(values(points, "angular_speed"), 300)
    np.testing.assert_allclose(values(points, "angular_speed", None), 3)
    # Half a turn and more does not break the azimuth: 200 frames are 600 degrees.
    rate = values(points, "direction_rate")
    np.testing.assert_allclose(rate[:, 0], -300)
    np.testing.assert_allclose(rate[:, 1], 0, atol=1e-9)
    # About itself, a segment does not turn.
    np.testing.assert_allclose(values(turning((1, 0, 0), 3.0), "angular_speed"), 0, atol=1e-9)


def test_a_body_turns_about_the_axes_of_the_world() -> None:
    axis = np.array([1.0, -2.0, 0.5])
    found = measure(
        poses_of(turning(tuple(axis), 2.0)),
        Measurement("spin", "angular_velocity", NAMES[:3]),
        FPS,
    )
    assert found.names == ("spin x", "spin y", "spin z")
    assert found.unit == "deg per s"
    expected = np.broadcast_to(200 * axis / np.linalg.norm(axis), found.values.shape)
    np.testing.assert_allclose(found.values, expected, atol=1e-7)


def test_an_opening_joint_has_the_rate_of_its_angle() -> None:
    frames = np.arange(50)
    angle = np.radians(20 + 1.5 * frames)
    points = np.zeros((50, 3, 3))
    points[:, 0] = 2, 0, 0
    points[:, 2] = 3 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    np.testing.assert_allclose(values(points, "angle_rate"), 150)
    np.testing.assert_allclose(values(points[::-1], "angle_rate"), -150)


def test_a_torsion_that_passes_half_a_turn_has_no_jump() -> None:
    angle = np.radians(170 + 2.0 * np.arange(20))
    points = np.zeros((20, 4, 3))
    points[:, 0], points[:, 2] = (1, 0, 0), (0, 0, 1)
    points[:, 3] = np.stack([np.cos(angle), np.sin(angle), np.ones(20)], axis=1)
    np.testing.assert_allclose(values(points, "torsion_rate"), 200)


def test_a_point_has_its_velocity_and_a_length_its_rate() -> None:
    points = np.zeros((10, 2, 3))
    points[:, 1] = np.arange(10)[:, None] * np.array([2.0, -1.0, 2.0])
    np.testing.assert_allclose(values(points[:, 1:], "velocity"), [[200, -100, 200]] * 10)
    np.testing.assert_allclose(values(points, "length_rate")[1:], 300)


def test_a_gap_takes_the_frames_beside_it() -> None:
    points = turning((0, 0, 1), 3.0, 8)
    points[4, 1] = np.nan
    missing = np.isnan(values(points, "angular_speed")[:, 0])
    assert missing.tolist() == [i in (3, 5) for i in range(8)]


@pytest.mark.parametrize("kind", CHANGES)
def test_uncertainty_is_that_of_many_draws_of_two_frames(kind: str) -> None:
    rng = np.random.default_rng(5)
    k = KINDS[kind].n_points
    before = rng.normal(size=(k, 3)) * 10
    after = before + rng.normal(size=(k, 3))
    # Errors that both frames share are three times as large as those of single frames.
    shared, *own = rng.normal(size=(3, k, 3, 3)) * np.array([0.06, 0.02, 0.02])[:, None, None, None]
    covariances = [root @ root.transpose(0, 2, 1) for root in (shared, *own)]

    def drawn(root: NDArray) -> NDArray:
        return np.einsum("kij,nkj->nki", root, rng.normal(size=(40_000, k, 3)))

    common = drawn(shared)
    pairs = np.concatenate(
        [before + common + drawn(own[0]), after + common + drawn(own[1])], axis=1
    )
    nothing = np.full((k, 3, 3), np.nan)
    poses = replace(
        poses_of(
            np.stack([before, (before + after) / 2, after]),
            np.stack([covariances[0] + covariances[1], nothing, covariances[0] + covariances[2]]),
        ),
        displacement_covariance=np.stack([nothing, covariances[1] + covariances[2], nothing]),
    )
    stated = measure(poses, Measurement("it", kind, NAMES[:k]), FPS).deviations[1]
    empirical = KINDS[kind].of(pairs)
    if KINDS[kind].magnitude:
        empirical = np.linalg.norm(empirical, axis=-1, keepdims=True)
    np.testing.assert_allclose(stated, empirical.std(axis=0) * FPS / 2, rtol=0.05)
    # Taken as independent, the frames would make it far too large.
    bound = measure(
        replace(poses, displacement_covariance=None), Measurement("it", kind, NAMES[:k]), FPS
    )
    assert (bound.deviations[1] > 1.5 * stated).all()
