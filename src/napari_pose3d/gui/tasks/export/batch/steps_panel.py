"""What is done with each session, and as which settings say."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QCheckBox, QGridLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.gui.qt.forms import SettingsForm
from napari_pose3d.gui.qt.menu_button import ARROW, menu_button
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.session.smoothing_choice import Chosen, SmoothingChoice
from napari_pose3d.gui.workspace.preferences import colour_scheme
from napari_pose3d.settings import (
    BatchSettings,
    ExportSettings,
    ReadingSettings,
    RenderSettings,
    SmoothingSettings,
)

from ..format_panel import LABELS, option_form
from ..video_panel import DRAWN

STEPS = {
    "smooth": ("Smoo&th", "Smooth and triangulate the predictions."),
    "review": ("Re&view", "Find the frames that are wrong, and write a report."),
    "export": ("Write f&or", "Write the result for other programs."),
    "render": ("Render vi&deo", "Write a video of all views with the keypoints."),
}
_AS_IN_SMOOTH = "Smooth as the tab Smooth is &set"
_USUAL = "Smoothed with the usual settings; the tab Smooth, where it is open, offers others."
_NAMED = 1


class StepsPanel(QWidget):
    """Emits ``changed`` when something else is chosen.

    Parameters
    ----------
    choice : SmoothingChoice
        What the tab Smooth shows.
    """

    changed = Signal()

    def __init__(self, choice: SmoothingChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        self.boxes = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        for place, (step, (text, hint)) in enumerate(STEPS.items()):
            box = QCheckBox(text)
            box.setToolTip(hint)
            box.setChecked(step in BatchSettings().steps)
            box.toggled.connect(self._refresh)
            grid.addWidget(box, *divmod(place, 2))
            self.boxes[step] = box
        menu = QMenu(self)
        self._formats: dict[str, QAction] = {}
        for each in FORMATS.values():
            if each.content == "poses":
                action = QAction(each.title, menu)
                action.setCheckable(True)
                action.setChecked(each.key in BatchSettings().formats)
                action.toggled.connect(self._refresh)
                menu.addAction(action)
                self._formats[each.key] = action
        self.formats = menu_button("", "Formats that are written", menu)
        # Its text must not widen the panel.
        self.formats.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        # One row for each, since a format takes of them what concerns it.
        self._options = {
            name: option_form(name)
            for name in LABELS
            if any(name in FORMATS[key].options for key in self._formats)
        }
        self._drawn_title = MessageLabel("Videos show:")
        self._drawn = SettingsForm(RenderSettings, DRAWN)
        self._drawn.widget("colours").value = colour_scheme()
        for form in (*self._options.values(), self._drawn):
            form.on_change(self.changed.emit)
        self._rate = SettingsForm(BatchSettings, {"fps": "F&rames a second"})
        self._rate.widget("fps").native.setPlaceholderText("as the videos say")
        self._rate.on_change(self.changed.emit)
        self.as_in_smooth = QCheckBox(_AS_IN_SMOOTH)
        self.as_in_smooth.setToolTip(
            "With the settings of the tab Smooth, and all keypoints; else with the usual ones."
        )
        self.as_in_smooth.setChecked(True)
        self.as_in_smooth.toggled.connect(self._refresh)
        self.usual = MessageLabel(_USUAL)
        self._form = SettingsForm(
            BatchSettings,
            {"allow_missing": "Also where views or seeds are missing", "again": "Do all a&gain"},
        )
        self._form.on_change(self.changed.emit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        for part in (
            self.formats,
            *(form.native for form in self._options.values()),
            self._drawn_title,
            self._drawn.native,
            self._rate.native,
            self.as_in_smooth,
            self.usual,
            self._form.native,
        ):
            column.addWidget(part)
        self._refresh()

    @property
    def steps(self) -> tuple[str, ...]:
        """Those that are checked."""
        return tuple(step for step, box in self.boxes.items() if box.isChecked())

    @property
    def chosen_formats(self) -> tuple[str, ...]:
        """Keys of those that are checked."""
        return tuple(key for key, action in self._formats.items() if action.isChecked())

    def choose_formats(self, *keys: str) -> None:
        """Check exactly these, as a user would."""
        for key, action in self._formats.items():
            action.setChecked(key in keys)

    def obstacle(self) -> str:
        """Why this cannot be done; "" where it can."""
        if not self.steps:
            return "Check a step."
        if "export" in self.steps:
            if not self.chosen_formats:
                return "Choose a format to write."
            for key in self.chosen_formats:
                if command := FORMATS[key].install_command:
                    return (
                        f"{FORMATS[key].title} needs a library that is not installed. Install it "
                        f"with: {command}"
                    )
        return ""

    def values(self) -> dict[str, Any]:
        """Fields of `BatchSettings`."""
        found = {"steps": self.steps, **self._form.values()}
        if {"export", "render"} & set(self.steps):
            found |= self._rate.values()
        return found | ({"formats": self.chosen_formats} if "export" in self.steps else {})

    def option(self, name: str) -> Any:
        """The magicgui widget of a field of `ExportSettings`."""
        return self._options[name].widget(name)

    def drawn(self, name: str) -> Any:
        """The magicgui widget of a field of `RenderSettings`."""
        return self._drawn.widget(name)

    def export_settings(self) -> ExportSettings:
        """How exports are written."""
        values: dict[str, Any] = {}
        for name in self._offered() if "export" in self.steps else ():
            values |= self._options[name].values()
        return ExportSettings(**values)

    def render_settings(self) -> RenderSettings:
        """What videos show."""
        return RenderSettings(**(self._drawn.values() if "render" in self.steps else {}))

    def _offered(self) -> list[str]:
        """Options that concern a format that is checked."""
        taken = {name for key in self.chosen_formats for name in FORMATS[key].options}
        return [name for name in self._options if name in taken]

    def smoothing(self) -> Chosen:
        """How to smooth and to read.

        Raises
        ------
        PoseDataError
            A text in the tab Smooth cannot be read.
        """
        chosen = self._choice.current if self.as_in_smooth.isChecked() else None
        return chosen or (SmoothingSettings(), ReadingSettings())

    def renew(self) -> None:
        """The tab Smooth may have been opened or closed."""
        smoothing, known = self.boxes["smooth"].isChecked(), self._choice.is_known
        self.as_in_smooth.setVisible(smoothing and known)
        self.usual.setVisible(smoothing and not known)

    def _refresh(self, _: object = None) -> None:
        self.renew()
        titles = [FORMATS[key].title for key in self.chosen_formats]
        more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
        self.formats.setText((", ".join(titles[:_NAMED]) or "no format") + more + ARROW)
        self.formats.setToolTip("Formats that are written: " + (", ".join(titles) or "none"))
        exporting = self.boxes["export"].isChecked()
        self.formats.setVisible(exporting)
        offered = self._offered() if exporting else []
        for name, form in self._options.items():
            form.native.setVisible(name in offered)
        for part in (self._drawn_title, self._drawn.native):
            part.setVisible(self.boxes["render"].isChecked())
        self._rate.native.setVisible(bool({"export", "render"} & set(self.steps)))
        self.changed.emit()
