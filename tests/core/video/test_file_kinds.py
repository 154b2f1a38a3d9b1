"""What lies where a video should be: an error that names it, and no waiting."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.support.video_recipes import BY_NAME, folder_of

from napari_pose3d.core.video.index import index_store
from napari_pose3d.core.video.metadata import VideoMetadata, video_metadata
from napari_pose3d.core.video.reader_factory import first_image
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import PoseDataError


@pytest.fixture(autouse=True)
def _own_index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: tmp_path / "cache")


def _loop(path: Path) -> None:
    path.symlink_to(path.with_name("other.mp4"))
    path.with_name("other.mp4").symlink_to(path)


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "folder"),
    "pipe": (os.mkfifo, "named pipe"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "device"),
    "loop of links": (_loop, "links"),
    "dangling link": (lambda path: path.symlink_to("absent.mp4"), "no such file"),
    "absent": (lambda path: None, "no such file"),
    "empty": (Path.touch, "empty"),
    "text": (lambda path: path.write_text("words\n" * 999), "moov|as a video"),
    "zeros": (lambda path: path.write_bytes(bytes(99_999)), "moov|as a video"),
}


@pytest.mark.skipif(os.name == "nt", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_video(kind: str, tmp_path: Path) -> None:
    make, words = KINDS[kind]
    path = tmp_path / "session_top.mp4"
    make(path)
    for read in (open_video, first_image):
        with pytest.raises(PoseDataError, match=words) as raised:
            read(path)
        assert str(path) in str(raised.value)
    assert video_metadata(path) == VideoMetadata()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_video_that_may_not_be_read(tmp_path: Path) -> None:
    path = BY_NAME["mjpeg.avi"].write(tmp_path)
    path.chmod(0)
    with pytest.raises(PoseDataError, match="may not be read"):
        open_video(path)


@pytest.mark.parametrize("name", ["h264-b-frames.mp4", "h264.mkv", "mpeg2.mpg", "mjpeg.avi"])
def test_a_video_cut_off_anywhere(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = BY_NAME[name].write(folder_of(tmp_path_factory)).read_bytes()
    for part in (0.0001, 0.001, 0.01, 0.1, 0.5, 0.99):
        path = tmp_path / f"{part}-{name}"
        path.write_bytes(data[: max(1, int(part * len(data)))])
        message = ""
        try:
            with open_video(path) as video:
                assert len(video) > 0
                assert video[0].shape == video.shape[1:]
        except PoseDataError as error:
            message = str(error)
        assert not message or str(path) in message


def test_a_video_that_vanishes_while_it_is_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import napari_pose3d.core.video.reader_factory as factory

    path = BY_NAME["mjpeg.avi"].write(tmp_path)
    plain = factory.build_index

    def build(*args: object, **options: object) -> object:
        path.unlink(missing_ok=True)
        return plain(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(factory, "build_index", build)
    with pytest.raises(PoseDataError, match="no such file"):
        open_video(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_file_of_two_videos_says_which_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"two{suffix}"
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for size in ((64, 48), (128, 96)):
            stream: Any = container.add_stream("mpeg4", rate=30)
            (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
            streams.append(stream)
        for stream in streams:
            for _ in range(5):
                image = np.zeros((stream.height, stream.width, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
    with open_video(path) as video:
        assert video.shape[:3] == (5, 48, 64)
        assert video.warnings == [
            "the file holds 2 videos (64 x 48 px, 128 x 96 px); the first is read"
        ]
