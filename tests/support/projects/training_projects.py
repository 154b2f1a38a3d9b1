"""Small calibrated projects that a network could be trained on, to be damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.models.configuration.config_file import Config, config_text, with_values
from napari_pose3d.core.models.preflight.preflight import Preflight, preflight
from napari_pose3d.core.models.training_plan import plan_training
from napari_pose3d.core.pipeline.results.result_files import save_result
from napari_pose3d.core.poses.arrays import Ensemble, Poses2D, Result
from napari_pose3d.core.poses.report import Report
from napari_pose3d.core.video.frame_export import encode_png
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras
from tests.support.projects.session_files import touch

VIEWS = ("cam0", "cam1", "cam2")
KEYPOINTS = ("nose", "ear_left", "ear_right", "neck", "tail")
SESSIONS = ("mouse1_day1", "mouse2_day1")
FRAMES = (3, 7, 20, 31, 44, 52, 60, 71)
RIG = ring_of_cameras(3, focal=600, distance=600, arc=2.0)
SIZE = RIG.cameras[0].size or (1280, 960)


def training_project(folder: Path, sessions: tuple[str, ...] = SESSIONS) -> Path:
    """Labels of two sessions in three views, their images, and a calibration of each session."""
    rng = np.random.default_rng(5)
    names, views = ", ".join(KEYPOINTS), ", ".join(VIEWS)
    touch(folder / "project.yaml", f"view_names: [{views}]\nkeypoint_names: [{names}]\n")
    (folder / "videos").mkdir()
    image = encode_png(np.zeros((SIZE[1], SIZE[0]), np.uint8))
    n = len(sessions) * len(FRAMES)
    xyz = rng.uniform(-60, 60, (n, len(KEYPOINTS), 3))
    xy = RIG.project(xyz)
    for v, view in enumerate(VIEWS):
        header = [
            ["scorer", *["me"] * 10],
            ["bodyparts", *[name for name in KEYPOINTS for _ in "xy"]],
            ["coords", *["x", "y"] * 5],
        ]
        lines = [",".join(row) for row in header]
        for n, (session, frame) in enumerate((s, f) for s in sessions for f in FRAMES):
            path = f"labeled-data/{session}_{view}/img{frame:08d}.png"
            lines.append(",".join([path, *(f"{x:.3f}" for x in xy[v, n].ravel())]))
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(image)
        touch(folder / f"CollectedData_{view}.csv", "\n".join(lines) + "\n")
    for session in sessions:
        (folder / "calibrations").mkdir(exist_ok=True)
        save_rig(RIG, folder / "calibrations" / f"{session}.toml")
    return folder


def config_of(folder: Path, **values: Any) -> Config:
    """Its configuration, with other values: ``__`` stands for a dot."""
    config = plan_training(folder).config
    return with_values(config, {key.replace("__", "."): value for key, value in values.items()})


def checked(folder: Path, **values: Any) -> Preflight:
    """What is found with a configuration with other values."""
    config = config_of(folder)
    changed = {key.replace("__", "."): value for key, value in values.items()}
    return preflight(with_values(config, changed))


def edited(path: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> None:
    """A table of text with its rows changed."""
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join(row) for row in change(rows)) + "\n")


def trained_network(project: Path, name: str, seed: int = 0) -> Path:
    """The folder of a network whose training has come to its end."""
    folder = project / "models" / name
    at = folder / "tb_logs" / "test" / "version_0" / "checkpoints"
    touch(at / "epoch=3-step=40-best.ckpt", f"weights {seed}")
    status = '{"status": "COMPLETED", "progress": {"completed": 4, "total": 4, "timestamp": 1}}'
    touch(folder / "train_status.json", status)
    touch(folder / "config.yaml", config_text(config_of(project)))
    return folder


def smoothed_session(project: Path) -> None:
    """The first session smoothed: 40 frames, of which the last ten are uncertain."""
    shape = (len(VIEWS), 40, len(KEYPOINTS))
    xy = np.random.default_rng(2).uniform(20, 80, (*shape, 2)).astype(np.float32)
    variance = np.ones((*shape, 2), np.float32)
    variance[:, 30:] = 100
    # One position is not in the image, whatever the smoother believes.
    xy[1, 10, 2] = 300
    likelihood, session = np.ones(shape, np.float32), SESSIONS[0]
    poses = Poses2D(xy, likelihood, VIEWS, KEYPOINTS, variance=variance, session=session)
    ensemble = Ensemble(xy[None], likelihood[None], ("net",), VIEWS, KEYPOINTS, session)
    report = Report("linear", {}, False, 0, 0, 0, 0)
    result = Result(poses, None, np.ones(len(KEYPOINTS)), report)
    folder = project / "napari-pose3d" / "smoothed" / session
    save_result(result, ensemble, None, folder, force=True)


def end_trainings(folder: Path) -> None:
    """End those that a failed test left behind; others may train for tests beside it."""
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            if "queue_worker" in words and str(folder) in words:
                process.kill()
        except psutil.Error:
            continue
