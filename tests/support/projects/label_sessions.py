"""A session with calibrated cameras whose labels can be checked against points in space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.projects.project import open_project
from tests.support.projects.session_files import touch, video
from tests.support.recordings.scenes import arc_rig

VIEWS = ("Cam-A", "Cam-B", "Cam-C", "Cam-D")
KEYPOINTS = ("nose", "ear", "neck", "tail", "paw")
SESSION = "walk"
SIZE = (128, 96)
N_FRAMES = 40


def small_rig() -> Rig:
    """Four cameras on an arc, with images of the size of the test videos."""
    return arc_rig(VIEWS, size=SIZE, focal=100.0, distortion=(-0.1, 0.02, 0.0, 0.0, 0.0))


def points(frame: int) -> NDArray[np.float64]:
    """Where the keypoints are in a frame, ``(keypoint, 3)``; seen by all cameras."""
    rng = np.random.default_rng(7)
    start = rng.uniform(-3.2, 3.2, (len(KEYPOINTS), 3)) * (1, 1, 0.5)
    return start + 0.02 * frame


def truth(frame: int) -> NDArray[np.float64]:
    """The same in every view, ``(view, keypoint, 2)`` px."""
    return small_rig().project(points(frame))


def calibrated_project(folder: Path, *, videos: bool = False, rig: bool = True) -> Path:
    """A project with one session of four views and no labels.

    Parameters
    ----------
    videos : bool
        Whether the videos are real; else they are empty files.
    """
    listed = ", ".join(f'"{view}"' for view in VIEWS)
    names = ", ".join(KEYPOINTS)
    touch(folder / "project.yaml", f"view_names: [{listed}]\nkeypoint_names: [{names}]\n")
    skeleton = '[["nose", "neck"], ["neck", "tail"]]'
    touch(folder / "napari-pose3d" / "project.toml", f"schema_version = 1\nskeleton = {skeleton}\n")
    for view in VIEWS:
        path = folder / "videos" / f"{SESSION}_{view}.mp4"
        if videos:
            video(path)
        else:
            touch(path)
    if rig:
        (folder / "calibrations").mkdir()
        save_rig(small_rig(), folder / "calibrations" / f"{SESSION}.toml")
    return folder


def open_labeling(folder: Path) -> Labeling:
    project = open_project(folder)
    return Labeling(project, project.session(SESSION), "ann")
