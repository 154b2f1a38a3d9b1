"""Which frames of a long session to look at: spread over all of it, and cheap to decode.

To show a frame, a film is decoded from the keyframe before it. So the frames to look at are taken
near the keyframes of all films, as far as the films allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..session import Session
from ..video.array import VideoArray

Frames = NDArray[np.int64]

# About a minute on two cores for pictures of a megapixel.
_MOST_DECODED = 30_000
_FEWEST_PLACES = 32
_LONGEST_RUN = 8
_WIDEST = 16  # frames between those of a run


def seen_by_all(session: Session, films: Mapping[str, VideoArray]) -> NDArray[np.bool_]:
    """Which session frames every film has a picture of, as far as is known, ``(frame,)``."""
    n_frames = session.n_frames({view: len(film) for view, film in films.items()})
    seen = np.ones(n_frames, bool)
    for view, film in films.items():
        video = session.to_video(view, np.arange(n_frames), len(film))
        seen &= video >= 0
        if film.damaged:
            seen &= ~np.isin(video, film.damaged)
    return seen


def sample_frames(
    session: Session,
    films: Mapping[str, VideoArray],
    usable: NDArray[np.bool_],
    n: int,
    rng: np.random.Generator,
) -> Frames:
    """Choose about `n` frames to look at, ascending; all usable ones where there are no more.

    The session is divided into equal parts, and each gives the frame that costs least in all films
    together, by chance among equals. Where that would still mean to decode too much, because
    keyframes are rare or lie elsewhere in each film, there are fewer parts, and each gives several
    frames in a row: those behind the first cost little more.

    Parameters
    ----------
    usable : (session frame,) bool
    """
    numbers = np.flatnonzero(usable)
    if len(numbers) <= n:
        return numbers
    # A fraction on top decides between equals.
    cost = rng.random(len(numbers))
    for view, film in films.items():
        video = session.to_video(view, numbers)
        cost += video - _keyframes(film, video)
    tried = []
    n_places = n
    while True:
        places = _cheapest(numbers, cost, n_places)
        tried.append((places, _decoded(session, films, places)))
        if tried[-1][1] <= _MOST_DECODED or n_places <= _FEWEST_PLACES:
            break
        n_places //= 2
    # A film with hardly any keyframes is read through in any case.
    limit = max(_MOST_DECODED, 1.2 * min(total for _, total in tried))
    places = next(places for places, total in tried if total <= limit)
    return _runs(places, usable, n, float(cost.mean()) / len(films))


def _keyframes(film: VideoArray, video: NDArray[Any]) -> NDArray[Any]:
    """The frame at which decoding begins for each frame."""
    keys = film.index.entry_frames()
    place = np.searchsorted(keys, video, side="right") - 1
    return np.where(place < 0, 0, keys[place])


def _cheapest(numbers: Frames, cost: NDArray[np.float64], n_places: int) -> Frames:
    parts = np.array_split(np.arange(len(numbers)), n_places)
    return numbers[[part[np.argmin(cost[part])] for part in parts]]


def _decoded(session: Session, films: Mapping[str, VideoArray], places: Frames) -> int:
    """How many pictures have to be decoded for these frames in all films."""
    total = 0
    for view, film in films.items():
        video = session.to_video(view, places)
        # From the keyframe, or on from the one before where that is nearer.
        steps = np.minimum(video - _keyframes(film, video), np.diff(video, prepend=-1))
        total += int(steps.sum()) + len(places)
    return total


def _runs(places: Frames, usable: NDArray[np.bool_], n: int, cost: float) -> Frames:
    """The places, each followed by as many frames as are missing to `n`."""
    length = min(_LONGEST_RUN, -(-n // len(places)))
    step = int(np.clip(cost / length, 1, _WIDEST))
    frames = (places[:, None] + step * np.arange(length)).ravel()
    frames = np.unique(frames[frames < len(usable)])
    return frames[usable[frames]]
