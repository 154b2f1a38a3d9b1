"""Which format, what it keeps and loses, and its options."""

from __future__ import annotations

import dataclasses
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QGroupBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_pose3d.core.pipeline.exchange.export_run import subject_of
from napari_pose3d.core.pipeline.exchange.format_table import (
    FORMATS,
    IN_SIDE_FILE,
    ExchangeFormat,
)
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.forms import SettingsForm, let_shrink
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.settings import ExportSettings

from .export_sources import Source, formats_for

LABELS = {
    "measured_only": "Leave out what was filled in",
    "up": "Axis that points up",
    "body_frame": "Frame of the animal",
    "floor": "Keypoints on the floor",
    "split": "Several files where one is full",
    "movement_dims": "Names of dimensions",
    "nwb": "What the file holds",
    "validation": "Share for validation",
}
_OPTIONS = {"validation": {"min": 0.0, "max": 0.9, "step": 0.05}}
_EMPTY = {"body_frame": "none, or project", "floor": "as in the project"}
_FROM_VIDEO, _FROM_RIG = "as the videos say", "as the calibration says"


def option_form(*names: str) -> SettingsForm:
    """A form of options of exports; empty fields say what holds then."""
    form = SettingsForm(
        ExportSettings,
        {name: LABELS[name] for name in names},
        {name: _OPTIONS[name] for name in names if name in _OPTIONS},
    )
    for name in names:
        if name in _EMPTY:
            form.widget(name).native.setPlaceholderText(_EMPTY[name])
    return form


class FormatPanel(QGroupBox):
    """Emits ``changed`` when another format or option is chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("2 · Format", parent)
        self.formats = QComboBox()
        self.formats.setAccessibleName("Format")
        let_shrink(self.formats, 12)
        self.about = MessageLabel()
        self.missing = MessageLabel()
        self.missing.setStyleSheet("font-weight: bold;")
        self._forms = {
            each.key: option_form(*(name for name in each.options if name in LABELS))
            for each in FORMATS.values()
        }
        self.fps = QLineEdit()
        self.fps.setPlaceholderText(_FROM_VIDEO)
        self.units = QLineEdit()
        self.units.setPlaceholderText(_FROM_RIG)
        self.subject = QLineEdit()
        self.subject.setPlaceholderText("subject_id=m1; species=Mus musculus; sex=F; age=P90D")
        help_of = {field.name: field.metadata.get("help", "") for field in dataclasses.fields(
            ExportSettings)}  # fmt: skip
        self.subject.setToolTip(f"{help_of['subject']}; separated by semicolons")
        layout = QVBoxLayout(self)
        layout.addWidget(self.formats)
        layout.addWidget(self.about)
        layout.addWidget(self.missing)
        for form in self._forms.values():
            layout.addWidget(form.native)
            form.on_change(self.changed.emit)
        self._lines: dict[str, QWidget] = {}
        for name, text, field in (
            ("fps", "F&rames a second:", self.fps),
            ("units", "&Units of length:", self.units),
            ("subject", "S&ubject:", self.subject),
        ):
            self._lines[name] = _line(text, field)
            layout.addWidget(self._lines[name])
            field.textChanged.connect(lambda _: self.changed.emit())
        self.formats.currentIndexChanged.connect(self._refresh)
        self._source: Source | None = None
        self.offer(None)

    @property
    def chosen(self) -> ExchangeFormat:
        """The format that is chosen."""
        return FORMATS[str(self.formats.currentData())]

    def choose(self, key: str) -> None:
        """Choose a format, as a user would."""
        self.formats.setCurrentIndex(self.formats.findData(key))

    def offer(self, source: Source | None) -> None:
        """Offer the formats that are for such content; the choice stays where it can."""
        before = self.formats.currentData()
        self._source = source
        self.formats.blockSignals(True)
        self.formats.clear()
        for each in formats_for(source):
            self.formats.addItem(each.title, each.key)
        self.formats.setCurrentIndex(max(self.formats.findData(before), 0))
        self.formats.blockSignals(False)
        self._refresh()

    def settings(self) -> ExportSettings:
        """The options; raises `PoseDataError` for a text that cannot be read."""
        chosen = self.chosen
        values: dict[str, Any] = self._forms[chosen.key].values()
        if "subject" in chosen.options:
            parts = [part for part in self.subject.text().split(";") if part.strip()]
            values["subject"] = subject_of(parts)
        return ExportSettings(**values)

    def frame_rate(self) -> float | None:
        """Frames a second that were typed in; None: those of the videos."""
        text = self.fps.text().strip()
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            raise PoseDataError(
                f"'{text}' is no number",
                place="the field 'Frames a second'",
                expected="such as 120 or 29.97",
            ) from None

    def unit(self) -> str | None:
        """The unit that was typed in; None: that of the calibration."""
        return self.units.text().strip() or None

    def _refresh(self) -> None:
        chosen = self.chosen
        lost = chosen.loses()
        of_poses = chosen.content == "poses"
        beside = [word for word in lost if of_poses and word in IN_SIDE_FILE]
        gone = [word for word in lost if word not in beside]
        lines = [f"A file keeps: {', '.join(chosen.holds())}."]
        if beside:
            lines.append(f"In a .json beside it: {', '.join(beside)}.")
        if gone:
            lines.append(f"Not kept: {', '.join(gone)}.")
        self.about.show_message("\n".join(lines))
        command = chosen.install_command
        self.missing.show_message(
            f"This format needs a library that is not installed. Install it with: {command}"
            if command
            else ""
        )
        self.missing.setVisible(bool(command))
        for key, form in self._forms.items():
            form.native.setVisible(key == chosen.key and any(n in LABELS for n in chosen.options))
        self._lines["fps"].setVisible(of_poses)
        self._lines["units"].setVisible(of_poses and chosen.space)
        self._lines["subject"].setVisible("subject" in chosen.options)
        self.changed.emit()


def _line(text: str, field: QLineEdit) -> QWidget:
    label = QLabel(text)
    label.setBuddy(field)
    line = QWidget()
    column = QVBoxLayout(line)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    column.addWidget(label)
    column.addWidget(field)
    return line
