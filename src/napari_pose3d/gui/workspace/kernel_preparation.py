"""Compilation of the kernels while the user still opens and chooses files."""

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.pipeline.warm_up import FIRST_JOBS, LATER_JOBS, KernelCompilation

_POLL_MS = 200


class KernelPreparation(QObject):
    """Starts the processes that compile, and emits `ended` when all is done.

    What most runs need is compiled first, and by itself, so that a run does not wait for the rest.
    No thread waits for the processes, so that nothing of them is left when the window closes.
    """

    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._first: KernelCompilation | None = None
        self._later: KernelCompilation | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._check)
        self._done = False

    @property
    def is_running(self) -> bool:
        """Whether anything is being compiled."""
        return self._first is not None and not self._done

    def start(self) -> None:
        """Start to compile, unless it was started before."""
        if self._first is None:
            self._first = KernelCompilation(FIRST_JOBS)
            self._timer.start()

    def is_ready(self, everything: bool) -> bool:
        """Whether a run need not wait any longer; may be asked from any thread.

        Parameters
        ----------
        everything : bool
            Whether the run needs more than most do.
        """
        first = self._first
        if first is None or self._done:
            return True
        return not everything and not first.is_running

    def abandon(self, *_: object) -> None:
        """End the processes; `ended` is not emitted, and it can be started again."""
        self._timer.stop()
        for compilation in (self._first, self._later):
            if compilation is not None:
                compilation.end()
        if not self._done:
            self._first = self._later = None

    def _check(self) -> None:
        if self._first is None or self._first.is_running:
            return
        if self._later is None:
            self._later = KernelCompilation(LATER_JOBS)
        elif not self._later.is_running:
            self._timer.stop()
            self._done = True
            self.ended.emit()
