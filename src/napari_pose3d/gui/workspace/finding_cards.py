"""Findings as framed texts below each other, with a button where something can be done."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.gui.qt.message_text import MessageLabel

SIGNS = {"error": "✗ Error", "warning": "! Warning", "note": "· Note"}
"""What a finding begins with, by its severity."""
_LINE = "rgba(128, 128, 128, 120)"


class FindingCards(QWidget):
    """Shows findings; panels say what they are and what their buttons do."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._cards: list[QWidget] = []
        self.texts: list[str] = []
        self.buttons: dict[str, QPushButton] = {}
        """Those that can be clicked, by what they say."""

    def clear(self) -> None:
        """Show none."""
        for card in self._cards:
            self._column.removeWidget(card)
            card.deleteLater()
        self._cards, self.texts, self.buttons = [], [], {}

    def add_card(
        self, text: str, button: str = "", act: Callable[[], object] | None = None
    ) -> None:
        """Add a finding; its button calls `act`."""
        frame = QFrame()
        # napari's style draws no frame of its own; this grey is seen in both themes.
        frame.setObjectName("finding")
        frame.setStyleSheet(f"QFrame#finding {{border: 1px solid {_LINE}; border-radius: 3px}}")
        layout = QVBoxLayout(frame)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(MessageLabel(text))
        if act is not None:
            made = QPushButton(button)
            made.clicked.connect(lambda: act())
            layout.addWidget(made)
            self.buttons[button] = made
        self._column.addWidget(frame)
        self._cards.append(frame)
        self.texts.append(text)

    def show_nothing_found(self) -> None:
        """Say that there are no findings."""
        self.add_card("✓ Nothing was found.")
