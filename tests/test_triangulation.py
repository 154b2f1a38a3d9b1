"""Triangulation against known truth, any pattern of missing views, outliers."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d import PoseDataError, load_rig, triangulate
from napari_pose3d.core.cameras.triangulation import homogeneous_points
from scenes import ring_rig


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
