"""How bad every frame is, by keypoint, view or quantity: small enough to be drawn at any zoom.

Notes
-----
An excess over the bar is kept as a byte on a logarithmic scale, sixteen steps for a factor of two,
so that another sensitivity is another table of colours and nothing else. A pyramid of maxima, four
frames in one, lets a million frames be drawn from a few thousand numbers: no bad frame is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.review.decisions.thresholds import THRESHOLDS
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.excesses import Excesses
from napari_pose3d.core.review.events.failures import Failure

Rows = Literal["kind", "keypoint", "view", "measure"]

STEPS = 16
"""Steps of a byte for a factor of two."""

AT_BAR = 128
"""The byte of an excess of one."""

_FEWER = 4
_FEW = 4096
_AT_ONCE = 65_536


def to_bytes(excess: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Excesses as bytes; 0 where nothing is known, or next to nothing is wrong."""
    with np.errstate(divide="ignore"):
        code = np.rint(STEPS * np.log2(excess) + AT_BAR)
    return np.clip(np.nan_to_num(code, nan=0.0, neginf=0.0), 0, 255).astype(np.uint8)


class HeatRows:
    """Rows of bytes, and their maxima over more and more frames.

    Parameters
    ----------
    names : sequence of str
        Of the rows, from top to bottom.
    codes : (row, frame) uint8
        See `to_bytes`.
    """

    def __init__(self, names: Sequence[str], codes: NDArray[np.uint8]) -> None:
        self.names = tuple(names)
        self.n_frames = codes.shape[1]
        self._levels = [codes]
        while self._levels[-1].shape[1] > _FEW:
            last = self._levels[-1]
            starts = np.arange(0, last.shape[1], _FEWER)
            self._levels.append(np.maximum.reduceat(last, starts, axis=1))

    def maxima(self, first: float, last: float, count: int) -> NDArray[np.uint8]:
        """The largest byte in each of so many equal parts of some frames.

        Parameters
        ----------
        first, last : float
            Borders, frames; a part beyond the recording is 0. A part that is narrower than a frame
            has that frame's.
        count : int

        Returns
        -------
        (row, count) uint8
        """
        per_part = (last - first) / max(count, 1)
        level = 0
        # Two numbers for each part at least, or a part would show too much of its neighbours.
        while level + 1 < len(self._levels) and per_part >= 2 * _FEWER ** (level + 1):
            level += 1
        scale = _FEWER**level
        codes = self._levels[level]
        n = codes.shape[1]
        borders = np.linspace(first, last, count + 1) / scale
        starts = np.floor(borders[:-1]).astype(np.int64)
        stops = np.maximum(np.ceil(borders[1:]).astype(np.int64), starts + 1)
        out = np.zeros((len(self.names), count), np.uint8)
        inside = (stops > 0) & (starts < n)
        if not inside.any() or not n:
            return out
        starts, stops = np.clip(starts[inside], 0, n - 1), np.clip(stops[inside], 1, n)
        begin, end = int(starts[0]), int(stops[-1])
        pairs = np.stack([starts - begin, stops - begin], axis=1).ravel()
        # An end that lies at the end of the array is the end anyway.
        nothing = np.zeros((len(codes), 1), np.uint8)
        padded = np.concatenate([codes[:, begin:end], nothing], axis=1)
        out[:, inside] = np.maximum.reduceat(padded, pairs, axis=1)[:, ::2]
        return out


def heat_rows(excesses: Excesses, rows: Rows, measure: str = "") -> HeatRows:
    """How bad every frame is.

    Parameters
    ----------
    excesses : Excesses
    rows : {"keypoint", "view", "measure"}
        See `kind_rows` for kinds of events.
    measure : str
        Only this key of `THRESHOLDS`; empty: the worst of all.
    """
    names: tuple[str, ...]
    names = {
        "keypoint": excesses.keypoints,
        "view": excesses.views,
        "measure": tuple(name for name in THRESHOLDS if getattr(excesses, name).size),
    }[rows]
    codes = np.zeros((len(names), excesses.n_frames), np.uint8)
    wanted = (measure,) if measure else tuple(THRESHOLDS)
    for start in range(0, excesses.n_frames, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        for each in wanted:
            values = getattr(excesses, each)
            if not values.size:
                continue
            values = values[:, part] if values.ndim == 3 else values[part]
            _put(codes[:, part], excesses, rows, each, values, names)
    return HeatRows(names, codes)


def kind_rows(events: Sequence[Event], n_frames: int) -> HeatRows:
    """The events of each kind that there is, as bad as their worst frame."""
    kinds = [kind for kind in Failure if any(event.kind is kind for event in events)]
    codes = np.zeros((len(kinds), n_frames), np.uint8)
    for event in events:
        part = codes[kinds.index(event.kind), event.start : event.end + 1]
        # An event is one, also where nothing is known of how far it is above its bar.
        np.maximum(part, to_bytes(np.array(max(event.excess, 1.0))), out=part)
    return HeatRows([kind.value for kind in kinds], codes)


def _put(
    codes: NDArray[np.uint8],
    excesses: Excesses,
    rows: Rows,
    measure: str,
    values: NDArray[np.floating],
    names: tuple[str, ...],
) -> None:
    in_views = values.ndim == 3
    if rows == "measure":
        worst = values.max(axis=(0, 2)) if in_views else values.max(axis=1)
        codes[names.index(measure)] = to_bytes(worst)
    elif rows == "view":
        # What is wrong in space is in no view.
        if in_views:
            np.maximum(codes, to_bytes(values.max(axis=2)), out=codes)
    else:
        worst = values.max(axis=0) if in_views else values
        if measure == "bone":
            worst = _of_ends(worst, excesses)
        np.maximum(codes, to_bytes(worst.T), out=codes)


def _of_ends(bones: NDArray[np.floating], excesses: Excesses) -> NDArray[np.floating]:
    """Bones ``(frame, bone)`` as their keypoints ``(frame, keypoint)``."""
    out = np.zeros((len(bones), len(excesses.keypoints)), bones.dtype)
    for b, ends in enumerate(excesses.bones):
        for k in ends:
            np.maximum(out[:, k], bones[:, b], out=out[:, k])
    return out
