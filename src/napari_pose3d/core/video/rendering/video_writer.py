"""Writing images to an H.264 video that plays everywhere."""

from __future__ import annotations

import os
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

if TYPE_CHECKING:
    import av

_CODEC = "libx264"
# ITU-R BT.709, as H.264 and players name it.
_BT709 = 1
_LIMITED = 1


class VideoWriter:
    """An MP4 file of H.264 (yuv420p), image after image; a context manager.

    Parameters
    ----------
    path : path
        An existing file is overwritten.
    width, height : int
        Even numbers, px.
    rate : Fraction
        Frames a second.

    Raises
    ------
    PoseDataError
        PyAV has no encoder for H.264, or the file cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], width: int, height: int, rate: Fraction
    ) -> None:
        import av

        if _CODEC not in av.codecs_available:
            raise PoseDataError(
                f"this PyAV has no encoder for H.264 ({_CODEC})",
                todo="Install PyAV from PyPI (pip install av)",
            )
        self._path = path
        self._size = (height, width, 3)
        self._n = 0
        try:
            self._container = av.open(os.fspath(path), "w", format="mp4")
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error
        stream: Any = self._container.add_stream(_CODEC, rate=rate)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "19", "preset": "veryfast"}
        self._stream, context = stream, stream.codec_context
        context.time_base = 1 / rate
        # A keyframe each second: players jump quickly.
        context.gop_size = int(min(max(round(rate), 1), 250))
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED

    def write(self, image: NDArray[np.uint8]) -> None:
        """Add the next image, ``(y, x, 3)`` RGB."""
        import av
        from av.video.reformatter import ColorRange, Colorspace

        assert image.shape == self._size
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts, frame.time_base = self._n, self._stream.codec_context.time_base
        self._n += 1
        self._mux(frame)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        import av

        try:
            if error is None:
                self._mux(None)
            self._container.close()
        except (av.FFmpegError, OSError) as failure:
            if error is None:
                raise self._failure(failure) from failure

    def _mux(self, frame: av.VideoFrame | None) -> None:
        import av

        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> PoseDataError:
        return PoseDataError(
            f"the video cannot be written ({error})",
            file=self._path,
            todo="Free some space, or write elsewhere",
        )
