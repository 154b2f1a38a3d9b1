"""``napari-pose3d sample DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .terminal.progress_bar import ProgressBar


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    sample = commands.add_parser("sample", help="make the sample session", allow_abbrev=False)
    sample.set_defaults(command=_run)
    sample.add_argument("folder", type=Path, help="where to put it; made if it does not exist")


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.synthetic.sample import make_sample

    folder = make_sample(options.folder, progress=bar)
    bar.close()
    print(f"the sample session is in {folder}")
    print(f"try: napari-pose3d smooth {folder}")
    return 0
