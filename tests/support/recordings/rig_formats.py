"""Rigs for the tests of calibrations of other programs, and what each format keeps."""

from __future__ import annotations

from dataclasses import replace

from napari_pose3d import Rig
from tests.support.recordings.scenes import ring_rig

FULL = (-0.12, 0.03, 0.001, -0.002, 0.01)
FOUR = (*FULL[:4], 0.0)
# File, and the distortion that the format keeps whole.
KEPT = {
    "anipose": ("a.toml", FULL),
    "opencv": ("a.yaml", FULL),
    "caliscope": ("camera_array.toml", FULL),
    "jarvis": ("jarvis", FULL),
    "label3d": ("a.mat", FULL),
    "matlab": ("m.mat", FULL),
    "colmap": ("colmap", FULL),
    "pose2sim": ("Calib.toml", FOUR),
    "freemocap": ("f.toml", FULL),
    "kalibr": ("camchain.yaml", FOUR),
    "dlt": ("dltCoefs.csv", (0.0, 0.0, 0.0, 0.0, 0.0)),
    "csv": ("a.csv", FULL),
    "deeplabcut": ("stereo.pickle", FULL),
}


def rig_with(
    distortion: tuple[float, ...] = FULL, n_views: int = 3, *, fisheye: bool = False
) -> Rig:
    rig = ring_rig(n_views, distortion=distortion)
    names = [f"cam_{i}" for i in range(n_views)]
    return Rig(
        tuple(
            replace(camera, name=name, fisheye=fisheye)
            for camera, name in zip(rig.cameras, names, strict=True)
        )
    )
