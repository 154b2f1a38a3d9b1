"""Frames that one view alone sees: a ray is known, and nothing along it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import smooth
from napari_pose3d.core.smoothing.robust.single_view_stretches import single_view_stretches


@pytest.mark.parametrize("gap", [0, 300])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_view_that_goes_on_alone_does_not_pull_the_track_towards_its_camera(
    gap: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rig = ring_rig(3)
    alone = slice(1_200, 2_200)
    xyz = walk(3_200, 1, rng)
    ensemble = noisy_ensemble(rig, xyz, rng)
    xy = ensemble.xy.copy()
    xy[:, 1:, alone] = np.nan
    xy[:, :, alone.start - gap : alone.start] = np.nan
    poses = smooth(replace(ensemble, xy=xy), rig).poses3d
    assert poses is not None

    found, truth = poses.xyz[alone, 0], xyz[alone, 0]
    # The ray is known as well as ever ...
    off = np.linalg.norm(rig.project(found)[0] - rig.project(truth)[0], axis=-1)
    assert np.median(off) < 1.0
    assert not poses.inferred[alone].any()
    # ... and what lies along it no better than in a gap, and said to be so.
    rays = truth - rig.centres[0]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    along = np.einsum("ti,ti->t", found - truth, rays)
    variance = np.einsum("ti,tij,tj->t", rays, poses.covariance[alone, 0], rays)
    assert abs(along.mean()) < 40
    assert np.mean(along**2 / variance) < 9
    across = np.trace(poses.covariance[alone, 0], axis1=1, axis2=2) - variance
    assert np.median(across) < 0.01 * np.median(variance)


@pytest.mark.parametrize("n_frames_each", [1, 20])
def test_views_that_take_turns_tell_the_depth_together(n_frames_each: int) -> None:
    rng = np.random.default_rng(0)
    rig = ring_rig(3)
    t = np.arange(2_000)
    xyz = 6 * walk(2_000, 1, rng)
    xyz -= xyz.mean(axis=0)
    ensemble = noisy_ensemble(rig, xyz, rng)
    turn = (t // n_frames_each) % 3
    keep = (turn == np.arange(3)[:, None]) | (t < 200) | (t >= 1_800)
    xy = ensemble.xy.copy()
    xy[:, ~keep] = np.nan
    poses = smooth(replace(ensemble, xy=xy), rig).poses3d
    assert poses is not None
    error = np.linalg.norm(poses.xyz[:, 0] - xyz[:, 0], axis=-1)[300:1_700]
    assert np.median(error) < (1.0 if n_frames_each == 1 else 2.0)


@pytest.mark.parametrize("smooth_param", [None, 0.1, 1.0, 1e2, 1e4])
def test_a_long_gap_and_then_one_view_only(smooth_param: float | None) -> None:
    rng = np.random.default_rng(0)
    rig = ring_rig(3)
    n = 12_000
    xyz = walk(n, 1, rng)
    ensemble = noisy_ensemble(rig, xyz, rng)
    xy = ensemble.xy.copy()
    xy[:, :, 1_000:11_000] = np.nan
    xy[:, 1:, 11_000:11_500] = np.nan
    poses = smooth(replace(ensemble, xy=xy), rig, smooth_param=smooth_param).poses3d
    assert poses is not None
    assert np.isfinite(poses.xyz).all()
    # Stored in single precision, whose last digit the narrow axis of a long ellipsoid may be.
    lengths = np.linalg.eigvalsh(poses.covariance[:, 0].astype(np.float64))
    assert (lengths[:, 0] > -1e-6 * lengths[:, -1]).all()
    assert poses.inferred[1_000:11_000].all()
    spread = lengths.sum(axis=1)
    assert spread[6_000] > 100 * spread[500]
    # What one view cannot tell does not come back upon the frames that three views see.
    error = np.linalg.norm(poses.xyz[:, 0] - xyz[:, 0], axis=-1)
    assert error[:1_000].max() < 3
    assert error[11_500:].max() < 3
    assert error[11_000:11_500].max() < 200


def test_the_rays_of_a_view_are_taken_as_parallel_between_frames_that_more_views_see() -> None:
    rig = ring_rig(3)
    track = walk(7, 1, np.random.default_rng(0))[:, 0] + 10 * np.arange(7)[:, None]
    counts = np.ones((7, 3), dtype=bool)
    counts[1:3, 1:] = False
    counts[2] = False  # unseen
    counts[3, [0, 2]] = False
    counts[5, :2] = False
    found = single_view_stretches(counts, counts.sum(axis=1), track, rig.centres)
    assert found.frames.tolist() == [1, 3, 5]
    assert found.views.tolist() == [0, 1, 2]
    np.testing.assert_allclose(np.linalg.norm(found.common, axis=1), 1)

    counts[4, :2] = counts[6, :2] = False
    found = single_view_stretches(counts, counts.sum(axis=1), track, rig.centres)
    at = np.isin(found.frames, [4, 5, 6])
    assert at.sum() == 3
    assert np.ptp(found.common[at], axis=0).max() == 0

    rng = np.random.default_rng(1)
    jacobian = rng.normal(size=(7, 3, 2, 3))
    before = jacobian.copy()
    found.make_parallel(jacobian)
    for t, view, common in zip(found.frames, found.views, found.common, strict=True):
        np.testing.assert_allclose(jacobian[t, view] @ common, 0, atol=1e-12)
        across = np.cross(common, rng.normal(size=3))
        np.testing.assert_allclose(jacobian[t, view] @ across, before[t, view] @ across)
        before[t, view] = jacobian[t, view]
    np.testing.assert_array_equal(jacobian, before)

    # What is open along the common direction becomes open along each frame's own ray.
    covariance = np.repeat(np.eye(3)[None], 7, axis=0)
    covariance[found.frames] += 1e8 * found.common[:, :, None] * found.common[:, None]
    after = track.copy()
    after[found.frames] += 30 * found.common
    moved = after.copy()
    ahead = rng.normal(size=(7, 2, 3, 3))
    shear = np.repeat(np.eye(3)[None], 7, axis=0)
    cosine = np.einsum("ti,ti->t", found.rays, found.common)[:, None]
    shear[found.frames] += (found.rays / cosine - found.common)[:, :, None] * found.common[:, None]
    expected = [
        shear[:-lag] @ ahead[:-lag, lag - 1] @ shear[lag:].transpose(0, 2, 1) for lag in (1, 2)
    ]
    found.turn(track, moved, covariance, ahead)
    for lag in (1, 2):
        np.testing.assert_allclose(ahead[:-lag, lag - 1], expected[lag - 1])
    for t, view in zip(found.frames, found.views, strict=True):
        ray = track[t] - rig.centres[view]
        ray /= np.linalg.norm(ray)
        longest = np.linalg.eigh(covariance[t])[1][:, -1]
        assert abs(longest @ ray) == pytest.approx(1, abs=1e-7)
        np.testing.assert_allclose(np.cross(moved[t] - track[t], ray), 0, atol=1e-9)
    unchanged = np.setdiff1d(np.arange(7), found.frames)
    np.testing.assert_array_equal(covariance[unchanged], np.eye(3)[None].repeat(len(unchanged), 0))
    np.testing.assert_array_equal(moved[unchanged], after[unchanged])
