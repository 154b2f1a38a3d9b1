"""How far the smoothed points are from the truth, and whether their uncertainty is honest.

On the synthetic scene everything is known: `napari_pose3d.core.synthetic` moves an animal, films it
with calibrated cameras, and plays three networks ("seeds") that err as networks do: jitter, partly
shared by the seeds, occlusions, confident outliers, left-right swaps, a lost view. The sizes of
these errors are fixed in that module and were not tuned to any method here.

Compared, from the same predictions and calibration:

- triangulation of the ensemble's median, frame by frame, every observation used alike;
- the same, robust: observations that contradict the other views are set aside;
- the Ensemble Kalman Smoother as published (our ``as_published=True``, which equals version 4.6.2
  number for number: a test compares it with outputs of the package);
- our default.

Printed per method: distance to the truth in mm (root mean square, median, 95th percentile), the
RMSE by class of point and frame, and coverage: the share of points whose 95 % ellipsoid contains
the truth, 0.95 if the stated uncertainty is honest. A point is clean when nothing but jitter
affects it in any view; the other classes may overlap.

Fair, because nothing is left out: all methods are scored on the points that all of them located.
It is still a simulation; on real recordings gains are smaller and cannot be measured this way.

    python benchmarks/smoothing_accuracy.py [--quick] [--seeds N]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from _common import Table, begin, goal, mean, parser
from napari_pose3d import Ensemble, Rig, smooth, triangulate
from napari_pose3d.core.poses import FloatArray
from napari_pose3d.core.smoothing.ensemble import ensemble_statistics
from napari_pose3d.core.synthetic.predictions import PredictionTruth, simulate_predictions
from napari_pose3d.core.synthetic.scene import make_scene

Points = tuple[FloatArray, FloatArray]

PLAIN, ROBUST, PUBLISHED, OURS = (
    "triangulation",
    "triangulation, robust",
    "EKS as published",
    "napari-pose3d",
)
CLASSES = ("clean", "occluded", "outlier or swap", "lost view")
# 95th percentile of chi^2 with three degrees of freedom.
CHI2_95 = 7.814728


@dataclass(frozen=True)
class Score:
    """Errors of one method on one scene.

    Attributes
    ----------
    rmse, median, p95 : float
        Of the distance to the truth, in the rig's unit (mm).
    by_class : mapping of str to float
        RMSE of the points of each of ``CLASSES``.
    coverage : float
        Share of points whose 95 % ellipsoid contains the truth.
    located : float
        Share of all points for which the method gives a position.
    """

    rmse: float
    median: float
    p95: float
    by_class: Mapping[str, float]
    coverage: float
    located: float


def _triangulated(ensemble: Ensemble, rig: Rig, robust: bool) -> Points:
    centre = ensemble_statistics(ensemble).centre
    found = triangulate(rig, centre, robust="auto" if robust else None)
    return found.xyz, found.covariance


def _smoothed(ensemble: Ensemble, rig: Rig, as_published: bool) -> Points:
    poses = smooth(ensemble, rig, as_published=as_published).poses3d
    assert poses is not None
    return poses.xyz, poses.covariance


METHODS: Mapping[str, Callable[[Ensemble, Rig], Points]] = {
    PLAIN: lambda ensemble, rig: _triangulated(ensemble, rig, False),
    ROBUST: lambda ensemble, rig: _triangulated(ensemble, rig, True),
    PUBLISHED: lambda ensemble, rig: _smoothed(ensemble, rig, True),
    OURS: lambda ensemble, rig: _smoothed(ensemble, rig, False),
}


def compare(
    seed: int = 0,
    n_frames: int = 600,
    n_cameras: int = 4,
    methods: Mapping[str, Callable[[Ensemble, Rig], Points]] = METHODS,
) -> dict[str, Score]:
    """Score the methods on one scene.

    Parameters
    ----------
    seed : int
        Of the animal's motion and of the predictions; 0 with the other defaults is the sample's.
    n_frames, n_cameras : int
    methods : mapping
        Name to a function of ensemble and rig that returns positions ``(frame, keypoint, 3)`` and
        covariances ``(frame, keypoint, 3, 3)``.

    Returns
    -------
    dict of str to Score
    """
    scene = make_scene(n_frames, n_cameras, seed)
    ensemble, errors = simulate_predictions(scene, seed=seed)
    points = {name: method(ensemble, scene.rig) for name, method in methods.items()}
    by_all = np.logical_and.reduce([np.isfinite(xyz[..., 0]) for xyz, _ in points.values()])
    classes = point_classes(errors)
    return {
        name: _score(xyz, covariance, scene.xyz, by_all, classes)
        for name, (xyz, covariance) in points.items()
    }


def point_classes(errors: PredictionTruth) -> dict[str, NDArray[np.bool_]]:
    """Which points ``(frame, keypoint)`` are affected by what, in any view and any seed."""
    mistaken = np.any(errors.outlier | errors.swapped, axis=(0, 1))
    occluded = np.any(errors.occluded, axis=0)
    lost = np.zeros_like(occluded) | np.any(errors.lost, axis=0)[:, None]
    clean = ~(occluded | mistaken | lost)
    return dict(zip(CLASSES, (clean, occluded, mistaken, lost), strict=True))


def _score(
    xyz: FloatArray,
    covariance: FloatArray,
    truth: FloatArray,
    scored: NDArray[np.bool_],
    classes: Mapping[str, NDArray[np.bool_]],
) -> Score:
    difference = np.where(scored[..., None], xyz - truth, np.nan)
    distance = np.linalg.norm(difference, axis=-1)

    def rms(where: NDArray[np.bool_]) -> float:
        values = distance[where & scored]
        return float(np.sqrt((values**2).mean())) if values.size else float("nan")

    median, p95 = (float(q) for q in np.percentile(distance[scored], (50, 95)))
    errors, spreads = difference[scored], covariance[scored]
    squared = np.einsum("ni,ni->n", errors, np.linalg.solve(spreads, errors[..., None])[..., 0])
    return Score(
        rmse=rms(scored),
        median=median,
        p95=p95,
        by_class={name: rms(where) for name, where in classes.items()},
        coverage=float((squared <= CHI2_95).mean()),
        located=float(np.isfinite(xyz[..., 0]).mean()),
    )


def average(scores: Sequence[Mapping[str, Score]]) -> dict[str, Score]:
    """Mean of each number over several scenes."""
    return {
        method: Score(
            rmse=mean(s[method].rmse for s in scores),
            median=mean(s[method].median for s in scores),
            p95=mean(s[method].p95 for s in scores),
            by_class={c: mean(s[method].by_class[c] for s in scores) for c in CLASSES},
            coverage=mean(s[method].coverage for s in scores),
            located=mean(s[method].located for s in scores),
        )
        for method in scores[0]
    }


def table_of(title: str, scores: Mapping[str, Score]) -> Table:
    """The scores as a table."""
    table = Table(
        title,
        (
            "method, errors in mm",
            "RMSE",
            "median",
            "p95",
            *(f"RMSE {name}" for name in CLASSES),
            "coverage",
            "located",
        ),
    )
    for name, score in scores.items():
        parts = [score.by_class[c] for c in CLASSES]
        numbers = (score.rmse, score.median, score.p95, *parts, score.coverage, score.located)
        table.add(name, *numbers)
    return table


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, help="further scenes (default 5, quick 1)")
    chosen = options.parse_args()
    n_more = chosen.seeds if chosen.seeds is not None else (1 if chosen.quick else 5)

    begin("Accuracy of the smoother on the synthetic scene")
    sample = compare()
    table_of("the sample's scene: 600 frames, 4 cameras, 3 seeds", sample).show()
    scenes = [sample]
    for n_cameras in (4, 6):
        if n_more:
            others = [compare(seed, n_cameras=n_cameras) for seed in range(1, n_more + 1)]
            title = f"mean over {n_more} other scene(s): 600 frames, {n_cameras} cameras, 3 seeds"
            table = table_of(title, average(others))
            ratios = [scene[OURS].rmse / scene[PUBLISHED].rmse for scene in others]
            table.notes.append(
                f"RMSE of {OURS} / {PUBLISHED} by scene: {', '.join(f'{r:.2f}' for r in ratios)}"
            )
            table.show()
            scenes += others
    for other in (PLAIN, ROBUST, PUBLISHED):
        wins = sum(s[OURS].rmse < s[other].rmse and s[OURS].p95 < s[other].p95 for s in scenes)
        text = f"better than {other} in RMSE and p95 on {wins} of {len(scenes)} scenes; on all"
        goal(text, wins == len(scenes))


if __name__ == "__main__":
    main()
