"""Make the small recording in ``tests/data/eks`` and what ensemble-kalman-smoother gives for it.

    python -m venv somewhere && somewhere/bin/pip install ensemble-kalman-smoother==4.6.2
    python -m benchmarks.oracles.eks somewhere/bin/python

The recording is synthetic: three cameras, three prediction sets, two keypoints, 60 frames. The
package is called by its own functions: with calibration, without, and for a single camera, each
with a given and with a searched smoothing parameter (``child_eks.py``). The tests in
``tests/core/smoothing/published/test_published_oracle.py`` compare with its outputs. The files need
to be made again only to compare with another version of the package.
"""

from __future__ import annotations

import argparse
import subprocess

import numpy as np

from benchmarks.support.processes import ROOT, module_command
from napari_pose3d import Camera, Rig, save_rig
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable

FOLDER = ROOT / "tests" / "data" / "eks"
VIEWS = ("Cam-A", "Cam-B", "Cam-C")
KEYPOINTS = ("nose", "paw")
N_FRAMES, N_MODELS, SEED = 60, 3, 20


def cameras() -> Rig:
    """Three cameras on an arc, with some lens distortion; the unit of length is a millimetre."""
    found = []
    for view, angle in zip(VIEWS, (-0.7, 0.0, 0.6), strict=True):
        c, s = np.cos(angle), np.sin(angle)
        rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        matrix = np.array([[900.0, 0, 319.5], [0, 905.0, 239.5], [0, 0, 1]])
        distortion = np.array([-0.12, 0.03, 0.001, -0.001, 0.0])
        translation = np.array([4.0, -3.0, 420.0])
        found.append(Camera(view, (640, 480), matrix, distortion, rotation, translation))
    return Rig(tuple(found))


def make_inputs() -> None:
    """The calibration and a CSV for each view and prediction set."""
    rng = np.random.default_rng(SEED)
    folder = FOLDER / "input"
    folder.mkdir(parents=True, exist_ok=True)
    rig = cameras()
    save_rig(rig, folder / "calibration.toml")
    steps = rng.normal(0, 1.2, (N_FRAMES, len(KEYPOINTS), 3))
    xyz = rng.uniform(-30, 30, (1, len(KEYPOINTS), 3)) + steps.cumsum(axis=0)
    truth = rig.project(xyz)
    # Some frames are worse than others, and their predictions less certain.
    sigma = np.where(rng.random(truth.shape[:-1]) < 0.1, 5.0, 1.0)[..., None]
    for model in range(N_MODELS):
        xy = truth + sigma * rng.normal(0, 1, truth.shape)
        likelihood = np.where(sigma[..., 0] > 1, 0.6, 0.97) + rng.uniform(
            -0.02, 0.02, xy.shape[:-1]
        )
        for v, view in enumerate(VIEWS):
            table = PredictionTable(
                KEYPOINTS,
                xy[v].round(3).astype(np.float32),
                likelihood[v].round(3).astype(np.float32),
            )
            with (folder / f"walk_{view}.rng={model}.csv").open("w", newline="\n") as stream:
                write_prediction_csv(stream, table, scorer="heatmap_tracker")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("python", help="of the venv that has ensemble-kalman-smoother")
    chosen = options.parse_args()
    make_inputs()
    command = module_command("benchmarks.oracles.child_eks", FOLDER, python=chosen.python)
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
