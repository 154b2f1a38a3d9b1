"""pyqtgraph on the Qt that napari runs on, and what its plots have in common."""

from __future__ import annotations

import os
from typing import Any

import qtpy

# pyqtgraph must not choose another Qt.
os.environ["PYQTGRAPH_QT_LIB"] = {
    "pyqt5": "PyQt5",
    "pyqt6": "PyQt6",
    "pyside2": "PySide2",
    "pyside6": "PySide6",
}[qtpy.API]
import pyqtgraph

__all__ = ["label_axis", "pyqtgraph", "take_colours"]


def label_axis(axis: Any, text: str) -> None:
    """Write what an axis shows."""
    axis.setLabel(text)
    # By itself pyqtgraph writes values below one a thousand times as large. Older ones do so
    # only where a unit is given apart from the text.
    if hasattr(axis, "setSIPrefixEnableRanges"):
        axis.setSIPrefixEnableRanges(())
        axis.updateAutoSIPrefix()


def take_colours(plot: Any, background: str, text: str) -> None:
    """Give a plot the window's colours."""
    plot.setBackground(background)
    item = plot.getPlotItem()
    for side in ("left", "bottom"):
        axis = item.getAxis(side)
        axis.setPen(text)
        axis.setTextPen(text)
