"""How much memory the computer has."""

from __future__ import annotations

import os
import sys

_UNKNOWN = 4 << 30


def total_memory() -> int:
    """Bytes of main memory; four GiB where the system does not say."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return _UNKNOWN


def _windows_memory() -> int:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
        )

    status = Status()
    status.length = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - absent on other systems
    if kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return int(status.total)
    return _UNKNOWN
