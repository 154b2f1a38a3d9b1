"""Poses in the frame of the animal: known motion, uncertainty against draws, frames without one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.core.poses.test_kinematics import poses_of

from napari_pose3d.core.poses.kinematics.body_frame import BodyFrame, in_body_frame
from napari_pose3d.errors import PoseDataError

# Keypoints a (tail), b (neck), c (nose) and d (left paw), in the animal's own frame.
BODY = np.array([[-3.0, 0, 0], [0, 0, 0], [2, 0, 0.5], [1, 1.5, -1]])
FRAME = BodyFrame("b", "b", "a")


def test_motion_and_turning_go_away() -> None:
    rng = np.random.default_rng(0)
    n = 100
    turns = Rotation.from_euler("z", rng.uniform(-180, 180, (n, 1)), degrees=True)
    world = np.stack([turn.apply(BODY) for turn in turns]) + rng.normal(size=(n, 1, 3)) * 50
    found = in_body_frame(poses_of(world), FRAME)
    np.testing.assert_allclose(found.poses.xyz, np.broadcast_to(BODY, world.shape), atol=1e-10)
    assert not found.undefined.any()
    # On a floor that is tilted as the animal is, too.
    tilt = Rotation.from_euler("xyz", [20, -35, 70], degrees=True)
    x, y, z = tilt.apply([0, 0, 1])
    again = in_body_frame(poses_of(tilt.apply(world.reshape(-1, 3)).reshape(world.shape)),
                          replace(FRAME, up=(x, y, z)))  # fmt: skip
    np.testing.assert_allclose(again.poses.xyz, found.poses.xyz, atol=1e-10)


def test_pitch_stays_since_the_frame_is_level() -> None:
    world = Rotation.from_euler("y", -30, degrees=True).apply(BODY)[None]
    found = in_body_frame(poses_of(world), FRAME).poses.xyz[0]
    np.testing.assert_allclose(found[:, 2], world[0, :, 2], atol=1e-12)
    np.testing.assert_allclose(found[:, 1], BODY[:, 1], atol=1e-12)


@pytest.mark.parametrize("frame", [FRAME, BodyFrame("b", "c"), BodyFrame("d", "c", "a")])
def test_uncertainty_is_that_of_many_draws(frame: BodyFrame) -> None:
    rng = np.random.default_rng(1)
    roots = rng.normal(size=(4, 3, 3)) * 0.03
    place = Rotation.from_euler("zy", [130, 20], degrees=True).apply(BODY) + 7
    draws = place + np.einsum("kij,nkj->nki", roots, rng.normal(size=(40_000, 4, 3)))
    each = in_body_frame(poses_of(draws), frame).poses.xyz
    stated = in_body_frame(poses_of(place[None], (roots @ roots.transpose(0, 2, 1))[None]), frame)
    for k in range(4):
        covariance = np.cov(each[:, k].T)
        scale = np.sqrt(np.outer(*[np.diagonal(covariance)] * 2))
        np.testing.assert_allclose(
            stated.poses.covariance[0, k], covariance, atol=0.03 * scale.max(), rtol=0
        )
    origin = "abcd".index(frame.origin)
    np.testing.assert_allclose(stated.poses.covariance[0, origin], 0, atol=1e-12)


def test_frames_without_a_frame_of_the_body_are_empty() -> None:
    world = np.repeat(BODY[None], 6, axis=0)
    world[1, 0] = np.nan  # no tail: no heading
    world[2, 1] = np.nan  # no origin
    world[3, 0] = world[3, 1] - [0, 0, 3]  # upright
    world[4, 3] = np.nan  # a paw: the others stay
    poses = replace(poses_of(world), inferred=np.eye(6, 4, -5, dtype=bool))
    found = in_body_frame(poses, FRAME)
    assert found.undefined.tolist() == [False, True, True, True, False, False]
    assert found.upright.tolist() == [False, False, False, True, False, False]
    assert np.isnan(found.poses.xyz[1:4]).all()
    assert np.isfinite(found.poses.xyz[4, :3]).all()
    # A tail that was filled in makes a heading that was.
    assert found.poses.inferred.any(axis=1).tolist() == [False] * 5 + [True]
    assert found.poses.inferred[5].all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nose", "is not understood"),
        ("a,b,c,d", "is not understood"),
        ("a,,b", "is not understood"),
        ("a,a", "two different keypoints"),
        ("b,a,a", "two different keypoints"),
    ],
)
def test_frames_that_are_none_are_refused(text: str, expected: str) -> None:
    with pytest.raises(PoseDataError, match=expected) as caught:
        BodyFrame.of_text(text)
    assert caught.value.place == "body frame"


def test_unknown_keypoints_and_floors_are_refused() -> None:
    with pytest.raises(PoseDataError, match=r"no keypoint x\. Expected some of a, b"):
        in_body_frame(poses_of(BODY[None]), BodyFrame("x", "b"))
    with pytest.raises(PoseDataError, match="a direction such as"):
        replace(FRAME, up=(0.0, 0.0, 0.0))
