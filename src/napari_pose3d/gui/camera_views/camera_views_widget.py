"""The widget "Camera views": the views in a dock, or in a window of their own."""

from typing import Any

from napari.utils.notifications import show_warning
from qtpy.QtCore import QEvent, QObject, QSize, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_pose3d.core.projects.project_toml import read_own_project, update_own_project
from napari_pose3d.errors import PoseDataError, error_text
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.workspace.workspace import workspace

from .canvas.layout_state import LayoutState
from .views_panel import ViewsPanel

_TITLE = "Camera views"
_AWAY = "The camera views are in a window of their own."


class CameraViewsWidget(QWidget):
    """Holds a `ViewsPanel`, and moves it between dock and window.

    Parameters
    ----------
    napari_viewer : napari.Viewer

    Signals: ``panel_changed`` with the new panel when the views move to another window,
    ``panel_ends`` before it does, ``ended`` before the views close.
    """

    panel_changed = Signal(object)
    panel_ends = Signal()
    ended = Signal()

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._session = current_session(napari_viewer)
        self._opened = self._session.open
        self._state = self._stored_state()
        self._window: _Window | None = None
        self._top: QWidget | None = None
        self._closed = False
        self._away = QWidget()
        back = QPushButton("&Bring them back")
        back.clicked.connect(self.toggle_window)
        column = QVBoxLayout(self._away)
        column.addWidget(QLabel(_AWAY))
        column.addWidget(back)
        column.addStretch(1)
        self._away.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._away)
        # Otherwise napari adds an empty stretch below.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.panel = self._new_panel()
        self._column.addWidget(self.panel, 1)
        self._session.changed.connect(self._on_session)
        self._workspace = workspace(napari_viewer)
        self._workspace.adopt(self, _TITLE)
        self._workspace.closing.connect(self.shut_down)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As much as there is."""
        return QSize(900, 700)

    def toggle_window(self) -> None:
        """Move the views into a window of their own, or back into the dock."""
        # A canvas that changes its window loses its drawing context: new ones are made.
        self.panel_ends.emit()
        self.panel.shut_down()
        old, window = self.panel, self._window
        self.panel = self._new_panel()
        if window is None:
            self._window = _Window(self)
            self._window.take(self.panel)
            self._window.show()
        else:
            self._window = None
            self._column.addWidget(self.panel, 1)
            window.let_go()
        self._workspace.show_elsewhere(self._window is not None)
        self._away.setVisible(self._window is not None)
        old.setParent(None)
        old.deleteLater()
        self.panel_changed.emit(self.panel)

    def shut_down(self) -> None:
        """Remember how the views are arranged, and end them."""
        if self._closed:
            return
        self._closed = True
        self.ended.emit()
        self._session.changed.disconnect(self._on_session)
        if self._top is not None:
            self._top.removeEventFilter(self)
            self._top = None
        self.panel.shut_down()
        self._store_state(self._opened)
        if self._window is not None:
            self._window.let_go()
            self._window = None

    def event(self, event: QEvent | None) -> bool:
        """Napari takes a closed dock's widget out of it without closing the widget."""
        if event is not None and not self._closed:
            if event.type() == QEvent.Type.ParentChange and self.parent() is None:
                if self._top is not None:
                    self.shut_down()
            elif event.type() == QEvent.Type.Show:
                self._watch_window()
        return super().event(event)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The main window is closing, or has another theme."""
        top = self._top
        if event is None or top is None or watched is not top:
            return False
        kind = event.type()
        if kind == QEvent.Type.StyleChange and self._window is not None:
            self._window.setStyleSheet(top.styleSheet())
        elif kind == QEvent.Type.Hide and not (top.isMinimized() or event.spontaneous()):
            self.shut_down()
        return False

    def _watch_window(self) -> None:
        top = self.window()
        if top is not self._top and top is not self:
            self._top = top
            if top is not None:
                top.installEventFilter(self)

    def _new_panel(self) -> ViewsPanel:
        panel = ViewsPanel(self._viewer, self._state)
        panel.window_wanted.connect(self.toggle_window)
        return panel

    def _on_session(self) -> None:
        before, self._opened = self._opened, self._session.open
        folder = None if self._opened is None else self._opened.project.folder
        if before is not None and before.project.folder == folder:
            return
        # Another project opens as it was left.
        self.panel.note_sizes()
        self._store_state(before)
        for name, value in vars(self._stored_state()).items():
            setattr(self._state, name, value)
        self.panel.controls.show_state()
        self.panel.grid.set_sizes(self._state.sizes)

    def _stored_state(self) -> LayoutState:
        opened = self._opened
        return LayoutState.from_dict({} if opened is None else opened.project.own.layout)

    def _store_state(self, opened: OpenSession | None) -> None:
        if opened is None:
            return
        layout, folder = self._state.to_dict(), opened.project.folder
        try:
            stored = read_own_project(folder).layout
            if layout != LayoutState.from_dict(stored).to_dict():
                update_own_project(folder, layout=layout)
        except (OSError, PoseDataError) as error:
            show_warning(f"The arrangement of the camera views was not kept: {error_text(error)}")


class _Window(QWidget):
    """A window of our own, for a second screen."""

    def __init__(self, owner: CameraViewsWidget) -> None:
        super().__init__()
        self._owner: CameraViewsWidget | None = owner
        self.setWindowTitle(_TITLE)
        top = owner.window()
        if top is not None:
            self.setStyleSheet(top.styleSheet())
        self.resize(1200, 800)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)

    def take(self, panel: ViewsPanel) -> None:
        """Show the views."""
        layout = self.layout()
        assert layout is not None
        layout.addWidget(panel)

    def let_go(self) -> None:
        """Close without bringing the views back."""
        self._owner = None
        self.close()
        self.deleteLater()

    def closeEvent(self, event: Any) -> None:  # noqa: N802
        """Closing the window brings the views back into the dock."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.toggle_window()
        super().closeEvent(event)
