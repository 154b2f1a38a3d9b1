"""Lists of keypoints with check boxes, each keypoint with its colour."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import QListWidget, QListWidgetItem

_SWATCH = 10


def fill_with_keypoints(
    box: QListWidget, colours: Mapping[str, Sequence[float]], checked: Collection[str]
) -> None:
    """Show other keypoints; no signal is emitted.

    Parameters
    ----------
    box : QListWidget
    colours : mapping of keypoint to RGB or RGBA, each from 0 to 1
    checked : collection of str
    """
    box.blockSignals(True)
    box.clear()
    for name, (red, green, blue, *_) in colours.items():
        item = QListWidgetItem(name)
        pixmap = QPixmap(_SWATCH, _SWATCH)
        pixmap.fill(QColor.fromRgbF(float(red), float(green), float(blue)))
        item.setData(Qt.ItemDataRole.DecorationRole, pixmap)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(_state(name in checked))
        box.addItem(item)
    box.blockSignals(False)


def names_in(box: QListWidget) -> tuple[str, ...]:
    """All names, in their order."""
    return tuple(item.text() for item in _items(box))


def checked_names(box: QListWidget) -> tuple[str, ...]:
    """Those that are checked, in their order."""
    on = Qt.CheckState.Checked
    return tuple(item.text() for item in _items(box) if item.checkState() == on)


def check_only(box: QListWidget, names: Collection[str]) -> None:
    """Check exactly these; no signal is emitted."""
    box.blockSignals(True)
    for item in _items(box):
        item.setCheckState(_state(item.text() in names))
    box.blockSignals(False)


def _items(box: QListWidget) -> list[QListWidgetItem]:
    items = [box.item(i) for i in range(box.count())]
    return [item for item in items if item is not None]


def _state(checked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
