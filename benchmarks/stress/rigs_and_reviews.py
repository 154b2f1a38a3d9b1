"""Files of calibrations and reviews for the trials of reading: made, read, given to commands."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .project import SESSION, VIEWS, rig_of_project

# Files of calibrations by format; of a format with several files, one that is damaged.
_RIGS = {
    "caliscope": "camera_array.toml",
    "pose2sim": "Calib.toml",
    "freemocap": "f_camera_calibration.toml",
    "kalibr": "camchain.yaml",
    "opencv": "rig.yaml",
    "jarvis": "jarvis/Cam-A.yaml",
    "label3d": "label3d.mat",
    "matlab": "matlab.mat",
    "deeplabcut": "stereo_params.pickle",
    "colmap": "colmap/images.txt",
    "dlt": "dltCoefs.csv",
    "csv": "rig.csv",
}
BOARD, SYNC = "board.toml", "sync.csv"
_DECISIONS = "napari-pose3d/decisions/record.jsonl"
_CORRECTIONS = f"napari-pose3d/corrections/{SESSION}/record.jsonl"

FILES = {
    **{f"rig, {name}": f"rigs/{name}/{file}" for name, file in _RIGS.items()},
    "board": BOARD,
    "sync table": SYNC,
    "decisions": _DECISIONS,
    "corrections": _CORRECTIONS,
}
"""Formats, and where the file of each lies in the project."""


def write_files(folder: Path) -> None:
    """Put them into the project."""
    from napari_pose3d.core.calibration.board.board import Board, board_text
    from napari_pose3d.core.formats.calibrations.rig_conversion import FORMATS, write_rig
    from napari_pose3d.core.review.decisions.corrections import Corrections
    from napari_pose3d.core.review.decisions.decisions import Decisions, Verdict

    for name, file in _RIGS.items():
        place = folder / "rigs" / name
        place.mkdir(parents=True)
        target = place / (Path(file).parts[0] if FORMATS[name].is_folder else file)
        write_rig(rig_of_project(), target, name)
        assert (place / file).is_file(), f"{name}: {sorted(place.rglob('*'))}"
    board = Board(columns=5, rows=7, square=30.0, kind="charuco", marker=22.0)
    (folder / BOARD).write_text(board_text(board))
    rows = [f"{i},{view},{i / 30:.6f}\n" for i in range(12) for view in VIEWS]
    (folder / SYNC).write_text("".join(["sync_index,cam_id,frame_time\n", *rows]))
    decisions = Decisions(folder, "stress")
    for start in range(3):
        decisions.decide_frames(SESSION, start, start + 2, Verdict.BAD, "a note")
    decisions.undo()
    corrections = Corrections(folder, SESSION, VIEWS, ("nose", "tail"), "stress")
    for frame in range(4):
        corrections.move({_cell(VIEWS[0], frame, "nose"): (10.5 + frame, 20.0)})
    for each in (_DECISIONS, _CORRECTIONS):
        assert (folder / each).is_file(), sorted((folder / "napari-pose3d").rglob("*"))


def commands(name: str, folder: Path, path: Path, rng: random.Random) -> list[list[str]]:
    """What is done with such a file on the command line."""
    out = str(folder.parent / "out.toml")
    if name.startswith("rig, "):
        given = str(path.parent if name in ("rig, jarvis", "rig, colmap") else path)
        return [["rig", "convert", given, out], ["rig", "check", given], ["info", given]]
    if name == "board":
        return [["rig", "board", str(path), "--out", str(folder.parent / "board.pdf")]]
    if name == "sync table":
        videos = [str(folder / "videos" / f"{SESSION}_{view}.mp4") for view in VIEWS]
        how = ["--board", str(folder / BOARD), "--timestamps", str(path), "--out", out]
        return [["rig", "calibrate", *videos, *how]]
    return [["info", str(folder)], ["review", str(folder), "--session", SESSION, "--out", out]]


def _rig(folder: Path, path: Path) -> str:
    from napari_pose3d.core.formats.calibrations.rig_conversion import read_rig

    several = path.parent.name in ("jarvis", "colmap")
    rig = read_rig(path.parent if several else path, sizes=[(640, 480)])
    for camera in rig.cameras:
        numbers = (camera.matrix, camera.distortion, camera.rotation, camera.translation)
        if not all(np.isfinite(values).all() for values in numbers):
            return "a camera with a number that is none"
        if not np.allclose(camera.rotation @ camera.rotation.T, np.eye(3), atol=1e-3):
            return "a rotation that is none"
    return ""


def _board(folder: Path, path: Path) -> str:
    from napari_pose3d.core.calibration.board.board import load_board

    board = load_board(path)
    return "" if np.isfinite(board.square) and board.square > 0 else "a side that is none"


def _sync(folder: Path, path: Path) -> str:
    from napari_pose3d.core.calibration.rig_calibration import frames_of_timestamps

    rows = frames_of_timestamps(path, VIEWS)
    rising = all((np.diff(frames) > 0).all() for frames in rows.values())
    return "" if rising else "numbers of frames that do not rise"


def _decisions(folder: Path, path: Path) -> str:
    from napari_pose3d.core.review.decisions.decisions import Decisions, Verdict

    kept = Decisions(folder, "stress")
    kept.decide_frames(SESSION, 20, 30, Verdict.NOTE, "kept")
    again = Decisions(folder, "stress").all
    found = [each for each in again if each.start == 20 and each.note == "kept"]
    return "" if found else "a decision that was kept is not there"


def _corrections(folder: Path, path: Path) -> str:
    from napari_pose3d.core.review.decisions.corrections import Corrections, read_corrections

    kept = Corrections(folder, SESSION, VIEWS, ("nose", "tail"), "stress")
    kept.move({_cell(VIEWS[1], 9, "tail"): (3.5, 4.5)})
    found = read_corrections(folder, SESSION)
    if not all(np.isfinite(xy).all() for xy in found.values()):
        return "a position that is none"
    return "" if found.get(_cell(VIEWS[1], 9, "tail")) == (3.5, 4.5) else "a correction is lost"


def _cell(view: str, frame: int, keypoint: str) -> Any:
    from napari_pose3d.core.review.decisions.corrections import Cell

    return Cell(view, frame, keypoint)


READERS: dict[str, Callable[[Path, Path], str]] = {
    **{f"rig, {name}": _rig for name in _RIGS},
    "board": _board,
    "sync table": _sync,
    "decisions": _decisions,
    "corrections": _corrections,
}
"""By format: what is wrong about what was read, or ""."""
