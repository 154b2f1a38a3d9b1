"""The packet table from the container's own index, where that can be trusted."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .container import is_intra_only, packet_marks, packets_of, time_base_of
from .display_order import contradicts_decoding_order
from .empty_packets import empty_packet_check, may_be_empty
from .frame_index import NO_TIME, FrameIndex, Int64, VideoStamp, rank_of
from .mp4_table import display_delays

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_KEY, _DISCARD = 1, 2


def lists_its_packets(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the file is of a kind that lists where all packets are and when each is shown."""
    kind, codec = container.format.name, stream.codec_context
    # Palettes lie in the packets.
    if empty_packet_check(codec.name) or codec.pix_fmt == "pal8":
        return False
    if len(stream.index_entries) == 0:
        return False
    return "mp4" in kind or (kind == "avi" and not codec.has_b_frames)


def index_of_container(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    stamp: VideoStamp,
) -> FrameIndex | None:
    """From the index that the file itself holds; None where it may not be trusted.

    Packets are read from the container.
    """
    entries = stream.index_entries
    n = len(entries)
    table = np.array([(e.timestamp, e.pos, e.size, e.flags) for e in entries], dtype=np.int64)
    if may_be_empty(stream.codec_context.name, table[:, 2]):
        return None
    # The flags are signed two-bit numbers.
    dts, position, size, flags = table[:, 0], table[:, 1], table[:, 2], table[:, 3] & 3
    if not (np.diff(dts) > 0).all() or not (size > 0).all():
        return None
    if "mp4" in container.format.name:
        try:
            delays = display_delays(path, stream.id, n)
        except (OSError, struct.error):
            return None
        if delays is None:
            return None
        pts = dts + delays
    else:
        # The index counts the eight bytes of the chunk's head, a packet does not.
        position = position + 8
        if not _reaches_the_end(position + size, stamp.size, n):
            return None
        pts = dts.copy()
    order = np.argsort(pts, kind="stable")
    if not (np.diff(pts[order]) > 0).all():
        return None
    if contradicts_decoding_order(order, (flags & _KEY) > 0, stream.codec_context):
        return None
    # Edit lists move the times by a constant that only a packet shows.
    first = next(packets_of(container, stream), None)
    if first is None or not first.size or first.pts is None:
        return None
    if packet_marks(first)[1:4] != (int(dts[0]), int(position[0]), int(size[0])):
        return None
    return FrameIndex(
        pts=pts + (first.pts - pts[0]),
        dts=dts,
        position=position,
        size=size,
        key=(flags & _KEY) > 0,
        empty=(flags & _DISCARD) > 0,
        rank=rank_of(order),
        checksum=np.full(n, NO_TIME),
        details={"intra_only": is_intra_only(stream.codec_context)},
        time_base=time_base_of(stream),
        how="container",
        stamp=stamp,
    )


def _reaches_the_end(ends: Int64, file_size: int, n: int) -> bool:
    """Whether an AVI's index covers the whole file: a recorder that crashed leaves half of one."""
    left = file_size - int(ends.max())
    return -8 <= left < 64 * n + 65536
