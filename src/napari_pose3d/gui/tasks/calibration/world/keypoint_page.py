"""Points of the world that are keypoints: three marks that were labeled, or feet on the floor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.pipeline.rigs.point_sources import SharedPoints, session_points
from napari_pose3d.core.pipeline.rigs.rig_origin import placed_by_floor, placed_by_points
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.session.current_session import CurrentSession, OpenSession
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.settings import IsCancelled, Progress

from .point_picks import THREE

_ROWS = 6


class KeypointPage(QWidget):
    """`complete` is emitted when keypoints can be chosen, or no longer can.

    Parameters
    ----------
    jobs : JobBar
    current : CurrentSession
    frame : callable
        Gives the frame that is shown.
    three : bool
        Whether three keypoints are chosen, each for what it is; else any number.
    """

    complete = Signal(bool)

    def __init__(
        self,
        jobs: JobBar,
        current: CurrentSession,
        frame: Callable[[], int],
        three: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._current, self._three = jobs, current, three
        self._frame = frame
        self._rig: Rig | None = None
        self._found: SharedPoints | None = None
        self.source = QComboBox()
        for text, key in (("labels", "labels"), ("predictions", "predictions")):
            self.source.addItem(text, key)
        self.source.setCurrentIndex(0 if three else 1)
        self.source.currentIndexChanged.connect(lambda _: self._drop())
        self.read_button = QPushButton("&Read")
        self.read_button.setToolTip("Find the session's points in space.")
        self.read_button.clicked.connect(self.read)
        self.one_frame = QCheckBox("Only of the frame that is shown")
        self.one_frame.setToolTip("Off: of all frames; three marks must then stay in place.")
        self._note = MessageLabel()
        self.boxes = [QComboBox() for _ in THREE] if three else []
        self.list = QListWidget()
        self.list.setAccessibleName("Keypoints on the floor")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        label = QLabel("Points")
        label.setBuddy(self.source)
        grid.addWidget(label, 0, 0)
        grid.addWidget(self.source, 0, 1)
        grid.addWidget(self.read_button, 0, 2)
        for row, (text, box) in enumerate(zip(THREE, self.boxes, strict=False), start=1):
            title = QLabel(text[0].upper() + text[1:])
            title.setWordWrap(True)
            title.setBuddy(box)
            box.setAccessibleName(text)
            grid.addWidget(title, row, 0)
            grid.addWidget(box, row, 1, 1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self.list)
        layout.addWidget(self.one_frame)
        layout.addWidget(self._note)
        self.list.setVisible(not three)
        self.list.setMaximumHeight(24 * _ROWS)
        jobs.changed.connect(self._refresh)
        current.changed.connect(self._drop)
        self._drop()

    @property
    def is_complete(self) -> bool:
        """Whether keypoints can be chosen."""
        return self._found is not None

    @property
    def note(self) -> str:
        """What the user reads."""
        return self._note.message

    def place(self, rig: Rig) -> Rig:
        """The rig in the world of the chosen points; see `placed_by_points`."""
        opened, points = self._current.open, self._found
        if points is None or opened is None:
            raise PoseDataError("no points were read", todo="Click Read")
        named = rig.renamed(opened.session.cameras)
        absent = [view for view in points.views if view not in named.names]
        if absent:
            raise PoseDataError(
                f"the rig has no camera for the view {', '.join(absent)}",
                expected="a rig of the open session",
            )
        frame = self._frame() if self.one_frame.isChecked() else None
        if self._three:
            return placed_by_points(named, points, [box.currentText() for box in self.boxes], frame)
        placed, share = placed_by_floor(named, points, self._checked(), frame)
        self._note.show_message(f"{100 * share:.0f} % of the positions lie on this floor.")
        return placed

    def _checked(self) -> list[str]:
        items = [self.list.item(row) for row in range(self.list.count())]
        checked = [
            each.text()
            for each in items
            if each is not None and each.checkState() == Qt.CheckState.Checked
        ]
        if not checked:
            raise PoseDataError("no keypoint is checked", expected="those that touch the floor")
        return checked

    def show_rig(self, rig: Rig | None) -> None:
        """The rig that is to be placed."""
        self._rig = rig
        self._refresh()

    def read(self) -> None:
        """Find the session's points in space, in a thread."""
        opened = self._current.open
        if opened is not None:
            source = str(self.source.currentData())
            self._jobs.start(partial(read_points, opened, source), "reading points", self._show)

    def _show(self, found: SharedPoints) -> None:
        self._found = found
        for i, box in enumerate(self.boxes):
            box.clear()
            box.addItems(found.keypoints)
            box.setCurrentIndex(min(i, len(found.keypoints) - 1))
        self.list.clear()
        for name in found.keypoints:
            item = QListWidgetItem(name)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.list.addItem(item)
        shared = np.isfinite(found.xy[..., 0]).sum(axis=0) > 1
        known = int(shared.any(axis=1).sum())
        marks = "Choose three marks that stay where they are"
        what = marks if self._three else "Check the keypoints that touch the floor"
        self._note.show_message(f"Points of two views or more in {known} frames. {what}.")
        self._refresh()

    def _drop(self) -> None:
        self._found = None
        for box in self.boxes:
            box.clear()
        self.list.clear()
        self._refresh()

    def _refresh(self) -> None:
        opened = self._current.open
        can = opened is not None and self._rig is not None
        self.read_button.setEnabled(can and not self._jobs.is_busy)
        if self._found is None:
            self._note.show_message("" if can else "Open the session that the rig is of.")
        self._note.setVisible(bool(self._note.message))
        self.complete.emit(self.is_complete)


def read_points(
    opened: OpenSession, source: str, progress: Progress, cancelled: IsCancelled
) -> SharedPoints:
    """A session's labels or predictions."""
    return session_points(opened.project, opened.session, source)
