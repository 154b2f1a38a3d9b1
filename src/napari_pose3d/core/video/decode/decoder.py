"""One open video and its decoder: every image is known by the packet that it came from.

Notes
-----
Every packet that is read is compared with the index, and is given its number in the index as its
timestamp on the way into the decoder. The decoder hands that number back with the image.

After a jump the packets that arrive are looked for in the index, until one place only is left where
they can be. Where none is found, the video is read from its beginning instead.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_pose3d.errors import PoseDataError

from ..index.container import (
    is_intra_only,
    is_invented,
    open_container,
    packet_marks,
    packets_of,
)
from ..index.frame_index import NO_TIME, FrameIndex, Int64, PacketMarks, VideoStamp

if TYPE_CHECKING:
    import av
    from av.video.frame import VideoFrame

_NO_TYPE, _I_FRAME = 0, 1
# Its decoder calls every image an I-image; most go on with what it learnt from those before.
_ALL_CALLED_I = ("ffv1",)
# After a jump: packets that begin in their midst, and packets that are needed to know the place.
_UNKNOWN_PACKETS = 8
_LONGEST_SEARCH = 256


class IndexMismatch(Exception):  # noqa: N818 - an event inside the reader, not an error for users
    """The file's packets are not those of the index, which therefore has to be made again."""


class Decoder:
    """A video opened for decoding, from any keyframe on.

    Not thread-safe: the reader that owns it holds a lock.

    Parameters
    ----------
    path : path
    index : FrameIndex
    threads : int
        Threads of the decoder itself.
    lenient : bool
        Accept images that the decoder would call damaged for reasons of form only.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        index: FrameIndex,
        threads: int = 1,
        *,
        lenient: bool = False,
    ) -> None:
        self._path, self._index = Path(path), index
        self._threads, self._lenient = threads, lenient
        self.next_packet = 0
        """The number of the packet that will be fed next."""
        self.entry: int | None = None
        """Where decoding began; None before the first `start` and after the end."""
        self.pending: set[int] = set()
        """Packets that were fed and whose image has not come out."""
        self.failed: set[int] = set()
        """Packets of this pass that the decoder refused or called damaged."""
        self.n_invented = 0
        """Images that belong to no packet, so far."""
        self._palettes = frozenset(index.details.get("palettes", ()))
        # Jumping loses the palettes in between, and does not work at all in some files.
        self._may_jump = len(self._palettes) < 2
        self.check_file()
        self._open()

    def _open(self) -> None:
        self._container, self._stream = open_container(self._path)
        context = self._stream.codec_context
        context.thread_count = self._threads
        context.thread_type = "FRAME" if self._threads > 1 else "SLICE"
        self.intra_only = is_intra_only(context)
        if context.name == "mjpeg" and not self._lenient:
            # Its decoder ignores damage unless this option is set.
            context.options = {"err_detect": "explode"}
        self._context = context
        self._packets = packets_of(self._container, self._stream)
        self._at_start = True
        self._ended = False

    @property
    def threads(self) -> int:
        """How many threads decode."""
        return self._threads

    def close(self) -> None:
        """Close the file."""
        self._packets = iter(())
        self._container.close()

    def check_file(self) -> None:
        """Raise when another file has taken the video's place since it was indexed.

        A file that is gone is no error: what is open can be read to the end on most systems.
        """
        try:
            now = VideoStamp.of(self._path)
        except PoseDataError:
            return
        if now != self._index.stamp:
            raise PoseDataError(
                "the video was changed or replaced while it was open",
                file=self._path,
                todo="Open it again",
            )

    def start(self, entry: int) -> None:
        """Make ready to decode from a keyframe on."""
        self.check_file()
        self.pending.clear()
        self.failed.clear()
        self.entry = entry
        if self._at_start and entry == 0:
            self.next_packet = 0
            return
        try:
            self._seek(entry)
        except IndexMismatch:
            self.entry = None
            raise

    def step(self) -> list[tuple[int, VideoFrame]]:
        """Feed one packet; return what comes out, with the number of each one's packet.

        Raises
        ------
        EOFError
            When everything has come out.
        IndexMismatch
            When the packet is not the one that the index has in this place.
        """
        if self._ended or self.entry is None:
            raise EOFError
        packet = self._read()
        number = self.next_packet
        expected = packet is not None and self._index.is_packet(number, self._marks(packet))
        # A file that was cut off ends in a part of a packet.
        if packet is None or (packet.is_corrupt and not expected):
            self._ended = True
            self.next_packet = self._index.n_packets
            return self._decode(None)
        if not expected:
            self.entry = None
            raise IndexMismatch
        self.next_packet += 1
        if not self._index.empty[number]:
            self.pending.add(number)
        packet.pts = number
        return self._decode(packet, number)

    def flush(self) -> list[tuple[int, VideoFrame]]:
        """What the decoder still holds back; it has to be started anew afterwards."""
        self._ended = True
        return self._decode(None)

    def tail_agrees(self) -> bool:
        """Whether the packets from the last keyframe on are those of the index, to the last."""
        try:
            self.start(self._index.group_of(self._index.n_packets - 1))
            while (packet := self._read()) is not None:
                if not self._index.is_packet(self.next_packet, self._marks(packet)):
                    return False
                self.next_packet += 1
        except IndexMismatch:
            return False
        self.entry = None
        return self.next_packet == self._index.n_packets

    def _decode(
        self, packet: av.Packet | None, number: int | None = None
    ) -> list[tuple[int, VideoFrame]]:
        import av

        try:
            images = self._context.decode(packet)
        except EOFError:
            return []
        except (av.FFmpegError, OSError):
            # With several threads the complaint may be about one of the packets before.
            self.failed.add(self.next_packet - 1 if number is None else number)
            return []
        out = []
        for image in images:
            tag = image.pts
            if tag is None:
                continue
            if is_invented(image, self._context.name):
                self.n_invented += 1
                continue
            self.pending.discard(tag)
            if image.is_corrupt:
                self.failed.add(tag)
            if not self.is_whole(image):
                # Some files call every packet a keyframe.
                self._index.withdraw_key(tag)
            out.append((tag, image))
        return out

    def is_whole(self, image: VideoFrame) -> bool:
        """Whether an image is predicted from no other."""
        is_i = image.pict_type == _I_FRAME and self._context.name not in _ALL_CALLED_I
        return bool(image.key_frame or is_i or self.intra_only)

    @staticmethod
    def tells_type(image: VideoFrame) -> bool:
        """Whether the decoder says at all if an image is predicted from others."""
        return bool(image.key_frame or image.pict_type != _NO_TYPE)

    def _marks(self, packet: av.Packet) -> PacketMarks:
        return packet_marks(packet, checksum=self._index.has_checksums)

    @property
    def _starts_with_state(self) -> bool:
        """Whether the first packet holds what the decoder needs for all others.

        A palette, or in MPEG-4 whether B-images share packets with others.
        """
        return self._context.name == "mpeg4" or bool(self._palettes)

    def _feed_for_state(self, packet: av.Packet) -> None:
        """Have the decoder take note of a packet whose image is not wanted, and is not kept."""
        import av

        with contextlib.suppress(av.FFmpegError, OSError):
            self._context.decode(packet)
        # Its image may be held back until the next packet, with a time that is no number of ours.
        self._context.flush_buffers()

    def _read(self) -> av.Packet | None:
        import av

        self._at_start = False
        try:
            for packet in self._packets:
                if packet.size:
                    return packet
        except (av.FFmpegError, OSError):
            # The file ends here, whatever its index says.
            return None
        return None

    def _seek(self, entry: int) -> None:
        """Bring the demuxer to the keyframe, whatever place the container jumps to."""
        if self._may_jump:
            if self._at_start and self._starts_with_state:
                packet = self._read()
                if packet is not None:
                    self._feed_for_state(packet)
            for target in self._targets(entry):
                if self._jump(target) and self._find_place(entry) and self._skip_to(entry):
                    return
        self._read_on_from_start(entry)

    def _read_on_from_start(self, entry: int) -> None:
        """Read all packets up to a keyframe, without decoding them."""
        self.close()
        self._open()
        self.next_packet = 0
        if not self._skip_to(entry):
            raise IndexMismatch

    def distrust_jumps(self) -> bool:
        """Never jump again in this file; False when that is how it was read before."""
        was_allowed, self._may_jump = self._may_jump, False
        self.entry = None
        return was_allowed

    def _find_place(self, entry: int) -> bool:
        """Find out where a jump has led; whether it is not past the keyframe."""
        run: list[av.Packet] = []
        places: Int64 | None = None  # of the last packet of the run
        n_unknown = 0
        while len(run) < _LONGEST_SEARCH:
            packet = self._read()
            if packet is None:
                return False
            marks = self._marks(packet)
            if places is not None:
                places = np.array(
                    [n + 1 for n in places if self._index.is_packet(int(n) + 1, marks)], np.int64
                )
            if places is None and self._index.has_positions and self._index.is_packet(entry, marks):
                # By far the most frequent case, without a search.
                places = np.array([entry])
            if places is None or not len(places):
                # Some formats begin in the midst of a packet after a jump.
                n_unknown += len(run)
                run = []
                places = self._index.matches(marks)
                if not len(places):
                    places = None
                    n_unknown += 1
                if n_unknown > _UNKNOWN_PACKETS:
                    return False
            if places is not None:
                run.append(packet)
                first = int(places[0]) - len(run) + 1
                if len(places) == 1:
                    self._packets = itertools.chain(run, self._packets)
                    self.next_packet = first
                    return first <= entry
                if first > entry:
                    return False
        return False

    def _targets(self, entry: int) -> Iterator[int]:
        """Times to jump to: first the one that should do, then earlier and earlier ones."""
        index = self._index
        for steps in (0, 1, 3, 8, 30):
            packet = index.earlier_entry(entry, steps)
            times = [int(t) for t in (index.dts[packet], index.pts[packet]) if t != NO_TIME]
            if not times:
                return
            # Some formats jump by the display time and some by the decoding time.
            yield max(times)
            yield min(times)
            if packet == 0:
                return

    def _jump(self, time: int) -> bool:
        import av

        self._ended = False
        try:
            self._container.seek(time, stream=self._stream)
        except (av.FFmpegError, OSError):
            return False
        self._packets = packets_of(self._container, self._stream)
        return True

    def _skip_to(self, entry: int) -> bool:
        """Read on to a packet; False when other packets than those of the index come."""
        while self.next_packet < entry:
            packet = self._read()
            if packet is None or not self._index.is_packet(self.next_packet, self._marks(packet)):
                return False
            if self.next_packet in self._palettes or (
                self.next_packet == 0 and self._starts_with_state
            ):
                self._feed_for_state(packet)
            self.next_packet += 1
        return True
