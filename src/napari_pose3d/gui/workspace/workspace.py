"""Holds the plan of a window: what is opened is seen, in the place that `panel_plan` gives it."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from napari_pose3d.gui.qt.napari_private import name_dock_also

from .docking import dock_of, forbid_floating, unwrapped
from .layer_docks import LayerDocks
from .main_canvas import MainCanvas
from .panel_plan import (
    AREAS,
    BORDER,
    DISPLAY_NAME,
    HORIZONTAL,
    KINDS,
    NARROWEST,
    ORDER,
    PANELS,
    PLUGIN,
    SETTLED_MS,
    SIGNS,
    TASKS_SHARE,
    TIME_HEIGHT,
    VERTICAL,
    VIEWS_SHARE,
    WIDEST,
    Mark,
    PanelKind,
    Place,
)


@dataclass(eq=False)
class _Panel:
    """A panel that is open."""

    kind: PanelKind
    widget: QWidget
    dock: QDockWidget
    placed: bool = False
    hidden: bool = False
    in_front: bool = True
    closing: bool = False
    mark: Mark = ""


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

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._panels: dict[str, _Panel] = {}
        self._kinds: weakref.WeakKeyDictionary[QWidget, PanelKind] = weakref.WeakKeyDictionary()
        self._docks: dict[QDockWidget, _Panel] = {}
        # napari's window must be able to go before the panels do.
        self._held: weakref.ref[QMainWindow] | None = None
        self._canvas: MainCanvas | None = None
        self._corners: dict[Qt.Corner, Qt.DockWidgetArea] = {}
        self._layer_docks = LayerDocks()
        self._elsewhere = False
        self._closed = False
        self.memory: QObject | None = None
        self.tasks_width = 0
        self.time_height = 0
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

    def open(self, name: str) -> Any:
        """Open a panel, or bring it forward where it is open.

        Returns
        -------
        QWidget
            The panel.
        """
        panel = self._panels.get(name)
        if panel is None or not isalive(panel.dock):
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

    def bring_forward(self, name: str) -> None:
        """Let the user see a panel that is open, and give it the focus."""
        panel = self._panels.get(name)
        if panel is None or not isalive(panel.dock):
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
        if panel is not None and isalive(panel.dock):
            panel.mark = mark
            panel.dock.setWindowTitle(panel.kind.tab + SIGNS[mark])

    def show_elsewhere(self, elsewhere: bool) -> None:
        """Say that the camera views are in a window of their own, or back."""
        self._elsewhere = elsewhere
        self._renew()

    # ---------------------------------------------------------------- remembering

    def state(self) -> dict[str, Any]:
        """What is open and how large it is, as plain values."""
        shown = [kind.name for kind in PANELS if self._is_shown(kind.name)]
        front = [
            name for name in shown if self._panels[name].in_front and KINDS[name].place == "tasks"
        ]
        return {
            "panels": shown,
            "front": front[0] if front else "",
            "tasks_width": self.tasks_width,
            "time_height": self.time_height,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Open what was open; what is unknown or of another type is left out."""
        width, height = state.get("tasks_width"), state.get("time_height")
        self.tasks_width = width if isinstance(width, int) else 0
        self.time_height = height if isinstance(height, int) else 0
        panels, front = state.get("panels"), state.get("front")
        names = [name for name in panels if name in KINDS] if isinstance(panels, list) else []
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
        elif isinstance(watched, QDockWidget) and watched in self._docks:
            self._on_dock(self._docks[watched], kind)
        elif isinstance(watched, QWidget) and kind == QEvent.Type.ParentChange:
            self._on_parent(watched)
        return False

    def _on_parent(self, widget: QWidget) -> None:
        dock = dock_of(widget)
        known = next((p for p in self._panels.values() if p.widget is widget), None)
        if known is not None and dock is not known.dock:
            self._forget(known)
            known = None
        if dock is not None and known is None and widget in self._kinds:
            panel = _Panel(self._kinds[widget], widget, dock)
            self._panels[panel.kind.name] = panel
            self._docks[dock] = panel
            dock.installEventFilter(self)
            # A connection must not keep its receiver alive.
            me, of = weakref.ref(self), weakref.ref(panel)
            dock.visibilityChanged.connect(lambda seen: _tell(me(), of(), seen))
            dock.setWindowTitle(panel.kind.tab)
            for owner in (DISPLAY_NAME, PLUGIN):
                name_dock_also(self._viewer, dock, f"{panel.kind.name} ({owner})")
            if panel.kind.place == "images":
                forbid_floating(dock)
            # The dock has to be in its window first.
            QTimer.singleShot(0, lambda: self._settle(panel))

    def _settle(self, panel: _Panel) -> None:
        if self._panels.get(panel.kind.name) is panel and not panel.placed and not self._closed:
            self.bring_forward(panel.kind.name)

    def note_seen(self, panel: _Panel, seen: bool) -> None:
        """A panel came to the front of its place, or went behind another."""
        # Also called when another tab of the same place is chosen.
        if not panel.dock.isHidden():
            panel.in_front = seen
            self.changed.emit()

    def _on_dock(self, panel: _Panel, kind: QEvent.Type) -> None:
        name, window = panel.kind.name, self._window
        if window is None or not panel.placed or self._panels.get(name) is not panel:
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
            self._note_sizes()
        elif kind == QEvent.Type.Resize:
            self._arrange_soon()
        elif (
            kind == QEvent.Type.Hide and not event.spontaneous() and not window.isMinimized()
        ) or (
            # A window that was never shown is not hidden when it closes.
            kind == QEvent.Type.Close and not window.isVisible()
        ):
            self.closing.emit()
            self._closed = True
            self._timer.stop()
            # Nothing of the window must be held by who outlives it.
            self._panels.clear()
            self._docks.clear()

    # ---------------------------------------------------------------- placing

    def _is_shown(self, name: str) -> bool:
        panel = self._panels.get(name)
        return panel is not None and isalive(panel.dock) and not panel.hidden

    def _docked(self, place: Place) -> list[_Panel]:
        """The panels in a place that are shown and not torn off, in the order of the work."""
        found = [
            panel
            for panel in self._panels.values()
            if panel.kind.place == place and panel.placed and not panel.hidden
        ]
        found = [panel for panel in found if isalive(panel.dock) and not panel.dock.isFloating()]
        return sorted(found, key=lambda panel: ORDER[panel.kind.name])

    def _place(self, panel: _Panel) -> None:
        """Put a new panel where it belongs; one that the user moved stays there."""
        if panel.placed:
            return
        window = panel.dock.parent()
        if not isinstance(window, QMainWindow):
            return
        self._take_window(window)
        panel.placed = True
        if panel.kind.place == "tasks":
            self._stack(window, panel)
        else:
            window.addDockWidget(AREAS[panel.kind.place], panel.dock)
        # A tab has no title bar of its own to say more.
        self.mark(panel.kind.name, panel.mark)

    def _stack(self, window: QMainWindow, panel: _Panel) -> None:
        """All tasks lie upon each other, their tabs in the order of the work."""
        area = AREAS["tasks"]
        others = sorted(
            (
                each
                for each in self._panels.values()
                if each.kind.place == "tasks" and each.placed and each is not panel
            ),
            key=lambda each: ORDER[each.kind.name],
        )
        others = [
            each
            for each in others
            if not each.dock.isFloating() and window.dockWidgetArea(each.dock) == area
        ]
        if not others:
            window.addDockWidget(area, panel.dock)
            return
        last = others[-1]
        later = [each for each in others if ORDER[each.kind.name] > ORDER[panel.kind.name]]
        for each in (panel, *later):
            # Taken out first: Qt does not move a dock within the place that it shares already.
            hidden, each.hidden = each.hidden, True
            if each is not last:
                window.removeDockWidget(each.dock)
                window.tabifyDockWidget(last.dock, each.dock)
                last = each
            each.hidden = hidden
            if not hidden:
                each.dock.show()

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
        for corner, area in self._corners.items():
            window.setCorner(corner, area)
        canvas.stop()
        canvas.deleteLater()
        self._layer_docks.show()
        self._held = self._canvas = None

    def _close(self, panel: _Panel) -> None:
        if self._panels.get(panel.kind.name) is panel and isalive(panel.dock) and panel.hidden:
            self._viewer.window.remove_dock_widget(panel.dock)

    def _forget(self, panel: _Panel) -> None:
        if self._panels.get(panel.kind.name) is panel:
            del self._panels[panel.kind.name]
        self._docks.pop(panel.dock, None)
        for owner in (DISPLAY_NAME, PLUGIN):
            name_dock_also(self._viewer, None, f"{panel.kind.name} ({owner})")
        if panel.kind.place == "images":
            self._elsewhere = False
        if self._panels:
            self._renew()
        else:
            self.closing.emit()
            self._leave_window()
        self.changed.emit()

    # ---------------------------------------------------------------- sizes

    def _renew(self) -> None:
        """Whatever changed, give each place its size."""
        if self._canvas is not None:
            self._canvas.let_go(bool(self._docked("images")) and not self._elsewhere)
        self._arrange_soon()
        self.changed.emit()

    def _arrange_soon(self) -> None:
        # Twice: docks that came or went get their places from Qt in between.
        self._passes = 2
        self._timer.start()

    def _note_sizes(self) -> None:
        """The user moved a border: its place is kept."""
        tasks = [panel for panel in self._docked("tasks") if panel.in_front]
        time = self._docked("time")
        if tasks:
            self.tasks_width = tasks[0].dock.width()
        if time:
            self.time_height = time[0].dock.height()

    def _arrange(self) -> None:
        window, canvas = self._window, self._canvas
        if window is None or canvas is None or self._closed or not window.isVisible():
            return
        self._passes -= 1
        if self._passes > 0:
            self._timer.start()
        tasks, images, time = (self._docked(place) for place in ("tasks", "images", "time"))
        width = self.tasks_width or round(TASKS_SHARE * window.width())
        width = min(max(width, NARROWEST), max(WIDEST, window.width() // 3))
        bars = sum(bar.height() for bar in (window.menuBar(), window.statusBar()) if bar)
        height = window.height() - bars
        low = self.time_height or min(TIME_HEIGHT, height // 3)
        if any(panel.kind.works_on_images for panel in self._panels.values() if not panel.hidden):
            low = self._layer_docks.make_room(
                window, width if tasks else 0, height, low, bool(time)
            )
        else:
            self._layer_docks.show()
        if tasks:
            front = next((panel for panel in tasks if panel.in_front), tasks[0])
            window.resizeDocks([front.dock], [width], HORIZONTAL)
        rest = height - (low + BORDER if time else 0)
        docks = [panel.dock for panel in (*images[:1], *time[:1])]
        if images:
            share = VIEWS_SHARE if canvas.is_shown else 1.0
            views = round(rest * share) if not self._elsewhere else 1
        heights = ([views] if images else []) + ([low] if time else [])
        if docks:
            window.resizeDocks(docks, heights, VERTICAL)


def _tell(places: Workspace | None, panel: _Panel | None, seen: bool) -> None:
    if places is not None and panel is not None and isalive(panel.dock):
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
