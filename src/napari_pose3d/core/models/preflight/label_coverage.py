"""How much is labeled: of each keypoint in each view, and of how many sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.project_toml import FILE_NAME, OWN_FOLDER
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted, verb

from .animals import animals_of, known_animals
from .training_finding import Severity, TrainingFinding, listed
from .training_input import TrainingInput

ENOUGH = 10
"""Labels of a keypoint in a view below which the network can hardly learn it."""

_FEW_SESSIONS = 5
_LARGEST_SHARE = 0.5
_MANY_FRAMES = 50


@dataclass(frozen=True, eq=False)
class LabelCoverage:
    """A table of labels.

    Attributes
    ----------
    views, keypoints : tuple of str
    counts : (view, keypoint) int64
        Labels with a position.
    sessions, animals : mapping of str to int
        Labeled frames of each; "" for images whose session is not known.
    guessed : bool
        Whether animals are guessed from the names of sessions.
    """

    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    counts: NDArray[np.int64]
    sessions: dict[str, int]
    animals: dict[str, int]
    guessed: bool

    def lines(self) -> list[str]:
        """The table as text, a line for each keypoint."""
        width = max([len("keypoint"), *(len(name) for name in self.keypoints)])
        columns = [max(len(view), 6) for view in self.views]

        def line(name: str, cells: list[str]) -> str:
            joined = "  ".join(c.rjust(w) for c, w in zip(cells, columns, strict=True))
            return f"{name.ljust(width)}  {joined}"

        rows = [line("keypoint", list(self.views))]
        for k, name in enumerate(self.keypoints):
            rows.append(line(name, [str(n) for n in self.counts[:, k]]))
        return rows


def label_coverage(given: TrainingInput) -> LabelCoverage | None:
    """Count the labels; None where the views' files cannot be laid side by side."""
    if not given.labels or not given.comparable:
        return None
    first = given.labels[0]
    sessions = dict(Counter(given.session_of(image) or "" for image in first.images))
    known = _known_animals(given)[0]
    animals: Counter[str] = Counter()
    for session, animal in animals_of([name for name in sessions if name], known).items():
        animals[animal] += sessions[session]
    if "" in sessions:
        animals[""] += sessions[""]
    return LabelCoverage(
        tuple(each.view for each in given.labels),
        first.table.keypoints,
        np.array([each.labeled.sum(axis=0) for each in given.labels], dtype=np.int64),
        sessions,
        dict(animals),
        not all(name in known for name in sessions if name),
    )


def _known_animals(given: TrainingInput) -> tuple[Mapping[str, str], TrainingFinding | None]:
    try:
        return known_animals(given.folder), None
    except PoseDataError as error:
        return {}, TrainingFinding(
            "unreadable project.toml",
            "warning",
            error.problem,
            ", ".join(part for part in (FILE_NAME, error.place) if part),
            remedy=error.todo or error.expected or "Mend it",
        )


def check_coverage(given: TrainingInput) -> Iterator[TrainingFinding]:
    """Look for keypoints with few labels, frames without any, and labels of few sessions."""
    table = label_coverage(given)
    if table is None:
        return
    never = [
        f"{name} in {view}"
        for v, view in enumerate(table.views)
        for k, name in enumerate(table.keypoints)
        if table.counts[v, k] == 0
    ]
    few = [
        f"{name} in {view} ({table.counts[v, k]})"
        for v, view in enumerate(table.views)
        for k, name in enumerate(table.keypoints)
        if 0 < table.counts[v, k] < ENOUGH
    ]
    if never:
        yield TrainingFinding(
            "never labeled",
            "warning",
            f"{counted(len(never), 'keypoint')} {verb(len(never))} never labeled in a view and "
            f"{verb(len(never))} taught as hidden there",
            evidence=listed(never),
            remedy="Label frames in which it is seen, or remove the keypoint",
        )
    if few:
        yield TrainingFinding(
            "few labels",
            "warning",
            f"{counted(len(few), 'keypoint')} {verb(len(few), 'has', 'have')} fewer than {ENOUGH} "
            "labels in a view",
            evidence=listed(few),
            remedy="Label more frames in which the keypoint is seen",
        )
    labeled = np.stack([each.labeled for each in given.labels])
    empty = ~labeled.any(axis=(0, 2))
    if empty.any():
        images = [given.labels[0].images[n] for n in np.flatnonzero(empty)]
        yield TrainingFinding(
            "empty frames",
            "note",
            f"{counted(len(images), 'frame')} {verb(len(images), 'has', 'have')} no label in any "
            f"view and {verb(len(images))} taught as empty",
            evidence=listed(images),
            remedy="Remove the rows unless the animal is really not there",
        )
    unread = _known_animals(given)[1]
    if unread is not None:
        yield unread
    yield from _variety(table)


def _variety(table: LabelCoverage) -> Iterator[TrainingFinding]:
    """Many sessions and animals, and all of them with their share."""
    n_sessions, n_frames = len(table.sessions), sum(table.sessions.values())
    severity: Severity = "warning" if n_frames >= _MANY_FRAMES else "note"
    listed_sessions = ", ".join(f"{name or 'unknown'} {n}" for name, n in table.sessions.items())
    most = max(table.sessions, key=lambda name: table.sessions[name], default="")
    if n_sessions < _FEW_SESSIONS:
        yield TrainingFinding(
            "few sessions",
            severity,
            f"the {counted(n_frames, 'frame')} {verb(n_frames)} of "
            f"{counted(n_sessions, 'session')}",
            evidence=listed_sessions,
            remedy="Networks that have seen many animals and days do better on new ones: rather "
            "20 frames of each of 10 sessions than 200 of one",
        )
    elif table.sessions[most] > _LARGEST_SHARE * n_frames:
        yield TrainingFinding(
            "uneven sessions",
            severity,
            f"{table.sessions[most]} of {n_frames} frames are of one session, {most or 'unknown'}",
            evidence=listed_sessions,
            remedy="Label more frames of the other sessions: rather 20 of each of 10 than 200 of "
            "one",
        )
    if n_sessions > 1 and len(table.animals) == 1:
        (animal,) = table.animals
        guess = ", by their names" if table.guessed else ""
        yield TrainingFinding(
            "few animals",
            severity,
            f"all {n_sessions} labeled sessions are of one animal, {animal or 'unknown'}{guess}",
            evidence=listed_sessions,
            remedy="Label sessions of other animals as well"
            + (
                f"; where the guess is wrong, name them: [animals] in {OWN_FOLDER}/{FILE_NAME}"
                if table.guessed
                else ""
            ),
        )
