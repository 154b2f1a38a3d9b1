"""Whether the names of keypoints look like those of several views in one table.

Notes
-----
Of a mirrored recording, one image shows the animal from several sides, and its table holds the same
body parts once for each of them: ``nose_top, tail_top, nose_bot, tail_bot``. Left and right of an
animal look alike in that, and so do numbered keypoints and several animals in one table; so a name
of a view is not believed unless it can be nothing else, and what is found is a hint, no error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_VIEWS = 12
# Body parts that all views share: so many at least, and this part of those of any view.
_MIN_SHARED, _MIN_PART = 2, 0.5
# What ordinary keypoints end in.
_ORDINARY = re.compile(
    r"(?i:left|right|l|r|lf|rf|lh|rh|lt|rt|fore|hind|front|back|rear|upper|lower|inner|outer|"
    r"base|mid|middle|tip|end|start|proximal|distal|medial|in|out|high|low|\d+|[a-z])"
)
_VIEW = re.compile(r"(?i:top|bot|bottom|side|above|below|(cam|camera|view|mirror)[-. ]?\w*)")


@dataclass(frozen=True)
class MirroredNames:
    """Names of keypoints that come once for each view.

    Attributes
    ----------
    views : tuple of str
        What the names end (or begin) with, in the order of the table.
    bodyparts : tuple of str
        Those that all views share.
    is_certain : bool
        The views are called as views are.
    first : bool
        The view is before the body part, as in ``top_nose``.
    """

    views: tuple[str, ...]
    bodyparts: tuple[str, ...]
    is_certain: bool
    first: bool = False


def mirrored_names(keypoints: Sequence[str], *, announced: bool = False) -> MirroredNames | None:
    """Views in the names of keypoints; None where there are none.

    Parameters
    ----------
    keypoints : sequence of str
    announced : bool
        Whether the user states that there are, so that left and right are views too.
    """
    after = _grouped([name.rpartition("_")[::-1] for name in keypoints], announced)
    before = _grouped([name.partition("_") for name in keypoints], announced)
    for found, first in ((after, False), (before, True)):
        if found is not None and all(_VIEW.fullmatch(view) for view in found[0]):
            return MirroredNames(*found, is_certain=True, first=first)
    return None if after is None else MirroredNames(*after, is_certain=False)


def _grouped(
    split: Sequence[Sequence[str]], announced: bool
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Views and the body parts they share, from (view, delimiter, body part) of each keypoint."""
    parts: dict[str, dict[str, None]] = {}
    for view, _, bodypart in split:
        if not view or not bodypart:
            return None
        parts.setdefault(view, {})[bodypart] = None
    if not 2 <= len(parts) <= _MOST_VIEWS:
        return None
    first, *others = parts.values()
    shared = tuple(name for name in first if all(name in other for other in others))
    # Left and right may be before the body part as well.
    if not announced and any(
        all(_ORDINARY.fullmatch(name) for name in words) for words in (parts, shared)
    ):
        return None
    largest = max(map(len, parts.values()))
    if len(shared) < max(_MIN_SHARED, _MIN_PART * largest):
        return None
    return tuple(parts), shared
