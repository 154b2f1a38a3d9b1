"""Frame n is frame n: every kind of film, read in order, backward, at random and by threads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from films import BY_NAME, FILMS, Film, draw, folder_of, read_number
from napari_pose3d.core.video.decode.image_conversion import Array
from napari_pose3d.core.video.index.frame_index import index_store
from napari_pose3d.core.video.index.index_builder import build_index
from napari_pose3d.core.video.reader_factory import first_picture
from napari_pose3d.core.video.video_array import VideoArray, open_video

# So small that every film is decoded again and again.
_LARGE = {"g": "20", "bf": "2", "preset": "ultrafast", "crf": "18"}
SMALL_CACHE = 20 * 128 * 96 * 2


@pytest.fixture(autouse=True)
def _own_index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: tmp_path / "cache")


def decode_in_order(path: Path, *, grey: bool, turns: int = 0) -> list[Array]:
    """What a plain decode loop gives: the truth about which picture comes when."""
    pictures = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if grey and frame.format.components[0].bits > 8:
                picture = np.asarray(frame.to_ndarray(format="gray16le"))
            else:
                picture = np.asarray(frame.to_ndarray(format="gray" if grey else "rgb24"))
            pictures.append(np.ascontiguousarray(np.rot90(picture, turns)))
    return pictures


def count_wrong(video: VideoArray, order: list[int], truth: list[Array]) -> int:
    return sum(not same(video[n], truth[n]) for n in order)


def same(got: Array, true: Array) -> bool:
    if true.dtype == np.uint16:
        # The plain loop gives 16 bit whatever the film has.
        scale = 65535 / (4095 if got.max() > 1023 else 1023)
        if got.max() > 4095:
            scale = 1
        return bool(np.abs(got * scale - true).max() <= 0.01 * 65535)
    return got.shape == true.shape and bool(np.abs(got.astype(int) - true).max() <= 1)


@pytest.fixture(params=FILMS, ids=lambda film: film.name)
def film(request: pytest.FixtureRequest) -> Film:
    made: Film = request.param
    return made


@pytest.fixture
def path(film: Film, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film.write(folder_of(tmp_path_factory))


@pytest.fixture
def video(path: Path, film: Film) -> Iterator[VideoArray]:
    with open_video(path, cache_bytes=SMALL_CACHE) as opened:
        yield opened


def test_every_frame_is_the_right_one(film: Film, path: Path, video: VideoArray) -> None:
    turns = film.rotation // 90
    truth = decode_in_order(path, grey=not film.colour, turns=turns)
    n = len(video)
    assert n == len(film.truth) == len(truth)
    assert video.is_grey == (not film.colour)
    shown = [read_number(np.rot90(video[i], -turns)) for i in range(n)]
    assert shown == film.truth
    assert count_wrong(video, list(range(n)), truth) == 0
    assert count_wrong(video, list(range(n))[::-1], truth) == 0
    order = random.Random(1).choices(range(n), k=40)
    assert count_wrong(video, order, truth) == 0
    together = random.Random(2).choices(range(n), k=60)
    with ThreadPoolExecutor(4) as pool:
        wrong = pool.map(lambda part: count_wrong(video, part, truth), _in_parts(together, 4))
        stretches = pool.map(lambda start: video[start : start + 40], range(0, n, 40))
        assert sum(wrong) == 0
        everything = np.concatenate(list(stretches))
    assert len(everything) == n
    assert all(same(got, true) for got, true in zip(everything, truth, strict=True))
    assert video.damaged == ()
    # What is shown while the index is made.
    first = first_picture(path)
    np.testing.assert_array_equal(first.array, video[0])
    assert (first.is_grey, first.bits) == (video.is_grey, video.bits)


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "rgb"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p"])
def test_large_pictures(colour: bool, pix_fmt: str, tmp_path: Path) -> None:
    """They are kept in the decoder's own memory, which is used again when they give way."""
    film = Film(
        "large.mp4", size=(640, 480), n_frames=40, colour=colour, pix_fmt=pix_fmt, options=_LARGE
    )
    path = film.write(tmp_path)
    truth = decode_in_order(path, grey=not colour)
    with open_video(path, cache_bytes=8_000_000) as video:
        assert count_wrong(video, list(range(40)), truth) == 0
        assert count_wrong(video, list(range(40))[::-1], truth) == 0
        kept = video[39].copy()
        order = random.Random(5).choices(range(40), k=80)
        with ThreadPoolExecutor(3) as pool:
            wrong = pool.map(lambda part: count_wrong(video, part, truth), _in_parts(order, 3))
            assert sum(wrong) == 0
        assert video._reader._cache.nbytes <= 8_000_000
        np.testing.assert_array_equal(kept, video[39])


def _in_parts(order: list[int], count: int) -> list[list[int]]:
    return [order[i::count] for i in range(count)]


def test_times_are_those_of_the_film(video: VideoArray, film: Film) -> None:
    times = video.frame_times()
    assert len(times) == len(video)
    assert all(later > earlier for earlier, later in pairwise(times))


def test_exact_times_of_an_irregular_film(tmp_path_factory: pytest.TempPathFactory) -> None:
    film = BY_NAME["h264-variable-rate.mp4"]
    with open_video(film.write(folder_of(tmp_path_factory))) as video:
        expected = [film.times(n) * film.time_base for n in range(film.n_frames)]
        # MP4 keeps ticks of its own, finer than ours.
        assert max(abs(a - b) for a, b in zip(video.frame_times(), expected, strict=True)) < 0.0001


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("h264-b-frames.mp4", "container"),
        ("h264-edit-list.mp4", "container"),
        ("mjpeg-fine-time-base.avi", "container"),
        ("h264.mkv", "container"),
        ("h264-open-gop.mkv", "container"),
        ("h264-variable-rate.mkv", "container"),
        ("ffv1.mkv", "container"),
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
    with open_video(BY_NAME[name].write(folder_of(tmp_path_factory))) as video:
        assert video.index.how == how


def test_sound_beside_the_pictures(tmp_path: Path) -> None:
    """In Matroska, sound lies between the pictures; libavformat's table is the truth."""
    film = BY_NAME["h264.mkv"]
    silent = film.write(tmp_path)
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
    quick, sure = build_index(path), build_index(path, trust_container=False)
    assert (quick.how, sure.how) == ("container", "packets")
    for name in ("pts", "position", "size", "rank", "hidden"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(sure, name), err_msg=name)
    with open_video(path) as video:
        assert [read_number(video[n]) for n in range(len(video))] == film.truth


def test_grey_and_colour_can_be_forced(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = folder_of(tmp_path_factory)
    with open_video(BY_NAME["h264-b-frames.mp4"].write(folder), color="rgb") as video:
        assert video.shape[1:] == (96, 128, 3)
        assert read_number(video[57]) == 57
    for name in ("h264-b-frames-colour.mp4", "ffv1-colour.avi"):
        with open_video(BY_NAME[name].write(folder), color="grey") as video:
            assert video.shape[1:] == (96, 128)
            # As bright as the eye sees the colours: the weights of the standard.
            red = draw(0, colour=True)[60, 20]
            assert video[0][60, 20] == pytest.approx(red @ [0.299, 0.587, 0.114], abs=6)


def test_brightness_has_the_full_range(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = folder_of(tmp_path_factory)
    for name, top in (
        ("h264-b-frames.mp4", 255),
        ("h264-full-range.mp4", 255),
        ("h264-10-bit.mp4", 1023),
        ("hevc-12-bit.mp4", 4095),
        ("ffv1-grey-16.mkv", 65535),
    ):
        with open_video(BY_NAME[name].write(folder)) as video:
            picture = video[10]
            assert picture[9, 9] <= 0.03 * top
            assert picture[23, 9] >= 0.97 * top
            assert video.bits == top.bit_length()


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["mouse/test_vid.mp4", "charuco/cam_0.mp4", "charuco/cam_1.mp4"])
def test_real_films(name: str, shared_data: Path) -> None:
    path = shared_data / name
    with open_video(path) as video:
        truth = decode_in_order(path, grey=video.is_grey)
        assert len(video) == len(truth)
        order = random.Random(3).choices(range(len(video)), k=25)
        assert count_wrong(video, order, truth) == 0
        assert count_wrong(video, list(range(len(video))), truth) == 0
        last = list(range(len(video)))[: -min(60, len(video)) : -1]
        assert count_wrong(video, last, truth) == 0
