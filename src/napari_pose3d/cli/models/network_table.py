"""``napari-pose3d models list PROJECT``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from napari_pose3d.errors import PoseDataError
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
    parser.add_argument(
        "--settings",
        action="store_true",
        help="all settings as well: as asked for, and as they took effect",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Print the networks."""
    from napari_pose3d.core.models.listing.model_list import list_ensembles, list_networks
    from napari_pose3d.core.models.listing.network_report import network_lines
    from napari_pose3d.core.models.runs.training_progress import TrainingFollower

    networks = list_networks(options.project)
    for network in networks:
        state = network.state.describe()
        if not network.state.state.is_over:
            state = TrainingFollower(network.folder).look().describe()
        print(f"{network.name}: {state}")
        for line in network_lines(network):
            print(f"  {line}")
        if network.sessions:
            print(f"  predicted: {', '.join(network.sessions)}")
        if options.settings and not network.problem:
            for line in settings_lines(network):
                print(f"    {line}")
        if not options.no_errors:
            for line in error_lines(network, options.errors):
                print(f"    {line}")
    for ensemble in list_ensembles(options.project):
        print(f"ensemble {ensemble.name}: {', '.join(ensemble.members)}")
    if not networks:
        print("no networks")
    return 0


def settings_lines(network: Network) -> list[str]:
    """All settings as a table; a star is before those that took effect other than asked for."""
    try:
        rows = network.settings()
    except PoseDataError as error:
        return [str(error)]
    keys = max((len(each.key) for each in rows), default=0)
    asked = max([len("asked"), *(len(each.asked) for each in rows)])
    lines = [f"  {'setting'.ljust(keys)}  {'asked'.ljust(asked)}  effective"]
    for each in rows:
        star = "*" if each.differs else " "
        cells = f"{star} {each.key.ljust(keys)}  {each.asked.ljust(asked)}  {each.effective}"
        lines.append(cells.rstrip())
    return lines


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
