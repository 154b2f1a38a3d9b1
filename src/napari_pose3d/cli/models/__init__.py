"""``napari-pose3d models ...``: networks of Lightning Pose checked, trained and used."""

from __future__ import annotations

import argparse

from . import check, distill, doctor, export, network_table, predict, train


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command with its own commands."""
    parser = commands.add_parser(
        "models",
        help="train networks of Lightning Pose, predict with them, and list them",
        allow_abbrev=False,
    )
    own = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (doctor, check, train, predict, network_table, export, distill):
        command.add_to(own)
