"""What makes reading fast: the cache, going on instead of jumping, reading ahead, giving up."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.video_recipes import BY_NAME, Video, folder_of, read_number

from napari_pose3d.core.video.decode.decoder import Decoder
from napari_pose3d.core.video.decode.image_cache import ImageCache, shared_cache
from napari_pose3d.core.video.decode.image_conversion import CachedImage
from napari_pose3d.core.video.index import index_store
from napari_pose3d.core.video.index.empty_packets import empty_packet_check
from napari_pose3d.core.video.video_array import VideoArray, open_video, set_video_cache

IMAGE = 128 * 96
LONG_GOP = BY_NAME["h264-one-gop.mp4"]
Open = Callable[..., VideoArray]


@pytest.fixture(autouse=True)
def _own_index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def open_recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    opened: list[VideoArray] = []

    def open_it(video: Video, **options: Any) -> VideoArray:
        opened.append(open_video(video.write(folder_of(tmp_path_factory)), **options))
        return opened[-1]

    yield open_it
    for video in opened:
        video.close()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each packet that any decoder is fed."""
    fed: list[int] = []
    plain = Decoder.step

    def counting(self: Decoder) -> Any:
        fed.append(self.next_packet)
        return plain(self)

    monkeypatch.setattr(Decoder, "step", counting)
    return fed


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def test_in_order_each_packet_is_decoded_once(open_recipe: Open, steps: list[int]) -> None:
    video = open_recipe(BY_NAME["h264-b-frames.mp4"])
    steps.clear()
    for n in range(len(video)):
        assert read_number(video[n]) == n
    assert len(steps) <= len(video) + 4


def test_backward_costs_one_pass(open_recipe: Open, steps: list[int]) -> None:
    video = open_recipe(LONG_GOP)
    steps.clear()
    for n in reversed(range(len(video))):
        assert read_number(video[n]) == n
    assert len(steps) <= len(video) + 4


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_backward_with_a_cache_that_is_too_small(
    share: float, open_recipe: Open, steps: list[int]
) -> None:
    """A group of 75 images in a cache for half or a quarter of it: as many passes as needed."""
    video = open_recipe(LONG_GOP, cache_bytes=int(share * 75 * IMAGE))
    steps.clear()
    for n in reversed(range(len(video))):
        assert read_number(video[n]) == n
    passes = len(steps) / len(video)
    assert passes <= 0.5 / share + 1.2


def test_a_colour_video_is_kept_as_the_decoder_s_planes(open_recipe: Open) -> None:
    video = open_recipe(BY_NAME["h264-b-frames-colour.mp4"])
    _ = video[20]
    cached = shared_cache()
    rgb = 3 * IMAGE
    held = cached._bytes[video._reader._key]
    n_frames = len(cached._videos[video._reader._key])
    assert n_frames >= 20
    assert held <= 0.6 * rgb * n_frames


def test_the_frames_on_the_way_are_kept(open_recipe: Open, steps: list[int]) -> None:
    video = open_recipe(LONG_GOP)
    _ = video[60]
    steps.clear()
    for n in (59, 12, 0, 33):
        assert read_number(video[n]) == n
    assert steps == []


def test_reading_ahead_in_the_direction_of_play(open_recipe: Open, steps: list[int]) -> None:
    video = open_recipe(BY_NAME["h264-b-frames.mp4"])
    reader = video._reader
    for n in (20, 21, 22):
        _ = video[n]
    assert wait_until(lambda: all(reader.is_cached(n) for n in range(23, 31)))
    assert not reader.is_cached(60)


def test_reading_ahead_backward_fetches_the_group_before(open_recipe: Open) -> None:
    video = open_recipe(BY_NAME["h264-b-frames.mp4"])
    for n in (72, 71, 70):
        _ = video[n]
    first = max(n for n in video.index.entry_frames().tolist() if n <= 70)
    assert wait_until(lambda: all(video._reader.is_cached(n) for n in range(first - 20, first)))


def test_an_unwanted_request_is_given_up(open_recipe: Open, steps: list[int]) -> None:
    video = open_recipe(LONG_GOP)
    steps.clear()
    answers = iter([True] * 5 + [False] * 1000)
    assert video.frame(70, lambda: next(answers)) is None
    assert len(steps) <= 5
    # What was decoded is not lost, and the video can be read on.
    assert read_number(video[70]) == 70
    assert len(steps) <= len(video) + 4


def test_a_newer_request_need_not_wait(
    open_recipe: Open, monkeypatch: pytest.MonkeyPatch, steps: list[int]
) -> None:
    video = open_recipe(LONG_GOP)
    steps.clear()
    plain = Decoder.step

    def slow(self: Decoder) -> Any:
        time.sleep(0.02)
        return plain(self)

    monkeypatch.setattr(Decoder, "step", slow)
    newest = 0

    results: list[Any] = []
    older = threading.Thread(
        target=lambda: results.append(video.frame(74, lambda: newest == 0)), daemon=True
    )
    older.start()
    assert wait_until(lambda: len(steps) >= 3)
    newest = 1
    asked = len(steps)
    older.join(60)
    assert results == [None], "it was given up"
    # At most the packet that was being decoded, and the one after it.
    assert len(steps) <= asked + 2
    assert read_number(video[1]) == 1


def test_a_video_that_is_let_go_leaves_nothing(open_recipe: Open) -> None:
    video = open_video(open_recipe(LONG_GOP).path)
    for n in range(5):
        _ = video[n]
    reader, key = weakref.ref(video._reader), video._reader._key
    assert (key, 4) in shared_cache()
    del video
    assert wait_until(lambda: gc.collect() >= 0 and reader() is None)
    assert (key, 4) not in shared_cache()
    assert wait_until(
        lambda: not any(thread.name == "video prefetch" for thread in threading.enumerate())
    )


def test_closing_while_somebody_reads(open_recipe: Open) -> None:
    from napari_pose3d.errors import PoseDataError

    video = open_recipe(LONG_GOP, cache_bytes=10 * IMAGE)
    ended: list[str] = []
    wrong: list[tuple[int, int]] = []

    def read() -> None:
        try:
            while True:
                for n in (5, 60, 30):
                    # An assertion in a thread would fail unseen.
                    if (number := read_number(video[n])) != n:
                        wrong.append((n, number))
        except PoseDataError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    video.close()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert len(ended) == 3
    assert all("closed" in text for text in ended)
    video.close()


# ---------------------------------------------------------------------------------- cache


def image(nbytes: int = 10) -> CachedImage:
    return CachedImage(np.zeros(nbytes, np.uint8), nbytes)


def test_the_cache_is_bounded_and_fair() -> None:
    cache = ImageCache(100)
    for video in "ab":
        cache.add_video(video)
    for n in range(5):
        cache.put("a", n, image())
    for n in range(50):
        cache.put("b", n, image())
    assert cache.nbytes == 100
    # The video that rests keeps its half, however long the other one plays.
    assert all(("a", n) in cache for n in range(5))
    assert [n for n in range(50) if ("b", n) in cache] == list(range(45, 50))
    assert cache.share() == 50


def test_the_cache_drops_what_was_used_longest_ago() -> None:
    cache = ImageCache(30)
    cache.add_video("a")
    for n in range(3):
        cache.put("a", n, image())
    assert cache.get("a", 0) is not None
    cache.put("a", 3, image())
    assert cache.get("a", 1) is None
    assert cache.get("a", 0) is not None
    cache.put("a", 9, image(31))
    assert cache.get("a", 9) is None
    cache.set_capacity(10)
    assert cache.nbytes == 10
    cache.drop_video("a")
    assert cache.nbytes == 0
    cache.put("a", 1, image())
    assert cache.nbytes == 0


def test_six_videos_share_one_cache(open_recipe: Open) -> None:
    before = shared_cache().capacity
    set_video_cache(60 * IMAGE)
    try:
        videos = [open_recipe(LONG_GOP) for _ in range(6)]
        for n in range(0, 75, 3):
            for video in videos:
                assert read_number(video[n]) == n
            assert shared_cache().nbytes <= 60 * IMAGE
    finally:
        set_video_cache(before)


# ---------------------------------------------------------------------------------- empty packets


def test_empty_packets_of_vp9() -> None:
    check = empty_packet_check("vp9")
    assert check is not None
    # frame_marker 2, profile 0, show_existing_frame, frame_type, show_frame, error_resilient_mode
    shown, hidden, existing = 0b10_00_0_0_1_0, 0b10_00_0_0_0_0, 0b10_00_1_0_0_0
    assert not check(memoryview(bytes([shown, 1, 2])))
    assert check(memoryview(bytes([hidden, 1, 2])))
    assert not check(memoryview(bytes([existing])))
    # A superframe: a hidden image of 3 bytes and a shown one of 2.
    marker = 0b110_00_001
    index = bytes([marker, 3, 2, marker])
    assert not check(memoryview(bytes([hidden, 0, 0, shown, 0]) + index))
    assert check(memoryview(bytes([hidden, 0, 0, hidden, 0]) + index))
    # Profile 3 has a bit more.
    assert check(memoryview(bytes([0b10_11_0_0_0_0, 0])))
    assert not check(memoryview(bytes([0b10_11_0_0_0_1, 0])))
