"""What a label looks like in a table: a sign and a colour for each status, never colour alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import (
    QColor,
    QFontMetricsF,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus, Visibility

Shape = Literal["disc", "disc in ring", "ring", "cross", "dash", "dot", "hidden"]

SIGN_SIZE = 11
"""Width and height of a sign in px of the screen."""

# For tables of the dark and of the light theme; each at least 4.5 times as light or dark as those.
_COLOURS: dict[LabelStatus, tuple[str, str]] = {
    LabelStatus.CLICKED: ("#6cc0f5", "#00518c"),
    LabelStatus.CONFIRMED: ("#2fd3a0", "#005c44"),
    LabelStatus.PROJECTED: ("#f2c14e", "#744b00"),
    LabelStatus.PREDICTED: ("#e3a5cc", "#7d2c63"),
}
_SHAPES: dict[LabelStatus, Shape] = {
    LabelStatus.CLICKED: "disc",
    LabelStatus.CONFIRMED: "disc in ring",
    LabelStatus.PROJECTED: "ring",
    LabelStatus.PREDICTED: "cross",
}
# Radii in px of the screen.
_DISCS: dict[Shape, float] = {"disc": 4.5, "disc in ring": 2.3, "dot": 1.0}
_RINGS: dict[Shape, float] = {"ring": 4.5, "disc in ring": 4.5, "hidden": 3.5}
SUSPECT, ON_SUSPECT = QColor("#b3261e"), QColor("#ffffff")
"""Cell and text of a label that disagrees with the other views, in both themes."""


class Sign(NamedTuple):
    """What is drawn for a label; ``underlined`` where the keypoint is occluded.

    "hidden" is an occluded keypoint without position. A line through the sign would make a cross
    of a cross again.
    """

    shape: Shape
    underlined: bool = False


@dataclass(frozen=True, slots=True)
class CellLook:
    """What is shown of one label.

    Attributes
    ----------
    status : LabelStatus
    visibility : Visibility
    residual : float or None
        px between position and reprojection.
    suspect : bool
        Whether it disagrees with the other views.
    declined : bool
        Whether a person wants no label here.
    """

    status: LabelStatus = LabelStatus.EMPTY
    visibility: Visibility = Visibility.NOT_LABELED
    residual: float | None = None
    suspect: bool = False
    declined: bool = False

    @property
    def sign(self) -> Sign:
        """The sign that stands for it."""
        occluded = self.visibility == Visibility.OCCLUDED
        if self.status in _SHAPES:
            return Sign(_SHAPES[self.status], occluded)
        if occluded:
            return Sign("hidden", True)
        return Sign("dash" if self.declined else "dot")

    @property
    def text(self) -> str:
        """The residual in px, as it fits into a narrow cell; "occ" where that is all."""
        if self.residual is None or math.isnan(self.residual):
            return "occ" if self.visibility == Visibility.OCCLUDED else ""
        return f"{self.residual:.1f}" if self.residual < 99.95 else f"{self.residual:.0f}"

    @property
    def short_text(self) -> str:
        """The same where there is room for three digits only."""
        if self.residual is None or math.isnan(self.residual) or self.residual < 9.95:
            return self.text
        return f"{self.residual:.0f}"

    def words(self, label_key: LabelKey) -> str:
        """All of it in words, for the tooltip and for those who cannot see the sign."""
        if self.status != LabelStatus.EMPTY:
            facts = [self.status.name.lower()]
        else:
            facts = ["no label wanted here" if self.declined else "no label"]
        if self.visibility == Visibility.OCCLUDED:
            facts.append("occluded")
        if self.residual is not None and not math.isnan(self.residual):
            facts.append(f"{self.residual:.1f} px off")
        doubt = "; disagrees with the other views" if self.suspect else ""
        return f"{label_key.keypoint} in {label_key.view}: {', '.join(facts)}{doubt}"


NO_LABEL = CellLook()

LEGEND: tuple[tuple[str, CellLook], ...] = (
    ("clicked", CellLook(LabelStatus.CLICKED)),
    ("confirmed", CellLook(LabelStatus.CONFIRMED)),
    ("projected", CellLook(LabelStatus.PROJECTED)),
    ("predicted", CellLook(LabelStatus.PREDICTED)),
    ("occluded", CellLook(visibility=Visibility.OCCLUDED)),
    ("no label", CellLook()),
    ("none wanted", CellLook(declined=True)),
    ("disagrees", CellLook(LabelStatus.CLICKED, suspect=True)),
)


_MEANINGS = """clicked: placed by hand
confirmed: projected or predicted, and accepted by hand
projected: follows from the labels of other views
predicted: proposed by a network; no label, and in no file, before it is confirmed
occluded: hidden in this view
none wanted: taken away by hand; it is not projected again
disagrees: far from where the labels of the other views put it
Numbers: px between a label and the reprojection of the keypoint's point in space."""


def sign_colour(look: CellLook, palette: QPalette) -> QColor:
    """The colour of a label's sign on a table of the given palette."""
    if look.suspect:
        return ON_SUSPECT
    if look.status not in _COLOURS:
        return palette.color(QPalette.ColorRole.Text)
    dark = palette.color(QPalette.ColorRole.Base).lightness() < 128
    return QColor(_COLOURS[look.status][0 if dark else 1])


def draw_sign(painter: QPainter, rect: QRectF, sign: Sign, colour: QColor) -> None:
    """Draw a sign in the middle of a rectangle."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle, r = rect.center(), SIGN_SIZE / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if sign.shape in _DISCS:
        painter.drawEllipse(middle, _DISCS[sign.shape], _DISCS[sign.shape])
    painter.setPen(QPen(colour, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if sign.shape in _RINGS:
        painter.drawEllipse(middle, _RINGS[sign.shape], _RINGS[sign.shape])
    if sign.shape in ("cross", "hidden"):
        _line(painter, middle, r - 1.8, 1.8 - r)
    if sign.shape == "cross":
        _line(painter, middle, r - 1.8, r - 1.8)
    elif sign.shape == "dash":
        _line(painter, middle, r - 2, 0)
    if sign.underlined:
        _line(painter, middle + QPointF(0, r + 1.5), r - 1, 0)


def _line(painter: QPainter, middle: QPointF, dx: float, dy: float) -> None:
    half = QPointF(dx, dy)
    painter.drawLine(middle - half, middle + half)


class Legend(QWidget):
    """The signs and their meaning, in as many lines as the width needs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: list[QPointF] = []
        self.setAccessibleName("Signs: " + ", ".join(text for text, _ in LEGEND))
        self.setToolTip(_MEANINGS)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Break the lines anew."""
        self._places, height = self._arrange(self.width())
        self.setFixedHeight(height)

    def height_at(self, width: int) -> int:
        """How high it is where it is so wide, px."""
        return self._arrange(width)[1]

    def _arrange(self, width: int) -> tuple[list[QPointF], int]:
        """Where each sign lies, and the height of all lines."""
        metrics = QFontMetricsF(self.font())
        x, y, step = 0.0, 0.0, metrics.height() + 2
        places = []
        for text, _ in LEGEND:
            needed = SIGN_SIZE + 3 + metrics.horizontalAdvance(text) + 8
            if x > 0 and x + needed > width + 8:
                x, y = 0.0, y + step
            places.append(QPointF(x, y))
            x += needed
        return places, math.ceil(y + step)

    def sizeHint(self) -> QSize:  # noqa: N802
        """One line; resizing makes it as many as are needed."""
        return QSize(100, round(QFontMetricsF(self.font()).height()) + 2)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw signs and words."""
        painter = QPainter(self)
        metrics, palette = QFontMetricsF(self.font()), self.palette()
        for (text, look), place in zip(LEGEND, self._places, strict=False):
            sign = QRectF(place.x(), place.y(), SIGN_SIZE, metrics.height())
            if look.suspect:
                painter.fillRect(sign, SUSPECT)
            draw_sign(painter, sign, look.sign, sign_colour(look, palette))
            painter.setPen(palette.color(QPalette.ColorRole.WindowText))
            painter.drawText(place + QPointF(SIGN_SIZE + 3, metrics.ascent()), text)
