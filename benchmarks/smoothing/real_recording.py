"""What can be measured on a real recording, whose truth is unknown.

The recording fly (3 cameras, 3 seeds, 500 frames, 12 keypoints), two ways:

- one camera left out: the others are smoothed, the point is projected into it, and compared with
  that camera's ensemble median where its seeds agree (ensemble variance below its own median);
- one seed left out: two are smoothed, and the third is compared with what they predict: position
  and stated variance, by log-likelihood (per 2-vector, not below -50 nats) and by the share of its
  positions that the 95 % ellipse holds.

Compared: the published smoother (our ``as_published=True``, equal number for number) and our
default. Neither measures the distance to the truth; differences of a few percent mean nothing.

    python -m benchmarks.smoothing.real_recording [--data PATH]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d import Ensemble, Result, Rig, load_predictions, load_rig, smooth
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
    ensemble_statistics,
)

Float64 = NDArray[np.float64]
Smoother = Callable[[Ensemble, Rig], Result]

PUBLISHED, OURS = "EKS as published", "napari-pose3d"
SMOOTHERS: dict[str, Smoother] = {
    PUBLISHED: lambda ensemble, rig: smooth(ensemble, rig, as_published=True),
    OURS: lambda ensemble, rig: smooth(ensemble, rig),
}
# 95th percentile of chi^2 with two degrees of freedom.
CHI2_95 = 5.991
_LOWEST = -50.0


def left_out_cameras(ensemble: Ensemble, rig: Rig, smoother: Smoother) -> Float64:
    """Distances in px of all trusted positions of all cameras from what the others say."""
    statistics = ensemble_statistics(ensemble)
    found = []
    for v, view in enumerate(ensemble.views):
        others = tuple(name for name in ensemble.views if name != view)
        poses = smoother(ensemble.select(views=others), rig.subset(others)).poses3d
        assert poses is not None
        off = np.linalg.norm(
            rig.subset([view]).project(poses.xyz)[0] - statistics.centre[v], axis=-1
        )
        spread = statistics.variance[v].mean(axis=-1)
        found.append(off[(spread < np.nanmedian(spread)) & np.isfinite(off)])
    return np.concatenate(found)


def left_out_seed(
    ensemble: Ensemble, rig: Rig, smoother: Smoother
) -> tuple[Float64, Float64, Float64]:
    """Of the last seed: distances in px, log-likelihoods, and whether the 95 % ellipse holds it."""
    part = replace(
        ensemble,
        xy=ensemble.xy[:-1],
        likelihood=ensemble.likelihood[:-1],
        models=ensemble.models[:-1],
        sources=(),
    )
    poses = smoother(part, rig).poses2d
    assert poses.variance is not None
    off = (ensemble.xy[-1] - poses.xy).astype(np.float64)
    known = np.isfinite(off).all(axis=-1)
    off, variance = off[known], poses.variance[known].astype(np.float64)
    squared = (off**2 / variance).sum(axis=-1)
    log = -0.5 * squared - 0.5 * np.log(variance).sum(axis=-1) - np.log(2 * np.pi)
    return np.linalg.norm(off, axis=-1), np.maximum(log, _LOWEST), squared <= CHI2_95


def main() -> None:
    chosen = parser(__doc__).parse_args()
    folder = chosen.data / "fly"
    begin("The smoother on a real recording")
    if not (folder / "calibration.toml").exists():
        print(f"\nThe recording is not at {folder}; nothing to do.")
        return
    rig = load_rig(folder / "calibration.toml")
    ensemble = load_predictions(folder, rig=rig)
    rig = rig.subset(ensemble.views)
    table = Table(
        "fly, errors in px",
        (
            "method",
            "camera left out: median",
            "p90",
            "seed left out: median",
            "RMS",
            "log-likelihood",
            "95 % ellipse holds",
        ),
    )
    numbers: dict[str, tuple[float, ...]] = {}
    for name, smoother in SMOOTHERS.items():
        camera = left_out_cameras(ensemble, rig, smoother)
        seed, log, held = left_out_seed(ensemble, rig, smoother)
        numbers[name] = (
            float(np.median(camera)),
            float(np.percentile(camera, 90)),
            float(np.median(seed)),
            float(np.sqrt(np.mean(seed**2))),
            float(log.mean()),
            float(held.mean()),
        )
        table.add(name, *(f"{value:.3f}" for value in numbers[name]))
    table.show()
    ours, published = numbers[OURS], numbers[PUBLISHED]
    goal("camera left out: median not above the published one", ours[0] <= published[0])
    goal("seed left out: predicted at least as well (median)", ours[2] <= published[2])
    goal(f"95 % ellipse holds {ours[5]:.0%}; at least 75 %", ours[5] >= 0.75)
    gained = ours[4] - published[4]
    goal(f"log-likelihood {gained:.1f} nats per point better; at least 8", gained >= 8)


if __name__ == "__main__":
    main()
