"""Paths as users and notebooks give them: text or `Path`, one or several."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

AnyPath = str | os.PathLike[str]
Paths = AnyPath | Iterable[AnyPath]


def path_list(paths: Paths) -> list[Path]:
    """One path or several as a list."""
    if isinstance(paths, str | os.PathLike):
        return [Path(paths)]
    return [Path(each) for each in paths]
