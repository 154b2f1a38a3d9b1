"""The table in an HDF5 file that pandas wrote, read without running what the file holds.

Notes
-----
Damage in such a file can end the process within PyTables or the HDF5 library, before any check of
ours; so readers go through `table_process`, which does this in a process of its own.
"""

from __future__ import annotations

import importlib
import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import check_regular, input_errors, open_input
from napari_pose3d.errors import PoseDataError

from .plain_pickle import plain_pickles
from .stored_table import StoredTable

if TYPE_CHECKING:
    import pandas as pd

# What DeepLabCut calls its table; others in the file are leftovers of conversions.
_USUAL_KEY = "/df_with_missing"
EXPECTED = "a DeepLabCut file: one table, or one called df_with_missing"
REMEDY = "Export CSV from DeepLabCut and use that"
_MOST_GROUPS = 1000
# Deflate makes zeros a thousand times smaller; a file that claims more claims too much.
_MOST_COMPRESSED = 1100
_SMALL = 1 << 26
# How an HDF5 file begins, or what is in it after a block of the user's.
_MAGIC = b"\x89HDF\r\n\x1a\n"
_USER_BLOCK = 1 << 16


def stored_table(path: Path, stop: int | None = None) -> StoredTable:
    """The table of a file, or its first rows; of several tables the one that DeepLabCut names.

    Pickles in the file are read as plain data (see `plain_pickle`).

    Raises
    ------
    PoseDataError
        When the file holds no table or several, holds pickled code, is damaged, or reading HDF5
        is not installed.
    """
    frame, unread = _frame(path, stop)
    columns = frame.columns
    with input_errors(path, TypeError, LookupError, expected=EXPECTED, todo=REMEDY):
        level_names = tuple(str(name) for name in columns.names)
        levels = tuple(
            tuple(str(name) for name in columns.get_level_values(i))
            for i in range(len(level_names))
        )
        values, not_numbers = _numbers_of(frame)
        return StoredTable(level_names, levels, _index_of(frame), values, not_numbers, unread)


def stored_text(path: Path) -> bytes:
    """The same table as CSV, in UTF-8; raises as `stored_table` does."""
    frame, _ = _frame(path)
    with input_errors(path, TypeError, LookupError, expected=EXPECTED, todo=REMEDY):
        return frame.to_csv(lineterminator="\n").encode()


def pytables(path: Path) -> Any:
    """The module ``tables``.

    Raises
    ------
    PoseDataError
        It is not installed.
    """
    try:
        return importlib.import_module("tables")
    except ImportError as error:
        raise PoseDataError(
            "reading .h5 files needs the package 'tables', which is not installed",
            file=path,
            todo="Install it with: pip install napari-pose3d[h5] - or export CSV from DeepLabCut",
        ) from error


def _frame(path: Path, stop: int | None = None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table, and the names of those that are not read."""
    size = check_regular(path, expected=EXPECTED)
    tables = pytables(path)
    import pandas as pd

    damage = (
        tables.HDF5ExtError,
        tables.NodeError,
        # What pandas and PyTables raise where a part of a table is missing or of another kind.
        AssertionError,
        AttributeError,
        EOFError,
        LookupError,
        NotImplementedError,
        TypeError,
        pickle.UnpicklingError,
    )
    _check_is_hdf5(path, size)
    with plain_pickles(tables.attributeset, tables.atom) as refused, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with (
                input_errors(path, *damage, expected=EXPECTED, todo=REMEDY),
                pd.HDFStore(str(path), mode="r") as store,
            ):
                keys = _table_keys(store)
                key = _choose(keys, path)
                _check_size(store, key, size, path)
                frame = store.select(key, stop=stop)
        except PoseDataError as error:
            # What was refused may be missing later on; that is the consequence, not the cause.
            if refused:
                raise _foreign_code(refused[0], path) from error.__cause__
            if isinstance(error.__cause__, tables.HDF5ExtError):
                # It gives a trace of the library, and no reason.
                raise PoseDataError(
                    "the file is damaged, or was not copied to its end",
                    file=path,
                    todo=f"Copy it again. {REMEDY}",
                ) from error.__cause__
            raise
        if refused:
            raise _foreign_code(refused[0], path)
    if not isinstance(frame, pd.DataFrame):
        raise PoseDataError("the file holds no table", file=path, expected=EXPECTED)
    return frame, tuple(each.removeprefix("/") for each in keys if each != key)


def _numbers_of(frame: pd.DataFrame) -> tuple[NDArray[np.float64], dict[int, str]]:
    """All columns as numbers, and those that are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.array(frame, dtype=np.float64), {}
        except (TypeError, ValueError):
            pass
        values = np.full(frame.shape, np.nan)
        not_numbers = {}
        for column in range(frame.shape[1]):
            try:
                values[:, column] = np.array(frame.iloc[:, column], dtype=np.float64)
            except (TypeError, ValueError) as error:
                not_numbers[column] = str(error)[:200]
    return values, not_numbers


def _index_of(frame: pd.DataFrame) -> NDArray[Any]:
    kind = frame.index.inferred_type
    if kind in ("integer", "floating"):
        return frame.index.to_numpy(dtype=np.int64 if kind == "integer" else np.float64)
    return np.array([str(each) for each in frame.index], dtype=str)


def _table_keys(store: Any) -> list[str]:
    """Where the tables lie in a file. Walked here, because a damaged file may hold itself."""
    keys: list[str] = []
    groups = [store.root]
    for _ in range(_MOST_GROUPS):
        if not groups:
            break
        group = groups.pop(0)
        # Those of a fixed table lie in it, and are no tables.
        if "pandas_type" in group._v_attrs._v_attrnames or "table" in group._v_leaves:
            keys.append(group._v_pathname)
        else:
            groups += group._v_groups.values()
    return keys


def _check_is_hdf5(path: Path, size: int) -> None:
    with open_input(path) as stream, input_errors(path):
        start = stream.read(_USER_BLOCK + len(_MAGIC))
    if not size:
        raise PoseDataError("the file is empty", file=path, expected=EXPECTED)
    if not start.startswith(_MAGIC) and _MAGIC not in start:
        raise PoseDataError("this is no HDF5 file", file=path, expected=EXPECTED, todo=REMEDY)


def _choose(keys: list[str], path: Path) -> str:
    if _USUAL_KEY in keys or len(keys) == 1:
        return _USUAL_KEY if _USUAL_KEY in keys else keys[0]
    # In a group of another name.
    named = [key for key in keys if key.endswith(_USUAL_KEY)]
    if len(named) == 1:
        return named[0]
    if not keys:
        raise PoseDataError("the file holds no table", file=path, expected=EXPECTED, todo=REMEDY)
    names = ", ".join(key.removeprefix("/") for key in keys[:5])
    raise PoseDataError(
        f"the file holds {len(keys)} tables ({names}{', ...' if len(keys) > 5 else ''}), and "
        "nothing tells which one to read",
        file=path,
        expected=EXPECTED,
        todo=REMEDY,
    )


def _check_size(store: Any, key: str, size: int, path: Path) -> None:
    """Refuse a table that would not fit in the file, before memory is taken for it."""
    # Rows of variable length have no `rowsize`; what they hold is in the file as it is.
    leaves = store.get_node(key)._v_leaves.values()
    claimed = max(
        (int(leaf.nrows) * int(getattr(leaf, "rowsize", 0) or 0) for leaf in leaves), default=0
    )
    if claimed > max(_SMALL, _MOST_COMPRESSED * size):
        raise PoseDataError(
            f"the table claims {claimed / 1e9:.1f} GB, more than the file can hold",
            file=path,
            todo="The file is damaged: export it again",
        )


def _foreign_code(what: str, path: Path) -> PoseDataError:
    return PoseDataError(
        f"the file holds a Python object that could run a program ({what[:60]}); it was not run",
        file=path,
        expected="a table of numbers and names",
        todo="Do not open it with other programs either, unless you made it yourself. " + REMEDY,
    )
