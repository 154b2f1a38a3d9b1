"""Whether the timestamps of packets can be the order in which a decoder shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .frame_index import Bool, Int64, rank_of

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

FARTHEST = 64
"""Packets. No codec stores an image farther from where it is shown."""


def shown_as_stored(context: VideoCodecContext) -> bool:
    """Whether the images of a video are shown in the order in which they are stored."""
    reorders = bool(context.has_b_frames)
    return context.codec.intra_only or (
        not reorders and context.name not in ("h264", "hevc", "mpeg4")
    )


def contradicts_decoding_order(order: Int64, key: Bool, codec: VideoCodecContext) -> bool:
    """Whether a decoder cannot show a video in the order of its timestamps.

    What lies within one group of images is not checked: that comes out when it is decoded.

    Parameters
    ----------
    order : (packet,) int64
        The packets in the order of their display times.
    key : (packet,) bool
    codec : VideoCodecContext
    """
    places = np.arange(len(order))
    if shown_as_stored(codec):
        return bool((order != places).any())
    if (np.abs(order - places) > FARTHEST).any():
        return True
    if key.all() or not key.any():
        # Where everything is called a keyframe, it means nothing.
        return False
    rank = rank_of(order)
    keys = np.flatnonzero(key)
    # What is stored before a keyframe is shown before it.
    if (np.maximum.accumulate(rank)[keys] != rank[keys]).any():
        return True
    # What is stored after a keyframe and shown before it follows it at once, and is shown after
    # the keyframe before that.
    rank, group = rank[keys[0] :], np.cumsum(key[keys[0] :]) - 1
    is_late = rank > rank[keys - keys[0]][group]
    n_late = np.cumsum(is_late)
    n_late_in_group = n_late - n_late[keys - keys[0]][group]
    is_leading = rank < rank[keys - keys[0]][group]
    before = np.concatenate([[-1], rank[keys - keys[0]]])[group]
    return bool((is_leading & ((n_late_in_group > 0) | (rank < before))).any())
