"""Several files of a project change together, or none does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from napari_pose3d.core.formats.labels.label_provenance import Provenance, Row
from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.core.storage.atomic_files import FileGroup, cannot_write

_LAST_GOOD = "last-good"


def put_in_place(
    new: Mapping[Path, bytes],
    leaving: Collection[Path],
    provenance: Provenance,
    rows: Sequence[Row],
    keep_in: Path | None,
) -> None:
    """Write files, let others go, and add lines to the table of who labeled what.

    Parameters
    ----------
    new : mapping of Path to bytes
    leaving : paths
        Files that go.
    rows : sequence of Row
        Lines for `provenance`.
    keep_in : Path or None
        The project in whose folder of ours copies of the label files are kept, as they are now.

    Raises
    ------
    PoseDataError
        When something cannot be written; nothing has changed then.
    """
    length = None
    try:
        with FileGroup(overwrite=True) as group:
            for path, content in new.items():
                group.path(path).write_bytes(content)
            for path in leaving:
                group.remove(path)
            if keep_in is not None:
                for path in new:
                    if path.is_file() and path.suffix == ".csv":
                        copy = keep_in / OWN_FOLDER / "labels" / _LAST_GOOD / path.name
                        group.path(copy).write_bytes(path.read_bytes())
            if rows:
                length = provenance.append(rows)
    except BaseException as error:
        if length is not None:
            provenance.cut(length)
        if isinstance(error, OSError):
            raise cannot_write(provenance.path, error) from error
        raise
