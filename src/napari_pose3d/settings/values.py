"""What settings are made of: fields with their help, checks, and texts that some are given as."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import field
from typing import Any, Literal

import numpy as np

from napari_pose3d.errors import PoseDataError

Progress = Callable[[str, int, int], None]
"""Called with (stage in plain words, done, total); total 0 means unknown."""

IsCancelled = Callable[[], bool]
"""Whether the user wants the work to stop; asked often."""

# As many as any number of frames has, in 64 bits.
_MOST_DIGITS = 18

Robust = Literal["auto", "off"] | float
"""How observations are set aside that contradict the other views."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


def never_cancelled() -> bool:
    """`IsCancelled` where nobody can stop the work."""
    return False


def setting(default: Any, help_text: str) -> Any:
    """A field of a dataclass with its help in plain words, in ``metadata["help"]``."""
    return field(default=default, metadata={"help": help_text})


def check_s(s: float | None, keypoint: str = "") -> None:
    """Raise `PoseDataError` unless it is None or a number above zero."""
    if s is not None and not (math.isfinite(s) and s > 0):
        raise PoseDataError(
            f"the smoothing parameter{' of ' + keypoint if keypoint else ''} is {s}",
            expected="a number above zero; small is smooth, large follows the data",
        )


def check_robust(robust: object) -> None:
    """Raise `PoseDataError` unless it is "auto", "off" or a number of px above zero."""
    if isinstance(robust, str):
        valid = robust in ("auto", "off")
    else:
        valid = isinstance(robust, int | float | np.number) and 0 < float(robust) < math.inf
    if not valid:
        raise PoseDataError(
            f"the robust threshold is {robust!r}",
            expected="'auto', 'off', or a number of px above zero",
        )


def check_threads(threads: int | None) -> None:
    """Raise `PoseDataError` unless it is None or at least 1."""
    if threads is not None and threads < 1:
        raise PoseDataError(f"the number of threads is {threads}", expected="one or more")


def frame_range_of(text: str) -> tuple[int | None, int | None]:
    """``A:B``, either of which may be left out, or ``N`` for the first N frames.

    Raises
    ------
    PoseDataError
        It is something else.
    """
    first, colon, last = (part.strip() for part in text.partition(":"))
    understood = all(
        end == "" or (end.isdecimal() and len(end) <= _MOST_DIGITS) for end in (first, last)
    )
    if not understood or not (first or last):
        raise PoseDataError(
            f"'{text.strip()}' is not a frame range",
            expected="first frame, colon, one past the last, such as 0:500 or 800:, or a number "
            "for so many frames from the first",
        )
    ends = [int(end) if end else None for end in (first, last)]
    return (ends[0], ends[1]) if colon else (None, ends[0])


def smooth_params_of(text: str) -> tuple[tuple[str, float], ...]:
    """``nose=10, tail=100`` as pairs of keypoint and ``s``.

    Raises
    ------
    PoseDataError
        It is something else.
    """
    pairs = []
    for part in text.split(","):
        if not part.strip():
            continue
        # A name may hold the sign, a number does not.
        name, sign, number = part.rpartition("=")
        try:
            s = float(number)
        except ValueError:
            s = math.nan
        if not sign or not name.strip() or math.isnan(s):
            raise PoseDataError(
                f"'{part.strip()}' is not a value of s for a keypoint",
                expected="a name, an equals sign and a number, such as nose=10, tail=100",
            )
        check_s(s, name.strip())
        pairs.append((name.strip(), s))
    return tuple(pairs)
