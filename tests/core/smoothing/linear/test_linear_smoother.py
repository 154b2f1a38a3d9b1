"""The linear smoother: several views, no calibration, cameras near enough for perspective."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import load_predictions, load_rig, smooth
from napari_pose3d.core.smoothing.linear.latent_model import (
    consensus,
    fit_latent_model,
    refined_model,
)

N_FRAMES = 600


def near_scene(n_views: int, seed: int):
    """Cameras at four times the extent of the movement."""
    rng = np.random.default_rng(seed)
    rig = ring_rig(n_views, radius=600.0, focal=1400.0)
    xyz = 1.2 * walk(N_FRAMES, 2, rng)
    return rig.project(xyz), noisy_ensemble(rig, xyz, rng)


def distance(xy, truth):
    return np.linalg.norm(xy - truth, axis=-1)


@pytest.mark.parametrize("n_views", [2, 3, 4])
def test_perspective_does_not_move_points_away_from_the_truth(n_views: int) -> None:
    truth, ensemble = near_scene(n_views, 0)
    result = smooth(ensemble)
    assert result.report.mode == "linear"
    raw = np.median(distance(result.poses2d.ensemble_median, truth))
    found = np.median(distance(result.poses2d.xy, truth))
    assert found < 0.75 * raw
    if n_views > 2:
        # What the linear model of the published smoother does here.
        published = smooth(ensemble, as_published=True)
        assert found < 0.6 * np.median(distance(published.poses2d.xy, truth))


@pytest.mark.parametrize("n_latent", [4, 5])
def test_other_numbers_of_scores_do_not_move_points_away_either(n_latent: int) -> None:
    truth, ensemble = near_scene(4, 1)
    result = smooth(ensemble, n_latent=n_latent)
    raw = np.median(distance(result.poses2d.ensemble_median, truth))
    assert np.median(distance(result.poses2d.xy, truth)) < raw


def test_observations_that_contradict_the_other_views_are_set_aside() -> None:
    truth, ensemble = near_scene(4, 2)
    xy = ensemble.xy.copy()
    xy[:, 1, 100:130, 0] += 50.0
    xy[:, 3, 400:420, 1] -= 80.0
    result = smooth(replace(ensemble, xy=xy))
    off = distance(result.poses2d.xy, truth)
    # They are 71 and 113 px off; where the view saw the region at no other time, its model has to
    # extrapolate.
    assert off[:, 100:130, 0].max() < 20.0
    assert off[:, 400:420, 1].max() < 5.0
    assert 45 <= result.report.rejected <= 80
    kept = smooth(replace(ensemble, xy=xy), robust="off")
    assert kept.report.rejected == 0
    assert np.median(distance(kept.poses2d.xy, truth)[1, 100:130, 0]) > 15.0


def test_a_view_that_saw_nothing_for_a_while_is_predicted_by_the_others() -> None:
    truth, ensemble = near_scene(4, 3)
    xy = ensemble.xy.copy()
    xy[:, 2, 200:300] = np.nan
    xy[:, :, 450:455, 0] = np.nan
    result = smooth(replace(ensemble, xy=xy))
    off = distance(result.poses2d.xy, truth)
    assert np.median(off[2, 200:300]) < 3.0
    assert np.isfinite(off).all()
    assert result.report.inferred == 5
    spread = result.poses2d.variance
    assert np.median(spread[:, 452, 0]) > np.median(spread[:, 440, 0])


def test_the_derivative_of_the_model_is_that_of_its_pixels() -> None:
    truth, _ = near_scene(4, 4)
    y = truth[:, :, 0].transpose(1, 0, 2).reshape(N_FRAMES, -1)
    model, scores = fit_latent_model(y, 3, curved=True)
    assert model.curved
    some = scores[::60]
    found = model.jacobian(some)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-4
        numeric = (model.pixels(some + step) - model.pixels(some - step)) / 2e-4
        np.testing.assert_allclose(found[:, :, i], numeric, atol=1e-6)


def test_the_model_is_not_spoilt_by_outliers_in_single_views() -> None:
    truth, ensemble = near_scene(4, 5)
    rng = np.random.default_rng(5)
    y = np.median(ensemble.xy[..., 0, :], axis=0).astype(np.float64)
    for view in range(4):
        bad = rng.choice(N_FRAMES, 60, replace=False)
        y[view, bad] += rng.uniform(-150, 150, (60, 2))
    flat = y.transpose(1, 0, 2).reshape(N_FRAMES, -1)

    def go_on() -> bool:
        return False

    start, _ = fit_latent_model(flat, 3, curved=True)
    model = refined_model(start, flat, None, go_on)
    exact = truth[:, :, 0].transpose(1, 0, 2).reshape(N_FRAMES, -1)
    scores, inliers = consensus(model, flat, None, go_on)
    off = np.abs(model.pixels(scores) - exact)
    assert np.nanmedian(off) < 1.5
    assert np.isfinite(scores[:, 0]).mean() > 0.9
    assert 0.8 < inliers.mean() < 0.95


@pytest.mark.realdata
def test_on_a_real_recording_it_comes_nearer_to_the_calibrated_result(shared_data) -> None:
    rig = load_rig(shared_data / "fly" / "calibration.toml")
    ensemble = load_predictions(shared_data / "fly", rig=rig)
    calibrated = smooth(ensemble, rig).poses2d
    linear = smooth(ensemble, None).poses2d
    raw = distance(calibrated.ensemble_median, calibrated.xy)
    assert np.median(distance(linear.xy, calibrated.xy)) < 0.85 * np.median(raw)
