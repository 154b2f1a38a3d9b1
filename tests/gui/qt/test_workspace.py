"""Three places: panels opened and closed in every order, by napari's menu and by their buttons."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from napari.layers import Layer
from napari.qt import QtViewer
from qtpy.QtCore import Qt
from qtpy.QtGui import QAction
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QMainWindow, QPushButton
from tests.support.label_sessions import SESSION, calibrated_project
from tests.support.label_window import until

from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.layers.session_layers import session_layers
from napari_pose3d.gui.qt.docking import dock_of
from napari_pose3d.gui.qt.workspace import PANELS, Workspace, workspace
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.smooth import smooth_job

pytestmark = pytest.mark.gui

NAMES = tuple(kind.name for kind in PANELS)
PLACES = {kind.name: kind.place for kind in PANELS}
LEFT = Qt.MouseButton.LeftButton


class Window:
    """napari as a user sees it: menus, tabs and the buttons of docks."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.main: QMainWindow = viewer.window._qt_window
        self.places: Workspace = workspace(viewer)

    def action(self, name: str) -> QAction:
        """The entry of napari's menu Plugins."""
        menus = [action.menu() for action in self.main.menuBar().actions()]
        while menus:
            menu = menus.pop()
            if menu is None:
                continue
            menu.aboutToShow.emit()
            for action in menu.actions():
                if action.menu() is not None:
                    menus.append(action.menu())
                elif action.text() == f"{name} (Multi-camera pose 3D)":
                    return action
        raise AssertionError(f"napari's menu has no {name}")

    def choose(self, name: str) -> None:
        self.action(name).trigger()
        self.settle()

    def settle(self) -> None:
        QTest.qWait(60)
        until(lambda: self.places.is_settled)
        # The dock's own views come a moment later.
        QTest.qWait(20)
        until(lambda: self.places.is_settled)

    def dock(self, name: str) -> QDockWidget:
        dock = dock_of(self.places.find(name))
        assert dock is not None
        return dock

    def press(self, name: str, button: str) -> None:
        """A button in the title bar of a panel."""
        found = self.dock(name).titleBarWidget().findChild(QPushButton, button)
        QTest.mouseClick(found, LEFT)
        self.settle()

    def is_open(self, name: str) -> bool:
        return self.places.find(name) is not None and not self.dock(name).isHidden()

    def close_all(self) -> None:
        for name in NAMES:
            if self.places.find(name) is not None:
                self.viewer.window.remove_dock_widget(self.dock(name))
        self.settle()

    def images(self) -> float:
        """The part of the window that shows images: the camera views, or the canvas."""
        area = 0
        if self.is_open("Camera views"):
            size = self.places.find("Camera views").size()
            area += size.width() * size.height()
        canvas = self.main.centralWidget().findChild(QtViewer)
        if canvas.isVisible():
            area += canvas.width() * canvas.height()
        return area / (self.main.width() * self.main.height())


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


@pytest.fixture
def session(tmp_path: Path) -> Path:
    folder = calibrated_project(tmp_path / "project", videos=True)
    for view in ("Cam-C", "Cam-D"):
        # Two views are enough to see, and half the time.
        (folder / "videos" / f"{SESSION}_{view}.mp4").unlink()
    return folder


@pytest.fixture
def window(
    make_napari_viewer: Any, session: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Window]:
    monkeypatch.setattr(smooth_job, "prepare", lambda progress, cancelled: None)
    viewer = make_napari_viewer(show=True)
    made = Window(viewer)
    made.main.resize(1600, 1000)
    project = open_project(session)
    opened = project.session(SESSION)
    for data in session_layers(opened, (), lambda *_: None, lambda: False):
        viewer.add_layer(Layer.create(*data))
    current_session(viewer).set(OpenSession(project, opened))
    yield made
    made.viewer = made.main = made.places = None


@pytest.mark.parametrize("first", NAMES)
def test_panels_in_every_order(window: Window, first: str) -> None:
    for others in itertools.permutations([name for name in NAMES if name != first], 2):
        order = (first, *others)
        for name in order:
            if window.is_open(name):
                # The camera views came with Label; napari's menu would close them.
                window.places.open(name)
                window.settle()
            else:
                window.choose(name)
            check_seen(window, name)
            if window.is_open("Label"):
                assert window.images() >= 0.6, order
        assert [window.is_open(name) for name in order] == [True] * 3, order
        tasks = [name for name in order if PLACES[name] == "tasks"]
        for name in tasks:
            assert abs(window.dock(name).width() - window.dock(tasks[0]).width()) <= 2
            assert window.dock(name).width() <= 0.3 * window.main.width()
        window.close_all()
        assert window.images() > 0.6, f"an empty window after {order}"
        canvas = window.main.centralWidget().findChild(QtViewer)
        assert canvas.isVisible()
        assert any(layer.visible for layer in window.viewer.layers)
