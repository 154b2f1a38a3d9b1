"""A video as an array: indexing, dask, frames on disk, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.support.video_recipes import BY_NAME, folder_of, read_number

from napari_pose3d.core.video.dask_array import chunk_lengths
from napari_pose3d.core.video.decode.image_cache import shared_cache
from napari_pose3d.core.video.frame_export import extract_frames
from napari_pose3d.core.video.index import index_store
from napari_pose3d.core.video.reader_factory import first_image
from napari_pose3d.core.video.video_array import VideoArray, open_video
from napari_pose3d.errors import Cancelled, PoseDataError


@pytest.fixture(autouse=True)
def _own_index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(params=["h264-b-frames.mp4", "h264-444-odd.mp4"], ids=["grey", "rgb"])
def video(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VideoArray]:
    with open_video(BY_NAME[request.param].write(folder_of(tmp_path_factory))) as opened:
        yield opened


@pytest.fixture
def grey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VideoArray]:
    path = BY_NAME["h264-b-frames.mp4"].write(folder_of(tmp_path_factory))
    with open_video(path) as opened:
        yield opened


def random_slice(rng: random.Random, n: int) -> slice:
    ends = [None, *range(-n - 3, n + 3)]
    return slice(rng.choice(ends), rng.choice(ends), rng.choice([None, 1, 2, 3, 7, -1, -2, -5]))


def random_part(rng: random.Random, n: int) -> Any:
    kind = rng.random()
    if kind < 0.3:
        return rng.randrange(-n, n)
    if kind < 0.4:
        return np.int32(rng.randrange(n))
    if kind < 0.5:
        start = rng.randrange(n)
        return slice(start, start + 1)
    return random_slice(rng, n)


def random_key(rng: random.Random, shape: tuple[int, ...]) -> Any:
    n_parts = rng.randint(1, len(shape))
    dots = rng.random() < 0.3
    if dots:
        n_parts = rng.randint(0, len(shape) - 1)
        split = rng.randint(0, n_parts)
        axes = [*range(split), *range(len(shape) - (n_parts - split), len(shape))]
    else:
        split, axes = n_parts, list(range(n_parts))
    parts = [random_part(rng, shape[axis]) for axis in axes]
    if axes[:1] == [0] and rng.random() < 0.15:
        parts[0] = [rng.randrange(-shape[0], shape[0]) for _ in range(rng.randint(1, 30))]
    if dots:
        parts.insert(split, Ellipsis)
    return tuple(parts) if len(parts) > 1 or rng.random() < 0.5 else parts[0]


def test_indexing_is_that_of_numpy(video: VideoArray) -> None:
    whole = np.asarray(video)
    assert whole.shape == video.shape
    assert whole.dtype == video.dtype
    assert (video.ndim, video.size, len(video)) == (whole.ndim, whole.size, len(whole))
    rng = random.Random(0)
    for _ in range(300):
        key = random_key(rng, video.shape)
        got, expected = video[key], whole[key]
        np.testing.assert_array_equal(got, expected, err_msg=repr(key), strict=True)


def test_what_is_given_may_be_changed(grey: VideoArray) -> None:
    image = grey[5]
    image[:] = 0
    assert read_number(grey[5]) == 5


@pytest.mark.parametrize("key", [75, -76, [3, 75], np.int64(200)])
def test_frames_out_of_range(key: Any, grey: VideoArray) -> None:
    with pytest.raises(IndexError, match="75 frames"):
        _ = grey[key]


@pytest.mark.parametrize(
    "key", [True, None, "a", 1.5, (0, 0, 0, 0), (..., ...), np.zeros(75, bool), [[1, 2]]]
)
def test_other_keys_are_refused(key: Any, grey: VideoArray) -> None:
    with pytest.raises(IndexError):
        _ = grey[key]


def test_napari_s_requests(grey: VideoArray) -> None:
    """Length-1 slices keep the axis; integers, also NumPy's, drop it."""
    assert grey[slice(7, 8), slice(None), slice(None)].shape == (1, 96, 128)
    assert read_number(grey[slice(7, 8), slice(None), slice(None)][0]) == 7
    assert grey[np.int64(7), slice(None), slice(None)].shape == (96, 128)


def test_too_large_a_request_is_refused_before_decoding(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = BY_NAME["h264-b-frames.mp4"].write(folder_of(tmp_path_factory))
    with open_video(path, max_request_bytes=20 * 128 * 96) as video:
        assert video[:20].shape == (20, 96, 128)
        with pytest.raises(PoseDataError, match="to_dask"):
            _ = video[:]
        assert video._reader.n_decoded == 0
        # One pixel through the whole video is little.
        assert video[:, 50, 60].shape == (75,)


def test_iteration(grey: VideoArray) -> None:
    assert [read_number(image) for image in grey] == list(range(75))


def test_names_of_ways_to_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = BY_NAME["h264-b-frames.mp4"].write(folder_of(tmp_path_factory))
    with pytest.raises(PoseDataError, match="auto, grey or rgb"):
        open_video(path, color="sepia")  # type: ignore[arg-type]


def test_reading_through_can_be_cancelled(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_pose3d.core.video.index import index_builder as build_index

    monkeypatch.setattr(build_index, "_REPORT_EVERY", 10)
    seen: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        seen.append((done, total))
        if len(seen) == 3:
            raise Cancelled

    path = BY_NAME["h264-no-index.mkv"].write(folder_of(tmp_path_factory))
    with pytest.raises(Cancelled):
        open_video(path, report=report)
    assert all(0 <= done <= total == path.stat().st_size for done, total in seen)


def test_cache_of_the_first_image_is_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = BY_NAME["h264.mkv"].write(folder_of(tmp_path_factory))
    before = len(shared_cache()._videos)
    assert read_number(first_image(path).array) == 0
    assert len(shared_cache()._videos) == before


def test_rotation_is_applied_like_opencv_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    cv2 = pytest.importorskip("cv2")
    path = BY_NAME["h264-rotated-90.mp4"].write(folder_of(tmp_path_factory))
    capture = cv2.VideoCapture(str(path))
    _, expected = capture.read()
    capture.release()
    with open_video(path) as video:
        assert video.shape[1:] == expected.shape
        assert abs(video[0].astype(int) - expected[..., ::-1]).mean() < 5


# ---------------------------------------------------------------------------------- dask


@pytest.mark.parametrize("chunk_bytes", [1 << 10, 400_000, 1 << 30])
def test_dask_gives_the_same_video(chunk_bytes: int, video: VideoArray) -> None:
    lazy = video.to_dask(chunk_bytes)
    assert (lazy.shape, lazy.dtype) == (video.shape, video.dtype)
    np.testing.assert_array_equal(lazy.compute(), video[:])
    np.testing.assert_allclose(lazy.mean(axis=0).compute(), video[:].mean(axis=0))


def test_chunks_begin_at_keyframes(grey: VideoArray) -> None:
    lengths = grey.to_dask(30 * 128 * 96).chunks[0]
    starts = np.cumsum([0, *lengths[:-1]])
    assert set(starts) <= set(grey.index.entry_frames().tolist())


def test_chunk_lengths() -> None:
    entries = np.array([0, 10, 20, 30, 100])
    assert chunk_lengths(entries, 110, 20) == (20, 10, 20, 20, 20, 10, 10)
    assert chunk_lengths(entries, 110, 1000) == (110,)
    assert chunk_lengths(np.array([3]), 5, 4) == (3, 2)
    assert sum(chunk_lengths(entries, 110, 7)) == 110


def test_dask_decodes_each_image_about_once(
    grey: VideoArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_pose3d.core.video.decode.decoder import Decoder

    steps = []
    plain = Decoder.step

    def counting(self: Decoder) -> Any:
        steps.append(1)
        return plain(self)

    monkeypatch.setattr(Decoder, "step", counting)
    # Parts of one group of images go to several workers here.
    grey.to_dask(8 * 128 * 96).mean(axis=0).compute(scheduler="threads", num_workers=3)
    assert len(steps) <= 2 * len(grey)


# ---------------------------------------------------------------------------------- files


def read_png(path: Path) -> np.ndarray[Any, Any]:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return np.asarray(
            frame.to_ndarray(format="gray" if "gray" in frame.format.name else "rgb24")
        )


def test_frames_as_files(video: VideoArray, tmp_path: Path) -> None:
    paths = extract_frames(video, [30, 2, np.int64(61)], tmp_path / "labeled-data" / "session")
    assert [path.name for path in paths] == [
        "img00000030.png",
        "img00000002.png",
        "img00000061.png",
    ]
    for path, n in zip(paths, (30, 2, 61), strict=True):
        np.testing.assert_array_equal(read_png(path), video[n])


def test_files_are_named_by_session_frame(grey: VideoArray, tmp_path: Path) -> None:
    (path,) = extract_frames(grey, [10], tmp_path, offset=5)
    assert path.name == "img00000015.png"
    assert read_number(read_png(path)) == 10
    with pytest.raises(PoseDataError, match="before the session"):
        extract_frames(grey, [10], tmp_path, offset=-11)


def test_files_appear_together_or_not_at_all(grey: VideoArray, tmp_path: Path) -> None:
    extract_frames(grey, [10], tmp_path)
    with pytest.raises(PoseDataError, match="exists already"):
        extract_frames(grey, [9, 10, 11], tmp_path)
    with pytest.raises(PoseDataError, match="no frames 75, 80"):
        extract_frames(grey, [9, 75, 80], tmp_path)
    assert [path.name for path in tmp_path.glob("*.png")] == ["img00000010.png"]
    assert len(extract_frames(grey, [9, 10, 11], tmp_path, overwrite=True)) == 3


def test_deep_images_become_8_bit_files(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_video(BY_NAME["hevc-12-bit.mp4"].write(folder_of(tmp_path_factory))) as video:
        (path,) = extract_frames(video, [7], tmp_path)
        assert read_number(read_png(path)) == 7


def test_unreadable_frames_are_not_written(grey: VideoArray, tmp_path: Path) -> None:
    grey._reader.unreadable = frozenset({8})
    with pytest.raises(PoseDataError, match="frame 8 cannot be read"):
        extract_frames(grey, [7, 8], tmp_path)
    assert list(tmp_path.glob("*.png")) == []
