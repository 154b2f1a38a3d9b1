"""Small projects on disk, with known numbers in their prediction files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from tests.support.video_recipes import BY_NAME

KEYPOINTS = ("nose", "tail")


def put_predictions(path: Path, xy: NDArray[np.floating], keypoints: Sequence[str] = ()) -> Path:
    """A prediction CSV with positions ``(frame, keypoint, 2)``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = tuple(keypoints) or tuple(f"point{k}" for k in range(xy.shape[1]))
    likelihood = np.full(xy.shape[:2], 0.95, np.float32)
    table = PredictionTable(names, xy.astype(np.float32), likelihood, scorer="net")
    write_prediction_csv(path, table)
    return path


def counted(n_frames: int = 10, start: float = 0.0) -> NDArray[np.float64]:
    """Positions that tell their row: x = row + start, y = 100 + row + start, two keypoints."""
    row = np.arange(n_frames, dtype=float) + start
    return np.stack([row, 100 + row], axis=-1)[:, None].repeat(2, axis=1)


def touch(path: Path, text: str = "") -> Path:
    """An empty file, or one with a text, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def video(path: Path, name: str = "h264-all-intra.mp4") -> Path:
    """A real video of ``video_recipes.VIDEOS``; the usual one has 40 frames of 128 x 96 px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_encoded(name))
    return path


@cache
def _encoded(name: str) -> bytes:
    with TemporaryDirectory() as folder:
        return BY_NAME[name].write(Path(folder)).read_bytes()


def lightning_project(
    folder: Path,
    sessions: Sequence[str] = ("day1", "day2"),
    views: Sequence[str] = ("top", "side"),
    models: Sequence[str] = ("net0", "net1"),
) -> Path:
    """A Lightning Pose project; its videos are empty files."""
    names = ", ".join(f'"{view}"' for view in views)
    touch(folder / "project.yaml", f"view_names: [{names}]\nkeypoint_names: [nose, tail]\n")
    for session in sessions:
        for view in views:
            touch(folder / "videos" / f"{session}_{view}.mp4")
            for model in models:
                preds = folder / "models" / model / "video_preds"
                put_predictions(preds / f"{session}_{view}.csv", counted(), KEYPOINTS)
                touch(preds / f"{session}_{view}_temporal_norm.csv", ",nose\n0,1\n")
    return folder
