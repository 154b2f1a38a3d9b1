"""Cameras of different rates or starts: frames paired by time, and each at its own time.

Two kinds of recordings whose truth is known at any time:

- points on smooth paths, with noise of 1 px, half of it shared by the networks, and 2 % gross
  errors; as fast as a running mouse's paw, and a fifth of that;
- the simulated mouse with the errors of networks (occlusions, outliers, swaps, lost views): those
  of the sample session, and the larger ones of ``support/scenes.py``. They last as many seconds in
  each camera, whatever its rate.

Paired: each frame of the slowest camera with the nearest frames of the others, as is done without
``own_times``. Scored at the frames of the slowest camera, on the points that both located:
root mean square and median of the distance to the truth, and the share of points whose 95 %
ellipsoid contains it.

    python -m benchmarks.smoothing.own_times [--quick]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from tests.support.recordings.clocks import clocks

from benchmarks.support.report import Table, begin, goal, parser
from benchmarks.support.scenes import HARSH
from napari_pose3d import Ensemble, Result, Rig, smooth
from napari_pose3d.core.formats.projects.frame_tables import paired_by_time
from napari_pose3d.synthetic.network_errors import PredictionErrors, simulate_predictions
from napari_pose3d.synthetic.scene import Scene, make_scene

Float64 = NDArray[np.float64]
Times = Mapping[str, Float64]
Score = tuple[float, float, float]
"""Root mean square and median of the error in mm, and the share within the ellipsoid in percent."""

CAMERAS = {
    "60, 150, 30": ((60.0, 150.0, 30.0), (0.0, 0.013, 0.021)),
    "60, 150, 30, 30": ((60.0, 150.0, 30.0, 30.0), (0.0, 0.013, 0.021, 0.007)),
    "60, 30": ((60.0, 30.0), (0.0, 0.013)),
    "four of 30, which start 7 to 27 ms apart": ((30.0,) * 4, (0.0, 0.007, 0.014, 0.027)),
}
SPEEDS = {"slow points": (1.2, 2.8), "fast points": (6.0, 14.0)}
ERRORS = {"as in the sample session": PredictionErrors(), "harsh": HARSH}
# They are for 100 frames a second.
_ERRORS_RATE = 100.0
# The true motion is known at so many instants a second; frames are taken at these.
_INSTANTS = 1000
# 95th percentile of chi^2 with three degrees of freedom.
_CHI2_95 = 7.814728


def mouse(
    rates: Sequence[float],
    starts: Sequence[float],
    seconds: float,
    seed: int,
    errors: PredictionErrors,
) -> tuple[Rig, Ensemble, Times, Float64]:
    """Predictions by each camera's own frames, their times, and the truth at all instants."""
    scene = make_scene(int(seconds * _INSTANTS), len(rates), seed, fps=_INSTANTS, size=(1280, 1024))
    times: dict[str, Float64] = {}
    parts: list[Ensemble] = []
    for view, (rate, start) in enumerate(zip(rates, starts, strict=True)):
        at = np.round((start + np.arange(int(seconds * rate)) / rate) * _INSTANTS).astype(int)
        at = at[at < scene.n_frames]
        name = scene.rig.names[view]
        times[name] = at / _INSTANTS
        found, _ = simulate_predictions(
            _of_camera(scene, name, at, rate),
            3,
            seed=100 * seed + view,
            errors=_at_rate(errors, rate),
        )
        parts.append(found)
    longest = max(part.xy.shape[2] for part in parts)

    def together(name: str) -> NDArray[np.float32]:
        arrays = [getattr(part, name) for part in parts]
        return np.concatenate(
            [
                np.pad(
                    a,
                    [(0, longest - a.shape[2]) if i == 2 else (0, 0) for i in range(a.ndim)],
                    constant_values=np.nan,
                )
                for a in arrays
            ],
            axis=1,
        )

    ensemble = dataclasses.replace(
        parts[0], xy=together("xy"), likelihood=together("likelihood"), views=scene.rig.names
    )
    return scene.rig, ensemble, times, scene.xyz


def _of_camera(scene: Scene, name: str, at: NDArray[np.int64], rate: float) -> Scene:
    return dataclasses.replace(
        scene,
        xyz=scene.xyz[at],
        fps=rate,
        rig=scene.rig.subset([name]),
        points={key: values[at] for key, values in scene.points.items()},
        on_floor=scene.on_floor[at],
    )


def _at_rate(errors: PredictionErrors, rate: float) -> PredictionErrors:
    """As many seconds as at 100 frames a second."""

    def scaled(frames: tuple[int, int]) -> tuple[int, int]:
        first, last = (max(round(n * rate / _ERRORS_RATE), 1) for n in frames)
        return first, last

    factor = rate / _ERRORS_RATE
    return dataclasses.replace(
        errors,
        jitter_memory=errors.jitter_memory * factor,
        bias_memory=errors.bias_memory * factor,
        occlusion_memory=errors.occlusion_memory * factor,
        occlusion_frames=scaled(errors.occlusion_frames),
        outlier_frames=scaled(errors.outlier_frames),
        swap_frames=scaled(errors.swap_frames),
        lost_frames=round(errors.lost_frames * factor),
    )


def paired(ensemble: Ensemble, times: Times, reference: str) -> Ensemble:
    """Each frame of one camera with the frames of the others that are nearest in time."""
    xy, likelihood = [], []
    for view, name in enumerate(ensemble.views):
        frames = paired_by_time(times[reference], times[name])
        there = (frames >= 0)[None, :, None]
        xy.append(np.where(there[..., None], ensemble.xy[:, view, frames], np.nan))
        likelihood.append(np.where(there, ensemble.likelihood[:, view, frames], np.nan))
    return dataclasses.replace(
        ensemble,
        xy=np.stack(xy, axis=1).astype(np.float32),
        likelihood=np.stack(likelihood, axis=1).astype(np.float32),
    )


def compare(
    ensemble: Ensemble, rig: Rig, times: Times, reference: str, truth: Float64
) -> list[Score]:
    """How far results lie from the truth: paired, and at own times.

    Parameters
    ----------
    reference : str
        The slowest camera.
    truth : (frame, keypoint, 3)
        At its frames.
    """
    results = (
        smooth(paired(ensemble, times, reference), rig),
        smooth(ensemble, rig, times=times, output_times=reference),
    )
    spaces = [_space(result) for result in results]
    both = np.logical_and.reduce([np.isfinite(xyz[..., 0]) for xyz, _ in spaces])
    return [_score(xyz[both], covariance[both], truth[both]) for xyz, covariance in spaces]


def _space(result: Result) -> tuple[Float64, Float64]:
    assert result.poses3d is not None
    return result.poses3d.xyz, result.poses3d.covariance.astype(float)


def _score(xyz: Float64, covariance: Float64, truth: Float64) -> Score:
    off = xyz - truth
    whitened = np.linalg.solve(covariance, off[..., None])[..., 0]
    held = (off * whitened).sum(axis=-1) <= _CHI2_95
    distance = np.linalg.norm(off, axis=-1)
    return (
        float(np.sqrt((distance**2).mean())),
        float(np.median(distance)),
        100 * float(held.mean()),
    )


def _row(table: Table, name: str, scores: Sequence[Sequence[Score]]) -> float:
    """Add the runs of a recording; the largest median at own times, by that of pairs."""
    columns = [
        [f"{run[method][part]:.{(2, 2, 0)[part]}f}" for run in scores]
        for part in (0, 1, 2)
        for method in (0, 1)
    ]
    table.add(name, *(", ".join(each) for each in columns))
    return max(run[1][1] / run[0][1] for run in scores)


def main() -> None:
    chosen = parser(__doc__).parse_args()
    begin("Cameras with times of their own")
    columns = [
        f"{method}, {what}"
        for what in ("RMSE mm", "median mm", "within %")
        for method in ("paired", "own times")
    ]
    runs, seconds = (1, 5.0) if chosen.quick else (3, 10.0)
    table = Table("points on smooth paths; 60, 150, 30 frames a second", ("points", *columns))
    worst = 0.0
    for name, speed in SPEEDS.items():
        scores = []
        for seed in range(runs):
            scene = clocks(seconds=seconds, speed=speed, seed=seed)
            truth = scene.truth(scene.times["Cam-2"])
            scores.append(compare(scene.ensemble, scene.rig, scene.times, "Cam-2", truth))
        worst = max(worst, _row(table, name, scores))
    table.show()
    goal(f"the median at own times is at most {100 * worst:.0f} % of that of pairs", worst < 0.7)
    runs, seconds = (1, 10.0) if chosen.quick else (2, 20.0)
    for kind, errors in ERRORS.items():
        table = Table(
            f"the simulated mouse, errors of networks {kind}",
            ("cameras, frames a second", *columns),
        )
        worst = 0.0
        for name, (rates, starts) in CAMERAS.items():
            scores = []
            for seed in range(runs):
                rig, ensemble, times, xyz = mouse(rates, starts, seconds, seed, errors)
                slowest = rig.names[int(np.argmin(rates))]
                truth = xyz[np.round(times[slowest] * _INSTANTS).astype(int)]
                scores.append(compare(ensemble, rig, times, slowest, truth))
            worst = max(worst, _row(table, name, scores))
        table.show()
        goal(f"the median at own times is at most {100 * worst:.0f} % of that of pairs", worst < 1)


if __name__ == "__main__":
    main()
