"""``napari-pose3d models export PROJECT NETWORK ...``."""

from __future__ import annotations

import argparse

from ..terminal.progress_bar import ProgressBar
from .training_options import add_litpose, add_project


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "export",
        help="export networks to ONNX: they then predict without torch",
        allow_abbrev=False,
    )
    add_project(parser)
    parser.add_argument("models", nargs="+", metavar="NETWORK", help="as models list shows them")
    parser.add_argument(
        "--precision",
        choices=["fp32", "fp16"],
        default="fp32",
        help="fp16 halves the file, and moves keypoints by up to 0.3 px; not given: fp32",
    )
    add_litpose(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Export."""
    from napari_pose3d.core.models.installation.litpose_search import find_installation
    from napari_pose3d.core.models.listing.model_list import models_folder, network_folder
    from napari_pose3d.core.models.proposals.network_export import export_network

    installation = find_installation(options.litpose)
    models = models_folder(options.project)
    for name in options.models:
        folder = network_folder(models, name)
        bar(f"exporting {name}", 0, 0)
        path = export_network(
            installation, folder, options.precision, cancelled=options.interruption.asked
        )
        bar.close()
        print(f"{name}: {path}")
    return 0
