"""The size of an image, and whether its file is whole, from the first and the last bytes."""

from __future__ import annotations

import os
import struct

from napari_pose3d.core.storage.input_files import input_errors, open_input

_PNG = b"\x89PNG\r\n\x1a\n"
# Some programs write notes behind the end.
_TAIL = 4096
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def is_cut_off(path: str | os.PathLike[str]) -> bool:
    """Whether the end of a PNG or JPEG is missing, as after a copy that broke off.

    Raises
    ------
    PoseDataError
        The file cannot be read.
    """
    with open_input(path) as stream, input_errors(path):
        end = b"IEND" if stream.read(8) == _PNG else b"\xff\xd9"
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
        return end not in stream.read(_TAIL)


def image_size(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Width and height in px of a PNG or JPEG; None where the file is neither.

    Raises
    ------
    PoseDataError
        The file cannot be read.
    """
    with open_input(path) as stream, input_errors(path):
        head = stream.read(26)
        if head.startswith(_PNG) and len(head) >= 24:
            width, height = struct.unpack(">II", head[16:24])
            return int(width), int(height)
        if not head.startswith(b"\xff\xd8"):
            return None
        stream.seek(2)
        while len(marker := stream.read(4)) == 4 and marker[0] == 0xFF:
            length = struct.unpack(">H", marker[2:])[0]
            if marker[1] in _FRAMES:
                height, width = struct.unpack(">xHH", stream.read(5))
                return int(width), int(height)
            stream.seek(length - 2, os.SEEK_CUR)
    return None
