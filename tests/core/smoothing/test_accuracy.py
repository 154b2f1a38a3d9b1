"""Against the truth of the sample's scene: ours, the published smoother, plain triangulation."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d import smooth, triangulate
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
    ensemble_statistics,
)
from napari_pose3d.synthetic.network_errors import simulate_predictions
from napari_pose3d.synthetic.scene import make_scene


@pytest.mark.parametrize(("n_views", "seed"), [(4, 0), (6, 3), (3, 5)])
def test_ours_beats_the_published_smoother_and_triangulation(n_views: int, seed: int) -> None:
    scene = make_scene(600, n_views, seed=seed)
    ensemble, _ = simulate_predictions(scene, seed=seed)
    ours = smooth(ensemble, scene.rig).poses3d
    published = smooth(ensemble, scene.rig, as_published=True).poses3d
    assert ours is not None
    assert published is not None
    raw = triangulate(scene.rig, ensemble_statistics(ensemble).centre).xyz

    def errors(xyz) -> tuple[float, float]:
        distance = np.linalg.norm(xyz - scene.xyz, axis=-1)
        return float(np.sqrt(np.nanmean(distance**2))), float(np.nanpercentile(distance, 95))

    rmse, p95 = errors(ours.xyz)
    for other in (published.xyz, raw):
        other_rmse, other_p95 = errors(other)
        assert rmse < 0.6 * other_rmse
        assert p95 < 0.7 * other_p95
    # The ellipsoid holds what it promises; the published one holds a quarter.
    difference = ours.xyz - scene.xyz
    inverse = np.linalg.inv(ours.covariance)
    d2 = np.einsum("...i,...ij,...j", difference, inverse, difference)
    assert 0.88 < np.mean(d2 < 7.815) < 0.99
