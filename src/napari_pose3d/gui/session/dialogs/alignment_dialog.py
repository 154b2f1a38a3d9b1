"""The dialog "Adjust views": cameras that started late, lost images, or show a part only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.projects.alignment.view_alignment import MOST_FRAMES, ViewAlignment
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError

_COLUMNS = {
    "starts later by": "How many frames after the session's frame 0 the camera started; negative "
    "when it started before.",
    "dropped frames": "Frames that the camera lost, counted by the camera: 10, 25-27",
    "times": "A text file with the time of each image, from which dropped frames are found.",
    "crop": "What part of the calibrated image the video shows: x, y, width, height in px.",
    "scale": "px of the calibrated image per px of the video: 2 for a video of half the size.",
}
_OFFSET, _DROPPED, _TIMES, _CROP, _SCALE = range(len(_COLUMNS))


class ViewDialog(QDialog):
    """Shows how each view lies in the session, and takes changes.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Adjust the views of {session.name}")
        self._session = session
        self._table = QTableWidget(len(session.views), len(_COLUMNS))
        self._table.setHorizontalHeaderLabels(list(_COLUMNS))
        self._table.setVerticalHeaderLabels(list(session.views))
        self._table.setAccessibleName("Alignments of the views")
        self._times: dict[str, Path | None] = {}
        for column, meaning in enumerate(_COLUMNS.values()):
            item = self._table.horizontalHeaderItem(column)
            if item is not None:
                item.setToolTip(meaning)
        for row, view in enumerate(session.views):
            self._fill_row(row, view)
        header = self._table.horizontalHeader()
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._everywhere = QCheckBox("For &all sessions of the project (crop and scale only)")
        hint = QLabel(
            "Nothing is changed in the videos and the predictions: what you enter is kept in the "
            "project, and everything that uses the session follows it. Hover over a heading for "
            "what it means."
        )
        hint.setWordWrap(True)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.hide()
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        buttons.accepted.connect(self._accept_if_right)
        buttons.rejected.connect(self.reject)
        column_of_all = QVBoxLayout(self)
        for part in (hint, self._table, self._everywhere, self._problem, buttons):
            column_of_all.addWidget(part)
        self.resize(760, 160 + 34 * (len(session.views) + 1))

    def changes(self) -> dict[tuple[str | None, str], ViewAlignment]:
        """What is different now, by (session or None for all, view).

        Raises
        ------
        PoseDataError
            A text is invalid; names the view.
        """
        found: dict[tuple[str | None, str], ViewAlignment] = {}
        for row, view in enumerate(self._session.views):
            old = self._session.alignment(view)
            try:
                new = self._row(row, view, old)
            except PoseDataError as error:
                raise PoseDataError(
                    error.problem, place=f"view {view}", expected=error.expected, todo=error.todo
                ) from None
            if new == old:
                continue
            found[self._session.name, view] = new
            if self._everywhere.isChecked():
                # When cameras start and what they lose is another thing in each recording.
                found[None, view] = ViewAlignment(crop=new.crop, scale=new.scale)
        return found

    def set_row(self, view: str, **texts: str | int) -> None:
        """Enter something for a view: ``offset``, ``dropped``, ``crop``, ``scale``."""
        row = self._session.views.index(view)
        for name, value in texts.items():
            if name == "offset":
                self._offset(row).setValue(int(value))
                continue
            column = {"dropped": _DROPPED, "crop": _CROP, "scale": _SCALE}[name]
            self._table.setItem(row, column, QTableWidgetItem(str(value)))

    def _fill_row(self, row: int, view: str) -> None:
        alignment = self._session.alignment(view)
        offset = QSpinBox()
        offset.setRange(-MOST_FRAMES, MOST_FRAMES)
        offset.setSuffix(" frames")
        offset.setValue(alignment.offset)
        self._table.setCellWidget(row, _OFFSET, offset)
        self._table.setItem(row, _DROPPED, QTableWidgetItem(_ranges(alignment.dropped)))
        self._times[view] = alignment.timestamps
        times = QPushButton(_name(alignment.timestamps))
        times.clicked.connect(lambda: self._choose_times(view, times))
        self._table.setCellWidget(row, _TIMES, times)
        crop = ", ".join(f"{c:g}" for c in alignment.crop or ())
        self._table.setItem(row, _CROP, QTableWidgetItem(crop))
        x, y = alignment.scale
        scale = f"{x:g}" if x == y else f"{x:g}, {y:g}"
        self._table.setItem(row, _SCALE, QTableWidgetItem(scale))
        if alignment.boxes is not None:
            # Boxes that move are the project's own; a fixed crop beside them makes no sense.
            item = QTableWidgetItem(f"by {alignment.boxes.name}")
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self._table.setItem(row, _CROP, item)

    def _choose_times(self, view: str, button: QPushButton) -> None:
        path, _ = QFileDialog.getOpenFileName(self, f"Times of the images of {view}")
        self._times[view] = Path(path) if path else None
        button.setText(_name(self._times[view]))

    def _offset(self, row: int) -> QSpinBox:
        widget = self._table.cellWidget(row, _OFFSET)
        assert isinstance(widget, QSpinBox)
        return widget

    def _text(self, row: int, column: int) -> str:
        item = self._table.item(row, column)
        return "" if item is None else item.text().strip()

    def _row(self, row: int, view: str, old: ViewAlignment) -> ViewAlignment:
        crop = old.crop
        if old.boxes is None:
            numbers = _numbers(self._text(row, _CROP), "crop", (0, 4), "x, y, width, height")
            crop = (numbers[0], numbers[1], numbers[2], numbers[3]) if numbers else None
        scale = _numbers(self._text(row, _SCALE) or "1", "scale", (1, 2), "one number, or two")
        return replace(
            old,
            offset=self._offset(row).value(),
            dropped=_frames(self._text(row, _DROPPED)),
            timestamps=self._times[view],
            crop=crop,
            scale=(scale[0], scale[-1]),
        )

    def _accept_if_right(self) -> None:
        try:
            self.changes()
        except PoseDataError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        self.accept()


def _name(path: Path | None) -> str:
    return "choose…" if path is None else path.name


def _ranges(frames: tuple[int, ...]) -> str:
    """Frame numbers as a person writes them: 10, 25-27."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)


def _frames(text: str) -> tuple[int, ...]:
    frames: set[int] = set()
    for part in filter(None, (each.strip() for each in text.replace(";", ",").split(","))):
        first, _, last = part.partition("-")
        try:
            a = int(first)
            b = int(last) if last else a
        except ValueError:
            raise PoseDataError(
                f"'{part}' is no frame number", expected="numbers and ranges, such as 10, 25-27"
            ) from None
        if not 0 <= b - a < MOST_FRAMES:
            raise PoseDataError(f"'{part}' is no range", expected="first-last, such as 25-27")
        frames.update(range(a, b + 1))
    return tuple(sorted(frames))


def _numbers(text: str, what: str, lengths: tuple[int, ...], expected: str) -> list[float]:
    parts = [part for part in text.replace(";", ",").replace(" ", ",").split(",") if part]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
        lengths = ()
    if len(numbers) not in lengths:
        raise PoseDataError(f"the {what} is '{text}'", expected=expected)
    return numbers
