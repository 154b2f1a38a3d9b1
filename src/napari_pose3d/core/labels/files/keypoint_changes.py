"""Adding, renaming and ordering keypoints: in all label files at once, or in none."""

from __future__ import annotations

from collections.abc import Sequence

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.formats.projects.project_yaml import FILE_NAME, text_with_keypoints
from napari_pose3d.core.projects.project_toml import (
    own_project_path,
    project_lock,
    text_with_renamed,
)

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
    former = [old for _, old in names if old is not None]
    for name in new:
        if not name.strip() or name != name.strip() or any(c in name for c in ',"\n'):
            raise PoseDataError(f"'{name}' is no name of a keypoint", expected="a word")
        if new.count(name) > 1:
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


def repair(files: LabelFiles) -> None:
    """Give all views the same frames in the same order; see `pairing.repaired`.

    Raises
    ------
    PoseDataError
        When a person has to choose between two rows, or a file cannot be written.
    """
    files.write_tables(repaired(files.tables, files.pairing, files.images_of_rows()))
