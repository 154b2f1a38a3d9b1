"""Small videos whose every image carries its own number, one for each way a video can be odd.

The number is drawn as a bar code of black and white blocks, each bit once as it is and once
inverted, so that compression cannot turn one number into another without being noticed.
`read_number` gives it back. `VIDEOS` lists the videos; `Video.write` makes one.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

# Otherwise the AV1 encoder prints its settings.
os.environ.setdefault("SVT_LOG", "1")

# So that each encoder gives the same bytes from run to run and on every processor.
_EXACT = {
    "libx264": ("x264-params", "threads=1:lookahead-threads=1:mbtree=0:cpu-independent=1"),
    "libx265": ("x265-params", "pools=none:frame-threads=1:log-level=none"),
}

BITS = 7
WIDTH, HEIGHT = 128, 96
_BLOCK = 14


def draw(number: int, width: int = WIDTH, height: int = HEIGHT, *, colour: bool) -> np.ndarray:
    """The image with the given number, ``(height, width, 3)`` uint8 RGB."""
    y, x = np.mgrid[:height, :width]
    # A pattern that moves, so that an image predicted from the wrong one looks wrong.
    grey = 96 + 60 * np.sin(x / 9 + number / 3) * np.cos(y / 7 - number / 5)
    image = np.repeat(grey[..., None], 3, axis=-1)
    if colour:
        image[height // 2 :, : width // 3] = 200, 40, 60
        image[height // 2 :, width // 3 : 2 * width // 3] = 30, 180, 70
    for bit in range(BITS):
        on = number >> bit & 1
        left = 2 + bit * _BLOCK
        image[2 : 2 + _BLOCK, left : left + _BLOCK] = 255 * on
        image[2 + _BLOCK : 2 + 2 * _BLOCK, left : left + _BLOCK] = 255 * (1 - on)
    return image.astype(np.uint8)


def read_number(image: np.ndarray) -> int:
    """The number in an image; -1 where there is none."""
    code = image[2 : 2 + 2 * _BLOCK, 2 : 2 + BITS * _BLOCK]
    if code.ndim == 3:
        code = code[..., 1]
    blocks = code.reshape(2, _BLOCK, BITS, _BLOCK)[:, 4:-4, :, 4:-4].mean(axis=(1, 3))
    if image.dtype == np.uint16:
        blocks /= 4 if blocks.max() < 1024 else 16 if blocks.max() < 4096 else 257
    difference = blocks[0] - blocks[1]
    if (abs(difference) < 150).any():
        return -1
    return int(((difference > 0) << np.arange(BITS)).sum())


Packets = Iterable[av.Packet]


@dataclass(frozen=True)
class Video:
    """How a video is made.

    Attributes
    ----------
    name : str
        File name.
    codec, pix_fmt, options
        For the encoder.
    n_frames : int
    times : callable
        Display time of image n in units of `time_base`.
    numbers : callable
        The numbers of the displayed images, given `n_frames`.
    change : callable
        Changes the encoded packets on their way into the file.
    """

    name: str
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    format: str | None = None
    n_frames: int = 75
    colour: bool = False
    size: tuple[int, int] = (WIDTH, HEIGHT)
    rate: Fraction = Fraction(30)
    time_base: Fraction = Fraction(1, 30)
    times: Callable[[int], int] = lambda n: n
    numbers: Callable[[int], Iterable[int]] = range
    change: Callable[[Iterator[av.Packet]], Iterable[av.Packet]] = iter
    rotation: int = 0
    palette_changes_at: int | None = None
    global_header: bool = True

    def write(self, folder: Path) -> Path:
        """Make the video; skips the test when the encoder is not in this build of PyAV."""
        path = folder / self.name
        if path.exists():
            return path
        try:
            av.Codec(self.codec, "w")
        except av.codec.codec.UnknownCodecError:
            import pytest

            pytest.skip(f"this build of PyAV cannot write {self.codec}")
        draft = path.with_name("part-" + path.name)
        with (
            _own_priority(),
            av.open(str(draft), "w", format=self.format, options=self.container) as container,
        ):
            stream: Any = container.add_stream(self.codec, rate=self.rate)
            stream.width, stream.height = self.size
            stream.pix_fmt = self.pix_fmt
            stream.codec_context.time_base = self.time_base
            stream.time_base = self.time_base
            stream.codec_context.thread_count = 1
            stream.options = self._exact_options()
            if self.rotation:
                stream.set_display_rotation(self.rotation)
            for packet in self.change(self._encode(stream)):
                container.mux(packet)
        draft.rename(path)
        return path

    def _encode(self, stream: Any) -> Iterator[av.Packet]:
        for n in range(self.n_frames):
            image = draw(n, *self.size, colour=self.colour)
            frame = self._frame(n, image)
            frame.pts, frame.time_base = self.times(n), self.time_base
            yield from stream.encode(frame)
        yield from stream.encode(None)

    def _frame(self, n: int, image: np.ndarray) -> av.VideoFrame:
        if self.pix_fmt != "pal8":
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            return frame.reformat(format=self.pix_fmt)
        grey = image[..., 1]
        ramp = np.arange(256)
        if self.palette_changes_at is not None and n >= self.palette_changes_at:
            # The same brightness by other numbers.
            grey, ramp = 255 - grey, 255 - ramp
        palette = np.stack([np.full(256, 255), ramp, ramp, ramp], axis=-1).astype(np.uint8)
        return av.VideoFrame.from_ndarray((grey, palette), format="pal8")

    def _exact_options(self) -> dict[str, str]:
        if self.codec not in _EXACT:
            return self.options
        name, exact = _EXACT[self.codec]
        return {**self.options, name: ":".join(filter(None, (self.options.get(name), exact)))}

    @property
    def truth(self) -> list[int]:
        return list(self.numbers(self.n_frames))


@contextmanager
def _own_priority() -> Iterator[None]:
    """Leave the scheduler as it was.

    Run by root, SVT-AV1 gives the thread that opens it real-time priority. It keeps that, and all
    threads that wait for a processor beside it hardly get any.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, given = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, given)


def _irregular(n: int) -> int:
    """Times of a camera that drops frames now and then, in milliseconds."""
    return 33 * n + 40 * (n // 7) + 95 * (n // 31) + (n * 7) % 11


def _shifted(by: int) -> Callable[[Iterator[av.Packet]], Iterator[av.Packet]]:
    def change(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        for packet in packets:
            packet.pts += by
            packet.dts += by
            yield packet

    return change


def _without_first(count: int) -> Callable[[Iterator[av.Packet]], Iterator[av.Packet]]:
    """A video that was cut within a group of images."""
    return lambda packets: itertools.islice(packets, count, None)


def _all_key(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """Claim that every packet is a keyframe, as some recorders do."""
    for packet in packets:
        packet.is_keyframe = True
        yield packet


def _with_payload(packet: av.Packet, payload: bytes) -> av.Packet:
    copy = av.Packet(payload)
    copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
    copy.stream, copy.is_keyframe = packet.stream, packet.is_keyframe
    return copy


# A P-image that is "not coded".
_EMPTY = b"\0\0\1\xb6\x50\x5f"


def _packed(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """MPEG-4 as DivX wrote it into AVI: a B-image shares the chunk of the one it follows.

    An empty image takes the place where the B-image would have been.
    """
    everything = list(packets)
    groups: list[list[av.Packet]] = []
    for packet in everything:
        kind = bytes(packet)[bytes(packet).index(b"\0\0\1\xb6") + 4] >> 6
        if kind == 2:
            groups[-1].append(packet)
        else:
            groups.append([packet])
    chunks: list[tuple[av.Packet, bytes]] = []
    for group in groups:
        head = bytes(group[0])
        if not chunks:
            at = head.index(b"\0\0\1\xb6")
            head = head[:at] + b"\0\0\1\xb2DivX503b1393p" + head[at:]
        chunks.append((group[0], head + b"".join(bytes(each) for each in group[1:])))
        chunks += [(each, _EMPTY) for each in group[1:]]
    for i, (packet, payload) in enumerate(chunks):
        packet = _with_payload(packet, payload)
        packet.pts = packet.dts = i
        yield packet


def _with_empty_packets(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """MPEG-4 with packets that only say that nothing is new, which no image comes out of."""
    ticks = itertools.count()
    for i, packet in enumerate(packets):
        packet.pts = packet.dts = next(ticks)
        yield packet
        if i % 10 == 3:
            empty = _with_payload(packet, _EMPTY)
            empty.pts = empty.dts = next(ticks)
            empty.is_keyframe = False
            yield empty


def _every_tenth_hidden(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """VP8 with images that serve to predict others and are never shown."""
    for i, packet in enumerate(packets):
        if i % 10 == 5:
            payload = bytearray(bytes(packet))
            payload[0] &= ~0x10
            packet = _with_payload(packet, bytes(payload))
        yield packet


def _superframes_apart(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """VP9 with the hidden images in packets of their own."""
    for packet in packets:
        payload = bytes(packet)
        marker = payload[-1]
        count, width = (marker & 7) + 1, (marker >> 3 & 3) + 1
        length = 2 + count * width
        if marker >> 5 != 0b110 or payload[-length] != marker:
            yield packet
            continue
        start = 0
        for i in range(count):
            at = len(payload) - length + 1 + i * width
            size = int.from_bytes(payload[at : at + width], "little")
            part = _with_payload(packet, payload[start : start + size])
            part.is_keyframe = packet.is_keyframe and i == 0
            part.pts = part.dts = packet.pts - (count - 1 - i) * 5
            yield part
            start += size


_B = {"g": "24", "bf": "3", "preset": "veryfast", "crf": "18"}
_MKV = Fraction(1, 1000)


def _ms(n: int) -> int:
    return round(n * 1000 / 30)


VIDEOS = [
    Video("h264-b-frames.mp4", options=_B),
    Video("h264-b-frames-colour.mp4", options=_B, colour=True),
    Video("h264-one-gop.mp4", options={**_B, "g": "1000"}, n_frames=75),
    Video("h264-no-b-frames.mp4", options={**_B, "bf": "0"}),
    Video("h264-all-intra.mp4", options={"g": "1", "preset": "ultrafast"}, n_frames=40),
    Video("h264-open-gop.mp4", options={**_B, "x264-params": "open-gop=1:b-adapt=0"}),
    Video("h264-open-gop.mkv", options={**_B, "x264-params": "open-gop=1:b-adapt=0"}),
    Video("h264-intra-refresh.mp4", options={**_B, "bf": "0", "intra-refresh": "1"}),
    Video("h264-variable-rate.mp4", options=_B, time_base=_MKV, times=_irregular),
    Video("h264-variable-rate.mkv", options=_B, time_base=_MKV, times=_irregular),
    Video("h264-starts-late.mp4", options=_B, times=lambda n: n + 77),
    Video("h264-starts-late.mkv", options=_B, time_base=_MKV, times=lambda n: _ms(n) + 7000),
    Video(
        "h264-edit-list.mp4",
        options={**_B, "bf": "2"},
        container={"avoid_negative_ts": "disabled"},
        change=_shifted(-13),
        numbers=lambda n: range(13, n),
    ),
    Video("h264.mov", options=_B),
    Video("h264.m4v", options=_B, format="mp4"),
    Video("h264.mkv", options=_B, time_base=_MKV, times=_ms),
    Video("h264-fragments.mp4", options=_B, container={"movflags": "frag_keyframe+empty_moov"}),
    Video("h264-index-first.mp4", options=_B, container={"movflags": "faststart"}),
    Video("h264-no-index.mkv", options=_B, container={"live": "1"}),
    Video("h264-b-frames.avi", options=_B),
    Video("h264-lying-keyframes.mkv", options={**_B, "bf": "0"}, change=_all_key),
    Video("h264-lying-keyframes.mp4", options={**_B, "bf": "0"}, change=_all_key),
    Video("h264.ts", options=_B, format="mpegts"),
    Video("h264.asf", options=_B, n_frames=60),
    Video("mpeg4.asf", "mpeg4", options={"g": "12", "bf": "2", "b": "2M"}, n_frames=60),
    Video(
        "mpeg1.m1v",
        "mpeg1video",
        options={"g": "12", "bf": "2", "b": "3M"},
        rate=Fraction(25),
        time_base=Fraction(1, 25),
        n_frames=60,
    ),
    Video("h264-10-bit.mp4", options=_B, pix_fmt="yuv420p10le"),
    Video("h264-444-odd.mp4", options=_B, pix_fmt="yuv444p", size=(125, 93), colour=True),
    Video("h264-full-range.mp4", options=_B, pix_fmt="yuvj420p"),
    Video("h264-rotated-90.mp4", options=_B, rotation=90, colour=True),
    Video("h264-rotated-180.mp4", options=_B, rotation=180),
    Video("hevc.mp4", "libx265", options={"x265-params": "keyint=24:bframes=3"}),
    Video(
        "hevc-open-gop.mkv",
        "libx265",
        options={"x265-params": "keyint=24:min-keyint=24:bframes=4:open-gop=1"},
    ),
    Video(
        "hevc-12-bit.mp4",
        "libx265",
        pix_fmt="yuv420p12le",
        n_frames=40,
        options={"x265-params": "keyint=20:bframes=3"},
    ),
    Video(
        "vp9-hidden-frames.webm",
        "libvpx-vp9",
        options={
            "g": "24",
            "auto-alt-ref": "1",
            "lag-in-frames": "16",
            "cpu-used": "5",
            "deadline": "good",
            "b": "300k",
        },
        change=_superframes_apart,
    ),
    Video(
        "vp9.mp4",
        "libvpx-vp9",
        options={"g": "24", "cpu-used": "8", "deadline": "realtime"},
        size=(125, 93),
    ),
    Video(
        "vp8-hidden-frames.webm",
        "libvpx",
        options={"g": "24", "cpu-used": "8", "deadline": "realtime", "b": "300k"},
        change=_every_tenth_hidden,
        numbers=lambda n: (i for i in range(n) if i % 10 != 5),
    ),
    Video(
        "av1.mp4",
        "libsvtav1",
        options={"g": "24", "preset": "12", "svtav1-params": "lp=1"},
        n_frames=50,
    ),
    Video("mpeg4.avi", "mpeg4", options={"g": "24", "bf": "0", "q": "3"}),
    Video("mpeg4-b-frames.avi", "mpeg4", options={"g": "24", "bf": "2", "b": "2M"}),
    Video(
        "mpeg4-packed.avi",
        "mpeg4",
        options={"g": "24", "bf": "1", "b": "2M", "b_strategy": "0"},
        change=_packed,
    ),
    Video(
        "mpeg4-empty-packets.avi",
        "mpeg4",
        options={"g": "24", "bf": "0", "b": "2M"},
        change=_with_empty_packets,
    ),
    Video("mpeg4-lying-keyframes.avi", "mpeg4", options={"g": "24", "b": "2M"}, change=_all_key),
    Video("mpeg4-b-frames.mp4", "mpeg4", options={"g": "24", "bf": "2", "b": "2M"}),
    Video("mpeg2.mpg", "mpeg2video", options={"g": "20", "bf": "2", "b": "3M"}),
    Video("mpeg2.mpeg", "mpeg2video", options={"g": "20", "bf": "0", "b": "3M"}),
    Video("mpeg1.mpg", "mpeg1video", options={"g": "12", "bf": "2", "b": "3M"}),
    Video("mpeg2-long-gop.vob", "mpeg2video", options={"g": "300", "bf": "2", "b": "3M"}),
    Video("mpeg2-small.mpg", "mpeg2video", options={"g": "12", "bf": "2", "b": "300k"}),
    Video("mpeg2.ts", "mpeg2video", options={"g": "12", "bf": "2", "b": "3M"}, format="mpegts"),
    Video("h264.mpg", options={**_B, "g": "12"}, format="vob"),
    Video(
        "hevc.ts",
        "libx265",
        options={"x265-params": "keyint=24:bframes=3"},
        format="mpegts",
    ),
    Video("h264-1000-fps.mkv", options=_B, rate=Fraction(1000), time_base=Fraction(1, 1000)),
    Video("h264-4000-fps.mkv", options=_B, rate=Fraction(4000), time_base=Fraction(1, 4000)),
    Video(
        "h264-negative-times.mkv",
        options=_B,
        time_base=_MKV,
        times=_ms,
        container={"avoid_negative_ts": "disabled"},
        change=_shifted(-500),
    ),
    Video("raw-palette.avi", "rawvideo", pix_fmt="pal8", n_frames=40),
    Video("raw-palette.mov", "rawvideo", pix_fmt="pal8", n_frames=40),
    Video(
        "raw-palette-changes.avi",
        "rawvideo",
        pix_fmt="pal8",
        n_frames=40,
        palette_changes_at=17,
    ),
    Video("rle-palette.avi", "msrle", pix_fmt="pal8", n_frames=40, options={"g": "6"}),
    Video("wmv2.wmv", "wmv2", options={"g": "30", "b": "3M", "qmax": "5"}),
    Video("mjpeg.avi", "mjpeg", pix_fmt="yuvj420p", n_frames=40, options={"q": "3"}),
    Video(
        "mjpeg-fine-time-base.avi",
        "mjpeg",
        pix_fmt="yuvj420p",
        n_frames=40,
        options={"q": "3"},
        rate=Fraction(600),
        time_base=Fraction(1, 600),
        times=lambda n: 20 * n + n % 3,
    ),
    Video("mjpeg-odd.mov", "mjpeg", pix_fmt="yuvj422p", n_frames=40, size=(125, 93), colour=True),
    Video("ffv1.mkv", "ffv1", n_frames=40, time_base=_MKV, times=_ms),
    Video("ffv1-colour.avi", "ffv1", pix_fmt="bgr0", n_frames=40, colour=True),
    Video("ffv1-grey-16.mkv", "ffv1", pix_fmt="gray16le", n_frames=40),
    Video("ffv1-grey.avi", "ffv1", pix_fmt="gray", n_frames=40),
    Video(
        "ffv1-lying-keyframes.avi",
        "ffv1",
        pix_fmt="gray",
        n_frames=40,
        options={"g": "12"},
        change=_all_key,
    ),
    Video(
        "rle-lying-keyframes.avi",
        "msrle",
        pix_fmt="pal8",
        n_frames=40,
        options={"g": "6"},
        change=_all_key,
    ),
    Video("cineform.mov", "cfhd", pix_fmt="yuv422p10le", n_frames=40),
    Video("huffyuv.avi", "huffyuv", pix_fmt="rgb24", n_frames=40),
    Video("raw-grey.avi", "rawvideo", pix_fmt="gray", n_frames=40),
]

CUT = [
    Video(
        "h264-cut.mp4",
        options={**_B, "bf": "0"},
        change=_without_first(5),
        numbers=lambda n: range(24, n),
    ),
    Video(
        "h264-cut.mkv",
        options={**_B, "bf": "0"},
        change=_without_first(1),
        numbers=lambda n: range(24, n),
    ),
    Video(
        "h264-cut-lying-keyframes.mp4",
        options={**_B, "bf": "0"},
        change=lambda packets: _all_key(_without_first(5)(packets)),
        numbers=lambda n: range(24, n),
    ),
    Video(
        "h264-cut.ts",
        options={**_B, "g": "12"},
        format="mpegts",
        change=_without_first(5),
        numbers=lambda n: range(12, n),
    ),
    Video(
        "mpeg2-cut.mpg",
        "mpeg2video",
        options={"g": "12", "bf": "2", "b": "3M"},
        change=_without_first(4),
        numbers=lambda n: range(12, n),
    ),
    Video(
        "vp9-cut.webm",
        "libvpx-vp9",
        options={"g": "24", "cpu-used": "8", "deadline": "realtime"},
        change=_without_first(7),
        numbers=lambda n: range(24, n),
    ),
]
"""Videos that begin within a group of images."""

BY_NAME = {video.name: video for video in (*VIDEOS, *CUT)}


def folder_of(factory: Any) -> Path:
    """Where the videos of this test session lie; each is made once."""
    folder: Path = factory.getbasetemp() / "videos"
    folder.mkdir(exist_ok=True)
    return folder
