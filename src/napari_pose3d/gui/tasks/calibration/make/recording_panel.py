"""Which videos show the board, and which camera each is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QGroupBox,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.projects.naming.file_names import VIDEO_SUFFIXES
from napari_pose3d.core.projects.naming.video_views import videos_by_view
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel

from ..file_dialogs import VIDEOS, ask_files, ask_folder

_HINT = "Drop a folder or one video of the board for each camera here."
_MOST_ROWS = 6


class RecordingPanel(QGroupBox):
    """A row for each camera; `changed` is emitted when the videos or their names are others.

    `session_wanted` is emitted when the videos of the open session are to be taken.
    """

    changed = Signal()
    session_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Videos of the board", parent)
        self.setAcceptDrops(True)
        self._hint = MessageLabel(_HINT)
        self._paths: list[Path] = []
        self._table = QTableWidget(0, 2)
        self._table.setHorizontalHeaderLabels(["camera", "video"])
        self._table.setAccessibleName("Videos by camera")
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        header, rows = self._table.horizontalHeader(), self._table.verticalHeader()
        assert header is not None
        assert rows is not None
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        rows.hide()
        self._table.itemChanged.connect(lambda _: self.changed.emit())
        folder = QPushButton("Add f&older…")
        folder.clicked.connect(self._choose_folder)
        files = QPushButton("Add &videos…")
        files.clicked.connect(self._choose_files)
        self._use_session = QPushButton("Of the open &session")
        self._use_session.setToolTip("The videos of the open session show the board.")
        self._use_session.clicked.connect(self.session_wanted)
        remove = QPushButton("Remove")
        remove.setToolTip("Take the chosen rows out, or all of them (the files stay on disk).")
        remove.clicked.connect(self._remove)
        grid = QGridLayout()
        for i, button in enumerate((folder, files, self._use_session, remove)):
            grid.addWidget(button, *divmod(i, 2))
        layout = QVBoxLayout(self)
        layout.addWidget(self._hint)
        layout.addWidget(self._table)
        layout.addLayout(grid)
        self.offer_session(False)
        self.show_videos({})

    @property
    def paths(self) -> list[Path]:
        """The videos in their order."""
        return list(self._paths)

    def videos(self) -> dict[str, Path]:
        """The videos by camera; raises `PoseDataError` where names are missing or alike."""
        names = [self._name(row) for row in range(len(self._paths))]
        if not all(names):
            raise PoseDataError("a video has no name of its camera", expected="a name in each row")
        return videos_by_view(self._paths, names) if names else {}

    def show_videos(self, videos: Mapping[str, Path]) -> None:
        """Show these videos in place of others."""
        self._paths = list(videos.values())
        self._table.blockSignals(True)
        self._table.setRowCount(len(videos))
        for row, (view, path) in enumerate(videos.items()):
            self._table.setItem(row, 0, QTableWidgetItem(view))
            item = QTableWidgetItem(path.name)
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            item.setToolTip(str(path))
            self._table.setItem(row, 1, item)
        self._table.blockSignals(False)
        header = self._table.horizontalHeader()
        height = header.sizeHint().height() if header else 24
        height += sum(self._table.rowHeight(row) for row in range(min(len(videos), _MOST_ROWS)))
        self._table.setFixedHeight(height + 4)
        self._table.setVisible(bool(videos))
        self._hint.setVisible(not videos)
        self.changed.emit()

    def offer_session(self, is_open: bool) -> None:
        """Whether there is an open session to take videos from."""
        self._use_session.setEnabled(is_open)

    def add(self, paths: Sequence[Path]) -> None:
        """Add videos, and those of folders; the names of cameras are read from the files'."""
        found = list(self._paths)
        for path in paths:
            inside = sorted(path.iterdir()) if path.is_dir() else [path]
            videos = [each for each in inside if each.suffix.lower() in VIDEO_SUFFIXES]
            if path.is_dir() and not videos:
                below = sorted(path.glob("*/*"))
                videos = [each for each in below if each.suffix.lower() in VIDEO_SUFFIXES]
            if not videos:
                show_error(f"{path}: there is no video. Expected videos such as board_left.mp4.")
            found += [each for each in videos if each not in found]
        try:
            self.show_videos(videos_by_view(found))
        except PoseDataError:
            # The user sees which are alike, and names them.
            names = {f"{path.stem}": path for path in found}
            self.show_videos(names)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802
        """Files can be dropped here."""
        data = None if event is None else event.mimeData()
        if event is not None and data is not None and data.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Add what was dropped."""
        data = None if event is None else event.mimeData()
        if event is not None and data is not None:
            event.acceptProposedAction()
            self.add([Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()])

    def _name(self, row: int) -> str:
        item = self._table.item(row, 0)
        return "" if item is None else item.text().strip()

    def _choose_folder(self) -> None:
        folder = ask_folder(self, "Folder with one video of the board for each camera")
        if folder is not None:
            self.add([folder])

    def _choose_files(self) -> None:
        self.add(ask_files(self, "Videos of the board, one for each camera", VIDEOS))

    def _remove(self) -> None:
        chosen = {index.row() for index in self._table.selectedIndexes()}
        rows = range(len(self._paths))
        kept = [row for row in rows if row not in chosen] if chosen else []
        self.show_videos({self._name(row): self._paths[row] for row in kept})
