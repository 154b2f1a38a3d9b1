"""Which images of a group cannot be decoded.

Notes
-----
A group of images is what lies between two keyframes. Within it each image is made from others,
so whatever is stored after a damaged one counts as unreadable too, even where a decoder would
conceal the damage. So do images whose timestamps contradict the order in which they are decoded,
since their frame numbers are not certain.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..index.frame_index import FrameIndex
from .decoder import Decoder, IndexMismatch

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# How far back to look for a place where decoding really can begin.
_LOOK_BACK = 2000


@dataclass
class Examination:
    """What was found in a group of images.

    Attributes
    ----------
    unreadable : set of int
        Frames.
    images : dict of int to VideoFrame
        The readable images, by frame.
    """

    unreadable: set[int] = field(default_factory=set)
    images: dict[int, VideoFrame] = field(default_factory=dict)


def examine(
    path: str | os.PathLike[str], index: FrameIndex, entry: int, *, lenient: bool, keep: int
) -> Examination:
    """Decode the group of images of a keyframe, one packet at a time on one thread.

    Keyframes that turn out to be none are withdrawn from the index; the caller then looks at the
    group again under its true keyframe.

    Parameters
    ----------
    path, index
    entry : int
        The packet number of the keyframe.
    lenient : bool
        See `Decoder`.
    keep : int
        How many readable images to hand back, the last ones.

    Raises
    ------
    IndexMismatch
        When the file's packets are not those of the index.
    PoseDataError
        When the file was replaced or cannot be opened any more.
    """
    decoder = Decoder(path, index, threads=1, lenient=lenient)
    try:
        end = index.next_key(entry)
        steps = 0 if decoder.intra_only else 1
        while True:
            start = index.earlier_entry(entry, steps)
            try:
                outcome = _decode_group(decoder, index, start, entry, end, keep)
            except IndexMismatch:
                if not decoder.distrust_jumps():
                    raise
                continue
            begins_well = start in outcome.arrived and bool(index.key[start])
            known = entry in outcome.arrived or not index.key[entry]
            if (begins_well and known) or start == 0 or entry - start > _LOOK_BACK:
                break
            steps = max(1, steps * 2)
    finally:
        decoder.close()
    return _judge(index, outcome, entry, end)


@dataclass
class _Outcome:
    arrived: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    order: list[int] = field(default_factory=list)
    images: dict[int, VideoFrame] = field(default_factory=dict)
    stop: int = 0


def _decode_group(
    decoder: Decoder, index: FrameIndex, start: int, entry: int, end: int, keep: int
) -> _Outcome:
    outcome = _Outcome(stop=_after_leading(index, end))
    decoder.start(start)
    finished = False
    while not finished:
        try:
            finished = decoder.next_packet >= outcome.stop
            images = decoder.flush() if finished else decoder.step()
        except EOFError:
            break
        for number, image in images:
            outcome.arrived.add(number)
            outcome.order.append(number)
            if entry <= number:
                outcome.images[number] = image
                if len(outcome.images) > keep:
                    outcome.images.pop(next(iter(outcome.images)))
    outcome.failed = set(decoder.failed)
    decoder.entry = None
    return outcome


def _after_leading(index: FrameIndex, end: int) -> int:
    """One past the images that are stored after the next keyframe and shown before it."""
    stop = end
    if end < index.n_packets:
        while stop + 1 < index.n_packets and index.rank[stop + 1] < index.rank[end]:
            stop += 1
        if stop > end:
            stop += 1
    return stop


def _out_of_order(index: FrameIndex, order: list[int], entry: int) -> set[int]:
    """Packets whose images came out in another order than that of their timestamps."""
    numbers = np.array([n for n in order if n >= entry and not index.empty[n]], np.int64)
    if not len(numbers):
        return set()
    rank = index.rank[numbers]
    before = np.maximum.accumulate(rank) > rank
    after = np.minimum.accumulate(rank[::-1])[::-1] < rank
    return set(numbers[before | after].tolist())


def _judge(index: FrameIndex, outcome: _Outcome, entry: int, end: int) -> Examination:
    def is_bad(number: int) -> bool:
        lost = number not in outcome.arrived and not index.empty[number]
        return lost or number in outcome.failed

    misplaced = _out_of_order(index, outcome.order, entry)
    group = [*range(entry, end), *range(end + 1, outcome.stop)]
    first_bad = next((number for number in group if is_bad(number)), None)
    result = Examination()
    for number in group:
        frame = int(index.frame_of[number])
        if frame < 0:
            continue
        if number in misplaced or (first_bad is not None and number >= first_bad):
            result.unreadable.add(frame)
        elif number in outcome.images:
            result.images[frame] = outcome.images[number]
    return result
