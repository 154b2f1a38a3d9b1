"""What can be chosen about the smoothers, and what each choice changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import PoseDataError, SmootherParts, smooth
from napari_pose3d.core.smoothing.published.variance_inflation import (
    factor_analysis,
    inflated_variance,
)
from napari_pose3d.core.smoothing.smoothers import in_long_gap

N_FRAMES = 200
KEYPOINTS = ("point0", "point1", "point2")


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(3)
    rig = ring_rig(4)
    xyz = walk(N_FRAMES, 3, rng)
    return rig, xyz, noisy_ensemble(rig, xyz, rng)


def spoilt(ensemble):
    """One view's predictions of one keypoint 60 px off for ten frames, all seeds agreeing."""
    xy = ensemble.xy.copy()
    xy[:, 2, 50:60, 0] += 60.0
    return replace(ensemble, xy=xy)


def worst(result, xyz) -> float:
    return float(np.linalg.norm(result.poses3d.xyz[50:60, 0] - xyz[50:60, 0], axis=-1).max())


# The ensemble


def test_mean_and_median_of_the_ensemble(scene) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.copy()
    xy[0, 1, 30, 0] += 90.0
    given = replace(ensemble, xy=xy)
    mean = smooth(given, rig, avg_mode="mean").poses2d.ensemble_median
    median = smooth(given, rig).poses2d.ensemble_median
    np.testing.assert_allclose(mean, np.mean(xy, axis=0), rtol=1e-6)
    np.testing.assert_array_equal(median, np.median(xy, axis=0))


def test_variance_with_and_without_the_likelihood(scene) -> None:
    rig, _, ensemble = scene
    plain = smooth(ensemble, rig, var_mode="var").poses2d.ensemble_variance
    weighted = smooth(ensemble, rig).poses2d.ensemble_variance
    likelihood = ensemble.likelihood.mean(axis=0)[..., None]
    np.testing.assert_allclose(plain, np.var(ensemble.xy, axis=0), rtol=2e-3)
    np.testing.assert_allclose(weighted * likelihood, plain, rtol=1e-4)


# Inflation


def linear_views(n_views: int, rng: np.random.Generator):
    """Views that a linear model of three dimensions fits exactly but for 1 px of noise."""
    loadings = rng.normal(0, 20, (2 * n_views, 3))
    y = rng.normal(size=(400, 3)) @ loadings.T + 300 + rng.normal(0, 1, (400, 2 * n_views))
    return y, loadings


def test_factor_analysis_finds_the_loadings() -> None:
    y, loadings = linear_views(4, np.random.default_rng(0))
    mean, found = factor_analysis(y, 3)
    np.testing.assert_allclose(mean, y.mean(axis=0))
    sample = np.cov(y.T, bias=True)
    # What the factors leave over is the noise of 1 px^2 of each coordinate.
    np.testing.assert_allclose(np.diag(sample - found @ found.T), 1.0, atol=0.3)
    basis = np.linalg.qr(loadings)[0]
    outside = found - basis @ (basis.T @ found)
    assert np.linalg.norm(outside) < 0.02 * np.linalg.norm(found)


def test_frames_with_a_contradiction_are_inflated() -> None:
    rng = np.random.default_rng(1)
    y, _ = linear_views(4, rng)
    y[50:60, 4:6] += 60.0
    y[100:120, 2:4] = np.nan
    y[130:140, 2:] = np.nan
    v = np.where(np.isfinite(y), rng.uniform(3.0, 5.0, y.shape), np.nan)
    # Among the frames that the model is fitted to, outliers would bend it.
    v[50:60] = 6.0
    factor = inflated_variance(y, v, 3, lambda: False) / v
    assert (factor[50:60, 4:6] >= 10).all()
    rest = np.delete(factor, range(50, 60), axis=0)
    assert np.mean(rest[np.isfinite(rest)] > 1.01) < 0.02
    np.testing.assert_array_equal(np.isnan(factor), np.isnan(y))
    # A view by itself cannot contradict anything.
    np.testing.assert_allclose(factor[130:140, :2], 1.0)


def test_two_views_are_inflated_together() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(0, 30, (200, 2)) @ rng.normal(size=(2, 4)) + rng.normal(0, 1, (200, 4))
    y[20:25, :2] += 80.0
    v = rng.uniform(1.0, 3.0, y.shape)
    factor = inflated_variance(y, v, 2, lambda: False) / v
    assert (factor[20:25] >= 10).all()
    np.testing.assert_allclose(factor[:, :2], factor[:, 2:])


def test_inflation_ends_where_seeds_agree_by_chance() -> None:
    rng = np.random.default_rng(4)
    y, _ = linear_views(3, rng)
    v = rng.uniform(1.0, 3.0, y.shape)
    v[20:30] = 0.0
    assert np.isfinite(inflated_variance(y, v, 3, lambda: False)).all()
    # With one variance everywhere no frame is better than the others: all are used.
    y[50:60, :2] += 60.0
    same = inflated_variance(y, np.full_like(y, 2.0), 3, lambda: False)
    assert (same[50:60] > 2).any(axis=1).all()
    # Too few frames for a model: nothing changes.
    np.testing.assert_array_equal(inflated_variance(y[:4], v[:4], 3, lambda: False), v[:4])


def test_inflation_widens_the_published_linear_smoother_where_views_disagree(scene) -> None:
    _, _, ensemble = scene
    given = spoilt(ensemble)
    kind = {"mode": "linear", "as_published": True, "smooth_param": 1.0}
    plain = smooth(given, None, **kind).poses2d
    inflated = smooth(given, None, inflate_vars=True, **kind).poses2d
    ratio = inflated.variance[:, 50:60, 0] / plain.variance[:, 50:60, 0]
    assert np.median(ratio) > 2
    # What it inflated is written as the ensemble's variance.
    assert not np.array_equal(inflated.ensemble_variance, plain.ensemble_variance)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"inflate_vars": True}, "weights every observation"),
        ({"as_published": True, "motion": "walk", "robust": "off"}, "robust, motion"),
        ({"mode": "linear", "inflate_vars": True}, "weights every observation"),
        ({"mode": "linear", "n_latent": 4, "parts": SmootherParts(bursts=False)}, "parts"),
        ({"mode": "single", "inflate_vars": True, "n_latent": 2}, "n_latent, inflate_vars"),
    ],
)
def test_settings_without_effect_are_named(scene, settings, words: str) -> None:
    rig, _, ensemble = scene
    notes = smooth(ensemble, rig, smooth_param=1.0, **settings).report.warnings
    notes = [note for note in notes if "only smoothed together" not in note]
    assert len(notes) == 1
    assert words in notes[0]


def test_settings_with_effect_are_not_named(scene) -> None:
    rig, _, ensemble = scene
    settings = {"as_published": True, "inflate_vars": True, "n_latent": 2, "smooth_param": 1.0}
    assert smooth(ensemble, rig, **settings).report.warnings == ()


# Blocks


@pytest.mark.parametrize("as_published", [False, True])
@pytest.mark.parametrize("mode", ["calibrated", "linear", "single"])
def test_keypoints_of_a_block_share_s(scene, mode: str, as_published: bool) -> None:
    rig, _, ensemble = scene
    kind = {"mode": mode, "as_published": as_published}
    given = rig if mode == "calibrated" else None
    alone = smooth(ensemble, given, **kind)
    block = smooth(ensemble, given, blocks=(("point2", "point0"),), **kind)
    assert block.smooth_param[0] == block.smooth_param[2]
    assert block.smooth_param[1] == alone.smooth_param[1]
    own = sorted(alone.smooth_param[[0, 2]])
    assert own[0] < own[1]
    # The rounds of the robust smoother differ a little from each other; hence the margin.
    assert 0.9 * own[0] <= block.smooth_param[0] <= 1.1 * own[1]
    np.testing.assert_array_equal(block.poses2d.xy[:, :, 1], alone.poses2d.xy[:, :, 1])


def test_a_block_is_smoothed_as_if_its_s_had_been_given(scene) -> None:
    rig, _, ensemble = scene
    block = smooth(ensemble, rig, as_published=True, blocks=(KEYPOINTS,))
    given = smooth(ensemble, rig, as_published=True, smooth_param=float(block.smooth_param[0]))
    np.testing.assert_array_equal(block.poses2d.xy, given.poses2d.xy)


def test_blocks_by_number_and_bad_blocks(scene) -> None:
    rig, _, ensemble = scene
    s = smooth(ensemble, rig, as_published=True, blocks=(("0", "2"),)).smooth_param
    assert s[0] == s[2] != s[1]
    for blocks, words in (
        ((("point0", "ear"),), "ear"),
        ((("7",),), "7"),
        ((("point0", "point1"), ("point1",)), "point1"),
        ((("point0", "0"),), "twice"),
    ):
        with pytest.raises(PoseDataError, match=words):
            smooth(ensemble, rig, blocks=blocks)


# Gaps and threads


def test_long_gaps() -> None:
    seen = np.array([0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0], dtype=bool)
    np.testing.assert_array_equal(np.flatnonzero(in_long_gap(seen, 2)), [5, 6, 7])
    np.testing.assert_array_equal(in_long_gap(seen, 0), ~seen)
    assert in_long_gap(np.zeros(4, dtype=bool), 3).all()


@pytest.mark.parametrize("mode", ["calibrated", "linear", "single"])
def test_gaps_beyond_the_limit_stay_missing(scene, mode: str) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, :, 100:110, 1] = np.nan  # nobody sees it
    xy[:, :, 150:153, 1] = np.nan
    xy[:, 0, 20:40, 2] = np.nan  # one view does not see it
    given = replace(ensemble, xy=xy)
    result = smooth(given, rig if mode == "calibrated" else None, mode=mode, max_gap=5)
    expected = np.zeros((4, N_FRAMES, 3), dtype=bool)
    expected[:, 100:110, 1] = True
    if mode == "single":
        expected[0, 20:40, 2] = True
    np.testing.assert_array_equal(np.isnan(result.poses2d.xy[..., 0]), expected)
    np.testing.assert_array_equal(np.isnan(result.poses2d.variance[..., 0]), expected)
    assert (result.report.inferred, result.report.left_missing) == (3, 10)
    if result.poses3d is not None:
        missing = np.isnan(result.poses3d.xyz[..., 0])
        np.testing.assert_array_equal(missing, expected[0])
        assert not result.poses3d.inferred[100:110, 1].any()
        assert result.poses3d.inferred[150:153, 1].all()
        # What is not missing is what it would have been without a limit.
        unlimited = smooth(given, rig).poses3d
        assert unlimited is not None
        np.testing.assert_array_equal(result.poses3d.xyz[~missing], unlimited.xyz[~missing])


def test_any_number_of_threads_gives_the_same(scene) -> None:
    rig, _, ensemble = scene
    results = [smooth(ensemble, rig, threads=n) for n in (1, 3, None)]
    for other in results[1:]:
        np.testing.assert_array_equal(results[0].poses3d.xyz, other.poses3d.xyz)
        np.testing.assert_array_equal(results[0].poses3d.covariance, other.poses3d.covariance)


# Parts of the calibrated smoother


def test_robust_off_believes_everything(scene) -> None:
    rig, xyz, ensemble = scene
    given = spoilt(ensemble)
    off = smooth(given, rig, robust="off")
    assert off.report.rejected == 0
    assert worst(off, xyz) > 3 * worst(smooth(given, rig), xyz)


def test_robust_by_a_number_of_pixels(scene) -> None:
    rig, xyz, ensemble = scene
    given = spoilt(ensemble)
    strict, lenient = smooth(given, rig, robust=20.0), smooth(given, rig, robust=500.0)
    assert strict.report.rejected == 10
    assert worst(strict, xyz) < 3
    assert lenient.report.rejected == 0


def test_each_part_changes_the_result_and_stays_sound(scene) -> None:
    rig, xyz, ensemble = scene
    full = smooth(ensemble, rig).poses3d
    for changed in (
        {"motion": "walk"},
        {"parts": SmootherParts(learn_noise=False)},
        {"parts": SmootherParts(bursts=False)},
    ):
        poses = smooth(ensemble, rig, **changed).poses3d
        assert not np.array_equal(poses.xyz, full.xyz), changed
        error = np.linalg.norm(poses.xyz - xyz, axis=-1)
        assert np.sqrt((error**2).mean()) < 1.0, changed
        assert (np.linalg.eigvalsh(poses.covariance) > 0).all(), changed
    narrow = smooth(ensemble, rig, parts=SmootherParts(widen=False)).poses3d
    np.testing.assert_array_equal(narrow.xyz, full.xyz)
    ratio = np.linalg.det(full.covariance) / np.linalg.det(narrow.covariance)
    assert (ratio >= 1 - 1e-9).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_gap": -1}, "gap"),
        ({"threads": 0}, "threads"),
        ({"robust": 0.0}, "above zero"),
        ({"robust": float("nan")}, "above zero"),
        ({"robust": "sometimes"}, "sometimes"),
        ({"n_latent": 0}, "dimensions"),
    ],
)
def test_values_that_cannot_be_meant(scene, settings, words: str) -> None:
    rig, _, ensemble = scene
    with pytest.raises(PoseDataError, match=words):
        smooth(ensemble, rig, **settings)
