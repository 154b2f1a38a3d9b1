"""A run asks often whether it was cancelled, in every mode, and stops at the first yes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import Cancelled, smooth, triangulate_ensemble
from napari_pose3d.core.cameras.calibration_fit import calibration_fit
from napari_pose3d.core.smoothing.published.variance_inflation import inflated_variance
from napari_pose3d.settings import TriangulationSettings

N_FRAMES = 24_000
# How often each way of computing asks, for one keypoint of so many frames in three views.
RUNS = {
    "calibrated": ({}, 32),
    "calibrated as published": ({"as_published": True, "smooth_param": 1.0}, 16),
    "linear": ({"mode": "linear"}, 42),
    "linear with four scores": ({"mode": "linear", "n_latent": 4}, 16),
    "linear as published": ({"mode": "linear", "as_published": True, "inflate_vars": True}, 16),
    "single": ({"mode": "single"}, 16),
    "triangulated": (None, 8),
}


class Asked:
    """Counts how often it is asked, and says yes from the ``n``-th time on."""

    def __init__(self, n: float = np.inf) -> None:
        self.n, self.times = n, 0

    def __call__(self) -> bool:
        self.times += 1
        return self.times >= self.n


@pytest.fixture(scope="module")
def long_recording():
    rng = np.random.default_rng(0)
    rig = ring_rig(3)
    ensemble = noisy_ensemble(rig, walk(N_FRAMES, 1, rng), rng)
    xy = ensemble.xy.copy()
    xy[:, 1, ::11] += 50.0
    xy[:, 1:, 5_000:6_000] = np.nan
    return rig, replace(ensemble, xy=xy)


def run(name: str, recording, cancelled: Asked):
    rig, ensemble = recording
    settings, _ = RUNS[name]
    if settings is None:
        one = TriangulationSettings(threads=1)
        return triangulate_ensemble(ensemble, rig, one, cancelled=cancelled)
    return smooth(ensemble, rig, threads=1, cancelled=cancelled, **settings)


@pytest.mark.parametrize("name", RUNS)
def test_every_mode_asks_often_and_stops_at_once(long_recording, name: str) -> None:
    asked = Asked()
    run(name, long_recording, asked)
    assert asked.times >= RUNS[name][1]
    for part in (0.0, 0.1, 0.3, 0.6, 0.95):
        stopped = Asked(1 + int(part * (asked.times - 1)))
        with pytest.raises(Cancelled):
            run(name, long_recording, stopped)
        assert stopped.times == stopped.n


def test_variance_inflation_asks_within_an_iteration() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(0, 30, (N_FRAMES, 3)) @ rng.normal(size=(3, 6)) + rng.normal(0, 1, (N_FRAMES, 6))
    asked = Asked(3)
    with pytest.raises(Cancelled):
        inflated_variance(y, np.ones_like(y), 3, asked)
    assert asked.times == 3


def test_the_comparison_with_the_calibration_can_be_cancelled(long_recording) -> None:
    rig, ensemble = long_recording
    wrong = replace(
        rig,
        cameras=tuple(
            replace(c, name=n)
            for c, n in zip(rig.cameras, np.roll(rig.names, 1).tolist(), strict=True)
        ),
    ).subset(rig.names)
    asked = Asked(2)
    with pytest.raises(Cancelled):
        calibration_fit(wrong, ensemble.xy[0], 0.0, asked)
    assert asked.times == 2
