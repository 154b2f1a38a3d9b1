"""Small things about docks. Public Qt only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from napari.qt import QtViewer
from qtpy.QtCore import QObject, QPoint, Qt
from qtpy.QtGui import QFontMetrics, QGuiApplication
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QPushButton, QTabBar, QWidget

# Of the bar, which the width of a tab is computed from, and of the tab, which is painted.
_TABS = (
    "QTabBar, QTabBar::tab {{ font-size: {size}px; }} "
    "QTabBar::tab {{ padding: 3px {padding}px; margin-right: 1px; }}"
)
# Size of the letters and room beside them, px; the smaller ones where many tabs carry marks.
_TAB_SIZES = ((11, 5), (10, 1), (9, 0))
_ROUND_TAB = 4
# Below its upper edge, px: there the mouse takes hold of a window.
_HANDLE = 4


def unwrapped(viewer: Any) -> Any:
    """The viewer itself, where napari gave a widget a proxy of it."""
    return getattr(viewer, "__wrapped__", viewer)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock that a widget lies in."""
    above: QObject | None = widget.parent()
    while above is not None and not isinstance(above, QDockWidget):
        above = above.parent()
    return above


def drop_on_viewer(viewer: Any, event: Any) -> None:
    """Let napari open files that were dropped elsewhere, as if it had been on its main canvas."""
    viewer = unwrapped(viewer)
    for widget in QApplication.allWidgets():
        if isinstance(widget, QtViewer) and widget.viewer is viewer:
            # Sent as an event, it would come back to where it was dropped.
            widget.dropEvent(event)
            return


def narrow_tabs(window: QMainWindow, names: Collection[str]) -> None:
    """Let the tabs of our panels show name and mark wholly, which napari's margins cut.

    Parameters
    ----------
    window : QMainWindow
    names : collection of str
        What the tabs of ours begin with.
    """
    for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
        texts = [bar.tabText(i) for i in range(bar.count())]
        ours = any(text.startswith(name) for text in texts for name in names)
        style = _tab_style(bar, texts)
        if ours and bar.styleSheet() != style:
            bar.setStyleSheet(style)
            # The line beneath them is as bright as text in dark themes.
            bar.setDrawBase(False)


def _tab_style(bar: QTabBar, texts: Sequence[str]) -> str:
    """The largest letters with which all tabs are whole."""
    style = ""
    for size, padding in _TAB_SIZES:
        style = _TABS.format(size=size, padding=padding)
        font = bar.font()
        font.setPixelSize(size)
        width = QFontMetrics(font).horizontalAdvance
        if sum(width(text) + 2 * padding + _ROUND_TAB for text in texts) <= bar.width():
            break
    return style


def keep_in_sight(dock: QDockWidget) -> None:
    """Bring a dock that was torn off onto the screen.

    Qt keeps a dock that lies behind another tab beside the screen, and a program that tears it off
    leaves it there.
    """
    window = dock.parentWidget()
    frame = dock.frameGeometry()
    handle = QPoint(frame.center().x(), frame.top() + _HANDLE)
    if window is None or not dock.isFloating() or QGuiApplication.screenAt(handle) is not None:
        return
    screen = window.screen()
    if screen is not None:
        room = screen.availableGeometry()
        dock.resize(dock.size().boundedTo(room.size()))
        middle = window.frameGeometry().intersected(room).center()
        frame = dock.frameGeometry()
        frame.moveCenter(middle)
        dock.move(max(frame.left(), room.left()), max(frame.top(), room.top()))


def forbid_floating(dock: QDockWidget) -> None:
    """A dock that is torn off takes its canvases to another window, and the program ends."""
    features = QDockWidget.DockWidgetFeature
    dock.setFeatures(dock.features() & ~features.DockWidgetFloatable)
    dock.setAllowedAreas(
        Qt.DockWidgetArea.LeftDockWidgetArea
        | Qt.DockWidgetArea.RightDockWidgetArea
        | Qt.DockWidgetArea.TopDockWidgetArea
        | Qt.DockWidgetArea.BottomDockWidgetArea
    )
    bar = dock.titleBarWidget()
    if bar is not None:
        for button in bar.findChildren(QPushButton, "QTitleBarFloatButton"):
            button.hide()
