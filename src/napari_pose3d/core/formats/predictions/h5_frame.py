"""The table in an HDF5 file that pandas wrote, read without running what the file holds."""

from __future__ import annotations

import importlib
import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pose3d.core.storage.input_files import check_regular, input_errors
from napari_pose3d.errors import PoseDataError

from .plain_pickle import plain_pickles

if TYPE_CHECKING:
    import pandas as pd

# What DeepLabCut calls its table; others in the file are leftovers of conversions.
_USUAL_KEY = "/df_with_missing"
UNREAD = "unread tables"
"""Among a frame's ``attrs``: names of the tables in its file that were not read."""
_EXPECTED = "a DeepLabCut file: one table, or one called df_with_missing"
_TODO = "Export CSV from DeepLabCut and use that"
_MOST_GROUPS = 1000
# Deflate makes zeros a thousand times smaller; a file that claims more claims too much.
_MOST_COMPRESSED = 1100
_SMALL = 1 << 26


def read_frame(path: Path, stop: int | None = None) -> pd.DataFrame:
    """The table of a file, or its first rows; of several tables the one that DeepLabCut names.

    Pickles in the file are read as plain data (see `plain_pickles`).

    Raises
    ------
    PoseDataError
        When the file holds no table or several, holds pickled code, is damaged, or reading HDF5
        is not installed.
    """
    import pandas as pd

    size = check_regular(path, expected=_EXPECTED)
    try:
        tables: Any = importlib.import_module("tables")
    except ImportError as error:
        raise PoseDataError(
            "reading .h5 files needs the package 'tables', which is not installed",
            file=path,
            todo="Install it with: pip install napari-pose3d[h5] - or export CSV from DeepLabCut",
        ) from error
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
    with plain_pickles(tables.attributeset, tables.atom) as refused, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with (
                input_errors(path, *damage, expected=_EXPECTED, todo=_TODO),
                pd.HDFStore(str(path), mode="r") as store,
            ):
                keys = _table_keys(store)
                key = _choose(keys, path)
                _check_size(store, key, size, path)
                frame = store.select(key, stop=stop)
        except PoseDataError as error:
            # What was refused may be missing later on; that is the consequence, not the cause.
            raise (_foreign_code(refused[0], path) if refused else error) from error.__cause__
        if refused:
            raise _foreign_code(refused[0], path)
    if not isinstance(frame, pd.DataFrame):
        raise PoseDataError("the file holds no table", file=path, expected=_EXPECTED)
    frame.attrs[UNREAD] = tuple(each.removeprefix("/") for each in keys if each != key)
    return frame


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


def _choose(keys: list[str], path: Path) -> str:
    if _USUAL_KEY in keys or len(keys) == 1:
        return _USUAL_KEY if _USUAL_KEY in keys else keys[0]
    if not keys:
        raise PoseDataError("the file holds no table", file=path, expected=_EXPECTED, todo=_TODO)
    names = ", ".join(key.removeprefix("/") for key in keys[:5])
    raise PoseDataError(
        f"the file holds {len(keys)} tables ({names}{', ...' if len(keys) > 5 else ''}), and "
        "nothing tells which one to read",
        file=path,
        expected=_EXPECTED,
        todo=_TODO,
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
        todo="Do not open it with other programs either, unless you made it yourself. " + _TODO,
    )
