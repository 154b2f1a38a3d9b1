"""A video opened with PyAV, or the reason why it cannot be."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.core.storage.input_files import check_regular, open_input
from napari_pose3d.errors import PoseDataError

from .frame_index import NO_TIME, PacketMarks
from .mp4_boxes import boxes_inside, whole_file

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Their decoders invent an image to predict from where the video begins without a keyframe.
_INVENTING = ("mpeg4", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "h263", "flv1")
# libavcodec does not say so of these.
_INTRA_ONLY = ("cfhd",)
_NO_TYPE = 0
_MP4_LIKE = (".mp4", ".mov", ".m4v")


def open_container(path: str | os.PathLike[str]) -> tuple[InputContainer, VideoStream]:
    """Open a video and choose its video stream.

    Raises
    ------
    PoseDataError
        When there is no such file, it is not a video, or it has no video stream.
    """
    import av
    from av.stream import Discard

    path = Path(path)
    check_video_file(path)
    try:
        # Titles and comments in a damaged or old file need not be UTF-8.
        container = av.open(os.fspath(path), metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _cannot_open(path, error) from error
    stream = next(
        (each for each in container.streams.video if not _is_cover(each)),
        None,
    )
    if stream is None or stream.codec_context is None:
        container.close()
        raise PoseDataError(
            "holds no video that can be read",
            file=path,
            expected="a video (mp4, avi, mov, mkv, m4v, mpg, ts, webm, wmv)",
        )
    # Sound and data beside the images would only be read to be thrown away.
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return container, stream


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """The packets of a video to its end, and an empty one behind them.

    Where streams begin in the midst of a file (MPEG-TS and MPEG-PS, also by damage), PyAV looks
    behind the last packet for them in a list that was made at the beginning: `IndexError`.
    """
    with contextlib.suppress(IndexError):
        yield from container.demux(stream)


def other_streams(container: InputContainer) -> str:
    """In words, that a file holds further videos; "" where it does not."""
    videos = [each for each in container.streams.video if not _is_cover(each)]
    if len(videos) < 2:
        return ""
    sizes = ", ".join(f"{each.width} x {each.height} px" for each in videos)
    return f"the file holds {len(videos)} videos ({sizes}); the first is read"


def check_video_file(path: str | os.PathLike[str]) -> None:
    """Refuse what is not a regular file with something in it: opening a pipe could wait for ever.

    Raises
    ------
    PoseDataError
    """
    if check_regular(path, expected="a video file") == 0:
        raise PoseDataError(
            "is empty (0 bytes)", file=path, todo="Copy the recording again from the camera's disk"
        )


def packet_marks(packet: av.Packet, *, checksum: bool = False) -> PacketMarks:
    """What distinguishes a packet from the others; the checksum only when asked for."""
    pts, dts, position = packet.pts, packet.dts, packet.pos
    return PacketMarks(
        NO_TIME if pts is None else pts,
        NO_TIME if dts is None else dts,
        NO_TIME if position is None else position,
        packet.size,
        zlib.crc32(packet) if checksum else NO_TIME,
    )


def time_base_of(stream: VideoStream) -> Fraction:
    """Seconds per unit of the stream's times."""
    base = stream.time_base
    return Fraction(base.numerator, base.denominator) if base else Fraction(1)


def _is_cover(stream: VideoStream) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _cannot_open(path: Path, error: Exception) -> PoseDataError:
    if isinstance(error, PermissionError):
        return PoseDataError(
            "may not be read", file=path, todo="Ask for the right to read the file"
        )
    if path.suffix.lower() in _MP4_LIKE and (cut := _cut_index(path)) is not None:
        return cut
    return PoseDataError(
        f"cannot be read as a video ({_reason(error)})",
        file=path,
        expected="a video (mp4, avi, mov, mkv, m4v, mpg, ts, webm, wmv)",
        todo="Try whether a video player shows it; if so, report this file",
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _cut_index(path: Path) -> PoseDataError | None:
    """The error for a file whose index was not written, or not copied to its end."""
    try:
        with open_input(path) as stream:
            _, size = whole_file(stream)
            moov = boxes_inside(stream, (0, size)).get(b"moov")
    except (PoseDataError, OSError):
        # It vanished in between: the first error is the better one.
        return None
    if moov is None:
        return PoseDataError(
            "the recording was cut off before its index (the 'moov' box) was written, so no "
            "image in it can be found",
            file=path,
            todo="Repair it with a tool such as untrunc and an intact video of the same camera",
        )
    if moov[1] > size:
        return PoseDataError(
            f"the last {moov[1] - size:,} bytes are missing, which belong to its index (the 'moov' "
            "box), so no image in it can be found",
            file=path,
            todo="Copy the recording again from the camera's disk",
        )
    return None


def is_intra_only(context: VideoCodecContext) -> bool:
    """Whether a codec never predicts an image from another."""
    return bool(context.codec.intra_only) or context.name in _INTRA_ONLY


def is_invented(image: VideoFrame, codec: str) -> bool:
    """Whether a decoder made an image up to predict others from, in a video that was cut.

    Players show it; it belongs to no packet, whatever time it has.
    """
    return image.pict_type == _NO_TYPE and codec in _INVENTING
