"""The panels that are open, and where their docks are put."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qtpy.compat import isalive
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QWidget

from .docking import forbid_floating
from .panel_plan import AREAS, ORDER, SIGNS, Mark, PanelKind, Place


@dataclass(eq=False)
class Panel:
    """A panel that is open."""

    kind: PanelKind
    widget: QWidget
    dock: QDockWidget
    placed: bool = False
    hidden: bool = False
    in_front: bool = True
    closing: bool = False
    mark: Mark = ""

    @property
    def is_alive(self) -> bool:
        """Whether Qt still has its dock."""
        return isalive(self.dock)

    def show_mark(self, mark: Mark) -> None:
        """Show on the tab, or above a panel that is alone, how its work stands."""
        self.mark = mark
        self.dress()

    def dress(self, _: object = None) -> None:
        """Put title, mark and buttons on the dock; napari makes its title bar anew at times."""
        if not self.is_alive:
            return
        text = self.kind.tab + SIGNS[self.mark]
        self.dock.setWindowTitle(text)
        bar = self.dock.titleBarWidget()
        label = None if bar is None else bar.findChild(QLabel)
        if label is not None:
            label.setText(text)
        if self.kind.place == "images":
            forbid_floating(self.dock)


class Panels:
    """The open panels of one window, by name and by dock."""

    def __init__(self) -> None:
        self._by_name: dict[str, Panel] = {}
        self._by_dock: dict[QDockWidget, Panel] = {}

    def __iter__(self) -> Iterator[Panel]:
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, panel: object) -> bool:
        return any(each is panel for each in self._by_name.values())

    def get(self, name: str) -> Panel | None:
        """A panel whose dock is there, or None."""
        panel = self._by_name.get(name)
        return panel if panel is not None and panel.is_alive else None

    def of_widget(self, widget: QWidget) -> Panel | None:
        """The panel of a widget, or None."""
        return next((panel for panel in self if panel.widget is widget), None)

    def of_dock(self, dock: QDockWidget) -> Panel | None:
        """The panel of a dock, or None."""
        return self._by_dock.get(dock)

    def add(self, panel: Panel) -> None:
        """Take in a panel; it replaces one of the same kind."""
        self._by_name[panel.kind.name] = panel
        self._by_dock[panel.dock] = panel

    def remove(self, panel: Panel) -> None:
        """Forget a panel; not the one that has taken its place since."""
        if self._by_name.get(panel.kind.name) is panel:
            del self._by_name[panel.kind.name]
        self._by_dock.pop(panel.dock, None)

    def clear(self) -> None:
        """Forget all panels."""
        self._by_name.clear()
        self._by_dock.clear()

    def is_shown(self, name: str) -> bool:
        """Whether a panel is open and not hidden; it may lie behind another tab."""
        panel = self.get(name)
        return panel is not None and not panel.hidden

    def docked(self, place: Place) -> list[Panel]:
        """The panels in a place that are shown and not torn off, in the order of the work."""
        found = [
            panel
            for panel in self
            if panel.kind.place == place and panel.placed and not panel.hidden
        ]
        found = [panel for panel in found if panel.is_alive and not panel.dock.isFloating()]
        return sorted(found, key=lambda panel: ORDER[panel.kind.name])

    def place(self, panel: Panel, window: QMainWindow) -> None:
        """Put a new panel where it belongs."""
        panel.placed = True
        # napari's docks have a smallest size of their own; with one, Qt keeps whatever they needed
        # once, such as before the theme made buttons narrower, and the window has to grow.
        panel.dock.setMinimumSize(0, 0)
        if panel.kind.place == "tasks":
            self._stack(panel, window)
        else:
            window.addDockWidget(AREAS[panel.kind.place], panel.dock)
        # A tab has no title bar of its own to say more.
        panel.show_mark(panel.mark)

    def _stack(self, panel: Panel, window: QMainWindow) -> None:
        """All tasks lie upon each other, their tabs in the order of the work."""
        area = AREAS["tasks"]
        others = sorted(
            (
                each
                for each in self
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
