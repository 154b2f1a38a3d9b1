"""One camera: its picture with what is drawn on it, its own pan and zoom, and a title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.components.viewer_model import double_click_to_zoom
from napari.qt import QtViewer
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from qtpy.QtGui import QDrag, QKeyEvent, QKeySequence, QMouseEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QToolTip, QVBoxLayout, QWidget

from .frame_controller import Picture
from .layout_state import LayoutState
from .overlays import Overlays
from .source import ViewSource
from .tool import Modifiers, Point, Tool

VIEW_MIME = "application/x-napari-pose3d-view"
# How near to a keypoint the mouse must be to mean it, in px of the screen.
REACH = 10.0
_MARGIN = 0.98
_DIMMED = 0.35


class CameraView(QFrame):
    """A view with its canvas.

    Parameters
    ----------
    source : ViewSource
    skeleton : pairs of keypoints
    """

    maximise_wanted = Signal(str)
    hide_wanted = Signal(str)
    dropped = Signal(str, str)
    zoomed = Signal(str, float)
    entered = Signal(str)

    def __init__(
        self,
        source: ViewSource,
        skeleton: Sequence[tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAcceptDrops(True)
        self.name = source.view
        self.source = source
        self.tools: list[Tool] = []
        self.frame = -1
        self._taken_by: Tool | None = None
        self._fitted = True
        self._setting_camera = False
        self.model = ViewerModel(title=source.view)
        self.model.mouse_double_click_callbacks.remove(double_click_to_zoom)
        self.canvas = QtViewer(self.model)
        self.native = self.canvas.canvas.native
        self._image: Any = None
        self.overlays = Overlays(self.model, source, skeleton)
        self.title = _Title(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.title)
        column.addWidget(self.canvas, 1)
        # napari's slider of a view by itself would move it out of step.
        self.canvas.dims.hide()
        self.setMinimumSize(120, 100)
        self.model.mouse_drag_callbacks.append(self._on_drag)
        self.model.mouse_move_callbacks.append(self._on_move)
        self.model.scene.camera.events.zoom.connect(self._on_zoom)
        self.model.scene.camera.events.center.connect(self._on_centre)
        self.native.installEventFilter(self)

    # ---------------------------------------------------------------- content

    def set_source(self, source: ViewSource, skeleton: Sequence[tuple[str, str]]) -> None:
        """Show other poses or another film; pan and zoom stay."""
        self.overlays.remove(self.model)
        if self._image is not None and (source.film is not self.source.film):
            self.model.layers.remove(self._image)
            self._image = None
        self.source = source
        self.overlays = Overlays(self.model, source, skeleton)

    def show_frame(
        self, frame: int, picture: Picture | None, settings: LayoutState, selected: str
    ) -> None:
        """Show a frame: its picture and its points at once."""
        self.frame = frame
        data = None if picture is None else picture.data
        self._show_picture(data, settings)
        self.overlays.show(frame, settings, selected)
        state = "" if picture is None else picture.problem
        if self.source.film is None:
            state = "no film"
        self.title.show_state(frame, state)
        if settings.follow:
            self._follow(settings)
        elif self._fitted:
            self.fit()

    def redraw(self, settings: LayoutState, selected: str) -> None:
        """Draw the same frame with other settings."""
        self.overlays.show(self.frame, settings, selected)
        if self._image is not None:
            self._apply_contrast(settings)
        if settings.follow:
            self._follow(settings)

    def show_late(self, wanted: int) -> None:
        """Say that the picture is not of the frame that was asked for."""
        self.title.show_state(self.frame, f"… {wanted}")
        if self._image is not None:
            self._image.opacity = _DIMMED

    def fit(self) -> None:
        """Bring the whole picture into view."""
        width, height = self.source.size
        room = self.native.size()
        if room.width() < 2 or room.height() < 2:
            return
        zoom = _MARGIN * min(room.width() / width, room.height() / height)
        self._set_camera(((width - 1) / 2, (height - 1) / 2), zoom)
        self._fitted = True

    def zoom_to(self, at: Point, zoom: float) -> None:
        """Bring a pixel into the middle, at so many canvas px per picture px."""
        self._set_camera(at, zoom)
        self._fitted = False

    @property
    def zoom(self) -> float:
        """Canvas px per picture px."""
        return float(self.model.scene.camera.zoom)

    def set_zoom(self, zoom: float) -> None:
        """Zoom about the middle, without telling others."""
        self._setting_camera = True
        self.model.scene.camera.zoom = zoom
        self._setting_camera = False
        self._fitted = False

    def shut_down(self) -> None:
        """Free the canvas; the view is of no use afterwards."""
        self.native.removeEventFilter(self)
        self.canvas.close()
        self.canvas.deleteLater()

    # ---------------------------------------------------------------- picture

    def _show_picture(self, data: NDArray[Any] | None, settings: LayoutState) -> None:
        if data is None:
            if self._image is not None:
                self._image.visible = False
            return
        if self._image is None:
            self._image = self.model.add_image(
                data, name="film", rgb=data.ndim == 3, interpolation2d="nearest"
            )
            if data.ndim == 2:
                self._image.colormap = "gray"
            self.model.layers.move(len(self.model.layers) - 1, 0)
            self._apply_contrast(settings)
        else:
            with self._image.events.data.blocker():
                self._image.data = data
            if not self._image.visible:
                self._image.visible = True
        if self._image.opacity != 1.0:
            self._image.opacity = 1.0

    def _apply_contrast(self, settings: LayoutState) -> None:
        low, high, gamma = settings.contrast.get(
            self.name, settings.contrast.get("", [0.0, 1.0, 1.0])
        )
        largest = 255.0
        if self._image.data.dtype == np.uint16 and self.source.film is not None:
            largest = 2.0**self.source.film.bits - 1
        limits = (low * largest, max(high, low + 0.01) * largest)
        if not self._image.rgb and tuple(self._image.contrast_limits) != limits:
            self._image.contrast_limits_range = (0, largest)
            self._image.contrast_limits = limits
        if self._image.gamma != gamma:
            self._image.gamma = gamma

    # ---------------------------------------------------------------- camera

    def _follow(self, settings: LayoutState) -> None:
        at = self.overlays.position(settings.follow)
        if at is not None:
            self._set_camera(at, settings.magnification)
            self._fitted = False

    def _set_camera(self, at: Point, zoom: float) -> None:
        self._setting_camera = True
        self.model.scene.camera.center = (at[1], at[0])
        self.model.scene.camera.zoom = zoom
        self._setting_camera = False

    def _on_zoom(self) -> None:
        if not self._setting_camera:
            self._fitted = False
            self.zoomed.emit(self.name, self.zoom)

    def _on_centre(self) -> None:
        if not self._setting_camera:
            self._fitted = False

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """A picture that filled the view goes on filling it."""
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    # ---------------------------------------------------------------- mouse and keys

    def _on_drag(self, _: Any, event: Any) -> Any:
        at, keys = _xy(event.position), _modifiers(event.modifiers)
        for tool in self.tools:
            if tool.on_press(self, at, int(event.button), keys):
                break
        else:
            return
        # The camera does not pan with a drag that a tool has taken.
        event.handled = True
        yield
        while event.type == "mouse_move":
            event.handled = True
            tool.on_drag(self, _xy(event.position), _modifiers(event.modifiers))
            yield
        event.handled = True
        tool.on_release(self, _xy(event.position), _modifiers(event.modifiers))

    def _on_move(self, _: Any, event: Any) -> None:
        at = _xy(event.position)
        for tool in self.tools:
            tool.on_move(self, at)

    def show_hint(self, text: str) -> None:
        """A tooltip at the mouse; empty takes it away."""
        if text:
            QToolTip.showText(self.native.cursor().pos(), text, self.native)
        else:
            QToolTip.hideText()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The view under the mouse has the focus; keys are ours, not napari's."""
        if event is None or watched is not self.native:
            return False
        kind = event.type()
        if kind == QEvent.Type.Enter:
            self._take_focus()
            self.entered.emit(self.name)
        elif kind == QEvent.Type.Leave:
            for tool in self.tools:
                tool.on_leave(self)
        elif kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride):
            assert isinstance(event, QKeyEvent)
            return self._on_key(kind, event)
        return False

    def _take_focus(self) -> None:
        self.native.setFocus(Qt.FocusReason.MouseFocusReason)

    def _on_key(self, kind: QEvent.Type, event: QKeyEvent) -> bool:
        key = QKeySequence(event.key()).toString()
        modifiers = _qt_modifiers(event)
        if kind == QEvent.Type.ShortcutOverride:
            # Plain keys are meant for the view, not for a menu that knows them, too.
            if not modifiers - {"Shift"}:
                event.accept()
            return False
        if kind == QEvent.Type.KeyRelease:
            if not event.isAutoRepeat():
                for tool in self.tools:
                    tool.on_key_up(self, key)
            return True
        for tool in self.tools:
            if tool.on_key(self, key, modifiers):
                return True
        # What no tool knows goes to nobody: napari's own keys would change this view's layers.
        return True

    # ---------------------------------------------------------------- rearranging

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802
        """Another view can be dropped here."""
        if event.mimeData().hasFormat(VIEW_MIME):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:  # noqa: N802
        """Take the place of each other."""
        name = bytes(event.mimeData().data(VIEW_MIME)).decode()
        event.acceptProposedAction()
        self.dropped.emit(name, self.name)


class _Title(QWidget):
    """Name, frame and state of a view, and what can be done with it; it can be dragged."""

    def __init__(self, view: CameraView) -> None:
        super().__init__(view)
        self._view = view
        self._pressed: Any = None
        name = QLabel(f"<b>{view.name}</b>")
        self._frame = QLabel()
        self._state = QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 1, 2, 1)
        row.setSpacing(8)
        for part in (name, self._frame, self._state):
            row.addWidget(part)
        row.addStretch(1)
        for text, what, signal in (
            ("⤢", "Only this view, or all again (double-click on the title)", view.maximise_wanted),
            ("✕", "Hide this view", view.hide_wanted),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(what)
            button.setAccessibleName(f"{what}: {view.name}")
            button.setAutoRaise(True)
            button.clicked.connect(lambda _=False, s=signal: s.emit(view.name))
            row.addWidget(button)
        self.setToolTip("Drag onto another view to swap the two.")

    @property
    def text(self) -> str:
        """Frame and state, as they are read."""
        return f"{self._frame.text()} {self._state.text()}".strip()

    def show_state(self, frame: int, state: str) -> None:
        """Say which frame is shown, and what is the matter."""
        self._frame.setText(f"frame {frame:,}" if frame >= 0 else "")
        self._state.setText(state)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Maximise, or the other way round."""
        self._view.maximise_wanted.emit(self._view.name)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Perhaps a drag begins."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.pos()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Carry the view's name to where it is dropped."""
        if event is None or self._pressed is None:
            return
        if (event.pos() - self._pressed).manhattanLength() < 10:
            return
        self._pressed = None
        data = QMimeData()
        data.setData(VIEW_MIME, self._view.name.encode())
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.MoveAction)


def _xy(position: Any) -> Point:
    """(x, y) of a napari position, whose last axes are y and x."""
    return float(position[-1]), float(position[-2])


def _modifiers(names: Any) -> Modifiers:
    return frozenset(str(getattr(name, "name", name)) for name in names)


def _qt_modifiers(event: QKeyEvent) -> Modifiers:
    held = event.modifiers()
    kinds = Qt.KeyboardModifier
    known = {
        "Shift": kinds.ShiftModifier,
        "Control": kinds.ControlModifier,
        "Alt": kinds.AltModifier,
    }
    return frozenset(name for name, flag in known.items() if held & flag)
