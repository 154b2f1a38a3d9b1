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
    if index.begins_with_key and not claims_are_void:
        # An edit list hides the beginning of a group that is all there, as cutting without
        # encoding anew leaves it.
        first_shown = index.rank[index.packet_of[0]]
        if index.packet_of[0] == 0 or (index.empty[0] and first_shown > index.rank[0]):
            return index
    if index.how == "decoding":
        # What no image came out of is empty already.
        if index.begins_with_key:
            return index
        lost = index.empty[: index.packet_of[0]]
        keys = [frame for frame in index.frame_of[np.flatnonzero(index.key)[1:]] if frame >= 0]
        warning = _warning(int(lost.sum()), int(min(keys, default=len(index))))
        return replace(index, warnings=(*index.warnings, warning))
    decoder = Decoder(path, index, lenient=lenient)
    try:
        arrived, n_unfounded = _first_images(decoder)
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
    # Players count the image that some decoders invent to predict the first one from.
    n_unfounded += decoder.n_invented
    if not n_lost and not n_unfounded:
        return index
    details = {**index.details, "invented": decoder.n_invented} if decoder.n_invented else None
    return replace(
        index,
        empty=index.empty | before,
        key=index.key & ~before,
        warnings=(*index.warnings, _warning(n_lost, n_unfounded)),
        details=details or index.details,
    )


def _warning(n_lost: int, n_unfounded: int) -> str:
    """That a video was cut.

    Parameters
    ----------
    n_lost : int
        Images that do not come out at all.
    n_unfounded : int
        Images that are shown, and are predicted from others that are not there.
    """
    what = []
    if n_lost:
        lost = (
            "image cannot be decoded and does"
            if n_lost == 1
            else (f"{n_lost} images cannot be decoded and do")
        )
        what.append(f"its first {lost} not count; frame 0 is the first image that players show")
    if n_unfounded:
        shown = "first frame is" if n_unfounded == 1 else f"first {n_unfounded} frames are"
        what.append(f"its {shown} made from images that are not in the file, and cannot be right")
    return f"the video was cut within a group of images: {'; '.join(what)}"


def _first_images(decoder: Decoder) -> tuple[list[int], int]:
    """The packets of the images that come out first, up to the first that stands for itself.

    Returns
    -------
    packets : list of int
    n_unfounded : int
        How many of them come before that one.
    """
    arrived: list[int] = []
    n_unfounded = 0
    decoder.start(0)
    while len(arrived) < FARTHEST:
        try:
            images = decoder.step()
        except EOFError:
            break
        arrived += [number for number, _ in images]
        # Some decoders say of no image what it is.
        whole = [decoder.is_whole(i) for _, i in images if decoder.tells_type(i)]
        if any(whole):
            n_unfounded += whole.index(True)
            break
        n_unfounded += len(whole)
    return arrived, n_unfounded
