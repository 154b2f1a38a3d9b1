"""The layout of a task's panel: what scrolls, sections that fold, and what is always in sight."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QIcon, QResizeEvent
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

_MIN_WIDTH = 300
# Beside the room that is left empty below the parts.
_GROWS = 1000
# Qt's greatest size of a widget.
_NO_LIMIT = 16_777_215


def lay_out_task(
    panel: QWidget,
    parts: Sequence[QWidget],
    below: Sequence[QWidget],
    growing: Sequence[QWidget] = (),
) -> QScrollArea:
    """Lay out a panel so that all of it can be used in a low window.

    Parameters
    ----------
    panel : QWidget
        Without a layout.
    parts : sequence of QWidget
        Choices and results, from top to bottom; they scroll.
    below : sequence of QWidget
        Buttons and progress.
    growing : sequence of QWidget
        Of the parts, those with a list: they take the room of a high window.

    Returns
    -------
    QScrollArea
        What holds the parts.
    """
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, 6, 0)
    for part in parts:
        column.addWidget(part, _GROWS if part in growing else 0)
    column.addStretch(1)
    scroll = QScrollArea()
    scroll.setWidget(inside)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    # Shown only when needed it takes width, by which text wraps and needs it, or no longer: at some
    # heights Qt then lays out without end.
    scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.addWidget(scroll, 1)
    for part in below:
        layout.addWidget(part)
    panel.setMinimumWidth(_MIN_WIDTH)
    return scroll


class SectionPart(QWidget):
    """What a section unfolds: as narrow as the panel, whatever is in it."""

    def sizeHint(self) -> QSize:  # noqa: N802
        """The width of a narrow panel."""
        return QSize(_MIN_WIDTH, super().sizeHint().height())


def _keep_height(part: QWidget, is_open: bool) -> None:
    """As high as wrapped text needs: a scroll area asks only for the height of wide lines."""
    layout = part.layout()
    if not is_open:
        part.setMinimumHeight(0)
    elif layout is not None and layout.hasHeightForWidth():
        part.setMinimumHeight(layout.minimumHeightForWidth(part.width()))


class Section(QWidget):
    """A part of a panel below a title that folds it, with a few words on how it stands.

    It is as high as its part, whatever grows in it.

    Parameters
    ----------
    title : str
    part : QWidget
    """

    def __init__(self, title: str, part: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._part = title, part
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.button.setAutoRaise(True)
        self.button.setStyleSheet("QToolButton {font-weight: bold; padding: 3px 4px}")
        self.button.toggled.connect(self._fold)
        self._words = QLabel()
        self._words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        # A long word must not widen the panel.
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head = QHBoxLayout()
        head.addWidget(self.button)
        head.addWidget(self._words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(part)
        self._fold(False)

    @property
    def is_open(self) -> bool:
        """Whether its part is unfolded."""
        return self.button.isChecked()

    @property
    def words(self) -> str:
        """How it stands."""
        return self._words.text()

    def say(self, words: str) -> None:
        """Show a few words beside the title; they are seen while it is folded, too."""
        self._words.setText(words)
        self._words.setToolTip(words)

    def unfold(self, unfolded: bool = True) -> None:
        """Show its part, or only the title."""
        self.button.setChecked(unfolded)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Text wraps elsewhere now."""
        super().resizeEvent(event)
        self._keep_height()

    def event(self, event: QEvent | None) -> bool:
        """Notice that something within is of another size."""
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._keep_height()
        return done

    def _keep_height(self) -> None:
        _keep_height(self, self.is_open)

    def _fold(self, unfolded: bool) -> None:
        self.button.setText(f"{'▾' if unfolded else '▸'} {self._title}")
        self._part.setVisible(unfolded)
        self._keep_height()


class FoldedPart(QCollapsible):
    """Choices below a title that folds them.

    Parameters
    ----------
    title : str
    """

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        # An icon would be drawn once, in a colour that another theme hides.
        super().__init__(title, parent, expandedIcon=QIcon(), collapsedIcon=QIcon())
        self._title = title
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(0, 2, 0, 2)
            layout.setSpacing(2)
            # superqt aligns it to the top, where Qt gives it the height of wide lines.
            layout.setAlignment(Qt.AlignmentFlag(0))
        self.toggled.connect(self._show_state)
        self._show_state(False)

    def expand(self, animate: bool = False) -> None:
        """Unfold, as high as wrapped text needs: superqt allows for the height of wide lines."""
        super().expand(animate=False)
        self.content().setMaximumHeight(_NO_LIMIT)
        self._keep_height()

    def collapse(self, animate: bool = False) -> None:
        """Fold at once."""
        super().collapse(animate=False)
        self._keep_height()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        """Its part may be of any height, where superqt would limit it anew."""
        return False

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Text wraps elsewhere now."""
        super().resizeEvent(event)
        self._keep_height()

    def event(self, e: QEvent | None) -> bool:
        """Notice that something within is of another size."""
        done = super().event(e)
        if e is not None and e.type() == QEvent.Type.LayoutRequest:
            self._keep_height()
        return done

    def _keep_height(self) -> None:
        _keep_height(self, self.isExpanded())

    def _show_state(self, expanded: bool) -> None:
        self.setText(f"{'▾' if expanded else '▸'} {self._title}")
