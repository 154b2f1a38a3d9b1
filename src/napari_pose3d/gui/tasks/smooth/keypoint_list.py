"""Choosing keypoints: a list with check boxes, each with its colour."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.gui.layers.colours import keypoint_rgba, palette_of
from napari_pose3d.gui.qt.keypoint_items import (
    check_only,
    checked_names,
    fill_with_keypoints,
    names_in,
)


class KeypointList(QGroupBox):
    """Which keypoints to smooth; all of them at first."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("3 · Keypoints", parent)
        self._places: tuple[int, ...] = ()
        self._list = QListWidget()
        self._list.setAccessibleName("Keypoints to smooth")
        self._list.setToolTip("Only the checked keypoints are smoothed. Space checks or unchecks.")
        self._list.setFixedHeight(104)
        self._list.itemChanged.connect(self._on_changed)
        self._count = QLabel()
        every = QPushButton("All")
        every.setToolTip("Smooth all keypoints.")
        every.clicked.connect(lambda: self._check_all(True))
        none = QPushButton("None")
        none.setToolTip("Uncheck all keypoints, to check a few.")
        none.clicked.connect(lambda: self._check_all(False))
        self._buttons = (every, none)
        row = QHBoxLayout()
        row.addWidget(self._count, 1)
        row.addWidget(every)
        row.addWidget(none)
        layout = QVBoxLayout(self)
        layout.addWidget(self._list)
        layout.addLayout(row)
        self.offer(())

    @property
    def offered(self) -> tuple[str, ...]:
        """All keypoints of the files."""
        return names_in(self._list)

    @property
    def checked(self) -> tuple[str, ...]:
        """The keypoints to smooth, in the order of the files."""
        return checked_names(self._list)

    def offer(self, keypoints: tuple[str, ...], colours: Mapping[str, str] | None = None) -> None:
        """Show other keypoints, in the colours of their project; check marks are kept."""
        places = palette_of(keypoints, colours or {})
        if keypoints and (keypoints, places) == (self.offered, self._places):
            return
        self._places = places
        unchecked = set(self.offered) - set(self.checked)
        rgba = dict(zip(keypoints, keypoint_rgba(places), strict=True))
        fill_with_keypoints(self._list, rgba, set(keypoints) - unchecked)
        self.setEnabled(bool(keypoints))
        self._on_changed()

    def check(self, keypoints: tuple[str, ...]) -> None:
        """Check exactly these."""
        check_only(self._list, keypoints)
        self._on_changed()

    def _check_all(self, wanted: bool) -> None:
        self.check(self.offered if wanted else ())

    def _on_changed(self) -> None:
        self._count.setText(f"{len(self.checked)} of {len(self.offered)} chosen")
        self.changed.emit()
