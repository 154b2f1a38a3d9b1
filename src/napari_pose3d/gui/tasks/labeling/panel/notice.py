"""Something that has to be decided, in the panel instead of in a box that blocks the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

# Characters of an answer that has no room beside another one.
_LONG_ANSWER = 20
# Of all answers together, where they stand side by side.
_ONE_ROW = 30


class Notice(QFrame):
    """A sentence with the answers to it; it hides when one is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setObjectName("notice")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(6, 3, 6, 3)
        self._column.setSpacing(4)
        self._column.addWidget(self._text)
        self._answers = QGridLayout()
        self._answers.setSpacing(3)
        self._column.addLayout(self._answers)
        self._buttons: list[QPushButton] = []
        self.hide()

    @property
    def text(self) -> str:
        """What is asked; "" for nothing."""
        return self._text.text() if not self.isHidden() else ""

    def ask(
        self,
        text: str,
        answers: Mapping[str, Callable[[], object]],
        hints: Mapping[str, str] | None = None,
    ) -> None:
        """Ask something; the answer's function is called once.

        Parameters
        ----------
        text : str
        answers : mapping of str to callable
            What the buttons say, and what they do.
        hints : mapping of str to str, optional
            What the buttons say at greater length.
        """
        self.dismiss()
        self._text.setText(text)
        widest = max(map(len, answers), default=0)
        columns = 1 if widest > _LONG_ANSWER else 2
        if sum(map(len, answers)) <= _ONE_ROW:
            columns = max(len(answers), 1)
        for place, (label, action) in enumerate(answers.items()):
            button = QPushButton(label)
            button.setToolTip((hints or {}).get(label, ""))
            button.clicked.connect(lambda _=False, act=action: self._answer(act))
            self._answers.addWidget(button, place // columns, place % columns)
            self._buttons.append(button)
        self.show()

    def answer(self, label: str) -> None:
        """Click on one of the answers."""
        next(b for b in self._buttons if b.text() == label).click()

    def dismiss(self) -> None:
        """Ask nothing any more."""
        self.hide()
        while self._buttons:
            button = self._buttons.pop()
            self._answers.removeWidget(button)
            button.deleteLater()

    def _answer(self, action: Callable[[], object]) -> None:
        self.dismiss()
        action()
