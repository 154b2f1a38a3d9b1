"""From a decoded image to the array that the user gets: grey or RGB, full range, upright."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.format import VideoFormat
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

Array = NDArray[Any]
Colour = Literal["auto", "grey", "rgb"]

_of_thread = threading.local()
_FULL_RANGE = 2
_FLAT = 3  # how far chroma may be from "no colour" in a grey video: compression moves it by 1 or 2


@dataclass(frozen=True)
class CachedImage:
    """A decoded image as the cache keeps it, before conversion.

    Attributes
    ----------
    data : (y, x) array or VideoFrame
        Brightness only, or the image as it was decoded.
    nbytes : int
    full_range : bool
        Whether black is 0 and white the largest value.
    bits : int
        Of brightness.
    """

    data: Array | VideoFrame
    nbytes: int
    full_range: bool = True
    bits: int = 8


class ImageConverter:
    """Converts the images of one video to arrays of one shape and type.

    Parameters
    ----------
    first : VideoFrame
        An image of the video.
    grey : bool
        Whether to give brightness only.
    """

    def __init__(self, first: VideoFrame, *, grey: bool) -> None:
        self.grey = grey
        self._size = (first.height, first.width)
        self._turns = round(first.rotation / 90) % 4
        bits = max(component.bits for component in first.format.components)
        deep = grey and bits > 8 and has_brightness(first.format)
        self.bits = bits if deep else 8
        self.dtype = np.dtype(np.uint16 if deep else np.uint8)
        height, width = self._size[::-1] if self._turns % 2 else self._size
        self.nbytes_cached = self.to_cached(first).nbytes
        self.shape: tuple[int, ...] = (height, width) if grey else (height, width, 3)

    def fits(self, image: VideoFrame) -> bool:
        """Whether the image has the video's size; some damaged videos change it midway."""
        return (image.height, image.width) == self._size

    def to_cached(self, image: VideoFrame) -> CachedImage:
        """What to keep of an image: the brightness of a grey video, else it as it was decoded.

        The decoder's own memory is kept rather than copied: as soon as the cache lets go of an old
        image, the decoder uses its memory for a new one.
        """
        if self.grey and has_brightness(image.format) and image.planes[0].line_size > 0:
            plane = _plane(image, 0).copy()
            bits = image.format.components[0].bits
            return CachedImage(plane, plane.nbytes, _is_full_range(image), bits)
        return CachedImage(image, sum(plane.buffer_size for plane in image.planes))

    def to_array(self, cached: CachedImage) -> Array:
        """A new array of `shape` and `dtype`.

        Not to be called for one image from two threads at once: PyAV changes the image for
        the time of a conversion.
        """
        if isinstance(cached.data, np.ndarray):
            array = cached.data.copy() if cached.full_range else _expand(cached.data, cached.bits)
        elif self.grey:
            array = _brightness(cached.data)
        else:
            array = _rgb(cached.data)
        if self._turns:
            array = np.rot90(array, self._turns)
        return np.ascontiguousarray(array)

    def placeholder(self) -> Array:
        """The image that stands for one that cannot be read: diagonal stripes."""
        y, x = np.ogrid[: self.shape[0], : self.shape[1]]
        stripes = (x + y) // 8 % 2
        top = (1 << self.bits) - 1
        image = np.where(stripes, top // 2, top // 8).astype(self.dtype)
        return image if self.grey else np.repeat(image[..., None], 3, axis=-1)


def is_grey(image: VideoFrame) -> bool:
    """Whether an image has no colour."""
    kind = image.format
    if kind.name.startswith(("gray", "mono", "y1")):
        return True
    if kind.is_planar and not kind.is_rgb and len(image.planes) >= 2:
        bits = kind.components[0].bits
        middle, slack = 1 << (bits - 1), _FLAT << (bits - 8)
        return all(
            abs(int(edge) - middle) <= slack
            for i in range(1, min(len(image.planes), 3))
            for chroma in (_plane(image, i),)
            for edge in (chroma.min(), chroma.max())
        )
    rgb = _rgb(image).astype(np.int16)
    return int(np.ptp(rgb, axis=-1).max()) <= 2 * _FLAT


def has_brightness(kind: VideoFormat) -> bool:
    """Whether the first plane of a pixel format is the brightness and nothing else."""
    if kind.name.startswith("gray"):
        return kind.components[0].bits <= 16 and not kind.name.startswith("grayf")
    return kind.name.startswith(("yuv", "nv", "p0")) and kind.is_planar


def _plane(image: VideoFrame, number: int) -> Array:
    plane = image.planes[number]
    kind = image.format
    wide = kind.components[0].bits > 8
    order = ">" if kind.name.endswith("be") else "<"
    dtype = np.dtype(f"{order}u2" if wide else "u1")
    rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)
    # Interleaved chroma (nv12) is twice as wide as the plane says, which does not matter here.
    array = rows[:, : plane.width]
    return array if array.dtype.isnative else array.astype(dtype.newbyteorder("="))


def _is_full_range(image: VideoFrame) -> bool:
    return image.color_range == _FULL_RANGE or image.format.name.startswith(("yuvj", "gray"))


def _expand(plane: Array, bits: int) -> Array:
    """Video range to full range: 8 bit from 16..235 to 0..255, deeper images likewise."""
    if bits == 8:
        full = np.clip(plane, 16, 235)
        full -= 16
        # times 255 / 219, rounded: 1 + 36 / 219, so that sixteen bits are enough.
        more = np.multiply(full, 36, dtype=np.uint16)
        more += 109
        more //= 219
        full += more.astype(np.uint8)
        return full
    scale = 1 << (bits - 8)
    span, top = 219 * scale, (1 << bits) - 1
    wide = np.clip(plane, 16 * scale, 235 * scale).astype(np.uint64) - 16 * scale
    return ((wide * top + span // 2) // span).astype(np.uint16)


def _rgb(image: VideoFrame) -> Array:
    return np.asarray(_converter().reformat(image, format="rgb24", threads=1).to_ndarray())


def _converter() -> VideoReformatter:
    """The converter of this thread; making one costs more than a small image's conversion."""
    if not hasattr(_of_thread, "converter"):
        from av.video.reformatter import VideoReformatter

        _of_thread.converter = VideoReformatter()
    converter: VideoReformatter = _of_thread.converter
    return converter


def _brightness(image: VideoFrame) -> Array:
    if image.format.is_rgb or image.format.name.startswith(("gbr", "pal")):
        weights = np.array([0.299, 0.587, 0.114], np.float32)
        return (_rgb(image) @ weights + 0.5).astype(np.uint8)
    return np.asarray(_converter().reformat(image, format="gray", threads=1).to_ndarray())
