"""Frames of a video as PNG files, named as Lightning Pose names them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError

from .decode.image_conversion import Array

if TYPE_CHECKING:
    from .video_array import VideoArray


def frame_file_name(session_frame: int) -> str:
    """The name under which Lightning Pose keeps a frame: ``img00000012.png``."""
    return f"img{session_frame:08d}.png"


def extract_frames(
    video: VideoArray,
    indices: Iterable[int],
    folder: str | os.PathLike[str],
    *,
    offset: int = 0,
    overwrite: bool = False,
) -> list[Path]:
    """Write frames of a video as PNG files; all of them appear or none.

    Parameters
    ----------
    video : VideoArray
    indices : iterable of int
        Frame numbers of the video.
    folder : path
        Made if it does not exist.
    offset : int
        The view's offset: the files are named by session frame, which is video frame + offset.
    overwrite : bool
        Whether files that are there already may be replaced.

    Returns
    -------
    list of Path
        One file per index, in the same order.

    Raises
    ------
    PoseDataError
        When an index is not in the video, a frame is unreadable, or a file exists already.
    """
    numbers = [int(number) for number in indices]
    absent = [number for number in numbers if not 0 <= number < len(video)]
    if absent:
        raise PoseDataError(
            f"there are no frames {_list(absent)}",
            file=video.path,
            expected=f"frames from 0 to {len(video) - 1}",
        )
    nameless = [number for number in numbers if number + offset < 0]
    if nameless:
        raise PoseDataError(
            f"with the offset {offset}, frames {_list(nameless)} lie before the session's start",
            file=video.path,
        )
    paths = {n: Path(folder) / frame_file_name(n + offset) for n in numbers}
    with FileGroup(overwrite=overwrite) as group:
        for number in sorted(paths):
            image = video[number]
            if number in video.damaged:
                # Nobody should label, and no network learn, an image that we made up.
                raise PoseDataError(
                    f"frame {number} cannot be read, the video is damaged there",
                    file=video.path,
                    todo="Choose another frame",
                )
            group.path(paths[number]).write_bytes(encode_png(image, video.bits))
    return [paths[number] for number in numbers]


def encode_png(image: Array, bits: int = 8) -> bytes:
    """An image, ``(y, x)`` or ``(y, x, 3)``, of so many bits as a PNG file of 8 bit."""
    import av

    if bits > 8:
        # Lightning Pose reads 8 bit; what it makes of 16 is white.
        image = (image >> (bits - 8)).astype(np.uint8)
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    kind = "gray" if image.ndim == 2 else "rgb24"
    encoder.width, encoder.height = image.shape[1], image.shape[0]
    encoder.pix_fmt, encoder.time_base = kind, Fraction(1, 1)
    # A third of the time for a tenth more bytes.
    encoder.options = {"compression_level": "3", "pred": "up"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=kind)
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def _list(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5]))
    return f"{shown} and {len(numbers) - 5} more" if len(numbers) > 5 else shown
