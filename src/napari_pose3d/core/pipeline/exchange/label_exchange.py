"""Labels of a project to and from data sets of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import rig_text
from napari_pose3d.core.formats.exchange.datasets.dataset_images import copy_image, image_size
from napari_pose3d.core.formats.exchange.destination import Destination
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
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.video.metadata import video_metadata
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import ExportSettings, IsCancelled, never_cancelled

from .format_table import ExchangeFormat
from .import_lint import Lint, lint_views, zeros_as_nan


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
    around = _Surroundings()
    for each in project.sessions:
        mine = [key.frame for key in found.frames if key.session == each.name]
        if mine:
            around.add(each, mine)
    return SessionLabels(
        tuple((key.session, key.frame) for key in found.frames),
        found.views,
        found.keypoints,
        found.xy,
        found.occluded,
        project.skeleton,
        around.images,
        around.sizes,
        around.rigs,
        around.videos,
        around.video_frames,
        around.lengths,
        tuple(around.notes),
    )


@dataclass
class _Surroundings:
    """Images, videos and calibrations of labeled frames; see `SessionLabels`."""

    images: dict[ImageKey, Path] = field(default_factory=dict)
    sizes: dict[ImageKey, tuple[int, int]] = field(default_factory=dict)
    rigs: dict[str, Rig] = field(default_factory=dict)
    videos: dict[tuple[str, str], Path] = field(default_factory=dict)
    video_frames: dict[ImageKey, int] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, session: Session, frames: Sequence[int]) -> None:
        """Look up what lies around the labeled frames of a session."""
        images = SessionImages(session)
        for view in session.views:
            self._add_view(session, view, frames, images)
        counts = {view: video_metadata(path).n_frames for view, path in session.videos.items()}
        if counts and all(counts.values()):
            self.lengths[session.name] = session.n_frames({v: n for v, n in counts.items() if n})
        rig = session.load_rig()
        if rig is not None and any(session.alignment(v).moves_pixels for v in session.views):
            self.notes.append(
                f"the calibration of {session.name} is left out: its videos show parts of the "
                "calibrated images"
            )
        elif rig is not None:
            self.rigs[session.name] = rig

    def _add_view(
        self, session: Session, view: str, frames: Sequence[int], images: SessionImages
    ) -> None:
        size = _video_size(session.videos.get(view))
        if view in session.videos:
            self.videos[session.name, view] = session.videos[view]
        of_video = session.to_video(view, frames).tolist()
        for frame, number in zip(frames, of_video, strict=True):
            key = ImageKey(session.name, view, frame)
            if number != frame:
                self.video_frames[key] = number
            if images.is_there(view, frame):
                self.images[key] = images.path(view, frame)
                size = size or image_size(self.images[key])
            if size is not None:
                self.sizes[key] = size


def _video_size(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    return video_metadata(path).size


def export_labels(
    project: Project,
    chosen: ExchangeFormat,
    path: Path,
    settings: ExportSettings,
    *,
    session: str | None = None,
    overwrite: bool = False,
    cancelled: IsCancelled | None = None,
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write the labels of a project, or of one session; returns files and notes.

    Raises
    ------
    PoseDataError
        There are no labels, the format cannot hold them, or a file exists.
    Cancelled
        `cancelled` returned True; nothing has been written then.
    """
    labels = labels_of_project(project, session)
    cancelled = cancelled or never_cancelled
    with FileGroup(overwrite=overwrite, cancelled=cancelled) as files:
        to = Destination(path, files, settings, cancelled=cancelled)
        notes = chosen.write()(labels, to)
        return files.targets, (*labels.notes, *notes)


def import_labels(
    labels: SessionLabels,
    out: Path | None,
    rig: Rig | None,
    *,
    zero_is_missing: bool = False,
    overwrite: bool = False,
    cancelled: IsCancelled | None = None,
) -> tuple[tuple[Path, ...], tuple[Lint, ...]]:
    """Write labels as a Lightning Pose project; returns files and what was found.

    Raises
    ------
    PoseDataError
        A name cannot be that of a file, or a file exists.
    Cancelled
        `cancelled` returned True; nothing has been written then.
    """
    cancelled = cancelled or never_cancelled
    if zero_is_missing:
        labels = replace(labels, xy=zeros_as_nan(labels.xy))
    files = () if out is None else _write_project(labels, out, overwrite, cancelled)
    return files, lint_of_labels(labels, rig)


def lint_of_labels(labels: SessionLabels, rig: Rig | None) -> tuple[Lint, ...]:
    """What was found in labels, view by view."""
    sizes: dict[str, tuple[int, int]] = {}
    for key, size in labels.sizes.items():
        known = sizes.get(key.view, size)
        # Where sessions differ, only what is outside of the largest is certainly outside.
        sizes[key.view] = (max(known[0], size[0]), max(known[1], size[1]))
    rigs = [
        (found, np.array([n for n, (name, _) in enumerate(labels.frames) if name == session]))
        for session in labels.sessions
        if (found := rig or labels.rigs.get(session)) is not None
    ]
    return tuple(lint_views(labels.xy, labels.views, sizes, rigs))


def _write_project(
    labels: SessionLabels, out: Path, overwrite: bool, cancelled: IsCancelled
) -> tuple[Path, ...]:
    refuse_unsafe_names(labels.views, "view")
    refuse_unsafe_names(labels.sessions, "session")
    with FileGroup(overwrite=overwrite, cancelled=cancelled) as files:
        write_project(files.open(out / FILE_NAME), labels.views, labels.keypoints)
        for v, view in enumerate(labels.views):
            path = out / f"CollectedData_{view}.csv"
            table = new_label_csv(path, "imported", labels.keypoints, visible=True)
            rows: list[tuple[str, dict[str, Any]]] = []
            for n, (session, frame) in enumerate(labels.frames):
                if cancelled():
                    raise Cancelled
                folder = labels.folder_of(session, view)
                cells = {name: _cell(labels, v, n, k) for k, name in enumerate(labels.keypoints)}
                rows.append((f"labeled-data/{folder}/{image_name(frame)}", cells))
                source = labels.images.get(ImageKey(session, view, frame))
                if source is not None and source.suffix.lower() == ".png":
                    copy_image(source, out / "labeled-data" / folder / image_name(frame), files)
            files.open(path).write(table.changed({}, rows).text())
        for session, rig in labels.rigs.items():
            refuse_unsafe_names([session], "session")
            files.open(out / "calibrations" / f"{session}.toml").write(rig_text(rig))
        if labels.skeleton:
            update_own_project(out, skeleton=labels.skeleton, group=files)
        return files.targets


def _cell(labels: SessionLabels, v: int, n: int, k: int) -> Cell:
    x, y = labels.xy[v, n, k].tolist()
    if not np.isfinite([x, y]).all():
        return Cell(None, None, 1 if labels.occluded[v, n, k] else 0)
    # Lightning Pose leaves out what is 1, also where it has a position.
    return Cell(x, y, 2)
