"""How far the smoothed points are from the truth, and whether their uncertainty is calibrated.

On a synthetic scene everything is known: `napari_pose3d.synthetic` moves an animal, renders it
in calibrated cameras, and simulates several networks ("seeds") with the errors of real ones. The
fixed scenes are in ``support/scenes.py``: harsh (jitter, bias, occlusions, confident outliers,
swaps, a lost view) and gentle (jitter and bias only).

Compared, from the same predictions and calibration:

- triangulation of the ensemble's median, frame by frame, all observations with equal weight;
- the same, robust: observations that contradict the other views are rejected;
- the Ensemble Kalman Smoother as published (our ``as_published=True``, which equals version 4.6.2
  number for number: a test compares it with outputs of the package);
- our default.

Printed per method: distance to the truth in mm (root mean square, median, 95th percentile), the
RMSE by class of point and frame, and coverage: the share of points whose 95 % ellipsoid contains
the truth, 0.95 if the uncertainty is calibrated.

Fair, because nothing is left out: all methods are scored on the points that all of them located.
It is still a simulation; on real recordings gains are smaller and cannot be measured this way
(`real_recording.py` measures what can be).

    python -m benchmarks.smoothing.accuracy [--quick]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.report import Table, begin, goal, mean, parser
from benchmarks.support.scenes import CLASSES, FEW_CAMERAS, TEST_SCENES, FixedScene, point_classes
from napari_pose3d import Ensemble, Rig, smooth, triangulate
from napari_pose3d.core.poses.arrays import FloatArray
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
    ensemble_statistics,
)
from napari_pose3d.synthetic.network_errors import simulate_predictions
from napari_pose3d.synthetic.scene import Scene, make_scene

Points = tuple[FloatArray, FloatArray]
Method = Callable[[Ensemble, Rig], Points]

PLAIN, ROBUST, PUBLISHED, OURS = (
    "triangulation",
    "triangulation, robust",
    "EKS as published",
    "napari-pose3d",
)
# 95th percentile of chi^2 with three degrees of freedom.
CHI2_95 = 7.814728


@dataclass(frozen=True)
class Score:
    """Errors of one method on one scene.

    Attributes
    ----------
    rmse, median, p95 : float
        Of the distance to the truth, in the rig's unit (mm).
    by_class, coverage_by_class : mapping of str to float
        RMSE and coverage of the points of each of ``CLASSES``; NaN where there are none.
    coverage : float
        Share of points whose 95 % ellipsoid contains the truth.
    located : float
        Share of all points for which the method gives a position.
    """

    rmse: float
    median: float
    p95: float
    by_class: Mapping[str, float]
    coverage_by_class: Mapping[str, float]
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


METHODS: Mapping[str, Method] = {
    PLAIN: lambda ensemble, rig: _triangulated(ensemble, rig, False),
    ROBUST: lambda ensemble, rig: _triangulated(ensemble, rig, True),
    PUBLISHED: lambda ensemble, rig: _smoothed(ensemble, rig, True),
    OURS: lambda ensemble, rig: _smoothed(ensemble, rig, False),
}


def compare(
    scene: Scene,
    ensemble: Ensemble,
    classes: Mapping[str, NDArray[np.bool_]],
    methods: Mapping[str, Method] = METHODS,
) -> dict[str, Score]:
    """Score the methods on one scene.

    Parameters
    ----------
    scene, ensemble, classes
        As `FixedScene.make` returns them.
    methods : mapping
        Name to a function of ensemble and rig that returns positions ``(frame, keypoint, 3)`` and
        covariances ``(frame, keypoint, 3, 3)``.

    Returns
    -------
    dict of str to Score
    """
    points = {name: method(ensemble, scene.rig) for name, method in methods.items()}
    by_all = np.logical_and.reduce([np.isfinite(xyz[..., 0]) for xyz, _ in points.values()])
    return {
        name: _score(xyz, covariance, scene.xyz, by_all, classes)
        for name, (xyz, covariance) in points.items()
    }


def _score(
    xyz: FloatArray,
    covariance: FloatArray,
    truth: FloatArray,
    scored: NDArray[np.bool_],
    classes: Mapping[str, NDArray[np.bool_]],
) -> Score:
    difference = np.where(scored[..., None], xyz - truth, 0.0)
    squared = (difference**2).sum(axis=-1)
    spread = np.where(scored[..., None, None], covariance, np.eye(3))
    whitened = np.linalg.solve(spread, difference[..., None])[..., 0]
    held = (difference * whitened).sum(axis=-1) <= CHI2_95

    def over(values: NDArray[np.generic], where: NDArray[np.bool_]) -> float:
        chosen = values[where & scored]
        return float(chosen.mean()) if chosen.size else float("nan")

    median, p95 = (float(q) for q in np.percentile(np.sqrt(squared[scored]), (50, 95)))
    return Score(
        rmse=float(np.sqrt(over(squared, scored))),
        median=median,
        p95=p95,
        by_class={name: float(np.sqrt(over(squared, where))) for name, where in classes.items()},
        coverage_by_class={name: over(held, where) for name, where in classes.items()},
        coverage=over(held, scored),
        located=float(np.isfinite(xyz[..., 0]).mean()),
    )


def table_of(title: str, scores: Mapping[str, Score]) -> Table:
    """The scores as a table."""
    shown = [c for c in CLASSES if np.isfinite(scores[OURS].by_class[c])]
    columns = ("RMSE", "median", "p95", *(f"RMSE {name}" for name in shown), "coverage", "located")
    table = Table(title, ("method, errors in mm", *columns))
    for name, score in scores.items():
        parts = [score.by_class[c] for c in shown]
        numbers = (score.rmse, score.median, score.p95, *parts, score.coverage, score.located)
        table.add(name, *numbers)
    held = ", ".join(f"{c} {scores[OURS].coverage_by_class[c]:.2f}" for c in shown)
    table.notes.append(f"coverage of {OURS} by class: {held}")
    return table


def gain(scores: Mapping[str, Score], other: str, what: str = "rmse") -> float:
    """How much smaller our error is, in percent."""
    return 100 * (1 - getattr(scores[OURS], what) / getattr(scores[other], what))


def lowest_coverage(scores: Mapping[str, Score]) -> float:
    """Our coverage in the class of frames where it is lowest."""
    by_class = scores[OURS].coverage_by_class.values()
    return min(share for share in by_class if np.isfinite(share))


def summary_of(scenes: Mapping[FixedScene, Mapping[str, Score]]) -> Table:
    """One row per scene: what is gained over the others, and coverage."""
    table = Table(
        "gain in percent, by scene",
        (
            "scene",
            "RMSE over EKS",
            "median over EKS",
            "RMSE over robust triangulation",
            "coverage",
            "lowest in a class",
            "coverage of EKS",
        ),
    )
    for scene, scores in scenes.items():
        table.add(
            scene.name,
            gain(scores, PUBLISHED),
            gain(scores, PUBLISHED, "median"),
            gain(scores, ROBUST),
            scores[OURS].coverage,
            lowest_coverage(scores),
            scores[PUBLISHED].coverage,
        )
    return table


def check(scenes: Mapping[FixedScene, Mapping[str, Score]]) -> None:
    """Print which demands are met."""

    def of(kind: str, at_least: int, at_most: int = 99) -> list[Mapping[str, Score]]:
        return [
            scores
            for scene, scores in scenes.items()
            if scene.kind == kind and at_least <= scene.n_cameras <= at_most
        ]

    def gains(group: Sequence[Mapping[str, Score]], other: str, what: str = "rmse") -> list[float]:
        return [gain(scores, other, what) for scores in group]

    def every(name: str, values: Sequence[float], least: float, average: float = -1e9) -> None:
        if values:
            text = f"{name}: {', '.join(f'{v:.0f}' for v in values)} %, mean {mean(values):.0f} %"
            wanted = f"; at least {least} in each" + (f", {average} on average" * (average > 0))
            goal(text + wanted, min(values) >= least and mean(values) >= average)

    def held(name: str, values: Sequence[float], least: float, most: float = 1.0) -> None:
        if values:
            text = f"{name}: {', '.join(f'{v:.3f}' for v in values)}; from {least} to {most}"
            goal(text, all(least <= v <= most for v in values))

    harsh, gentle = of("harsh", 4), of("gentle", 4)
    every("harsh, RMSE below EKS", gains(harsh, PUBLISHED), 60, 70)
    every("harsh, median below EKS", gains(harsh, PUBLISHED, "median"), 15, 25)
    every("harsh, RMSE below robust triangulation", gains(harsh, ROBUST), 20)
    every("gentle, RMSE below EKS", gains(gentle, PUBLISHED), 20)
    every("three cameras, RMSE below EKS", gains(of("harsh", 3, 3), PUBLISHED), 45)
    every("two cameras, RMSE below EKS", gains(of("harsh", 2, 2), PUBLISHED), 0)
    held("harsh, 95 % ellipsoids hold", [s[OURS].coverage for s in harsh], 0.93, 0.998)
    held("gentle, 95 % ellipsoids hold", [s[OURS].coverage for s in gentle], 0.87, 0.97)
    held("lowest in a class of frames", [lowest_coverage(s) for s in (*harsh, *gentle)], 0.90)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--shift", type=int, default=0, help="added to the numbers of the scenes")
    chosen = options.parse_args()
    begin("Accuracy of the smoother on synthetic scenes")
    sample = make_scene()
    ensemble, truth = simulate_predictions(sample)
    scores = compare(sample, ensemble, point_classes(sample, truth))
    table_of("the sample's scene: 600 frames, 4 cameras, 3 seeds", scores).show()

    scenes = {}
    for scene in TEST_SCENES[::4] if chosen.quick else (*TEST_SCENES, *FEW_CAMERAS):
        shifted = FixedScene(scene.kind, scene.n_cameras, scene.n_seeds, scene.seed + chosen.shift)
        scenes[shifted] = compare(*shifted.make())
        table_of(shifted.name, scenes[shifted]).show()
    summary_of(scenes).show()
    print()
    check(scenes)


if __name__ == "__main__":
    main()
