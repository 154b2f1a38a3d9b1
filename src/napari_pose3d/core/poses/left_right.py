"""Which keypoints are the left and the right of a pair: as named, or by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from napari_pose3d.errors import PoseDataError

Pair = tuple[int, int]

# Left, what stands around it, and right. A single letter is a side only at the edge of a word.
_SIDES = (
    (re.compile("left"), "right"),
    (re.compile("Left"), "Right"),
    (re.compile("LEFT"), "RIGHT"),
    (re.compile(r"(?<![A-Za-z])l(?![a-z])"), "r"),
    (re.compile(r"(?<![A-Za-z])L"), "R"),
    (re.compile(r"(?<=[a-z0-9])L(?![A-Za-z])"), "R"),
)


def left_right_pairs(named: Sequence[Sequence[str]], keypoints: Sequence[str]) -> list[Pair]:
    """Indices of the keypoints that can be taken for each other.

    Parameters
    ----------
    named : sequence of pairs of str
        Their names; empty: found by names such as ``paw_left`` and ``paw_right``, ``l_ear`` and
        ``r_ear``, ``earL`` and ``earR``, ``L1A`` and ``R1A``.
    keypoints : sequence of str

    Raises
    ------
    PoseDataError
        A pair is no pair, a name is unknown, or a keypoint is in two pairs.
    """
    if not named:
        return _pairs_from_names(keypoints)
    pairs: list[Pair] = []
    for names in named:
        if len(names) != 2:
            raise PoseDataError(
                f"{', '.join(names)} is no pair of left and right", expected="two keypoints each"
            )
        for name in names:
            if name not in keypoints:
                raise PoseDataError(
                    f"no keypoint is called {name}, in a pair of left and right",
                    expected=f"some of {', '.join(keypoints)}",
                )
        pairs.append((keypoints.index(names[0]), keypoints.index(names[1])))
    members = [k for pair in pairs for k in pair]
    for k in members:
        if members.count(k) > 1:
            raise PoseDataError(
                f"the keypoint {keypoints[k]} is in the pairs of left and right twice",
                expected="each keypoint in at most one pair",
            )
    return pairs


def _pairs_from_names(keypoints: Sequence[str]) -> list[Pair]:
    pairs: list[Pair] = []
    taken: set[int] = set()
    for i, name in enumerate(keypoints):
        for left, right in _SIDES:
            other = left.sub(right, name, count=1)
            if other == name or other not in keypoints:
                continue
            j = keypoints.index(other)
            if not {i, j} & taken:
                taken |= {i, j}
                pairs.append((i, j))
            break
    return pairs
