"""Tidy tables as CSV and as Parquet: one in space, one of the views, one of measurements."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.core.storage.input_files import check_regular, input_errors, open_input
from napari_pose3d.errors import PoseDataError

from ..destination import Destination
from ..session_poses import SessionPoses
from ..side_file import Facts, facts_of, parsed_facts, read_side_file, write_side_file
from .tidy_table import (
    VIEWS,
    measurement_blocks,
    poses_of_space,
    poses_of_views,
    space_blocks,
    view_blocks,
)

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 100_000
_LARGEST = 1 << 32
_KEY = b"napari-pose3d"
_DIGITS = "%.9g"


def write_tidy_csv(poses: SessionPoses, to: Destination) -> list[str]:
    """Write ``<name>.csv`` in space, else of the views; with both also ``<name>_views.csv``.

    What the project measures is in ``<name>_kinematics.csv``.
    """
    for target, blocks, n_rows in _tables(poses, to.path):
        stream = to.files.open(target)
        done = 0
        for block in blocks():
            to.check_cancelled()
            block.to_csv(
                stream, index=False, header=not done, float_format=_DIGITS, lineterminator="\n"
            )
            done += len(block)
            to.report(done, n_rows, target)
        write_side_file(poses, target, to.files)
    return []


def write_tidy_parquet(poses: SessionPoses, to: Destination) -> list[str]:
    """As `write_tidy_csv`, in Parquet; units, frame rate and skeleton lie in the file itself.

    Raises
    ------
    PoseDataError
        pyarrow is not installed.
    """
    arrow, parquet = library("pyarrow", "parquet", to.path), library("pyarrow.parquet", "parquet")
    facts = json.dumps(facts_of(poses)).encode()
    for target, blocks, n_rows in _tables(poses, to.path):
        writer, done = None, 0
        try:
            for block in blocks():
                to.check_cancelled()
                table = arrow.Table.from_pandas(block, preserve_index=False)
                metadata = {**(table.schema.metadata or {}), _KEY: facts}
                table = table.replace_schema_metadata(metadata)
                if writer is None:
                    writer = parquet.ParquetWriter(
                        str(to.files.path(target)), table.schema, compression="zstd"
                    )
                writer.write_table(table.cast(writer.schema))
                done += len(block)
                to.report(done, n_rows, target)
        finally:
            if writer is not None:
                writer.close()
    return []


_Tables = list[tuple[Path, Callable[[], "Iterator[pd.DataFrame]"], int]]


def _tables(poses: SessionPoses, path: Path) -> _Tables:
    tables: _Tables = []
    cells = poses.n_frames * len(poses.keypoints)
    if poses.poses3d is not None:
        tables.append((path, lambda: space_blocks(poses, _ROWS), cells))
    if poses.poses2d is not None:
        of_views = path.with_name(f"{path.stem}_views{path.suffix}") if tables else path
        tables.append((of_views, lambda: view_blocks(poses, _ROWS), cells * len(poses.views)))
    if poses.measured:
        measured = path.with_name(f"{path.stem}_kinematics{path.suffix}")
        n_values = sum(len(each.names) for each in poses.measured)
        rows = poses.n_frames * n_values
        tables.append((measured, lambda: measurement_blocks(poses, _ROWS), rows))
    return tables


def read_tidy_csv(path: Path) -> SessionPoses:
    """Read a tidy table, in space or of the views, whichever its columns tell.

    Raises
    ------
    PoseDataError
        It is no such table; names the row or the column.
    """
    import pandas as pd

    text = {"keypoint": "category", "view": "category"}
    with (
        open_input(path, largest=_LARGEST) as stream,
        input_errors(path, LookupError, TypeError, expected="a table with the column frame"),
    ):
        table: pd.DataFrame = pd.read_csv(
            stream,
            encoding="utf-8-sig",
            dtype=text,
            keep_default_na=True,
            low_memory=False,
        )
    for name in text:
        if name in table:
            # In the order of their first rows, not by the alphabet.
            order = list(table[name].dropna().unique())
            table[name] = table[name].cat.set_categories(order)
    return _poses(table, path, read_side_file(path))


def read_tidy_parquet(path: Path) -> SessionPoses:
    """As `read_tidy_csv`, from Parquet.

    Raises
    ------
    PoseDataError
        It is no such table, is damaged, or pyarrow is not installed.
    """
    arrow, parquet = library("pyarrow", "parquet", path), library("pyarrow.parquet", "parquet")
    check_regular(path, largest=_LARGEST)
    damage = (arrow.ArrowException, LookupError, TypeError, AttributeError)
    with (
        input_errors(path, *damage, expected="a tidy table in Parquet"),
        parquet.ParquetFile(str(path)) as file,
    ):
        _refuse_bomb(file.metadata, path)
        metadata: dict[bytes, bytes] = file.schema_arrow.metadata or {}
        table: Any = file.read().to_pandas()
    facts = parsed_facts(metadata.get(_KEY, b"").decode("utf-8", "replace"), path)
    return _poses(table, path, facts)


def _refuse_bomb(metadata: Any, path: Path) -> None:
    rows = int(metadata.num_rows)
    if rows * max(int(metadata.num_columns), 1) > _LARGEST // 2:
        raise PoseDataError(
            f"the file claims {rows:,} rows, more than a recording has",
            file=path,
            expected="a row for each keypoint of a frame",
        )


def _poses(table: pd.DataFrame, path: Path, facts: Facts) -> SessionPoses:
    if set(VIEWS) <= set(table.columns):
        return poses_of_views(table, path, facts)
    return poses_of_space(table, path, facts)
