"""From predictions to positions: ``smooth``, ``triangulate``, ``shape``, ``ibl-paw``, ``batch``."""

from __future__ import annotations

from typing import Any

from . import batch, paw, shape, smooth, triangulate


def add_to(commands: Any) -> None:
    """Add the commands to the parser."""
    smooth.add_to(commands)
    triangulate.add_to(commands)
    batch.add_to(commands)
    shape.add_to(commands)
    paw.add_to(commands)
