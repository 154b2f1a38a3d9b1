"""Bones: lengths learned from good frames place points that one view saw, or none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import PoseDataError, smooth
from napari_pose3d.core.smoothing.bones.bone_lengths import learn_bones

NAMES = ("hip", "knee", "foot", "nose")
LENGTH = 25.0
HIDDEN = slice(150, 190)


@pytest.fixture(scope="module")
def scene():
    """A shin of constant length that swings about a knee; the foot is hidden for 40 frames."""
    rng = np.random.default_rng(1)
    rig = ring_rig(4)
    xyz = walk(400, 4, rng)
    t = np.arange(400) / 100.0
    swing, turn = 6.0 * np.sin(9.0 * t), 3.0 * t
    direction = np.stack(
        [np.cos(swing) * np.cos(turn), np.cos(swing) * np.sin(turn), np.sin(swing)], axis=-1
    )
    xyz[:, 2] = xyz[:, 1] + LENGTH * direction
    ensemble = replace(noisy_ensemble(rig, xyz, rng, sigma=1.0), keypoints=NAMES)
    return rig, xyz, ensemble


def hide(ensemble, views: slice):
    xy = ensemble.xy.copy()
    xy[:, views, HIDDEN, 2] = np.nan
    return replace(ensemble, xy=xy)


@pytest.mark.parametrize("views", [slice(None), slice(1, None)])
def test_a_hidden_point_is_nearer_to_the_truth_and_marked(scene, views: slice) -> None:
    rig, xyz, ensemble = scene
    hidden = hide(ensemble, views)
    without, with_bone = (
        smooth(hidden, rig, skeleton=bones).poses3d for bones in ((), (("knee", "foot"),))
    )
    assert without is not None
    assert with_bone is not None

    def rmse(poses) -> float:
        return float(np.sqrt(np.mean((poses.xyz[HIDDEN, 2] - xyz[HIDDEN, 2]) ** 2)))

    assert rmse(with_bone) < 0.9 * rmse(without)
    length = np.linalg.norm(with_bone.xyz[HIDDEN, 2] - with_bone.xyz[HIDDEN, 1], axis=-1)
    assert np.abs(length - LENGTH).max() < 1.5
    assert with_bone.inferred[HIDDEN, 2].all()
    # No surer than it may be.
    error = with_bone.xyz[HIDDEN, 2] - xyz[HIDDEN, 2]
    inverse = np.linalg.inv(with_bone.covariance[HIDDEN, 2])
    d2 = np.einsum("ti,tij,tj->t", error, inverse, error)
    assert np.mean(d2 < 7.815) > 0.7
    # Whatever two views saw stays where it was.
    others = np.ones(without.inferred.shape, dtype=bool)
    others[HIDDEN, 2] = False
    np.testing.assert_array_equal(without.xyz[others], with_bone.xyz[others])
    assert not with_bone.inferred[others].any()


def test_the_views_show_the_point_where_the_bone_put_it(scene) -> None:
    rig, _, ensemble = scene
    result = smooth(hide(ensemble, slice(1, None)), rig, skeleton=(("foot", "knee"),))
    assert result.poses3d is not None
    assert result.poses2d.variance is not None
    np.testing.assert_allclose(result.poses2d.xy, rig.project(result.poses3d.xyz), atol=1e-3)
    assert (result.poses2d.variance > 0).all()
    assert result.report.inferred == 40
    seen = result.poses3d.residuals[0, HIDDEN, 2]
    off = np.linalg.norm(
        ensemble.xy[:, 0, HIDDEN, 2].mean(axis=0) - result.poses2d.xy[0, HIDDEN, 2]
    )
    assert np.isfinite(seen).all()
    assert seen.mean() < 3
    assert off < 40 * 3


def test_lengths_are_learned_from_frames_that_saw_both_ends() -> None:
    rng = np.random.default_rng(2)
    xyz = rng.normal(0, 1, (200, 3, 3))
    xyz[:, 1] = xyz[:, 0] + [3.0, 4.0, 0.0]
    n_views = np.full((200, 3), 2)
    xyz[:50, 1], n_views[:50, 1] = 100.0, 1
    n_views[10:, 2] = 0
    bones = learn_bones(xyz, n_views, [(0, 1), (1, 2)])
    assert bones.ends.tolist() == [[0, 1]]  # of the other bone nothing is known
    np.testing.assert_allclose(bones.lengths, 5.0)


def test_nonsense_is_refused(scene) -> None:
    rig, _, ensemble = scene
    with pytest.raises(PoseDataError, match="no bone"):
        smooth(ensemble, rig, skeleton=(("knee", "knee"),))
    with pytest.raises(PoseDataError, match="called toe"):
        smooth(ensemble, rig, skeleton=(("knee", "toe"),))
    noted = smooth(ensemble, mode="linear", skeleton=(("knee", "foot"),))
    assert any("skeleton" in note for note in noted.report.warnings)
