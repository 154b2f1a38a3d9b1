"""The smoothers on synthetic truth: accuracy, missing data, settings, cancelling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import Cancelled, Ensemble, PoseDataError, SmoothingSettings, smooth
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
    ensemble_statistics,
)
from napari_pose3d.core.smoothing.kalman.smooth_param_search import find_smooth_param
from napari_pose3d.core.smoothing.kalman.state_space import negative_log_likelihood
from napari_pose3d.core.smoothing.published.published_smoother import (
    published_track,
)

N_FRAMES, N_KEYPOINTS = 300, 3


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(0)
    rig = ring_rig(4)
    xyz = walk(N_FRAMES, N_KEYPOINTS, rng)
    return rig, xyz, noisy_ensemble(rig, xyz, rng)


def rmse(found, truth) -> float:
    return float(np.sqrt(np.mean(np.sum((found - truth) ** 2, axis=-1))))


def test_smoothing_beats_triangulation(scene) -> None:
    from napari_pose3d import triangulate

    rig, xyz, ensemble = scene
    raw = triangulate(rig, ensemble_statistics(ensemble).centre).xyz
    result = smooth(ensemble, rig)
    assert result.poses3d is not None
    assert rmse(result.poses3d.xyz, xyz) < 0.5 * rmse(raw, xyz)
    assert result.report.mode == "calibrated"
    assert result.poses3d.xyz.shape == (N_FRAMES, N_KEYPOINTS, 3)
    # The views show the same points.
    np.testing.assert_allclose(result.poses2d.xy, rig.project(result.poses3d.xyz), atol=1e-3)


def test_linear_and_single_smooth_without_calibration(scene) -> None:
    rig, xyz, ensemble = scene
    truth = rig.project(xyz)
    raw = rmse(ensemble_statistics(ensemble).centre, truth)
    linear, single = smooth(ensemble), smooth(ensemble, mode="single")
    assert (linear.report.mode, single.report.mode) == ("linear", "single")
    assert linear.poses3d is None
    assert single.poses3d is None
    assert rmse(linear.poses2d.xy, truth) < 0.85 * raw
    assert rmse(single.poses2d.xy, truth) < 0.85 * raw


def test_one_view_and_one_model(scene) -> None:
    rig, xyz, ensemble = scene
    one = replace(
        ensemble.select(views=("Cam-1",)),
        xy=ensemble.xy[:1, 1:2],
        likelihood=ensemble.likelihood[:1, 1:2],
        models=("seed=0",),
    )
    result = smooth(one)
    assert result.report.mode == "single"
    truth = rig.project(xyz)[1:2]
    assert rmse(result.poses2d.xy, truth) < 0.85 * rmse(one.xy[0], truth)


def test_smaller_s_is_smoother(scene) -> None:
    rig, _, ensemble = scene

    def roughness(s: float) -> float:
        result = smooth(ensemble, rig, smooth_param=s)
        assert result.poses3d is not None
        assert np.all(result.smooth_param == s)
        return float(np.abs(np.diff(result.poses3d.xyz, n=2, axis=0)).mean())

    assert roughness(0.001) < roughness(0.1) < roughness(10.0)


@pytest.mark.parametrize("mode", ["calibrated", "linear", "single"])
def test_missing_observations_are_skipped_and_never_spread(scene, mode: str) -> None:
    rig, _, ensemble = scene
    rig = rig if mode == "calibrated" else None
    full = smooth(ensemble, rig, mode=mode)
    rng = np.random.default_rng(5)
    xy = ensemble.xy.copy()
    xy[:, rng.random(xy.shape[1:4]) < 0.2] = np.nan
    blanked = smooth(replace(ensemble, xy=xy), rig, mode=mode)
    assert np.isfinite(blanked.poses2d.xy).all()
    distance = np.linalg.norm(blanked.poses2d.xy - full.poses2d.xy, axis=-1)
    assert np.median(distance) < 1.0
    assert blanked.report.missing == np.isnan(xy[0, ..., 0]).sum()


def test_frames_that_no_view_saw_are_filled_and_marked(scene) -> None:
    rig, xyz, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, :, 100:110, 1] = np.nan
    poses = smooth(replace(ensemble, xy=xy), rig).poses3d
    assert poses is not None
    expected = np.zeros((N_FRAMES, N_KEYPOINTS), dtype=bool)
    expected[100:110, 1] = True
    np.testing.assert_array_equal(poses.inferred, expected)
    assert np.isfinite(poses.xyz).all()
    assert np.linalg.norm(poses.xyz[105, 1] - xyz[105, 1]) < 10
    # Nobody looked: the uncertainty grows.
    trace = np.trace(poses.covariance[:, 1], axis1=1, axis2=2)
    assert trace[105] > 3 * np.median(trace)


def test_an_observation_that_contradicts_the_others_is_set_aside(scene) -> None:
    rig, xyz, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, 2, 50:60, 0] += 60.0  # all seeds agree on the wrong place
    spoilt = replace(ensemble, xy=xy)
    result = smooth(spoilt, rig)
    assert result.poses3d is not None
    assert result.report.rejected >= 9
    assert np.linalg.norm(result.poses3d.xyz[50:60, 0] - xyz[50:60, 0], axis=-1).max() < 3
    # ... and its residual shows it.
    assert np.nanmin(result.poses3d.residuals[2, 50:60, 0]) > 40
    published = smooth(spoilt, rig, as_published=True).poses3d
    assert published is not None
    assert np.linalg.norm(published.xyz[50:60, 0] - xyz[50:60, 0], axis=-1).max() > 8


def test_search_finds_the_optimum(scene) -> None:
    rig, _, ensemble = scene
    statistics = ensemble_statistics(ensemble)
    searched = np.ones(N_FRAMES, dtype=bool)
    centre, variance = statistics.centre[:, :, 0], statistics.variance[:, :, 0]
    track = published_track(
        rig, ensemble.xy[:, :, :, 0], centre, variance, searched, "a", lambda: False
    )
    s = find_smooth_param(rig.packed, [track], (-14, 14), lambda: False)
    least = negative_log_likelihood(rig.packed, track, s)
    for log_s in np.linspace(-14, 14, 57):
        assert least <= negative_log_likelihood(rig.packed, track, np.exp(log_s)) + 1e-6


def test_the_search_needs_no_luck(scene) -> None:
    """The scale found is close to the best one, judged by the truth."""
    rig, xyz, ensemble = scene
    found = smooth(ensemble, rig)
    assert found.poses3d is not None
    reached = rmse(found.poses3d.xyz, xyz)
    for factor in (0.01, 0.1, 10.0, 100.0):
        given = smooth(ensemble, rig, smooth_param=factor * float(np.median(found.smooth_param)))
        assert given.poses3d is not None
        assert reached < 1.25 * rmse(given.poses3d.xyz, xyz)


def test_the_ellipsoid_is_honest(scene) -> None:
    rig, xyz, ensemble = scene
    poses = smooth(ensemble, rig).poses3d
    assert poses is not None
    error = poses.xyz - xyz
    d2 = np.einsum("...i,...ij,...j", error, np.linalg.inv(poses.covariance), error)
    # 95 % of a chi-squared variable with 3 degrees of freedom lie below 7.815.
    assert 0.9 < np.mean(d2 < 7.815) <= 0.999


def test_errors_that_last_widen_the_ellipsoid(scene) -> None:
    """Noise of the same size, but with a memory of some frames, leaves the ellipsoid honest."""
    rig, xyz, ensemble = scene
    rng = np.random.default_rng(8)
    noise = rng.normal(0, 1.5, (4, N_FRAMES, N_KEYPOINTS, 2))
    memory = np.exp(-1 / 6)
    for t in range(1, N_FRAMES):
        noise[:, t] = memory * noise[:, t - 1] + np.sqrt(1 - memory**2) * noise[:, t]
    own = rng.normal(0, 0.5, ensemble.xy.shape)
    lasting = replace(ensemble, xy=(rig.project(xyz) + noise + own).astype(np.float32))
    coverage = {}
    for name, given in {"white": ensemble, "lasting": lasting}.items():
        poses = smooth(given, rig).poses3d
        assert poses is not None
        error = poses.xyz - xyz
        d2 = np.einsum("...i,...ij,...j", error, np.linalg.inv(poses.covariance), error)
        coverage[name] = np.mean(d2 < 7.815)
    assert coverage["lasting"] > 0.85
    assert coverage["white"] > 0.9


def test_s_frames_restrict_only_the_search(scene) -> None:
    rig, _, ensemble = scene
    everything = smooth(ensemble, rig)
    part = smooth(ensemble, rig, s_frames=((0, 80), (200, None)))
    assert part.poses2d.n_frames == N_FRAMES
    assert not np.allclose(part.smooth_param, everything.smooth_param, rtol=1e-3)
    same = smooth(ensemble, rig, s_frames=((None, None),))
    np.testing.assert_allclose(same.smooth_param, everything.smooth_param)
    with pytest.raises(PoseDataError, match="between 0 and 300"):
        smooth(ensemble, rig, s_frames=((250, 400),))


def test_cameras_are_matched_by_name_not_by_order(scene) -> None:
    rig, _, ensemble = scene
    shuffled = rig.subset(["Cam-2", "Cam-0", "Cam-3", "Cam-1"])
    a, b = smooth(ensemble, rig), smooth(ensemble, shuffled)
    assert a.poses3d is not None
    assert b.poses3d is not None
    np.testing.assert_allclose(a.poses3d.xyz, b.poses3d.xyz, atol=1e-9)


def test_extra_cameras_are_left_out_and_missing_ones_refused(scene) -> None:
    rig, _, ensemble = scene
    three = ensemble.select(views=("Cam-0", "Cam-1", "Cam-2"))
    result = smooth(three, rig)
    assert any("Cam-3" in note for note in result.report.warnings)
    with pytest.raises(PoseDataError, match="no camera for the view Cam-3"):
        smooth(ensemble, rig.subset(["Cam-0", "Cam-1", "Cam-2"]))


def test_settings_that_make_no_sense_are_refused(scene) -> None:
    rig, _, ensemble = scene
    with pytest.raises(PoseDataError, match="without a calibration"):
        smooth(ensemble, None, mode="calibrated")
    with pytest.raises(PoseDataError, match="above zero"):
        smooth(ensemble, rig, smooth_param=0.0)
    with pytest.raises(PoseDataError, match="one view only"):
        smooth(ensemble.select(views=("Cam-0",)), None, mode="linear")
    with pytest.raises(TypeError, match="smoothness"):
        smooth(ensemble, rig, smoothness=3)


def test_a_keypoint_that_cannot_be_triangulated_is_named(scene) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.copy()
    # One frame is no track.
    xy[:, 1:, 1:, 2] = np.nan
    result = smooth(replace(ensemble, xy=xy), rig)
    assert any("fewer than two frames, left empty: point2" in n for n in result.report.warnings)
    assert result.poses3d is not None
    assert np.isnan(result.poses3d.xyz[:, 2]).all()
    assert np.isfinite(result.poses3d.xyz[:, :2]).all()


def test_cancel_stops_and_leaves_nothing(scene) -> None:
    rig, _, ensemble = scene
    calls = []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > 5

    with pytest.raises(Cancelled):
        smooth(ensemble, rig, cancelled=cancelled)


def test_the_result_does_not_depend_on_the_number_of_threads(scene, monkeypatch) -> None:
    rig, _, ensemble = scene
    results = []
    for count in (1, 4):
        monkeypatch.setattr("os.cpu_count", lambda count=count: count)
        results.append(smooth(ensemble, rig))
    np.testing.assert_array_equal(results[0].poses2d.xy, results[1].poses2d.xy)


def test_published_variance_and_median() -> None:
    xy = np.array([[1.0, 2.0], [3.0, 2.0], [8.0, 5.0]], dtype=np.float32)
    likelihood = np.array([0.5, 1.0, 0.9], dtype=np.float32)
    ensemble = Ensemble(
        xy[:, None, None, None], likelihood[:, None, None, None], ("0", "1", "2"), ("v",), ("k",)
    )
    found = ensemble_statistics(ensemble)
    np.testing.assert_allclose(found.centre[0, 0, 0], [3.0, 2.0])
    np.testing.assert_allclose(found.likelihood[0, 0, 0], 0.8)
    np.testing.assert_allclose(found.variance[0, 0, 0], xy.var(axis=0) / 0.8, rtol=1e-6)


def test_one_model_takes_its_variance_from_the_likelihood_or_its_file() -> None:
    xy = np.full((1, 1, 2, 1, 2), 5.0, dtype=np.float32)
    likelihood = np.array([0.5, 0.0], dtype=np.float32).reshape(1, 1, 2, 1)
    ensemble = Ensemble(xy, likelihood, ("0",), ("v",), ("k",))
    variance = ensemble_statistics(ensemble).variance
    np.testing.assert_allclose(variance[0, :, 0, 0], [2.0, 1e5], rtol=1e-5)
    known = replace(ensemble, variance=np.full_like(xy, 7.0))
    np.testing.assert_allclose(ensemble_statistics(known).variance, 7.0)


def test_settings_travel_into_the_report(scene) -> None:
    rig, _, ensemble = scene
    report = smooth(ensemble, rig, SmoothingSettings(smooth_param=2.0)).report
    assert report.settings["smooth_param"] == 2.0
    assert not report.searched
    assert set(report.smooth_param) == set(ensemble.keypoints)
    assert report.observations + report.missing + report.rejected == ensemble.xy[0, ..., 0].size
