"""What a file or folder is, in a few lines for people: ``napari-pose3d info``."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from napari_pose3d.core.errors import PoseDataError

from .naming import VIDEO_SUFFIXES, find_project

# Looking into the headers of thousands of videos on a network takes its time.
_MOST_LOOKED_INTO = 50


def describe(path: str | os.PathLike[str]) -> str:
    """A few lines that say what ``path`` is.

    Raises
    ------
    PoseDataError
        It does not exist, or it is one of ours and damaged.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise PoseDataError("there is no such file or folder", file=path)
    suffix = path.suffix.lower()
    if suffix == ".toml":
        return _calibration(path)
    if suffix in (".csv", ".h5"):
        return _table(path)
    if suffix in VIDEO_SUFFIXES:
        return f"{path}: a video"
    if path.name == "project.yaml":
        return _folder(path.parent)
    return f"{path}: not a file of ours (calibration .toml, predictions .csv or .h5, project.yaml)"


def _calibration(path: Path) -> str:
    from napari_pose3d.core.cameras.rig_file import load_rig

    rig = load_rig(path)
    lines = [f"{path}: calibration of {len(rig.cameras)} cameras"]
    for camera, centre in zip(rig.cameras, rig.centres, strict=True):
        size = "size unknown" if camera.size is None else f"{camera.size[0]} x {camera.size[1]} px"
        where = ", ".join(f"{value:.4g}" for value in centre)
        lens = "fisheye" if camera.fisheye else f"{np.count_nonzero(camera.distortion)} distortion"
        lines.append(
            f"  {camera.name}: {size}, focal length {camera.matrix[0, 0]:.5g} px, {lens}, "
            f"stands at {where} {rig.units}".rstrip()
        )
    return "\n".join([*lines, *(f"  note: {warning}" for warning in rig.warnings)])


def _table(path: Path) -> str:
    from napari_pose3d.core.formats.predictions.poses3d_csv import is_poses3d_csv, read_poses3d_csv
    from napari_pose3d.core.formats.predictions.prediction_csv import (
        is_prediction_csv,
        read_prediction_csv,
    )
    from napari_pose3d.core.formats.predictions.table_header import (
        looks_like_pose_table,
        read_header,
    )

    if path.suffix.lower() == ".h5":
        from napari_pose3d.core.formats.predictions.prediction_h5 import read_prediction_h5

        table = read_prediction_h5(path)
    elif is_poses3d_csv(path):
        space = read_poses3d_csv(path)
        return (
            f"{path}: 3-D positions, {len(space.xyz):,} frames x {len(space.keypoints)} keypoints "
            f"({', '.join(space.keypoints)})"
        )
    elif is_prediction_csv(path):
        table = read_prediction_csv(path)
    elif looks_like_pose_table(path) and (header := read_header(path)[0]).kind == "labels":
        names = header.keypoints(header.individuals[0] if header.individuals else None)
        return f"{path}: labels of {len(names)} keypoints ({', '.join(names)})"
    else:
        return f"{path}: not predictions, labels or 3-D positions"
    kind = "smoothed predictions" if table.variance is not None else "predictions"
    missing = 100 * float(np.isnan(table.xy[..., 0]).mean()) if table.xy.size else 0.0
    return (
        f"{path}: {kind}, {len(table.xy):,} frames x {len(table.keypoints)} keypoints "
        f"({', '.join(table.keypoints)}), scorer {table.scorer}, {missing:.1f} % missing"
    )


def _folder(path: Path) -> str:
    project = find_project(path)
    if project is not None and project.folder.resolve() != path.resolve():
        from .matching.prediction_matching import match_predictions

        lines = [f"{path}: part of the Lightning Pose project {project.folder}"]
        return "\n".join([*lines, match_predictions(path).as_text()])
    from .overview_text import project_text
    from .project import check_session, open_project

    found = open_project(path)
    looked_into = found.sessions[:_MOST_LOOKED_INTO]
    issues = [*found.all_issues, *(p for s in looked_into for p in check_session(s))]
    return project_text(found, issues)
