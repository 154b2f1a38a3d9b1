"""Damaged videos: the readable part with the rest marked, or a clear error; never a wrong frame."""

from __future__ import annotations

import contextlib
import random
import shutil
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from tests.support.video_recipes import BY_NAME, folder_of, read_number

from napari_pose3d.core.video.index import index_store
from napari_pose3d.core.video.index.container import packets_of
from napari_pose3d.core.video.index.index_builder import build_index
from napari_pose3d.core.video.video_array import VideoArray, open_video
from napari_pose3d.errors import PoseDataError

Maker = Callable[[str], Path]


@pytest.fixture(autouse=True)
def index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: folder)
    return folder


@pytest.fixture
def copy_of(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """A video of the test set as a file that may be spoiled."""

    def copy(name: str) -> Path:
        source = BY_NAME[name].write(folder_of(tmp_path_factory))
        return Path(shutil.copy(source, tmp_path / name))

    return copy


def spoil(path: Path, packet: int, *, part: float = 0.25, seed: int = 0) -> None:
    """Overwrite a packet with noise from a part of it on."""
    index = build_index(path)
    size = int(index.size[packet])
    skip = int(size * part)
    with path.open("r+b") as stream:
        stream.seek(int(index.position[packet]) + skip)
        stream.write(np.random.default_rng(seed).bytes(size - skip))


def check_all(video: VideoArray, order: list[int]) -> None:
    """Each frame is right or marked; a marked one is hatched."""
    hatched = video._reader.converter.placeholder()
    for n in order:
        image = video[n]
        if n in video.damaged:
            np.testing.assert_array_equal(image, hatched)
        else:
            assert read_number(image) == n


ORDERS = ["forward", "backward", "random"]


def in_order(kind: str, n: int) -> list[int]:
    frames = list(range(n))
    if kind == "backward":
        frames.reverse()
    elif kind == "random":
        random.Random(4).shuffle(frames)
    return frames


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("h264-b-frames.mp4", 0.0),
        ("h264-b-frames.mp4", 0.25),
        # Noise within a packet can be a valid image to H.264; without its head it is not.
        ("h264-open-gop.mp4", 0.0),
        ("hevc.mp4", 0.25),
        ("mpeg4.avi", 0.25),
        ("mpeg4-b-frames.mp4", 0.0),
        ("vp9.mp4", 0.0),
        ("ffv1.mkv", 0.5),
    ],
)
def test_a_spoiled_packet(name: str, part: float, order: str, copy_of: Maker) -> None:
    path = copy_of(name)
    index = build_index(path)
    packet = int(index.packet_of[30])
    spoil(path, packet, part=part)
    with open_video(path, cache_bytes=400_000) as video:
        check_all(video, in_order(order, len(video)))
        assert 30 in video.damaged
        # The damage ends where the next group of images begins.
        entry = index.entry(30)
        group = {n for n in range(len(video)) if index.entry(n) == entry}
        assert set(video.damaged) <= group
        assert all(read_number(image) == n or n in group for n, image in enumerate(video[:]))


@pytest.mark.parametrize("order", ORDERS)
def test_a_spoiled_keyframe(order: str, copy_of: Maker) -> None:
    path = copy_of("h264-b-frames.mp4")
    index = build_index(path)
    frame = int(index.entry_frames()[1])
    spoil(path, int(index.packet_of[frame]), part=0)
    with open_video(path, cache_bytes=400_000) as video:
        check_all(video, in_order(order, len(video)))
        assert {frame, frame + 5} <= set(video.damaged)
        assert 0 not in video.damaged
        assert len(video) - 1 not in video.damaged


def test_damage_in_a_video_without_prediction_hits_one_frame(copy_of: Maker) -> None:
    path = copy_of("mjpeg.avi")
    spoil(path, 12, part=0.5)
    with open_video(path) as video:
        check_all(video, list(range(len(video))))
        assert video.damaged == (12,)
        assert video.warnings == []


@pytest.mark.parametrize("threads_agree", [1, 4])
def test_damage_is_found_however_it_is_met(threads_agree: int, copy_of: Maker) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = copy_of("h264-b-frames.mp4")
    spoil(path, 40)
    with open_video(path, cache_bytes=300_000) as video, ThreadPoolExecutor(threads_agree) as pool:
        list(pool.map(lambda seed: _read_some(video, seed), range(4)))
        check_all(video, list(range(len(video))))


def _read_some(video: VideoArray, seed: int) -> None:
    for n in random.Random(seed).choices(range(len(video)), k=20):
        assert read_number(video[n]) in (n, -1)


@pytest.mark.parametrize(
    "name", ["h264-index-first.mp4", "h264.mkv", "mjpeg.avi", "h264.ts", "h264-fragments.mp4"]
)
@pytest.mark.parametrize("part", [0.3, 0.7])
def test_a_video_that_is_cut_off(name: str, part: float, copy_of: Maker) -> None:
    path = copy_of(name)
    with path.open("r+b") as stream:
        stream.truncate(int(path.stat().st_size * part))
    with open_video(path, cache_bytes=400_000) as video:
        # Without an index there is no telling which images are missing among the very last ones.
        sure = len(video) if name == "h264-index-first.mp4" else len(video) - 5
        check_all(video, in_order("random", sure))
        assert all(read_number(video[n]) in {-1, *range(n, n + 5)} for n in range(len(video)))
        readable = len(video) - len(video.damaged)
        assert 0.1 * part * BY_NAME[name].n_frames <= readable < BY_NAME[name].n_frames
        if name == "h264-index-first.mp4":
            # Its index is at the front and knows how many there should be.
            assert len(video) == BY_NAME[name].n_frames
            assert "ends early" in video.warnings[0]


def test_an_mp4_without_its_index(copy_of: Maker) -> None:
    path = copy_of("h264-b-frames.mp4")
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size - 1500)
    with pytest.raises(PoseDataError, match=r"moov.*untrunc"):
        open_video(path)


def test_what_is_no_video(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    text = tmp_path / "notes.avi"
    text.write_text("not a video\n" * 100)
    noise = tmp_path / "noise.mkv"
    noise.write_bytes(np.random.default_rng(0).bytes(100_000))
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    for path, words in (
        (empty, "empty"),
        (text, "cannot be read as a video"),
        (noise, "cannot be read as a video|no video"),
        (sound, "no video"),
        (tmp_path, "a folder"),
        (tmp_path / "absent.mp4", "no such file"),
    ):
        with pytest.raises(PoseDataError, match=words) as caught:
            open_video(path)
        assert str(path) in str(caught.value)


def test_a_video_without_images(tmp_path: Path) -> None:
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.start_encoding()
    with pytest.raises(PoseDataError, match=r"no images|cannot be read|no video"):
        open_video(path)


def test_a_video_that_is_replaced_while_open(copy_of: Maker) -> None:
    path = copy_of("h264-b-frames.mp4")
    other = copy_of("h264-no-b-frames.mp4")
    with open_video(path, cache_bytes=100_000) as video:
        assert read_number(video[3]) == 3
        shutil.copy(other, path)
        with pytest.raises(PoseDataError, match="replaced"):
            _ = video[70]
        with pytest.raises(PoseDataError, match="replaced"):
            _ = video[0:60]


def test_a_video_that_is_overwritten_with_the_same_size_and_time(copy_of: Maker) -> None:
    import os

    path = copy_of("h264-b-frames.mp4")
    with open_video(path, cache_bytes=100_000) as video:
        status = path.stat()
        with path.open("r+b") as stream:
            stream.seek(2000)
            stream.write(bytes(status.st_size - 6000))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        check_all(video, in_order("random", len(video)))
        assert 50 in video.damaged


def test_a_video_that_vanishes_while_open(copy_of: Maker) -> None:
    path = copy_of("h264-b-frames.mp4")
    with open_video(path, cache_bytes=100_000) as video:
        assert read_number(video[3]) == 3
        path.unlink()
        for n in (60, 2, 33):
            # On most systems what is open can be read on.
            with contextlib.suppress(PoseDataError):
                assert read_number(video[n]) == n
    with pytest.raises(PoseDataError, match="closed"):
        _ = video[5]


@pytest.mark.parametrize(
    "name", ["h264-b-frames.mp4", "h264.mkv", "mjpeg.avi", "mpeg2-small.mpg", "mpeg2.ts"]
)
def test_noise_anywhere_never_crashes(name: str, copy_of: Maker) -> None:
    whole = copy_of(name)
    data = whole.read_bytes()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        spoiled = bytearray(data)
        # Near the ends, where the tables are, as well as in the images.
        for at in (*rng.integers(0, 2000, 3), *rng.integers(len(data) - 3000, len(data) - 8, 3)):
            spoiled[at : at + 4] = rng.bytes(4)
        path = whole.with_name(f"{seed}-{name}")
        path.write_bytes(spoiled)
        with contextlib.suppress(PoseDataError), open_video(path) as video:
            for n in (0, len(video) // 2, len(video) - 1):
                assert video[n].shape == video.shape[1:]


def test_an_image_that_damage_shows_twice_has_one_place(copy_of: Maker) -> None:
    """MPEG's decoder does so where the head before a group of images is damaged."""
    path = copy_of("mpeg2-small.mpg")
    whole = path.read_bytes()
    at = whole.index(b"\0\0\1\xb8", len(whole) // 3) - 1
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    index = build_index(path)
    assert index.how == "decoding"
    np.testing.assert_array_equal(np.sort(index.rank), np.arange(len(index.rank)))
    with open_video(path) as video:
        assert len(video) in (len(index.rank) - 1, len(index.rank))
        assert read_number(video[len(video) - 1]) == len(index.rank) - 1


def test_streams_that_begin_in_the_midst_are_passed_over() -> None:
    """PyAV ends with an IndexError behind the last packet then."""

    class Container:
        def demux(self, stream: str) -> Iterator[str]:
            yield from (f"{stream} 0", f"{stream} 1", "the end")
            raise IndexError("list index out of range")

    found = list(packets_of(cast("Any", Container()), cast("Any", "video")))
    assert found == ["video 0", "video 1", "the end"]


def test_the_kept_index_is_used_and_rebuilt(
    copy_of: Maker, index_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_pose3d.core.video import reader_factory as opening

    monkeypatch.setattr(opening, "_WORTH_KEEPING", 0)
    path = copy_of("h264.mkv")
    built = []

    def counting(*args: object, **kwargs: object) -> object:
        built.append(args)
        return build_index(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "build_index", counting)
    for _ in range(3):
        with open_video(path) as video:
            assert read_number(video[44]) == 44
    assert len(built) == 1
    (kept,) = (index_folder / "video-index").glob("*.npz")
    for spoiled in (b"", b"nonsense", kept.read_bytes()[:-200]):
        kept.write_bytes(spoiled)
        with open_video(path) as video:
            assert read_number(video[44]) == 44
    assert len(built) == 4
    # Another video under the same name.
    shutil.copy(copy_of("h264-variable-rate.mkv"), path)
    with open_video(path) as video:
        assert read_number(video[44]) == 44
    assert len(built) == 5


def test_a_damaged_index_is_made_anew_or_as_it_was(copy_of: Maker, index_folder: Path) -> None:
    """Also where the archive says then that it is encrypted, or packed in an unknown way."""
    path = copy_of("h264.mkv")
    index = build_index(path)
    index_store.save_index(path, index)
    (kept,) = (index_folder / "video-index").glob("*.npz")
    whole = kept.read_bytes()
    heads = [at for at in range(len(whole)) if whole[at : at + 2] == b"PK"]
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(400):
        at = min(int(rng.choice(heads) + rng.integers(60)), len(whole) - 1)
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.integers(8))]) + whole[at + 1 :])
        found = index_store.load_index(path)
        refused += found is None
        if found is not None:
            assert found.time_base == index.time_base
            np.testing.assert_array_equal(found.rank, index.rank)
            np.testing.assert_array_equal(found.pts, index.pts)
    assert refused > 100


def test_a_home_that_cannot_be_written_to(
    copy_of: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_pose3d.core.video import reader_factory as opening

    monkeypatch.setattr(opening, "_WORTH_KEEPING", 0)
    blocked = tmp_path / "a file"
    blocked.touch()
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: blocked)
    with open_video(copy_of("h264.mkv")) as video:
        assert read_number(video[44]) == 44


def test_images_of_another_size_midway(tmp_path: Path, copy_of: Maker) -> None:
    big = BY_NAME["mjpeg.avi"]
    small = replace(big, name="small.avi", size=(112, 64))
    path = tmp_path / "mixed.avi"
    with av.open(str(path), "w") as out:
        sources = [big.write(tmp_path), small.write(tmp_path)]
        with av.open(str(sources[0])) as first, av.open(str(sources[1])) as second:
            stream = out.add_stream_from_template(first.streams.video[0])
            for start, source in ((0, first), (40, second)):
                for packet in source.demux(video=0):
                    if packet.size:
                        packet.pts = packet.dts = packet.dts + start
                        packet.stream = stream
                        out.mux(packet)
    with open_video(path) as video:
        assert len(video) == 80
        assert read_number(video[39]) == 39
        assert read_number(video[45]) == -1
        assert 45 in video.damaged
