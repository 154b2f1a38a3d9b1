"""The button that names a label which disagrees with the other views."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QPushButton, QSizePolicy, QWidget

# Above and below the text, px.
_AROUND = 8
_HINT = "Go to the label that disagrees with the other views (G)"


class DisagreementButton(QPushButton):
    """Red while there is something to say; its place is kept while there is not.

    The panel must not change its size when a label disagrees: the images beside it would move
    under the mouse.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setStyleSheet("color: white; background: #b3261e; font-weight: bold;")
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.show_text("")

    @property
    def message(self) -> str:
        """What it says, also where the panel is too narrow for it; "" while it says nothing."""
        return self._text

    def show_text(self, text: str) -> None:
        """Say something, or, with "", nothing."""
        self._text = text
        self.setAccessibleName(text)
        self.setToolTip(f"{text}\n{_HINT}")
        self._fit_text()
        self.setVisible(bool(text))

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as a line of text, with and without it."""
        return QSize(0, self.fontMetrics().height() + _AROUND)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """No name is too long for the panel."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Shorten the text anew."""
        super().resizeEvent(event)
        self._fit_text()

    def _fit_text(self) -> None:
        room = self.width() - self.fontMetrics().height()
        self.setText(self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideMiddle, room))
