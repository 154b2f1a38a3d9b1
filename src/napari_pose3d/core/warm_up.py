"""Compiling before anybody waits for it."""

from __future__ import annotations


def warm_up() -> None:
    """Compile the kernels, or load them from numba's cache, so that no first run waits for it.

    Takes some ten seconds where nothing is cached, a fraction of a second after that. Safe to call
    from any thread, and again.
    """
    import numpy as np

    from .cameras.rig import Camera, Rig
    from .cameras.triangulation import leave_one_out_residuals
    from .formats.plain_csv_kernel import parse_lines
    from .labels.projecting import project_labels
    from .pipeline import run
    from .poses import Ensemble
    from .settings import SmoothingSettings

    line = np.frombuffer(bytearray(b"0,1.5\n"), np.uint8)
    parse_lines(line, len(line), 0, np.empty((1, 1), np.float32))

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
    # One gross error makes the robust solver compile as well.
    xy[:, 0, 5] += 100
    leave_one_out_residuals(rig, xy[0, :, :, 0])
    ensemble = Ensemble(
        xy,
        np.ones(xy.shape[:-1], dtype=np.float32),
        ("a", "b", "c"),
        rig.names,
        ("paw_left", "paw_right"),
    )
    run(ensemble, rig, SmoothingSettings())
    # Left and right of one set at one frame, so that exchanging is compiled.
    xy[0, :, 8] = xy[0, :, 8, ::-1]
    bones = (ensemble.keypoints,)
    run(ensemble, rig, SmoothingSettings(fix_swaps=True, skeleton=bones))
    run(ensemble, rig, SmoothingSettings(as_published=True, smooth_param=1.0))
    run(ensemble, None, SmoothingSettings(mode="linear", quantile_keep_pca=100.0))
    project_labels(rig, rig.project(xyz[0]))
