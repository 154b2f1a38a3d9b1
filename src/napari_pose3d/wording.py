"""Small parts of the sentences that the core and both front ends write."""

from __future__ import annotations


def counted(n: int, noun: str, several: str = "") -> str:
    """``1 file``, ``2 files``; `several` is the plural where it is not the noun with an s."""
    return f"{n:,} {noun if n == 1 else several or noun + 's'}"
