"""Which files were exported or rendered from poses: beside what they were made from, no inputs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from napari_pose3d.core.formats.exchange.side_file import is_exported, side_path

from ..naming.file_names import is_video
from .folder_listing import Listing
from .table_headers import TABLE_SUFFIXES

EXPORTED = (
    "exported by napari-pose3d; not mixed with what it was made from (give it as the only input to "
    "use it)"
)
RENDERED = "rendered by napari-pose3d: poses drawn over videos"


def exported_files(listing: Listing, given: Collection[str] | None = None) -> frozenset[str]:
    """Tables and videos of a listing that we made from others, where others are there, too.

    They are told by the record beside them, ``<file>.json``. Those that lie by themselves are what
    is wanted.

    Parameters
    ----------
    given : collection of str, optional
        The files that were asked for, where not all of the folder is.
    """
    beside = [f for f in listing.files if side_path(Path(f)).as_posix() in listing.names]
    made = {f for f in beside if _is_kind(f) and is_exported(listing.path(f))}
    if not made:
        return frozenset()
    found: set[str] = set()
    asked = listing.files if given is None else [f for f in listing.files if f in given]
    for is_kind in (is_video, _is_table):
        # What is asked for does not count as made where nothing else is asked for.
        others = any(is_kind(f) and f not in made for f in asked)
        found |= {f for f in made if is_kind(f) and (others or f not in asked)}
    return frozenset(found)


def why_left_out(relative: str) -> str:
    """What to say of a file of `exported_files`."""
    return RENDERED if is_video(relative) else EXPORTED


def _is_kind(relative: str) -> bool:
    return is_video(relative) or _is_table(relative)


def _is_table(relative: str) -> bool:
    return relative.lower().endswith(TABLE_SUFFIXES)
