"""The strip of all frames with the choice of its rows."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from napari_pose3d.core.review.decisions.thresholds import THRESHOLDS

from .heat_feed import HeatFeed
from .heat_rows import Rows
from .heat_strip import HeatStrip

_ROWS: tuple[tuple[Rows, str, str], ...] = (
    ("kind", "by kind", "A row for each kind of event."),
    ("keypoint", "by keypoint", "A row for each keypoint."),
    ("view", "by view", "A row for each view."),
    ("measure", "by quantity", "A row for each quantity that is compared with a bar."),
)


class TimelinePanel(QWidget):
    """Chooses what `HeatFeed` shows, and shows it.

    Parameters
    ----------
    feed : HeatFeed

    Signals: those of `HeatStrip`; ``traces_wanted`` when the strip is wanted above the traces.
    """

    frame_chosen = Signal(int)
    event_wanted = Signal(int)
    traces_wanted = Signal()

    def __init__(self, feed: HeatFeed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._feed = feed
        self.strip = HeatStrip()
        self.rows = QComboBox()
        self.rows.setAccessibleName("Rows of the timeline")
        for name, text, hint in _ROWS:
            self.rows.addItem(text, name)
            self.rows.setItemData(self.rows.count() - 1, hint, 3)
        self.rows.setToolTip("What each row of the timeline is.")
        self.measure = QComboBox()
        self.measure.setAccessibleName("Quantity of the timeline")
        self.measure.setToolTip("The colour: how many times its bar a quantity is.")
        self.measure.addItem("worst of all", "")
        for threshold in THRESHOLDS.values():
            self.measure.addItem(threshold.label, threshold.name)
        for box in (self.rows, self.measure):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(5)
            box.currentIndexChanged.connect(self._choose)
        above = QToolButton()
        above.setText("Traces")
        above.setToolTip("Open the panel Traces, with this strip above the curves.")
        above.clicked.connect(self.traces_wanted)
        top = QHBoxLayout()
        top.setSpacing(3)
        top.addWidget(self.rows, 1)
        top.addWidget(self.measure, 1)
        top.addWidget(above)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(top)
        column.addWidget(self.strip)
        self.strip.frame_chosen.connect(self.frame_chosen)
        self.strip.event_wanted.connect(self.event_wanted)
        feed.add(self.strip)
        self._choose()

    def _choose(self) -> None:
        by: Rows = self.rows.currentData()
        # A kind has its own quantity, and quantities are rows of their own.
        self.measure.setEnabled(by in ("keypoint", "view"))
        self._feed.choose(by, self.measure.currentData() if self.measure.isEnabled() else "")
