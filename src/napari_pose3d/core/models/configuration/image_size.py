"""The size of an image from its first bytes, and of what a network makes of it."""

from __future__ import annotations

import os
import struct

from napari_pose3d.core.storage.input_files import input_errors, open_input

from .config_file import Config, value_at

_PNG = b"\x89PNG\r\n\x1a\n"
# Some programs write notes behind the end.
_TAIL = 4096
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


_USUAL_SIDE = 256  # px


def resized_area(config: Config) -> float:
    """The area of the images that a network is given, in those of 256 x 256 px."""
    area = 1.0
    for side in ("height", "width"):
        length = value_at(config, f"data.image_resize_dims.{side}")
        known = isinstance(length, int) and not isinstance(length, bool) and length > 0
        area *= length / _USUAL_SIDE if known else 1
    return area


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
    """Width and height in px of a PNG or JPEG; None where the file is neither, or ends before it.

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
                sides = stream.read(5)
                if len(sides) < 5:
                    return None
                height, width = struct.unpack(">xHH", sides)
                return int(width), int(height)
            stream.seek(length - 2, os.SEEK_CUR)
    return None
