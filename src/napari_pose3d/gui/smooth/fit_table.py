"""How far the observations of each view lie from the result, as a table to check it by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_pose3d.core.poses.arrays import Result

_COLUMNS = {
    "view": "Name of the view",
    "median": "Median distance from what was predicted to the smoothed position, px",
    "95 %": "95 of 100 predictions lie within this distance of the smoothed position, px",
    "missing": "Share of positions without a usable prediction",
}
# More rows scroll.
_MOST_ROWS = 4


@dataclass(frozen=True)
class ViewFit:
    """How a view agrees with the result.

    Attributes
    ----------
    view : str
    median, high : float
        Of the distances between prediction and result, px; `high` is the 95th percentile. NaN
        where the view has no prediction.
    missing : float
        Share of (frame, keypoint) without a prediction, from 0 to 1.
    """

    view: str
    median: float
    high: float
    missing: float


def fit_of_views(result: Result) -> list[ViewFit]:
    """How each view agrees with the result; empty where the predictions are not in it."""
    poses = result.poses2d
    if poses.ensemble_median is None:
        return []
    rows = []
    for view, raw, smoothed in zip(poses.views, poses.ensemble_median, poses.xy, strict=True):
        distance = np.linalg.norm(raw.astype(np.float64) - smoothed, axis=-1)
        known = distance[np.isfinite(distance)]
        median, high = np.percentile(known, (50, 95)) if known.size else (np.nan, np.nan)
        missing = float(np.mean(~np.isfinite(raw).all(axis=-1))) if raw.size else 0.0
        rows.append(ViewFit(view, float(median), float(high), missing))
    return rows


class FitTable(QTableWidget):
    """Shows `fit_of_views`; hidden where there is nothing to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        self.setAccessibleName("Distance of predictions from the result, by view")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for column, meaning in enumerate(_COLUMNS.values()):
            item = self.horizontalHeaderItem(column)
            if item is not None:
                item.setToolTip(meaning)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def show_result(self, result: Result) -> None:
        """Show another result."""
        fits = fit_of_views(result)
        self.setRowCount(len(fits))
        for row, fit in enumerate(fits):
            cells = (fit.view, _px(fit.median), _px(fit.high), f"{100 * fit.missing:.1f} %")
            for column, text in enumerate(cells):
                self.setItem(row, column, QTableWidgetItem(text))
        header = self.horizontalHeader()
        height = header.sizeHint().height() if header else 24
        height += sum(self.rowHeight(row) for row in range(min(len(fits), _MOST_ROWS))) + 4
        self.setFixedHeight(height)
        self.setVisible(bool(fits))


def _px(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1f} px"
