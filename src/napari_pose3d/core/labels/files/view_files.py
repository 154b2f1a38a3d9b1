"""The label file and the queue of each view: read together, and written together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_pose3d.core.formats.labels.label_csv import LabelTable, new_label_csv, read_label_csv
from napari_pose3d.core.formats.labels.label_provenance import Provenance, Row
from napari_pose3d.core.formats.labels.label_queue import SUFFIX, LabelQueue, read_label_queue
from napari_pose3d.core.projects.naming.file_names import SINGLE_VIEW
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.project_toml import OWN_FOLDER, own_project_path
from napari_pose3d.core.storage.atomic_files import FileGroup, cannot_write
from napari_pose3d.core.storage.file_stamp import FileStamp, read_stamped
from napari_pose3d.errors import PoseDataError

from ..store.label import FrameKey

_NEW_SCORER = "scorer"
_LAST_GOOD = "last-good"


@dataclass(eq=False)
class ViewFiles:
    """The label file and the queue of one view.

    Attributes
    ----------
    table, queue
    table_stamp, queue_stamp : FileStamp
        What they were like when they were read or written last.
    queued : dict of FrameKey to str
        The image of each frame in the queue.
    """

    table: LabelTable
    table_stamp: FileStamp
    queue: LabelQueue
    queue_stamp: FileStamp
    queued: dict[FrameKey, str] = field(default_factory=dict)


class LabelsChanged(PoseDataError):  # noqa: N818 - a state of things, not a fault
    """Somebody else changed label files since they were read.

    Attributes
    ----------
    files : tuple of Path
    """

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__(
            f"somebody else changed {', '.join(path.name for path in files)} meanwhile; nothing "
            "was written",
            file=files[0].parent,
            todo="Merge with what is there now, or overwrite it",
        )
        self.files = tuple(files)


def read_view_files(project: Project, key: str) -> tuple[dict[str, ViewFiles], tuple[str, ...]]:
    """The files of all views, and the keypoints that they share.

    Views that have no file get an empty table, like those of the others.

    Raises
    ------
    PoseDataError
        When a file is damaged, there are no keypoints, or the files have different ones.
    """
    files = {view: _read(project, key, view) for view in project.views}
    given = [each.table for each in files.values() if each.table.columns]
    keypoints = _common_keypoints(project, given)
    for each in files.values():
        if not each.table.columns:
            scorer = given[0].scorer if given else _NEW_SCORER
            # A project of ours has the column from the start: without it, occlusion does not
            # reach Lightning Pose.
            new = not given and own_project_path(project.folder).is_file()
            visible = new or any(table.has_visible for table in given)
            each.table = new_label_csv(each.table.path, scorer, keypoints, visible=visible)
    return files, keypoints


def put_in_place(
    folder: Path,
    new: Mapping[Path, bytes],
    leaving: Collection[Path],
    provenance: Provenance,
    rows: Sequence[Row],
    *,
    keep_copies: bool,
) -> None:
    """Write files, let others go, and add lines to the table of who labeled what.

    Parameters
    ----------
    folder : Path
        The project; nothing is written outside of it.
    new : mapping of Path to bytes
    leaving : paths
        Files that go.
    rows : sequence of Row
        Lines for `provenance`.
    keep_copies : bool
        Whether copies of the label files are kept in our own folder, as they are now.

    Raises
    ------
    PoseDataError
        When something cannot be written; nothing has changed then.
    """
    length, text = provenance.addition(rows) if rows else (0, "")
    try:
        with FileGroup(overwrite=True, inside=folder) as group:
            for path, content in new.items():
                group.path(path).write_bytes(content)
            for path in leaving:
                group.remove(path)
            for path in new if keep_copies else ():
                if path.is_file() and path.suffix == ".csv":
                    copy = folder / OWN_FOLDER / "labels" / _LAST_GOOD / path.name
                    group.path(copy).write_bytes(path.read_bytes())
            if text:
                group.append(provenance.path, length, text)
    except OSError as error:
        raise cannot_write(provenance.path, error) from error
    provenance.note_added(text)


def _read(project: Project, key: str, view: str) -> ViewFiles:
    path = _path(project, key, view, ".csv", project.label_files)
    content, stamp = read_stamped(path)
    table = new_label_csv(path, "", ()) if content is None else read_label_csv(path, content)
    queue_path = _path(project, key, view, SUFFIX, project.queues)
    waiting, queue_stamp = read_stamped(queue_path)
    queue = LabelQueue(queue_path) if waiting is None else read_label_queue(queue_path, waiting)
    return ViewFiles(table, stamp, queue, queue_stamp)


def _path(
    project: Project, key: str, view: str, suffix: str, known: Mapping[str, Mapping[str, Path]]
) -> Path:
    found = known.get(key, {}).get(view)
    if found is not None:
        return found
    name = key if project.views == (SINGLE_VIEW,) else f"{key}_{view}"
    return project.folder / f"{name}{suffix}"


def _common_keypoints(project: Project, tables: list[LabelTable]) -> tuple[str, ...]:
    for table in tables[1:]:
        first = tables[0]
        if set(table.keypoints) != set(first.keypoints):
            different = set(table.keypoints) ^ set(first.keypoints)
            raise PoseDataError(
                f"{first.path.name} and {table.path.name} have different keypoints: "
                f"{', '.join(sorted(different))} only in one",
                file=project.folder,
                expected="the same keypoints in all views",
                todo="Rename or add them so that they agree",
            )
    own = tables[0].keypoints if tables else ()
    names = tuple(dict.fromkeys([*own, *project.keypoints]))
    if not names:
        raise PoseDataError(
            "the project names no keypoints",
            file=project.folder / "project.yaml",
            expected="keypoint_names, one below the other",
        )
    return names
