"""DeepLabCut's tables of poses, CSV and HDF5; Anipose's ``pose-2d`` has the latter.

Notes
-----
A file for each view with x, y, likelihood. In HDF5, 3-D is a further file with x, y, z, as
DeepLabCut's ``triangulate`` writes it; the key is ``df_with_missing``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.core.formats.containers.table_process import read_stored_table
from napari_pose3d.core.formats.number_text.number_writer import write_lines
from napari_pose3d.core.formats.predictions.prediction_csv import (
    SCORER,
    read_prediction_csv,
    write_header,
)
from napari_pose3d.core.formats.predictions.prediction_h5 import read_h5_header, read_prediction_h5
from napari_pose3d.core.formats.predictions.prediction_table import (
    PredictionTable,
    choose_individual,
    without_scorer,
)
from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError

from ..destination import Destination
from ..frame_rows import refuse_infinite
from ..session_poses import SessionPoses
from ..side_file import poses_with_facts, read_side_file, write_side_file

_KEY = "df_with_missing"
_IN_VIEW, _IN_SPACE = ("x", "y", "likelihood"), ("x", "y", "z")
_SPACE = "3d"
_LOST = "not kept: uncertainty"


def write_dlc_csv(poses: SessionPoses, to: Destination) -> list[str]:
    """Write ``<path>_<view>.csv`` of each view.

    Raises
    ------
    PoseDataError
        There are no positions in the views.
    """
    of_views = poses.in_views("DeepLabCut's CSV")
    refuse_unsafe_names(poses.views, "view")
    for v, view in enumerate(poses.views):
        target = to.path.with_name(f"{to.path.stem}_{view}.csv")
        stream = to.files.open(target)
        write_header(stream, SCORER, poses.keypoints, _IN_VIEW)
        write_lines(
            stream,
            [of_views.xy[v], of_views.likelihood[v][..., None]],
            np.float32,
            progress=to.progress,
            cancelled=to.cancelled,
        )
        write_side_file(poses, target, to.files)
    return [_LOST, *(["not kept: 3-D"] if poses.poses3d is not None else [])]


def write_dlc_h5(poses: SessionPoses, to: Destination) -> list[str]:
    """Write ``<path>_<view>.h5`` of each view, and ``<path>_3d.h5``.

    Raises
    ------
    PoseDataError
        PyTables is not installed.
    """
    library("tables", "h5", to.path)
    refuse_unsafe_names(poses.views, "view")
    if _SPACE in poses.views and poses.poses3d is not None:
        raise PoseDataError(
            f"a view is called {_SPACE}, as the file of 3-D", todo="Leave the view or 3-D out"
        )
    n_files = len(poses.views) + (poses.poses3d is not None)
    for v, view in enumerate(poses.views):
        assert poses.poses2d is not None
        to.progress("writing", v, n_files)
        target = to.path.with_name(f"{to.path.stem}_{view}.h5")
        likelihood = poses.poses2d.likelihood[v][..., None]
        _write_table([poses.poses2d.xy[v], likelihood], poses.keypoints, _IN_VIEW, target, to.files)
        write_side_file(poses, target, to.files)
    if poses.poses3d is not None:
        to.progress("writing", n_files - 1, n_files)
        target = to.path.with_name(f"{to.path.stem}_{_SPACE}.h5")
        _write_table([poses.poses3d.xyz], poses.keypoints, _IN_SPACE, target, to.files)
        write_side_file(poses, target, to.files)
    return [_LOST]


def _write_table(
    parts: list[NDArray[Any]],
    keypoints: tuple[str, ...],
    coordinates: tuple[str, ...],
    target: Path,
    files: FileGroup,
) -> None:
    import pandas as pd

    numbers = np.concatenate(parts, axis=-1, dtype=np.float64).reshape(len(parts[0]), -1)
    columns = pd.MultiIndex.from_product(
        [[SCORER], keypoints, coordinates], names=["scorer", "bodyparts", "coords"]
    )
    draft = files.path(target)
    with input_errors(target, RuntimeError, TypeError):
        pd.DataFrame(numbers, columns=columns, copy=False).to_hdf(
            str(draft), key=_KEY, mode="w", format="table"
        )


def read_dlc_csv(path: Path, individual: str | None = None) -> SessionPoses:
    """Read the view of a file; session and view follow from its name, ``<session>_<view>``.

    Parameters
    ----------
    individual : str, optional
        Which animal, where the file holds several.

    Raises
    ------
    PoseDataError
        It is no such file, is damaged, or holds several animals and none was chosen.
    """
    return _of_view(read_prediction_csv(path, individual), path)


def read_dlc_h5(path: Path, individual: str | None = None) -> SessionPoses:
    """As `read_dlc_csv`, for HDF5, which may hold 3-D as well.

    Raises
    ------
    PoseDataError
        As there, or PyTables is not installed.
    """
    header = read_h5_header(path)
    if header.kind != "poses3d":
        return _of_view(read_prediction_h5(path, individual), path)
    try:
        individual = choose_individual(header, individual)
    except PoseDataError as error:
        raise error.located(path) from None
    names = header.keypoints(individual)
    numbers = read_stored_table(path).numbers(path)
    refuse_infinite(numbers, path)
    columns = [header.columns_of(individual, each) for each in _IN_SPACE]
    xyz = numbers[:, np.stack(columns, axis=-1)]
    xyz[~np.isfinite(xyz).all(axis=-1)] = np.nan
    facts = read_side_file(path)
    stem = without_scorer(path.stem, header.scorer).rstrip("_").removesuffix(f"_{_SPACE}")
    return poses_with_facts(xyz, names, facts, stem)


def _of_view(table: PredictionTable, path: Path) -> SessionPoses:
    facts = read_side_file(path)
    stem = without_scorer(path.stem, table.scorer).rstrip("_")
    session, _, view = stem.rpartition("_")
    known = [name for name in facts.views if stem.endswith(f"_{name}")]
    if known:
        view = max(known, key=len)
        session = stem.removesuffix(f"_{view}")
    return SessionPoses(
        poses2d=Poses2D(
            table.xy[None],
            table.likelihood[None],
            (view or stem,),
            table.keypoints,
            session=session or stem,
            individual=table.individual,
        ),
        fps=facts.fps,
        skeleton=facts.skeleton,
    )
