"""Labels of a project to and from data sets of other programs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.formats.exchange.session_labels import (
    ImageKey,
    SessionLabels,
    image_name,
)
from napari_pose3d.core.formats.labels.label_csv import new_label_csv
from napari_pose3d.core.formats.labels.label_lines import Cell
from napari_pose3d.core.formats.projects.project_yaml import FILE_NAME, write_project
from napari_pose3d.core.labels.files.image_names import SessionImages
from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.label_arrays import label_arrays
from napari_pose3d.core.projects.project import Project, open_project
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.video.metadata import video_metadata
from napari_pose3d.errors import PoseDataError

from .format_table import ExchangeFormat
from .import_lint import Lint, lint_views

AnyPath = str | os.PathLike[str]


def labels_of_project(project: Project, session: str | None = None) -> SessionLabels:
    """What people labeled in a project, or in one session of it.

    Positions are px of the images; frames are session frames.

    Raises
    ------
    PoseDataError
        It is no Lightning Pose project, or has no labels.
    """
    if session is not None:
        project.session(session)
    found = label_arrays(LabelFiles(project), None if session is None else {session})
    if not found.frames or not np.isfinite(found.xy).any():
        raise PoseDataError("there are no labels", file=project.folder, todo="Label frames first")
    images: dict[ImageKey, Path] = {}
    sizes: dict[ImageKey, tuple[int, int]] = {}
    for each in project.sessions:
        mine = [key.frame for key in found.frames if key.session == each.name]
        if not mine:
            continue
        names = SessionImages(each)
        for view in each.views:
            size = _video_size(each.videos.get(view))
            for frame in mine:
                key = ImageKey(each.name, view, frame)
                if names.is_there(view, frame):
                    images[key] = names.path(view, frame)
                    size = size or _image_size(images[key])
                if size is not None:
                    sizes[key] = size
    return SessionLabels(
        tuple((key.session, key.frame) for key in found.frames),
        found.views,
        found.keypoints,
        found.xy,
        found.occluded,
        project.skeleton,
        images,
        sizes,
    )


def _video_size(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        found = video_metadata(path)
    except PoseDataError:
        return None
    return found.size


def _image_size(path: Path) -> tuple[int, int] | None:
    import av

    try:
        with path.open("rb") as stream, av.open(stream) as image:
            shown = image.streams.video[0].codec_context
            return (shown.width, shown.height) if shown.width and shown.height else None
    except (av.FFmpegError, OSError, IndexError):
        return None


def export_labels(
    paths: AnyPath | Sequence[AnyPath],
    chosen: ExchangeFormat,
    path: Path,
    *,
    session: str | None = None,
    overwrite: bool = False,
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write the labels of a project; returns files and notes.

    Raises
    ------
    PoseDataError
        There are no labels, or a file exists.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if len(given) != 1:
        raise PoseDataError(
            f"{len(given)} inputs were given", expected="one project, whose labels are meant"
        )
    labels = labels_of_project(open_project(Path(given[0])), session)
    with FileGroup(overwrite=overwrite) as files:
        notes = chosen.write()(labels, path, files)
        return files.targets, tuple(notes)


def import_labels(
    labels: SessionLabels,
    out: Path | None,
    rig: Rig | None,
    *,
    zero_is_missing: bool = False,
    overwrite: bool = False,
) -> tuple[tuple[Path, ...], tuple[Lint, ...]]:
    """Write labels as a Lightning Pose project; returns files and what was found.

    Raises
    ------
    PoseDataError
        A name cannot be that of a file, or a file exists.
    """
    if zero_is_missing:
        zero = (labels.xy == 0).all(axis=-1, keepdims=True)
        labels = replace(labels, xy=np.where(zero, np.nan, labels.xy))
    files = () if out is None else _write_project(labels, out, overwrite)
    return files, lint_of_labels(labels, rig)


def lint_of_labels(labels: SessionLabels, rig: Rig | None) -> tuple[Lint, ...]:
    """What was found in labels, view by view."""
    sizes: dict[str, tuple[int, int]] = {}
    for key, size in labels.sizes.items():
        known = sizes.get(key.view, size)
        # Where sessions differ, only what is outside of the largest is certainly outside.
        sizes[key.view] = (max(known[0], size[0]), max(known[1], size[1]))
    return tuple(lint_views(labels.xy, labels.views, sizes, rig))


def _write_project(labels: SessionLabels, out: Path, overwrite: bool) -> tuple[Path, ...]:
    refuse_unsafe_names(labels.views, "view")
    refuse_unsafe_names({session for session, _ in labels.frames}, "session")
    with FileGroup(overwrite=overwrite) as files:
        write_project(files.open(out / FILE_NAME), labels.views, labels.keypoints)
        for v, view in enumerate(labels.views):
            path = out / f"CollectedData_{view}.csv"
            table = new_label_csv(path, "imported", labels.keypoints, visible=True)
            rows: list[tuple[str, dict[str, Any]]] = []
            for n, (session, frame) in enumerate(labels.frames):
                folder = labels.folder_of(session, view)
                cells = {name: _cell(labels, v, n, k) for k, name in enumerate(labels.keypoints)}
                rows.append((f"labeled-data/{folder}/{image_name(frame)}", cells))
                source = labels.images.get(ImageKey(session, view, frame))
                if source is not None and source.suffix.lower() == ".png":
                    target = out / "labeled-data" / folder / image_name(frame)
                    shutil.copyfile(source, files.path(target))
            files.open(path).write(table.changed({}, rows).text())
        return files.targets


def _cell(labels: SessionLabels, v: int, n: int, k: int) -> Cell:
    x, y = labels.xy[v, n, k].tolist()
    if not np.isfinite([x, y]).all():
        return Cell(None, None, 1 if labels.occluded[v, n, k] else 0)
    # Lightning Pose leaves out what is 1, also where it has a position.
    return Cell(x, y, 2)
