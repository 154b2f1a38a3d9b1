"""The row of the label files that a training fell over: its log does not name it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from napari_pose3d.errors import PoseDataError

from ..configuration.config_file import read_config
from .image_checks import check_images
from .label_checks import check_labels
from .settings.value_checks import check_values
from .training_finding import TrainingFinding
from .training_input import training_input


def bad_row(config_file: Path) -> TrainingFinding | None:
    """The first row or image that a training with a configuration fails at; None without one.

    Parameters
    ----------
    config_file : Path
        As it was asked for: its label files and images are read.
    """
    try:
        stamp = config_file.stat().st_mtime_ns
    except OSError:
        return None
    return _bad_row(config_file, stamp)


# A failed training is looked at again and again; the checks read every image.
@lru_cache(maxsize=32)
def _bad_row(config_file: Path, stamp: int) -> TrainingFinding | None:
    try:
        config, _ = check_values(read_config(config_file))
    except PoseDataError:
        return None
    given = training_input(config)
    for finding in check_labels(given, training_copy=False):
        if finding.severity == "error":
            return finding
    for finding in check_images(given):
        if finding.kind in ("missing image", "unreadable image"):
            return finding
    return None
