"""The distance of observations from the epipolar curves of other views."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.recordings.scenes import ring_rig, walk

from napari_pose3d.core.cameras.epipolar_distance import epipolar_distances


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
