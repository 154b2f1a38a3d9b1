"""Postures as numbers: where the animal is and heads does not count, how it holds itself does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.support.recordings.review_scenes import CLEAN, recording

from napari_pose3d.core.review.measures.pose_shapes import PoseShapes


@pytest.fixture(scope="module")
def result():
    return recording(4, 21, 400, CLEAN).result


def test_a_pose_that_is_moved_and_turned_is_the_same(result) -> None:
    space = result.poses3d
    xyz = space.xyz.copy()
    xyz[301] = xyz[10] @ Rotation.from_euler("zyx", [140, 20, 5], degrees=True).as_matrix() + 90.0
    found = PoseShapes(replace(result, poses3d=replace(space, xyz=xyz))).at([10, 301, 200])
    assert np.linalg.norm(found[1] - found[0]) < 1e-3
    assert np.linalg.norm(found[2] - found[0]) > 0.1


@pytest.mark.parametrize("in_space", [True, False])
def test_distances_have_the_recordings_own_scale(result, in_space: bool) -> None:
    shapes = PoseShapes(result if in_space else replace(result, poses3d=None))
    found = shapes.at(np.arange(400))
    assert np.sqrt(np.square(found).sum(axis=1).mean()) == pytest.approx(1.0, rel=0.02)


def test_frames_that_lack_a_keypoint_or_do_not_exist(result) -> None:
    space = result.poses3d
    xyz = space.xyz.copy()
    xyz[7, 2] = np.nan
    found = PoseShapes(replace(result, poses3d=replace(space, xyz=xyz))).at([6, 7, 400, -1])
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1:]).all()
    nothing = PoseShapes(replace(result, poses3d=replace(space, xyz=np.full_like(xyz, np.nan))))
    assert nothing.at([1, 2]).shape == (2, 0)
