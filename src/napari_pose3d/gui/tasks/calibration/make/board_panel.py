"""Which board was recorded: a form of the core's `Board`, or a board file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QGroupBox, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.calibration.board.board import Board, board_text, load_board
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.forms import SettingsForm
from napari_pose3d.gui.qt.message_text import MessageLabel

from ..file_dialogs import PDF, TOML, ask_file, ask_target

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
    "thickness": "Thickness if on both sides",
}
_PRINTED = (
    "Print it at 100 %, not fitted to the page, and measure the ruler below the board: where it is "
    "not 100 mm long, measure a square and enter that. Glue the print to something flat and stiff."
)
# Fields that only some kinds of boards have.
_OF_KINDS = {
    "marker": ("charuco", "aruco"),
    "dictionary": ("charuco", "aruco"),
    "legacy": ("charuco",),
}
_APRIL = ("16h5", "25h9", "36h10", "36h11")
_DICTIONARIES = [
    *(f"DICT_{size}X{size}_{count}" for size in (4, 5, 6, 7) for count in (50, 100, 250, 1000)),
    "DICT_ARUCO_ORIGINAL",
    *(f"DICT_APRILTAG_{code}" for code in _APRIL),
]


class BoardPanel(QGroupBox):
    """`changed` is emitted when another board is meant.

    `recognise_wanted` is emitted when it is to be looked for in the videos.
    """

    changed = Signal()
    recognise_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Board", parent)
        length = {"min": 0.01, "max": 10_000.0, "step": 1.0}
        count = {"min": 1, "max": 200}
        self._form = SettingsForm(
            Board,
            _LABELS,
            {
                "columns": count,
                "rows": count,
                "square": length,
                "marker": {**length, "min": 0.0},
                "thickness": {**length, "min": 0.0},
                "dictionary": {"choices": [(each[5:], each) for each in _DICTIONARIES]},
            },
            start=_START,
        )
        open_ = QPushButton("O&pen…")
        open_.setToolTip("A board file (TOML): ours, or Caliscope's charuco.toml.")
        open_.clicked.connect(self._ask_for_file)
        save = QPushButton("Save…")
        save.setToolTip("Keep these values in a file, for the next recording.")
        save.clicked.connect(self._ask_where_to_save)
        self.recognise = QPushButton("&Recognise")
        self.recognise.setToolTip(
            "Find in the videos how this board is printed: inverted, in the old layout, or on "
            "both sides."
        )
        self.recognise.clicked.connect(self.recognise_wanted)
        self.print_button = QPushButton("Printable board (PDF)…")
        self.print_button.setToolTip("At true size, with a ruler of 100 mm to check the print.")
        self.print_button.clicked.connect(self._ask_where_to_print)
        buttons = QGridLayout()
        for column, button in enumerate((open_, save, self.recognise)):
            buttons.addWidget(button, 0, column)
        buttons.addWidget(self.print_button, 1, 0, 1, 3)
        self._note = MessageLabel()
        self._note.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self._form.native)
        layout.addLayout(buttons)
        layout.addWidget(self._note)
        for name in _LABELS:
            self._form.widget(name).changed.connect(self._on_change)
        self._on_change()

    @property
    def has_markers(self) -> bool:
        """Whether the print can be told apart from its inverse and its mirror image."""
        return bool(self._form.widget("kind").value != "checkerboard")

    def board(self) -> Board:
        """The board; raises `PoseDataError` for values that do not go together."""
        values = self._form.values()
        if values["kind"] == "checkerboard":
            values["marker"] = 0.0
        return Board(**values)

    @property
    def note(self) -> str:
        """What the user reads: how the board is printed, or is to be."""
        return self._note.message

    def say(self, text: str) -> None:
        """Show a note below the board."""
        self._note.show_message(text)
        self._note.setVisible(bool(text))

    def show_board(self, board: Board) -> None:
        """Fill in a board; raises `PoseDataError` for markers that OpenCV does not have."""
        if board.has_markers and board.dictionary not in _DICTIONARIES:
            raise PoseDataError(
                f"there is no dictionary '{board.dictionary}'",
                expected=f"one of {', '.join(_DICTIONARIES)}",
            )
        self._form.show(replace(board, dictionary=_known(board.dictionary)))

    def open_file(self, path: Path) -> None:
        """Fill in the board of a file."""
        try:
            self.show_board(load_board(path))
        except PoseDataError as error:
            show_error(str(error))

    def _on_change(self) -> None:
        kind = self._form.widget("kind").value
        for name, kinds in _OF_KINDS.items():
            self._form.widget(name).native.setEnabled(kind in kinds)
        self.changed.emit()

    def _ask_for_file(self) -> None:
        path = ask_file(self, "Open a board file", TOML)
        if path is not None:
            self.open_file(path)

    def print_to(self, path: Path) -> None:
        """Write the board as a PDF."""
        from napari_pose3d.core.calibration.board.board_print import board_pdf

        try:
            content = board_pdf(self.board())
            with FileGroup(overwrite=True) as group:
                group.path(path).write_bytes(content)
        except (OSError, PoseDataError) as error:
            show_error(str(error))
            return
        self.say(f"Wrote {path}. {_PRINTED}")

    def _ask_where_to_print(self) -> None:
        path = ask_target(self, "Print the board", Path("board.pdf"), PDF)
        if path is not None:
            self.print_to(path)

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
