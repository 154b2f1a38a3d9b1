"""Which packet of a video is frame n.

Notes
-----
Frame n is the n-th image shown. A video is stored in decoding order, which differs from display
order wherever there are B-frames. The two orders are joined here, and nothing else in this package
computes a frame from a rate.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import input_errors

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

Report = Callable[[int, int], None]
"""Called now and then with (bytes read, bytes in all); it stops the work by raising."""

NO_TIME = np.iinfo(np.int64).min
"""Where the container gives a packet no timestamp, no position or no checksum."""


class PacketMarks(NamedTuple):
    """What distinguishes a packet from the others; `NO_TIME` where a value is not known.

    Attributes
    ----------
    pts, dts : int
        Display time and decoding time in units of the stream's time base.
    position : int
        Byte in the file.
    size : int
        Bytes.
    checksum : int
        CRC-32 of the content.
    """

    pts: int
    dts: int
    position: int
    size: int
    checksum: int = NO_TIME


@dataclass(frozen=True)
class VideoStamp:
    """What distinguishes a file from another one that has taken its place."""

    size: int
    modified: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> VideoStamp:
        """The stamp of the file as it is now; `PoseDataError` where there is none."""
        with input_errors(path, expected="a video file"):
            status = os.stat(path)
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(eq=False)
class FrameIndex:
    """The packets of one video in decoding order, and the order in which they are shown.

    Attributes
    ----------
    pts, dts, position : (packet,) int64
        Display time, decoding time (units of `time_base`) and byte position as the container
        gives them; `NO_TIME` where it gives none. With `size` they distinguish a packet from
        every other one when the video is read again.
    size : (packet,) int64
        Bytes.
    key : (packet,) bool
        Whether decoding can begin here. What the container claims; claims that turn out to be
        false are withdrawn while reading.
    empty : (packet,) bool
        Packets that show no image: those cut off by an edit list, the reference images that VP8
        and VP9 never show, and those before the first keyframe of a video that was cut without one.
    rank : (packet,) int64
        Place in display order among all packets, empty ones included.
    checksum : (packet,) int64
        CRC-32 of the content, for containers in which positions and times are guessed by the
        demuxer and come out otherwise after a jump (MPEG-PS, MPEG-TS); else `NO_TIME`.
    time_base : Fraction
        Seconds per unit of time.
    how : str
        Where the table came from: "container" (its own index), "packets" (all packets were read)
        or "decoding" (all images were decoded, because the container has no display times).
    stamp : VideoStamp
        The file the table belongs to.
    warnings : tuple of str
        What is odd about the video, in plain words.
    details : dict
        ``palettes``, the packets that carry a palette; ``intra_only``, whether the codec never
        predicts an image from another; ``invented``, how many images the decoder shows at the
        beginning that belong to no packet. They are the first frames, and unreadable.
    """

    pts: Int64
    dts: Int64
    position: Int64
    size: Int64
    key: Bool
    empty: Bool
    rank: Int64
    checksum: Int64
    time_base: Fraction
    how: str
    stamp: VideoStamp
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.begins_with_key = len(self.key) == 0 or bool(self.key[0])
        """Whether the container calls the first packet a keyframe."""
        if len(self.key):
            # Decoding cannot begin earlier.
            self.key[0] = True

    @property
    def n_invented(self) -> int:
        """How many images at the beginning belong to no packet."""
        return int(self.details.get("invented", 0))

    @cached_property
    def packet_of(self) -> Int64:
        """Frame number to packet number, ``(frame,)``; the first one for what is invented."""
        order = np.empty(len(self.rank), np.int64)
        order[self.rank] = np.arange(len(self.rank))
        shown = order[~self.empty[order]]
        return np.concatenate([np.full(self.n_invented, shown[:1]), shown])

    @cached_property
    def frame_of(self) -> Int64:
        """Packet number to frame number, ``(packet,)``; -1 where nothing is shown."""
        frames = np.full(len(self.rank), -1, np.int64)
        n = self.n_invented
        frames[self.packet_of[n:]] = np.arange(n, len(self.packet_of))
        return frames

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.packet_of)

    @property
    def n_packets(self) -> int:
        return len(self.rank)

    @cached_property
    def times(self) -> Int64:
        """Display time of every frame in units of `time_base`, ``(frame,)``; never descending.

        Interpolated where the container gives none; zero where it gives none at all.
        """
        pts, dts = self.pts[self.packet_of], self.dts[self.packet_of]
        if self.how != "decoding" and not (pts == NO_TIME).any():
            return pts
        if not (dts == NO_TIME).any():
            # The n-th image is shown at the n-th tick that the container gives out.
            return np.sort(dts)
        known = np.flatnonzero(pts != NO_TIME)
        if not len(known):
            return np.zeros(len(pts), np.int64)
        at = np.sort(pts[known])
        # A time that belongs to a later image can be given to this one, too.
        is_own = np.append(np.diff(at) > 0, True)
        known, at = known[is_own], at[is_own]
        step = (at[-1] - at[0]) / max(1, known[-1] - known[0])
        frames = np.arange(len(pts))
        times = np.interp(frames, known, at)
        times += step * (np.minimum(frames - known[0], 0) + np.maximum(frames - known[-1], 0))
        return np.rint(times).astype(np.int64)

    def entry(self, frame: int) -> int:
        """The packet from which decoding has to begin in order to show a frame.

        It is the last keyframe that is stored before the frame and not shown after it. The
        second condition matters in an open GOP, where the images that are stored after a
        keyframe and shown before it need the GOP before it.
        """
        packet = self.packet_of[frame]
        entry = self._key_at_or_before(int(packet))
        while entry > 0 and self.rank[entry] > self.rank[packet]:
            entry = self._key_at_or_before(entry - 1)
        return entry

    def earlier_entry(self, entry: int, steps: int = 1) -> int:
        """The keyframe that many keyframes earlier, or the first packet."""
        for _ in range(steps):
            if entry <= 0:
                return 0
            entry = self._key_at_or_before(entry - 1)
        return entry

    def next_key(self, packet: int) -> int:
        """The first keyframe after a packet, or the number of packets."""
        width, start = 512, packet + 1
        while start < len(self.key):
            found = np.flatnonzero(self.key[start : start + width])
            if len(found):
                return start + int(found[0])
            start, width = start + width, width * 4
        return len(self.key)

    def group_of(self, packet: int) -> int:
        """The keyframe of the group of images in which a packet is stored."""
        return self._key_at_or_before(packet)

    def withdraw_key(self, packet: int) -> None:
        """Note that decoding cannot begin at a packet, whatever the container claims."""
        if packet:
            self.key[packet] = False

    def entry_frames(self) -> Int64:
        """The frames at which decoding can begin without showing anything else, ascending."""
        frames = self.frame_of[np.flatnonzero(self.key)]
        return np.unique(frames[frames >= 0])

    def matches(self, marks: PacketMarks) -> Int64:
        """The numbers of all packets that a packet with these marks may be, ascending."""
        same = self.size == marks.size
        if self.has_checksums:
            same &= self.checksum == marks.checksum
        elif self.has_positions:
            same &= self.position == marks.position
        elif self._has_unique_times:
            same &= self.pts == marks.pts
        else:
            same &= self.dts == marks.dts
        return np.flatnonzero(same)

    def is_packet(self, number: int, marks: PacketMarks) -> bool:
        """Whether a packet that was read is the one that the table has in this place."""
        if number >= len(self.rank) or self.size[number] != marks.size:
            return False
        if self.has_checksums:
            return bool(self.checksum[number] == marks.checksum)
        if self.has_positions:
            return bool(self.position[number] == marks.position)
        # What the demuxer computes at the start of the file it may not know after a jump.
        for mine, given in ((self.pts[number], marks.pts), (self.dts[number], marks.dts)):
            if mine != NO_TIME and given != NO_TIME:
                return bool(mine == given)
        return True

    @cached_property
    def has_checksums(self) -> bool:
        """Whether packets are recognised by their content."""
        return len(self.checksum) > 0 and not (self.checksum == NO_TIME).any()

    @cached_property
    def has_positions(self) -> bool:
        """Whether each packet has a byte position that no other has."""
        return bool((self.position >= 0).all()) and _unique(self.position)

    @cached_property
    def _has_unique_times(self) -> bool:
        return not (self.pts == NO_TIME).any() and _unique(self.pts)

    def _key_at_or_before(self, packet: int) -> int:
        # Searched rather than tabulated, because claims are withdrawn while others read.
        width, stop = 512, packet + 1
        while stop > 0:
            start = max(0, stop - width)
            found = np.flatnonzero(self.key[start:stop])
            if len(found):
                return start + int(found[-1])
            stop, width = start, width * 4
        return 0


def rank_of(order: Int64) -> Int64:
    """Place of each packet among all, given the packets in their order, ``(packet,)`` both."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _unique(values: Int64) -> bool:
    return len(np.unique(values)) == len(values)
