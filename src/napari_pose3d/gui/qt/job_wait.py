"""Waiting for a job where napari needs the answer at once, without freezing the window."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEventLoop, Qt
from qtpy.QtWidgets import QApplication, QProgressDialog

from .jobs import Job, Work

_SHOWN_AFTER_MS = 300


def wait_for(work: Work, title: str) -> Any:
    """The result of ``work(progress, cancelled)``, computed in a thread; None if it has none.

    A dialog shows the stage and a Cancel button while it lasts. Errors become notifications.
    """
    dialog = QProgressDialog(title, "Cancel", 0, 0, QApplication.activeWindow())
    dialog.setWindowTitle("napari-pose3d")
    dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
    dialog.setMinimumDuration(_SHOWN_AFTER_MS)
    dialog.setMinimumWidth(420)
    dialog.setAutoReset(False)
    dialog.setAutoClose(False)
    loop = QEventLoop()
    results: list[Any] = []
    job = Job(work)

    def show(stage: str, done: int, total: int) -> None:
        dialog.setLabelText(f"{title}\n{stage[:1].upper()}{stage[1:]}…")
        dialog.setMaximum(total)
        dialog.setValue(done)

    def finish(*result: Any) -> None:
        results.extend(result)
        loop.quit()

    job.progressed.connect(show)
    job.succeeded.connect(finish)
    job.failed.connect(show_error)
    job.failed.connect(lambda _: finish())
    job.stopped.connect(lambda: show_info("Cancelled; nothing was made."))
    job.stopped.connect(finish)
    dialog.canceled.connect(job.cancel)
    job.start()
    loop.exec()
    dialog.canceled.disconnect(job.cancel)
    dialog.close()
    dialog.deleteLater()
    return results[0] if results else None
