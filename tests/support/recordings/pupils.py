"""A pupil in the image: four points on a circle that moves and changes its size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

POINTS = ("pupil_top_r", "pupil_bottom_r", "pupil_right_r", "pupil_left_r")


def pupil(
    n_frames: int = 200, n_models: int = 3, seed: int = 5
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Predictions, likelihoods and the truth.

    Returns
    -------
    xy : (model, frame, 4, 2)
        Px.
    likelihood : (model, frame, 4)
    truth : (frame, 3)
        Diameter and centre, px.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(n_frames) / 30
    truth = np.stack(
        [20 + 4 * np.sin(0.9 * t), 60 + 3 * np.sin(0.5 * t), 45 + 2 * np.cos(0.7 * t)], axis=-1
    )
    directions = np.array([[0, -0.5], [0, 0.5], [0.5, 0], [-0.5, 0]])
    points = truth[:, None, 1:] + truth[:, None, :1] * directions
    noise = rng.normal(0, 0.8, (n_models, *points.shape))
    likelihood = rng.uniform(0.8, 1.0, (n_models, n_frames, 4))
    return points + noise, likelihood, truth
