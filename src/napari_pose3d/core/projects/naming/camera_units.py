"""Where names of files count recordings behind the camera: ``cam1_trial2``, ``c1d2``, ``left_3``.

Notes
-----
Used where no names of views are known. All names of a folder decide together: each must hold one
camera of a kind, several cameras must occur, and what stands at the end must be a count. After the
words camera, cam and view it may be anything, where several cameras have each recording.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .file_names import DELIMITERS, ends_in_count, last_part

_PLACES = (
    "left|right|top|bottom|front|back|side|rear|above|below|overhead|lateral|dorsal|ventral|"
    "north|south|east|west"
)
# A camera in a name, and what may be the count behind it: the more certain the camera, the more.
_NUMBER, _LETTERED = r"\d{1,3}", r"[a-zA-Z]\d{1,3}"
_UNITS = (
    (
        re.compile(r"(?<![^\W\d_])(?i:camera|cam|view)[-_ ]?(?:\d{1,3}(?!\d)|[A-Za-z](?![^\W_]))"),
        re.compile(rf"{_NUMBER}|{_LETTERED}"),
    ),
    # FrontCam, leftCamera
    (
        re.compile(r"(?<![^\W_])[A-Za-z]+(?:[Cc]am|[Cc]amera)(?![a-z])"),
        re.compile(rf"{_NUMBER}|{_LETTERED}"),
    ),
    (
        re.compile(rf"(?<![^\W_])(?i:{_PLACES})(?![^\W_])"),
        re.compile(rf"{_NUMBER}|{_LETTERED}"),
    ),
    (re.compile(r"(?<![^\W_])[cCvV]\d{1,3}(?!\d)"), re.compile(_LETTERED)),
    (re.compile(r"(?<![^\W\d_])[cCvV]\d{1,3}(?![^\W_])"), re.compile(_LETTERED)),
)

_CERTAIN = {unit for unit, _ in _UNITS[:2]}
_PLACE = re.compile(rf"(?i:{_PLACES})")


def camera_unit(rests: Sequence[str]) -> re.Pattern[str] | None:
    """What finds the camera in each name, where recordings are counted behind it; else None.

    Parameters
    ----------
    rests : sequence of str
        Stems without seeds, each once.
    """
    for unit, count in _UNITS:
        found = [list(unit.finditer(rest)) for rest in rests]
        if any(len(matches) != 1 for matches in found):
            continue
        places = [matches[0].span() for matches in found]
        cameras = {rest[slice(*place)] for rest, place in zip(rests, places, strict=True)}
        others = {without(rest, *place) for rest, place in zip(rests, places, strict=True)}
        if len(cameras) < 2:
            continue
        if unit in _CERTAIN and _pair_up(rests, places):
            return unit
        if all(_counts(rest, *place, count) for rest, place in zip(rests, places, strict=True)):
            # One recording, each camera's name with it: then that is what they are called.
            apart = all(
                start < last_part(rest) for rest, (start, _) in zip(rests, places, strict=True)
            )
            if apart or len(others) > 1:
                return unit
    return None


def _pair_up(rests: Sequence[str], places: Sequence[tuple[int, int]]) -> bool:
    """Whether names differ in the camera only, several of them for each recording.

    What stands at the end then is no view, unless it says where a camera stands.
    """
    cameras: dict[str, set[str]] = {}
    for rest, (start, end) in zip(rests, places, strict=True):
        last = rest[last_part(rest) :]
        if start >= last_part(rest) or _PLACE.fullmatch(last):
            return False
        cameras.setdefault(without(rest, start, end), set()).add(rest[start:end])
    return all(len(each) > 1 for each in cameras.values())


def without(rest: str, start: int, end: int) -> str:
    """A name without a part, and without one delimiter beside it."""
    before, after = rest[:start], rest[end:]
    if before and before[-1] in DELIMITERS and (not after or after[0] in DELIMITERS):
        return before[:-1] + after
    return after[1:] if not before and after and after[0] in DELIMITERS else before + after


def _counts(rest: str, start: int, end: int, count: re.Pattern[str]) -> bool:
    """Whether what ends a name, the camera apart, counts recordings."""
    at = last_part(rest)
    last = rest[at:] if end <= at else without(rest[at:], max(start - at, 0), end - at)
    return (
        bool(count.fullmatch(last))
        or (bool(last) and ends_in_count(last))
        or (end <= at and ends_in_count(rest))
    )
