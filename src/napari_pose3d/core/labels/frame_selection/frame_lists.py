"""Frames to be labeled, as a person names them: a list with ranges, or every n-th."""

from __future__ import annotations

import re
from collections.abc import Iterable

from napari_pose3d.errors import PoseDataError

_EXPECTED = "frames such as 10, 20-30, 100-200:10 (the last: every tenth)"
_ITEM = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15})(?::([0-9]{1,15}))?)?")
# "20 - 30" is one range although it holds blanks.
_BLANKS = re.compile(r"\s*([-:])\s*")
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "------")


def parse_frames(text: str, n_frames: int) -> list[int]:
    """The frames that somebody typed, ascending and each once.

    Parameters
    ----------
    text : str
        Numbers and ranges between commas, semicolons or blanks: ``10, 20-30, 100-200:10``. Both
        ends of a range belong to it; what follows the colon is the step.
    n_frames : int
        Number of frames of the session; frames count from 0.

    Raises
    ------
    PoseDataError
        When a part is no frame and no range, or a frame is not in the session.
    """
    items = re.split(r"[,;\s]+", _BLANKS.sub(r"\1", text.translate(_DASHES)).strip(" \t\r\n,;"))
    if items == [""]:
        raise PoseDataError("no frame was given", expected=_EXPECTED)
    frames: set[int] = set()
    for item in items:
        frames.update(_frames_of(item, n_frames))
    return sorted(frames)


def every_nth(n_frames: int, n: int, *, start: int = 0, skip: Iterable[int] = ()) -> list[int]:
    """Frames ``start, start + n, start + 2 n ...`` of a session, without those to be skipped.

    Parameters
    ----------
    n_frames : int
        Number of frames of the session.
    n : int
        The step, from 1 on.
    start : int
        The first frame.
    skip : iterable of int
        Frames that are labeled or queued already.

    Raises
    ------
    PoseDataError
        When the step or the start is invalid.
    """
    if n < 1:
        raise PoseDataError(f"every {n}-th frame is asked for", expected="a step from 1 on")
    if start < 0:
        raise PoseDataError(f"the first frame is {start}", expected="a frame from 0 on")
    skipped = set(skip)
    return [frame for frame in range(start, n_frames, n) if frame not in skipped]


def _frames_of(item: str, n_frames: int) -> range:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise PoseDataError(f"'{item}' is no frame and no range of frames", expected=_EXPECTED)
    first = int(match[1])
    last = first if match[2] is None else int(match[2])
    step = 1 if match[3] is None else int(match[3])
    if last < first:
        raise PoseDataError(
            f"the range {item} runs backwards", expected=f"the smaller number first: {last}-{first}"
        )
    if step < 1:
        raise PoseDataError(f"the range {item} has the step 0", expected="a step from 1 on")
    if last >= n_frames:
        raise PoseDataError(
            f"there is no frame {last}", expected=f"frames from 0 to {n_frames - 1}"
        )
    return range(first, last + 1, step)
