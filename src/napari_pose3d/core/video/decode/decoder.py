"""One open video and its decoder: images that are certain to be the ones they are said to be.

Every packet that is read is compared with the index, and is given its number in the index as its
timestamp on the way into the decoder. The decoder hands that number back with the image, so
that an image is known by the packet it came from and by nothing else.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.core.errors import PoseDataError

from ..index.container import marks, open_container
from ..index.frame_index import NO_TIME, FileStamp, FrameIndex

if TYPE_CHECKING:
    import av
    from av.video.frame import VideoFrame

_I_FRAME = 1
_UNKNOWN_PACKETS = 4


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
        self.check_file()
        self._open()

    def _open(self) -> None:
        self._container, self._stream = open_container(self._path)
        context = self._stream.codec_context
        context.thread_count = self._threads
        context.thread_type = "FRAME" if self._threads > 1 else "SLICE"
        self.intra_only = bool(context.codec.intra_only)
        if context.name == "mjpeg" and not self._lenient:
            # Its decoder passes over damage in silence unless it is told not to.
            context.options = {"err_detect": "explode"}
        self._context = context
        self._packets = self._container.demux(self._stream)
        self._at_start = True
        self._ended = False

    @property
    def threads(self) -> int:
        return self._threads

    def close(self) -> None:
        self._packets = iter(())
        self._container.close()

    def check_file(self) -> None:
        """Raise when another file has taken the video's place since it was indexed.

        A file that is gone is no reason: what is open can be read to the end on most systems.
        """
        try:
            now = FileStamp.of(self._path)
        except FileNotFoundError:
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
            if self._at_start and self._context.name == "mpeg4":
                # Only the first packet says whether B-images share packets with others.
                self._prime()
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
        expected = packet is not None and self._index.is_packet(number, *marks(packet))
        # A file that was cut off ends in a part of a packet.
        if packet is None or (packet.is_corrupt and not expected):
            self._ended = True
            self.next_packet = self._index.n_packets
            return self._decode(None)
        if not expected:
            self.entry = None
            raise IndexMismatch
        self.next_packet += 1
        if not self._index.hidden[number]:
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
                if not self._index.is_packet(self.next_packet, *marks(packet)):
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
            self.pending.discard(tag)
            if image.is_corrupt:
                self.failed.add(tag)
            if not (image.key_frame or image.pict_type == _I_FRAME or self.intra_only):
                # Some files call every packet a keyframe.
                self._index.withdraw_key(tag)
            out.append((tag, image))
        return out

    def _prime(self) -> None:
        import av

        packet = self._read()
        if packet is not None:
            with contextlib.suppress(av.FFmpegError, OSError):
                self._context.decode(packet)

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
        for target in self._targets(entry):
            if not self._jump(target):
                continue
            if self._find_way(entry):
                self._skip_to(entry)
                return
        # The container cannot jump there: read everything from the beginning.
        self.close()
        self._open()
        self.next_packet = 0
        if self._context.name == "mpeg4":
            self._prime()
            self._context.flush_buffers()
            self.next_packet = 1
        self._skip_to(entry)

    def _find_way(self, entry: int) -> bool:
        """Find out where a jump has led; whether it is not past the keyframe."""
        # Some formats begin in the midst of a packet after a jump, which is then unknown.
        for _ in range(_UNKNOWN_PACKETS):
            packet = self._read()
            if packet is None:
                return False
            if self._index.is_packet(entry, *marks(packet)):
                found = entry
            else:
                found = self._index.find(*marks(packet))
            if found > entry:
                return False
            if found >= 0:
                self._packets = _with_first(packet, self._packets)
                self.next_packet = found
                return True
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
        self._packets = self._container.demux(self._stream)
        return True

    def _skip_to(self, entry: int) -> None:
        while self.next_packet < entry:
            packet = self._read()
            if packet is None or not self._index.is_packet(self.next_packet, *marks(packet)):
                raise IndexMismatch
            self.next_packet += 1


def _with_first(packet: av.Packet, rest: Iterator[av.Packet]) -> Iterator[av.Packet]:
    yield packet
    yield from rest
