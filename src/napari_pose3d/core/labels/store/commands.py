"""What was changed, step by step, so that it can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .label import FrameKey, Label, LabelKey, Visibility


@dataclass(frozen=True)
class Change:
    """One label before and after a command."""

    frame: FrameKey
    label_key: LabelKey
    before: Label
    after: Label

    @property
    def reversed(self) -> Change:
        return Change(self.frame, self.label_key, self.after, self.before)


@dataclass(frozen=True)
class Command:
    """One step of undo: all labels that one action of the user changed.

    Attributes
    ----------
    text : str
        What the user did, such as "move nose in Cam-A".
    changes : tuple of Change
        Each label at most once.
    """

    text: str
    changes: tuple[Change, ...]

    @property
    def frames(self) -> frozenset[FrameKey]:
        return frozenset(change.frame for change in self.changes)

    @property
    def reversed(self) -> Command:
        """What takes it back."""
        return Command(self.text, tuple(change.reversed for change in reversed(self.changes)))


def is_same_once_saved(label: Label, other: Label) -> bool:
    """Whether two labels would be read alike from the files."""
    return _as_saved(label) == _as_saved(other)


def may_replace(change: Change, now: Label) -> bool:
    """Whether a change of another run may be made where a label reads as it does now.

    It may where the label is still what it was before the change, or is older than it. What
    another program wrote has no time and stays.
    """
    if is_same_once_saved(change.before, now):
        return True
    return bool(now.time) and now.time < change.after.time


def _as_saved(label: Label) -> tuple[object, ...]:
    """What is left of a label in the files; the residual is computed on saving."""
    if label.is_kept and label.position is not None:
        x, y = label.position
        seen = label.visibility
        return (round(x, 3), round(y, 3), label.status, seen, label.labeler, label.time)
    if label.visibility == Visibility.OCCLUDED:
        return (label.visibility, label.labeler, label.time)
    return (label.labeler, label.time) if label.is_declined else ()


class History:
    """Commands that can be undone, and those that were and can be redone."""

    def __init__(self) -> None:
        self._done: list[Command] = []
        self._undone: list[Command] = []

    def add(self, command: Command) -> None:
        """A new command: what was undone before it cannot be redone any more."""
        self._done.append(command)
        self._undone.clear()

    def undo(self) -> Command | None:
        """What takes the newest command back; None where there is none."""
        if not self._done:
            return None
        command = self._done.pop()
        self._undone.append(command)
        return command.reversed

    def redo(self) -> Command | None:
        """The command that was undone last; None where there is none."""
        if not self._undone:
            return None
        command = self._undone.pop()
        self._done.append(command)
        return command

    def renamed(self, names: Mapping[str, str]) -> History:
        """The same steps where some keypoints have other names.

        Parameters
        ----------
        names : mapping of str to str
            New names by former ones; what is not among them keeps its name.
        """
        again = History()
        again._done = [_renamed(command, names) for command in self._done]
        again._undone = [_renamed(command, names) for command in self._undone]
        return again

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._undone.clear()

    @property
    def undo_text(self) -> str:
        """What undo would take back; "" for nothing."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        """What redo would do again; "" for nothing."""
        return self._undone[-1].text if self._undone else ""


def _renamed(command: Command, names: Mapping[str, str]) -> Command:
    def key(label_key: LabelKey) -> LabelKey:
        return LabelKey(label_key.view, names.get(label_key.keypoint, label_key.keypoint))

    changes = (replace(change, label_key=key(change.label_key)) for change in command.changes)
    return Command(command.text, tuple(changes))
