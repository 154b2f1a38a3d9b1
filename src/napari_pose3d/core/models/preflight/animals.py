"""Which animal a session is of: as the project says, else guessed from the sessions' names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_pose3d.core.projects.project_toml import read_own_project

# What counts recordings, and not animals.
_COUNTED = re.compile(
    r"(?:day|d|week|w|date|trial|t|session|sess|ses|s|run|rec|recording|block|part|video|take)\d*",
    re.IGNORECASE,
)
_DATE_DIGITS = 4


def known_animals(project: Path) -> Mapping[str, str]:
    """The animals that ``[animals]`` in ``napari-pose3d/project.toml`` names, by session.

    Raises
    ------
    PoseDataError
        The file is damaged.
    """
    return read_own_project(project).animals


def animals_of(sessions: Sequence[str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """The animal of each session.

    Where it is not known, it is guessed: the first part of the session's name that is no date,
    counts no recordings and is not the same in all names. ``mouse1`` for ``mouse1_day2``, ``sub01``
    for ``sub-01_ses-02``.

    Parameters
    ----------
    sessions : sequence of str
    known : mapping of session to str, optional
    """
    known = known or {}
    parts = {name: _parts(name) for name in sessions}
    shared = set.intersection(*map(set, parts.values())) if len(parts) > 1 else set()
    found = {}
    for name, own in parts.items():
        different = [part for part in own if part not in shared]
        guess = next(iter(different or own), name)
        found[name] = known.get(name, guess)
    return found


def _parts(name: str) -> list[str]:
    """Parts of a name that may be of an animal; a number belongs to the word before it."""
    words: list[str] = []
    for word in re.split(r"[^0-9A-Za-z]+", name):
        if word.isdigit() and len(word) < _DATE_DIGITS and words and words[-1].isalpha():
            words[-1] += word
        elif word:
            words.append(word)
    return [
        word
        for word in words
        if not (word.isdigit() and len(word) >= _DATE_DIGITS) and not _COUNTED.fullmatch(word)
    ]
