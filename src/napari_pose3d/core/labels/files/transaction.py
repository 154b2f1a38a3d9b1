"""Several files of a project change together, or none does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from napari_pose3d.core.formats.labels.label_provenance import Provenance, Row
from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.core.storage.atomic_files import FileGroup, cannot_write

_LAST_GOOD = "last-good"


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
