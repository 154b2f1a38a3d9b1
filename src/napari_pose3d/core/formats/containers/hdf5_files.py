"""HDF5 files of other programs, opened and read within bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import check_regular, input_errors
from napari_pose3d.errors import PoseDataError

from .optional_library import library

_LARGEST_ARRAY = 1 << 32
# Deflate makes zeros a thousand times smaller; a file that claims more claims too much.
_MOST_COMPRESSED = 1100
_SMALL = 1 << 26
DAMAGE = (LookupError, TypeError, RuntimeError, AttributeError)
"""What h5py and what is built on it raise where a file is damaged."""


def is_hdf5(head: bytes) -> bool:
    """Whether a file that begins with these bytes is HDF5."""
    return head.startswith(b"\x89HDF\r\n\x1a\n")


@contextmanager
def open_hdf5(path: Path, extra: str, expected: str) -> Iterator[Any]:
    """An ``h5py.File`` for reading.

    Raises
    ------
    PoseDataError
        It is no HDF5 or damaged, or h5py is not installed.
    """
    h5py = library("h5py", extra, path)
    check_regular(path, expected=expected)
    with input_errors(path, *DAMAGE, expected=expected), h5py.File(str(path), "r") as file:
        yield file


def numbers_of(file: Any, name: str, path: Path, n_axes: int) -> NDArray[Any]:
    """A data set of floats or integers with so many axes.

    Raises
    ------
    PoseDataError
        There is none of that name, it is of another kind, or claims more than the file can hold.
    """
    found = file.get(name)
    shape = getattr(found, "shape", None)
    kind = getattr(getattr(found, "dtype", None), "kind", "")
    if shape is None or len(shape) != n_axes or kind not in "fiub":
        what = "is missing" if found is None else "is no array of numbers with so many axes"
        raise PoseDataError(
            f"the data set {name} {what}", file=path, expected=f"numbers with {n_axes} axes"
        )
    refuse_large(shape, found.dtype.itemsize, path, name)
    return np.asarray(found[()])


def refuse_large(shape: tuple[int, ...], itemsize: int, path: Path, name: str) -> None:
    """Refuse an array that takes more memory than a file of that size can fill."""
    size = math.prod(shape) * itemsize
    if size > _LARGEST_ARRAY or size > max(_SMALL, _MOST_COMPRESSED * path.stat().st_size):
        raise PoseDataError(
            f"the data set {name} claims {size / 1e9:.1f} GB",
            file=path,
            expected="not more than the file can hold",
        )
