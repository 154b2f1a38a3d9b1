"""napari as a user sees it: menus, tabs and the buttons of docks."""

from __future__ import annotations

from typing import Any

from napari.qt import QtViewer
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QAction
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QPushButton

from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.workspace.docking import dock_of
from napari_pose3d.gui.workspace.panel_plan import PANELS
from napari_pose3d.gui.workspace.workspace import Workspace, workspace
from tests.support.windows.label_window import until

NAMES = tuple(kind.name for kind in PANELS)
LEFT = Qt.MouseButton.LeftButton


def emptied(viewer: Any) -> Any:
    """A window as if it were new: without panels, layers, session and messages."""
    for dock in dict.fromkeys(viewer.window._wrapped_dock_widgets.values()):
        panel = dock.widget()
        viewer.window.remove_dock_widget(dock)
        panel.deleteLater()
    current_session(viewer).set(None)
    viewer.layers.clear()
    viewer.dims.ndisplay = 2
    notification_manager.records.clear()
    QTest.qWait(0)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return viewer


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

    def menu_entry(self, *path: str) -> QAction:
        """An entry of napari's menu bar, found by how the texts on the way begin."""
        actions = self.main.menuBar().actions()
        for text in path:
            found = [each for each in actions if each.text().startswith(text)]
            assert found, f"no {text} among {[each.text() for each in actions]}"
            if (menu := found[0].menu()) is not None:
                menu.aboutToShow.emit()
                actions = menu.actions()
        return found[0]

    def choose(self, name: str) -> None:
        self.action(name).trigger()
        self.settle()

    def settle(self) -> None:
        QTest.qWait(20)
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
