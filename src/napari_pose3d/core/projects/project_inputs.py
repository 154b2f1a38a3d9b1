"""Predictions and a calibration that exist already become part of a new project."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from napari_pose3d.core.storage.atomic_files import FileGroup

from .project import Project, open_project

_NO_NAME = re.compile(r"[^\w.=+-]+")


def add_inputs(
    folder: str | os.PathLike[str],
    session: str,
    *,
    predictions: Mapping[str, Mapping[str, Path]] | None = None,
    calibration: Path | None = None,
) -> Project:
    """Copy predictions and a calibration to where Lightning Pose keeps them.

    Parameters
    ----------
    folder : path
        Of a project.
    session : str
    predictions : mapping of prediction set to mapping of view to Path
        Copied to ``models/<set>/video_preds/<session>_<view>``, with their own suffixes.
    calibration : Path, optional
        Copied to ``calibrations/<session>.toml``.

    Returns
    -------
    Project
        As it is then.

    Raises
    ------
    PoseDataError
        When a file is there already, or cannot be read or written. Nothing is changed then.
    """
    folder = Path(folder)
    wanted: dict[Path, Path] = {}
    for name, files in (predictions or {}).items():
        home = folder / "models" / (_NO_NAME.sub("_", name) or "predictions") / "video_preds"
        for view, path in files.items():
            wanted[home / f"{session}_{view}{path.suffix}"] = path
    if calibration is not None:
        wanted[folder / "calibrations" / f"{session}.toml"] = calibration
    with FileGroup() as group:
        for target, source in wanted.items():
            shutil.copyfile(source, group.path(target))
    return open_project(folder)
