"""The calibration of each labeled session, where and as ``litpose`` looks for it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from napari_pose3d.core.cameras.rig_file import toml_document
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted, verb

from ..configuration.config_file import value_at
from .training_finding import TrainingFinding, listed
from .training_input import TrainingInput

_KEY = "data.camera_params_file"


def check_calibrations(given: TrainingInput) -> Iterator[TrainingFinding]:
    """Look for faults in which calibration a training would find."""
    if not given.multiview or not given.labels:
        return
    listed_file = value_at(given.config, _KEY)
    if listed_file is not None:
        yield from _listed(given, Path(str(listed_file)))
        return
    if not given.has_calibration:
        return
    yield from _folders(given)
    yield from _coverage(given)
    for path in sorted({path for path in given.calibrations.values() if path is not None}):
        yield from _cameras(given, path)


def cameras_of(path: Path) -> tuple[str, ...]:
    """Names of the cameras in the order in which litpose reads them: sections sorted as text.

    Raises
    ------
    PoseDataError
        The file cannot be read or is no TOML.
    """
    document = toml_document(path)
    sections = {k: v for k, v in document.items() if k != "metadata" and isinstance(v, dict)}
    return tuple(str(sections[key].get("name", key)) for key in sorted(sections))


def _folders(given: TrainingInput) -> Iterator[TrainingFinding]:
    for image in given.labels[0].images:
        if given.session_of(image) is None:
            yield TrainingFinding(
                "folder of images",
                "error",
                "the folder is not named <session>_<view> below labeled-data, so that no "
                "calibration can be found for its images",
                given.labels[0].path.name,
                image,
                "Name it labeled-data/<session>_<view>",
            )
            return


def _coverage(given: TrainingInput) -> Iterator[TrainingFinding]:
    lacking = [session for session, path in given.calibrations.items() if path is None]
    if not lacking:
        return
    if len(lacking) == len(given.calibrations):
        there = sorted(p.name for p in (given.folder / "calibrations").glob("*.toml"))
        yield TrainingFinding(
            "calibration of no session",
            "error",
            "the folder calibrations holds none for the labeled sessions; litpose takes the "
            "project for calibrated and ends with an error about shapes",
            str(given.folder / "calibrations"),
            f"labeled: {listed(lacking)}; there: {listed(there) or 'nothing'}",
            "Add calibrations/<session>.toml for each, or take the folder away",
        )
    else:
        yield TrainingFinding(
            "calibration of some sessions",
            "error",
            f"{len(lacking)} of {counted(len(given.calibrations), 'labeled session')} "
            f"{verb(len(lacking), 'has', 'have')} no calibration, "
            "and litpose wants all or none",
            str(given.folder / "calibrations"),
            f"missing: {listed([f'{session}.toml' for session in lacking])}",
            "Add them, or a calibration.toml for all",
        )


def _cameras(given: TrainingInput, path: Path) -> Iterator[TrainingFinding]:
    try:
        cameras = cameras_of(path)
    except PoseDataError as error:
        yield TrainingFinding(
            "unreadable calibration", "error", error.problem, str(path), remedy=error.todo or ""
        )
        return
    if cameras == given.views:
        return
    absent = [view for view in given.views if view not in cameras]
    more = [camera for camera in cameras if camera not in given.views]
    if absent:
        problem = f"there is no camera for view {listed(absent)}"
        remedy = "Name the cameras as the views (Map cameras, or rig convert)"
    elif more:
        problem = f"there are cameras that are no views: {listed(more)}"
        remedy = "Remove them from the file, or add the views"
    else:
        problem = "the cameras have another order than data.view_names"
        remedy = (
            "Bring the views (and data.csv_file) into this order; sections are sorted as text, so "
            "that cam_10 comes before cam_2"
        )
    yield TrainingFinding(
        "cameras and views",
        "error",
        problem,
        str(path),
        f"cameras {', '.join(cameras)}; views {', '.join(given.views)}",
        remedy,
    )


def _listed(given: TrainingInput, path: Path) -> Iterator[TrainingFinding]:
    if not path.is_absolute() or not path.is_file():
        yield TrainingFinding(
            "list of calibrations",
            "error",
            "there is no such file" if path.is_absolute() else "the path is not absolute",
            _KEY,
            str(path),
            "Write the whole path, or remove the key: calibrations are found by their names",
        )
        return
    text = read_text(path)
    with input_errors(path):
        rows = [row for row in csv.reader(text.splitlines()) if row][1:]
    own = [PurePosixPath(image).name for image in given.labels[0].images]
    if [PurePosixPath(row[0]).name for row in rows] != own:
        yield TrainingFinding(
            "list of calibrations",
            "error",
            f"its {counted(len(rows), 'row')} {verb(len(rows))} not the "
            f"{counted(len(own), 'image')} of the label files in their order",
            str(path),
            remedy="Write a row for each image, or remove the key",
        )
        return
    for file in sorted({row[1] for row in rows if len(row) > 1}):
        yield from _cameras(given, given.folder / file)
