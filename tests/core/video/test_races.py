"""What several threads and the garbage collector do at the same time."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.video_recipes import BY_NAME, folder_of, read_number

from napari_pose3d.core.video.decode import decoder, reader
from napari_pose3d.core.video.decode.decoder_threads import DecoderThreads
from napari_pose3d.core.video.decode.image_cache import ImageCache
from napari_pose3d.core.video.decode.image_conversion import CachedImage
from napari_pose3d.core.video.index import index_store
from napari_pose3d.core.video.video_array import VideoArray, open_video
from napari_pose3d.errors import PoseDataError

# Long enough for any machine; a deadlock lasts for ever.
DEADLOCK = 60


@pytest.fixture(autouse=True)
def _own_index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return BY_NAME["h264-b-frames.mp4"].write(folder_of(tmp_path_factory))


class CollectingLock:
    """A lock whose holder has the garbage collector run, as may happen at any moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()
        gc.collect()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_video_can_be_collected_while_the_cache_is_locked(path: Path) -> None:
    cache = ImageCache(1 << 20)
    cache.add_video("other")
    cache._lock = CollectingLock()  # type: ignore[assignment]

    def lose_and_use() -> int:
        video: Any = VideoArray(path, "auto", cache, None, None)
        assert read_number(video[3]) == 3
        cycle = [video]
        cycle.append(cycle)
        del video, cycle
        cache.put("other", 0, CachedImage(np.zeros(10, np.uint8), 10))
        return cache.nbytes

    left: list[int] = []
    thread = threading.Thread(target=lambda: left.append(lose_and_use()), daemon=True)
    # Only what is made from here on is collected, again and again.
    gc.freeze()
    thread.start()
    thread.join(DEADLOCK)
    gc.unfreeze()
    assert left == [10], "nothing but the other video's image is held"


def test_videos_are_opened_and_closed_while_others_count_them() -> None:
    threads = DecoderThreads()

    def open_and_close(name: int) -> None:
        for n in range(2000):
            threads.note_use((name, n))
            threads.drop((name, n)) if n % 2 else threads.abandon((name, n))

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(open_and_close, name) for name in range(3)]
        counts = [threads.share() for _ in range(2000)]
        for each in work:
            each.result()
    assert min(counts) >= 1
    threads.share()
    assert not threads._last_use


def test_frames_marked_unreadable_by_several_threads_are_all_kept(path: Path) -> None:
    with open_video(path) as video, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: video._reader._mark_unreadable({n}), range(75)))
        assert video.damaged == tuple(range(75))


def test_nobody_waits_for_a_range_that_was_left(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_STALLED", 0.1)
    with open_video(path) as video:
        left = video._reader.frames(range(30))
        assert next(left)[0] == 0
        # Held, but never read on.
        with ThreadPoolExecutor(1) as pool:
            images = pool.submit(lambda: video[0:40]).result(DEADLOCK)
        assert [read_number(image) for image in images] == list(range(40))
        left.close()  # type: ignore[attr-defined]


def test_an_index_that_does_not_fit_is_an_error_of_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_video(path, cache_bytes=100_000) as video:
        monkeypatch.setattr(type(video.index), "is_packet", lambda *_: False)
        with pytest.raises(PoseDataError, match="not what its index"):
            _ = video[60]
        with pytest.raises(PoseDataError, match="not what its index"):
            _ = video[20:60]


def test_a_mismatch_while_damage_is_examined_is_an_error_of_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_video(path, cache_bytes=100_000) as video:

        def fail(*_: Any, **__: Any) -> None:
            raise decoder.IndexMismatch

        def suspect(self: Any, *_: Any) -> None:
            raise reader.SuspectGroup(0)

        monkeypatch.setattr(reader, "examine", fail)
        monkeypatch.setattr(reader.Cursor, "image", suspect)
        with pytest.raises(PoseDataError, match="not what its index"):
            _ = video[60]


def test_prefetching_goes_on_after_an_unforeseen_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: failed.set())
    with open_video(path) as video:
        plain = video._reader.prefetch

        def fail(*_: Any) -> None:
            raise RuntimeError("unforeseen")

        video._reader.prefetch = fail  # type: ignore[method-assign]
        for n in (20, 21, 22):
            _ = video[n]
        assert failed.wait(DEADLOCK)
        video._reader.prefetch = plain  # type: ignore[method-assign]
        for n in (40, 41, 42):
            _ = video[n]
        end = time.monotonic() + DEADLOCK
        while not video._reader.is_cached(48):
            assert time.monotonic() < end
            time.sleep(0.005)
