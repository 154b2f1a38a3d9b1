"""Making the packet table of a video.

Notes
-----
The container's own index is taken where it can be trusted, else all packets are read. Where the
container has no display times, or they contradict the decoding order, all images are decoded.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from .container import (
    is_intra_only,
    is_invented,
    open_container,
    other_streams,
    packets_of,
    time_base_of,
)
from .container_index import index_of_container, lists_its_packets
from .display_order import FARTHEST, contradicts_decoding_order, shown_as_stored
from .empty_packets import empty_packet_check, may_be_empty
from .frame_index import NO_TIME, FrameIndex, Int64, Report, VideoStamp, rank_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_REPORT_EVERY = 2000
_ALL = ("pts", "dts", "pos", "size", "is_keyframe", "is_discard")
_PTS, _DTS, _POS, _SIZE, _KEY, _DISCARD = range(len(_ALL))
# What is stored as one packet comes back as one; others are cut into packets by a parser, which
# guesses positions and times, and guesses them otherwise after a jump.
_STORED_AS_PACKETS = ("mp4", "matroska", "avi")
# These hold no display times: what libavformat makes up for them is wrong with B-frames.
_WITHOUT_DISPLAY_TIMES = ("avi", "asf", "mpegvideo")
# Matroska stores no decoding times and cuts nothing off: no need to ask each packet.
_MATROSKA = ("pts", "pos", "size", "is_keyframe")
_COUNTED = (
    "the file does not say when its images are shown, so they were counted by decoding the whole "
    "video"
)
_CONTRADICTION = (
    "the file is damaged: its timestamps contradict the order in which its images are decoded, so "
    "frames are numbered in that order and may differ from what other programs count"
)


def build_index(
    path: str | os.PathLike[str], report: Report | None = None, *, trust_container: bool = True
) -> FrameIndex:
    """Find out which packet of a video is which frame.

    Parameters
    ----------
    path : path
    report : callable, optional
        Called with (bytes read, bytes in all); it may raise `Cancelled`.
    trust_container : bool
        Whether the container's own index may be used.

    Raises
    ------
    PoseDataError
        When the file is not a video or has no frames.
    """
    path = Path(path)
    container, stream = open_container(path)
    with container:
        stamp = VideoStamp.of(path)
        others = other_streams(container)
        index: FrameIndex | str | None
        has_index = trust_container and lists_its_packets(container, stream)
        if not has_index:
            index = _from_packets(path, container, stream, stamp, report)
        else:
            index = index_of_container(path, container, stream, stamp)
    if has_index and index is None:
        container, stream = open_container(path)
        with container:
            index = _from_packets(path, container, stream, stamp, report)
    if isinstance(index, str):
        index = _from_decoding(path, stamp, index, report)
    assert index is not None
    if len(index) == 0:
        raise _no_frames(path)
    return replace(index, warnings=(*index.warnings, others)) if others else index


def index_beginning(path: str | os.PathLike[str]) -> FrameIndex:
    """The table of the first packets of a video, at once: right about frame 0, not about the last.

    Raises
    ------
    PoseDataError
        When the file is not a video or has no frames.
    """
    path = Path(path)
    stamp = VideoStamp.of(path)
    container, stream = open_container(path)
    with container:
        index = _from_packets(path, container, stream, stamp, None, FARTHEST)
    if isinstance(index, str):
        index = _from_decoding(path, stamp, index, None, FARTHEST)
    if len(index) == 0:
        raise _no_frames(path)
    return index


def _no_frames(path: Path) -> PoseDataError:
    return PoseDataError(
        "holds no images (0 frames)",
        file=path,
        todo="Look whether the recording was stopped before the first image",
    )


def _from_packets(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    stamp: VideoStamp,
    report: Report | None,
    most: int | None = None,
) -> FrameIndex | str:
    """From the timestamps of all packets; a warning where they do not give the display order."""
    packets = _read_packets(path, container, stream, report, most)
    rows = packets.rows
    codec = stream.codec_context
    pts = rows[:, _PTS]
    order = np.argsort(pts, kind="stable")
    no_times = bool((pts == NO_TIME).any() or (np.diff(pts[order]) == 0).any())
    guessed = container.format.name in _WITHOUT_DISPLAY_TIMES and bool(codec.has_b_frames)
    if len(rows):
        if (no_times or guessed) and not shown_as_stored(codec):
            return _COUNTED
        if may_be_empty(codec.name, rows[:, _SIZE]):
            return _COUNTED
        if not no_times and contradicts_decoding_order(order, rows[:, _KEY] > 0, codec):
            return _CONTRADICTION
    return FrameIndex(
        **packets.columns(),
        empty=packets.empty,
        rank=rank_of(np.arange(len(rows)) if no_times else order),
        time_base=time_base_of(stream),
        how="packets",
        stamp=stamp,
        warnings=tuple(packets.warnings),
        details={**packets.details(), "intra_only": is_intra_only(codec)},
    )


def _from_decoding(
    path: Path,
    stamp: VideoStamp,
    warning: str,
    report: Report | None,
    most: int | None = None,
) -> FrameIndex:
    """By decoding everything once and noting which packet each image in turn came from."""
    import av

    container, stream = open_container(path)
    with container:
        packets = _read_packets(path, container, stream, report, most)
    rows = packets.rows
    container, stream = open_container(path)
    shown: list[int] = []
    n_invented = 0
    with container:
        context = stream.codec_context
        context.thread_type = "FRAME"
        context.thread_count = min(os.cpu_count() or 1, 8)
        number = 0
        for packet in chain(islice(_unbroken(container, stream), most), (None,)):
            if packet is not None and packet.size:
                packet.pts = number
                number += 1
            else:
                packet = None
            if report and number % 200 == 0:
                report(max(0, int(rows[min(number, len(rows) - 1), _POS])), stamp.size)
            try:
                images = context.decode(packet)
            except av.FFmpegError:
                # The end may be announced twice.
                continue
            for image in images:
                if is_invented(image, context.name):
                    n_invented += not shown
                elif image.pts is not None:
                    shown.append(image.pts)
    # Damage makes decoders show an image twice.
    shown = list(dict.fromkeys(shown))
    rank = np.full(len(rows), -1, np.int64)
    rank[shown] = np.arange(len(shown))
    empty = rank < 0
    # A strange order can be valid nevertheless.
    is_valid = warning == _CONTRADICTION and bool((np.diff(rows[shown, _PTS]) > 0).all())
    rank[empty] = len(shown) + np.arange(empty.sum())
    return FrameIndex(
        **packets.columns(),
        empty=empty,
        rank=rank,
        time_base=time_base_of(stream),
        how="decoding",
        stamp=stamp,
        warnings=(*packets.warnings, *([] if is_valid else [warning])),
        details={**packets.details(), **({"invented": n_invented} if n_invented else {})},
    )


def _unbroken(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """The packets up to where a file breaks off, which was noticed before."""
    import av

    with suppress(av.FFmpegError, OSError):
        yield from packets_of(container, stream)


@dataclass(eq=False)
class _Packets:
    """All packets of a video in decoding order.

    Attributes
    ----------
    rows : (packet, 6) int64
        The columns are those of `_ALL`.
    empty : (packet,) bool
    checksum : (packet,) int64
    palettes : list of int
        Packets that carry a palette.
    warnings : list of str
    """

    rows: Int64
    empty: NDArray[np.bool_]
    checksum: Int64
    palettes: list[int]
    warnings: list[str]

    def columns(self) -> dict[str, Any]:
        rows = self.rows
        return {
            "pts": rows[:, _PTS].copy(),
            "dts": rows[:, _DTS].copy(),
            "position": rows[:, _POS].copy(),
            "size": rows[:, _SIZE].copy(),
            "key": rows[:, _KEY] > 0,
            "checksum": self.checksum,
        }

    def details(self) -> dict[str, Any]:
        return {"palettes": self.palettes} if self.palettes else {}


@dataclass(eq=False)
class _Inspection:
    """What only the content of packets shows, noted as they pass by."""

    is_empty: Callable[[memoryview], bool] | None
    with_checksums: bool
    with_palettes: bool
    empty: list[int] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    palettes: list[int] = field(default_factory=list)

    @property
    def is_needed(self) -> bool:
        return self.is_empty is not None or self.with_checksums or self.with_palettes

    def watch(self, packets: Iterator[Packet]) -> Iterator[Packet]:
        for number, packet in enumerate(packets):
            if self.is_empty is not None and packet.size and self.is_empty(memoryview(packet)):
                self.empty.append(number)
            if self.with_checksums:
                self.checksums.append(zlib.crc32(packet) if packet.size else 0)
            if self.with_palettes and packet.has_sidedata("palette"):
                self.palettes.append(number)
            yield packet


def _read_packets(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    report: Report | None,
    most: int | None = None,
) -> _Packets:
    import av

    context, kind = stream.codec_context, container.format.name
    inspection = _Inspection(
        empty_packet_check(context.name),
        with_checksums=not any(name in kind for name in _STORED_AS_PACKETS),
        with_palettes=context.pix_fmt == "pal8",
    )
    total = path.stat().st_size
    names = _MATROSKA if "matroska" in kind else _ALL
    tables = [_table([], names)]
    warnings: list[str] = []
    packets: Iterator[Packet] = islice(packets_of(container, stream), most)
    if inspection.is_needed:
        packets = inspection.watch(packets)
    # As little as possible for each packet: there may be hundreds of thousands.
    of_packet = attrgetter(*names)
    more = True
    while more:
        rows: list[tuple[int | None, ...]] = []
        try:
            rows.extend(map(of_packet, islice(packets, _REPORT_EVERY)))
            more = bool(rows)
        except (av.FFmpegError, OSError) as error:
            more = False
            n = sum(map(len, tables)) + len(rows)
            warnings.append(
                f"the file breaks off after {n} packets ({error.strerror or error}); what comes "
                "before can be used"
            )
        tables.append(_table(rows, names))
        if report and rows:
            report(max(0, int(tables[-1][-1, _POS])), total)
    table = np.concatenate(tables)
    empty = table[:, _DISCARD] > 0
    empty[inspection.empty] = True
    checksum = np.full(len(table), NO_TIME)
    if inspection.with_checksums:
        checksum[:] = inspection.checksums[: len(table)]
    # The last packet of a demuxer has no content, nor have those that only repeat in some files.
    filled = table[:, _SIZE] > 0
    number = np.cumsum(filled) - 1
    palettes = [int(number[packet]) for packet in inspection.palettes if filled[packet]]
    return _Packets(table[filled], empty[filled], checksum[filled], palettes, warnings)


def _table(rows: list[tuple[int | None, ...]], names: tuple[str, ...]) -> Int64:
    """The values of all packets, ``(packet, 6)``: the columns are those of `_ALL`."""
    table = np.zeros((len(rows), len(_ALL)), np.int64)
    table[:, _DTS] = NO_TIME
    for name, column in zip(names, zip(*rows, strict=True), strict=False):
        try:
            numbers = np.array(column, np.int64)
        except TypeError:
            numbers = np.array([NO_TIME if value is None else value for value in column], np.int64)
        table[:, _ALL.index(name)] = numbers
    return table
