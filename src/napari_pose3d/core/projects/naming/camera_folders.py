"""A folder for each camera: ``cam1/trial1.mp4``, ``cam2/trial1.mp4``.

Notes
-----
Only where the name of a file holds no view. A folder above it, the nearest first, is the view's
where it is called as a known view is and nothing more. Where no view is known, folders are the
cameras' if their names say so and each file has its like in another of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .file_names import is_called

_CAMERA = re.compile(
    r"(?i:camera|cam|view)[-_ ]?(?:\d{1,3}|[A-Za-z])|[A-Za-z]+(?:[Cc]am|[Cc]amera)"
)
_CAMERA_INSIDE = re.compile(rf"(?<![^\W_])(?:{_CAMERA.pattern})(?![^\W_])")


def view_of_folder(relative: str, views: Sequence[str]) -> tuple[str, str] | None:
    """The view that a folder above a file is called, and the path without that folder."""
    parts = relative.split("/")
    for i in range(len(parts) - 2, -1, -1):
        found = [view for view in views if is_called(parts[i], view)]
        if len(found) == 1:
            return found[0], "/".join(parts[:i] + parts[i + 1 :])
    return None


def camera_folders(relatives: Iterable[str]) -> tuple[str, ...]:
    """Names of folders that stand for cameras, in order; empty where it is not clear."""
    files: dict[str, set[str]] = {}
    for relative in relatives:
        *folders, name = relative.split("/")
        at = [i for i, folder in enumerate(folders) if _CAMERA.fullmatch(folder)]
        if len(at) != 1 or _CAMERA_INSIDE.search(name):
            return ()
        rest = "/".join([*folders[: at[0]], *folders[at[0] + 1 :], name])
        files.setdefault(rest, set()).add(folders[at[0]])
    if any(len(cameras) < 2 for cameras in files.values()):
        return ()
    return tuple(sorted({camera for cameras in files.values() for camera in cameras}))
