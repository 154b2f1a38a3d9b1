"""Three places: panels opened and closed in every order, by napari's menu and by their buttons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from napari.layers import Layer
from napari.qt import QtViewer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel, QPushButton, QTabBar
from tests.support.projects.label_sessions import SESSION, calibrated_project
from tests.support.windows.label_window import until
from tests.support.windows.napari_window import NAMES, Window

from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.layers.session_layers import session_layers
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.workspace.panel_plan import PANELS

pytestmark = pytest.mark.gui

PLACES = {kind.name: kind.place for kind in PANELS}


def check_seen(window: Window, name: str) -> None:
    """A panel is there for the eye, and has the focus and its check mark."""
    dock, widget = window.dock(name), window.places.find(name)
    assert dock.isVisible(), name
    assert not dock.visibleRegion().isEmpty(), f"{name} lies behind something"
    least = dock.minimumSizeHint()
    assert dock.width() >= least.width(), name
    assert dock.height() >= least.height(), name
    assert window.main.rect().contains(dock.geometry()) or dock.isFloating(), name
    assert window.action(name).isChecked(), name
    window.main.activateWindow()
    focus = window.main.focusWidget() if not dock.isFloating() else dock.focusWidget()
    assert focus is not None
    assert dock.isAncestorOf(focus) or widget is focus, f"{name} has no focus"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = calibrated_project(tmp_path_factory.mktemp("panels") / "project", videos=True)
    for view in ("Cam-C", "Cam-D"):
        # Two views are enough to see, and half the time.
        (folder / "videos" / f"{SESSION}_{view}.mp4").unlink()
    return folder


@pytest.fixture(scope="module")
def opened(shared_viewer: Any, session: Path) -> Iterator[Window]:
    """A window with a session, for all tests."""
    made = Window(shared_viewer)
    made.main.resize(1600, 1000)
    project = open_project(session)
    opened = project.session(SESSION)
    for data in session_layers(opened, (), lambda *_: None, lambda: False):
        shared_viewer.add_layer(Layer.create(*data))
    current_session(shared_viewer).set(OpenSession(project, opened))
    yield made
    current_session(shared_viewer).set(None)
    made.viewer = made.main = made.places = None


@pytest.fixture
def window(opened: Window) -> Iterator[Window]:
    """Without panels."""
    assert not any(map(opened.is_open, NAMES))
    yield opened
    opened.close_all()
    opened.places.restore({})
    opened.settle()


VIEWS = "Camera views"
# Tasks that do not work on the images are all placed alike: two of them stand for all.
ALIKE = [kind.name for kind in PANELS if kind.place == "tasks" and not kind.works_on_images]
REPRESENTATIVES = set(NAMES) - set(ALIKE[2:])
# Both want the images: here the order matters most, also with one of each other place.
AT_IMAGES = {"Label", VIEWS}
WITH_IMAGES = AT_IMAGES | {ALIKE[0], "Traces"}


def may_be_open(order: tuple[str, ...], everything: bool) -> bool:
    """Whether an order is tried.

    Each pair, and triples with Label and the camera views. Everything, which takes minutes: each
    triple, and four with Label where the camera views are first or last.
    """
    if len(order) < 3:
        return True
    represented = REPRESENTATIVES.issuperset(order)
    if len(order) == 3:
        return everything or AT_IMAGES <= set(order) <= WITH_IMAGES
    first_or_last = VIEWS in (order[0], order[-1])
    return everything and len(order) == 4 and represented and "Label" in order and first_or_last


def open_and_close(window: Window, order: tuple[str, ...], everything: bool) -> None:
    """Open the last panel of an order, then all that may follow it, and close it again."""
    name = order[-1]
    if window.is_open(name):
        # The camera views came with Label; napari's menu would close them.
        window.places.open(name)
        window.settle()
    else:
        window.choose(name)
    check_seen(window, name)
    assert all(map(window.is_open, order)), order
    if window.is_open("Label"):
        assert window.images() >= 0.6, order
    tasks = [each for each in order if PLACES[each] == "tasks"]
    for each in tasks:
        assert abs(window.dock(each).width() - window.dock(tasks[0]).width()) <= 2
        assert window.dock(each).width() <= 0.3 * window.main.width()
    for following in NAMES:
        longer = (*order, following)
        if following not in order and may_be_open(longer, everything):
            open_and_close(window, longer, everything)
    for each in (name, VIEWS):
        # The camera views stay when Label goes.
        if each not in order[:-1] and window.is_open(each):
            window.places.bring_forward(each)
            window.press(each, "QTitleBarCloseButton")
    assert [window.is_open(each) for each in NAMES] == [each in order[:-1] for each in NAMES]
    check_images(window, order[:-1])


def check_images(window: Window, order: tuple[str, ...]) -> None:
    """No empty window remains."""
    assert window.images() > (0.35 if order else 0.6), f"an empty window with {order}"
    if VIEWS not in order and "Label" not in order:
        assert window.main.centralWidget().findChild(QtViewer).isVisible()
        assert any(layer.visible for layer in window.viewer.layers)


@pytest.mark.parametrize("everything", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("first", NAMES)
def test_panels_in_every_order(window: Window, first: str, everything: bool) -> None:
    open_and_close(window, (first,), everything)


# ---------------------------------------------------------------------- one at a time


def test_the_menu_opens_a_tab_that_lies_behind_another(window: Window) -> None:
    window.choose("Session")
    window.choose("Smooth and triangulate")
    check_seen(window, "Smooth and triangulate")
    window.choose("Session")
    check_seen(window, "Session")
    window.choose("Session")
    assert not window.is_open("Session"), "the one in front is closed by its entry"
    window.choose("Session")
    check_seen(window, "Session")


def test_tabs_are_in_the_order_of_the_work_and_carry_marks(window: Window) -> None:
    for name in ("Smooth and triangulate", "Session", "Label"):
        window.choose(name)

    def tabs() -> list[str]:
        bars = [bar for bar in window.main.findChildren(QTabBar) if bar.count() == 3]
        return [bars[0].tabText(i) for i in range(3)]

    assert [text.split()[0] for text in tabs()] == ["Session", "Label", "Smooth"]
    window.places.mark("Label", "done")
    window.places.mark("Smooth and triangulate", "running")
    window.places.mark("Session", "attention")
    assert tabs() == ["Session !", "Label ✓", "Smooth …"]


def test_a_panel_that_is_alone_carries_its_mark(window: Window) -> None:
    window.choose("Session")

    def title() -> str:
        return window.dock("Session").titleBarWidget().findChild(QLabel).text()

    # A session is open, and its calibration names cameras that have no video.
    assert title() in ("Session !", "Session ✓")
    window.places.mark("Session", "running")
    assert title() == "Session …"
    # napari makes the title bar anew.
    window.dock("Session").setFloating(True)
    assert title() == "Session …"
    window.dock("Session").setFloating(False)
    assert title() == "Session …"


def test_the_camera_views_cannot_be_torn_off(window: Window) -> None:
    """Their canvases would not survive it."""
    window.choose("Camera views")
    bar = window.dock("Camera views").titleBarWidget()
    assert bar.findChild(QPushButton, "QTitleBarCloseButton").isVisible()
    assert not bar.findChild(QPushButton, "QTitleBarFloatButton").isVisible()


def test_label_says_how_its_labels_stand(window: Window) -> None:
    window.choose("Label")
    label = window.places.find("Label")
    until(lambda: label.control is not None)

    def title() -> str:
        return window.dock("Label").windowTitle()

    assert title() == "Label"
    label.saver.problem = "the disk is full"
    label.saver.saved.emit()
    until(lambda: title() == "Label !")
    label.saver.problem = ""
    label.saver.saved.emit()
    until(lambda: title() == "Label")


def test_a_torn_off_panel_is_seen_when_it_is_opened_again(window: Window) -> None:
    window.choose("Session")
    window.choose("Smooth and triangulate")
    dock = window.dock("Smooth and triangulate")
    dock.setFloating(True)
    window.settle()
    window.press("Smooth and triangulate", "QTitleBarHideButton")
    assert not dock.isVisible()
    window.choose("Smooth and triangulate")
    assert dock.isVisible()
    assert window.action("Smooth and triangulate").isChecked()
    window.press("Smooth and triangulate", "QTitleBarCloseButton")
    assert window.places.find("Smooth and triangulate") is None
    window.choose("Smooth and triangulate")
    check_seen(window, "Smooth and triangulate")


def test_what_a_program_tears_off_behind_another_tab_is_on_the_screen(window: Window) -> None:
    window.choose("Session")
    window.choose("Smooth and triangulate")
    dock = window.dock("Session")
    dock.setFloating(True)
    window.settle()
    screen = window.main.screen().availableGeometry()
    assert screen.contains(dock.frameGeometry()), dock.frameGeometry()


def test_a_panel_that_needed_more_room_gives_it_back(window: Window) -> None:
    """Such as before it had the window's theme."""
    window.choose("Session")
    panel, dock = window.places.find("Session"), window.dock("Session")
    before = dock.minimumSizeHint().width()
    panel.setMinimumWidth(before + 200)
    window.settle()
    panel.setMinimumWidth(before)
    window.settle()
    assert dock.minimumSizeHint().width() == before


def test_seven_tabs_with_marks_are_whole(window: Window) -> None:
    tasks = [kind for kind in PANELS if kind.place == "tasks"]
    for kind in tasks:
        window.places.open(kind.name)
    window.settle()
    for kind in tasks:
        window.places.mark(kind.name, "done")
    bar = next(b for b in window.main.findChildren(QTabBar) if b.count() == len(tasks))
    QTest.qWait(50)
    assert bar.sizeHint().width() <= bar.width()


def test_a_low_window_stays_as_high_as_it_is(window: Window) -> None:
    before = window.main.size()
    window.main.resize(before.width(), 700)
    window.choose("Camera views")
    assert window.main.height() == 700
    window.close_all()
    assert window.main.height() == 700
    window.main.resize(before)


@pytest.mark.parametrize("button", ["QTitleBarHideButton", "QTitleBarCloseButton"])
def test_hidden_or_closed_camera_views_leave_no_empty_window(window: Window, button: str) -> None:
    window.choose("Camera views")
    check_seen(window, "Camera views")
    window.press("Camera views", button)
    assert window.main.centralWidget().findChild(QtViewer).isVisible()
    assert any(layer.visible for layer in window.viewer.layers)
    window.choose("Camera views")
    check_seen(window, "Camera views")


def test_program_and_menu_open_the_same_panel(window: Window) -> None:
    _, widget = window.viewer.window.add_plugin_dock_widget("napari-pose3d", "Traces")
    window.settle()
    check_seen(window, "Traces")
    assert window.places.open("Traces") is widget
    _, again = window.viewer.window.add_plugin_dock_widget("napari-pose3d", "Traces")
    assert again is widget
    window.choose("Traces")
    assert not window.is_open("Traces")


def test_state_is_restored(window: Window) -> None:
    for name in ("Traces", "Smooth and triangulate", "Session"):
        window.choose(name)
    sizes = window.places.sizes
    sizes.tasks_width, sizes.time_height = 400, 200
    state = window.places.state()
    assert state["front"] == "Session"
    window.close_all()
    window.places.restore({**state, "panels": [*state["panels"], "nonsense", 3]})
    window.settle()
    assert window.places.state() == state
    assert abs(window.dock("Session").width() - 400) <= 2
    check_seen(window, "Session")
    window.close_all()
    window.places.restore({"panels": [["Session"], {}], "tasks_width": 1 << 62, "front": []})
    window.places.restore({"panels": "nonsense", "tasks_width": "wide", "front": 7})
    assert window.places.state()["panels"] == []
