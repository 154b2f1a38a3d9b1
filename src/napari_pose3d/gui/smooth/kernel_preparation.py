"""Compilation of the kernels while the user still chooses files."""

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.pipeline.warm_up import KernelCompilation

_POLL_MS = 200


class KernelPreparation(QObject):
    """Starts the process that compiles, and emits `ended` when it is done.

    No thread waits for it, so that nothing of it is left when the window closes.

    Attributes
    ----------
    compilation : KernelCompilation or None
        None before the start, and after it was abandoned.
    """

    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.compilation: KernelCompilation | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._check)

    def start(self) -> None:
        """Start to compile."""
        self.compilation = KernelCompilation()
        self._timer.start()

    def abandon(self, *_: object) -> None:
        """End the process; `ended` is not emitted."""
        if self.compilation is not None:
            self.compilation.end()
        self.compilation = None

    def _check(self) -> None:
        if self.compilation is None:
            self._timer.stop()
        elif not self.compilation.is_running:
            self._timer.stop()
            self.ended.emit()
