"""Opening prediction files: one Points and one Tracks layer for each view."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.core.formats.predictions.prediction_csv import is_prediction_csv
from napari_pose3d.errors import PoseDataError

if TYPE_CHECKING:
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
    from napari_pose3d.gui.layers.layer_styles import LayerData
    from napari_pose3d.gui.layers.view_layout import Tile

Reader = Callable[[str | Sequence[str]], "list[LayerData]"]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """The reader for prediction CSVs; None at once for anything else.

    Only the first lines of the files are read. With several files every one must be ours,
    since napari gives all of them to one reader.

    In a window, where the user has chosen us for the file, there is one that says why it cannot be
    read: napari itself would say that it was refused, and no more.
    """
    paths = [path] if isinstance(path, str) else list(path)
    others = [Path(each) for each in paths if not is_prediction_csv(each)]
    if paths and not others:
        return read_predictions
    if others and _is_foreign(others[0]) and _has_viewer():
        return _refuse
    return None


def _is_foreign(path: Path) -> bool:
    """Whether a file is neither ours nor one of napari's own tables of points or shapes."""
    if not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return not stream.read(6).startswith("index,")
    except OSError:
        return False


def _has_viewer() -> bool:
    napari = sys.modules.get("napari")
    return napari is not None and napari.current_viewer() is not None


def _refuse(path: str | Sequence[str]) -> list[LayerData]:
    """Say why a file is not read.

    Raises
    ------
    PoseDataError
        Always.
    """
    from napari_pose3d.core.projects.scan.table_headers import header_or_reason

    paths = [path] if isinstance(path, str) else list(path)
    other = next(Path(each) for each in paths if not is_prediction_csv(each))
    reason = header_or_reason(other, strict=True)
    raise PoseDataError(
        reason if isinstance(reason, str) else "this is no file of predictions",
        file=other,
        expected="a CSV file of Lightning Pose or DeepLabCut, with the columns x, y, likelihood",
    )


def read_predictions(path: str | Sequence[str]) -> list[LayerData]:
    """Layers for one or more prediction CSVs, the views side by side.

    Raises
    ------
    PoseDataError
        A file is damaged.
    """
    from napari_pose3d.gui.layers.recording_layers import table_layers

    paths = [Path(path)] if isinstance(path, str) else [Path(each) for each in path]
    names = _names(paths)
    tables: list[tuple[str, str, PredictionTable]] = []
    for each in paths:
        name, view = names[each]
        tables += [(f"{name}{suffix}", view, table) for suffix, table in _read(each)]
    placed, refilled = _in_current_viewer()
    return table_layers(tables, placed=placed, windowed=refilled)


def _read(path: Path) -> list[tuple[str, PredictionTable]]:
    """The tables of a file, one for each individual, with what to add to the layer's name."""
    from napari_pose3d.core.formats.predictions.prediction_csv import read_individuals_csv

    tables = read_individuals_csv(path)
    if len(tables) == 1:
        return [("", tables[0])]
    return [(f" {table.individual}", table) for table in tables]


def _names(paths: list[Path]) -> dict[Path, tuple[str, str]]:
    """(name for the layers, view) of each file; the name tells prediction sets apart."""
    from napari_pose3d.core.projects.matching.prediction_matching import match_predictions

    by_stem = {path: (path.stem, path.stem) for path in paths}
    try:
        table = match_predictions(paths)
    except PoseDataError:
        # The names of the files do not fit the naming rule. They can be opened all the same.
        return by_stem
    several = len(table.models) > 1 or len(table.sessions) > 1
    for row in table.rows:
        if row.path in by_stem:
            extra = f" {row.model}" if len(table.models) > 1 else ""
            extra += f" {row.session}" if len(table.sessions) > 1 else ""
            by_stem[row.path] = (f"{row.view}{extra}" if several else row.view, row.view)
    return by_stem


def _in_current_viewer() -> tuple[dict[str, Tile], bool]:
    """The views that are open already, and whether somebody refills long recordings."""
    import napari

    from napari_pose3d.gui.layers.frame_window import keep_windows_of_new_layers
    from napari_pose3d.gui.layers.layer_styles import tiles_of

    viewer = napari.current_viewer()
    if viewer is None:
        return {}, False
    keep_windows_of_new_layers(viewer)
    return tiles_of(viewer.layers), True
