"""Points clicked in the camera views, one after the other: the guided state."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.gui.camera_views.canvas.input_events import Point
from napari_pose3d.gui.camera_views.canvas.tool import Tool, ToolView
from napari_pose3d.gui.qt.key_bindings import Modifiers
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.session.current_session import CurrentSession

from ..views.view_rig import curves_in, view_rig
from ..views.views_link import ViewsLink
from .point_picks import PointPicks

# Origin, x and the third; the axes in space have the same colours.
_COLOURS = ("#ffffff", "#d55e00", "#009e73")
_FLOOR = "#f0e442"
_KEYS = "Ctrl+Z takes a click back, Escape ends it."


class PickingPage(QWidget):
    """`complete` is emitted when enough points are there, or no longer are.

    Parameters
    ----------
    viewer : napari viewer
    owner : str
        The panel that this is part of.
    current : CurrentSession
    names : tuple of str
        What the points are; empty for any number of points on the floor.
    """

    complete = Signal(bool)

    def __init__(
        self,
        viewer: Any,
        owner: str,
        current: CurrentSession,
        names: tuple[str, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._current, self._names = current, names
        self._rig: Rig | None = None
        self._picks: PointPicks | None = None
        self.start = QPushButton("&Click points in the camera views")
        self.start.setCheckable(True)
        self.start.toggled.connect(self._toggle)
        self.link = ViewsLink(viewer, owner, self)
        self.link.changed.connect(self._fit_to_views)
        self.link.ended.connect(lambda: self.start.setChecked(False))
        self.next = QPushButton("&Next point")
        self.next.setToolTip("Or press N in a view.")
        self.next.clicked.connect(self.go_on)
        self.back = QPushButton("&Undo click")
        self.back.setToolTip("Or press Ctrl+Z in a view.")
        self.back.clicked.connect(self.undo)
        self._state = MessageLabel()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.start, 0, 0, 1, 2)
        grid.addWidget(self._state, 1, 0, 1, 2)
        grid.addWidget(self.back, 2, 0)
        grid.addWidget(self.next, 2, 1)
        self.show_rig(None)

    @property
    def state(self) -> str:
        """What the user reads."""
        return self._state.message

    @property
    def is_complete(self) -> bool:
        """Whether enough points are there."""
        return self._picks is not None and self._picks.is_complete

    def points(self) -> Any:
        """The points that are known, ``(point, 3)`` in the world of the rig."""
        return np.empty((0, 3)) if self._picks is None else self._picks.points()

    def show_rig(self, rig: Rig | None) -> None:
        """Another rig: what was clicked with the one before is forgotten."""
        self._rig, self._picks = rig, None
        self.start.setEnabled(rig is not None)
        if rig is None:
            self.start.setChecked(False)
        self._fit_to_views()

    def stop(self) -> None:
        """Take everything out of the views; the points stay."""
        self.start.setChecked(False)

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802
        """Out of sight, the views belong to others again."""
        if event is not None and not event.spontaneous():
            self.stop()
        super().hideEvent(event)

    def click(self, view: str, at: Point) -> bool:
        """A click in a view, px of its video."""
        picks = self._picks
        if picks is None:
            return False
        x, y = picks.rig.to_rig(view, at, self.link.frame) if view in picks.rig.views else at
        taken = picks.click(view, (float(x), float(y)))
        self._show()
        return taken

    def undo(self) -> None:
        """Take the latest click back."""
        if self._picks is not None:
            self._picks.undo()
            self._show()

    def go_on(self) -> None:
        """To the next point."""
        if self._picks is not None:
            self._picks.go_on()
            self._show()

    def _toggle(self, wanted: bool) -> None:
        if wanted:
            self.link.attach(_PickTool(self))
        else:
            self.link.detach()
        self._show()

    def _fit_to_views(self) -> None:
        if self.link.is_attached and self._rig is not None:
            opened = self._current.open
            session = None if opened is None else opened.session
            rig = view_rig(self._rig, list(self.link.marks), session)
            before = self._picks
            if rig is None:
                self._picks = None
            elif before is None:
                self._picks = PointPicks(rig, self._names)
            else:
                before.rig = rig
        self._show()

    def _show(self) -> None:
        picks, marks = self._picks, self.link.marks
        clicking = self.link.is_attached
        if picks is None:
            absent = clicking and self._rig is not None
            self._state.show_message("No two views have a camera of this rig." if absent else "")
        else:
            self._state.show_message(f"{picks.state()}\n{_KEYS}" if clicking else picks.state())
            self._draw(picks)
        self._state.setVisible(bool(self._state.message))
        clicked = picks is not None and any(picks.clicks(i) for i in range(picks.current + 1))
        self.back.setEnabled(clicking and clicked)
        self.next.setEnabled(
            clicking
            and picks is not None
            and not picks.is_at_last
            and len(picks.clicks(picks.current)) > 1
        )
        self.next.setVisible(clicking)
        self.back.setVisible(clicking)
        if marks:
            self.link.draw()
        self.complete.emit(self.is_complete)

    def _draw(self, picks: PointPicks) -> None:
        frame, solved = self.link.frame, picks.solved()
        alone = picks.clicks(picks.current)
        curves: Any = {}
        if len(alone) == 1:
            ((view, xy),) = alone.items()
            at = picks.rig.to_video(view, xy, frame)
            curves = curves_in(picks.rig, view, (at[0], at[1]), frame, others=list(self.link.marks))
        colours = [_COLOURS[i] if self._names else _FLOOR for i in range(len(solved))]
        for name, mark in self.link.marks.items():
            clicks = np.full((len(solved), 2), np.nan)
            rings = clicks.copy()
            for i, each in enumerate(solved):
                if name in each.rings:
                    rings[i] = picks.rig.to_video(name, each.rings[name], frame)
                at_view = picks.clicks(i).get(name)
                if at_view is not None:
                    clicks[i] = picks.rig.to_video(name, at_view, frame)
            mark.show_points(clicks, rings, colours)
            mark.show_curves(curves.get(name), None)


class _PickTool(Tool):
    """Clicks are points; the image is panned by a drag as ever."""

    def __init__(self, page: PickingPage) -> None:
        self._page = page

    def on_click(self, view: ToolView, at: Point, button: int, modifiers: Modifiers) -> bool:
        """A point was clicked."""
        return button == 1 and self._page.click(view.name, at)

    def claims(self, key: str, modifiers: Modifiers) -> bool:
        """Undo takes a click back, not what napari did."""
        return key == "Z" and modifiers == frozenset({"Control"})

    def on_key(self, view: ToolView, key: str, modifiers: Modifiers) -> bool:
        """See the page's buttons."""
        if key == "Escape":
            self._page.stop()
        elif key == "Backspace" or (key == "Z" and "Control" in modifiers):
            self._page.undo()
        elif key in ("N", "Return", "Enter"):
            self._page.go_on()
        else:
            return False
        return True
