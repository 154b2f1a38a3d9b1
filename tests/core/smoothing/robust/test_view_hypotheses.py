"""Which of contradicting views to believe, and how noisy views are, told from the whole track."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import smooth, triangulate
from napari_pose3d.core.poses.arrays import Ensemble
from napari_pose3d.core.smoothing.noise.observation_noise import (
    VARIANCE_FLOOR,
    learned_variance,
)
from napari_pose3d.core.smoothing.robust.error_correlation import (
    ErrorCorrelation,
    InflationFactors,
)
from napari_pose3d.core.smoothing.robust.view_hypotheses import (
    most_likely_hypotheses,
)

N = 200
# Across the rays of the other views and slowly wandering, as a confused network's output does.
WRONG = slice(80, 130)


def scene(n_views: int, seed: int = 5):
    rng = np.random.default_rng(seed)
    rig = ring_rig(n_views)
    xyz = walk(N, 1, rng)
    return rig, xyz, noisy_ensemble(rig, xyz, rng, sigma=1.0)


def with_error(
    ensemble: Ensemble, view: int, frames: slice, shift: tuple[float, float]
) -> Ensemble:
    xy = ensemble.xy.copy()
    xy[:, view, frames, 0] += np.float32(shift)
    return replace(ensemble, xy=xy)


def explained(rig, ensemble: Ensemble, robust="auto"):
    centre = np.median(ensemble.xy, axis=0)[:, :, 0]
    trust = np.ones(centre.shape[:2])
    found = triangulate(rig, centre, trust, robust)
    step = np.diff(found.xyz[:60], axis=0)
    variance = float(np.median((step**2).sum(axis=1)))
    return found, most_likely_hypotheses(rig, centre, trust, found, variance, robust, lambda: False)


@pytest.mark.parametrize("view", [0, 1, 2])
def test_of_three_views_the_one_that_leaps_is_wrong(view: int) -> None:
    rig, xyz, ensemble = scene(3)
    # Of a point behind the true one, as the next camera sees it: those two agree with each other.
    ray = xyz[WRONG, 0] - rig.centres[(view + 1) % 3]
    behind = xyz[WRONG, 0] + 30 * ray / np.linalg.norm(ray, axis=1, keepdims=True)
    xy = ensemble.xy.copy()
    xy[:, view, WRONG, 0] += (rig.project(behind) - rig.project(xyz[WRONG, 0]))[view]
    spoilt = replace(ensemble, xy=xy)
    found, (points, inliers, undecided) = explained(rig, spoilt)
    # Frame by frame nobody can tell.
    assert found.undecided[WRONG].mean() > 0.9
    # A few frames may be left to one of the two views that are right.
    assert undecided.sum() < 10
    error = np.linalg.norm(points - xyz[:, 0], axis=1)
    assert error[~undecided].max() < 6
    assert not inliers[view, WRONG].any()
    assert np.delete(inliers, view, axis=0)[:, ~undecided].all()
    assert inliers.any(axis=0).all()
    # Where the views agree nothing is touched.
    agree = np.ones(N, dtype=bool)
    agree[WRONG] = False
    np.testing.assert_array_equal(points[agree], found.xyz[agree])
    np.testing.assert_array_equal(inliers[:, agree], found.inliers[:, agree])


def test_of_four_views_two_may_be_wrong() -> None:
    rig, xyz, ensemble = scene(4)
    spoilt = with_error(ensemble, 0, WRONG, (60.0, -30.0))
    spoilt = with_error(spoilt, 2, slice(90, 120), (-45.0, 50.0))
    poses = smooth(spoilt, rig).poses3d
    assert poses is not None
    error = np.linalg.norm(poses.xyz[:, 0] - xyz[:, 0], axis=1)
    assert error[WRONG].max() < 5
    assert (poses.n_views[92:118, 0] == 2).all()


def test_where_two_of_three_are_wrong_for_a_moment_the_track_goes_through() -> None:
    rig, xyz, ensemble = scene(3)
    spoilt = with_error(ensemble, 0, WRONG, (55.0, 40.0))
    # For six frames a second view as well: no two views tell of the point.
    spoilt = with_error(spoilt, 1, slice(100, 106), (-60.0, 45.0))
    _, (points, inliers, undecided) = explained(rig, spoilt)
    others = [*range(80, 100), *range(106, 130)]
    assert not inliers[0, others].any()
    assert np.linalg.norm(points[others] - xyz[others, 0], axis=1).max() < 6
    assert undecided[100:106].any()
    poses = smooth(spoilt, rig).poses3d
    assert poses is not None
    assert np.linalg.norm(poses.xyz[100:106, 0] - xyz[100:106, 0], axis=1).max() < 8


def test_agreeing_views_and_two_views_are_left_alone() -> None:
    for n_views in (2, 3, 5):
        rig, _, ensemble = scene(n_views)
        found, (points, inliers, undecided) = explained(rig, ensemble)
        np.testing.assert_array_equal(points, found.xyz)
        np.testing.assert_array_equal(inliers, found.inliers)
        np.testing.assert_array_equal(undecided, found.undecided)


def test_a_threshold_in_px_is_kept_to() -> None:
    rig, xyz, ensemble = scene(3)
    spoilt = with_error(ensemble, 1, WRONG, (14.0, 10.0))
    _, (_, inliers, _) = explained(rig, spoilt, robust=40.0)
    assert inliers[:, WRONG].all()
    _, (points, inliers, _) = explained(rig, spoilt, robust=4.0)
    assert inliers[1, WRONG].mean() < 0.1
    assert np.median(np.linalg.norm(points[WRONG] - xyz[WRONG, 0], axis=1)) < 1.5


def test_noise_follows_the_spread_where_no_line_does() -> None:
    rng = np.random.default_rng(0)
    # In plain view, hidden, and lost: each with a noise of its own that the spread hints at.
    spread = np.concatenate([rng.gamma(8.0, s / 8, 4000) for s in (0.5, 12.0, 4000.0)])
    true = np.repeat([2.0, 90.0, 9000.0], 4000)
    order = rng.permutation(len(spread))
    spread, true = spread[order], true[order]
    squared = true * rng.chisquare(2, len(true)) / 2
    squared[rng.random(len(true)) < 0.1] = np.nan
    learned = learned_variance(spread[:, None], squared[:, None])[:, 0]
    ratio = [learned[true == level].mean() / level for level in (2.0, 90.0, 9000.0)]
    assert all(0.75 < each < 1.35 for each in ratio), ratio
    spread[:5] = np.nan
    assert np.isnan(learned_variance(spread, squared)[:5]).all()
    nothing = learned_variance(spread, np.full_like(spread, np.nan))
    assert np.nanmin(nothing) == VARIANCE_FLOOR


def test_correlated_errors_inflate_most_where_information_is_low() -> None:
    rng = np.random.default_rng(2)
    n, views = 4000, 4
    jacobian = np.tile(rng.normal(size=(1, views, 2, 3)), (n, 1, 1, 1))
    hidden = (np.arange(n) // 200) % 4 == 0
    error = rng.normal(size=(n, views, 2))
    for t in range(1, n):
        if hidden[t] and hidden[t - 1]:
            error[t] = 0.95 * error[t - 1] + np.sqrt(1 - 0.95**2) * error[t]
    sigma = np.where(hidden, 6.0, 1.0)
    precision = np.repeat(1 / sigma[:, None] ** 2, views, axis=1)

    def go_on() -> bool:
        return False

    def influence(variance: float) -> np.ndarray:
        return np.exp(-np.arange(30) / 8.0) / 10.0

    found = ErrorCorrelation(
        error * sigma[:, None, None], jacobian, precision, influence, go_on
    ).factors()
    assert 1.0 <= found.usual < found.low_information
    assert found.low_information > 3
    factors = found.of_frames(jacobian, precision)
    np.testing.assert_array_equal(factors, np.where(hidden, found.low_information, found.usual))
    clear = ~hidden
    alike = ErrorCorrelation(
        error[clear], jacobian[clear], precision[clear], influence, go_on
    ).factors()
    assert alike == InflationFactors(alike.usual, alike.usual, alike.limit)
    assert alike.usual < 1.3


def test_one_view_is_used_where_no_two_agree() -> None:
    rig, xyz, ensemble = scene(3)
    rng = np.random.default_rng(8)
    # One view is lost, and in the midst of it another one jumps aside: the third goes on smoothly.
    xy = ensemble.xy.copy()
    xy[:, 2, 60:150, 0] = rng.uniform(0, 1000, (3, 90, 2))
    spoilt = with_error(replace(ensemble, xy=xy), 1, slice(90, 115), (10.0, 80.0))
    _, (_, inliers, undecided) = explained(rig, spoilt)
    assert not inliers[1, 91:114].any()
    alone = undecided & (inliers.sum(axis=0) == 1)
    assert alone[90:115].mean() > 0.6
    assert inliers[0, 90:115][alone[90:115]].all()
    poses = smooth(spoilt, rig).poses3d
    assert poses is not None
    error = np.linalg.norm(poses.xyz[:, 0] - xyz[:, 0], axis=1)
    assert error.max() < 12
    assert np.median(error[90:115]) < 5


@pytest.mark.parametrize("n_clear", [0, 1, 2])
def test_two_views_that_contradict_each_other_nearly_always(n_clear: int) -> None:
    rig, _, ensemble = scene(2)
    short = replace(ensemble, xy=ensemble.xy[:, :, :12], likelihood=ensemble.likelihood[:, :, :12])
    spoilt = with_error(short, 0, slice(n_clear, None), (0.0, 60.0))
    poses = smooth(spoilt, rig).poses3d
    assert poses is not None
    assert np.isfinite(poses.xyz).all()
    assert np.isfinite(poses.covariance).all()
