"""Images that travel with a data set: sizes, places inside of its folder, copies."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import check_regular, open_input
from napari_pose3d.errors import PoseDataError


def image_size(path: Path) -> tuple[int, int] | None:
    """Width and height in px, from the header; None where it is no image."""
    import av

    try:
        with open_input(path) as stream, av.open(stream) as image:
            shown = image.streams.video[0].codec_context
            return (shown.width, shown.height) if shown.width and shown.height else None
    except (PoseDataError, av.FFmpegError, OSError, IndexError):
        return None


def inside(folder: Path, name: str) -> Path | None:
    """A file that a data set names, in its own folder; None for one elsewhere."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or any(part in ("/", "..") or ":" in part for part in parts):
        return None
    return folder.joinpath(*parts)


def copy_image(source: Path, target: Path, files: FileGroup) -> None:
    """Let a copy of an image appear with the other files.

    Raises
    ------
    PoseDataError
        It cannot be read.
    """
    check_regular(source, expected="an image")
    shutil.copyfile(source, files.path(target))
