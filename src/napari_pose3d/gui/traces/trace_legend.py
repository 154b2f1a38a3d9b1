"""Which line of the plots is what: beside them, so that it covers none."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QWidget

from .trace_plot import Curve

_WIDEST = 160
# A thick line, and a thin one that lies behind it.
_THICK, _THIN = "━━", "──"


class TraceLegend(QScrollArea):
    """Which colour is which keypoint, and which line is raw or smoothed."""

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
        """Explain these instead: the colours of the keypoints, then the kinds of lines."""
        self._names = tuple(dict.fromkeys(curve.name for curve in curves))
        colours, kinds = {}, {}
        for curve in curves:
            colours[curve.keypoint] = curve.colour
            kinds[curve.kind] = _THICK if curve.width > 1 else _THIN
        lines = []
        for name, colour in colours.items():
            text = "#" + "".join(f"{round(255 * float(part)):02x}" for part in colour[:3])
            lines.append(f'<span style="color:{text}">■</span>&nbsp;{escape(name)}')
        # Alone it needs no word.
        if len(kinds) > 1:
            lines += [f"{line}&nbsp;{escape(name)}" for name, line in kinds.items()]
        self._label.setText("<br>".join(lines))
        bar = self.verticalScrollBar()
        width = self._label.sizeHint().width() + (0 if bar is None else bar.sizeHint().width())
        self.setFixedWidth(min(width, _WIDEST))
        self._label.setToolTip("\n".join(self._names))
        self.setVisible(bool(curves))
