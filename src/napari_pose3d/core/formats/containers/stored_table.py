"""A table that pandas stored in HDF5, as plain arrays and names that processes can send."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError


@dataclass(frozen=True, eq=False)
class StoredTable:
    """A table of numbers below rows of names.

    Attributes
    ----------
    level_names : tuple of str
        What the header rows are called: ``scorer``, ``bodyparts``, ...
    levels : tuple of tuple of str
        The header rows, a name for each column.
    index : (row,) array of int64, float64 or str
    values : (row, column) array of float64
        NaN where a column is not made of numbers.
    not_numbers : mapping of int to str
        The columns that are not, and why.
    unread : tuple of str
        Names of further tables in the file, which are not read.
    """

    level_names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    index: NDArray[Any]
    values: NDArray[np.float64]
    not_numbers: dict[int, str]
    unread: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def numbers(self, path: Path, n_columns: int | None = None) -> NDArray[np.float64]:
        """The first columns, by default all, ``(row, column)``.

        Parameters
        ----------
        path : Path
            For the message.

        Raises
        ------
        PoseDataError
            One of them is not made of numbers.
        """
        taken = self.values[:, :n_columns]
        for column, reason in self.not_numbers.items():
            if column < taken.shape[1]:
                raise PoseDataError(
                    f"cannot be read ({reason})", file=path, expected="columns of numbers"
                )
        return taken

    def to_parts(self) -> tuple[dict[str, Any], list[bytes | memoryview]]:
        """What JSON can hold, and the numbers beside it."""
        as_text = self.index.dtype.kind == "U"
        index = np.ascontiguousarray(self.index)
        values = np.ascontiguousarray(self.values)
        head = {
            "level_names": self.level_names,
            "levels": self.levels,
            "shape": values.shape,
            "index": self.index.tolist() if as_text else index.dtype.str,
            "not_numbers": list(self.not_numbers.items()),
            "unread": self.unread,
        }
        raw = b"" if as_text else index.tobytes()
        numbers: list[bytes | memoryview] = [raw, values.reshape(-1).view(np.uint8).data]
        return head, numbers

    @classmethod
    def from_parts(cls, head: dict[str, Any], numbers: list[bytearray]) -> StoredTable:
        """The opposite of `to_parts`."""
        index = head["index"]
        return cls(
            tuple(head["level_names"]),
            tuple(tuple(row) for row in head["levels"]),
            np.array(index, str)
            if isinstance(index, list)
            else np.frombuffer(numbers[0], np.dtype(index)),
            np.frombuffer(numbers[1], np.float64).reshape(head["shape"]),
            {int(column): str(reason) for column, reason in head["not_numbers"]},
            tuple(head["unread"]),
        )
