"""Bringing together what we changed and what somebody else changed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .files.label_cells import same_position
from .files.label_files import LabelFiles
from .store.label import EMPTY, FrameKey, Label, LabelKey
from .store.label_store import LabelStore

Prefer = Literal["ours", "theirs"]


@dataclass(frozen=True)
class Conflict:
    """A label that both changed, to something different.

    Attributes
    ----------
    frame, label_key
    base : Label
        What it was before.
    ours, theirs : Label
    """

    frame: FrameKey
    label_key: LabelKey
    base: Label
    ours: Label
    theirs: Label


@dataclass(frozen=True)
class Difference:
    """What became of the files since they were read.

    Attributes
    ----------
    new_frames, gone_frames : tuple of FrameKey
        Rows that appeared or went.
    changed : tuple of (FrameKey, LabelKey)
        Labels that only they changed.
    conflicts : tuple of Conflict
    """

    new_frames: tuple[FrameKey, ...]
    gone_frames: tuple[FrameKey, ...]
    changed: tuple[tuple[FrameKey, LabelKey], ...]
    conflicts: tuple[Conflict, ...]

    def describe(self) -> str:
        """In one line."""
        parts = [
            f"{n} {one if n == 1 else many}"
            for n, one, many in (
                (len(self.new_frames), "frame was added", "frames were added"),
                (len(self.gone_frames), "frame was removed", "frames were removed"),
                (len(self.changed), "label was changed", "labels were changed"),
                (
                    len(self.conflicts),
                    "label was changed by both of you",
                    "labels were changed by both of you",
                ),
            )
            if n
        ]
        return ", ".join(parts) or "nothing that matters to labels"


def difference(store: LabelStore, old: LabelFiles, new: LabelFiles) -> Difference:
    """Compare the files as they were read with what they are now.

    Parameters
    ----------
    store : LabelStore
        With our changes.
    old : LabelFiles
        What it was read from.
    new : LabelFiles
        The same files, read again.
    """
    before, after = set(old.known_frames), set(new.known_frames)
    changed, conflicts = [], []
    for frame in dict.fromkeys([*old.known_frames, *new.known_frames]):
        base, theirs = old.load(frame), new.load(frame)
        if base == theirs:
            continue
        ours = store.changed_labels(frame)
        for label_key in dict.fromkeys([*base, *theirs]):
            was, is_now = base.get(label_key, EMPTY), theirs.get(label_key, EMPTY)
            if _alike(was, is_now):
                continue
            if label_key in ours and not _alike(ours[label_key], is_now):
                conflicts.append(Conflict(frame, label_key, was, ours[label_key], is_now))
            else:
                changed.append((frame, label_key))
    return Difference(
        tuple(k for k in new.known_frames if k not in before),
        tuple(k for k in old.known_frames if k not in after),
        tuple(changed),
        tuple(conflicts),
    )


def merge(store: LabelStore, old: LabelFiles, new: LabelFiles, prefer: Prefer) -> Difference:
    """Take over what they changed, and keep what we changed.

    Parameters
    ----------
    prefer : {"ours", "theirs"}
        Which of the two stays where both changed the same label. One step of undo.

    Returns
    -------
    Difference
        What there was to merge. `new` is what the store belongs to from now on.
    """
    found = difference(store, old, new)
    theirs_wins = {(c.frame, c.label_key) for c in found.conflicts} if prefer == "theirs" else set()
    ours = {
        frame: {
            label_key: label
            for label_key, label in store.changed_labels(frame).items()
            if (frame, label_key) not in theirs_wins
        }
        for frame in store.unsaved
    }
    store.reload(new.known_frames, new.load)
    with store.edit("merge with what others changed") as edit:
        for frame, theirs in {frame: new.load(frame) for frame in ours}.items():
            # What we did not change is theirs; what they have no more is empty.
            gone = dict.fromkeys(store.labels(frame), EMPTY)
            edit.put_all(frame, {**gone, **theirs, **ours[frame]})
    return found


def _alike(a: Label, b: Label) -> bool:
    """Whether two labels have the same position and visibility, whoever placed them."""
    if a.visibility != b.visibility or a.position is None or b.position is None:
        return (a.position, a.visibility) == (b.position, b.visibility)
    return same_position(a.position, b.position)
