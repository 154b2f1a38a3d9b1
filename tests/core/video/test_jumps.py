"""The first frame asked of a newly opened video, wherever it lies: nothing was read before it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from tests.support.video_recipes import BY_NAME, CUT, Video, folder_of, read_number

from napari_pose3d.core.video.index import index_store
from napari_pose3d.core.video.index.index_builder import build_index
from napari_pose3d.core.video.index.mp4_edits import leaves_images_out
from napari_pose3d.core.video.metadata import video_metadata
from napari_pose3d.core.video.reader_factory import first_image
from napari_pose3d.core.video.video_array import open_video

JUMPED_TO = [
    "mpeg1.mpg",
    "mpeg2.mpg",
    "mpeg2.mpeg",
    "mpeg2-small.mpg",
    "mpeg2-long-gop.vob",
    "mpeg2.ts",
    "h264.mpg",
    "h264.ts",
    "hevc.ts",
    "h264-1000-fps.mkv",
    "h264-4000-fps.mkv",
    "h264-negative-times.mkv",
    "raw-palette.avi",
    "raw-palette-changes.avi",
    "raw-palette.mov",
    "rle-palette.avi",
    "mpeg4-packed.avi",
    "wmv2.wmv",
    "h264.asf",
    "mpeg4.asf",
    "mpeg1.m1v",
    "ffv1-lying-keyframes.avi",
    "rle-lying-keyframes.avi",
    "cineform.mov",
]


@pytest.fixture(autouse=True)
def _own_index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_store, "user_cache_folder", lambda: tmp_path / "cache")


@pytest.mark.parametrize("name", JUMPED_TO)
def test_any_frame_can_be_jumped_to(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    video = BY_NAME[name]
    path = video.write(folder_of(tmp_path_factory))
    frames = random.Random(6).sample(range(video.n_frames), 25)
    for n in [*frames, video.n_frames - 1]:
        with open_video(path) as opened:
            assert read_number(opened[n]) == n
            assert opened.damaged == ()


@pytest.mark.parametrize("video", CUT, ids=lambda video: video.name)
def test_frame_0_is_the_first_image_shown(
    video: Video, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = video.write(folder_of(tmp_path_factory))
    with open_video(path, cache_bytes=20 * 128 * 96) as opened:
        assert len(opened) == len(video.truth)
        frames = list(range(len(opened)))
        random.Random(8).shuffle(frames)
        assert [read_number(opened[n]) for n in frames] == [video.truth[n] for n in frames]
        assert opened.damaged == ()
        assert sum("cut within a group of images" in warning for warning in opened.warnings) == 1
        np.testing.assert_array_equal(first_image(path).array, opened[0])


def test_a_video_that_begins_with_its_keyframe_is_not_called_cut(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for name in (
        *("h264-b-frames.mp4", "h264-lying-keyframes.mkv", "mpeg2.mpg", "mjpeg.avi"),
        # Its beginning is there, and hidden by an edit list.
        "h264-edit-list.mp4",
        # Of these the decoder does not say which images are predicted from others.
        *("rle-lying-keyframes.avi", "cineform.mov"),
    ):
        with open_video(BY_NAME[name].write(folder_of(tmp_path_factory))) as opened:
            assert opened.warnings == []


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("gop", ["closed", "open"])
def test_a_part_that_was_cut_out_without_encoding_anew(
    suffix: str, gop: str, tmp_path: Path
) -> None:
    """As ``ffmpeg -ss 17/30 -c copy``: from the keyframe before, which an edit list hides."""
    whole = Video(
        "whole.mp4",
        options={
            "g": "12",
            "bf": "2",
            "preset": "veryfast",
            "crf": "18",
            "x264-params": f"open-gop={int(gop == 'open')}:b-adapt=0",
        },
        n_frames=60,
    ).write(tmp_path)
    path = tmp_path / f"part{suffix}"
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(whole)) as source, av.open(str(path), "w", options=options) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        packets = [each for each in source.demux(video=0) if each.size]
        base = packets[0].time_base
        first = max(n for n, each in enumerate(packets) if each.is_keyframe and n < 17)
        for packet in packets[first:]:
            packet.pts -= int(17 / 30 / base)
            packet.dts -= int(17 / 30 / base)
            packet.stream = stream
            out.mux(packet)
    with open_video(path) as opened:
        frames = random.Random(3).sample(range(len(opened)), len(opened))
        assert len(opened) == 43
        assert [read_number(opened[n]) for n in frames] == [17 + n for n in frames]
        assert opened.warnings == []
    # What the header claims, by which projects compare videos and predictions.
    assert video_metadata(path).n_frames == 43


def test_edit_lists_that_only_begin_at_the_first_image_cut_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    names = [name for name in BY_NAME if name.endswith((".mp4", ".mov", ".m4v"))]
    for name in names:
        video = BY_NAME[name]
        path = video.write(folder_of(tmp_path_factory))
        with path.open("rb") as stream:
            assert leaves_images_out(stream) == (name == "h264-edit-list.mp4"), name
        if "cut" not in name and "fragments" not in name:
            assert video_metadata(path).n_frames == len(video.truth), name


def test_the_image_that_a_decoder_invents_counts_as_with_players(tmp_path: Path) -> None:
    """MPEG-4 without its first keyframe: libavcodec shows a grey image before the first one."""
    whole = BY_NAME["mpeg4-b-frames.mp4"]
    cut = replace(whole, name="cut.mp4", change=lambda packets: list(packets)[5:])
    path = cut.write(tmp_path)
    with av.open(str(path)) as container:
        truth = [read_number(f.to_ndarray(format="gray")) for f in container.decode(video=0)]
    with open_video(path) as opened:
        assert len(opened) == len(truth)
        assert truth[-1] == whole.n_frames - 1
        assert [read_number(image) for image in opened[-45:]] == truth[-45:]
        assert opened[0].shape == opened.shape[1:]
        assert 0 in opened.damaged
        # What is predicted from it, up to the keyframe.
        assert max(opened.damaged) < opened.index.frame_of[opened.index.key.nonzero()[0][1]]


@pytest.mark.parametrize("cut", [1, 3, 7])
@pytest.mark.parametrize(
    ("codec", "suffix", "bf"),
    [
        ("mpeg4", ".mkv", "2"),
        ("mpeg4", ".avi", "2"),
        ("mpeg4", ".asf", "2"),
        ("mpeg4", ".mov", "0"),
        ("wmv2", ".asf", "0"),
        ("flv", ".flv", "0"),
    ],
)
def test_decoders_that_begin_anywhere(
    codec: str, suffix: str, bf: str, cut: int, tmp_path: Path
) -> None:
    """Frames are counted as players count them; those that cannot be right are spoken of, once."""
    video = Video(
        f"cut{suffix}",
        codec,
        options={"g": "12", "bf": bf, "b": "2M"},
        n_frames=40,
        change=lambda packets: list(packets)[cut:],
    )
    path = video.write(tmp_path)
    with av.open(str(path)) as container:
        truth = list(container.decode(video=0))
    whole = next(n for n, image in enumerate(truth) if image.key_frame or image.pict_type == 1)
    assert whole > 1
    with open_video(path, color="grey") as opened:
        assert len(opened) == len(truth)
        for n in random.Random(cut).sample(range(len(opened)), len(opened)):
            image = opened[n]
            if n in opened.damaged:
                assert n < whole
            else:
                difference = image.astype(int) - truth[n].to_ndarray(format="gray")
                assert np.abs(difference).max() <= 3
        (warning,) = [each for each in opened.warnings if "cut within a group" in each]
    assert f"its first {whole} frames are made from images that are not in the file" in warning


# ------------------------------------------------------------------- contradicting timestamps

Change = Callable[[np.ndarray], None]
"""Of the display times of all packets, in milliseconds, in place."""


def _exchange(a: int, b: int) -> Change:
    def change(times: np.ndarray) -> None:
        times[[a, b]] = times[[b, a]]

    return change


def _move(packet: int, later: int) -> Change:
    def change(times: np.ndarray) -> None:
        times[packet] += later * 33 + 7

    return change


def _write_times(path: Path, change: Change) -> None:
    """Change the times in the blocks of a Matroska file, each relative to that of its cluster."""
    index = build_index(path)
    times = index.pts.copy()
    change(times)
    with path.open("r+b") as stream:
        for position, delta in zip(index.position, times - index.pts, strict=True):
            stream.seek(int(position) + 1)
            old = int.from_bytes(stream.read(2), "big", signed=True)
            stream.seek(int(position) + 1)
            stream.write((old + int(delta)).to_bytes(2, "big", signed=True))


@pytest.mark.parametrize("bf", ["0", "2"])
@pytest.mark.parametrize(
    "change",
    [
        _exchange(30, 32),
        _exchange(30, 40),
        _exchange(30, 60),
        _move(30, 6),
        _move(30, 30),
        _move(30, 45),
        _move(40, -6),
        _move(50, -6),
        _move(50, -30),
        _move(72, -70),
    ],
)
def test_timestamps_that_contradict_the_decoding_order(
    change: Change, bf: str, tmp_path: Path
) -> None:
    """Whichever frame is asked for first, its number is that of the camera or it is damaged."""
    whole = BY_NAME["h264.mkv"]
    options = {**whole.options, "bf": bf, "g": "24"}
    video = replace(whole, name="order.mkv", options=options)
    path = video.write(tmp_path)
    _write_times(path, change)
    found = set()
    for n in (*range(20, 75, 2), *range(3, 20, 8), *range(29, 43, 2)):
        with open_video(path, color="grey") as opened:
            assert len(opened) == video.n_frames
            number = read_number(opened[n])
            if n in opened.damaged:
                found.add(n)
            else:
                assert number == n
            warnings = opened.warnings
    # Either the whole file was decoded, or what is wrong was found where it lies.
    assert any("is damaged" in warning for warning in warnings) != bool(found)
    assert len(found) <= 48
