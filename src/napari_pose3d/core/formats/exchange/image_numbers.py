"""Frames in the names of images."""

from __future__ import annotations

import re

_MOST_DIGITS = 18


def frame_number(stem: str) -> int | None:
    """The number at the end of a name without its ending, else the first in it; None for none."""
    match = re.search(r"[0-9]+$", stem) or re.search(r"[0-9]+", stem)
    return int(match.group()) if match and len(match.group()) <= _MOST_DIGITS else None
