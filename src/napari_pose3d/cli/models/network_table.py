"""``napari-pose3d models list PROJECT``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.wording import counted

from ..terminal.progress_bar import ProgressBar
from .training_options import add_project

if TYPE_CHECKING:
    from napari_pose3d.core.models.listing.model_list import Network


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "list",
        help="networks of a project: state, errors on labeled frames, data, ensembles",
        allow_abbrev=False,
    )
    add_project(parser)
    parser.add_argument(
        "--errors",
        choices=["validation", "train", "held-out"],
        default="validation",
        help="on which labeled frames; held-out: label files ..._test.csv; not given: validation",
    )
    parser.add_argument(
        "--no-errors", action="store_true", help="without the tables of keypoints and views"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Print the networks."""
    from napari_pose3d.core.models.listing.model_list import list_ensembles, list_networks
    from napari_pose3d.core.models.runs.training_progress import TrainingFollower

    networks = list_networks(options.project)
    for network in networks:
        state = network.state.describe()
        if not network.state.state.is_over:
            state = TrainingFollower(network.folder).look().describe()
        print(f"{network.name}: {state}")
        for line in _details(network):
            print(f"  {line}")
        if not options.no_errors:
            for line in error_lines(network, options.errors):
                print(f"    {line}")
    for ensemble in list_ensembles(options.project):
        print(f"ensemble {ensemble.name}: {', '.join(ensemble.members)}")
    if not networks:
        print("no networks")
    return 0


def error_lines(network: Network, which: str) -> list[str]:
    """Median errors by keypoint and view, as a table."""
    import numpy as np

    tables = network.held_out if which == "held-out" else network.errors
    if not tables:
        return []
    chosen = None if which == "held-out" else which
    medians = np.array([each.median(chosen) for each in tables.values()])
    n_images = next(iter(tables.values()))
    n = len(n_images.images) if chosen is None else n_images.n_images(chosen)
    width = max([len("keypoint"), *(len(name) for name in network.keypoints)])
    rows = [f"median error in px, {counted(n, f'{which} frame')}"]
    columns = [max(len(view), 6) for view in tables]

    def line(name: str, cells: list[str]) -> str:
        joined = "  ".join(c.rjust(w) for c, w in zip(cells, columns, strict=True))
        return f"{name.ljust(width)}  {joined}"

    rows.append(line("keypoint", list(tables)))
    for k, name in enumerate(n_images.keypoints):
        cells = ["-" if np.isnan(value) else f"{value:.1f}" for value in medians[:, k]]
        rows.append(line(name, cells))
    return rows


def _details(network: Network) -> list[str]:
    from napari_pose3d.core.models.configuration.config_file import value_at

    if network.problem:
        return [network.problem]
    lines = []
    config, record = network.config, network.record
    model, backbone = value_at(config, "model.model_type"), value_at(config, "model.backbone")
    seed = value_at(config, "training.rng_seed_model_pt")
    lines.append(f"{model}, {backbone}, seed {seed}")
    if record is not None:
        files = f"{len(record.labels)} label files"
        if record.distilled:
            files = f"the distilled set {record.distilled}"
        lines.append(f"trained on {record.n_frames} frames of {files}")
        if record.continued_from:
            lines.append(f"went on from {Path(record.continued_from).name}")
    for key, (asked, effective) in network.changed_settings().items():
        lines.append(f"{key} was asked to be {asked} and is {effective}")
    if network.state.failure is not None:
        lines.append(str(network.state.failure))
    if network.sessions:
        lines.append(f"predicted: {', '.join(network.sessions)}")
    return lines
