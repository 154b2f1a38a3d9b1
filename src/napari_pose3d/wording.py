"""Small parts of the sentences that the core and both front ends write."""

from __future__ import annotations


def counted(n: int, noun: str, several: str = "") -> str:
    """``1 file``, ``2 files``; `several` is the plural where it is not the noun with an s."""
    return f"{n:,} {noun if n == 1 else several or noun + 's'}"


def verb(n: int, one: str = "is", several: str = "are") -> str:
    """The form of a verb that agrees with a number."""
    return one if n == 1 else several
