"""Positions that a person corrected in review: a prediction set of its own, kept in the project.

Notes
-----
The models' own files are never touched. In ``napari-pose3d/corrections/<session>/`` of the project
lie

``record.jsonl``
    Who did what and when, one line for each step (see `step_log`); the other files follow from it.
    A key is ``[view, frame, keypoint]``, a value ``[x, y]``.
``<session>_<view>.csv``
    The corrected set as Lightning Pose writes predictions: scorer, bodyparts and coords (x, y,
    likelihood), then a row for each frame with a correction, which begins with its number. What
    is not corrected is empty; the likelihood of a correction is 1.

Frames are frames of the session, and positions pixels of the rig's images, as in smoothed results.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.formats.predictions.prediction_csv import write_header
from napari_pose3d.core.poses.certain import Cell
from napari_pose3d.core.projects.project_toml import FILE_NAME as PROJECT_FILE
from napari_pose3d.core.projects.project_toml import OWN_FOLDER, project_lock
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.path_lists import AnyPath
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError

from .step_log import Key, Step, StepLog, Values
from .step_record import StepRecord

FOLDER, RECORD = "corrections", "record.jsonl"
SCORER = "corrected"


class Corrections(StepRecord):
    """The corrections of one session; every change is on disk when the call returns.

    Parameters
    ----------
    folder : path
        The project, or the folder that holds the predictions; see `decisions_folder`.
    session : str
        Empty for a recording without a name.
    views, keypoints : sequence of str
        Of the session's predictions: the files have a column for each keypoint.
    who : str
        Recorded with each step.

    Raises
    ------
    PoseDataError
        The record cannot be read, or a name cannot be part of a file's.

    Examples
    --------
    >>> kept = Corrections(project, "day1", poses.views, poses.keypoints, "Ada")  # doctest: +SKIP
    >>> kept.move({Cell("Cam-A", 120, "nose"): (310.5, 220.0)})  # doctest: +SKIP
    >>> kept.undo()  # doctest: +SKIP
    """

    def __init__(
        self,
        folder: AnyPath,
        session: str,
        views: Sequence[str],
        keypoints: Sequence[str],
        who: str = "",
    ) -> None:
        self.session = session or "recording"
        refuse_unsafe_names((self.session,), "session")
        refuse_unsafe_names(views, "view")
        self.views, self.keypoints = tuple(views), tuple(keypoints)
        self.folder = corrections_folder(folder, self.session)
        lock = project_lock(folder)
        super().__init__(
            StepLog(self.folder / RECORD, lock, check_position, self._write_views), who
        )

    @property
    def positions(self) -> dict[Cell, tuple[float, float]]:
        """All corrections, px of the rig's image."""
        return {
            Cell(view, frame, keypoint): (float(x), float(y))
            for (view, frame, keypoint), (x, y) in self._log.state.items()
        }

    def move(
        self, positions: Mapping[Cell, tuple[float, float] | None], text: str = ""
    ) -> Step | None:
        """Put keypoints somewhere, as one step of undo.

        Parameters
        ----------
        positions : mapping of Cell to (x, y) or None
            Pixels of the rig's image; None takes a correction away.
        text : str
            What was done, for the undo menu; not given: made from the cells.

        Returns
        -------
        Step or None
            None where nothing changed.

        Raises
        ------
        PoseDataError
            A view or keypoint is unknown, a frame is negative or a position not finite, or the
            files cannot be written; nothing has changed then.
        """
        values: dict[tuple[Any, ...], Any] = {}
        for cell, position in positions.items():
            self._check(cell, position)
            at = None if position is None else [round(float(each), 3) for each in position]
            values[cell.view, int(cell.frame), cell.keypoint] = at
        return self._log.add(values, text or _described(positions), self.who)

    def _check(self, cell: Cell, position: tuple[float, float] | None) -> None:
        for what, name, known in (
            ("view", cell.view, self.views),
            ("keypoint", cell.keypoint, self.keypoints),
        ):
            if name not in known:
                raise PoseDataError(
                    f"no {what} is called {name}", expected=f"one of {', '.join(known)}"
                )
        if cell.frame < 0:
            raise PoseDataError(f"the frame is {cell.frame}", expected="0 or more")
        if position is not None and not np.isfinite(position).all():
            raise PoseDataError(f"the position is {position}", expected="two finite numbers")

    def _write_views(self, group: FileGroup, state: Values) -> None:
        for view in self.views:
            path = self.folder / f"{self.session}_{view}.csv"
            mine = {(frame, name): xy for (v, frame, name), xy in state.items() if v == view}
            if not mine:
                group.remove(path)
                continue
            stream = group.open(path)
            write_header(stream, SCORER, self.keypoints, ("x", "y", "likelihood"))
            table = csv.writer(stream, lineterminator="\n")
            for frame in sorted({frame for frame, _ in mine}):
                row: list[object] = [frame]
                for name in self.keypoints:
                    xy = mine.get((frame, name))
                    row += ["", "", ""] if xy is None else [*xy, 1.0]
                table.writerow(row)


def read_corrections(folder: AnyPath, session: str) -> dict[Cell, tuple[float, float]]:
    """The corrections of a session; empty where there are none.

    Raises
    ------
    PoseDataError
        The record cannot be read.
    """
    path = corrections_folder(folder, session) / RECORD
    if not path.is_file():
        return {}
    log = StepLog(path, project_lock(folder), check_position)
    return {Cell(*key): (float(x), float(y)) for key, (x, y) in log.state.items()}


def check_position(key: Key, value: Any) -> None:
    """Raise ValueError where a key and value of the record are not of a correction."""
    view, frame, keypoint = key
    if not (isinstance(view, str) and isinstance(keypoint, str) and type(frame) is int):
        raise ValueError("no cell")
    if value is not None:
        x, y = value
        if not np.isfinite([float(x), float(y)]).all():
            raise ValueError("no position")


def corrections_folder(folder: AnyPath, session: str) -> Path:
    """Where the corrections of a session lie."""
    return Path(folder) / OWN_FOLDER / FOLDER / (session or "recording")


def decisions_folder(path: AnyPath) -> Path:
    """The folder that keeps corrections and decisions about predictions that lie at ``path``.

    The Lightning Pose project that they lie in, else the nearest folder upward with a
    ``napari-pose3d/`` that holds ``project.toml``, corrections or decisions, else the folder of
    the files themselves.

    Raises
    ------
    PoseDataError
        The file of the project is damaged.
    """
    from napari_pose3d.core.formats.projects.project_yaml import find_project

    project = find_project(path)
    if project is not None:
        return project.folder
    start = Path(path).absolute()
    start = start if start.is_dir() else start.parent
    for folder in (start, *start.parents):
        kept = (FOLDER, "decisions", PROJECT_FILE)
        if any((folder / OWN_FOLDER / name).exists() for name in kept):
            return folder
    return start


def _described(positions: Mapping[Cell, tuple[float, float] | None]) -> str:
    cells = list(positions)
    if len(cells) != 1:
        return f"correct {len(cells)} positions"
    verb = "remove the correction of" if positions[cells[0]] is None else "move"
    return f"{verb} {cells[0].keypoint} in {cells[0].view}, frame {cells[0].frame}"
