"""To and from other programs: ``export`` and ``import``."""

from __future__ import annotations

from typing import Any

from . import export_command, import_command


def add_to(commands: Any) -> None:
    """Add the commands to the parser."""
    export_command.add_to(commands)
    import_command.add_to(commands)
