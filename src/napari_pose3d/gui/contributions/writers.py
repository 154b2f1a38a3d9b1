"""Saving our Points layers as prediction CSVs, with what the user moved, removed or added.

What is saved is what the layer stands for, not what it happens to draw: a long recording is saved
whole, and the hidden rows that keep the slider's range are not saved. A moved or added point gets
the likelihood 1, since a person placed it; a missing one stays an empty cell. Rows are the frames
of the view's video, as in all files of predictions, also where those of the session are others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pose3d.core.projects.alignment.frame_shifts import in_video_frames
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.layer_poses import LayerPoses, poses_of
from napari_pose3d.gui.layers.session_layers import SESSION_KEY

from .layer_selection import Attributes, LayerTuple, shown_by

if TYPE_CHECKING:
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
    from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment


def write_view(path: str, data: Any, attributes: Attributes) -> list[str]:
    """Save one Points layer (napari's writer for a single layer); returns the file written.

    Raises
    ------
    PoseDataError
        The layer is not one of ours, or holds what the format cannot.
    """
    poses = poses_of(attributes.get("metadata", {}))
    if poses is None:
        raise PoseDataError(
            f"the layer '{attributes.get('name', 'Points')}' does not say which keypoint each of "
            "its points is",
            expected="a Points layer that napari-pose3d made",
            todo="Save it with napari's own writer",
        )
    alignment = _shift_of(poses, attributes)
    written = _write({Path(path): _table(poses, data, attributes, alignment)})
    _inform({poses.view: alignment})
    return written


def write_views(path: str, layers: list[LayerTuple]) -> list[str]:
    """Save all our 2-D Points layers among several layers, each to a file of its own.

    The files are called ``<name>_<view>.csv``, where ``path`` is ``<name>.csv``. Tracks and frames
    are left out: they show the same or belong to the screen.

    Raises
    ------
    PoseDataError
        There is no layer to save, two would get one name, or a layer cannot be saved.
    """
    found: list[tuple[LayerPoses, Any, Attributes]] = []
    for data, attributes, kind in layers:
        poses = poses_of(attributes.get("metadata", {}))
        if kind == "points" and poses is not None and not poses.is_3d:
            found.append((poses, data, attributes))
    if not found:
        raise PoseDataError(
            "there are no keypoints of a view among these layers",
            expected="Points layers that napari-pose3d made",
            todo="Select layers such as 'smoothed Cam-A' and save these",
        )
    stem = Path(path).with_suffix("")
    views = Counter(poses.view for poses, _, _ in found)
    stages = Counter((poses.view, poses.stage) for poses, _, _ in found)
    tables: dict[Path, PredictionTable] = {}
    alignments: dict[str, ViewAlignment | None] = {}
    for poses, data, attributes in found:
        parts = [stem.name, poses.view]
        if views[poses.view] > 1:
            # Raw and smoothed of one view; layers of one stage differ by their names.
            several = stages[poses.view, poses.stage] > 1
            parts.append(str(attributes["name"]) if several else poses.stage)
        target = stem.with_name("_".join(parts).replace("/", "-") + ".csv")
        if target in tables:
            raise PoseDataError(
                "two of these layers would get this name",
                file=target,
                todo="Rename one of the layers, or save them one by one",
            )
        alignments[poses.view] = _shift_of(poses, attributes)
        tables[target] = _table(poses, data, attributes, alignments[poses.view])
    written = _write(tables)
    _inform(alignments)
    return written


def _table(
    poses: LayerPoses, data: Any, attributes: Attributes, alignment: ViewAlignment | None
) -> PredictionTable:
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable

    if poses.is_3d:
        raise PoseDataError(
            "this layer holds 3-D positions, and the file format is for the pixels of one view",
            todo="Choose another format, or use 'Save results…' in the tab Smooth",
        )
    shown = shown_by(poses, data, attributes)
    positions, confidence = shown.positions.astype(np.float32), shown.confidence
    if alignment is not None:
        frames = alignment.frames_of_video(len(positions))
        positions = in_video_frames(positions, frames)
        confidence = in_video_frames(confidence, frames)
    return PredictionTable(
        poses.keypoints,
        positions,
        confidence,
        scorer=poses.scorer,
        individual=poses.individual,
    )


def _write(tables: dict[Path, PredictionTable]) -> list[str]:
    """Write all files or none; napari's dialog has already asked about replacing."""
    from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
    from napari_pose3d.core.storage.atomic_files import FileGroup

    with FileGroup(overwrite=True) as files:
        for path, table in tables.items():
            write_prediction_csv(files.open(path), table)
    return [str(path) for path in tables]


def _shift_of(poses: LayerPoses, attributes: Attributes) -> ViewAlignment | None:
    """How the frames of a layer of the open session are shifted; None where they are not."""
    import napari

    from napari_pose3d.gui.session.current_session import current_session

    viewer = napari.current_viewer()
    opened = None if viewer is None else current_session(viewer).open
    # A file that was opened by itself shows its own rows.
    if opened is None or attributes.get("metadata", {}).get(SESSION_KEY) != opened.session.name:
        return None
    alignment = opened.session.alignment(poses.view)
    return alignment if alignment.shifts_frames else None


def _inform(alignments: Mapping[str, ViewAlignment | None]) -> None:
    """Say where rows are not the frames of the slider."""
    from napari.utils.notifications import show_info

    if shifted := [view for view, alignment in alignments.items() if alignment is not None]:
        show_info(
            f"Rows are the frames of each view's video, as in all files of predictions; those of "
            f"{', '.join(shifted)} are others than the slider's."
        )
