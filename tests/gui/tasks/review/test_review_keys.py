"""The keys of the panel Review: in the list, over a camera view and in napari's main canvas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from tests.gui.tasks.review.test_review_widget import KEYPOINT, find, opened, pick, planted_project
from tests.support.projects.label_sessions import KEYPOINTS, VIEWS, open_labeling, truth
from tests.support.windows.label_window import until
from tests.support.windows.view_helpers import drag, on_screen

from napari_pose3d.core.labels.label_actions import place
from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.review.audit.dismissals import Dismissals
from napari_pose3d.gui.qt.napari_private import main_canvas, native_canvas
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.tasks.review.review_widget import ReviewWidget
from napari_pose3d.gui.workspace.workspace import workspace

pytestmark = pytest.mark.gui
LEFT, KEY, CTRL = Qt.MouseButton.LeftButton, Qt.Key, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
# Views and keypoints that are predicted wrongly, from a frame to another.
FAULTS = ((2, KEYPOINT, 12, 19), (0, 3, 24, 29), (1, 0, 2, 6))
# Labels that are wrong: the frames and which.
WRONG = {9: LabelKey(VIEWS[1], KEYPOINTS[3]), 25: LabelKey(VIEWS[0], KEYPOINTS[0])}


@pytest.fixture(scope="module")
def project(tmp_path_factory: Any) -> Any:
    """Predictions with faults, and five labeled frames of which two have a wrong label."""
    folder = planted_project(tmp_path_factory.mktemp("keys"), FAULTS)
    labeling = open_labeling(folder)
    labeling.auto_project = False
    rng = np.random.default_rng(2)
    for frame in (3, 9, 17, 25, 33):
        for v, view in enumerate(VIEWS):
            for k, name in enumerate(KEYPOINTS):
                x, y = truth(frame)[v, k] + rng.normal(0, 0.2, 2)
                if WRONG.get(frame) == LabelKey(view, name):
                    x, y = x + 9, y - 8
                place(labeling, frame, LabelKey(view, name), (float(x), float(y)))
    labeling.save()
    labeling.close()
    return folder


@pytest.fixture(scope="module")
def reviewed(shared_viewer: Any, project: Any) -> Iterator[ReviewWidget]:
    viewer = shared_viewer
    window = viewer.window._qt_window
    window.resize(1400, 900)
    window.activateWindow()
    until(window.isActiveWindow)
    workspace(viewer).open("Camera views")
    widget = opened(viewer, project)
    find(widget)
    until(lambda: not widget.layers.is_adding)
    yield widget
    current_session(viewer).set(None)


@pytest.fixture
def widget(reviewed: ReviewWidget, shared_viewer: Any) -> ReviewWidget:
    """Review in front with its events, the first of which is chosen."""
    places = workspace(shared_viewer)
    reviewed.tabs.setCurrentIndex(0)
    places.bring_forward("Review")
    until(lambda: places.is_settled and reviewed.events.isVisible())
    table = reviewed.events.table
    pick(reviewed, table.records[0])
    panel = places.find("Camera views").panel
    until(lambda: panel.is_settled and panel.frame == table.records[0].peak)
    return reviewed


def press(key: Any, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key where the focus is, as a person does who looks at the images."""
    focused = QApplication.focusWidget()
    assert focused is not None
    QTest.keyClick(focused, key, modifiers)
    QApplication.processEvents()


def test_queued_from_the_list_the_keys_go_on_acting_there(
    widget: ReviewWidget, shared_viewer: Any
) -> None:
    places, table = workspace(shared_viewer), widget.events.table
    # Labels are open from the first time on.
    label = places.open("Label")
    until(lambda: label.labeling is not None)
    places.bring_forward("Review")
    until(lambda: places.is_settled)
    table.setFocus()
    seen = []
    places.changed.connect(lambda: seen.append(places.is_in_front("Label")))
    press(KEY.Key_Q)
    assert widget.bar.status.startswith("Queued for the tab Label: frame ")
    until(lambda: bool(label.labeling.queued_frames))
    assert not any(seen)
    assert QApplication.focusWidget() is table
    press(KEY.Key_Z, CTRL)
    assert n_decided(widget) == 0


def n_decided(widget: ReviewWidget) -> int:
    assert widget.events.decisions.kept is not None
    return len(widget.events.decisions.kept.all)


def test_over_a_view_the_newest_step_is_undone(widget: ReviewWidget, shared_viewer: Any) -> None:
    """Show why, good, a correction: Ctrl+Z takes back one after the other, and none is lost."""
    view = workspace(shared_viewer).find("Camera views").panel.views["Cam-C"]
    events, corrections = widget.events, widget.corrections
    view.take_focus()
    for shown in (False, True):
        press(KEY.Key_Y)
        assert events.why.isChecked() is shown
        assert QApplication.focusWidget() is view.native
    wrong = events.table.current
    assert wrong is not None
    press(KEY.Key_G)
    assert n_decided(widget) == 1
    pick(widget, wrong)
    panel = workspace(shared_viewer).find("Camera views").panel
    until(lambda: panel.is_settled and panel.frame == wrong.peak)
    name = KEYPOINTS[KEYPOINT]
    start = corrections.positions("Cam-C", wrong.peak)[name]
    goal = truth(wrong.peak)[2, KEYPOINT]
    drag(view.native, on_screen(view, *start), on_screen(view, *goal))
    until(lambda: len(corrections.kept.positions) == 1)
    until(lambda: not widget.model.is_waiting)

    view.take_focus()
    press(KEY.Key_Z, CTRL)
    assert (len(corrections.kept.positions), n_decided(widget)) == (0, 1)
    press(KEY.Key_Z, CTRL)
    assert (len(corrections.kept.positions), n_decided(widget)) == (0, 0)
    press(KEY.Key_Z, CTRL | SHIFT)
    assert (len(corrections.kept.positions), n_decided(widget)) == (0, 1)
    press(KEY.Key_Z, CTRL | SHIFT)
    assert (len(corrections.kept.positions), n_decided(widget)) == (1, 1)
    # In the list it is the same order.
    events.table.setFocus()
    for left in (1, 0):
        press(KEY.Key_Z, CTRL)
        assert (len(corrections.kept.positions), n_decided(widget)) == (0, left)
    until(lambda: not widget.model.is_waiting)


def test_zoomed_views_go_on_to_the_next_event(widget: ReviewWidget, shared_viewer: Any) -> None:
    panel = workspace(shared_viewer).find("Camera views").panel
    view, fitted = panel.views["Cam-C"], panel.views["Cam-A"]
    fitted.fit()
    view.zoom_to((2.0, 2.0), 3 * view.zoom)
    zoom, fits = view.zoom, fitted.zoom
    for event in widget.events.table.records[:3]:
        pick(widget, event)
        until(lambda event=event: panel.is_settled and panel.frame == event.peak)
        left, top, right, bottom = view.seen_rectangle
        k = KEYPOINTS.index(event.keypoints[0])
        x, y = truth(event.peak)[2, k]
        assert left < x < right
        assert top < y < bottom
        assert (view.zoom, fitted.zoom) == (pytest.approx(zoom), pytest.approx(fits))
        assert fitted.is_fitted
    # What the user has in view already stays where it is.
    view.zoom_to((x + 1, y + 1), zoom)
    pick(widget, event)
    assert view.seen_rectangle[0] + view.seen_rectangle[2] == pytest.approx(2 * (x + 1))
    view.fit()


def test_the_evidence_leaves_the_views_to_another_task(
    widget: ReviewWidget, shared_viewer: Any
) -> None:
    places = workspace(shared_viewer)
    layers = places.find("Camera views").panel.views["Cam-C"].model.layers
    assert "why" in layers
    places.open("Export")
    until(lambda: places.is_in_front("Export"))
    assert "why" not in layers
    places.bring_forward("Review")
    until(lambda: "why" in layers)


def test_the_keys_act_in_the_panel_that_was_brought_forward(
    widget: ReviewWidget, shared_viewer: Any
) -> None:
    widget.budget.setFocus()
    workspace(shared_viewer).bring_forward("Review")
    assert QApplication.focusWidget() is widget.events.table
    press(KEY.Key_B)
    assert n_decided(widget) == 1
    press(KEY.Key_Z, CTRL)
    assert n_decided(widget) == 0


def test_the_keys_act_wherever_the_focus_is_in_the_panel(widget: ReviewWidget) -> None:
    """After a click on a tab, a button, a list to choose from; a number is typed."""
    events, table = widget.events, widget.events.table
    parts = (
        widget.tabs,
        widget.save,
        widget.queue,
        events.why,
        events.sensitivity,
        events.filter.kinds,
        events.decisions.hide_decided,
        events.decisions.undo,
        widget.bar._run,
    )
    for part in parts:
        part.setEnabled(True)
        part.setFocus()
        assert QApplication.focusWidget() is part
        press(KEY.Key_Period)
        assert table.row == 1, part
        press(KEY.Key_Comma)
        assert table.row == 0, part
    assert events.filter.kinds.currentIndex() == 0
    widget.tabs.setFocus()
    press(KEY.Key_G)
    assert n_decided(widget) == 1
    widget.save.setFocus()
    press(KEY.Key_Z, CTRL)
    assert n_decided(widget) == 0
    pick(widget, table.records[0])

    budget = widget.budget.value()
    widget.budget.setFocus()
    for key in (KEY.Key_Period, KEY.Key_G):
        press(key)
    assert (table.row, n_decided(widget)) == (0, 0)
    press(KEY.Key_Return)
    assert widget.budget.value() == budget
    assert QApplication.focusWidget() is table

    # Another page has other keys, and nothing is typed into the number.
    widget.tabs.setCurrentIndex(1)
    assert QApplication.focusWidget() is widget.tabs
    press(KEY.Key_G)
    assert n_decided(widget) == 0
    widget.tabs.setCurrentIndex(0)


def test_the_keys_act_in_the_main_canvas_while_review_is_in_front(
    widget: ReviewWidget, shared_viewer: Any
) -> None:
    viewer = shared_viewer
    native = native_canvas(main_canvas(viewer))
    # Something of the user's own: the canvas has something to show.
    points = viewer.add_points(np.zeros((1, 4)), name="mine")
    until(native.isVisible)
    table = widget.events.table

    def key(which: Any, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        native.setFocus()
        assert QApplication.focusWidget() is native
        QTest.keyClick(native, which, modifiers)
        QApplication.processEvents()

    key(KEY.Key_Period)
    assert table.row == 1
    key(KEY.Key_Comma)
    assert table.row == 0
    key(KEY.Key_G)
    assert n_decided(widget) == 1
    key(KEY.Key_Z, CTRL)
    assert n_decided(widget) == 0
    key(KEY.Key_Z, CTRL | SHIFT)
    assert n_decided(widget) == 1
    key(KEY.Key_Z, CTRL)
    assert n_decided(widget) == 0
    # A key of the selected layer is napari's: B keeps the labels of a Labels layer.
    labels = viewer.add_labels(np.zeros((1, 1, 4, 4), int), name="drawn")
    kept = labels.preserve_labels
    key(KEY.Key_B)
    assert n_decided(widget) == 0
    assert labels.preserve_labels is not kept
    viewer.layers.remove(labels)
    viewer.layers.selection.active = points

    # In another tab of the panel they are free.
    widget.tabs.setCurrentIndex(1)
    assert not {str(each) for each in viewer.keymap} & {"G", ".", "Ctrl+Z"}
    widget.tabs.setCurrentIndex(0)
    key(KEY.Key_G)
    assert n_decided(widget) == 1
    key(KEY.Key_Z, CTRL)
    viewer.layers.remove(points)


def test_a_key_that_somebody_bound_stays_theirs(widget: ReviewWidget, shared_viewer: Any) -> None:
    viewer = shared_viewer
    pressed: list[str] = []
    widget.tabs.setCurrentIndex(1)
    viewer.bind_key("G", lambda _: pressed.append("G"))
    try:
        widget.tabs.setCurrentIndex(0)
        native = native_canvas(main_canvas(viewer))
        native.setFocus()
        QTest.keyClick(native, KEY.Key_G)
        assert (pressed, n_decided(widget)) == (["G"], 0)
        widget.tabs.setCurrentIndex(1)
        assert "G" in {str(each) for each in viewer.keymap}
    finally:
        viewer.bind_key("G", None)


def test_views_and_explanation_follow_the_line(widget: ReviewWidget, shared_viewer: Any) -> None:
    """However the list is gone through, all end at the event whose line is the current one."""
    panel = workspace(shared_viewer).find("Camera views").panel
    table, details = widget.events.table, lambda: widget.events.details
    assert len(table.records) > 2

    def at_one() -> bool:
        event = table.current
        assert event is not None
        until(lambda: panel.is_settled and panel.frame == event.peak)
        until(lambda: f"worst {event.peak}" in details())
        assert table.selected[-1] is event or event in table.selected
        assert widget.model.current is event
        assert shared_viewer.dims.current_step[0] == event.peak
        return f"frames {event.start} to {event.end}" in details()

    def centre(row: int) -> Any:
        return table.visualRect(table.model().index(row, 1)).center()

    # Drawn on to another line before the button goes up.
    drag(table.viewport(), centre(0), centre(1))
    assert table.row == 1
    assert at_one()
    # Clicked through without waiting for the images, also back and forth.
    for row in (0, 1, 2, 0, 2, 1):
        QTest.mouseClick(table.viewport(), LEFT, pos=centre(row))
    assert table.row == 1
    assert at_one()
    for key in (KEY.Key_Down, KEY.Key_Up, KEY.Key_Period, KEY.Key_Comma, KEY.Key_Up):
        QTest.keyClick(table, key)
    assert table.row == 0
    assert at_one()


@pytest.mark.slow
def test_findings_in_labels_with_keys_alone(
    widget: ReviewWidget, shared_viewer: Any, project: Any
) -> None:
    """Accept, dismiss, go there: one key after the other, without the mouse in between."""
    audit = widget.audit
    widget.tabs.setCurrentIndex(widget.tabs.count() - 1)
    QTest.mouseClick(audit.bar._run, LEFT)
    until(lambda: not audit.bar.is_busy)
    table = audit.table
    first, second = (
        next(f for f in table.records if f.frame == frame and f.views == (key.view,))
        for frame, key in WRONG.items()
    )
    workspace(shared_viewer).bring_forward("Review")
    assert QApplication.focusWidget() is table
    table.selectRow(table.records.index(first))
    n = len(table.records)
    press(KEY.Key_A)
    label = workspace(shared_viewer).find("Label")
    until(lambda: label.labeling is not None and bool(label.labeling.unsaved))
    until(lambda: len(table.records) == n - 1)
    at = label.labeling.label(first.frame, WRONG[9]).position
    assert np.hypot(*(at - truth(9)[1, 3])) < 3

    # The keys go on acting: the images came up, and the list kept the focus.
    until(lambda: workspace(shared_viewer).is_settled)
    assert QApplication.focusWidget() is table
    table.selectRow(table.records.index(second))
    # From the tab as well as from the list.
    widget.tabs.setFocus()
    press(KEY.Key_D)
    assert second in Dismissals(project)
    assert second not in table.records

    audit.done.setChecked(True)
    table.selectRow(table.records.index(second))
    for key in (KEY.Key_Return, KEY.Key_Enter):
        label.control.panel.go_to(0)
        until(lambda: label.control.frame == 0)
        workspace(shared_viewer).bring_forward("Review")
        press(key)
        until(lambda: label.control.frame == second.frame)
        assert label.isVisible()
