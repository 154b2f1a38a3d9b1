"""All frames of a session in one strip: where events are, how bad, and where the time slider is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QPoint, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_pose3d.core.review.events import Event
from napari_pose3d.core.review.failure_flags import Failure

from .kind_colours import kind_colour

_ROW, _GAP = 11, 2


class Timeline(QWidget):
    """One row for each kind of event; a click goes to its frame.

    Events narrower than a pixel are drawn as wide as one, so that none is lost in a long session.
    """

    frame_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._n_frames = 0
        self._frame = 0
        self._rows: list[tuple[Failure, np.ndarray]] = []
        self._chosen: tuple[int, int] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Timeline of events")
        self.setMouseTracking(True)

    @property
    def kinds(self) -> tuple[Failure, ...]:
        """The rows, from top to bottom."""
        return tuple(kind for kind, _ in self._rows)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, max(len(self._rows), 1) * (_ROW + _GAP) + _GAP)

    def show_events(self, events: Sequence[Event], n_frames: int) -> None:
        """Show other events of a session of so many frames."""
        self._n_frames = n_frames
        self._chosen = None
        self._rows = []
        for kind in Failure:
            spans = [(e.start, e.end) for e in events if e.kind is kind]
            if spans:
                self._rows.append((kind, np.array(spans, dtype=np.int64)))
        self.setFixedHeight(self.sizeHint().height())
        self.updateGeometry()
        self.update()

    def show_frame(self, frame: int) -> None:
        """Where the time slider is."""
        if frame != self._frame:
            self._frame = frame
            self.update()

    def choose(self, event: Event | None) -> None:
        """Draw a frame around an event."""
        self._chosen = None if event is None else (event.start, event.end)
        self.update()

    # ------------------------------------------------------------------ Qt

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802
        """Draw the rows, the chosen event and the current frame."""
        painter = QPainter(self)
        base = self.palette().window().color()
        painter.fillRect(
            self.rect(), base.lighter(125) if base.lightness() < 128 else base.darker(106)
        )
        if not self._n_frames:
            return
        width = self.width()
        for row, (kind, spans) in enumerate(self._rows):
            top = _GAP + row * (_ROW + _GAP)
            left = np.floor(spans[:, 0] * width / self._n_frames).astype(int)
            right = np.ceil((spans[:, 1] + 1) * width / self._n_frames).astype(int)
            colour = kind_colour(kind)
            # However many events, no more rectangles than pixels.
            for x, end in _joined(left, np.maximum(right, left + 1)):
                painter.fillRect(x, top, end - x, _ROW, colour)
        text = self.palette().windowText().color()
        if self._chosen is not None:
            painter.setPen(text)
            first, last = self._chosen
            start = first * width / self._n_frames
            wide = max((last + 1 - first) * width / self._n_frames, 3.0)
            painter.drawRect(QRectF(start - 1, 0.5, wide + 1, self.height() - 1.5))
        painter.fillRect(QRectF(self._x_of(self._frame) - 0.75, 0, 1.5, self.height()), text)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Go to the frame under the mouse."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._go(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Dragging goes along."""
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position().x())

    def event(self, event):  # type: ignore[no-untyped-def]
        """The tooltip names the row and the frame."""
        if isinstance(event, QHelpEvent) and self._n_frames:
            QToolTip.showText(event.globalPos(), self._tip(event.pos()), self)
            return True
        return super().event(event)

    def _tip(self, at: QPoint) -> str:
        row = (at.y() - _GAP) // (_ROW + _GAP)
        kind = f"{self._rows[row][0].value}, " if 0 <= row < len(self._rows) else ""
        return f"{kind}frame {self._frame_at(at.x())}"

    def _go(self, x: float) -> None:
        if self._n_frames:
            self.frame_chosen.emit(self._frame_at(x))

    def _frame_at(self, x: float) -> int:
        frame = int(x * self._n_frames / max(self.width(), 1))
        return min(max(frame, 0), self._n_frames - 1)

    def _x_of(self, frame: int) -> float:
        return (frame + 0.5) * self.width() / max(self._n_frames, 1)


def _joined(left: np.ndarray, right: np.ndarray) -> list[tuple[int, int]]:
    """Spans of pixels without overlap."""
    out: list[tuple[int, int]] = []
    for i in np.argsort(left, kind="stable"):
        if out and left[i] <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], int(right[i])))
        else:
            out.append((int(left[i]), int(right[i])))
    return out
