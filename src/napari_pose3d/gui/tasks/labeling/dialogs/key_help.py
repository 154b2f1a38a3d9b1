"""The table of keys, as the user reads it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_pose3d.gui.qt.key_bindings import LABEL_KEYS, MOUSE, VIEW_KEYS, Key

_MOUSE_GROUP = "Mouse"
_ARROWS = frozenset("←→↑↓")
_N_COLUMNS, _COLUMN_GAP = 3, 24
_CAP = "border: 1px solid palette(mid); border-radius: 3px; padding: 0px 4px;"

Row = tuple[str, str]
"""A key, or several, and what it does."""


class KeyTable(QDialog):
    """Shows what keys and mouse do while labels are edited; Esc or ? closes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        columns = QHBoxLayout()
        columns.setSpacing(_COLUMN_GAP)
        for groups in _balanced(key_groups()):
            column = QVBoxLayout()
            column.setSpacing(4)
            for name, rows in groups:
                column.addWidget(QLabel(f"<b>{name}</b>"))
                column.addLayout(_grid(rows))
                column.addSpacing(10)
            column.addStretch(1)
            columns.addLayout(column)
        hint = QLabel("A key acts in the view under the mouse. Esc or ? closes this table.")
        whole = QVBoxLayout(self)
        whole.addLayout(columns)
        whole.addWidget(hint)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Close by the key that opens it."""
        if event is not None and event.key() == Qt.Key.Key_Question:
            # The press that opened the table may still be held.
            if not event.isAutoRepeat():
                self.close()
            return
        super().keyPressEvent(event)


def key_groups() -> list[tuple[str, list[Row]]]:
    """The rows of the table by group; keys that do the same share a row."""
    groups: dict[str, dict[str, list[Key]]] = {}
    for key in (*LABEL_KEYS, *VIEW_KEYS):
        text = f"{key.text}, while held" if key.held else key.text
        groups.setdefault(key.group, {}).setdefault(text, []).append(key)
    found = [
        (group, [(_together(keys), text) for text, keys in rows.items()])
        for group, rows in groups.items()
    ]
    return [*found, (_MOUSE_GROUP, list(MOUSE))]


def _together(keys: Sequence[Key]) -> str:
    """Several keys as one reads them: "Ctrl+←→↑↓", "⌫ / Del"."""
    plain = {key.key for key in keys if not key.modifiers}
    # "?" is typed with Shift on some keyboards, and is the same key to whoever types it.
    labels = [key.label for key in keys if not (key.modifiers and key.key in plain)]
    parts: list[str] = []
    for (before, arrow), run in groupby(labels, lambda text: (text[:-1], text[-1] in _ARROWS)):
        same = list(run)
        parts += [before + "".join(text[-1] for text in same)] if arrow else same
    return " / ".join(parts)


def _balanced(groups: list[tuple[str, list[Row]]]) -> list[list[tuple[str, list[Row]]]]:
    """The groups in columns of about the same height; their order stays."""
    # A heading and the gap behind a group take about two rows.
    heights = [len(rows) + 2 for _, rows in groups]
    columns: list[list[tuple[str, list[Row]]]] = [[] for _ in range(_N_COLUMNS)]
    above = 0.0
    for group, height in zip(groups, heights, strict=True):
        middle = (above + height / 2) / sum(heights)
        columns[min(int(middle * _N_COLUMNS), _N_COLUMNS - 1)].append(group)
        above += height
    return columns


def _grid(rows: Sequence[Row]) -> QGridLayout:
    grid = QGridLayout()
    grid.setVerticalSpacing(3)
    grid.setHorizontalSpacing(8)
    grid.setColumnStretch(1, 1)
    for i, (keys, text) in enumerate(rows):
        cap = QLabel(keys)
        cap.setStyleSheet(_CAP)
        grid.addWidget(cap, i, 0, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(QLabel(text), i, 1)
    return grid
