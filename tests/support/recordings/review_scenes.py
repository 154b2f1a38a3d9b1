"""Recordings with planted failures, smoothed: what a review has to find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from napari_pose3d import Ensemble, smooth
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.synthetic.network_errors import (
    PredictionErrors,
    PredictionTruth,
    simulate_predictions,
)
from napari_pose3d.synthetic.planted_faults import Planted, failures_of
from napari_pose3d.synthetic.scene import Scene, make_scene

CLEAN = PredictionErrors(
    jitter=1.2,
    shared_jitter=0.64,
    uneven=0.3,
    bias=1.0,
    occluded=0.0,
    outliers=0.0,
    swaps=0.0,
    lost_frames=0,
)
PLANTED = replace(
    CLEAN,
    outliers=0.004,
    outlier_distance=20.0,
    outlier_spread=60.0,
    outlier_frames=(5, 40),
    swaps=0.003,
    swap_frames=(10, 60),
    shared_mistakes=0.75,
    lost_frames=100,
)


@dataclass(frozen=True, eq=False)
class Recording:
    """Simulated predictions, what is true, and what the smoother made of them."""

    scene: Scene
    ensemble: Ensemble
    truth: PredictionTruth
    result: Result


@cache
def recording(
    n_cameras: int, seed: int, n_frames: int = 1500, errors: PredictionErrors = PLANTED
) -> Recording:
    """A recording with three seeds; the same each time."""
    scene = make_scene(n_frames, n_cameras, seed, size=(1280, 1024))
    ensemble, truth = simulate_predictions(scene, 3, seed=seed, errors=errors)
    return Recording(scene, ensemble, truth, smooth(ensemble, scene.rig))


def planted_failures(found: Recording) -> list[Planted]:
    """Every stretch of one keypoint and view that was made wrong, and the lost view."""
    return failures_of(found.scene, found.truth)
