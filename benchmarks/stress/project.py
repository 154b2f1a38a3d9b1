"""A small project with one file of every format, made by the package itself."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np

VIEWS = ("Cam-A", "Cam-B")
KEYPOINTS = ("nose", "tail")
SESSION = "day1"
N_FRAMES = 12

# Formats, and where the file of each lies in the project.
FILES = {
    "prediction CSV": f"models/m1/video_preds/{SESSION}_Cam-A.csv",
    "prediction h5": "dlc/day2_Cam-A.h5",
    "prediction h5, fixed": "dlc/day4_Cam-A.h5",
    "label CSV": "CollectedData_Cam-A.csv",
    "label queue": "CollectedData_Cam-A.unlabeled.jsonl",
    "journal": "napari-pose3d/journal/CollectedData-20260101T000000Z-abcdef.jsonl",
    "who labeled": "napari-pose3d/labels/CollectedData.csv",
    "project.toml": "napari-pose3d/project.toml",
    "project.yaml": "project.yaml",
    "calibration": f"calibrations/{SESSION}.toml",
    "run.json": f"napari-pose3d/triangulated/{SESSION}/{SESSION}_run.json",
    "3-D table": f"napari-pose3d/triangulated/{SESSION}/{SESSION}_3d.csv",
    "Anipose 3-D": "anipose/day3.csv",
    "timestamps": "times_Cam-A.txt",
    "timestamps, npy": "times_Cam-B.npy",
    "boxes": "boxes_Cam-A.csv",
}


def make_project(folder: Path) -> None:
    """Write the project; needs the package ``tables`` for its h5 file."""
    from napari_pose3d.cli import main
    from napari_pose3d.core.cameras.rig_file import save_rig

    rig = rig_of_project()
    truth = _truth()
    _text(folder / "project.yaml", _YAML)
    for view in VIEWS:
        _text(folder / "videos" / f"{SESSION}_{view}.mp4", "")
    for i, view in enumerate(VIEWS):
        path = folder / "models" / "m1" / "video_preds" / f"{SESSION}_{view}.csv"
        _text(path, _predictions(rig.project(truth)[i]))
    save_rig(rig, _folder(folder / FILES["calibration"]))
    _write_h5(_folder(folder / FILES["prediction h5"]), "table")
    _write_h5(_folder(folder / FILES["prediction h5, fixed"]), "fixed")
    _text(folder / FILES["Anipose 3-D"], _anipose(truth))
    _text(folder / FILES["timestamps"], "".join(f"{i / 30:.6f}\n" for i in range(N_FRAMES)))
    np.save(folder / FILES["timestamps, npy"], np.arange(N_FRAMES) / 30)
    _text(folder / FILES["boxes"], "x,y,h,w\n" + "10,20,100,100\n" * N_FRAMES)
    out = folder / "napari-pose3d" / "triangulated" / SESSION
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        status = main(["triangulate", str(folder), "--session", SESSION, "--out", str(out)])
    assert status == 0, "the project of the stress test cannot be triangulated"
    _write_labels(folder)


def label_some(
    labeling: object, frame: int, seed: int
) -> dict[tuple[str, str], tuple[float, float]]:
    """Click every keypoint of a frame in all views; what was clicked."""
    from napari_pose3d.core.labels.store.label import Label, LabelKey, LabelStatus, Visibility

    rng = np.random.default_rng([seed, frame])
    placed = {}
    with labeling.store.edit("click") as edit:  # type: ignore[attr-defined]
        for view in VIEWS:
            for keypoint in KEYPOINTS:
                x, y = (round(float(v), 2) for v in rng.uniform(1, 400, 2))
                placed[view, keypoint] = x, y
                label = Label(
                    (x, y),
                    LabelStatus.CLICKED,
                    Visibility.VISIBLE,
                    "stress",
                    "2026-01-02T03:04:05Z",
                )
                edit.put(labeling.key(frame), LabelKey(view, keypoint), label)  # type: ignore[attr-defined]
    return placed


def open_labeling(folder: Path) -> object:
    """The labels of the project's session."""
    from napari_pose3d import open_project
    from napari_pose3d.core.labels.labeling import Labeling

    project = open_project(folder)
    return Labeling(project, project.session(SESSION), "stress")


def _write_labels(folder: Path) -> None:
    labeling = open_labeling(folder)
    for frame in (1, 4, 7):
        label_some(labeling, frame, 0)
    labeling.save()  # type: ignore[attr-defined]
    label_some(labeling, 9, 0)
    journal = labeling.journal.path  # type: ignore[attr-defined]
    labeling.journal.close(keep=True)  # type: ignore[attr-defined]
    target = _folder(folder / FILES["journal"])
    journal.rename(target)
    # What is offered for labeling, as Lightning Pose writes it.
    queue = [{"frame_path": f"labeled-data/{SESSION}_Cam-A/img{frame:08d}.png"} for frame in (2, 3)]
    _text(folder / FILES["label queue"], "".join(json.dumps(line) + "\n" for line in queue))
    _text(folder / FILES["project.toml"], _TOML)


def rig_of_project() -> Any:
    """The calibration of the project."""
    from napari_pose3d import Camera, Rig

    cameras = []
    matrix = np.array([[500.0, 0, 319.5], [0, 500.0, 239.5], [0, 0, 1]])
    for name, angle in zip(VIEWS, (-0.4, 0.5), strict=True):
        c, s = np.cos(angle), np.sin(angle)
        rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        translation = np.array([0.0, 0, 10.0])
        cameras.append(Camera(name, (640, 480), matrix, np.zeros(5), rotation, translation))
    return Rig(tuple(cameras))


def _truth() -> np.ndarray:
    t = np.arange(N_FRAMES)[:, None]
    k = np.arange(len(KEYPOINTS))[None]
    return np.stack([np.sin(t / 5 + k), np.cos(t / 6) + 0 * k, 0.1 * t + k], axis=-1)


def _predictions(xy: np.ndarray) -> str:
    stream = io.StringIO()
    out = csv.writer(stream, lineterminator="\n")
    n = len(KEYPOINTS)
    out.writerow(["scorer", *["net"] * 3 * n])
    out.writerow(["bodyparts", *[k for k in KEYPOINTS for _ in range(3)]])
    out.writerow(["coords", *["x", "y", "likelihood"] * n])
    for frame, points in enumerate(xy):
        out.writerow([frame, *(round(float(v), 3) for x, y in points for v in (x, y, 0.9))])
    return stream.getvalue()


def _anipose(truth: np.ndarray) -> str:
    names = [
        f"{k}_{part}" for k in KEYPOINTS for part in ("x", "y", "z", "error", "ncams", "score")
    ]
    turn = [f"M_{i}{j}" for i in range(3) for j in range(3)]
    lines = [",".join([*names, *turn, "center_0", "center_1", "center_2", "fnum"])]
    for frame, points in enumerate(truth):
        cells = [f"{v:.4f}" for p in points for v in (*p, 0.5, 2, 0.9)]
        lines.append(",".join([*cells, *"100010001", *"000", str(frame)]))
    return "\n".join(lines) + "\n"


def _write_h5(path: Path, style: Literal["fixed", "table"]) -> None:
    import pandas as pd

    columns = pd.MultiIndex.from_product(
        [["net"], KEYPOINTS, ["x", "y", "likelihood"]], names=["scorer", "bodyparts", "coords"]
    )
    values = np.random.default_rng(0).uniform(0, 400, (N_FRAMES, len(columns)))
    pd.DataFrame(values, columns=columns).to_hdf(path, key="df_with_missing", format=style)


def _text(path: Path, text: str) -> None:
    _folder(path).write_text(text, encoding="utf-8", newline="")


def _folder(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


_YAML = f"""view_names: [{", ".join(VIEWS)}]
keypoint_names: [{", ".join(KEYPOINTS)}]
"""
_TOML = f"""schema_version = 1
skeleton = [["nose", "tail"]]
triggered = true

[colours]
nose = "#ff0000"

[cameras]
Cam-A = "Cam-A"

[animals]
{SESSION} = "Ada"

[views.Cam-B]
offset = 0
dropped = [3, 4]
crop = [0, 0, 640, 480]
scale = 1.0

[sessions.{SESSION}.Cam-A]
offset = 0
timestamps = "times_Cam-A.txt"
boxes = "boxes_Cam-A.csv"
"""
