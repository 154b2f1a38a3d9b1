"""``napari-pose3d models doctor``."""

from __future__ import annotations

import argparse

from napari_pose3d.errors import PoseDataError

from ..terminal.progress_bar import ProgressBar
from .training_options import add_litpose

NOT_FOUND = 1


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="show which litpose is there, its versions and GPU, and how to install it",
        allow_abbrev=False,
    )
    add_litpose(parser)
    parser.add_argument(
        "--remember", action="store_true", help="use what --litpose names from now on"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Print what is there; exit code 1 where no usable litpose is."""
    from napari_pose3d.core.models.installation.litpose_facts import litpose_facts, machine_gpus
    from napari_pose3d.core.models.installation.litpose_search import (
        find_installations,
        remember_place,
    )

    if options.remember:
        if options.litpose is None:
            raise PoseDataError("nothing was named to be remembered", expected="--litpose PATH")
        remember_place(options.litpose)
    found = find_installations(options.litpose)
    works = False
    for i, each in enumerate(found):
        bar(f"asking {each.executable}", 0, 0)
        try:
            facts, problem = litpose_facts(each), ""
        except PoseDataError as error:
            facts, problem = None, str(error)
        bar.close()
        used = " - this one is used" if i == 0 and len(found) > 1 else ""
        print(f"{each.executable} ({each.place}){used}")
        if facts is None:
            print(f"  {problem}")
            continue
        works = works or (i == 0 and facts.version is not None)
        versions = ", ".join(
            f"{name} {version}" for name, version in sorted(facts.versions.items())
        )
        print(f"  Python {facts.python}, {versions}")
        for gpu in facts.gpus:
            print(f"  GPU: {gpu}")
        for note in facts.notes():
            print(f"  {note}")
    if not works:
        _print_commands(bool(machine_gpus()))
        return NOT_FOUND
    return 0


def _print_commands(gpu: bool) -> None:
    from napari_pose3d.core.models.installation.install_commands import install_commands

    print("No usable litpose was found. It is installed into an environment of its own:")
    here = " (there is one here)" if gpu else ""
    print(f"\nWith an NVIDIA GPU{here}:")
    print(*(f"  {line}" for line in install_commands(gpu=True)), sep="\n")
    print("\nWithout one:")
    print(*(f"  {line}" for line in install_commands(gpu=False)), sep="\n")
