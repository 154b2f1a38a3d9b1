"""Recordings with planted failures, smoothed: what a review has to find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from napari_pose3d import Ensemble, smooth
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.review.failure_flags import Failure, runs
from napari_pose3d.synthetic.network_errors import (
    PredictionErrors,
    PredictionTruth,
    simulate_predictions,
)
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


@dataclass(frozen=True)
class Planted:
    """A failure that was planted: which kinds name it rightly, and where it is."""

    kinds: frozenset[Failure]
    view: str
    keypoints: tuple[str, ...]
    start: int
    end: int


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
    scene, truth = found.scene, found.truth
    views = scene.rig.names
    out = []
    for mask, all_kind in (
        (truth.outlier, Failure.VIEWS_DISAGREE),
        (truth.swapped, Failure.SWAPPED_SIDES),
    ):
        n_seeds = mask.sum(axis=0)
        for v, k in np.ndindex(n_seeds.shape[0], n_seeds.shape[2]):
            for first, last in runs(n_seeds[v, :, k] > 0):
                # One seed of its own opinion leaves the centre of three where it is.
                alone = n_seeds[v, first : last + 1, k].mean() < 1.5
                kinds = {Failure.SETS_DISAGREE} if alone else {all_kind}
                if all_kind is Failure.SWAPPED_SIDES:
                    kinds.add(all_kind)
                out.append(Planted(frozenset(kinds), views[v], (scene.keypoints[k],), first, last))
    for v, view in enumerate(views):
        for first, last in runs(truth.lost[v]):
            kinds = frozenset({Failure.LOST_VIEW})
            out.append(Planted(kinds, view, scene.keypoints, first, last))
    return out
