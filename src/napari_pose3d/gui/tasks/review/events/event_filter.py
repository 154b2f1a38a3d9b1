"""Which events are listed, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QWidget

from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import ADVICE, Failure

from .kind_colours import kind_icon

_ORDERS = ("worst first", "by time")


class EventFilter(QWidget):
    """By kind, keypoint and view; ``changed`` is emitted when something else was chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self.kinds = _box("Kind of events", "Only events of one kind.")
        self.keypoints = _box("Keypoint of events", "Only events of one keypoint.")
        self.views = _box("View of events", "Only events that name one view.")
        self.order = _box("Order of events", "The order of the list.")
        self.order.addItems(list(_ORDERS))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(3)
        for place, box in enumerate((self.kinds, self.keypoints, self.views, self.order)):
            box.currentIndexChanged.connect(self._on_choice)
            grid.addWidget(box, place // 2, place % 2)
        for column in (0, 1):
            grid.setColumnStretch(column, 1)

    def offer(self, events: Sequence[Event]) -> None:
        """Offer what there is among the events; choices stay where there are any of theirs."""
        self._filling = True
        kinds = Counter(event.kind for event in events)
        self._fill(
            self.kinds,
            f"all kinds ({len(events):,})",
            [(f"{k.value} ({kinds[k]:,})", k) for k in Failure if kinds[k]],
        )
        for row in range(1, self.kinds.count()):
            kind = self.kinds.itemData(row)
            self.kinds.setItemIcon(row, kind_icon(kind))
            self.kinds.setItemData(row, ADVICE.get(kind, ""), Qt.ItemDataRole.ToolTipRole)
        names = Counter(name for event in events for name in event.keypoints)
        views = Counter(name for event in events for name in event.views)
        for box, text, counts in (
            (self.keypoints, "all keypoints", names),
            (self.views, "all views", views),
        ):
            self._fill(box, text, [(f"{name} ({n:,})", name) for name, n in sorted(counts.items())])
        self._filling = False

    def chosen(self, events: Sequence[Event]) -> list[Event]:
        """Those that are listed, in their order."""
        kind, keypoint, view = (
            box.currentData() for box in (self.kinds, self.keypoints, self.views)
        )
        found = [
            event
            for event in events
            if (kind is None or event.kind is kind)
            and (keypoint is None or keypoint in event.keypoints)
            and (view is None or view in event.views)
        ]
        if self.order.currentIndex() == 1:
            found.sort(key=lambda event: (event.start, event.end))
        return found

    def _on_choice(self) -> None:
        if not self._filling:
            self.changed.emit()

    def _fill(self, box: QComboBox, everything: str, entries: Sequence[tuple[str, object]]) -> None:
        chosen = box.currentData()
        box.clear()
        box.addItem(everything, None)
        for text, value in entries:
            box.addItem(text, value)
        box.setCurrentIndex(max(box.findData(chosen), 0))


def _box(name: str, hint: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(hint)
    # The longest choice must not decide on the width of the panel.
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    return box
