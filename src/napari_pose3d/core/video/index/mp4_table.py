"""The display times in an MP4 or MOV file's own index, without reading a single packet.

Notes
-----
PyAV gives each sample's place, size and decoding time from the container's index; what it leaves
out is by how much later the sample is shown (the ``ctts`` box). An hour of video is indexed in a
fraction of a second this way.
"""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np

from napari_pose3d.core.storage.input_files import open_input

from .frame_index import Int64
from .mp4_boxes import (
    Box,
    all_inside,
    boxes_inside,
    descend,
    n_samples,
    read_box,
    read_number,
    whole_file,
)


def display_delays(path: str | os.PathLike[str], track: int, n_of_caller: int) -> Int64 | None:
    """Display time minus decoding time of every sample of a track, up to a constant.

    Parameters
    ----------
    path : path
    track : int
        The track's number in the file (PyAV: the stream's ``id``).
    n_of_caller : int
        How many samples the caller knows of.

    Returns
    -------
    (sample,) int64 or None
        None when the file's tables do not describe exactly these samples, for instance in a video
        that is stored in fragments: it has to be read through instead.
    """
    with open_input(path) as stream:
        moov = boxes_inside(stream, whole_file(stream)).get(b"moov")
        for trak in all_inside(stream, moov, b"trak"):
            if _track_number(stream, trak) == track:
                table = descend(stream, trak, b"mdia", b"minf", b"stbl")
                return _delays(stream, table, n_of_caller)
    return None


def _delays(stream: BinaryIO, table: Box | None, n_of_caller: int) -> Int64 | None:
    if n_samples(stream, table) != n_of_caller:
        return None
    delays = boxes_inside(stream, table).get(b"ctts")
    if delays is None:
        return np.zeros(n_of_caller, np.int64)
    n_runs = read_number(stream, delays, 4)
    # Version 0 says unsigned, but files with negative values in it exist and players accept them.
    runs = np.frombuffer(read_box(stream, delays, 8, 8 * n_runs), ">i4").reshape(-1, 2)
    counts = runs[:, 0].astype(np.int64)
    if (counts < 0).any() or counts.sum() != n_of_caller:
        return None
    return np.repeat(runs[:, 1].astype(np.int64), counts)


def _track_number(stream: BinaryIO, trak: Box) -> int | None:
    header = boxes_inside(stream, trak).get(b"tkhd")
    if header is None:
        return None
    version = read_box(stream, header, 0, 1)[0]
    return read_number(stream, header, 20 if version else 12)
