"""The strip of all frames: nothing bad is lost, however many frames there are."""

from __future__ import annotations

import time

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from tests.core.review.test_frame_choice import event
from tests.support.recordings.review_scenes import recording

from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.session_review import review_result
from napari_pose3d.gui.tasks.review.timeline.heat_rows import (
    AT_BAR,
    STEPS,
    HeatRows,
    heat_rows,
    kind_rows,
    to_bytes,
)
from napari_pose3d.gui.tasks.review.timeline.heat_strip import HeatStrip

LEFT = Qt.MouseButton.LeftButton


def test_an_excess_as_a_byte() -> None:
    codes = to_bytes(np.array([0.0, 1.0, 2.0, 0.5, 1e9, np.nan, 1e-9]))
    assert codes.tolist() == [0, AT_BAR, AT_BAR + STEPS, AT_BAR - STEPS, 255, 0, 0]


@pytest.mark.parametrize(("first", "last", "count"), [(0, 50_000, 700), (11, 4321, 97), (5, 9, 40)])
def test_parts_have_the_largest_of_their_frames(first: int, last: int, count: int) -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 256, (3, 50_000), dtype=np.uint8)
    found = HeatRows("abc", codes).maxima(first, last, count)
    borders = np.linspace(first, last, count + 1)
    for part in range(count):
        start, stop = (
            int(borders[part]),
            max(int(np.ceil(borders[part + 1])), int(borders[part]) + 1),
        )
        exact = codes[:, start:stop].max(axis=1)
        # Of a coarser level up to four frames of that level may come along at each end.
        wide = max(int((last - first) / count / 2), 0)
        most = codes[:, max(start - wide, 0) : stop + wide].max(axis=1)
        assert (exact <= found[:, part]).all()
        assert (found[:, part] <= most).all()


def test_beyond_the_recording_nothing_is_bad() -> None:
    rows = HeatRows(["a"], np.full((1, 100), 200, np.uint8))
    found = rows.maxima(-50, 150, 20)
    assert found[0, :5].tolist() == [0] * 5
    assert found[0, 5:15].tolist() == [200] * 10
    assert found[0, 15:].tolist() == [0] * 5


def test_one_bad_frame_of_a_million_is_seen() -> None:
    codes = np.zeros((2, 1_000_000), np.uint8)
    codes[1, 654_321] = 255
    found = HeatRows(["a", "b"], codes).maxima(0, 1_000_000, 300)
    assert np.flatnonzero(found[1] == 255).tolist() == [int(654_321 * 300 / 1_000_000)]
    assert not found[0].any()


def test_a_million_frames_cost_little_more_than_ten_thousand() -> None:
    rng = np.random.default_rng(0)
    few = HeatRows("abcdefgh", rng.integers(0, 256, (8, 10_000), dtype=np.uint8))
    many = HeatRows("abcdefgh", rng.integers(0, 256, (8, 1_000_000), dtype=np.uint8))

    def cost(rows: HeatRows) -> float:
        best = np.inf
        for _ in range(20):
            start = time.perf_counter()
            rows.maxima(0, rows.n_frames, 800)
            best = min(best, time.perf_counter() - start)
        return best

    # Without the pyramid it would be a hundred times as much.
    assert cost(many) < 10 * cost(few)


def test_rows_of_a_review() -> None:
    made = recording(3, 31)
    review = review_result(
        made.result, made.scene.rig, made.scene.skeleton, fps=made.scene.fps, watch_cameras=False
    )
    excesses = review.excesses
    n = excesses.n_frames
    for by, names in (("keypoint", excesses.keypoints), ("view", excesses.views)):
        rows = heat_rows(excesses, by, "correction")
        assert rows.names == names
        worst = excesses.correction.max(axis=0 if by == "keypoint" else 2)
        expected = to_bytes(worst.T if by == "keypoint" else worst)
        assert np.array_equal(rows.maxima(0, n, n), expected)
    measures = heat_rows(excesses, "measure")
    assert measures.names[:2] == ("correction", "spread")
    assert measures.maxima(0, n, n)[0].max() == to_bytes(excesses.correction.max(keepdims=True))
    # A bone belongs to both of its keypoints.
    ends = heat_rows(excesses, "keypoint", "bone").maxima(0, n, n)
    a, b = excesses.bones[0]
    assert (ends[[a, b]] >= to_bytes(excesses.bone[:, 0])).all()


def test_kinds_of_events_are_rows() -> None:
    rows = kind_rows([event(2, 4, excess=4.0), event(6, 6, Failure.HIDDEN, excess=0.3)], 10)
    assert rows.names == ("hidden", "views disagree")
    found = rows.maxima(0, 10, 10)
    assert np.flatnonzero(found[1]).tolist() == [2, 3, 4]
    assert found[1, 3] == AT_BAR + 2 * STEPS
    # An event is one, however little is known of it.
    assert found[0, 6] == AT_BAR


@pytest.mark.gui
def test_clicks_keys_and_wheel(qtbot) -> None:
    strip = HeatStrip()
    qtbot.addWidget(strip)
    strip.resize(500, 60)
    strip.show()
    codes = np.zeros((3, 1000), np.uint8)
    codes[1, 700] = 255
    strip.show_rows(HeatRows(["nose", "ear", "tail"], codes))
    strip.set_margins(60, 0)
    chosen, events, ranges = [], [], []
    strip.frame_chosen.connect(chosen.append)
    strip.event_wanted.connect(events.append)
    strip.range_changed.connect(lambda *span: ranges.append(span))
    middle = strip.height() // 2
    QTest.mouseClick(strip, LEFT, pos=QPoint(60 + 440 * 7 // 10, middle))
    assert chosen == [700]
    assert "ear" in strip.describe(QPoint(60 + 440 * 7 // 10, middle))
    # The one bad frame is drawn, at the colour of the worst.
    image = strip.grab().toImage()
    x = round(60 + 440 * 0.7005)
    colours = {image.pixelColor(x + d, middle).name() for d in (-1, 0, 1)}
    assert len(colours) > 1

    QTest.keyClick(strip, Qt.Key.Key_Down)
    QTest.keyClick(strip, Qt.Key.Key_Up)
    assert events == [1, -1]
    strip.show_frame(5)
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert chosen[-1] == 4

    at = QPointF(60 + 440 * 0.7, middle)
    wheel = QWheelEvent(
        at,
        strip.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    strip.wheelEvent(wheel)
    first, last = strip.shown_range
    assert ranges == [(first, last)]
    assert last - first == pytest.approx(800)
    assert first < 700 < last
    QTest.mouseDClick(strip, LEFT, pos=QPoint(100, middle))
    assert strip.shown_range == (0, 1000)
    # An event out of sight is brought into view.
    strip.show_range(0, 100)
    strip.show_event(event(700, 702))
    assert strip.shown_range[0] < 700 < strip.shown_range[1]
