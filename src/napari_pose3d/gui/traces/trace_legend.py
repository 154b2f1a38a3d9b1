"""Which line of the plots is what: beside them, so that it covers none."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QWidget

from .trace_plot import Curve

_WIDEST = 190
# A thick line, and a thin one that lies behind it.
_THICK, _THIN = "━━", "──"


class TraceLegend(QScrollArea):
    """The names of the curves with their lines, one below the other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.RichText)
        self._label.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._label.setMargin(4)
        self._names: tuple[str, ...] = ()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidget(self._label)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        self.setAccessibleName("Curves")

    @property
    def names(self) -> tuple[str, ...]:
        """The curves that are explained."""
        return self._names

    def show_curves(self, curves: Sequence[Curve]) -> None:
        """Explain these instead; a name that several plots share stands there once."""
        found = {curve.name: curve for curve in curves}
        self._names = tuple(found)
        lines = []
        for name, curve in found.items():
            colour = "#" + "".join(f"{round(255 * float(part)):02x}" for part in curve.colour[:3])
            line = _THICK if curve.width > 1 else _THIN
            lines.append(f'<span style="color:{colour}">{line}</span>&nbsp;{escape(name)}')
        self._label.setText("<br>".join(lines))
        bar = self.verticalScrollBar()
        width = self._label.sizeHint().width() + (0 if bar is None else bar.sizeHint().width())
        self.setFixedWidth(min(width, _WIDEST))
        self._label.setToolTip("\n".join(found))
        self.setVisible(bool(found))
