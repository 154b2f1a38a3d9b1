"""Corrections and decisions of a review: kept at once, undone, and never lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_pose3d import PoseDataError
from napari_pose3d.core.review.decisions import step_log
from napari_pose3d.core.review.decisions.corrections import (
    Cell,
    Corrections,
    decisions_folder,
    read_corrections,
)
from napari_pose3d.core.review.decisions.decisions import (
    Decisions,
    Verdict,
    match_decisions,
    read_decisions,
)
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import Failure

VIEWS, KEYPOINTS = ("top", "side"), ("nose", "tail")
NOSE = Cell("top", 12, "nose")


def opened(folder: Path, who: str = "Ada") -> Corrections:
    return Corrections(folder, "day1", VIEWS, KEYPOINTS, who)


def test_what_is_moved_is_on_disk_at_once(tmp_path: Path) -> None:
    step = opened(tmp_path).move({NOSE: (10.1234, 20.0), Cell("top", 3, "tail"): (5.0, 6.0)})
    assert step is not None
    assert step.who == "Ada"
    assert step.text == "correct 2 positions"
    assert opened(tmp_path).positions == {NOSE: (10.123, 20.0), Cell("top", 3, "tail"): (5.0, 6.0)}
    assert read_corrections(tmp_path, "day1") == opened(tmp_path).positions


def test_the_corrected_set_is_read_like_predictions_of_lightning_pose(tmp_path: Path) -> None:
    opened(tmp_path).move({NOSE: (10.5, 20.0), Cell("top", 3, "tail"): (5.0, 6.0)})
    folder = tmp_path / "napari-pose3d" / "corrections" / "day1"
    table = pd.read_csv(folder / "day1_top.csv", header=[0, 1, 2], index_col=0)
    assert list(table.index) == [3, 12]
    assert table.loc[12, ("corrected", "nose", "x")] == 10.5
    assert table.loc[12, ("corrected", "nose", "likelihood")] == 1.0
    assert np.isnan(table.loc[12, ("corrected", "tail", "x")])
    assert not (folder / "day1_side.csv").exists()


def test_what_was_done_and_undone_last_has_its_time(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    assert (kept.done_at, kept.undone_at) == ("", "")
    first, second = kept.move({NOSE: (1.0, 2.0)}), kept.move({NOSE: (3.0, 4.0)})
    assert first is not None
    assert second is not None
    assert kept.done_at == second.time
    kept.undo()
    assert kept.done_at == first.time
    undone = kept.undone_at
    assert undone >= second.time
    kept.redo()
    # Done again, it is newer than it was; another run reads the same.
    assert kept.done_at >= undone
    assert (kept.done_at, kept.undone_at) == (opened(tmp_path).done_at, "")


def test_undo_and_redo_also_in_another_run(tmp_path: Path) -> None:
    opened(tmp_path).move({NOSE: (1.0, 2.0)})
    opened(tmp_path).move({NOSE: (3.0, 4.0)})
    again = opened(tmp_path, "Bob")
    assert again.undo_text == "move nose in top, frame 12"
    assert again.undo() is not None
    assert again.positions == {NOSE: (1.0, 2.0)}
    assert again.undo() is not None
    assert again.undo() is None
    assert again.positions == {}
    # The set of no positions is no file.
    assert not (again.folder / "day1_top.csv").exists()
    assert opened(tmp_path).redo() is not None
    assert opened(tmp_path).positions == {NOSE: (1.0, 2.0)}


def test_a_new_step_ends_redo_and_none_takes_a_correction_away(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.move({NOSE: (1.0, 2.0)})
    kept.undo()
    kept.move({Cell("side", 0, "tail"): (9.0, 9.0)})
    assert kept.redo() is None
    assert kept.move({Cell("side", 0, "tail"): None}) is not None
    assert kept.positions == {}
    assert kept.move({Cell("side", 0, "tail"): None}) is None


def test_two_who_correct_at_a_time_lose_nothing(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path, "Bob")
    one.move({NOSE: (1.0, 2.0)})
    other.move({Cell("side", 12, "nose"): (3.0, 4.0)})
    one.move({Cell("side", 13, "nose"): (5.0, 6.0)})
    other.read()
    assert len(one.positions) == len(other.positions) == 3
    assert [step.who for step in other.steps] == ["Ada", "Bob", "Ada"]


def test_a_line_that_was_being_written_is_dropped(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.move({NOSE: (1.0, 2.0)})
    record = kept.folder / "record.jsonl"
    whole = record.read_bytes()
    record.write_bytes(whole + b'{"time": "2026", "who": "Ada", "te')
    again = opened(tmp_path)
    assert again.positions == {NOSE: (1.0, 2.0)}
    assert again.damaged == 0
    again.move({NOSE: (3.0, 4.0)})
    lines = record.read_text().splitlines()
    assert len(lines) == 2
    assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize(
    "line",
    [
        "nothing",
        "[]",
        '{"text": "", "who": "", "time": ""}',
        '{"time": "", "who": "", "text": "", "changes": [[["top", "x", "nose"], null, [1, 2]]]}',
        '{"time": "", "who": "", "text": "", "changes": [[["top", 1, "nose"], null, [1]]]}',
        '{"time": "", "who": "", "text": "", "changes": [[["top", 1, "nose"], null, ["a", 2]]]}',
        '{"time": "", "who": "", "text": "", "changes": [[["top", 1, "nose"], null, [1%s, 2]]]}'
        % ("0" * 400),
        '{"time": "", "who": "",\r "text": \u2028, "changes": []}',
    ],
)
def test_damaged_lines_are_counted_and_the_others_hold(tmp_path: Path, line: str) -> None:
    kept = opened(tmp_path)
    kept.move({NOSE: (1.0, 2.0)})
    with (kept.folder / "record.jsonl").open("a") as record:
        record.write(line + "\n")
    again = opened(tmp_path)
    assert again.damaged == 1
    assert again.positions == {NOSE: (1.0, 2.0)}
    again.move({NOSE: (3.0, 4.0)})
    assert opened(tmp_path).positions == {NOSE: (3.0, 4.0)}


def test_what_cannot_be_read_is_not_undone_in_another_s_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = opened(tmp_path)
    # Two steps within one tick of the clock are two steps.
    monkeypatch.setattr(step_log, "now", lambda: "2026-01-02T03:04:05.678+00:00")
    kept.move({NOSE: (1.0, 2.0)})
    kept.move({Cell("side", 12, "nose"): (3.0, 4.0)})
    kept.undo()
    record = kept.folder / "record.jsonl"
    first, _, undo = record.read_text().splitlines(keepends=True)
    record.write_text(first + "damaged\n" + undo)
    again = opened(tmp_path)
    assert again.damaged == 2
    assert again.positions == {NOSE: (1.0, 2.0)}


@pytest.mark.parametrize(
    ("cell", "position", "what"),
    [
        (Cell("left", 1, "nose"), (1.0, 2.0), "no view is called left"),
        (Cell("top", 1, "ear"), (1.0, 2.0), "no keypoint is called ear"),
        (Cell("top", -1, "nose"), (1.0, 2.0), "the frame is -1"),
        (Cell("top", 1, "nose"), (np.nan, 2.0), "the position is"),
    ],
)
def test_what_cannot_be_a_correction(
    tmp_path: Path, cell: Cell, position: tuple[float, float], what: str
) -> None:
    kept = opened(tmp_path)
    with pytest.raises(PoseDataError, match=what):
        kept.move({NOSE: (1.0, 1.0), cell: position})
    assert kept.positions == {}
    assert not kept.folder.exists()


def test_names_that_lead_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(PoseDataError, match="cannot be in the name of a file"):
        Corrections(tmp_path, "../other", VIEWS, KEYPOINTS)


def test_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "project" / "deep").mkdir(parents=True)
    assert decisions_folder(tmp_path / "project" / "deep") == tmp_path / "project" / "deep"
    (tmp_path / "project" / "napari-pose3d").mkdir()
    (tmp_path / "project" / "napari-pose3d" / "project.toml").write_text("schema_version = 1\n")
    assert decisions_folder(tmp_path / "project" / "deep") == tmp_path / "project"


def event(start: int = 10, end: int = 20, kind: Failure = Failure.JUMP) -> Event:
    return Event(kind, ("nose", "tail"), ("top",), start, end, start, 3.0, 9.0, "px", 4)


def test_a_decision_is_found_again_when_the_review_was_made_anew(tmp_path: Path) -> None:
    Decisions(tmp_path, "Ada").decide("day1", [event()], Verdict.BAD, "a mirror")
    kept = Decisions(tmp_path)
    found = kept.of_event("day1", event(14, 40))
    assert found is not None
    assert (found.verdict, found.note, found.who) == (Verdict.BAD, "a mirror", "Ada")
    assert kept.of_event("day1", event(21, 40)) is None
    assert kept.of_event("day1", event(kind=Failure.BONE)) is None
    assert kept.of_event("day2", event()) is None
    assert [d.kind for d in kept.of_frame("day1", 20)] == ["jump"]
    assert kept.of_frame("day1", 21) == ()


def test_decisions_are_replaced_withdrawn_and_undone(tmp_path: Path) -> None:
    kept = Decisions(tmp_path, "Ada")
    kept.decide("day1", [event()], Verdict.GOOD)
    kept.decide("day1", [event(12, 30), event(50, 60)], Verdict.QUEUE)
    assert [(d.start, d.verdict) for d in kept.all] == [(12, "queue"), (50, "queue")]
    kept.undo()
    assert [(d.start, d.verdict) for d in Decisions(tmp_path).all] == [(10, "good")]
    kept.redo()
    kept.withdraw(kept.all)
    assert kept.all == ()
    assert read_decisions(tmp_path) == ()
    kept.undo()
    assert len(read_decisions(tmp_path, "day1")) == 2
    assert read_decisions(tmp_path, "day2") == ()


def bone(start: int, end: int, *ends: str) -> Event:
    return Event(Failure.BONE, ends, (), start, end, start, 3.0, 9.0, "mm", 4)


def hidden(start: int, end: int, view: str) -> Event:
    return Event(Failure.HIDDEN, ("nose",), (view,), start, end, start, 3.0, 9.0, "px", 4)


def test_a_decision_leaves_what_was_decided_about_neighbours(tmp_path: Path) -> None:
    """Bones that meet, and a keypoint that is hidden in two views, fail at the same time."""
    events = [
        bone(10, 40, "knee", "paw"),
        bone(12, 38, "tail", "knee"),
        hidden(50, 70, "top"),
        hidden(55, 80, "side"),
    ]
    kept = Decisions(tmp_path, "Ada")
    verdicts = (Verdict.BAD, Verdict.GOOD, Verdict.QUEUE, Verdict.BAD)
    for one, verdict in zip(events, verdicts, strict=True):
        kept.decide("day1", [one], verdict, among=events)
    found = match_decisions(kept.all, "day1", events)
    assert tuple(found[one].verdict for one in events) == verdicts
    assert len(kept.all) == 4
    # Also seen with other settings.
    other = [bone(15, 45, "paw", "knee"), hidden(68, 90, "side")]
    found = match_decisions(kept.all, "day1", other)
    assert [found[one].verdict for one in other] == [Verdict.BAD, Verdict.BAD]


def test_what_was_one_event_and_is_two_is_decided_one_by_one(tmp_path: Path) -> None:
    Decisions(tmp_path, "Ada").decide("day1", [event(10, 50)], Verdict.BAD, "a mirror")
    parts = [event(10, 20), event(30, 50)]
    kept = Decisions(tmp_path, "Ben")
    kept.decide("day1", parts[:1], Verdict.GOOD, among=parts)
    first, second = (match_decisions(kept.all, "day1", parts)[part] for part in parts)
    assert (first.verdict, first.start, first.end, first.who) == (Verdict.GOOD, 10, 20, "Ben")
    assert (second.verdict, second.start, second.end) == (Verdict.BAD, 30, 50)
    assert (second.note, second.who) == ("a mirror", "Ada")
    kept.undo()
    assert [(d.start, d.end, d.verdict) for d in kept.all] == [(10, 50, Verdict.BAD)]


def test_the_table_of_decisions(tmp_path: Path) -> None:
    kept = Decisions(tmp_path, "Ada")
    kept.decide("day1", [event()], Verdict.NOTE, 'a "note", with\nlines')
    kept.decide_frames("day1", 3, 5, Verdict.BAD)
    table = pd.read_csv(tmp_path / "napari-pose3d" / "decisions" / "decisions.csv")
    assert table["start"].tolist() == [3, 10]
    assert table["decision"].tolist() == ["bad", "note"]
    assert table["keypoints"].tolist()[1] == "nose;tail"
    assert table["note"].tolist()[1] == 'a "note", with\nlines'


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert Decisions(tmp_path).all == ()
    assert opened(tmp_path).positions == {}
    assert list(tmp_path.iterdir()) == []
