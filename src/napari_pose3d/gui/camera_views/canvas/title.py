"""The bar above a view: its name, the frame it shows, and what is the matter with it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QMimeData, QSize, Qt, Signal
from qtpy.QtGui import QDrag, QMouseEvent, QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

VIEW_MIME = "application/x-napari-pose3d-view"
"""What is carried when a title is dragged: the name of its view."""


# px that the word "frame", a number and the buttons take beside the name.
_WIDE = 170


class Title(QWidget):
    """Name, frame and state of a view, and what can be done with it; it can be dragged.

    Parameters
    ----------
    view : str
        Name of the view.
    """

    maximise_wanted = Signal(str)
    hide_wanted = Signal(str)

    def __init__(self, view: str) -> None:
        super().__init__()
        self._view = view
        self._pressed: Any = None
        self._number = ""
        self._name = name = QLabel(f"<b>{view}</b>")
        self._frame = QLabel()
        self._frame.setToolTip("Frame")
        self._state = QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 1, 2, 1)
        row.setSpacing(4)
        row.addWidget(name)
        row.addWidget(self._frame)
        # In a narrow view it is the state that is cut, never the number of the frame.
        self._state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row.addWidget(self._state, 1)
        for text, what, signal in (
            ("⤢", "Only this view, or all again (double-click on the title)", self.maximise_wanted),
            ("✕", "Hide this view", self.hide_wanted),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(what)
            button.setAccessibleName(f"{what}: {view}")
            button.setAutoRaise(True)
            button.clicked.connect(lambda _=False, s=signal: s.emit(view))
            row.addWidget(button)
        self.setToolTip("Drag onto another view to swap the two.")

    @property
    def text(self) -> str:
        """Frame and state, as they are read where there is room."""
        frame = f"frame {self._number}" if self._number else ""
        return f"{frame} {self._state.text()}".strip()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """As much as name, number and buttons need: the word must not keep the view from it."""
        hint = super().minimumSizeHint()
        word = self._frame.text().removesuffix(self._number)
        return QSize(
            hint.width() - self._frame.fontMetrics().horizontalAdvance(word), hint.height()
        )

    def show_state(self, frame: int, state: str) -> None:
        """Say which frame is shown, and what is the matter."""
        self._number = f"{frame:,}" if frame >= 0 else ""
        self._fit()
        if state != self._state.text():
            self._state.setText(state)
            self._state.setToolTip(state)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """In a narrow view the number alone."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        text = self._number
        if text and self.width() >= _WIDE + self._name.sizeHint().width():
            text = f"frame {text}"
        if text != self._frame.text():
            self._frame.setText(text)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Maximise, or the other way round."""
        self.maximise_wanted.emit(self._view)

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
        data.setData(VIEW_MIME, self._view.encode())
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.MoveAction)
