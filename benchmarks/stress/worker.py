"""A child process that reads damaged files, and says how each reading ended.

Started as a script; takes one JSON object a line, answers with one. Reading may hang or kill the
process: the parent watches.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import resource
import sys
import tomllib
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import exchange, networks, rigs_and_reviews

MEMORY = 6 << 30


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # Whatever is printed must not be taken for an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for line in sys.stdin:
        task = json.loads(line)
        answers.write(json.dumps(_answer(task)) + "\n")
        answers.flush()


def _answer(task: dict[str, Any]) -> dict[str, str]:
    from napari_pose3d.errors import PoseDataError

    if "command" in task:
        return _command(task["command"])
    try:
        wrong = READERS[task["format"]](Path(task["folder"]), Path(task["path"]))
    except PoseDataError as error:
        text = str(error)
        return {"end": "refused", "text": text[:300]}
    except Exception:  # noqa: BLE001 - that any can come out is what is looked for
        return {"end": "traceback", "text": traceback.format_exc()[-1500:]}
    return {"end": "wrong" if wrong else "read", "text": wrong or ""}


def _command(arguments: list[str]) -> dict[str, str]:
    from napari_pose3d.cli import main as command_line

    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = command_line(arguments)
    except SystemExit:
        return {"end": "usage", "text": out.getvalue()[-300:]}
    except BaseException:  # noqa: BLE001 - that any can come out is what is looked for
        return {"end": "traceback", "text": traceback.format_exc()[-1500:]}
    text = out.getvalue()
    if "Traceback" in text:
        return {"end": "traceback", "text": text[-1500:]}
    return {"end": "refused" if status else "read", "text": text[-300:]}


# ---------------------------------------------------------------- readers: what is wrong, or ""


def _table(read: Callable[[Path], Any], coords: int) -> Callable[[Path, Path], str]:
    def check(folder: Path, path: Path) -> str:
        table = read(path)
        arrays = [table.xyz] if coords == 3 and hasattr(table, "xyz") else [table.xy]
        numbers = np.asarray(arrays[0], dtype=np.float64)
        expected = _by_python(path)
        if expected is None:
            return "a table that is none was read"
        width = expected.shape[1] // numbers.shape[1] if numbers.shape[1] else 0
        if len(expected) != len(numbers) or width * numbers.shape[1] != expected.shape[1]:
            return f"shape {numbers.shape} of {expected.shape}"
        expected = expected.reshape(len(numbers), -1, width)[..., : numbers.shape[2]]
        if _in_order(path) and not np.allclose(
            numbers, expected, rtol=1e-6, atol=0, equal_nan=True
        ):
            return "other numbers than in the file"
        return ""

    return check


def _by_python(path: Path) -> np.ndarray | None:
    """The cells as numbers, by nothing of the package; None where the file is no such table."""
    rows = [row for row in csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")) if row]
    start = next((i for i, row in enumerate(rows) if row[0].strip() == "coords"), -1) + 1
    missing = {"", "nan", "na", "n/a", "null", "none", "-nan"}
    try:
        numbers = [
            [np.nan if cell.strip().lower() in missing else float(cell) for cell in row]
            for row in rows[start:]
            if len(row) > 1 or row[0].strip()
        ]
    except ValueError:
        return None
    if len({len(row) for row in (*rows[:start], *numbers)}) > 1:
        return None
    return np.array(numbers)[:, 1:] if numbers else None


def _in_order(path: Path) -> bool:
    """Whether the header names x, y, ... in the usual order, keypoint by keypoint."""
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))[:4]
    coords = next((row[1:] for row in rows if row and row[0].strip() == "coords"), [])
    return [c.strip() for c in coords[:2]] == ["x", "y"] and "set" not in rows[0]


def _prediction_h5(folder: Path, path: Path) -> str:
    from napari_pose3d.core.formats.predictions.prediction_h5 import read_prediction_h5

    table = read_prediction_h5(path)
    return "" if table.xy.shape[1:] == (len(table.keypoints), 2) else "shape"


def _label_csv(folder: Path, path: Path) -> str:
    from napari_pose3d import open_project
    from napari_pose3d.core.formats.labels.label_csv import read_label_csv
    from napari_pose3d.core.labels.files.label_files import LabelFiles

    table = read_label_csv(path)
    positions = table.positions()
    LabelFiles(open_project(folder))
    return "" if positions.shape[1:] == (len(table.keypoints), 2) else "shape"


def _label_queue(folder: Path, path: Path) -> str:
    from napari_pose3d.core.formats.labels.label_queue import read_label_queue

    queue = read_label_queue(path)
    for image in queue.images:
        queue.predictions(image)
    _labeling(folder)
    return ""


def _labeling(folder: Path) -> str:
    from .project import label_some, open_labeling

    labeling: Any = open_labeling(folder)
    _ = labeling.queued_frames, labeling.labeled_frames, labeling.recoverable
    labeling.recover()
    label_some(labeling, 5, 1)
    labeling.save()
    labeling.close()
    again: Any = open_labeling(folder)
    lost = 5 not in again.labeled_frames
    again.close()
    return "a label that was saved is not there" if lost else ""


def _project(folder: Path, path: Path) -> str:
    from napari_pose3d import open_project
    from napari_pose3d.core.projects.project import check_session

    project = open_project(folder)
    for session in project.sessions:
        check_session(session)
    return ""


def _calibration(folder: Path, path: Path) -> str:
    from napari_pose3d import load_rig

    rig = load_rig(path)
    tables = [
        value
        for key, value in tomllib.loads(path.read_text("utf-8-sig")).items()
        if isinstance(value, dict) and ("matrix" in value or key.startswith("cam"))
    ]
    if [str(t.get("name")) for t in tables if "name" in t] != list(rig.names)[: len(tables)]:
        return "" if any("name" not in t for t in tables) else "other names than in the file"
    for camera, table in zip(rig.cameras, tables, strict=True):
        # What was put right is told in the warnings.
        if not rig.warnings and not np.array_equal(
            np.array(table["matrix"], float)[:2], camera.matrix[:2]
        ):
            return "another matrix than in the file"
    return ""


def _results(folder: Path, path: Path) -> str:
    from napari_pose3d import open_project
    from napari_pose3d.core.pipeline.results.saved_results import load_result

    project = open_project(folder)
    for session in project.sessions:
        for found in session.sets:
            if found.kind == "smoothed":
                load_result(session, found)
    return ""


def _frame_table(name: str) -> Callable[[Path, Path], str]:
    def check(folder: Path, path: Path) -> str:
        from napari_pose3d.core.formats.projects import frame_tables

        values = getattr(frame_tables, name)(path)
        _project(folder, path)
        return "" if np.isfinite(values).all() else "a number that is none"

    return check


def _predictions(path: Path) -> Any:
    from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv

    return read_prediction_csv(path)


def _poses3d(path: Path) -> Any:
    from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv

    return read_poses3d_csv(path)


def _anipose(folder: Path, path: Path) -> str:
    from napari_pose3d.core.formats.predictions.anipose3d_csv import read_anipose3d_csv

    xyz = read_anipose3d_csv(path).xyz
    return "an infinite position" if np.isinf(xyz).any() else ""


READERS: dict[str, Callable[[Path, Path], str]] = {
    "prediction CSV": _table(_predictions, 2),
    "prediction h5": _prediction_h5,
    "prediction h5, fixed": _prediction_h5,
    "label CSV": _label_csv,
    "label queue": _label_queue,
    "journal": lambda folder, path: _labeling(folder),
    "who labeled": lambda folder, path: _labeling(folder),
    "project.toml": _project,
    "project.yaml": _project,
    "calibration": _calibration,
    "run.json": _results,
    "3-D table": _table(_poses3d, 3),
    "Anipose 3-D": _anipose,
    "timestamps": _frame_table("read_times"),
    "timestamps, npy": _frame_table("read_times"),
    "boxes": _frame_table("read_boxes"),
    **rigs_and_reviews.READERS,
    **networks.READERS,
    **exchange.READERS,
}

if __name__ == "__main__":
    main()
