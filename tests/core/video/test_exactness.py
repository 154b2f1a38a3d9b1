"""Frame n is frame n: every kind of video, read in order, backward, at random and by threads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from tests.support.video_recipes import BY_NAME, VIDEOS, Video, draw, folder_of, read_number

from napari_pose3d.core.video.decode.image_conversion import Array
from napari_pose3d.core.video.index import index_store
from napari_pose3d.core.video.reader_factory import first_image
from napari_pose3d.core.video.video_array import VideoArray, open_video

# So small that every video is decoded again and again.
_LARGE = {"g": "20", "bf": "2", "preset": "ultrafast", "crf": "18"}
SMALL_CACHE = 20 * 128 * 96 * 2


@pytest.fixture(autouse=True)
def _own_index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: tmp_path / "cache")


def decode_in_order(path: Path, *, grey: bool, turns: int = 0) -> list[Array]:
    """What a plain decode loop gives: the truth about which image comes when."""
    images = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if grey and frame.format.components[0].bits > 8:
                image = np.asarray(frame.to_ndarray(format="gray16le"))
            else:
                image = np.asarray(frame.to_ndarray(format="gray" if grey else "rgb24"))
            images.append(np.ascontiguousarray(np.rot90(image, turns)))
    return images


def count_wrong(opened: VideoArray, order: list[int], truth: list[Array]) -> int:
    return sum(not same(opened[n], truth[n]) for n in order)


def same(got: Array, true: Array) -> bool:
    if true.dtype == np.uint16:
        # The plain loop gives 16 bit whatever the video has.
        scale = 65535 / (4095 if got.max() > 1023 else 1023)
        if got.max() > 4095:
            scale = 1
        return bool(np.abs(got * scale - true).max() <= 0.01 * 65535)
    return got.shape == true.shape and bool(np.abs(got.astype(int) - true).max() <= 1)


@pytest.fixture(params=VIDEOS, ids=lambda video: video.name)
def video(request: pytest.FixtureRequest) -> Video:
    made: Video = request.param
    return made


@pytest.fixture
def path(video: Video, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video.write(folder_of(tmp_path_factory))


@pytest.fixture
def opened(path: Path, video: Video) -> Iterator[VideoArray]:
    with open_video(path, cache_bytes=SMALL_CACHE) as opened:
        yield opened


def test_every_frame_is_the_right_one(video: Video, path: Path, opened: VideoArray) -> None:
    turns = video.rotation // 90
    truth = decode_in_order(path, grey=not video.colour, turns=turns)
    n = len(opened)
    assert n == len(video.truth) == len(truth)
    assert opened.is_grey == (not video.colour)
    shown = [read_number(np.rot90(opened[i], -turns)) for i in range(n)]
    assert shown == video.truth
    assert count_wrong(opened, list(range(n)), truth) == 0
    assert count_wrong(opened, list(range(n))[::-1], truth) == 0
    order = random.Random(1).choices(range(n), k=40)
    assert count_wrong(opened, order, truth) == 0
    together = random.Random(2).choices(range(n), k=60)
    with ThreadPoolExecutor(4) as pool:
        wrong = pool.map(lambda part: count_wrong(opened, part, truth), _in_parts(together, 4))
        stretches = pool.map(lambda start: opened[start : start + 40], range(0, n, 40))
        assert sum(wrong) == 0
        everything = np.concatenate(list(stretches))
    assert len(everything) == n
    assert all(same(got, true) for got, true in zip(everything, truth, strict=True))
    assert opened.damaged == ()
    # What is shown while the index is made.
    first = first_image(path)
    np.testing.assert_array_equal(first.array, opened[0])
    assert (first.is_grey, first.bits) == (opened.is_grey, opened.bits)


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "rgb"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p"])
def test_large_images(colour: bool, pix_fmt: str, tmp_path: Path) -> None:
    """They are kept in the decoder's own memory, which is used again when they give way."""
    video = Video(
        "large.mp4", size=(640, 480), n_frames=40, colour=colour, pix_fmt=pix_fmt, options=_LARGE
    )
    path = video.write(tmp_path)
    truth = decode_in_order(path, grey=not colour)
    with open_video(path, cache_bytes=8_000_000) as opened:
        assert count_wrong(opened, list(range(40)), truth) == 0
        assert count_wrong(opened, list(range(40))[::-1], truth) == 0
        kept = opened[39].copy()
        order = random.Random(5).choices(range(40), k=80)
        with ThreadPoolExecutor(3) as pool:
            wrong = pool.map(lambda part: count_wrong(opened, part, truth), _in_parts(order, 3))
            assert sum(wrong) == 0
        assert opened._reader._cache.nbytes <= 8_000_000
        np.testing.assert_array_equal(kept, opened[39])


def _in_parts(order: list[int], count: int) -> list[list[int]]:
    return [order[i::count] for i in range(count)]


def test_times_are_those_of_the_video(opened: VideoArray, video: Video) -> None:
    times = opened.frame_times()
    assert len(times) == len(opened)
    # Matroska counts milliseconds.
    is_coarse = video.name == "h264-4000-fps.mkv"
    assert all(later > earlier or is_coarse for earlier, later in pairwise(times))
    assert all(later >= earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize("name", ["h264.mpg", "h264-negative-times.mkv"])
def test_missing_times_are_interpolated(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_video(BY_NAME[name].write(folder_of(tmp_path_factory))) as opened:
        steps = [float(b - a) for a, b in pairwise(opened.frame_times())]
        assert np.allclose(steps, 1 / 30, atol=0.0015)
        assert float(opened.frame_rate or 0) == pytest.approx(30, rel=0.01)


def test_exact_times_of_an_irregular_video(tmp_path_factory: pytest.TempPathFactory) -> None:
    video = BY_NAME["h264-variable-rate.mp4"]
    with open_video(video.write(folder_of(tmp_path_factory))) as opened:
        expected = [video.times(n) * video.time_base for n in range(video.n_frames)]
        # MP4 keeps ticks of its own, finer than ours.
        assert max(abs(a - b) for a, b in zip(opened.frame_times(), expected, strict=True)) < 0.0001


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("h264-b-frames.mp4", "container"),
        ("h264-edit-list.mp4", "container"),
        ("mjpeg-fine-time-base.avi", "container"),
        ("h264.mkv", "packets"),
        ("h264-open-gop.mkv", "packets"),
        ("h264-variable-rate.mkv", "packets"),
        ("ffv1.mkv", "packets"),
        ("h264-no-index.mkv", "packets"),
        ("vp9-hidden-frames.webm", "packets"),
        ("h264-fragments.mp4", "packets"),
        ("h264-b-frames.avi", "decoding"),
        ("mpeg4-packed.avi", "decoding"),
    ],
)
def test_the_quickest_sure_way_is_taken(
    name: str, how: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_video(BY_NAME[name].write(folder_of(tmp_path_factory))) as opened:
        assert opened.index.how == how


def test_sound_beside_the_images(tmp_path: Path) -> None:
    """In Matroska, sound lies between the images."""
    video = BY_NAME["h264.mkv"]
    silent = video.write(tmp_path)
    path = tmp_path / "sound.mkv"
    with av.open(str(silent)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        sound = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        for packet in given.demux(video=0):
            if not packet.size:
                continue
            packet.stream = stream
            out.mux(packet)
            noise = av.AudioFrame.from_ndarray(
                np.zeros((1, 266), np.int16), format="s16", layout="mono"
            )
            noise.rate = 8000
            out.mux(sound.encode(noise))
    with open_video(path) as opened:
        assert [read_number(opened[n]) for n in range(len(opened))] == video.truth


def test_grey_and_colour_can_be_forced(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = folder_of(tmp_path_factory)
    with open_video(BY_NAME["h264-b-frames.mp4"].write(folder), color="rgb") as opened:
        assert opened.shape[1:] == (96, 128, 3)
        assert read_number(opened[57]) == 57
    for name in ("h264-b-frames-colour.mp4", "ffv1-colour.avi"):
        with open_video(BY_NAME[name].write(folder), color="grey") as opened:
            assert opened.shape[1:] == (96, 128)
            # As bright as the eye sees the colours: the weights of the standard.
            red = draw(0, colour=True)[60, 20]
            assert opened[0][60, 20] == pytest.approx(red @ [0.299, 0.587, 0.114], abs=6)


def test_brightness_has_the_full_range(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = folder_of(tmp_path_factory)
    for name, top in (
        ("h264-b-frames.mp4", 255),
        ("h264-full-range.mp4", 255),
        ("h264-10-bit.mp4", 1023),
        ("hevc-12-bit.mp4", 4095),
        ("ffv1-grey-16.mkv", 65535),
    ):
        with open_video(BY_NAME[name].write(folder)) as opened:
            image = opened[10]
            assert image[9, 9] <= 0.03 * top
            assert image[23, 9] >= 0.97 * top
            assert opened.bits == top.bit_length()


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["mouse/test_vid.mp4", "charuco/cam_0.mp4", "charuco/cam_1.mp4"])
def test_real_videos(name: str, shared_data: Path) -> None:
    path = shared_data / name
    with open_video(path) as opened:
        truth = decode_in_order(path, grey=opened.is_grey)
        assert len(opened) == len(truth)
        order = random.Random(3).choices(range(len(opened)), k=25)
        assert count_wrong(opened, order, truth) == 0
        assert count_wrong(opened, list(range(len(opened))), truth) == 0
        last = list(range(len(opened)))[: -min(60, len(opened)) : -1]
        assert count_wrong(opened, last, truth) == 0
