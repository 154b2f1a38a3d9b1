"""Number of frames and size of a video as its header claims them: cheap, and not always true.

Notes
-----
Nothing is decoded and no packet is read: some reads of a few bytes. Opening the video gives what is
certain.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.storage.input_files import open_input

from .index.container import top_boxes

_Box = tuple[int, int]


@dataclass(frozen=True)
class VideoMetadata:
    """What the header of a video claims; None where it does not say, or we do not read it.

    Attributes
    ----------
    n_frames : int or None
    size : (width, height) in px, upright, or None
    """

    n_frames: int | None = None
    size: tuple[int, int] | None = None


def video_metadata(path: str | os.PathLike[str]) -> VideoMetadata:
    """Read the header of an MP4, MOV or AVI file; empty facts for anything else. Never raises."""
    try:
        with open_input(path) as stream:
            end = os.fstat(stream.fileno()).st_size
            start = stream.read(12)
            stream.seek(0)
            if start[:4] == b"RIFF" and start[8:] == b"AVI ":
                return _avi(stream)
            if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                return _mp4(stream, end)
    except (PoseDataError, OSError, struct.error):
        # Cut off, no file, or gone in the meantime: whoever opens the video gets the error.
        pass
    return VideoMetadata()


def _avi(stream: BinaryIO) -> VideoMetadata:
    head = stream.read(88)
    at = head.find(b"avih")
    if at < 0 or len(head) < at + 48:
        return VideoMetadata()
    n_frames, width, height = (
        struct.unpack_from("<I", head, at + 8 + place)[0] for place in (16, 32, 36)
    )
    # Larger files are written in parts, of which this header counts the first only.
    stream.seek(4)
    whole = struct.unpack("<I", stream.read(4))[0]
    in_parts = os.fstat(stream.fileno()).st_size > whole + 8 + 64
    return VideoMetadata(None if in_parts or not n_frames else n_frames, (width, height))


def _mp4(stream: BinaryIO, end: int) -> VideoMetadata:
    moov = top_boxes(stream, end).get(b"moov")
    if moov is None:
        return VideoMetadata()
    start = moov[0]
    while start < moov[1]:
        stream.seek(start)
        # Boxes of one name hide each other: each search begins behind the track found last.
        trak = top_boxes(stream, moov[1]).get(b"trak")
        if trak is None:
            break
        facts = _track(stream, trak)
        if facts is not None:
            return facts
        start = trak[1]
    return VideoMetadata()


def _track(stream: BinaryIO, trak: _Box) -> VideoMetadata | None:
    """Facts of a video track; None for another track."""
    boxes = _inside(stream, trak)
    media = _inside(stream, boxes.get(b"mdia"))
    if _read(stream, media.get(b"hdlr"), 8, 4) != b"vide":
        return None
    table = _inside(stream, _inside(stream, media.get(b"minf")).get(b"stbl"))
    sizes = table.get(b"stsz") or table.get(b"stz2")
    n_frames = None if sizes is None else struct.unpack(">I", _read(stream, sizes, 8, 4))[0]
    size = None
    if b"stsd" in table:
        # 8 bytes of list head and 8 of the first entry's own come before the entry's inside.
        width, height = struct.unpack(">HH", _read(stream, table[b"stsd"], 8 + 8 + 24, 4))
        size = (height, width) if _turned(stream, boxes.get(b"tkhd")) else (width, height)
    # Fragmented files keep their samples elsewhere and say 0 here.
    return VideoMetadata(n_frames or None, size)


def _turned(stream: BinaryIO, header: _Box | None) -> bool:
    """Whether players turn the image by a quarter."""
    if header is None:
        return False
    version = _read(stream, header, 0, 1)[0]
    matrix = struct.unpack(">9i", _read(stream, header, 52 if version else 40, 36))
    return matrix[0] == 0 and matrix[1] != 0


def _inside(stream: BinaryIO, box: _Box | None) -> dict[bytes, _Box]:
    if box is None:
        return {}
    stream.seek(box[0])
    return top_boxes(stream, box[1])


def _read(stream: BinaryIO, box: _Box | None, at: int, length: int) -> bytes:
    if box is None or box[0] + at + length > box[1]:
        raise struct.error("the box ends early")
    stream.seek(box[0] + at)
    data = stream.read(length)
    if len(data) != length:
        raise struct.error("the file ends early")
    return data
