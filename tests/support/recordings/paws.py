"""Paws of a mouse that two cameras of different rates record from both sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support.projects.session_files import put_predictions

PAWS = ("paw_l", "paw_r")
WIDTH = 128

Views = dict[str, NDArray[np.float64]]


def paws(n_left: int = 120, n_models: int = 3, seed: int = 7) -> tuple[Views, Views, NDArray]:
    """Predictions of two paws, the times of the frames, and the truth.

    The left camera runs at 60 frames a second; the right one at 150, begins later and ends
    earlier, and calls each paw by the other's name.

    Returns
    -------
    xy : mapping of view to (model, frame, 2, 2)
        Px.
    times : mapping of view to (frame,)
        Seconds.
    truth : (view, frame, 2, 2)
        At the left camera's times and from its side, px.
    """
    rng = np.random.default_rng(seed)
    left = 5 + np.arange(n_left) / 60
    right = np.arange(left[0] + 0.07, left[-1] - 0.05, 1 / 150)
    times = {"left": left, "right": right + rng.uniform(0, 5e-4, len(right))}
    xy = {}
    for view, sign in (("left", 1), ("right", -1)):
        points = _points(times[view], sign)
        if view == "right":
            points = points[:, ::-1] * [-1, 1] + [WIDTH, 0]
        xy[view] = np.round(points + rng.normal(0, 0.8, (n_models, *points.shape)), 4)
    return xy, times, np.stack([_points(left, 1), _points(left, -1)])


def _points(times: NDArray[np.float64], sign: int) -> NDArray[np.float64]:
    t, phase = times[:, None], np.array([0.0, 1.9])
    space = np.stack(
        [10 * np.sin(5 * t + phase), 6 * np.cos(4 * t + phase), 5 * np.sin(3 * t + 2 * phase)],
        axis=-1,
    )
    x = 60 + space[..., 0] + sign * 0.4 * space[..., 2]
    y = 70 + space[..., 1] + sign * 0.3 * space[..., 2]
    return np.stack([x, y], axis=-1)


def write_paws(folder: Path, xy: Views, times: Views) -> Path:
    """``walk_seed=<n>_<view>.csv`` and ``walk.timestamps.<view>.npy``."""
    for view, models in xy.items():
        for m, points in enumerate(models):
            put_predictions(folder / f"walk_seed={m}_{view}.csv", points, PAWS)
        np.save(folder / f"walk.timestamps.{view}.npy", times[view])
    return folder
