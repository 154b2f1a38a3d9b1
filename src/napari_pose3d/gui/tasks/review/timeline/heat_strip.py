"""All frames of a session in one strip of colours: where it is bad, and how bad."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_pose3d.core.review.events.events import Event

from .heat_rows import AT_BAR, STEPS, HeatRows

# px; rows share the height as long as each has the least.
_LEAST_ROW, _NAMED_ROW, _LARGEST_ROW = 3, 10, 13
_LOWEST, _HIGHEST = 40, 84
# The longest kind of event, wholly.
_GUTTER = 74
_MARGIN = 2
_ZOOM = 1.25
_FEWEST_FRAMES = 10.0
_LINE = QColor("#ff5a5a")
# From half the bar to eight times the bar; dark theme and light theme.
_COLOURS = {
    True: ("#2f2a4a", "#8c2f7a", "#e8663c", "#fbe05c"),
    False: ("#f6e3c0", "#f2a65e", "#c8325a", "#4a1060"),
}
_LOWEST_DRAWN, _HIGHEST_DRAWN = 0.5, 8.0


class HeatStrip(QWidget):
    """One row for each keypoint, view or quantity; a click goes to its frame.

    The wheel zooms, dragging with the right or the middle button moves, a double click shows all.

    Signals: ``frame_chosen``; ``event_wanted`` with 1 or -1 for the next or the previous event;
    ``range_changed`` with first and last frame when the user zooms or moves.
    """

    frame_chosen = Signal(int)
    event_wanted = Signal(int)
    range_changed = Signal(float, float)

    def __init__(self, highest: int = _HIGHEST, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._highest = highest
        self._rows: HeatRows | None = None
        self._range = (0.0, 1.0)
        self._frame = 0
        self._event: Event | None = None
        self._sensitivity = 1.0
        self._gutter, self._right = _GUTTER, _MARGIN
        self._pulled: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("How bad every frame is")
        self.setFixedHeight(_LOWEST)

    @property
    def rows(self) -> HeatRows | None:
        """What is drawn."""
        return self._rows

    @property
    def shown_range(self) -> tuple[float, float]:
        """First frame, and one past the last."""
        return self._range

    def sizeHint(self) -> QSize:  # noqa: N802
        n = 1 if self._rows is None else max(len(self._rows.names), 1)
        height = min(max(n * _LARGEST_ROW, _LOWEST), max(self._highest, n * _LEAST_ROW))
        return QSize(200, height)

    def set_highest(self, highest: int) -> None:
        """Take no more than so many px of height, as long as every row is seen."""
        if highest != self._highest:
            self._highest = highest
            self.setFixedHeight(self.sizeHint().height())
            self.update()

    def show_rows(self, rows: HeatRows | None) -> None:
        """Draw other rows; the frames that are in view stay, where the recording is as long."""
        before = 0 if self._rows is None else self._rows.n_frames
        self._rows = rows
        if rows is not None and rows.n_frames != before:
            self._range = (0.0, float(max(rows.n_frames, 1)))
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def show_frame(self, frame: int) -> None:
        """Where the time slider is."""
        if frame != self._frame:
            self._frame = frame
            self.update()

    def show_event(self, event: Event | None) -> None:
        """Draw a frame around an event, and bring it into view."""
        self._event = event
        if event is not None:
            first, last = self._range
            if event.end < first or event.start >= last:
                self._show_range(event.peak - (last - first) / 2, event.peak + (last - first) / 2)
        self.update()

    def show_sensitivity(self, sensitivity: float) -> None:
        """The same numbers compared with other bars."""
        if sensitivity != self._sensitivity:
            self._sensitivity = sensitivity
            self.update()

    def show_range(self, first: float, last: float) -> None:
        """Draw these frames; emits nothing."""
        if (first, last) != self._range and last > first:
            self._range = (first, last)
            self.update()

    def set_margins(self, left: int, right: int) -> None:
        """Leave so many px free at the sides: what is below has its frames there."""
        if (left, right) != (self._gutter, self._right):
            self._gutter, self._right = max(left, 0), max(right, 0)
            self.update()

    # ------------------------------------------------------------------ drawing

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802
        """The rows, their names, the event and the current frame."""
        painter = QPainter(self)
        dark = self.palette().window().color().lightness() < 128
        text = self.palette().windowText().color()
        rows, width = self._rows, self._width
        left = self._gutter
        ground = QColor("#15151c" if dark else "#fbfaf7")
        painter.fillRect(left, 0, width, self.height(), ground)
        if rows is None or not rows.names or width < 2:
            painter.end()
            return
        codes = rows.maxima(*self._range, width)
        table = _colour_table(dark, self._sensitivity, ground)
        padded = np.zeros((len(codes), -(-width // 4) * 4), np.uint8)
        padded[:, :width] = codes
        image = QImage(
            padded.tobytes(),
            width,
            len(codes),
            padded.shape[1],
            QImage.Format.Format_Indexed8,
        )
        image.setColorTable(table)
        painter.drawImage(QRectF(left, 0, width, self.height()), image)
        self._draw_names(painter, text)
        if self._event is not None:
            start, end = self._x_of(self._event.start), self._x_of(self._event.end + 1)
            if end > left and start < left + width:
                painter.setPen(QPen(text, 1))
                painter.drawRect(
                    QRectF(start - 1, 0.5, max(end - start, 3.0) + 1, self.height() - 2)
                )
        at = self._x_of(self._frame + 0.5)
        if left <= at <= left + width:
            painter.fillRect(QRectF(at - 0.75, 0, 1.5, self.height()), _LINE)
        if self.hasFocus():
            painter.setPen(QPen(text, 1, Qt.PenStyle.DotLine))
            painter.drawRect(left, 0, width - 1, self.height() - 1)
        painter.end()

    def _draw_names(self, painter: QPainter, text: QColor) -> None:
        assert self._rows is not None
        names = self._rows.names
        height = self.height() / len(names)
        # Low rows have no room for letters: every second, third ... is named.
        every = max(int(np.ceil(_NAMED_ROW / height)), 1)
        font = painter.font()
        font.setPixelSize(9)
        painter.setFont(font)
        painter.setPen(text)
        room = self._gutter - 4
        for i in range(0, len(names), every):
            box = QRectF(0, i * height, room, max(height, _NAMED_ROW))
            if i and box.bottom() > self.height() + 1:
                # Half a name below the others tells nothing.
                break
            name = painter.fontMetrics().elidedText(names[i], Qt.TextElideMode.ElideRight, room)
            painter.drawText(
                box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), name
            )

    # ------------------------------------------------------------------ places

    @property
    def _width(self) -> int:
        return max(self.width() - self._gutter - self._right, 0)

    def _x_of(self, frame: float) -> float:
        first, last = self._range
        return self._gutter + (frame - first) / (last - first) * self._width

    def _position(self, x: float) -> float:
        first, last = self._range
        return first + (x - self._gutter) / max(self._width, 1) * (last - first)

    def _frame_at(self, x: float) -> int:
        n = 0 if self._rows is None else self._rows.n_frames
        return int(min(max(np.floor(self._position(x)), 0), max(n - 1, 0)))

    def _show_range(self, first: float, last: float) -> None:
        n = 1.0 if self._rows is None else float(max(self._rows.n_frames, 1))
        span = min(max(last - first, min(_FEWEST_FRAMES, n)), n)
        first = min(max(first, 0.0), n - span)
        if (first, first + span) != self._range:
            self._range = (first, first + span)
            self.range_changed.emit(*self._range)
            self.update()

    # ------------------------------------------------------------------ mouse and keys

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """The left button goes to a frame, the others take hold of the strip."""
        if event is None:
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(event.position())
        else:
            self._pulled = event.position().x()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Dragging goes along."""
        if event is None:
            return
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position())
        elif event.buttons() and self._pulled is not None:
            by = self._position(self._pulled) - self._position(event.position().x())
            self._pulled = event.position().x()
            self._show_range(self._range[0] + by, self._range[1] + by)

    def mouseReleaseEvent(self, _: QMouseEvent | None) -> None:  # noqa: N802
        """Let go of the strip."""
        self._pulled = None

    def mouseDoubleClickEvent(self, _: QMouseEvent | None) -> None:  # noqa: N802
        """Show all frames."""
        self._show_range(0.0, np.inf)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802
        """Zoom about the mouse."""
        if event is None or self._rows is None:
            return
        steps = event.angleDelta().y() / 120
        at, (first, last) = self._position(event.position().x()), self._range
        factor = _ZOOM**-steps
        self._show_range(at - (at - first) * factor, at + (last - at) * factor)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Left and right step by a frame, up and down by an event."""
        if event is None:
            return
        n = 0 if self._rows is None else self._rows.n_frames
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        events = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if by and n:
            self.frame_chosen.emit(min(max(self._frame + by, 0), n - 1))
        elif events:
            self.event_wanted.emit(events)
        else:
            super().keyPressEvent(event)

    def event(self, event):  # type: ignore[no-untyped-def]
        """The tooltip names the row, the frame and how bad it is."""
        if isinstance(event, QHelpEvent) and self._rows is not None:
            QToolTip.showText(event.globalPos(), self.describe(event.pos()), self)
            return True
        return super().event(event)

    def describe(self, at: QPoint) -> str:
        """What is at a place of the strip, in words."""
        rows = self._rows
        if rows is None or not rows.names:
            return ""
        row = min(
            max(int(at.y() * len(rows.names) / max(self.height(), 1)), 0), len(rows.names) - 1
        )
        if at.x() < self._gutter:
            return rows.names[row]
        per_px = (self._range[1] - self._range[0]) / max(self._width, 1)
        start = self._position(at.x())
        code = int(rows.maxima(start, start + max(per_px, 1e-6), 1)[row, 0])
        bad = (
            ""
            if not code
            else f", {2.0 ** ((code - AT_BAR) / STEPS) * self._sensitivity:.2g} x bar"
        )
        return f"{rows.names[row]}, frame {self._frame_at(at.x()):,}{bad}"

    def _go(self, at: QPointF) -> None:
        if self._rows is not None and self._rows.n_frames:
            self.frame_chosen.emit(self._frame_at(at.x()))


def _colour_table(dark: bool, sensitivity: float, ground: QColor) -> list[int]:
    """The colour of each byte."""
    excess = 2.0 ** ((np.arange(256) - AT_BAR) / STEPS) * sensitivity
    low, high = np.log2(_LOWEST_DRAWN), np.log2(_HIGHEST_DRAWN)
    part = np.clip((np.log2(excess) - low) / (high - low), 0, 1)
    stops = np.array(
        [[QColor(c).red(), QColor(c).green(), QColor(c).blue()] for c in _COLOURS[dark]]
    )
    # At the bar itself the second colour begins.
    at = np.array([0.0, (0 - low) / (high - low), 0.6, 1.0])
    rgb = np.stack([np.interp(part, at, stops[:, c]) for c in range(3)], axis=1).round().astype(int)
    table = [(255 << 24) | (r << 16) | (g << 8) | b for r, g, b in rgb.tolist()]
    for i in np.flatnonzero(excess < _LOWEST_DRAWN):
        table[i] = ground.rgba()
    table[0] = ground.rgba()
    return table
