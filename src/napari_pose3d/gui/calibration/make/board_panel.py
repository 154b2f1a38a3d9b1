"""Which board was filmed: a form of the core's `Board`, or a board file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.calibration.board.board import Board, board_text, load_board
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.forms import SettingsForm

from ..file_dialogs import TOML, ask_file, ask_target

_START = Board(7, 5, 30.0, marker=22.0)
_LABELS = {
    "kind": "Kind",
    "columns": "Squares in a row",
    "rows": "Squares in a column",
    "square": "Side of a square, mm",
    "marker": "Side of a marker, mm",
    "dictionary": "Markers' dictionary",
    "inverted": "White on black",
    "legacy": "Layout of OpenCV before 4.6",
}
_OF_CHARUCO = ("marker", "dictionary", "legacy")
_APRIL = ("16h5", "25h9", "36h10", "36h11")
_DICTIONARIES = [
    *(f"DICT_{size}X{size}_{count}" for size in (4, 5, 6, 7) for count in (50, 100, 250, 1000)),
    "DICT_ARUCO_ORIGINAL",
    *(f"DICT_APRILTAG_{code}" for code in _APRIL),
]


class BoardPanel(QGroupBox):
    """`changed` is emitted when another board is meant."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Board", parent)
        length = {"min": 0.01, "max": 10_000.0, "step": 1.0}
        count = {"min": 3, "max": 200}
        # Of boards with a back, which only their files describe.
        self._thickness = 0.0
        self._form = SettingsForm(
            Board,
            _LABELS,
            {
                "columns": count,
                "rows": count,
                "square": length,
                "marker": {**length, "min": 0.0},
                "dictionary": {"choices": [(each[5:], each) for each in _DICTIONARIES]},
            },
            start=_START,
        )
        open_ = QPushButton("Open &board file…")
        open_.setToolTip("A board file (TOML): ours, or Caliscope's charuco.toml.")
        open_.clicked.connect(self._ask_for_file)
        save = QPushButton("Save…")
        save.setToolTip("Keep these values in a file, for the next recording.")
        save.clicked.connect(self._ask_where_to_save)
        buttons = QHBoxLayout()
        buttons.addWidget(open_, 2)
        buttons.addWidget(save, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self._form.native)
        layout.addLayout(buttons)
        for name in _LABELS:
            self._form.widget(name).changed.connect(self._on_change)
        self._on_change()

    def board(self) -> Board:
        """The board; raises `PoseDataError` for values that do not go together."""
        values = self._form.values()
        if values["kind"] == "checkerboard":
            values["marker"] = 0.0
        return Board(**values, thickness=self._thickness)

    def show_board(self, board: Board) -> None:
        """Fill in a board; raises `PoseDataError` for markers that OpenCV does not have."""
        if board.kind == "charuco" and board.dictionary not in _DICTIONARIES:
            raise PoseDataError(
                f"there is no dictionary '{board.dictionary}'",
                expected=f"one of {', '.join(_DICTIONARIES)}",
            )
        self._thickness = board.thickness
        self._form.show(replace(board, dictionary=_known(board.dictionary)))

    def open_file(self, path: Path) -> None:
        """Fill in the board of a file."""
        try:
            self.show_board(load_board(path))
        except PoseDataError as error:
            show_error(str(error))

    def _on_change(self) -> None:
        charuco = self._form.widget("kind").value != "checkerboard"
        for name in _OF_CHARUCO:
            self._form.widget(name).native.setEnabled(charuco)
        self.changed.emit()

    def _ask_for_file(self) -> None:
        path = ask_file(self, "Open a board file", TOML)
        if path is not None:
            self.open_file(path)

    def _ask_where_to_save(self) -> None:
        try:
            text = board_text(self.board())
            path = ask_target(self, "Save the board", Path("board.toml"), TOML)
            if path is None:
                return
            with FileGroup(overwrite=True) as group:
                group.open(path).write(text)
        except (OSError, PoseDataError) as error:
            show_error(str(error))


def _known(dictionary: str) -> str:
    return dictionary if dictionary in _DICTIONARIES else _START.dictionary
