"""What was found in the chosen files: views x prediction sets, before anything is computed."""

from __future__ import annotations

from collections import Counter

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.projects.matching.match_table import MatchTable
from napari_pose3d.core.projects.matching.mirrored_hint import mirrored_issues
from napari_pose3d.gui.qt.forms import let_shrink
from napari_pose3d.gui.qt.message_text import MessageLabel, MessageList
from napari_pose3d.wording import counted

from .remedies import control_of

_MAX_HEIGHT = 150
_MISSING = QColor("#d55e00")
_NAMED_FILES = 4
_GUESSED = (
    "The views are guessed from the ends of the file names. If they are wrong, add the calibration "
    "or name the views under 'More options'."
)


class MatchView(QGroupBox):
    """The table of one session, the choice of session and individual, and what is not used.

    `chosen` is emitted when the user picks another session or individual.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("2 · What was found", parent)
        self._matches: MatchTable | None = None
        self._session = _Choice("&Session:")
        self._individual = _Choice("In&dividual:")
        for choice in (self._session, self._individual):
            choice.box.currentIndexChanged.connect(self._choice_changed)
        self._summary = MessageLabel()
        self._grid = QTableWidget()
        self._grid.setAccessibleName("Files by view and prediction set")
        self._grid.setToolTip(
            "A row for each view, a column for each prediction set: the predictions of one "
            "network, such as one seed of a training, for all views."
        )
        self._grid.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._grid.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        # Tab leaves the table, instead of walking through its cells.
        self._grid.setTabKeyNavigation(False)
        if (rows := self._grid.verticalHeader()) is not None:
            rows.setDefaultAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        self._notes = MessageList(_NAMED_FILES)
        layout = QVBoxLayout(self)
        for part in (self._session, self._individual, self._summary, self._grid, self._notes):
            layout.addWidget(part)
        self.show_nothing()

    @property
    def session(self) -> str | None:
        """The session chosen; None while there is nothing to choose from."""
        return self._session.value

    @property
    def individual(self) -> str | None:
        """The individual chosen; None when the files do not name any."""
        return self._individual.value

    @property
    def table(self) -> MatchTable | None:
        """The matched files of the chosen session."""
        if self._matches is None:
            return None
        return self._matches.for_session(self.session)

    def show_nothing(self) -> None:
        """Before anything was chosen."""
        self._show_text("Nothing chosen yet.")

    def show_busy(self) -> None:
        """While the files are examined."""
        self._show_text("Looking at the files…")

    def show_problem(self, message: str) -> None:
        """When the choice cannot be used."""
        self._show_text(message)

    def show_matches(self, matches: MatchTable) -> None:
        """Show what was found; the first session and individual are chosen."""
        self._matches = matches
        self._session.offer(matches.sessions)
        self._individual.offer(matches.individuals)
        self._fill()

    def _show_text(self, text: str) -> None:
        self._matches = None
        self._session.offer(())
        self._individual.offer(())
        self._summary.show_message(text)
        self._grid.hide()
        self._notes.show_lines(())

    def _choice_changed(self) -> None:
        if self._matches is not None:
            self._fill()
            self.chosen.emit()

    def _fill(self) -> None:
        table = self.table
        if table is None:
            return
        self._summary.show_message(
            f"Session {table.sessions[0]}: {counted(len(table.views), 'view')}, "
            f"{counted(len(table.models), 'prediction set')}, "
            f"{counted(len(table.keypoints), 'keypoint')}."
        )
        self._fill_grid(table)
        hints = [issue.worded(control_of) for issue in mirrored_issues(table)]
        # Each prediction set may have a file of the same name.
        unused = Counter((path.name, why) for path, why in table.unmatched)
        lines = [
            f"Not used: {name}{f' ({n} files)' if n > 1 else ''}: {why}"
            for (name, why), n in unused.items()
        ]
        guessed = [_GUESSED] if table.known_views is None else []
        self._notes.show_lines((*hints, *guessed, *lines))

    def _fill_grid(self, table: MatchTable) -> None:
        grid = self._grid
        grid.clear()
        grid.setRowCount(len(table.views))
        grid.setColumnCount(len(table.models))
        grid.setVerticalHeaderLabels(list(table.views))
        grid.setHorizontalHeaderLabels(list(table.models))
        for row, view in enumerate(table.views):
            for column, model in enumerate(table.models):
                path = table.path(model, view)
                cell = QTableWidgetItem("found" if path else "missing")
                cell.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                cell.setToolTip(str(path) if path else f"There is no file of {model} for {view}.")
                if path is None:
                    cell.setForeground(QBrush(_MISSING))
                grid.setItem(row, column, cell)
        header = grid.horizontalHeader()
        if header is not None:
            fits = len(table.models) <= 4
            mode = QHeaderView.ResizeMode
            header.setSectionResizeMode(mode.Stretch if fits else mode.ResizeToContents)
        grid.resizeRowsToContents()
        height = 2 * grid.frameWidth() + (header.sizeHint().height() if header else 24)
        height += sum(grid.rowHeight(row) for row in range(grid.rowCount()))
        grid.setFixedHeight(min(height, _MAX_HEIGHT))
        grid.show()


class _Choice(QWidget):
    """A labelled combo box that is there only when there is something to choose from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.box = QComboBox()
        let_shrink(self.box, 12)
        label = QLabel(text)
        label.setBuddy(self.box)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label)
        layout.addWidget(self.box, 1)
        self.hide()

    @property
    def value(self) -> str | None:
        return self.box.currentText() or None

    def offer(self, names: tuple[str, ...]) -> None:
        self.box.blockSignals(True)
        self.box.clear()
        self.box.addItems(list(names))
        self.box.blockSignals(False)
        self.setVisible(len(names) > 1)
