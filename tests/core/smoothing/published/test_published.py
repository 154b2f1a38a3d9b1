"""Equality with the saved outputs of ensemble-kalman-smoother 4.6.2."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_pose3d import load_predictions, load_rig, smooth
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
    ensemble_statistics,
)
from napari_pose3d.core.smoothing.kalman.smooth_param_search import find_smooth_param
from napari_pose3d.core.smoothing.kalman.state_space import negative_log_likelihood
from napari_pose3d.core.smoothing.published.published_smoother import (
    published_track,
)

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def fly(shared_data):
    rig = load_rig(shared_data / "fly" / "calibration.toml")
    return load_predictions(shared_data / "fly", rig=rig), rig


@pytest.fixture(scope="module")
def mouse(shared_data):
    ensemble = load_predictions(shared_data / "mouse", views=["top", "bot"])
    return ensemble.select(keypoints=("paw1LH", "paw2LF", "paw3RF", "paw4RH"))


@pytest.fixture(scope="module")
def reference(shared_data):
    def load(name: str):
        return np.load(shared_data / "eks_reference" / f"{name}.npz")

    return load


def test_the_ensemble_is_the_same(fly, reference) -> None:
    expected = reference("fly_nonlinear_s1")
    found = ensemble_statistics(fly[0])
    np.testing.assert_array_equal(found.centre, expected["ens_median"])
    np.testing.assert_allclose(found.variance, expected["ens_var"], rtol=1e-6)
    np.testing.assert_allclose(found.likelihood, expected["likelihood"], rtol=1e-6)


@pytest.mark.parametrize("s", [1, 0.01])
def test_calibrated(fly, reference, s) -> None:
    expected = reference(f"fly_nonlinear_s{s}")
    result = smooth(*fly, smooth_param=float(s), as_published=True)
    assert result.poses3d is not None
    assert np.abs(result.poses2d.xy - expected["xy"]).max() < 0.01
    # 4.6.2 adds the first camera's ensemble variance in every view; we add each view's own.
    theirs = expected["posterior_var"] - expected["ens_var"][:1] + expected["ens_var"]
    np.testing.assert_allclose(result.poses2d.variance, theirs, rtol=0.005)
    spread = np.diagonal(result.poses3d.covariance, axis1=-2, axis2=-1)
    np.testing.assert_allclose(spread, expected["xyz_posterior_var"], rtol=0.005)
    pixel = np.abs(fly[1].project(expected["xyz"]) - fly[1].project(result.poses3d.xyz)).max()
    assert pixel < 0.01


def test_linear_three_views(fly, reference) -> None:
    expected = reference("fly_linear_s10")
    result = smooth(fly[0], None, smooth_param=10.0, as_published=True)
    assert np.abs(result.poses2d.xy - expected["xy"]).max() < 0.01
    np.testing.assert_allclose(result.poses2d.variance, expected["posterior_var"], rtol=0.005)


def test_linear_two_views(mouse, reference) -> None:
    expected = reference("mouse_linear_s10")
    assert [str(name) for name in expected["keypoints"]] == list(mouse.keypoints)
    result = smooth(mouse, None, smooth_param=10.0, as_published=True)
    assert np.abs(result.poses2d.xy - expected["xy"]).max() < 0.01
    np.testing.assert_allclose(result.poses2d.variance, expected["posterior_var"], rtol=0.005)


def test_linear_with_inflated_variances(fly, reference) -> None:
    expected = reference("fly_linear_s10_inflate")
    result = smooth(fly[0], None, smooth_param=10.0, as_published=True, inflate_vars=True)
    np.testing.assert_allclose(result.poses2d.ensemble_variance, expected["ens_var"], rtol=1e-5)
    assert np.abs(result.poses2d.xy - expected["xy"]).max() < 0.01
    np.testing.assert_allclose(result.poses2d.variance, expected["posterior_var"], rtol=0.005)


def test_calibrated_with_inflated_variances_writes_the_ensembles_own(fly, reference) -> None:
    inflated = reference("fly_linear_s10_inflate")["ens_var"]
    plain = smooth(*fly, smooth_param=1.0, as_published=True)
    result = smooth(*fly, smooth_param=1.0, as_published=True, inflate_vars=True)
    assert plain.poses3d is not None
    assert result.poses3d is not None
    raw = ensemble_statistics(fly[0]).variance
    np.testing.assert_array_equal(result.poses2d.ensemble_variance, raw)
    # The same inflation feeds both smoothers; where a view is inflated, it counts for less.
    worse = (inflated > 5 * raw).any(axis=(0, -1))
    moved = np.linalg.norm(result.poses3d.xyz - plain.poses3d.xyz, axis=-1)
    assert np.median(moved[worse]) > 5 * np.median(moved[~worse])


def test_our_search_reaches_at_least_their_likelihood(fly, reference) -> None:
    ensemble, rig = fly
    theirs = reference("fly_nonlinear_auto")["smooth_param"]
    statistics = ensemble_statistics(ensemble)
    searched = np.ones(ensemble.n_frames, dtype=bool)
    for k, name in enumerate(ensemble.keypoints):
        track = published_track(
            rig,
            ensemble.xy[:, :, :, k],
            statistics.centre[:, :, k],
            statistics.variance[:, :, k],
            searched,
            name,
            lambda: False,
        )
        s = find_smooth_param(rig.packed, [track], (-8, 8), lambda: False)
        ours = negative_log_likelihood(rig.packed, track, s)
        assert ours <= negative_log_likelihood(rig.packed, track, float(theirs[k])) + 1e-9
        # As docs/smoothing.md says.
        assert 0.705 < s / theirs[k] < 1.245


def test_our_linear_search_reaches_at_least_their_likelihood(mouse, reference) -> None:
    from napari_pose3d.core.cameras.projection import pack_cameras
    from napari_pose3d.core.smoothing.linear.linear_smoother import linear_keypoint, training_frames

    theirs = reference("mouse_linear_auto")["smooth_param"]
    statistics = ensemble_statistics(mouse)
    common = {"n_latent": 3, "as_published": True, "cancelled": lambda: False}
    frames = training_frames(
        statistics.centre, statistics.variance, mouse.keypoints, quantile_keep=50.0, **common
    )
    tracks = [
        linear_keypoint(
            statistics.centre[:, :, k],
            statistics.variance[:, :, k],
            frames[k],
            np.ones(mouse.n_frames, dtype=bool),
            inflate=False,
            **common,
        ).track
        for k in range(len(mouse.keypoints))
    ]
    cams = pack_cameras(())
    for track, s_theirs in zip(tracks, theirs, strict=True):
        s = find_smooth_param(cams, [track], (-8, 8), lambda: False)
        ours = negative_log_likelihood(cams, track, s)
        assert ours <= negative_log_likelihood(cams, track, float(s_theirs)) + 1e-9
        assert 0.675 < s / s_theirs < 1.115


@pytest.mark.parametrize("as_published", [False, True])
def test_a_fifth_of_the_observations_blanked(fly, as_published: bool) -> None:
    ensemble, rig = fly
    rng = np.random.default_rng(0)
    xy = ensemble.xy.copy()
    xy[:, rng.random(xy.shape[1:4]) < 0.2] = np.nan
    full = smooth(ensemble, rig, as_published=as_published)
    blanked = smooth(replace(ensemble, xy=xy), rig, as_published=as_published)
    assert np.isfinite(blanked.poses2d.xy).all()
    assert blanked.poses3d is not None
    assert np.isfinite(blanked.poses3d.xyz).all()
    distance = np.linalg.norm(blanked.poses2d.xy - full.poses2d.xy, axis=-1)
    assert np.median(distance) < 1.0
