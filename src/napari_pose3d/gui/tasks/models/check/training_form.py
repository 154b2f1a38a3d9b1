"""The settings of a training as a form."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_pose3d.core.models.configuration.known_keys import CONVNETS, TRANSFORMERS
from napari_pose3d.gui.qt.forms import SettingsForm
from napari_pose3d.gui.qt.task_layout import Section
from napari_pose3d.settings import TrainingSettings

MAIN = {
    "seeds": "Seeds",
    "epochs": "Epochs",
    "backbone": "Backbone",
    "image_size": "Image size, px",
    "batch_size": "Batch size",
    "reprojection_loss": "3-D loss",
}
MORE = {
    "model_type": "Model type",
    "pretrained": "Begin with pretrained weights",
    "augmentation": "Augmentation",
    "train_share": "Training share",
    "same_split": "Train all seeds on the same frames",
    "workers": "Processes that load images",
}
_RECOMMENDED = ("epochs", "image_size", "batch_size")


class TrainingForm(QWidget):
    """``changed`` is emitted when a setting may be another one."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.main = SettingsForm(
            TrainingSettings, MAIN, {"backbone": {"choices": [*TRANSFORMERS, *CONVNETS]}}
        )
        self.more = SettingsForm(
            TrainingSettings,
            MORE,
            {"train_share": {"min": 0.05, "max": 0.99, "step": 0.05}, "workers": {"max": 64}},
        )
        for name in _RECOMMENDED:
            field = self.main.widget(name).native
            if isinstance(field, QLineEdit):
                field.setPlaceholderText("as recommended")
        self.folded = Section("More options", self.more.native)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.main.native)
        column.addWidget(self.folded)
        for form in (self.main, self.more):
            form.on_change(self.changed.emit)

    def settings(self) -> TrainingSettings:
        """What the user chose.

        Raises
        ------
        PoseDataError
            A field cannot be read, or its value cannot be.
        """
        return TrainingSettings(**self.main.values(), **self.more.values())
