"""Tables that hold all views of a mirrored recording: keypoints named ``<bodypart>_<view>``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_pose3d.errors import PoseDataError, Remedy

from .prediction_table import PredictionTable
from .table_header import PAIRS, TableHeader


def split_header(header: TableHeader, views: Sequence[str]) -> dict[str, TableHeader]:
    """What the header says about each view, its keypoints without the view's name.

    Parameters
    ----------
    views : sequence of str
        Known names. Where several fit the end of a keypoint's name, the longest counts.

    Returns
    -------
    dict of view to TableHeader
        Only views that the table has; empty when no keypoint ends in a view.

    Raises
    ------
    PoseDataError
        Without file name, when some keypoints end in a view and others do not; lists these.
    """
    longest_first = sorted(views, key=len, reverse=True)
    columns: dict[str, list[tuple[str, str, str]]] = {}
    nameless: dict[str, None] = {}
    for individual, keypoint, coordinate in header.columns:
        view = next((v for v in longest_first if keypoint.endswith(f"_{v}")), None)
        bodypart = keypoint.removesuffix(f"_{view}")
        if view is None or not bodypart:
            nameless[keypoint] = None
        else:
            columns.setdefault(view, []).append((individual, bodypart, coordinate))
    if columns and nameless:
        raise PoseDataError(
            f"the names of some keypoints do not end in a view: {', '.join(nameless)}",
            expected=f"names like <bodypart>_<view>, the view one of {', '.join(views)}",
            todo="Name all views, or rename the keypoints",
            remedy=Remedy("views"),
        )
    return {
        view: replace(header, columns=tuple(columns[view])) for view in views if view in columns
    }


def one_view(table: PredictionTable, view: str, bodyparts: Sequence[str]) -> PredictionTable:
    """One view's share of a table of all views, its keypoints without the view's name."""
    order = [table.keypoints.index(f"{bodypart}_{view}") for bodypart in bodyparts]
    pairs: dict[str, Any] = {
        name: None if (array := getattr(table, name)) is None else np.take(array, order, axis=1)
        for name in PAIRS
    }
    return replace(
        table,
        keypoints=tuple(bodyparts),
        xy=table.xy[:, order],
        likelihood=table.likelihood[:, order],
        **pairs,
    )
