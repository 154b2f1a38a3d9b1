"""Which process it was: its number alone is used again by the system."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import psutil

# Clocks of the kernel and of the record agree to a second or two.
_SAME_SECONDS = 2.0


@dataclass(frozen=True)
class ProcessIdentity:
    """A process on a machine: ``began`` in seconds since 1970."""

    pid: int
    began: float
    host: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Of a process that runs now; ``began`` is 0 where it has ended already."""
        try:
            began = psutil.Process(pid).create_time()
        except psutil.Error:
            began = 0.0
        return cls(pid, began, socket.gethostname())

    @property
    def is_here(self) -> bool:
        """Whether it is of this machine."""
        return self.host == socket.gethostname()

    @property
    def lives(self) -> bool:
        """Whether it runs on this machine; one that only waits to be collected does not."""
        return self.process() is not None

    def process(self) -> psutil.Process | None:
        """The process itself; None where it does not run here."""
        if not self.is_here:
            return None
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.began) < _SAME_SECONDS
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None
