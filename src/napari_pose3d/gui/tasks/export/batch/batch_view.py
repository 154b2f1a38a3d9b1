"""How a batch goes on and what became of it: progress, dashboard, failures, log, summary."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.gui.qt.message_text import MessageLabel, MessageList
from napari_pose3d.gui.qt.run_bar import ProgressRow

from .batch_job import summary_page
from .batch_runner import BatchRunner

_FAILURES = 4
_LOG_HEIGHT = 130
_NO_SUMMARY = "No batch of this project has come to its end."


class BatchView(QWidget):
    """Shows the one batch of a viewer.

    Parameters
    ----------
    runner : BatchRunner
    """

    def __init__(self, runner: BatchRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._folder: Path | None = None
        self._failed: tuple[tuple[str, str], ...] = ()
        self.progress = ProgressRow()
        self.progress.cancel_clicked.connect(runner.cancel)
        self.status = MessageLabel()
        self.dashboard = QLabel()
        self.dashboard.setOpenExternalLinks(True)
        self.dashboard.setWordWrap(True)
        self.failures = MessageList(_FAILURES)
        self.summary = QPushButton("Open summar&y")
        self.summary.clicked.connect(self._open_summary)
        self.show_log = QPushButton("Lo&g")
        self.show_log.setCheckable(True)
        self.show_log.setToolTip("What was done with each session, with all notes.")
        self.show_log.toggled.connect(self._unfold)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setFixedHeight(_LOG_HEIGHT)
        self.log.setAccessibleName("Log of the batch")
        self.log.hide()
        row = QHBoxLayout()
        row.addWidget(self.summary, 2)
        row.addWidget(self.show_log, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.progress, self.status, self.dashboard, self.failures):
            column.addWidget(part)
        column.addLayout(row)
        column.addWidget(self.log)
        runner.changed.connect(self.refresh)
        runner.stepped.connect(self._on_step)
        runner.logged.connect(self._on_line)
        self.refresh()

    def show_project(self, folder: Path | None) -> None:
        """The project whose last summary is offered."""
        self._folder = folder
        self.refresh()

    @property
    def page(self) -> Path | None:
        """The summary that can be opened."""
        runner, folder = self._runner, self._folder
        if runner.is_running:
            return None
        if folder is None and runner.request is not None:
            folder = runner.request.folder
        found = None if folder is None else summary_page(folder)
        return found if found is not None and found.is_file() else None

    def refresh(self) -> None:
        """Show how it stands."""
        runner = self._runner
        if runner.is_running:
            self._show_progress()
        else:
            self.progress.finish()
        self.status.show_message(runner.status)
        self.status.setVisible(bool(runner.status))
        # The scheduler's address is what the user typed; the page's is made by Dask.
        link = f'<a href="{runner.dashboard}">{runner.dashboard}</a>'
        self.dashboard.setText(f"Dashboard: {link}")
        self.dashboard.setVisible(bool(runner.dashboard) and runner.is_running)
        self._show_failures()
        page = self.page
        self.summary.setEnabled(page is not None)
        self.summary.setToolTip(_NO_SUMMARY if page is None else str(page))
        self.show_log.setEnabled(bool(runner.log))
        if not runner.log or not self.log.toPlainText():
            self.log.setPlainText("\n".join(runner.log))

    def _on_step(self, _: str) -> None:
        if self._runner.is_running:
            self._show_progress()
        self._show_failures()

    def _on_line(self, text: str) -> None:
        self.log.appendPlainText(text)
        self.show_log.setEnabled(True)

    def _show_progress(self) -> None:
        runner = self._runner
        folder = "" if runner.request is None else f" of {runner.request.folder.name}"
        self.progress.show_progress(f"sessions{folder}", runner.n_ended, len(runner.states))

    def _show_failures(self) -> None:
        failures = self._runner.failures
        # What the user has unfolded stays so.
        if failures != self._failed:
            self._failed = failures
            lines = (f"{name}: {why.splitlines()[0]}" for name, why in failures)
            self.failures.show_lines(tuple(lines))

    def _unfold(self, shown: bool) -> None:
        self.log.setVisible(shown)

    def _open_summary(self) -> None:
        page = self.page
        if page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))
