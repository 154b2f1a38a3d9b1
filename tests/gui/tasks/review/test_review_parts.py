"""The parts of the panel Review by themselves, with mouse and keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from tests.core.review.test_frame_choice import event

from napari_pose3d.core.review.decisions.decisions import Decisions, Verdict
from napari_pose3d.core.review.events.excesses import Excesses
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.gui.tasks.review.bars.distribution import distribution
from napari_pose3d.gui.tasks.review.bars.histogram import Histogram
from napari_pose3d.gui.tasks.review.events.decision_bar import DecisionBar
from napari_pose3d.gui.tasks.review.events.event_filter import EventFilter
from napari_pose3d.gui.tasks.review.events.event_table import EventTable, sentence
from napari_pose3d.gui.tasks.review.events.thumbnails.cutout import Cutout, PointMark
from napari_pose3d.gui.tasks.review.events.thumbnails.thumbnail_row import ThumbnailRow

LEFT = Qt.MouseButton.LeftButton


def excesses() -> Excesses:
    """Two views, 400 frames, three keypoints; every hundredth value is three times its bar."""
    rng = np.random.default_rng(1)
    cells = rng.uniform(0.05, 0.6, (2, 400, 3)).astype(np.float32)
    cells[:, ::100] = 3.0
    points = np.zeros((400, 3), np.float32)
    flags = np.zeros((2, 400, 3), bool)
    bars = np.array([[3.0, 3.0, 6.0], [3.0, 3.0, 6.0]], np.float32)
    none = np.full(3, np.nan, np.float32)
    no_bone = np.zeros((400, 0), np.float32)
    return Excesses(
        views=("top", "side"),
        keypoints=("nose", "ear", "tail"),
        bones=(),
        correction=cells,
        spread=np.zeros_like(cells),
        correction_px=bars,
        spread_px=bars,
        usual=np.ones((2, 3), bool),
        unsure=flags,
        swapped=flags,
        frozen=flags,
        uncertainty=points,
        jump=points,
        leaps=points,
        bone=no_bone,
        bone_deviation=no_bone,
        uncertainty_bar=none,
        jump_bar=none,
        bone_length=np.zeros(0, np.float32),
        bone_bar=np.zeros(0, np.float32),
        outside=points,
        outside_bar=none,
    )


def test_the_share_above_a_bar() -> None:
    found = distribution(excesses(), "correction")
    assert found.n == 2400
    assert (found.lowest, found.bar, found.highest) == (3, 3, 6)
    assert found.counts.sum() == 2400
    assert found.share_above(1.0) == pytest.approx(0.01)
    assert found.share_above(2.9) == pytest.approx(0.01)
    assert found.share_above(3.1) == 0
    assert found.share_above(0.01) == 1
    assert distribution(excesses(), "correction", "side", "tail").bar == 6
    assert distribution(excesses(), "spread").n == 0


@pytest.mark.gui
def test_a_bar_is_dragged_and_brought_back(qtbot) -> None:
    histogram = Histogram("correction", "mm")
    qtbot.addWidget(histogram)
    histogram.resize(300, histogram.height())
    histogram.show()
    moved = []
    histogram.factor_changed.connect(lambda name, factor: moved.append((name, factor)))
    # Nothing to compare: nothing to drag.
    QTest.mouseClick(histogram, LEFT, pos=QPoint(200, 40))
    assert moved == []
    assert "nothing measured" in histogram.describe()
    histogram.show_distribution(distribution(excesses(), "correction"))
    assert histogram.describe() == "correction: bar 3 px (3 to 6), 1 % above"

    # A click that brings the keys here leaves the bar where it is.
    QTest.mouseClick(histogram, LEFT, pos=QPoint(40, 40))
    assert moved == []
    assert histogram.factor == 1
    start, end = round(histogram._x_of(1.0)), round(histogram._x_of(4.0))
    QTest.mousePress(histogram, LEFT, pos=QPoint(start, 40))
    QTest.mouseMove(histogram, QPoint((start + end) // 2, 40))
    # What is above follows the hand; events are found anew when it lets go.
    assert moved == []
    assert histogram.factor > 1.5
    QTest.mouseRelease(histogram, LEFT, pos=QPoint(end, 40))
    assert moved[0][0] == "correction"
    assert moved[0][1] == pytest.approx(4, rel=0.05)
    assert histogram.describe().endswith(" 0 % above")
    QTest.keyClick(histogram, Qt.Key.Key_Left)
    assert moved[1][1] == pytest.approx(moved[0][1] / 2 ** (1 / 8))
    QTest.mouseDClick(histogram, LEFT, pos=QPoint(20, 40))
    assert moved[-1] == ("correction", 1.0)
    # Twice the sensitivity: the bar is half as far.
    histogram.show_bar(1.0, 2.0)
    assert histogram.describe().startswith("correction: bar 1.5 px")


@pytest.mark.gui
def test_table_and_filter(qtbot) -> None:
    events = [
        event(500, 520, excess=9.0),
        event(100, 140, Failure.HIDDEN, keypoint="tail"),
        event(900_000, 900_000, Failure.SWAPPED_SIDES),
    ]
    table, choice = EventTable(), EventFilter()
    for part in (table, choice):
        qtbot.addWidget(part)
        part.resize(300, 400)
        part.show()
    picked = []
    table.picked.connect(picked.append)

    def fill() -> None:
        table.show_events(choice.chosen(events), lambda e: "bad" if e is events[1] else "")

    choice.changed.connect(fill)
    choice.offer(events)
    fill()
    assert table.records == tuple(events)
    assert table.text(1, 3) == "bad"
    table.step(1)
    # With Shift held, the event that is gone to is not added to the one before.
    QTest.keyPress(table, Qt.Key.Key_F24, Qt.KeyboardModifier.ShiftModifier)
    table.step(1)
    assert picked == events[:2]
    assert table.selected == (events[1],)
    choice.order.setCurrentIndex(1)
    assert [each.start for each in table.records] == [100, 500, 900_000]
    choice.kinds.setCurrentIndex(choice.kinds.findData(Failure.HIDDEN))
    assert table.records == (events[1],)
    choice.kinds.setCurrentIndex(0)
    choice.keypoints.setCurrentIndex(choice.keypoints.findData("nose"))
    assert table.records == (events[0], events[2])
    # Of another review, with none of the keypoint: all are listed.
    choice.offer(events[1:2])
    assert choice.chosen(events[1:2]) == events[1:2]
    table.show_events([], lambda _: "")
    table.step(1)
    assert table.current is None
    assert table.selected == ()


@pytest.mark.gui
def test_decisions_are_kept_undone_and_done_again(qtbot, tmp_path: Path) -> None:
    events = [event(500, 520), event(100, 140, Failure.HIDDEN, keypoint="tail"), event(7, 9)]
    bar = DecisionBar()
    qtbot.addWidget(bar)
    bar.show()
    assert not bar.buttons["good"].isEnabled()
    kept = Decisions(tmp_path, "ann")
    bar.show_decisions(kept, "walk")
    bar.show_events(events)
    selected = events[:1]
    bar.selected = lambda: selected
    bar.show_selection()
    queued, fixed, advanced = [], [], []
    bar.queue_wanted.connect(queued.append)
    bar.fix_wanted.connect(fixed.append)
    bar.advance_wanted.connect(lambda: advanced.append(True))
    QTest.mouseClick(bar.buttons["bad"], LEFT)
    assert bar.mark(events[0]) == "bad"
    assert bar.state == "1 of 3 decided"
    assert advanced == [True]
    selected = events[:2]
    QTest.mouseClick(bar.buttons["queue"], LEFT)
    assert queued == [events[:2]]
    assert [bar.mark(each) for each in events] == ["queue", "queue", ""]
    # Another look from the files: it is all there.
    again = Decisions(tmp_path).all
    assert {(d.start, d.verdict, d.who) for d in again} == {
        (500, Verdict.QUEUE, "ann"),
        (100, Verdict.QUEUE, "ann"),
    }
    QTest.mouseClick(bar.undo, LEFT)
    assert [bar.mark(each) for each in events] == ["bad", "", ""]
    QTest.mouseClick(bar.redo, LEFT)
    assert [bar.mark(each) for each in events] == ["queue", "queue", ""]
    selected = events[2:]
    QTest.mouseClick(bar.buttons["fix"], LEFT)
    assert fixed == events[2:]
    # Of another session nothing is decided.
    bar.show_decisions(kept, "run")
    assert bar.mark(events[0]) == ""
    bar.show_decisions(None, "")
    bar.perform("good")
    assert len(Decisions(tmp_path).all) == 3


@pytest.mark.gui
def test_nothing_waits_for_labeling_where_nothing_can_be_labeled(
    qtbot, tmp_path: Path, monkeypatch
) -> None:
    bar, told = DecisionBar(), []
    monkeypatch.setattr(
        "napari_pose3d.gui.tasks.review.events.decision_bar.show_error", told.append
    )
    qtbot.addWidget(bar)
    one = event(5, 9)
    bar.selected = lambda: [one]
    bar.show_decisions(Decisions(tmp_path, "ann"), "walk", "No videos.")
    bar.show_events([one])
    assert {name for name, button in bar.buttons.items() if not button.isEnabled()} == {
        "queue",
        "fix",
    }
    assert bar.buttons["queue"].toolTip() == "No videos."
    # By its key.
    bar.perform("queue")
    assert told == ["No videos."]
    # Nor does labeling help against everything.
    bar.show_decisions(Decisions(tmp_path, "ann"), "walk")
    one, moved = bar.selected(), event(600, 999, Failure.CAMERA_MOVED)
    bar.selected = lambda: [moved]
    bar.show_selection()
    assert "do not help" in bar.buttons["fix"].toolTip()
    assert not bar.buttons["queue"].isEnabled()
    assert bar.buttons["good"].isEnabled()
    bar.selected = lambda: one
    bar.show_decisions(Decisions(tmp_path, "ann"), "walk", "No videos.")
    assert bar.state == "0 of 1 decided"
    bar.show_decisions(Decisions(tmp_path, "ann"), "walk")
    assert bar.buttons["queue"].isEnabled()


def test_an_event_in_words_says_what_its_value_is() -> None:
    jump = replace(event(360, 360, Failure.JUMP), views=(), value=77.46, unit="mm")
    assert sentence(jump) == "Jump: nose, frame 360: a leap of 77.5 mm."
    bone = replace(jump, kind=Failure.BONE, start=350, keypoints=("nose", "ear"), value=-12.0)
    assert sentence(bone) == (
        "Impossible bone: nose, ear, frames 350 to 360, worst 360: 12 mm shorter than usual."
    )
    moved = event(600, 999, Failure.CAMERA_MOVED)
    moved = replace(moved, keypoints=("nose", "ear"), value=0.81, unit="degrees")
    assert sentence(moved) == "Camera moved in top, from frame 600 on: turned by 0.81 °."
    wrong = event(5, 9)
    assert sentence(wrong).endswith(", worst 7: 10 px from the smoothed point.")
    assert sentence(wrong, with_value=False).endswith("nose, frames 5 to 9, worst 7.")


@pytest.mark.gui
def test_a_note_does_not_take_a_decision_back(qtbot, tmp_path: Path, monkeypatch) -> None:
    from qtpy.QtWidgets import QInputDialog

    bar = DecisionBar()
    qtbot.addWidget(bar)
    one = event(5, 9)
    bar.show_decisions(Decisions(tmp_path, "ann"), "walk")
    bar.selected = lambda: [one]
    bar.show_events([one])
    bar.show_selection()
    bar.decide([one], Verdict.BAD)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("mirror", True))
    bar.perform("note")
    found = bar.decision(one)
    assert found is not None
    assert (found.verdict, found.note) == (Verdict.BAD, "mirror")
    # Nor does another decision take the note away.
    bar.perform("good")
    found = bar.decision(one)
    assert found is not None
    assert (found.verdict, found.note) == (Verdict.GOOD, "mirror")
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("other", False))
    bar.perform("note")
    assert bar.decision(one) == found


@pytest.mark.gui
def test_thumbnails_find_room_and_tell_when_they_are_clicked(qtbot) -> None:
    row = ThumbnailRow()
    qtbot.addWidget(row)
    row.resize(300, 100)
    views = [f"Cam-{i}" for i in range(6)]
    row.set_views(views, {"nose": "#ff0000"})
    row.show()
    assert len({each.y() for each in row.thumbnails}) == 2
    pixels = np.full((50, 50), 90, np.uint8)
    marks = (PointMark("nose", (110, 60), (120, 80)),)
    found = [Cutout(view, 7, pixels, (100, 50), marks, view == "Cam-1") for view in views]
    found[2] = Cutout("Cam-2", 7, None, (0, 0), (), False, "no video")
    row.show_cutouts(found)
    clicked = []
    row.view_clicked.connect(clicked.append)
    QTest.mouseClick(row.thumbnails[1], LEFT, pos=QPoint(30, 40))
    QTest.keyClick(row.thumbnails[4], Qt.Key.Key_Return)
    assert clicked == ["Cam-1", "Cam-4"]
    # The keypoint is marked in its colour, at its place.
    one = row.thumbnails[1]
    image = one.grab().toImage()
    side = min(one.width(), one.height() - 14)
    left = (one.width() - side) / 2
    x, y = left + (110.5 - 100) / 50 * side, 14 + (60.5 - 50) / 50 * side
    near = [
        image.pixelColor(round(x) + dx, round(y) + dy) for dx in (-2, 0, 2) for dy in (-2, 0, 2)
    ]
    assert max(c.red() - c.green() for c in near) > 80
    row.show_cutouts(None)
    assert one.cutout is None
