"""What commands print at their end: notes, and the files that they wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def print_notes(notes: Iterable[object]) -> None:
    """A line for each note."""
    for note in notes:
        print(f"note: {note}")


def print_written(files: Iterable[Path]) -> None:
    """The files, a line each."""
    print("wrote", *files, sep="\n  ")
