"""Making the table of packets: from the container's own index where that can be trusted, else
from all packets, else, where the container has no display times, from all images.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pose3d.core.errors import PoseDataError

from .container import open_container, time_base_of
from .container_index import index_of_container, lists_its_packets
from .empty_packets import hidden_check, may_be_empty
from .frame_index import NO_TIME, FileStamp, FrameIndex, Int64, Report, rank_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_REPORT_EVERY = 2000
# No codec stores an image so many packets away from where it is shown.
_BEGINNING = 64
_ALL = ("pts", "dts", "pos", "size", "is_keyframe", "is_discard")
# Matroska stores no decoding times and cuts nothing off: no need to ask each packet.
_MATROSKA = ("pts", "pos", "size", "is_keyframe")
_COUNTED = (
    "the file says nothing about when its images are shown, so they were counted by decoding "
    "the video once"
)


def build_index(
    path: str | os.PathLike[str], report: Report | None = None, *, trust_container: bool = True
) -> FrameIndex:
    """Find out which packet of a video is which frame.

    Parameters
    ----------
    path : path
    report : callable, optional
        Told how far the work is; it may raise `Cancelled`.
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
        stamp = FileStamp.of(path)
        has_index = trust_container and lists_its_packets(container, stream)
        if not has_index:
            index = _from_packets(path, container, stream, stamp, report)
        else:
            index = index_of_container(path, container, stream, stamp, report)
    if has_index and index is None:
        container, stream = open_container(path)
        with container:
            index = _from_packets(path, container, stream, stamp, report)
    if index is None:
        index = _from_decoding(path, stamp, report)
    if len(index) == 0:
        raise _no_frames(path)
    return index


def index_beginning(path: str | os.PathLike[str]) -> FrameIndex:
    """The table of the first packets of a video, at once: right about frame 0, not about the last.

    Raises
    ------
    PoseDataError
        When the file is not a video or has no frames.
    """
    path = Path(path)
    stamp = FileStamp.of(path)
    container, stream = open_container(path)
    with container:
        index = _from_packets(path, container, stream, stamp, None, _BEGINNING)
    if index is None:
        index = _from_decoding(path, stamp, None, _BEGINNING)
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
    stamp: FileStamp,
    report: Report | None,
    most: int | None = None,
) -> FrameIndex | None:
    """From the timestamps of all packets; None where they do not tell the order of display."""
    rows, hidden, warnings = _read_packets(path, container, stream, report, most)
    pts = rows[:, 0]
    order = np.argsort(pts, kind="stable")
    no_times = bool((pts == NO_TIME).any() or (np.diff(pts[order]) == 0).any())
    # AVI holds no display times. What libavformat makes up for it is wrong with B-frames.
    guessed = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
    if len(rows) and (
        ((no_times or guessed) and not _shown_as_stored(stream))
        or may_be_empty(stream.codec_context.name, rows[:, 3])
    ):
        return None
    return FrameIndex(
        **_columns(rows),
        hidden=hidden,
        rank=rank_of(np.arange(len(rows)) if no_times else order),
        time_base=time_base_of(stream),
        how="packets",
        stamp=stamp,
        warnings=tuple(warnings),
    )


def _shown_as_stored(stream: VideoStream) -> bool:
    codec = stream.codec_context.codec
    reorders = bool(stream.codec_context.has_b_frames)
    return codec.intra_only or (not reorders and codec.name not in ("h264", "hevc", "mpeg4"))


def _from_decoding(
    path: Path, stamp: FileStamp, report: Report | None, most: int | None = None
) -> FrameIndex:
    """By decoding everything once and noting which packet each image in turn came from."""
    import av

    container, stream = open_container(path)
    with container:
        rows, _, warnings = _read_packets(path, container, stream, report, most)
    container, stream = open_container(path)
    shown: list[int] = []
    with container:
        context = stream.codec_context
        context.thread_type = "FRAME"
        context.thread_count = min(os.cpu_count() or 1, 8)
        number = 0
        for packet in chain(islice(container.demux(stream), most), (None,)):
            if packet is not None and packet.size:
                packet.pts = number
                number += 1
            else:
                packet = None
            if report and number % 200 == 0:
                report(int(rows[min(number, len(rows) - 1), 2]), stamp.size)
            try:
                images = context.decode(packet)
            except av.FFmpegError:
                # The end may be told twice.
                continue
            shown += [image.pts for image in images if image.pts is not None]
    rank = np.full(len(rows), -1, np.int64)
    rank[shown] = np.arange(len(shown))
    hidden = rank < 0
    rank[hidden] = len(shown) + np.arange(hidden.sum())
    return FrameIndex(
        **_columns(rows),
        hidden=hidden,
        rank=rank,
        time_base=time_base_of(stream),
        how="decoding",
        stamp=stamp,
        warnings=(*warnings, _COUNTED),
    )


def _read_packets(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    report: Report | None,
    most: int | None = None,
) -> tuple[Int64, np.ndarray[Any, np.dtype[np.bool_]], list[str]]:
    import av

    check = hidden_check(stream.codec_context.name)
    total = path.stat().st_size
    names = _MATROSKA if "matroska" in container.format.name else _ALL
    tables = [_table([], names)]
    concealed: list[int] = []
    warnings: list[str] = []
    packets: Iterator[Packet] = islice(container.demux(stream), most)
    if check is not None:
        packets = _noting_hidden(packets, check, concealed)
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
            report(max(0, int(tables[-1][-1, _ALL.index("pos")])), total)
    table = np.concatenate(tables)
    hidden = table[:, 5] > 0
    hidden[concealed] = True
    # The last packet of a demuxer is empty, as are those that say "nothing new" in some files.
    filled = table[:, 3] > 0
    return table[filled], hidden[filled], warnings


def _noting_hidden(
    packets: Iterator[Packet], check: Callable[[memoryview], bool], concealed: list[int]
) -> Iterator[Packet]:
    for number, packet in enumerate(packets):
        if packet.size and check(memoryview(packet)):
            concealed.append(number)
        yield packet


def _table(rows: list[tuple[int | None, ...]], names: tuple[str, ...]) -> Int64:
    """The numbers of all packets, ``(packet, 6)``: the columns are those of `_ALL`."""
    table = np.zeros((len(rows), len(_ALL)), np.int64)
    table[:, _ALL.index("dts")] = NO_TIME
    for name, column in zip(names, zip(*rows, strict=True), strict=False):
        try:
            numbers = np.array(column, np.int64)
        except TypeError:
            numbers = np.array([NO_TIME if value is None else value for value in column], np.int64)
        table[:, _ALL.index(name)] = numbers
    return table


def _columns(rows: Int64) -> dict[str, Any]:
    names = ("pts", "dts", "position", "size")
    return {name: rows[:, i].copy() for i, name in enumerate(names)} | {"key": rows[:, 4] > 0}
