"""Libraries that only some formats need: loaded when one of these is used."""

from __future__ import annotations

import importlib
import os
import warnings
from typing import Any

from napari_pose3d.errors import PoseDataError


def library(
    name: str,
    extra: str,
    file: str | os.PathLike[str] | None = None,
    *,
    what: str = "this format",
) -> Any:
    """A module by its name.

    Parameters
    ----------
    extra : str
        Which extra of ours brings it.
    file : path, optional
        The file that it is needed for.
    what : str
        What needs it.

    Raises
    ------
    PoseDataError
        It is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise PoseDataError(
            f"{what} needs the package '{name.partition('.')[0]}', which is not installed",
            file=file,
            todo=f"Install it with: pip install 'napari-pose3d[{extra}]'",
        ) from error
