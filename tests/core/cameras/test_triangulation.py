"""Triangulation against known truth, any pattern of missing views, outliers."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import Cancelled, PoseDataError, leave_one_out_residuals, load_rig, triangulate
from napari_pose3d.core.cameras.triangulation.triangulation import homogeneous_points


def random_points(n: int = 2000) -> np.ndarray:
    return np.random.default_rng(0).uniform(-80, 80, (n, 3))


@pytest.mark.parametrize("n_views", [2, 3, 6])
def test_exact_pixels_give_the_exact_point(n_views: int) -> None:
    rig, xyz = ring_rig(n_views), random_points()
    found = triangulate(rig, rig.project(xyz))
    np.testing.assert_allclose(found.xyz, xyz, atol=1e-6)
    assert np.all(found.n_views == n_views)
    assert found.inliers.all()
    assert found.residuals.max() < 1e-6


def test_noise_gives_least_squares_in_pixels_and_an_honest_covariance() -> None:
    rig, xyz = ring_rig(4), random_points(5000)
    rng = np.random.default_rng(1)
    xy = rig.project(xyz)
    xy += rng.normal(0, 2.0, xy.shape)
    found = triangulate(rig, xy)
    error = found.xyz - xyz
    d2 = np.einsum("ni,nij,nj->n", error, np.linalg.inv(found.covariance), error)
    # 95 % of a chi-squared variable with 3 degrees of freedom lie below 7.815.
    assert 0.94 < np.mean(d2 < 7.815) < 0.96
    # No point near the solution has a smaller error in pixels.
    best = np.nansum(found.residuals**2, axis=0)
    for shift in np.concatenate([np.eye(3), -np.eye(3)]) * 0.05:
        moved = np.sum((rig.project(found.xyz + shift) - xy) ** 2, axis=(0, 2))
        assert np.all(moved > best)


def test_any_pattern_of_missing_views() -> None:
    rig, xyz = ring_rig(4), random_points()
    rng = np.random.default_rng(2)
    xy = rig.project(xyz)
    gone = rng.random(xy.shape[:2]) < 0.5
    xy[gone, rng.integers(0, 2, gone.sum())] = np.nan  # NaN in one coordinate is missing as well
    found = triangulate(rig, xy)
    enough = (~gone).sum(axis=0) >= 2
    np.testing.assert_allclose(found.xyz[enough], xyz[enough], atol=1e-6)
    assert np.isnan(found.xyz[~enough]).all()
    np.testing.assert_array_equal(found.n_views, np.where(enough, (~gone).sum(axis=0), 0))
    assert np.isnan(found.residuals[gone]).all()
    assert not found.inliers[gone].any()


def test_weights_pull_towards_the_trusted_views() -> None:
    rig, xyz = ring_rig(3), random_points(200)
    xy = rig.project(xyz)
    xy[0] += 20.0
    equal = np.linalg.norm(triangulate(rig, xy).xyz - xyz, axis=1)
    weights = np.ones((3, 200))
    weights[0] = 1e-4
    trusted = np.linalg.norm(triangulate(rig, xy, weights).xyz - xyz, axis=1)
    assert np.median(trusted) < 0.01 * np.median(equal)
    weights[0] = 0.0
    np.testing.assert_allclose(triangulate(rig, xy, weights).xyz, xyz, atol=1e-6)


@pytest.mark.parametrize("robust", ["auto", 8.0])
def test_robust_finds_the_view_that_disagrees(robust) -> None:
    rig, xyz = ring_rig(6), random_points(5000)
    rng = np.random.default_rng(3)
    xy = rig.project(xyz)
    xy += rng.normal(0, 1.0, xy.shape)
    clean = np.linalg.norm(triangulate(rig, xy).xyz - xyz, axis=1)
    wrong = rng.random(xy.shape[:2]) < 0.1
    xy[wrong] += rng.normal(0, 80, (wrong.sum(), 2))
    found = triangulate(rig, xy, robust=robust)
    error = np.linalg.norm(found.xyz - xyz, axis=1)
    assert np.median(error) < 1.1 * np.median(clean)
    assert np.percentile(error, 99) < 1.2  # mm; without robustness 70
    assert found.inliers[~wrong].mean() > 0.99


def test_robust_leaves_clean_points_alone() -> None:
    rig, xyz = ring_rig(4), random_points(500)
    xy = rig.project(xyz) + np.random.default_rng(4).normal(0, 1.0, (4, 500, 2))
    plain, robust = triangulate(rig, xy), triangulate(rig, xy, robust=50.0)
    np.testing.assert_array_equal(plain.xyz, robust.xyz)


def test_points_behind_the_cameras_are_not_points() -> None:
    rig = ring_rig(2)
    # Rays that meet only when followed backwards.
    away = rig.project([0.0, 0.0, 0.0]).copy()
    away[0, 0] += 4000.0
    found = triangulate(rig, away)
    if np.isfinite(found.xyz).all():
        assert np.isfinite(rig.project(found.xyz)).all()


def test_shapes_and_empty_input() -> None:
    rig, xyz = ring_rig(3), random_points(12).reshape(3, 4, 3)
    found = triangulate(rig, rig.project(xyz))
    assert found.xyz.shape == (3, 4, 3)
    assert found.covariance.shape == (3, 4, 3, 3)
    assert found.n_views.shape == (3, 4)
    assert found.residuals.shape == found.inliers.shape == (3, 3, 4)
    assert triangulate(rig, np.empty((3, 0, 2))).xyz.shape == (0, 3)
    assert triangulate(rig, rig.project([1.0, 2.0, 3.0])).xyz.shape == (3,)


def test_wrong_shapes_are_refused() -> None:
    rig = ring_rig(3)
    with pytest.raises(PoseDataError, match="one entry per camera"):
        triangulate(rig, np.zeros((2, 5, 2)))
    with pytest.raises(PoseDataError, match="weights"):
        triangulate(rig, np.zeros((3, 5, 2)), np.ones((3, 4)))
    with pytest.raises(PoseDataError, match="negative"):
        triangulate(rig, np.zeros((3, 5, 2)), -np.ones((3, 5)))


def test_nearly_parallel_rays() -> None:
    # Two cameras a tenth of a millimetre apart see the point from almost one place.
    rig = ring_rig(2)
    first = rig.cameras[0]
    from dataclasses import replace

    second = replace(first, name="b", translation=first.translation + np.array([0.1, 0, 0]))
    pair = replace(rig, cameras=(first, second))
    xyz = random_points(50)
    found = triangulate(pair, pair.project(xyz))
    np.testing.assert_allclose(found.xyz, xyz, atol=1e-3)
    by_eigenvectors = homogeneous_points(pair, pair.undistort(pair.project(xyz)))
    np.testing.assert_allclose(by_eigenvectors, xyz, atol=0.1)


@pytest.mark.realdata
def test_at_least_as_accurate_as_aniposelib_on_a_near_telecentric_rig(shared_data) -> None:
    pytest.importorskip("aniposelib")
    rig = load_rig(shared_data / "fly" / "calibration.toml")
    xyz = np.load(shared_data / "eks_reference" / "fly_nonlinear_s1.npz")["xyz"].reshape(-1, 3)
    xy = rig.project(xyz) + np.random.default_rng(0).normal(0, 1, (3, len(xyz), 2))
    ours = triangulate(rig, xy).xyz
    theirs = rig.to_aniposelib().triangulate(xy)
    assert np.median(np.abs(ours - theirs)) < 0.5 * np.median(np.abs(theirs - xyz))
    error = [np.median(np.linalg.norm(found - xyz, axis=1)) for found in (ours, theirs)]
    assert error[0] <= error[1]


def contradicting(rig, shifts: dict[int, tuple[float, float]]) -> np.ndarray:
    """Noisy pixels of points near the origin, with some views somewhere else."""
    xyz = np.random.default_rng(6).uniform(-60, 60, (300, 3))
    xy = rig.project(xyz) + np.random.default_rng(7).normal(0, 1.0, (len(rig.names), 300, 2))
    for view, shift in shifts.items():
        xy[view] += shift
    return xy


def test_two_views_that_disagree_are_undecided() -> None:
    ring = ring_rig(4)
    rig = ring.subset(ring.names[:2])
    assert not triangulate(rig, contradicting(rig, {}), robust="auto").undecided.any()
    found = triangulate(rig, contradicting(rig, {1: (0.0, 60.0)}), robust="auto")
    assert found.undecided.mean() > 0.95
    assert np.isfinite(found.xyz).all()
    assert found.n_views.min() == 2
    # Nobody asked: nothing is said.
    assert not triangulate(rig, contradicting(rig, {1: (0.0, 60.0)})).undecided.any()


def test_a_majority_decides_and_a_tie_does_not() -> None:
    rig = ring_rig(5)
    one_wrong = triangulate(rig, contradicting(rig, {1: (0.0, 60.0)}), robust=10.0)
    assert not one_wrong.undecided.any()
    assert not one_wrong.inliers[1].any()
    # Two views tell of one point, two of another, both as well as can be.
    there = np.random.default_rng(6).uniform(-60, 60, (300, 3))
    xy = contradicting(rig, {})
    xy[2:4] = rig.project(there + np.array([0.0, 0.0, 40.0]))[2:4]
    xy[4] = np.nan
    tie = triangulate(rig, xy, robust=10.0)
    assert tie.undecided.all()
    assert (tie.n_views == 2).all()


def test_a_noisy_view_has_a_threshold_of_its_own() -> None:
    rig, xyz = ring_rig(4), random_points(3000)
    rng = np.random.default_rng(8)
    xy = rig.project(xyz)
    xy += rng.normal(0, 1.0, xy.shape) * np.array([1.0, 1.0, 1.0, 8.0])[:, None, None]
    found = triangulate(rig, xy, robust="auto")
    assert found.inliers[3].mean() > 0.9
    xy[0, :100] += 15.0  # noise for the fourth view, a mistake in the first
    found = triangulate(rig, xy, np.array([1, 1, 1, 1 / 64])[:, None] * np.ones((4, 3000)), "auto")
    assert found.inliers[0, :100].mean() < 0.1
    assert found.inliers[3].mean() > 0.9


def test_leaving_a_view_out_shows_what_its_own_residual_hides() -> None:
    rig = ring_rig(4)
    xy = contradicting(rig, {2: (25.0, 0.0)})
    xy[0, 0] = np.nan
    own, left_out = triangulate(rig, xy).residuals, leave_one_out_residuals(rig, xy)
    assert np.isnan(left_out[0, 0])
    assert np.median(own[2]) < 20
    assert 23 < np.median(left_out[2]) < 27
    # Against the views that a robust solution believes, the others are right.
    found = triangulate(rig, xy, robust=8.0)
    against_inliers = leave_one_out_residuals(rig, xy, inliers=found.inliers)
    assert np.nanmedian(against_inliers[0]) < 3
    assert 23 < np.median(against_inliers[2]) < 27
    # It is what leaving the view out by hand gives.
    others = xy.copy()
    others[2] = np.nan
    by_hand = np.linalg.norm(rig.project(triangulate(rig, others).xyz)[2] - xy[2], axis=-1)
    np.testing.assert_allclose(left_out[2], by_hand, rtol=1e-6)
    # Two views: with one left out there is no point.
    pair = rig.subset(rig.names[:2])
    assert np.isnan(leave_one_out_residuals(pair, xy[:2])).all()
    with pytest.raises(PoseDataError, match="inliers"):
        leave_one_out_residuals(rig, xy, inliers=np.ones((3, 300), bool))


@pytest.mark.parametrize("robust", [None, "auto"])
def test_any_number_of_threads_gives_the_same(robust) -> None:
    rig, xyz = ring_rig(3), random_points(25_000)
    rng = np.random.default_rng(9)
    xy = rig.project(xyz) + rng.normal(0, 1.0, (3, 25_000, 2))
    xy[rng.random(xy.shape[:2]) < 0.1] += 60.0
    one, four = (triangulate(rig, xy, robust=robust, threads=n) for n in (1, 4))
    for name in ("xyz", "covariance", "n_views", "residuals", "inliers", "undecided"):
        np.testing.assert_array_equal(getattr(one, name), getattr(four, name))
    with pytest.raises(Cancelled):
        triangulate(rig, xy, robust=robust, cancelled=lambda: True)
