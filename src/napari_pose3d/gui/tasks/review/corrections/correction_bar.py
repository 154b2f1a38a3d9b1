"""How many positions are corrected, and undo."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QToolButton, QWidget

from napari_pose3d.gui.qt.message_text import MessageLabel

from .correction_controller import CorrectionController

_HINT = "Wrong points can be dragged to their place in the camera views."


class CorrectionBar(QWidget):
    """A line about the corrections of the session.

    Parameters
    ----------
    control : CorrectionController
    """

    def __init__(self, control: CorrectionController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._control = control
        self._text = MessageLabel(_HINT)
        self.undo, self.redo = QToolButton(), QToolButton()
        for button, sign, name in ((self.undo, "↶", "Undo"), (self.redo, "↷", "Redo")):
            button.setText(sign)
            button.setAccessibleName(f"{name} a correction")
        self.undo.clicked.connect(control.undo)
        self.redo.clicked.connect(control.redo)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._text, 1)
        row.addWidget(self.undo)
        row.addWidget(self.redo)
        control.message.connect(lambda text: self._text.show_message(text or _HINT))
        control.changed.connect(self._refresh)
        self._refresh()

    @property
    def state(self) -> str:
        """What the user reads."""
        return self._text.message

    def _refresh(self) -> None:
        kept = self._control.kept
        for button, text, name in (
            (self.undo, "" if kept is None else kept.undo_text, "Undo"),
            (self.redo, "" if kept is None else kept.redo_text, "Redo"),
        ):
            button.setEnabled(bool(text))
            button.setToolTip(f"{name}: {text}" if text else f"Nothing to {name.lower()}")
