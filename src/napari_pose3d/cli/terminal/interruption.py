"""Ctrl+C, and the signal by which a cluster ends a job.

Notes
-----
The first signal asks the work to stop, and raises `KeyboardInterrupt` in the main thread. Python
runs handlers between two steps of its own only, which can take seconds while something is
compiled; so a thread waits for the signal as well, and ends the process when the work has not
ended by itself soon. No file is left half-written: files appear all together at the very end, and
while they are put in place, the thread waits. Begun ones are removed by another process.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from napari_pose3d.core.storage.atomic_files import groups_rename, leave_begun_groups

EXIT_CODE = 130
_SECONDS = 0.35
_SECONDS_WRITING = 10.0


class Interruption:
    """Whether the user wants to stop, and the end of the process where nothing else helps.

    Use it as a context manager around the work; outside the main thread it does nothing.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._ended = threading.Event()
        self._writing = threading.Event()
        self._handlers: dict[int, object] = {}
        self._handled = False
        self._pair: tuple[socket.socket, socket.socket] | None = None

    def asked(self) -> bool:
        """Whether to stop: for the ``cancelled`` of the core's functions."""
        return self._asked.is_set()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While files are written: they are tidied up before the process ends."""
        self._writing.set()
        try:
            yield
        finally:
            self._writing.clear()

    def __enter__(self) -> Interruption:
        if threading.current_thread() is not threading.main_thread():
            return self
        self._pair = socket.socketpair()
        for end in self._pair:
            end.setblocking(False)
        signal.set_wakeup_fd(self._pair[1].fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._on_signal)
        threading.Thread(target=self._watch, args=(self._pair[0],), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._pair is None:
            return
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        # The thread sees the end of its socket.
        self._pair[1].close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Once: a second one would disturb the tidying up.
        if not self._handled:
            self._handled = True
            self._asked.set()
            raise KeyboardInterrupt

    def _watch(self, end: socket.socket) -> None:
        end.setblocking(True)
        with end:
            try:
                signals = end.recv(16)
            except OSError:
                return
        if not any(number in self._handlers for number in signals):
            return
        self._asked.set()
        if self._ended.wait(_SECONDS):
            return
        if (self._writing.is_set() or groups_rename()) and self._ended.wait(_SECONDS_WRITING):
            return
        leave_begun_groups()
        print("\nnapari-pose3d: interrupted; nothing was written", file=sys.stderr, flush=True)
        os._exit(EXIT_CODE)
