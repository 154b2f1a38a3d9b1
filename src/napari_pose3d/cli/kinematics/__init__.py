"""What follows from positions in space: ``kinematics`` and ``plot``."""

from __future__ import annotations

from typing import Any

from . import kinematics_command, plot_command


def add_to(commands: Any) -> None:
    """Add the commands to the parser."""
    kinematics_command.add_to(commands)
    plot_command.add_to(commands)
