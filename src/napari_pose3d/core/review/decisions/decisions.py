"""What a person decided about events and frames: kept with the project, undoable.

Notes
-----
They lie in ``napari-pose3d/decisions/`` of the project:

``record.jsonl``
    Who decided what and when, one line for each step (see `step_log`).
``decisions.csv``
    What holds now, one line each: session, first and last frame, kind, keypoints and views (";"
    between them), decision, note, who, time.

A decision is about a stretch of frames with one kind of failure and its keypoints, or, without a
kind, about whole frames. It is found again by session, kind, a common view, a common keypoint (both
ends of a bone) and a common frame: so it survives that the review is made anew with other settings.
Where an event of the review is exactly the one that was decided about, it is about that one alone.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from napari_pose3d.core.projects.project_toml import OWN_FOLDER, project_lock
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.path_lists import AnyPath

from ..events.events import Event
from ..events.failures import Failure
from .step_log import Key, Step, StepLog, Values, now
from .step_record import StepRecord

FOLDER, RECORD, TABLE = "decisions", "record.jsonl", "decisions.csv"
COLUMNS = (
    "session",
    "start",
    "end",
    "kind",
    "keypoints",
    "views",
    "decision",
    "note",
    "who",
    "time",
)


class Verdict(StrEnum):
    """What is to become of an event or a frame."""

    GOOD = "good"
    """Nothing is wrong there."""
    BAD = "bad"
    """Left out of results: its keypoints are NaN in every view and in space."""
    FIX = "fix"
    """Is being corrected, or was."""
    QUEUE = "queue"
    """Waits for labeling."""
    NOTE = "note"
    """Only what the note says."""


@dataclass(frozen=True)
class Decision:
    """A decision about a stretch of frames.

    Attributes
    ----------
    session : str
    start, end : int
        First and last frame of the session.
    verdict : Verdict
    kind : str
        Of the event (the value of its `Failure`); empty for whole frames.
    keypoints, views : tuple of str
        Of the event; no keypoints: all.
    note : str
    who, time : str
        ISO 8601, UTC; filled in when it is kept.
    """

    session: str
    start: int
    end: int
    verdict: Verdict
    kind: str = ""
    keypoints: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    note: str = ""
    who: str = ""
    time: str = ""

    def is_about(self, session: str, event: Event) -> bool:
        """Whether it is about an event, or about what was seen of it with other settings."""
        return (
            self.session == session
            and self.kind == event.kind.value
            and self.start <= event.end
            and self.end >= event.start
            and (self.views == event.views or bool(set(self.views) & set(event.views)))
            and self._shares_keypoints(event)
        )

    def _shares_keypoints(self, event: Event) -> bool:
        if event.kind is Failure.BONE:
            # Bones that meet in a keypoint are different bones.
            return set(self.keypoints) == set(event.keypoints)
        return not self.keypoints or bool(set(self.keypoints) & set(event.keypoints))


class Decisions(StepRecord):
    """The decisions of a project.

    Parameters
    ----------
    folder : path
        The project, or the folder that holds the predictions; see `decisions_folder`.
    who : str
        Recorded with each step.

    Raises
    ------
    PoseDataError
        The record cannot be read.

    Examples
    --------
    >>> kept = Decisions(project, "Ada")  # doctest: +SKIP
    >>> kept.decide("day1", review.events[:2], Verdict.BAD, "mirror")  # doctest: +SKIP
    >>> kept.of_event("day1", review.events[0]).verdict  # doctest: +SKIP
    <Verdict.BAD: 'bad'>
    >>> kept.undo()  # doctest: +SKIP
    """

    def __init__(self, folder: AnyPath, who: str = "") -> None:
        self.folder = Path(folder) / OWN_FOLDER / FOLDER
        lock = project_lock(folder)
        super().__init__(StepLog(self.folder / RECORD, lock, _check_stored, self._write_table), who)

    @property
    def all(self) -> tuple[Decision, ...]:
        """By session and first frame."""
        return _listed(self._log.state)

    def of_event(self, session: str, event: Event) -> Decision | None:
        """The newest decision about an event; None where there is none."""
        return match_decisions(self.all, session, [event]).get(event)

    def of_frame(self, session: str, frame: int) -> tuple[Decision, ...]:
        """Decisions about whole frames, and about events, that concern a frame."""
        return tuple(
            each for each in self.all if each.session == session and each.start <= frame <= each.end
        )

    def decide(
        self,
        session: str,
        events: Sequence[Event],
        verdict: Verdict,
        note: str = "",
        *,
        among: Iterable[Event] = (),
    ) -> Step | None:
        """Decide about events, as one step of undo; earlier decisions about them give way.

        Parameters
        ----------
        among : iterable of Event
            All events of the review: what was decided about others of them stays.
        """
        new = [_about(event, session, verdict, note) for event in events]
        chosen = {_event_key(session, event) for event in events}
        others = [each for each in among if _event_key(session, each) not in chosen]
        own = {_event_key(session, each) for each in others}
        old = [
            each
            for each in self.all
            if _key_of(each) not in own and any(each.is_about(session, e) for e in events)
        ]
        # What was one event before may be several now.
        for event, each in match_decisions(old, session, others).items():
            stays = _about(event, session, each.verdict, each.note)
            new.append(replace(stays, who=each.who, time=each.time))
        what = events[0].kind.value if len(events) == 1 else f"{len(events)} events"
        return self._add(new, old, f"{verdict.value}: {what}")

    def decide_frames(
        self,
        session: str,
        start: int,
        end: int,
        verdict: Verdict,
        note: str = "",
        *,
        keypoints: Sequence[str] = (),
    ) -> Step | None:
        """Decide about whole frames, from the first to the last, as one step of undo."""
        new = Decision(session, start, end, verdict, keypoints=tuple(keypoints), note=note)
        frames = f"frame {start}" if start == end else f"frames {start} to {end}"
        return self._add([new], [], f"{verdict.value}: {frames}")

    def withdraw(self, decisions: Collection[Decision]) -> Step | None:
        """Take decisions away, as one step of undo."""
        n = len(decisions)
        return self._add([], decisions, f"withdraw {n} decision{'s' if n > 1 else ''}")

    def _add(self, new: Collection[Decision], old: Collection[Decision], text: str) -> Step | None:
        time = now()
        values: dict[Key, Any] = {_key_of(each): None for each in old}
        for each in new:
            stored = each if each.time else replace(each, who=self.who, time=time)
            values[_key_of(each)] = [each.verdict.value, each.note, stored.who, stored.time]
        return self._log.add(values, text, self.who)

    def _write_table(self, group: FileGroup, state: Values) -> None:
        write_decisions(group.open(self.folder / TABLE), _listed(state))


def read_decisions(folder: AnyPath, session: str | None = None) -> tuple[Decision, ...]:
    """The decisions of a project, or of one of its sessions; empty where there are none.

    Raises
    ------
    PoseDataError
        The record cannot be read.
    """
    if not (Path(folder) / OWN_FOLDER / FOLDER / RECORD).is_file():
        return ()
    return tuple(d for d in Decisions(folder).all if session in (None, d.session))


def match_decisions(
    decisions: Iterable[Decision], session: str, events: Collection[Event]
) -> dict[Event, Decision]:
    """What was decided about each event; events without a decision are left out.

    Parameters
    ----------
    decisions : iterable of Decision
    session : str
    events : collection of Event
        Those of one review.

    Returns
    -------
    dict
        An event's own decision; else the newest one about something like it that is no other
        event's own.
    """
    mine = {_key_of(each): each for each in decisions if each.session == session}
    # A bad long recording has a hundred thousand events.
    kinds = {each.kind for each in mine.values()}
    keys = {e: _event_key(session, e) for e in events if e.kind.value in kinds}
    taken = set(keys.values())
    loose: dict[str, list[Decision]] = {}
    for key, each in mine.items():
        if key not in taken:
            loose.setdefault(each.kind, []).append(each)
    found = {}
    for event, key in keys.items():
        own = mine.get(key)
        about = [own] if own else loose.get(event.kind.value, ())
        newest = max(
            (each for each in about if each.is_about(session, event)),
            key=lambda each: each.time,
            default=None,
        )
        if newest is not None:
            found[event] = newest
    return found


def write_decisions(stream: TextIO, decisions: Sequence[Decision]) -> None:
    """Write decisions as CSV, one line each."""
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for each in decisions:
        table.writerow(
            (
                each.session,
                each.start,
                each.end,
                each.kind,
                ";".join(each.keypoints),
                ";".join(each.views),
                each.verdict.value,
                each.note,
                each.who,
                each.time,
            )
        )


def _key_of(decision: Decision) -> Key:
    return (
        decision.session,
        decision.kind,
        decision.keypoints,
        decision.views,
        decision.start,
        decision.end,
    )


def _event_key(session: str, event: Event) -> Key:
    return (session, event.kind.value, event.keypoints, event.views, event.start, event.end)


def _about(event: Event, session: str, verdict: Verdict, note: str) -> Decision:
    return Decision(
        session,
        event.start,
        event.end,
        verdict,
        event.kind.value,
        event.keypoints,
        event.views,
        note,
    )


def _listed(state: Values) -> tuple[Decision, ...]:
    found = [
        Decision(session, start, end, Verdict(verdict), kind, keypoints, views, note, who, time)
        for (session, kind, keypoints, views, start, end), (verdict, note, who, time) in (
            state.items()
        )
    ]
    return tuple(sorted(found, key=lambda d: (d.session, d.start, d.end, d.kind, d.keypoints)))


def _check_stored(key: Key, value: Any) -> None:
    session, kind, keypoints, views, start, end = key
    texts = (session, kind, *keypoints, *views)
    if not all(isinstance(each, str) for each in texts):
        raise ValueError("no event")
    if not (type(start) is int and type(end) is int and 0 <= start <= end):
        raise ValueError("no frames")
    if value is not None:
        verdict, *rest = value
        Verdict(verdict)
        if len(rest) != 3 or not all(isinstance(each, str) for each in rest):
            raise ValueError("no decision")
