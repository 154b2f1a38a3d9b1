"""The beginning of a video that was cut without a keyframe: packets that give no image.

Notes
-----
Frame 0 is the first image that a decoder gives out, as players, OpenCV and networks count.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from ..index.display_order import FARTHEST
from ..index.frame_index import FrameIndex
from .decoder import Decoder, IndexMismatch


def without_undecodable_beginning(
    path: str | os.PathLike[str], index: FrameIndex, *, lenient: bool = False
) -> FrameIndex:
    """The index of a video in which the packets that come to nothing at its beginning are empty.

    Nothing is decoded where the video begins with a keyframe whose image is shown first. A keyframe
    that is damaged keeps its number.

    Raises
    ------
    PoseDataError
        When the file was replaced or cannot be opened any more.
    """
    if not len(index) or index.details.get("intra_only"):
        return index
    # A video in which everything is called a keyframe may begin with none.
    claims_are_void = index.n_packets > 1 and bool(index.key.all())
    if index.begins_with_key and not claims_are_void and index.packet_of[0] == 0:
        return index
    if index.how == "decoding":
        # What no image came out of is empty already.
        n_lost = 0 if index.begins_with_key else int(index.empty[: index.packet_of[0]].sum())
        return replace(index, warnings=(*index.warnings, _warning(n_lost))) if n_lost else index
    decoder = Decoder(path, index, lenient=lenient)
    try:
        arrived = _first_images(decoder)
    except IndexMismatch:
        return index
    finally:
        decoder.close()
    if not arrived:
        return index
    failed = decoder.failed
    if index.begins_with_key and (0 in failed or (claims_are_void and failed)):
        return index
    has_arrived = np.zeros(index.n_packets, bool)
    has_arrived[arrived] = True
    before = ~has_arrived & (index.rank < index.rank[arrived].max())
    n_lost = int((before & ~index.empty).sum())
    # Players count the image that some decoders invent to predict the first one from. It takes the
    # number of one that is lost, and is unreadable.
    counted = [p for p in np.argsort(index.rank) if before[p]][-decoder.n_invented :]
    empty = index.empty | before
    empty[counted if decoder.n_invented else []] = False
    if not n_lost and not decoder.n_invented:
        return index
    key = index.key & ~before
    return replace(
        index, empty=empty, key=key, warnings=(*index.warnings, _warning(max(n_lost, 1)))
    )


def _warning(n_lost: int) -> str:
    lost = "image" if n_lost == 1 else f"{n_lost} images"
    return (
        f"the video was cut within a group of images: its first {lost} cannot be decoded and do "
        "not count; frame 0 is the first image that players show"
    )


def _first_images(decoder: Decoder) -> list[int]:
    """The packets of the images that come out first, up to the first that stands for itself."""
    arrived: list[int] = []
    decoder.start(0)
    while len(arrived) < FARTHEST:
        try:
            images = decoder.step()
        except EOFError:
            break
        arrived += [number for number, _ in images]
        if any(decoder.is_whole(image) for _, image in images):
            break
    return arrived
