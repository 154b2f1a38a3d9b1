"""From the path of a video to its reader: index, a few images to choose the array type, cache."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_pose3d.errors import PoseDataError

from .decode.cursor import Cursor, SuspectGroup
from .decode.decoder import Decoder, IndexMismatch
from .decode.image_cache import ImageCache
from .decode.image_conversion import Array, Colour, ImageConverter, is_grey
from .decode.reader import Reader
from .decode.undecodable_beginning import without_undecodable_beginning
from .index.container import check_video_file
from .index.frame_index import FrameIndex, Report
from .index.index_builder import build_index, index_beginning
from .index.index_store import load_index, save_index

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_WORTH_KEEPING = 0.05  # seconds of work
_SAMPLES = 4
_ROOM = 1 << 28  # bytes, for a few images of any size
_TRIES = 20


def open_reader(
    path: str | os.PathLike[str],
    colour: Colour,
    cache: ImageCache,
    report: Report | None = None,
) -> tuple[Reader, list[str]]:
    """A reader for a video, and what is odd about the video in plain words."""
    path = Path(path)
    if colour not in ("auto", "grey", "rgb"):
        raise PoseDataError(f"'{colour}' is not a colour mode", expected="auto, grey or rgb")
    return _reader_with(path, _sound_index(path, report), colour, cache)


@dataclass(frozen=True, eq=False)
class FirstImage:
    """Frame 0 of a video, before there is an index of the whole video.

    Attributes
    ----------
    array : (y, x) or (y, x, 3)
        Without colour where the video begins without; it may have some later on.
    bits : int
        Of brightness.
    """

    array: Array
    bits: int

    @property
    def is_grey(self) -> bool:
        return self.array.ndim == 2


def first_image(path: str | os.PathLike[str], colour: Colour = "auto") -> FirstImage:
    """Frame 0 of a video at once, however long it takes to index the video.

    It is read as all frames are, with an index of the first packets; so it is hatched where the
    video begins with damage.

    Raises
    ------
    PoseDataError
        Also when nothing in the beginning of the video can be decoded.
    """
    path = Path(path)
    index = without_undecodable_beginning(path, index_beginning(path))
    reader, _ = _reader_with(path, index, colour, ImageCache(_ROOM))
    try:
        image = reader.frame(0)
        assert image is not None
        return FirstImage(image, reader.converter.bits)
    finally:
        reader.close()


def _reader_with(
    path: Path, index: FrameIndex, colour: Colour, cache: ImageCache
) -> tuple[Reader, list[str]]:
    warnings = list(index.warnings)
    samples, lenient = _samples(path, index, colour)
    if lenient:
        warnings.append("its images do not quite follow the JPEG standard; read leniently")
    grey = colour == "grey" or (colour == "auto" and all(map(is_grey, samples.values())))
    converter = ImageConverter(next(iter(samples.values())), grey=grey)
    cut_off = _beyond_the_end(index)
    unreadable = cut_off | set(range(index.n_invented))
    reader = Reader(path, index, converter, cache, lenient=lenient, unreadable=unreadable)
    # The first image is what everybody looks at first.
    for number, image in samples.items():
        reader.keep(number, image)
    if cut_off:
        warnings.append(
            f"the file ends early: {len(cut_off)} of {len(index)} frames are missing from it"
        )
    return reader, warnings


def _sound_index(path: Path, report: Report | None) -> FrameIndex:
    """The video's index: the kept one, or a new one that agrees with the end of the file."""
    check_video_file(path)
    kept = load_index(path)
    if kept is not None:
        return kept
    begun = time.perf_counter()
    index = build_index(path, report)
    if index.how == "container" and not _agrees_at_the_end(path, index):
        index = build_index(path, report, trust_container=False)
    index = without_undecodable_beginning(path, index)
    if time.perf_counter() - begun > _WORTH_KEEPING:
        save_index(path, index)
    return index


def _agrees_at_the_end(path: Path, index: FrameIndex) -> bool:
    """Whether the last packets of the file are those that the container's own index promises."""
    if _beyond_the_end(index):
        # Cut off later on: the index is right, and how much is missing follows from it.
        return True
    decoder = Decoder(path, index)
    try:
        return decoder.tail_agrees()
    finally:
        decoder.close()


def _beyond_the_end(index: FrameIndex) -> set[int]:
    if index.how != "container":
        return set()
    ends = index.position + index.size
    missing = index.frame_of[np.flatnonzero(ends > index.stamp.size)]
    if not len(missing):
        return set()
    # Images that are there but made from missing ones show up when they are decoded.
    return {int(frame) for frame in missing if frame >= 0}


def _samples(path: Path, index: FrameIndex, colour: Colour) -> tuple[dict[int, VideoFrame], bool]:
    """A few images from all over the video, and whether they had to be read leniently."""
    for lenient in (False, True):
        samples = _decode_samples(path, index, colour, lenient=lenient)
        if samples:
            return samples, lenient
    raise _no_images(path)


def _decode_samples(
    path: Path, index: FrameIndex, colour: Colour, *, lenient: bool
) -> dict[int, VideoFrame]:
    entries = index.entry_frames()
    first = index.n_invented
    if not len(entries) or entries[0] != first:
        entries = np.insert(entries, 0, first)
    places = np.unique(np.linspace(0, len(entries) - 1, _SAMPLES).astype(int))
    # The others are tried only while the video has not shown anything.
    order = [*places, *(place for place in range(len(entries)) if place not in places)][:_TRIES]
    enough = 1 if colour == "rgb" else len(places)
    samples: dict[int, VideoFrame] = {}
    decoder = Decoder(path, index, lenient=lenient)
    try:
        # What cannot be read is examined when it is asked for; here it is passed over.
        cursor = Cursor(decoder, index, set())
        for tried, place in enumerate(order):
            if samples and tried >= enough:
                break
            number = int(entries[place])
            try:
                samples[number] = cursor.image(number, None)
            except (SuspectGroup, IndexMismatch):
                continue
    finally:
        decoder.close()
    return samples


def _no_images(path: Path) -> PoseDataError:
    return PoseDataError(
        "none of its images can be decoded",
        file=path,
        todo="Try whether a video player shows it; the recording may be damaged",
    )
