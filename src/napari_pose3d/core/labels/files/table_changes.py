"""Other keypoints, other columns, rows in step: in all label files at once, or in none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from napari_pose3d.core.formats.projects.project_yaml import FILE_NAME, text_with_keypoints
from napari_pose3d.core.projects.issues import Issue
from napari_pose3d.core.projects.project_toml import (
    own_project_path,
    project_lock,
    text_with_renamed,
)
from napari_pose3d.errors import PoseDataError

from .label_cells import cell_of, updated_table
from .label_files import LabelFiles
from .row_pairing import repaired


def change_keypoints(files: LabelFiles, names: Sequence[tuple[str, str | None]]) -> None:
    """Give the label files, ``project.yaml`` and our own files other keypoints.

    Everything unsaved has to be saved before, and the store has to be made anew afterwards.

    Parameters
    ----------
    names : sequence of (name, former name or None)
        All keypoints in their new order; None for one that is new. A keypoint may not be left
        out: its labels would be lost.

    Raises
    ------
    PoseDataError
        When names cannot be used, or a file cannot be written. Nothing has changed then.
    """
    new = [name for name, _ in names]
    counts = Counter(new)
    former = [old for _, old in names if old is not None]
    for name in new:
        if not name.strip() or name != name.strip() or any(c in name for c in ',"\n'):
            raise PoseDataError(f"'{name}' is no name of a keypoint", expected="a word")
        if counts[name] > 1:
            raise PoseDataError(f"the keypoint {name} is named twice", todo="Remove one")
    if sorted(former) != sorted(files.keypoints):
        lost = sorted(set(files.keypoints) - set(former)) or sorted(set(former))
        raise PoseDataError(
            f"the keypoints {', '.join(lost)} would be lost",
            expected="every keypoint that there is, each once",
        )
    tables = {}
    for view, table in files.tables.items():
        known = [
            (name, old if old is not None and old in table.columns else None) for name, old in names
        ]
        tables[view] = table.with_keypoints(known)
    other = {old: name for name, old in names if old is not None and old != name}
    # What is read here is what is changed: nobody else may write in between.
    with project_lock(files.folder):
        extra = {files.folder / FILE_NAME: text_with_keypoints(files.folder, new)}
        if files.provenance.path.is_file() and other:
            extra[files.provenance.path] = files.provenance.renamed(other)
        own = own_project_path(files.folder)
        if own.is_file() and other:
            extra[own] = text_with_renamed(files.folder, other)
        files.write_tables(tables, extra)


def visible_issue(files: LabelFiles) -> Issue | None:
    """The issue that `add_visible` is the remedy of: occlusion does not reach Lightning Pose.

    None where the files have the column ``visible``, or no row yet.
    """
    if files.has_visible or not any(table.rows for table in files.tables.values()):
        return None
    return Issue(
        "note",
        "the label files have no column named 'visible', so Lightning Pose does not learn which "
        "keypoints are occluded",
        "",
        "Add the column; labels and other columns stay as they are",
    )


def add_visible(files: LabelFiles) -> None:
    """Give all label files the column ``visible``; occluded keypoints without position get 1.

    Raises
    ------
    LabelsChanged, PoseDataError
        As for `LabelFiles.save`.
    """
    with files.alone():
        store = files.new_store()
        occluded = {
            frame: {at for at, label in store.labels(frame).items() if cell_of(label).visible == 1}
            for frame in files.known_frames
        }
        lines = files.pairing.lines
        # In files without the column, a frame with nothing but occluded keypoints has no row.
        new = [frame for frame, found in occluded.items() if found and frame not in lines]
        tables = {}
        for view, table in files.tables.items():
            of_lines = {
                at[view]: {k for v, k in occluded[frame] if v == view}
                for frame, at in lines.items()
                if view in at
            }
            wider = files.with_all_keypoints(table).with_visible(of_lines)
            images = {frame: files.image(frame, view) for frame in new}
            tables[view] = updated_table(wider, view, store, dict.fromkeys(new), new, images)
        files.write_tables(tables, labeled=new)


def repair(files: LabelFiles) -> None:
    """Give all views the same frames in the same order; see `row_pairing.repaired`.

    Raises
    ------
    PoseDataError
        When a person has to choose between two rows, or a file cannot be written.
    """
    files.write_tables(repaired(files.tables, files.pairing, files.images_of_rows()))
