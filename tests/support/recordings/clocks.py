"""Cameras that each have their own frames, and a truth that is known at all times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d import Ensemble, Rig

from .scenes import ring_rig

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Clocks:
    """Predictions by each camera's own frames, and where the points are at any time.

    Attributes
    ----------
    ensemble : Ensemble
        Frame n of a view is its own; NaN behind its last.
    times : mapping of view to (frame,)
        Seconds.
    truth : callable
        From times ``(n,)`` to ``(n, keypoint, 3)``, mm.
    """

    rig: Rig
    ensemble: Ensemble
    times: Mapping[str, Float64]
    truth: Callable[[Float64], Float64]


def clocks(
    rates: Sequence[float] = (60.0, 150.0, 30.0),
    starts: Sequence[float] = (0.0, 0.013, 0.021),
    *,
    seconds: float = 10.0,
    n_keypoints: int = 2,
    sigma: float = 1.0,
    outliers: float = 0.02,
    speed: tuple[float, float] = (6.0, 14.0),
    seed: int = 0,
) -> Clocks:
    """Points on smooth paths, as fast as a running mouse's paw, with noise and gross errors.

    Half of the noise's variance is the same in all three prediction sets.
    """
    rng = np.random.default_rng(seed)
    rate = rng.uniform(*speed, (3, n_keypoints, 3))
    phase = rng.uniform(0, 2 * np.pi, (3, n_keypoints, 3))
    size = np.array([30.0, 15.0, 6.0])[:, None, None] * rng.uniform(0.7, 1.3, (3, n_keypoints, 3))
    pace = np.array([0.35, 1.0, 2.5])[:, None, None] * rate

    def truth(times: Float64) -> Float64:
        angle = pace * np.asarray(times)[:, None, None, None] + phase
        return np.asarray((size * np.sin(angle)).sum(axis=1))

    rig = ring_rig(len(rates))
    times = {
        name: start + np.arange(int(seconds * rate)) / rate
        for name, rate, start in zip(rig.names, rates, starts, strict=True)
    }
    longest = max(map(len, times.values()))
    xy = np.full((3, len(rates), longest, n_keypoints, 2), np.nan, np.float32)
    likelihood = np.full(xy.shape[:-1], np.nan, np.float32)
    for view, name in enumerate(rig.names):
        pixels = rig.subset([name]).project(truth(times[name]))[0]
        n = len(pixels)
        shared = rng.normal(0, sigma * np.sqrt(0.5), pixels.shape)
        wrong = rng.uniform(size=pixels.shape[:2]) < outliers
        shared[wrong] += rng.uniform(-80, 80, (int(wrong.sum()), 2))
        own = rng.normal(0, sigma * np.sqrt(0.5), (3, *pixels.shape))
        xy[:, view, :n] = pixels + shared + own
        likelihood[:, view, :n] = rng.uniform(0.9, 1, (3, *pixels.shape[:2]))
    names = tuple(f"point{k}" for k in range(n_keypoints))
    models = ("seed=0", "seed=1", "seed=2")
    return Clocks(rig, Ensemble(xy, likelihood, models, rig.names, names, "run"), times, truth)
