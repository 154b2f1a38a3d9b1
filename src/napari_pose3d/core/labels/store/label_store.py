"""The truth about labels: every view, frame and keypoint, with undo.

Everything that shows labels draws what is here, and everything that changes them does so by an
`Edit`. One edit is one step of undo, across all views.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from psygnal import Signal

from napari_pose3d.errors import PoseDataError

from .commands import Change, Command, History
from .label import EMPTY, FrameKey, Label, LabelKey

FrameLabels = Mapping[LabelKey, Label]
"""The labels of one frame; spots that are not in it are empty."""

LoadFrame = Callable[[FrameKey], FrameLabels]

_NOTHING: FrameLabels = MappingProxyType({})


class LabelStore:
    """Labels of all frames of a project.

    Parameters
    ----------
    views, keypoints : sequence of str
    frames : iterable of FrameKey
        Those that have labels already, in the order of the label files.
    load : callable
        Gives the labels of such a frame; asked once for each, when it is first needed.

    Attributes
    ----------
    changed : psygnal.Signal
        Emitted with the set of frames that an edit, undo or redo changed, also while an edit is
        under way.
    committed : psygnal.Signal
        Emitted with each `Command` that was finished, undone or redone, as it changed the labels.
    """

    changed = Signal(frozenset)
    committed = Signal(Command)

    def __init__(
        self,
        views: Sequence[str],
        keypoints: Sequence[str],
        frames: Iterable[FrameKey] = (),
        load: LoadFrame | None = None,
    ) -> None:
        self.views = tuple(views)
        self.keypoints = tuple(keypoints)
        self._load = load
        # None: not loaded yet.
        self._frames: dict[FrameKey, dict[LabelKey, Label] | None] = dict.fromkeys(frames)
        self._saved: dict[FrameKey, dict[LabelKey, Label]] = {}
        self.history = History()
        self._edit: Edit | None = None

    # ------------------------------------------------------------------ reading

    @property
    def frames(self) -> tuple[FrameKey, ...]:
        """Frames that have labels, or had when they were read; new ones last."""
        return tuple(self._frames)

    def labels(self, frame: FrameKey) -> FrameLabels:
        """The labels of a frame, without the empty ones; a view of what is stored."""
        found = self._stored(frame)
        return _NOTHING if found is None else MappingProxyType(found)

    def label(self, frame: FrameKey, label_key: LabelKey) -> Label:
        """One label."""
        return self.labels(frame).get(label_key, EMPTY)

    def is_labeled(self, frame: FrameKey) -> bool:
        """Whether any position of the frame goes to a label file."""
        return any(label.is_kept for label in self.labels(frame).values())

    @property
    def unsaved(self) -> tuple[FrameKey, ...]:
        """Frames whose labels differ from what was read or saved last."""
        return tuple(key for key, saved in self._saved.items() if saved != dict(self.labels(key)))

    def saved_labels(self, frame: FrameKey) -> FrameLabels:
        """The labels of a frame as they were read or saved last."""
        return self._saved.get(frame, self.labels(frame))

    def changed_labels(self, frame: FrameKey) -> dict[LabelKey, Label]:
        """What differs from what was read or saved last; empty labels where there was one."""
        before, after = self.saved_labels(frame), self.labels(frame)
        return {
            label_key: label
            for label_key in dict.fromkeys([*before, *after])
            if (label := after.get(label_key, EMPTY)) != before.get(label_key, EMPTY)
        }

    # ------------------------------------------------------------------ changing

    def begin(self, text: str) -> Edit:
        """Begin one step of undo, such as a drag; it ends with `Edit.finish` or `Edit.cancel`.

        Raises
        ------
        RuntimeError
            When another edit is under way.
        """
        if self._edit is not None:
            raise RuntimeError(f"an edit is under way: {self._edit.text}")
        self._edit = Edit(self, text)
        return self._edit

    @contextmanager
    def edit(self, text: str) -> Iterator[Edit]:
        """One step of undo; an error takes back what was changed in the block."""
        edit = self.begin(text)
        try:
            yield edit
            edit.finish()
        finally:
            # After an error; an edit that has ended stays as it is.
            edit.cancel()

    @property
    def is_editing(self) -> bool:
        """Whether an edit is under way; undo has to wait then."""
        return self._edit is not None

    def undo(self) -> Command | None:
        """Take the newest command back.

        Returns
        -------
        Command or None
            The changes that this made; None where there was nothing to undo.
        """
        return self._go(self.history.undo)

    def redo(self) -> Command | None:
        """Do again what was undone last."""
        return self._go(self.history.redo)

    def replay(self, command: Command) -> None:
        """Make the changes of a command of another run (from its journal), as a new step."""
        with self.edit(command.text) as edit:
            for change in command.changes:
                edit.put(change.frame, change.label_key, change.after)

    # ------------------------------------------------------------------ files

    def mark_saved(self, frames: Collection[FrameKey]) -> None:
        """Say that the labels of these frames are in the files now."""
        for key in frames:
            self._saved.pop(key, None)
            stored = self._frames.get(key)
            if stored is not None and not stored:
                del self._frames[key]

    def reload(self, frames: Iterable[FrameKey], load: LoadFrame) -> None:
        """The files were read again: all but the unsaved frames come from there now.

        Parameters
        ----------
        frames : iterable of FrameKey
            All that the files hold.
        """
        unsaved = {key: self._frames[key] for key in self.unsaved if key in self._frames}
        old = set(self._frames)
        self._load = load
        self._frames = dict.fromkeys(frames)
        self._saved = {key: dict(self.labels(key)) for key in unsaved}
        self._frames |= unsaved
        self.changed.emit(frozenset(old | set(self._frames)))

    # ------------------------------------------------------------------ inside

    def _stored(self, frame: FrameKey) -> dict[LabelKey, Label] | None:
        if frame not in self._frames:
            return None
        found = self._frames[frame]
        if found is None:
            loaded = {} if self._load is None else self._load(frame)
            found = {label_key: label for label_key, label in loaded.items() if label != EMPTY}
            self._frames[frame] = found
        return found

    def _put(self, frame: FrameKey, label_key: LabelKey, label: Label) -> None:
        stored = self._stored(frame)
        if stored is None:
            stored = self._frames[frame] = {}
        if frame not in self._saved:
            self._saved[frame] = dict(stored)
        if label == EMPTY:
            stored.pop(label_key, None)
        else:
            stored[label_key] = label

    def _go(self, step: Callable[[], Command | None]) -> Command | None:
        if self._edit is not None:
            return None
        command = step()
        if command is not None:
            for change in command.changes:
                self._put(change.frame, change.label_key, change.after)
            self.committed.emit(command)
            self.changed.emit(command.frames)
        return command

    def _end(self, command: Command | None) -> None:
        self._edit = None
        if command is not None:
            self.history.add(command)
            self.committed.emit(command)


class Edit:
    """One step of undo while it is being made."""

    def __init__(self, store: LabelStore, text: str) -> None:
        self.text = text
        self._store = store
        self._before: dict[tuple[FrameKey, LabelKey], Label] = {}
        self._open = True

    def put(self, frame: FrameKey, label_key: LabelKey, label: Label) -> None:
        """Set a label; it is seen at once.

        Raises
        ------
        PoseDataError
            When the store has no such view or keypoint.
        """
        self.put_all(frame, {label_key: label})

    def put_all(self, frame: FrameKey, labels: Mapping[LabelKey, Label]) -> None:
        """Set several labels of a frame, with one event."""
        if not self._open:
            raise RuntimeError(f"the edit has ended: {self.text}")
        store = self._store
        touched = False
        for label_key, label in labels.items():
            if label_key.view not in store.views or label_key.keypoint not in store.keypoints:
                raise PoseDataError(
                    f"there is no keypoint '{label_key.keypoint}' in view '{label_key.view}'",
                    expected=f"views {', '.join(store.views)}; "
                    f"keypoints {', '.join(store.keypoints)}",
                )
            before = store.label(frame, label_key)
            if before != label:
                self._before.setdefault((frame, label_key), before)
                store._put(frame, label_key, label)
                touched = True
        if touched:
            store.changed.emit(frozenset([frame]))

    def finish(self) -> None:
        """Make it one step of undo; nothing where nothing has changed in the end."""
        if not self._open:
            return
        self._open = False
        changes = tuple(
            Change(frame, label_key, before, after)
            for (frame, label_key), before in self._before.items()
            if (after := self._store.label(frame, label_key)) != before
        )
        self._store._end(Command(self.text, changes) if changes else None)

    def cancel(self) -> None:
        """Put everything back as it was."""
        if not self._open:
            return
        self._open = False
        for (frame, label_key), before in self._before.items():
            self._store._put(frame, label_key, before)
        self._store._end(None)
        if self._before:
            self._store.changed.emit(frozenset(frame for frame, _ in self._before))
