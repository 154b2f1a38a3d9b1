"""Measures of single cells, where the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.review_scenes import CLEAN, recording
from tests.support.scenes import ring_rig, walk

from napari_pose3d import PoseDataError
from napari_pose3d.core.review.measures import (
    MEASURES,
    available_measures,
    compute_measures,
    epipolar_distances,
)


def test_a_point_without_noise_lies_on_all_epipolar_curves() -> None:
    rig = ring_rig(4)
    xyz = walk(50, 1, np.random.default_rng(1))[:, 0]
    distances = epipolar_distances(rig, rig.project(xyz))
    assert distances.shape == (4, 50)
    assert np.nanmax(distances) < 1e-6


@pytest.mark.parametrize("n_views", [3, 4])
def test_epipolar_distance_blames_the_view_that_is_off(n_views: int) -> None:
    rig = ring_rig(n_views)
    xyz = walk(200, 1, np.random.default_rng(2))[:, 0]
    xy = rig.project(xyz)
    xy[1] += [20.0, 20.0]
    distances = epipolar_distances(rig, xy)
    # The median over three others, or the smaller of two, is that of a good one.
    assert (distances[1] > 2.0).mean() > 0.9
    assert np.nanmax(np.delete(distances, 1, axis=0)) < 1e-6


def test_epipolar_distance_is_that_to_the_curve() -> None:
    """Against the distance to the ray of one view followed point by point in the other."""
    rig = ring_rig(2, distortion=(-0.2, 0.05, 0.001, -0.001, 0.0))
    xyz = walk(5, 1, np.random.default_rng(3))[:, 0]
    xy = rig.project(xyz)
    xy[1] += [4.0, -7.0]
    found = epipolar_distances(rig, xy)[1]
    camera = rig.cameras[0]
    rays = rig.undistort(xy)[0]
    for n, ray in enumerate(rays):
        depth = np.linspace(100, 1500, 200_001)[:, None]
        points = (np.append(ray, 1.0) * depth - camera.translation) @ camera.rotation
        curve = rig.subset((rig.names[1],)).project(points)[0]
        nearest = np.nanmin(np.hypot(*(curve - xy[1, n]).T))
        assert found[n] == pytest.approx(nearest, rel=5e-3)


def test_missing_observations_have_no_measure_and_harm_no_other() -> None:
    rig = ring_rig(4)
    xy = rig.project(walk(20, 1, np.random.default_rng(4))[:, 0])
    xy[2, :10] = np.nan
    distances = epipolar_distances(rig, xy)
    assert np.isnan(distances[2, :10]).all()
    assert np.nanmax(np.delete(distances, 2, axis=0)) < 1e-6


def test_measures_tell_a_planted_error_from_the_rest() -> None:
    made = recording(4, 21, 400, CLEAN)
    poses = made.result.poses2d
    assert poses.ensemble_median is not None
    raw = poses.ensemble_median.copy()
    raw[1, 100:110, 3] += 40.0
    result = replace(made.result, poses2d=replace(poses, ensemble_median=raw))
    found = compute_measures(result, made.scene.rig)
    assert set(found) == set(MEASURES)
    bad = np.zeros(raw.shape[:3], bool)
    bad[1, 100:110, 3] = True
    for name in ("correction", "residual", "leave_one_out"):
        assert np.nanmin(found[name][bad]) > 45, name
        assert np.nanpercentile(found[name][~bad], 99.9) < 15, name
    # Its own coordinates only: of points there is no view.
    assert found["uncertainty"].shape == raw.shape[1:3]
    assert np.isnan(found["temporal_norm"][:, 0]).all()
    assert found["temporal_norm"][1, 100, 3] > 40


def test_without_calibration_only_what_needs_none() -> None:
    made = recording(2, 22, 300, CLEAN)
    alone = replace(made.result, poses3d=None)
    names = available_measures(alone, None)
    assert "correction" in names
    assert "residual" not in names
    with pytest.raises(PoseDataError, match="calibration"):
        compute_measures(alone, None, ["residual"])
    with pytest.raises(PoseDataError, match="likelihood"):
        compute_measures(alone, None, ["likelyhood"])


def test_a_result_saved_without_its_predictions_is_refused() -> None:
    made = recording(2, 22, 300, CLEAN)
    compact = replace(made.result, poses2d=replace(made.result.poses2d, ensemble_median=None))
    with pytest.raises(PoseDataError, match="all columns"):
        compute_measures(compact, made.scene.rig, ["correction"])
