"""What a training reads: a configuration, and label files row by row as ``litpose`` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.labels.label_csv import LabelTable, read_label_csv
from napari_pose3d.core.projects.naming.file_names import SINGLE_VIEW
from napari_pose3d.errors import PoseDataError

from ..configuration.config_file import Config, value_at
from .training_finding import TrainingFinding

LABELED_DATA = "labeled-data"
SIDE_ENDS = ("test", "new")


@dataclass(frozen=True, eq=False)
class ViewLabels:
    """The label file of one view.

    Attributes
    ----------
    view : str
    path : Path
    table : LabelTable
    xy : (row, keypoint, 2) float64
        px; NaN where there is no label. Keypoints in the order of the file.
    visible : (row, keypoint) int8 or None
        -1 where the cell is empty; None without such columns.
    """

    view: str
    path: Path
    table: LabelTable
    xy: NDArray[np.float64]
    visible: NDArray[np.int8] | None

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(image for _, image in self.table.rows)

    @property
    def labeled(self) -> NDArray[np.bool_]:
        """Where there is a position, ``(row, keypoint)``."""
        return np.isfinite(self.xy[..., 0])


@dataclass(frozen=True, eq=False)
class TrainingInput:
    """A configuration and what it names.

    Attributes
    ----------
    config : Config
    labels : tuple of ViewLabels
        Those that could be read, in the order of the configuration's views.
    unread : tuple of TrainingFinding
        Why others could not.
    """

    config: Config
    labels: tuple[ViewLabels, ...]
    unread: tuple[TrainingFinding, ...] = ()
    _sessions: dict[str, str | None] = field(default_factory=dict, repr=False)

    @cached_property
    def views(self) -> tuple[str, ...]:
        """Those of the configuration; one name stands for a project of a single view."""
        names = value_at(self.config, "data.view_names")
        return tuple(map(str, names)) if isinstance(names, list) else (SINGLE_VIEW,)

    @property
    def multiview(self) -> bool:
        return len(self.views) > 1

    @cached_property
    def folder(self) -> Path:
        """``data_dir``."""
        return Path(str(value_at(self.config, "data.data_dir", "")))

    @property
    def n_rows(self) -> int:
        """Rows that all views have."""
        return min((len(each.images) for each in self.labels), default=0)

    @property
    def comparable(self) -> bool:
        """Whether rows and keypoints of all views can be laid side by side."""
        first = self.labels[0].table.keypoints if self.labels else ()
        return len(self.labels) == len(self.views) and all(
            len(each.images) == self.n_rows and each.table.keypoints == first
            for each in self.labels
        )

    def session_of(self, image: str) -> str | None:
        """The session of an image as ``litpose`` reads it; None where its path tells none.

        It is the name of the folder below ``labeled-data`` without what follows the last ``_``.
        """
        if image not in self._sessions:
            parts = PurePosixPath(image).parts
            folder = ""
            if LABELED_DATA in parts[:-1]:
                folder = parts[parts.index(LABELED_DATA) + 1]
            session, _, _ = folder.rpartition("_")
            self._sessions[image] = session or None
        return self._sessions[image]

    @cached_property
    def calibrations(self) -> Mapping[str, Path | None]:
        """The calibration of each labeled session where ``litpose`` looks for it."""
        found: dict[str, Path | None] = {}
        for image in self.labels[0].images if self.labels else ():
            session = self.session_of(image)
            if session is None or session in found:
                continue
            own = self.folder / "calibrations" / f"{session}.toml"
            common = self.folder / "calibration.toml"
            found[session] = next((path for path in (own, common) if path.is_file()), None)
        return found

    @property
    def has_calibration(self) -> bool:
        """Whether ``litpose`` takes the project for calibrated: it only asks whether the file or
        the folder is there."""
        return (self.folder / "calibrations").is_dir() or (
            self.folder / "calibration.toml"
        ).is_file()

    @property
    def calibrated(self) -> bool:
        """Whether each labeled session has a calibration."""
        return bool(self.calibrations) and None not in self.calibrations.values()


def side_files(labels: Path) -> tuple[Path, ...]:
    """Label files that ``litpose`` judges a network by, beside those that it learns from."""
    found = (labels.with_name(f"{labels.stem}_{end}{labels.suffix}") for end in SIDE_ENDS)
    return tuple(path for path in found if path.is_file())


def training_input(config: Config) -> TrainingInput:
    """Read what a configuration names; what cannot be read becomes findings."""
    names = value_at(config, "data.view_names")
    views = list(map(str, names)) if isinstance(names, list) else [SINGLE_VIEW]
    given = value_at(config, "data.csv_file", [])
    files = [str(path) for path in (given if isinstance(given, list) else [given])]
    folder = Path(str(value_at(config, "data.data_dir", "")))
    labels, unread = [], []
    for view, file in zip(views, files, strict=False):
        path = folder / file
        try:
            table = read_label_csv(path)
        except PoseDataError as error:
            unread.append(
                TrainingFinding(
                    "unreadable labels",
                    "error",
                    error.problem,
                    ", ".join(part for part in (str(path), error.place) if part),
                    remedy=error.todo or error.expected or "Restore it, or label in this view",
                )
            )
            continue
        each, faults = _labels_of(view, path, table)
        labels.append(each)
        unread += faults
    return TrainingInput(config, tuple(labels), tuple(unread))


def _labels_of(
    view: str, path: Path, table: LabelTable
) -> tuple[ViewLabels, list[TrainingFinding]]:
    shape = (len(table.rows), len(table.keypoints))
    xy = np.full((*shape, 2), np.nan)
    visible = np.full(shape, -1, np.int8) if table.has_visible else None
    faults = []
    for n, (line, image) in enumerate(table.rows):
        try:
            cells = table.cells(line)
        except PoseDataError as error:
            faults.append(
                TrainingFinding(
                    "invalid cell",
                    "error",
                    error.problem,
                    f"{path.name}, {error.place}",
                    image,
                    error.todo or f"Expected {error.expected}",
                )
            )
            continue
        for k, cell in enumerate(cells.values()):
            if cell.x is not None and cell.y is not None:
                xy[n, k] = cell.x, cell.y
            if visible is not None and cell.visible is not None:
                visible[n, k] = cell.visible
    return ViewLabels(view, path, table, xy, visible), faults
