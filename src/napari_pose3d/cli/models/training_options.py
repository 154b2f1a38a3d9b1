"""Options that several commands of ``models`` share, and what is looked up and printed for them."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import TrainingSettings
from napari_pose3d.wording import counted

from ..options import help_of
from ..terminal.progress_bar import ProgressBar

if TYPE_CHECKING:
    from napari_pose3d.core.models.installation.litpose_facts import LitposeFacts
    from napari_pose3d.core.models.installation.litpose_search import Installation
    from napari_pose3d.core.models.preflight.preflight import Preflight


def add_project(parser: argparse.ArgumentParser) -> None:
    """The project whose networks are meant."""
    parser.add_argument("project", type=Path, help="Lightning Pose project")


def add_litpose(parser: argparse.ArgumentParser) -> None:
    """The option that names the environment of ``litpose``."""
    parser.add_argument(
        "--litpose",
        type=Path,
        metavar="PATH",
        help="environment that Lightning Pose is installed in, or its program litpose; not given: "
        "NAPARI_POSE3D_LITPOSE, what was remembered, PATH, and the usual places",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Options for `TrainingSettings`."""

    def add(name: str, **options: object) -> None:
        text = help_of(TrainingSettings, name)
        parser.add_argument(f"--{name.replace('_', '-')}", help=text, **options)  # type: ignore[arg-type]

    add("seeds", nargs="+", type=int, metavar="N")
    models = ["auto", "heatmap_multiview_transformer", "heatmap", "heatmap_mhcrnn"]
    add("model_type", choices=models)
    add("backbone", metavar="NAME")
    parser.add_argument(
        "--no-pretrained",
        dest="pretrained",
        action="store_const",
        const=False,
        help="begin with random weights (convolutional backbones only)",
    )
    add("image_size", type=int, metavar="PX")
    add("epochs", type=int, metavar="N")
    add("batch_size", type=int, metavar="N")
    add("reprojection_loss", choices=["auto", "on", "off"])
    add("reprojection_from", type=int, metavar="EPOCH")
    add("reprojection_full", type=int, metavar="EPOCH")
    add("augmentation", choices=["dlc", "dlc-top-down", "default"])
    add("augmentation_3d", choices=["auto", "on", "off"])
    add("mask_share", type=float, metavar="SHARE")
    add("mask_from", type=int, metavar="EPOCH")
    add("mask_full", type=int, metavar="EPOCH")
    add("train_share", type=float, metavar="SHARE")
    add("same_split", action="store_const", const=True)
    add("workers", type=int, metavar="N")


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Those of `add_settings` that were given, by the names of `TrainingSettings`."""
    names = [field.name for field in dataclasses.fields(TrainingSettings)]
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if "seeds" in given:
        given["seeds"] = tuple(given["seeds"])
    return given


def settings_of(options: argparse.Namespace) -> TrainingSettings:
    """What `add_settings` was given, with defaults for the rest."""
    return TrainingSettings(**given_settings(options))


def known_installation(litpose: Path | None) -> Installation | None:
    """The environment of ``litpose``; None where it is not found."""
    from napari_pose3d.core.models.installation.litpose_search import find_installations

    found = find_installations(litpose)
    return found[0] if found else None


def known_facts(installation: Installation | None, bar: ProgressBar) -> LitposeFacts | None:
    """What the environment of ``litpose`` holds; None where it does not answer."""
    from napari_pose3d.core.models.installation.litpose_facts import litpose_facts

    if installation is None:
        return None
    bar(f"asking {installation.executable}", 0, 0)
    try:
        return litpose_facts(installation)
    except PoseDataError as error:
        bar.close()
        print(f"note: {error}")
        return None


def print_findings(checked: Preflight) -> None:
    """The table of labels, and what was found."""
    if checked.coverage is not None:
        print("Labels with a position:")
        print(*(f"  {line}" for line in checked.coverage.lines()), sep="\n")
        frames = [f"{name or '?'} {n}" for name, n in checked.coverage.sessions.items()]
        print(f"  frames: {', '.join(frames)}")
        animals = [f"{name or '?'} {n}" for name, n in checked.coverage.animals.items()]
        guess = " (by the names of the sessions)" if checked.coverage.guessed else ""
        print(f"  animals{guess}: {', '.join(animals)}\n")
    for finding in checked.findings:
        print(finding)
    n = len(checked.errors)
    print("no errors" if not n else counted(n, "error"))
