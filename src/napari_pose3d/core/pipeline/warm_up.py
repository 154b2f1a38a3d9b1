"""Compiling before anybody waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.poses.arrays import Ensemble

Job = Literal["calibrated", "published", "linear", "single", "triangulated", "labeling"]
ALL_JOBS: tuple[Job, ...] = (
    "calibrated",
    "published",
    "linear",
    "single",
    "triangulated",
    "labeling",
)
STAGE = "Preparing the compiled code (long the first time only)"


def warm_up(*jobs: Job) -> None:
    """Compile the kernels, or load them from numba's cache, so that no first run waits for it.

    All of them take about a minute where nothing is cached, less than a second after that. Safe to
    call from any thread, and again.

    Parameters
    ----------
    *jobs : {"calibrated", "published", "linear", "single", "triangulated", "labeling"}
        What is going to be done; nothing said: everything.
    """
    import numpy as np

    from napari_pose3d.core.cameras.triangulation.triangulation import (
        leave_one_out_residuals,
    )
    from napari_pose3d.core.formats.number_text.decimal_kernel import format_lines
    from napari_pose3d.core.formats.number_text.plain_csv_kernel import parse_lines
    from napari_pose3d.core.labels.geometry.label_projection import project_labels
    from napari_pose3d.core.settings import SmoothingSettings, TriangulationSettings

    from .smoothing_run import run, triangulate_ensemble

    line = np.frombuffer(bytearray(b"0,1.5\n"), np.uint8)
    parse_lines(line, len(line), 0, np.empty((1, 1), np.float32))
    format_lines(np.ones((1, 1), np.float32), 0, np.empty(100, np.uint8))

    rig, ensemble = _example()
    bones = (ensemble.keypoints,)
    for job in jobs or ALL_JOBS:
        if job == "calibrated":
            run(ensemble, rig, SmoothingSettings(fix_swaps=True, skeleton=bones))
        elif job == "published":
            run(ensemble, rig, SmoothingSettings(as_published=True, smooth_param=1.0))
        elif job == "linear":
            run(ensemble, None, SmoothingSettings(mode="linear", quantile_keep_pca=100.0))
        elif job == "single":
            run(ensemble, None, SmoothingSettings(mode="single"))
        elif job == "triangulated":
            triangulate_ensemble(ensemble, rig, TriangulationSettings(fix_swaps=True))
        else:
            observed = ensemble.xy[0, :, 0]
            leave_one_out_residuals(rig, observed)
            project_labels(rig, observed.astype(np.float64))


def _example() -> tuple[Rig, Ensemble]:
    """A few frames in which everything happens that has a kernel of its own."""
    import numpy as np

    from napari_pose3d.core.cameras.camera import Camera
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.poses.arrays import Ensemble

    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    cameras = []
    for i, angle in enumerate((-0.5, 0.0, 0.5)):
        c, s = np.cos(angle), np.sin(angle)
        rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        translation = np.array([0.0, 0, 10])
        cameras.append(Camera(str(i), (640, 480), matrix, np.zeros(5), rotation, translation))
    rig = Rig(tuple(cameras))
    rng = np.random.default_rng(0)
    xyz = rng.normal(0, 0.5, (12, 2, 3)).cumsum(axis=0) * 0.1
    xy = (rig.project(xyz) + rng.normal(0, 1, (3, 3, 12, 2, 2))).astype(np.float32)
    # A gross error, and left and right of one set exchanged.
    xy[:, 0, 5] += 100
    xy[0, :, 8] = xy[0, :, 8, ::-1]
    likelihood = np.ones(xy.shape[:-1], dtype=np.float32)
    names = "paw_left", "paw_right"
    return rig, Ensemble(xy, likelihood, ("a", "b", "c"), rig.names, names)
