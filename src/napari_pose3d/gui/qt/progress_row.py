"""A bar with the stage of a job and a Cancel button; there only while the job runs."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget


class ProgressRow(QWidget):
    """Shows how far a job is; `cancel_clicked` is emitted when the user wants it to stop."""

    cancel_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage = QLabel()
        self._stage.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress")
        self._cancel = QPushButton("&Cancel")
        self._cancel.clicked.connect(self._on_cancel)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._bar, 1)
        row.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._stage)
        column.addLayout(row)
        self.finish()

    @property
    def stage(self) -> str:
        """What the user reads; "" where no job runs."""
        return "" if self.isHidden() else self._stage.text()

    @property
    def fraction(self) -> float:
        """How far the bar is, from 0 to 1; 0 where it is not known."""
        return self._bar.value() / self._bar.maximum() if self._bar.maximum() else 0.0

    def show_progress(self, stage: str, done: int, total: int) -> None:
        """Show where the job is; ``total`` 0 means that it is not known how far that is."""
        part = f" ({done:,} of {total:,})" if total else ""
        if self.isHidden() or self._cancel.isEnabled():
            self._stage.setText(f"{stage[:1].upper()}{stage[1:]}{part}…")
        self._bar.setRange(0, max(total, 0))
        self._bar.setValue(done)
        if self.isHidden():
            self._cancel.setEnabled(True)
            self.show()

    def finish(self) -> None:
        """No job runs any more."""
        self.hide()
        self._bar.setRange(0, 1)
        self._bar.reset()

    def cancel(self) -> None:
        """Click on Cancel."""
        self._cancel.click()

    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._stage.setText("Cancelling…")
        self.cancel_clicked.emit()
