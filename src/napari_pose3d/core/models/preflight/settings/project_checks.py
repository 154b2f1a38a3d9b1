"""Whether a configuration is of the project that its networks are written to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..training_finding import TrainingFinding, listed
from ..training_input import TrainingInput


def check_project(given: TrainingInput, project: Path) -> Iterator[TrainingFinding]:
    """Look whether labels and images are of another project, as in a configuration that was copied.

    Parameters
    ----------
    given : TrainingInput
    project : Path
        Its folder ``models`` gets the networks.
    """
    if given.folder.is_absolute() and not _same(given.folder, project):
        yield TrainingFinding(
            "another project",
            "warning",
            "images and calibrations are those of another project, and the networks would be "
            "written to this one",
            "data.data_dir",
            f"it is {given.folder}, and this is {project}",
            f"Write {project}, or train in the other project",
        )
    elsewhere = [str(each.path) for each in given.labels if not _lies_in(each.path, project)]
    if elsewhere:
        yield TrainingFinding(
            "another project",
            "warning",
            "label files lie outside of this project",
            "data.csv_file",
            listed(elsewhere, 1),
            "Name those of this project, or leave it where this is wanted",
        )


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return one == other


def _lies_in(path: Path, folder: Path) -> bool:
    # A link in the project to a file on another disk is the project's.
    return any(
        each.is_relative_to(folder.absolute()) or each.is_relative_to(folder.resolve())
        for each in (path.absolute(), path.resolve())
    )
