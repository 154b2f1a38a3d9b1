"""How far a job is, and a Cancel button: below a form that runs it, or there only while it runs."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from .message_text import MessageLabel


class RunBar(QWidget):
    """Buttons and progress of the one job that may run at a time.

    Parameters
    ----------
    action, hint : str
        What the button says, and its tooltip.
    """

    run_clicked = Signal()
    cancel_clicked = Signal()

    def __init__(
        self,
        parent: QWidget | None = None,
        action: str = "&Run",
        hint: str = "Smooth the chosen predictions (Alt+R).",
    ) -> None:
        super().__init__(parent)
        self._hint = hint
        self._run = QPushButton(action)
        self._run.clicked.connect(self.run_clicked)
        self._cancel = QPushButton("&Cancel")
        self._cancel.clicked.connect(self.cancel_clicked)
        self._bar = QProgressBar()
        self._bar.setTextVisible(True)
        self._status = MessageLabel()
        buttons = QHBoxLayout()
        buttons.addWidget(self._run, 2)
        buttons.addWidget(self._cancel, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self._bar)
        layout.addWidget(self._status)
        self._note = QLabel()
        self._note.setWordWrap(True)
        self._note.setEnabled(False)
        self._note.hide()
        layout.addWidget(self._note)
        self._obstacle = ""
        self._ready_text = ""
        self.show_idle()

    @property
    def status(self) -> str:
        """What the user reads below the buttons."""
        return self._status.message

    @property
    def is_ready(self) -> bool:
        """Whether Run can be clicked."""
        return self._run.isEnabled()

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self._cancel.isEnabled()

    def set_obstacle(self, reason: str) -> None:
        """Say why Run cannot be clicked; empty when it can."""
        self._obstacle = reason
        if not self.is_busy:
            self._refresh()

    def set_note(self, text: str) -> None:
        """Something that goes on quietly beside; empty when nothing does."""
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def show_idle(self, message: str = "") -> None:
        """No job runs; ``message`` says how the last one ended."""
        self._ready_text = message
        self._cancel.setEnabled(False)
        # Hidden without giving up its place, so that nothing jumps when a job starts.
        self._bar.setRange(0, 1)
        self._bar.reset()
        self._refresh()

    def show_busy(self, stage: str) -> None:
        """A job has started."""
        self._run.setEnabled(False)
        self._run.setToolTip("A job is running.")
        self._cancel.setEnabled(True)
        self.show_progress(stage, 0, 0)

    def show_progress(self, stage: str, done: int, total: int) -> None:
        """Where the job is; ``total`` 0 means that it is not known how far that is."""
        self._bar.setRange(0, max(total, 0))
        self._bar.setValue(done)
        self._status.show_message(f"{stage[:1].upper()}{stage[1:]}…")

    def show_cancelling(self) -> None:
        """Cancel was clicked and the job has not stopped yet."""
        self._cancel.setEnabled(False)
        self._status.show_message("Cancelling…")

    def _refresh(self) -> None:
        self._run.setEnabled(not self._obstacle)
        self._run.setToolTip(self._obstacle or self._hint)
        self._status.show_message(self._ready_text or self._obstacle or "Ready.")


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
        self._whole = False
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

    def begin(self, stage: str, *, whole: bool = False) -> None:
        """A job begins.

        Parameters
        ----------
        whole : bool
            Whether its progress is one measure over all its stages, shown in percent, and not
            a count of what the present stage has done.
        """
        self._whole = whole
        self.show_progress(stage, 0, 0)

    def show_progress(self, stage: str, done: int, total: int) -> None:
        """Show where the job is; ``total`` 0 means that it is not known how far that is."""
        part = f" ({done:,} of {total:,})" if total and not self._whole else ""
        self._bar.setTextVisible(self._whole and total > 0)
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
        self._whole = False
        self._bar.setRange(0, 1)
        self._bar.reset()

    def cancel(self) -> None:
        """Click on Cancel."""
        self._cancel.click()

    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._stage.setText("Cancelling…")
        self.cancel_clicked.emit()
