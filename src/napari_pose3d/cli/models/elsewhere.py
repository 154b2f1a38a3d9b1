"""``models train --on ssh://host/folder`` and ``--slurm TEMPLATE``, and what was trained there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.errors import PoseDataError

if TYPE_CHECKING:
    from napari_pose3d.core.models.remote.remote_training import Step

SLURM = "slurm"


def add_remote(parser: argparse.ArgumentParser) -> None:
    """Options for another machine."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--on",
        metavar="ssh://[USER@]HOST[:PORT]/FOLDER",
        help="train on another machine: labels and images are copied there by your ssh and rsync",
    )
    place.add_argument(
        "--slurm",
        type=Path,
        metavar="TEMPLATE",
        help="train through your sbatch: a script in which $command stands for the trainings",
    )
    parser.add_argument(
        "--remote-litpose",
        default="litpose",
        metavar="PATH",
        help="the program there; not given: litpose",
    )
    parser.add_argument(
        "--fetch", nargs="+", metavar="NETWORK", help="fetch what networks trained elsewhere wrote"
    )


def place_of(options: argparse.Namespace) -> str:
    """Where trainings run; "" for here.

    Raises
    ------
    PoseDataError
        ``--on`` is no such place.
    """
    from napari_pose3d.core.models.remote.remote_place import parse_place

    if options.on:
        return str(parse_place(options.on))
    return SLURM if options.slurm else ""


def train_elsewhere(project: Path, folders: tuple[Path, ...], options: argparse.Namespace) -> int:
    """Show and run the commands; the prepared folders go where a command fails."""
    import shutil

    from napari_pose3d.core.models.remote.remote_place import parse_place
    from napari_pose3d.core.models.remote.remote_training import (
        run_steps,
        slurm_steps,
        ssh_steps,
    )

    try:
        if options.on:
            place = parse_place(options.on)
            steps = ssh_steps(project, folders, place, options.remote_litpose)
        else:
            steps = slurm_steps(project, folders, options.slurm, options.remote_litpose)
        answer = run_steps(steps, _show)
    except PoseDataError:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if answer:
        print(answer)
    names = " ".join(folder.name for folder in folders)
    if options.on:
        print(f"training at {options.on}; models train {project} --fetch {names}")
    else:
        print(f"handed to Slurm; models list {project}")
    return 0


def fetch(project: Path, names: list[str]) -> int:
    """Fetch what networks trained elsewhere have written."""
    from napari_pose3d.core.models.remote.remote_place import parse_place
    from napari_pose3d.core.models.remote.remote_training import fetch_steps, run_steps
    from napari_pose3d.core.models.runs.training_record import read_record
    from napari_pose3d.core.models.runs.training_state import training_state

    for name in names:
        folder = project / "models" / name
        record = read_record(folder)
        if record is None or not record.place.startswith("ssh://"):
            raise PoseDataError(
                f"the network '{name}' is not trained on another machine",
                file=folder,
                expected="a network that was trained with --on ssh://HOST/FOLDER",
            )
        run_steps(fetch_steps(project, folder, parse_place(record.place)), _show)
        print(f"{name}: {training_state(folder).describe()}")
    return 0


def _show(step: Step) -> None:
    print(f"# {step.purpose}\n$ {step}", flush=True)
