"""Frames, size and frame rate of a video as its header claims them: cheap, and not always true.

Notes
-----
Nothing is decoded: some reads of a few bytes in MP4, MOV and AVI files. Of other containers only
the frame rate is read, by the library that opens videos. Opening the video gives what is certain.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from napari_pose3d.core.storage.input_files import open_input
from napari_pose3d.errors import PoseDataError

from .index.container import open_container
from .index.mp4_boxes import (
    Box,
    all_inside,
    boxes_inside,
    descend,
    n_samples,
    read_box,
    read_number,
    whole_file,
)
from .index.mp4_edits import leaves_images_out

_MOST_DURATIONS = 4096
# Flags of libavformat's index.
_KEY, _DISCARDED = 1, 2
# Sizes that stand in an AVI whose recording was not ended.
_UNFINISHED = (0, 0x7FFFFFFF, 0xFFFFFFFF)
_WITHOUT_TIMES = ("h264", "hevc", "vvc", "m4v", "mjpeg", "mpegvideo", "rawvideo", "av1", "obu")


@dataclass(frozen=True)
class VideoMetadata:
    """What the header of a video claims; None where it does not say, or we do not read it.

    Attributes
    ----------
    n_frames : int or None
    size : (width, height) in px, upright, or None
    frame_rate : float or None
        Frames per second; on average where they vary.
    missing_bytes : int
        By which a file that was not copied to its end is shorter than it claims; 0 where it is
        whole or does not say.
    """

    n_frames: int | None = None
    size: tuple[int, int] | None = None
    frame_rate: float | None = None
    missing_bytes: int = 0


def video_metadata(path: str | os.PathLike[str]) -> VideoMetadata:
    """What the header of a video claims; nothing where it cannot be read. Never raises."""
    found = _of_known_container(path)
    if found.frame_rate is None:
        found = replace(found, frame_rate=_rate_by_demuxer(path))
    return found


def _of_known_container(path: str | os.PathLike[str]) -> VideoMetadata:
    try:
        with open_input(path) as stream:
            start = stream.read(12)
            stream.seek(0)
            if start[:4] == b"RIFF" and start[8:] == b"AVI ":
                return _avi(stream)
            if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                found = _mp4(stream)
                if found.n_frames and leaves_images_out(stream):
                    found = replace(found, n_frames=_n_shown(path))
                return found
    except (PoseDataError, OSError, struct.error):
        # Cut off, no file, or gone in the meantime: whoever opens the video gets the error.
        pass
    return VideoMetadata()


def _n_shown(path: str | os.PathLike[str]) -> int | None:
    """How many images of an MP4 or MOV file its edit lists leave, by the index of its demuxer."""
    try:
        container, stream = open_container(path)
    except PoseDataError:
        return None
    with container:
        flags = [entry.flags for entry in stream.index_entries]
    first = next((n for n, each in enumerate(flags) if each & _KEY), 0)
    return sum(not each & _DISCARDED for each in flags[first:]) or None


def _rate_by_demuxer(path: str | os.PathLike[str]) -> float | None:
    try:
        container, stream = open_container(path)
    except PoseDataError:
        return None
    with container:
        # Bare streams of a codec have no times; a rate would be a guess.
        guessed = container.format.name in _WITHOUT_TIMES or "_pipe" in container.format.name
        rate = None if guessed else stream.average_rate
        return float(rate) if rate else None


def _avi(stream: BinaryIO) -> VideoMetadata:
    head = stream.read(88)
    at = head.find(b"avih")
    if at < 0 or len(head) < at + 48:
        return VideoMetadata()
    n_frames, width, height = (
        struct.unpack_from("<I", head, at + 8 + place)[0] for place in (16, 32, 36)
    )
    interval = struct.unpack_from("<I", head, at + 8)[0]  # microseconds
    rate = 1e6 / interval if interval else None
    # Larger files are written in parts, of which this header counts the first only.
    stream.seek(4)
    whole = struct.unpack("<I", stream.read(4))[0]
    size = os.fstat(stream.fileno()).st_size
    in_parts = size > whole + 8 + 64
    n_stated = None if in_parts or not n_frames else n_frames
    # Some programs count the eight bytes before it too.
    missing = whole + 8 - size if whole > size and whole not in _UNFINISHED else 0
    return VideoMetadata(n_stated, (width, height), rate, missing)


def _mp4(stream: BinaryIO) -> VideoMetadata:
    _, size = whole_file(stream)
    outermost = boxes_inside(stream, (0, size))
    moov = outermost.get(b"moov")
    if moov is not None and moov[1] > size:
        # Cut off within it: no library opens the file, whatever the part that is left says.
        return VideoMetadata()
    for trak in all_inside(stream, moov, b"trak"):
        media = boxes_inside(stream, trak).get(b"mdia")
        handler = boxes_inside(stream, media).get(b"hdlr")
        if read_box(stream, handler, 8, 4) == b"vide":
            found = _track(stream, trak, boxes_inside(stream, media).get(b"mdhd"))
            images = outermost.get(b"mdat", (0, 0))
            return replace(found, missing_bytes=max(0, images[1] - size))
    return VideoMetadata()


def _track(stream: BinaryIO, trak: Box, media_header: Box | None) -> VideoMetadata:
    stbl = descend(stream, trak, b"mdia", b"minf", b"stbl")
    table = boxes_inside(stream, stbl)
    n_frames = n_samples(stream, stbl)
    sync = table.get(b"stss")
    if n_frames and sync is not None and read_number(stream, sync, 4):
        # What comes before the first keyframe cannot be decoded, and does not count.
        n_frames -= max(0, read_number(stream, sync, 8) - 1)
    size = None
    if b"stsd" in table:
        # 8 bytes of list head and 8 of the first entry's own come before the entry's inside.
        width, height = struct.unpack(">HH", read_box(stream, table[b"stsd"], 8 + 8 + 24, 4))
        turned = _turned(stream, boxes_inside(stream, trak).get(b"tkhd"))
        size = (height, width) if turned else (width, height)
    # Fragmented files keep their samples elsewhere and say 0 here.
    rate = _rate(stream, media_header, table.get(b"stts"))
    return VideoMetadata(n_frames or None, size, rate)


def _rate(stream: BinaryIO, media_header: Box | None, durations: Box | None) -> float | None:
    """Frames per second by the first durations, but for the longer ones where frames were lost."""
    if media_header is None or durations is None:
        return None
    version = read_box(stream, media_header, 0, 1)[0]
    units = read_number(stream, media_header, 20 if version else 12)  # per second
    n = min(read_number(stream, durations, 4), _MOST_DURATIONS)
    pairs = struct.unpack(f">{2 * n}I", read_box(stream, durations, 8, 8 * n))
    counts, lengths = (np.array(pairs[i::2], dtype=np.float64) for i in (0, 1))
    in_order = np.argsort(lengths)
    middle = np.searchsorted(np.cumsum(counts[in_order]), counts.sum() / 2) if n else 0
    typical = lengths[in_order][middle] if n else 0
    if not typical > 0:
        return None
    usual = np.abs(lengths / typical - 1) < 0.5
    mean = (counts * lengths)[usual].sum() / counts[usual].sum()
    return float(units / mean)


def _turned(stream: BinaryIO, header: Box | None) -> bool:
    """Whether players turn the image by a quarter."""
    if header is None:
        return False
    version = read_box(stream, header, 0, 1)[0]
    matrix = struct.unpack(">9i", read_box(stream, header, 52 if version else 40, 36))
    return matrix[0] == 0 and matrix[1] != 0
