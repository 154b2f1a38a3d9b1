"""A place in a video: decoding from a keyframe to the frame that is wanted, and on from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..index.frame_index import FrameIndex
from .decoder import Decoder, IndexMismatch

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

IsWanted = Callable[[], bool]
"""Asked between two images; when it returns False, the request is given up."""
Emit = Callable[[int, "VideoFrame"], None]

# A keyframe that is nearer than this is reached faster by decoding on than by jumping.
_NEAR = 4
# Images come out in display order. One that is this late is not coming any more.
_LATE = 64


class RequestDropped(Exception):  # noqa: N818 - the caller no longer wants the frame
    """A request was given up because a newer one came."""


class SuspectGroup(Exception):  # noqa: N818 - an event inside the reader, not an error for users
    """There may be damage in the group of images of a keyframe.

    Parameters
    ----------
    entry : int
        The keyframe's packet.
    """

    def __init__(self, entry: int) -> None:
        super().__init__(entry)
        self.entry = entry


class Cursor:
    """A decoder and the place that it has reached.

    Parameters
    ----------
    decoder : Decoder
    index : FrameIndex
    examined : set of int
        Keyframes whose group of images has been searched for damage: what a pass meets there
        is known already. Shared by all cursors of a video.
    """

    def __init__(self, decoder: Decoder, index: FrameIndex, examined: set[int]) -> None:
        self.decoder, self._index, self._examined = decoder, index, examined
        # Came out together with the one that was wanted, and will be wanted next.
        self._left_over: dict[int, VideoFrame] = {}
        self._next_frame = -1

    def image(self, frame: int, emit: Emit | None, is_wanted: IsWanted | None = None) -> VideoFrame:
        """Decode until a frame comes out.

        Parameters
        ----------
        frame : int
        emit : callable, optional
            Given every other image that comes out on the way, with its frame number.
        is_wanted : callable, optional

        Raises
        ------
        RequestDropped
            When `is_wanted` returned False.
        SuspectGroup
        IndexMismatch
            When the file's packets are not those of the index, even when read from the beginning.
        PoseDataError
        """
        while True:
            try:
                return self._image(frame, emit, is_wanted)
            except IndexMismatch:
                self._left_over.clear()
                if not self.decoder.distrust_jumps():
                    raise

    def _image(self, frame: int, emit: Emit | None, is_wanted: IsWanted | None) -> VideoFrame:
        index, decoder = self._index, self.decoder
        if frame in self._left_over:
            return self._left_over.pop(frame)
        packet, entry = int(index.packet_of[frame]), index.entry(frame)
        self._left_over.clear()
        if not self._is_ahead(packet, entry):
            decoder.start(entry)
            self._next_frame = int(index.frame_of[entry])
        assert decoder.entry is not None
        begin = index.rank[decoder.entry]
        goal = index.rank[packet]
        found: VideoFrame | None = None
        while found is None:
            if is_wanted is not None and not is_wanted():
                raise RequestDropped
            try:
                images = decoder.step()
            except EOFError:
                raise self._suspect(entry) from None
            latest = -1
            for number, image in images:
                rank = index.rank[number]
                latest = max(latest, rank)
                other = index.frame_of[number]
                # Shown before the keyframe but stored after it: lacks what it was made from.
                if other < 0 or rank < begin:
                    continue
                if other != self._next_frame >= 0:
                    # One is lost, or the timestamps contradict the order in which the decoder
                    # shows the images.
                    decoder.failed.add(number)
                self._next_frame = int(other) + 1
                if other == frame:
                    found = image
                elif not decoder.failed:
                    if emit is not None:
                        emit(int(other), image)
                    if rank > goal:
                        self._left_over[int(other)] = image
            if not index.key[entry]:
                raise self._suspect(entry)
            if decoder.failed:
                self._check_failures()
            if found is None and latest > goal + _LATE:
                raise self._suspect(entry)
        return found

    def continues(self, frame: int) -> bool:
        """Whether a frame is reached by decoding on, without a jump."""
        if frame in self._left_over:
            return True
        return self._is_ahead(int(self._index.packet_of[frame]), self._index.entry(frame))

    def close(self) -> None:
        """Close the decoder."""
        self.decoder.close()

    def _is_ahead(self, packet: int, entry: int) -> bool:
        """Whether the frame comes out if decoding just goes on, and no later than after a jump."""
        decoder, index = self.decoder, self._index
        if decoder.entry is None or not index.key[decoder.entry]:
            return False
        if index.rank[packet] < index.rank[decoder.entry]:
            return False
        if packet in decoder.pending:
            return True
        return decoder.next_packet <= packet and entry <= decoder.next_packet + _NEAR

    def _check_failures(self) -> None:
        for number in sorted(self.decoder.failed):
            entry = self._index.group_of(number)
            if entry not in self._examined:
                raise self._suspect(entry)
        self.decoder.failed.clear()

    def _suspect(self, entry: int) -> SuspectGroup:
        self.decoder.entry = None
        self._left_over.clear()
        return SuspectGroup(entry)
