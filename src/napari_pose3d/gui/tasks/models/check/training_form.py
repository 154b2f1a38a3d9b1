"""The settings of a training as a form; what is not possible cannot be chosen, and says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_pose3d.core.models.configuration.known_keys import CONVNETS, TRANSFORMERS
from napari_pose3d.core.models.configuration.multiview_training import NAMES, Part
from napari_pose3d.core.models.preflight.training_finding import listed
from napari_pose3d.gui.qt.forms import SettingsForm
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import Section
from napari_pose3d.settings import TrainingSettings

MAIN = {
    "seeds": "Seeds",
    "epochs": "Epochs",
    "backbone": "Backbone",
    "image_size": "Image size, px",
    "batch_size": "Batch size",
}
VIEWS = {
    "reprojection_loss": "3-D loss",
    "reprojection_from": "Loss from epoch",
    "reprojection_full": "Loss in full from",
    "augmentation_3d": "3-D augmentation",
    "mask_share": "Masked share",
    "mask_from": "Masks from epoch",
    "mask_full": "Masks in full from",
}
MORE = {
    "model_type": "Model type",
    "pretrained": "Begin with pretrained weights",
    "augmentation": "Augmentation",
    "train_share": "Training share",
    "same_split": "Train all seeds on the same frames",
    "workers": "Processes that load images",
}
# Fields of a part of what several views have in common, the one that switches it off first.
_FIELDS: Mapping[Part, tuple[str, ...]] = {
    "loss": ("reprojection_loss", "reprojection_from", "reprojection_full"),
    "augmentation": ("augmentation_3d",),
    "masking": ("mask_share", "mask_from", "mask_full"),
}
_OFF = {"loss": "The 3-D loss is off.", "masking": "No patches are masked."}


class TrainingForm(QWidget):
    """``changed`` is emitted when a setting may be another one."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.main = SettingsForm(
            TrainingSettings, MAIN, {"backbone": {"choices": [*TRANSFORMERS, *CONVNETS]}}
        )
        self.views = SettingsForm(TrainingSettings, VIEWS)
        self.more = SettingsForm(
            TrainingSettings,
            MORE,
            {"train_share": {"min": 0.05, "max": 0.99, "step": 0.05}, "workers": {"max": 64}},
        )
        for form, names in ((self.main, MAIN), (self.views, VIEWS)):
            for name in names:
                field = form.widget(name).native
                if name != "seeds" and isinstance(field, QLineEdit):
                    field.setPlaceholderText("as recommended")
        self._hints = {name: self.views.widget(name).native.toolTip() for name in VIEWS}
        self._obstacles: Mapping[Part, str] = {}
        self.why = MessageLabel()
        shared = QWidget()
        inner = QVBoxLayout(shared)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.views.native)
        inner.addWidget(self.why)
        self.shared = Section("Several views", shared)
        self.folded = Section("More options", self.more.native)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.main.native, self.shared, self.folded):
            column.addWidget(part)
        for form in (self.main, self.views, self.more):
            form.on_change(self._on_change)
        self.show_obstacles({})

    def settings(self) -> TrainingSettings:
        """What the user chose; what is not possible is as recommended.

        Raises
        ------
        PoseDataError
            A field cannot be read, or its value cannot be.
        """
        values = {**self.main.values(), **self.more.values()}
        usual = {field.name: field.default for field in fields(TrainingSettings)}
        for name, value in self.views.values().items():
            values[name] = value if self._can_be_chosen(name) else usual[name]
        return TrainingSettings(**values)

    def show_obstacles(
        self, obstacles: Mapping[Part, str], uncalibrated: Sequence[str] = ()
    ) -> None:
        """Allow only what is possible.

        Parameters
        ----------
        obstacles : mapping of part to str
            Why parts are not possible, as of `multiview_obstacles`.
        uncalibrated : sequence of str
            Labeled sessions without a calibration.
        """
        self._obstacles = obstacles
        lines = [_why_not(part, obstacles[part]) for part in NAMES if part in obstacles]
        self.shared.say(f"{len(lines)} of {len(NAMES)} not possible" if lines else "")
        if uncalibrated:
            lines.append(f"Without a calibration: {listed(tuple(uncalibrated))}.")
        self.why.show_message("\n".join(lines))
        self.why.setVisible(bool(lines))
        self._refresh()

    def _on_change(self) -> None:
        self._refresh()
        self.changed.emit()

    def _refresh(self) -> None:
        for part, names in _FIELDS.items():
            why = _why_not(part, self._obstacles[part]) if part in self._obstacles else ""
            for name in names:
                field = self.views.widget(name).native
                # The first one switches the others off.
                field.setEnabled(not why)
                field.setToolTip(why or self._hints[name])
                if name == names[0] and not why and self._is_off(name):
                    why = _OFF.get(part, "")

    def _can_be_chosen(self, name: str) -> bool:
        return bool(self.views.widget(name).native.isEnabledTo(self))

    def _is_off(self, name: str) -> bool:
        value: Any = self.views.widget(name).value
        return str(value).strip() in ("off", "0", "0.0")


def _why_not(part: Part, obstacle: str) -> str:
    name = NAMES[part]
    return f"{name[:1].upper()}{name[1:]} is not possible: {obstacle}."
