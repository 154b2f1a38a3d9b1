"""Holds the plan of a window: what is opened is seen, in the place that `panel_plan` gives it."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from functools import partial
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from napari_pose3d.gui.qt.napari_private import name_dock_also
from napari_pose3d.gui.qt.process_end import close_windows_at_the_end

from .docking import dock_of, keep_in_sight, narrow_tabs, unwrapped
from .kernel_preparation import KernelPreparation
from .main_canvas import MainCanvas
from .panel_plan import (
    AREAS,
    DISPLAY_NAME,
    KINDS,
    ORDER,
    PANELS,
    PLUGIN,
    SETTLED_MS,
    Mark,
    PanelKind,
)
from .panels import Panel, Panels
from .place_sizes import PlaceSizes
from .preferences import follow_preferences

_LARGEST = 20_000  # px
_TABS = [kind.tab for kind in PANELS]


class Workspace(QObject):
    """Places the panels of one viewer, and brings forward the one that was opened.

    ``changed`` is emitted when a panel was opened, closed or brought forward, ``closing`` before
    the window closes.

    Parameters
    ----------
    viewer : napari viewer
    """

    changed = Signal()
    closing = Signal()
    # While Python takes it apart, Qt may still send it events.
    _closed = True

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        close_windows_at_the_end()
        follow_preferences()
        self._viewer = viewer
        self._panels = Panels()
        self._kinds: weakref.WeakKeyDictionary[QWidget, PanelKind] = weakref.WeakKeyDictionary()
        # napari's window must be able to go before the panels do.
        self._held: weakref.ref[QMainWindow] | None = None
        self._canvas: MainCanvas | None = None
        self._corners: dict[Qt.Corner, Qt.DockWidgetArea] = {}
        self.sizes = PlaceSizes()
        self._early_marks: dict[str, Mark] = {}
        self._elsewhere = False
        self._closed = False
        self.memory: QObject | None = None
        # From the first panel on: whatever it is, smoothing may follow.
        self.kernels = KernelPreparation(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLED_MS)
        self._timer.timeout.connect(self._arrange)
        self._passes = 0

    # ---------------------------------------------------------------- for panels

    def adopt(self, widget: QWidget, name: str) -> None:
        """Place a panel as soon as it is docked; every panel says so when it is made.

        Parameters
        ----------
        widget : QWidget
        name : str
            Of `PANELS`.
        """
        self._kinds[widget] = KINDS[name]
        widget.installEventFilter(self)
        self.kernels.start()

    def open(self, name: str) -> Any:
        """Open a panel, or bring it forward where it is open.

        Returns
        -------
        QWidget
            The panel.
        """
        panel = self._panels.get(name)
        if panel is None:
            _, widget = self._viewer.window.add_plugin_dock_widget(PLUGIN, name)
            panel = self._panels.get(name)
            if panel is None:
                return widget
        self.bring_forward(name)
        return panel.widget

    def find(self, name: str) -> Any:
        """A panel that is open, or None."""
        panel = self._panels.get(name)
        return None if panel is None else panel.widget

    def is_in_front(self, name: str) -> bool:
        """Whether a panel is seen; one behind another tab is visible to Qt, too."""
        panel = self._panels.get(name)
        return panel is not None and panel.in_front and not panel.hidden

    def bring_forward(self, name: str) -> None:
        """Let the user see a panel that is open, and give it the focus."""
        panel = self._panels.get(name)
        if panel is None:
            return
        dock = panel.dock
        self._place(panel)
        panel.hidden = False
        dock.show()
        dock.raise_()
        panel.in_front = True
        if dock.isFloating():
            dock.activateWindow()
        panel.widget.setFocus(Qt.FocusReason.OtherFocusReason)
        self._renew()

    @property
    def is_settled(self) -> bool:
        """Whether every place has its intended size."""
        waiting = self._canvas is not None and self._canvas.is_waiting
        return not (self._timer.isActive() or waiting)

    def mark(self, name: str, mark: Mark) -> None:
        """Show on a panel's tab how its work stands."""
        panel = self._panels.get(name)
        if panel is None:
            # It says so while it is being made.
            self._early_marks[name] = mark
        else:
            panel.show_mark(mark)
            if (window := self._window) is not None:
                narrow_tabs(window, _TABS)

    def show_elsewhere(self, elsewhere: bool) -> None:
        """Say that the camera views are in a window of their own, or back."""
        self._elsewhere = elsewhere
        self._renew()

    # ---------------------------------------------------------------- remembering

    def state(self) -> dict[str, Any]:
        """What is open and how large it is, as plain values."""
        shown = [kind.name for kind in PANELS if self._panels.is_shown(kind.name)]
        front = [panel.kind.name for panel in self._panels.docked("tasks") if panel.in_front]
        return {
            "panels": shown,
            "front": front[0] if front else "",
            "tasks_width": self.sizes.tasks_width,
            "time_height": self.sizes.time_height,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Open what was open; what is unknown or of another type is left out."""
        width, height = state.get("tasks_width"), state.get("time_height")
        self.sizes.tasks_width, self.sizes.time_height = map(_length_of, (width, height))
        panels, front = state.get("panels"), state.get("front")
        listed = panels if isinstance(panels, list) else []
        names = [name for name in listed if isinstance(name, str) and name in KINDS]
        # The one in front is opened last, and so are the images before the tasks.
        for name in sorted(names, key=lambda each: (each == front, -ORDER[each])):
            self.open(name)
        self._renew()

    # ---------------------------------------------------------------- events

    @property
    def _window(self) -> QMainWindow | None:
        window = None if self._held is None else self._held()
        return window if window is not None and isalive(window) else None

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Notice what happens to panels, their docks and the window."""
        if event is None or self._closed:
            return False
        kind = event.type()
        if watched is self._window:
            self._on_window(kind, event)
        elif isinstance(watched, QDockWidget):
            if (panel := self._panels.of_dock(watched)) is not None:
                self._on_dock(panel, kind)
        elif isinstance(watched, QWidget) and kind == QEvent.Type.ParentChange:
            self._on_parent(watched)
        return False

    def _on_parent(self, widget: QWidget) -> None:
        dock = dock_of(widget)
        known = self._panels.of_widget(widget)
        if known is not None and dock is not known.dock:
            self._forget(known)
            known = None
        if dock is not None and known is None and widget in self._kinds:
            kind = self._kinds[widget]
            panel = Panel(kind, widget, dock, mark=self._early_marks.pop(kind.name, ""))
            self._panels.add(panel)
            dock.installEventFilter(self)
            # A connection must not keep its receiver alive.
            me, of = weakref.ref(self), weakref.ref(panel)
            dock.visibilityChanged.connect(lambda seen: _tell(me(), of(), seen))
            for moved in (dock.dockLocationChanged, dock.topLevelChanged):
                moved.connect(lambda _: _dress(of()))
            dock.topLevelChanged.connect(lambda _: _show_torn_off(of()))
            panel.dress()
            for owner in (DISPLAY_NAME, PLUGIN):
                name_dock_also(self._viewer, dock, f"{panel.kind.name} ({owner})")
            # The dock has to be in its window first.
            QTimer.singleShot(0, lambda: self._settle(panel))

    def _settle(self, panel: Panel) -> None:
        if panel in self._panels and not panel.placed and not self._closed:
            self.bring_forward(panel.kind.name)

    def note_seen(self, panel: Panel, seen: bool) -> None:
        """A panel came to the front of its place, or went behind another."""
        # Also called when another tab of the same place is chosen.
        if not panel.dock.isHidden():
            panel.in_front = seen
            self.changed.emit()

    def _on_dock(self, panel: Panel, kind: QEvent.Type) -> None:
        name, window = panel.kind.name, self._window
        if window is None or not panel.placed or panel not in self._panels:
            return
        if kind == QEvent.Type.Close:
            panel.closing = True
        elif kind == QEvent.Type.Hide and panel.dock.isHidden() and window.isVisible():
            closing, panel.closing = panel.closing, False
            if panel.hidden:
                return
            if not (closing or panel.in_front or panel.dock.isFloating()):
                # It was behind another tab, where only napari's menu reaches it: there it was
                # chosen to be seen, and napari took it for visible.
                QTimer.singleShot(0, lambda: self.bring_forward(name))
                return
            panel.hidden = True
            if panel.kind.place == "images":
                # Hidden, they would keep the layers to themselves and leave the window empty.
                QTimer.singleShot(0, lambda: self._close(panel))
            self._renew()
        elif kind == QEvent.Type.Show and panel.hidden:
            panel.hidden = False
            QTimer.singleShot(0, lambda: self.bring_forward(name))

    def _on_window(self, kind: QEvent.Type, event: QEvent) -> None:
        window = self._window
        assert window is not None
        if kind == QEvent.Type.MouseButtonRelease:
            # A border between docks was moved: only those get the window's own mouse events.
            self.sizes.keep(self._panels)
        elif kind == QEvent.Type.Resize:
            self._arrange_soon()
        elif (
            kind == QEvent.Type.Hide and not event.spontaneous() and not window.isMinimized()
        ) or (
            # A window that was never shown is not hidden when it closes.
            kind == QEvent.Type.Close and not window.isVisible()
        ):
            self.closing.emit()
            self.kernels.abandon()
            self._closed = True
            self._timer.stop()
            # Nothing of the window must be held by who outlives it.
            self._panels.clear()

    # ---------------------------------------------------------------- placing

    def _place(self, panel: Panel) -> None:
        """Put a new panel where it belongs; one that the user moved stays there."""
        if panel.placed:
            return
        window = panel.dock.parent()
        if not isinstance(window, QMainWindow):
            return
        self._take_window(window)
        self._panels.place(panel, window)

    def _take_window(self, window: QMainWindow) -> None:
        if self._window is window:
            return
        self._held = weakref.ref(window)
        window.installEventFilter(self)
        self._canvas = MainCanvas(self._viewer, window)
        self._canvas.changed.connect(self._arrange_soon)
        area, corner = Qt.DockWidgetArea, Qt.Corner
        for each, side in (
            (corner.TopLeftCorner, area.LeftDockWidgetArea),
            (corner.BottomLeftCorner, area.LeftDockWidgetArea),
            (corner.TopRightCorner, area.RightDockWidgetArea),
            (corner.BottomRightCorner, area.RightDockWidgetArea),
        ):
            # The sides have the whole height; images and time lie between them.
            self._corners[each] = window.corner(each)
            window.setCorner(each, side)
        window.setTabPosition(AREAS["tasks"], QTabWidget.TabPosition.North)

    def _leave_window(self) -> None:
        window, canvas = self._window, self._canvas
        if window is None or canvas is None:
            return
        window.removeEventFilter(self)
        # The last dock is still in the window: if it got the whole width above the docks at the
        # sides, the window would have to become higher.
        QTimer.singleShot(0, partial(_give_back, self._held, self._corners))
        canvas.stop()
        canvas.deleteLater()
        self.sizes.layer_docks.show()
        self._held = self._canvas = None

    def _close(self, panel: Panel) -> None:
        if panel in self._panels and panel.is_alive and panel.hidden:
            self._viewer.window.remove_dock_widget(panel.dock)

    def _forget(self, panel: Panel) -> None:
        self._panels.remove(panel)
        self._early_marks.pop(panel.kind.name, None)
        for owner in (DISPLAY_NAME, PLUGIN):
            name_dock_also(self._viewer, None, f"{panel.kind.name} ({owner})")
        if panel.kind.place == "images":
            self._elsewhere = False
        if self._panels:
            self._renew()
        else:
            self.closing.emit()
            self.kernels.abandon()
            self._leave_window()
        self.changed.emit()

    # ---------------------------------------------------------------- sizes

    def _renew(self) -> None:
        """Whatever changed, give each place its size."""
        if self._canvas is not None:
            images = [] if self._elsewhere else self._panels.docked("images")
            self._canvas.let_go(images[0].dock if images else None)
        self._arrange_soon()
        self.changed.emit()

    def _arrange_soon(self) -> None:
        # Twice: docks that came or went get their places from Qt in between.
        self._passes = 2
        self._timer.start()

    def _arrange(self) -> None:
        window, canvas = self._window, self._canvas
        if window is None or canvas is None or self._closed or not window.isVisible():
            return
        self._passes -= 1
        if self._passes > 0:
            self._timer.start()
        narrow_tabs(window, _TABS)
        self.sizes.apply(window, self._panels, canvas.is_shown, self._elsewhere)


def _length_of(value: object) -> int:
    """A width or height in px; 0 for what is none."""
    return value if isinstance(value, int) and 0 < value < _LARGEST else 0


def _dress(panel: Panel | None) -> None:
    if panel is not None:
        panel.dress()


def _give_back(
    held: weakref.ref[QMainWindow] | None, corners: Mapping[Qt.Corner, Qt.DockWidgetArea]
) -> None:
    """Let the corners of a window belong to whom they did."""
    window = None if held is None else held()
    if window is not None and isalive(window):
        for corner, area in corners.items():
            window.setCorner(corner, area)


def _show_torn_off(panel: Panel | None) -> None:
    if panel is not None and panel.is_alive:
        keep_in_sight(panel.dock)


def _tell(places: Workspace | None, panel: Panel | None, seen: bool) -> None:
    # Docks go behind others also while Python ends, when Qt's part of the rest is gone.
    if places is None or not isalive(places):
        return
    if panel is not None and panel.is_alive:
        places.note_seen(panel, seen)


_WORKSPACES: weakref.WeakKeyDictionary[Any, weakref.ref[Workspace]] = weakref.WeakKeyDictionary()


def workspace(viewer: Any) -> Workspace:
    """The one `Workspace` of a viewer; it lives as long as one of its panels does.

    Were it held here, it would keep the viewer alive, by way of the panels.
    """
    viewer = unwrapped(viewer)
    held = _WORKSPACES.get(viewer)
    found = None if held is None else held()
    if found is None:
        found = Workspace(weakref.proxy(viewer))
        _WORKSPACES[viewer] = weakref.ref(found)
    return found
