"""Going on frame by frame, by itself."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, QTimer, Signal


class Player(QObject):
    """Steps on at a chosen speed; leaves no frame out, and is slower where decoding is.

    Parameters
    ----------
    advance : callable
        Asks for the next frame; False when there is none.
    is_waiting : callable
        Whether the frame before is still on its way.
    speed : callable
        Frames per second.

    Signals: ``changed`` with whether it plays.
    """

    changed = Signal(bool)

    def __init__(
        self,
        advance: Callable[[], bool],
        is_waiting: Callable[[], bool],
        speed: Callable[[], float],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._advance, self._is_waiting, self._speed = advance, is_waiting, speed
        self._overdue = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._next)

    @property
    def is_playing(self) -> bool:
        return self._timer.isActive()

    def start(self) -> None:
        """Play from here."""
        self._timer.start(self._interval)
        self.changed.emit(True)

    def stop(self) -> None:
        """Stay at the frame that was asked for last."""
        self._timer.stop()
        self._overdue = False
        self.changed.emit(False)

    def frame_shown(self) -> None:
        """The frame is there; if the next one is due already, it is asked for at once."""
        if self._overdue and self.is_playing:
            self._overdue = False
            # Not before this one is painted.
            QTimer.singleShot(0, self._next)

    @property
    def _interval(self) -> int:
        return max(round(1000 / self._speed()), 1)

    def _next(self) -> None:
        if not self.is_playing:
            return
        # A frame that takes long makes the video slower, not the queue longer.
        self._overdue = self._is_waiting()
        if self._overdue:
            return
        self._timer.setInterval(self._interval)
        if not self._advance():
            self.stop()
