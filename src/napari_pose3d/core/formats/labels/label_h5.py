"""DeepLabCut's labels in HDF5 (``CollectedData_<scorer>.h5``)."""

from __future__ import annotations

import os
from pathlib import Path

from ..predictions.h5_frame import read_frame
from .label_csv import LabelTable, read_label_csv


def read_label_h5(path: str | os.PathLike[str]) -> LabelTable:
    """Read a label file; it is not meant to be written again.

    Raises
    ------
    PoseDataError
        When it holds no labels, is damaged, or reading HDF5 is not installed.
    """
    path = Path(path)
    # As text it is what DeepLabCut writes beside it.
    return read_label_csv(path, read_frame(path).to_csv(lineterminator="\n").encode())
