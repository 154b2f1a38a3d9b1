"""The fixed scenes on which the smoothers are compared.

Sizes of errors are those of the study that the smoother grew from, set before anything was measured
here. Numbers from 100 on are for development: no choice in the smoother was made on the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d import Ensemble
from napari_pose3d.synthetic.network_errors import (
    PredictionErrors,
    PredictionTruth,
    simulate_predictions,
)
from napari_pose3d.synthetic.scene import Scene, make_scene

Bool = NDArray[np.bool_]

# 1.2 px of jitter of which the ensemble sees 36 % of the variance, a bias of 1 px that it does not
# see, occlusions, outliers and swaps that most seeds agree on, a lost view.
HARSH = PredictionErrors(
    jitter=1.2,
    shared_jitter=0.64,
    uneven=0.3,
    bias=1.0,
    occluded=0.12,
    occlusion_frames=(20, 120),
    occlusion_jitter=10.0,
    occlusion_memory=20.0,
    occlusion_likelihood=(0.15, 0.7),
    outliers=0.02,
    outlier_distance=20.0,
    outlier_spread=60.0,
    outlier_frames=(5, 40),
    swaps=0.012,
    swap_frames=(10, 60),
    shared_mistakes=0.75,
    lost_frames=100,
)
# The same networks on a good day: jitter and bias only.
GENTLE = PredictionErrors(
    jitter=1.2,
    shared_jitter=0.64,
    uneven=0.3,
    bias=1.0,
    occluded=0.0,
    outliers=0.0,
    swaps=0.0,
    lost_frames=0,
)
KINDS = {"harsh": HARSH, "gentle": GENTLE}
CLASSES = ("clean", "occluded", "twice occluded", "outlier or swap", "burst", "lost view")
# 2 px to the mm at 1280 x 1024; faster than this is a burst, mm/s.
_SIZE = (1280, 1024)
_BURST = 350.0


@dataclass(frozen=True)
class FixedScene:
    """One recording with known truth; equal ones are equal number for number."""

    kind: str
    n_cameras: int
    n_seeds: int
    seed: int
    n_frames: int = 1000

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.n_cameras} cameras, {self.n_seeds} seeds (no. {self.seed})"

    def make(self) -> tuple[Scene, Ensemble, dict[str, Bool]]:
        """The scene, its predictions, and the classes of its points ``(frame, keypoint)``."""
        scene = make_scene(self.n_frames, self.n_cameras, self.seed, size=_SIZE)
        errors = KINDS[self.kind]
        ensemble, truth = simulate_predictions(scene, self.n_seeds, seed=self.seed, errors=errors)
        return scene, ensemble, point_classes(scene, truth)


def point_classes(scene: Scene, errors: PredictionTruth) -> dict[str, Bool]:
    """Which points ``(frame, keypoint)`` are affected by what, in any view and any seed.

    A point is clean when nothing but jitter and bias affects it in any view; the other classes may
    overlap.
    """
    mistaken = np.any(errors.outlier | errors.swapped, axis=(0, 1))
    n_hidden = errors.occluded.sum(axis=0)
    lost = np.zeros_like(mistaken) | np.any(errors.lost, axis=0)[:, None]
    speed = np.linalg.norm(np.gradient(scene.xyz, axis=0), axis=-1) * scene.fps
    classes = (
        ~((n_hidden > 0) | mistaken | lost),
        n_hidden > 0,
        n_hidden > 1,
        mistaken,
        speed > _BURST,
        lost,
    )
    return dict(zip(CLASSES, classes, strict=True))


TEST_SCENES = (
    FixedScene("harsh", 4, 3, 0),
    FixedScene("harsh", 4, 5, 1),
    FixedScene("harsh", 6, 3, 2),
    FixedScene("harsh", 6, 5, 3),
    FixedScene("gentle", 4, 3, 4),
    FixedScene("gentle", 6, 5, 5),
)
FEW_CAMERAS = (
    FixedScene("harsh", 3, 3, 6),
    FixedScene("harsh", 3, 5, 7),
    FixedScene("harsh", 2, 3, 8),
    FixedScene("harsh", 2, 5, 9),
)
