"""The row of choices above the traces: what is plotted, how, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QWidget,
)

from napari_pose3d.gui.qt.forms import let_shrink
from napari_pose3d.gui.qt.menu_button import menu_button

_WHAT = "What to plot"


class TraceControls(QWidget):
    """Emits what the user chooses; knows nothing of layers and plots.

    `quantities_changed` is emitted when other quantities, or distances to another keypoint, are to
    be plotted; `shown_changed` when other stages are.
    """

    source_changed = Signal()
    quantities_changed = Signal()
    shown_changed = Signal()
    seconds_changed = Signal()
    fit_clicked = Signal()
    csv_wanted = Signal()
    image_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = _combo("Which view, or the positions in space")
        self.quantity = _combo(_WHAT)
        self.other = _combo("The keypoint to measure the distance to")
        self._other_label = QLabel("&to")
        self._other_label.setBuddy(self.other)
        self.raw = _check("raw", "Thin lines: what the networks gave, one by one and together")
        self.smoothed = _check("smoothed", "Thick lines: what the smoother gave")
        self.seconds = _check("time in seconds", "Instead of frames")
        self.seconds.setChecked(False)
        self._also = QMenu(self)
        self._lay_out()
        self.source.currentTextChanged.connect(lambda _: self.source_changed.emit())
        self.quantity.currentIndexChanged.connect(lambda _: self._on_quantity())
        self.other.currentIndexChanged.connect(lambda _: self.quantities_changed.emit())
        for box in (self.raw, self.smoothed):
            box.toggled.connect(lambda _: self.shown_changed.emit())
        self.seconds.toggled.connect(lambda _: self.seconds_changed.emit())

    def _lay_out(self) -> None:
        bar = QHBoxLayout(self)
        bar.setContentsMargins(0, 0, 0, 0)
        for text, box in (("&Of", self.source), ("&Plot", self.quantity)):
            label = QLabel(text)
            label.setBuddy(box)
            bar.addWidget(label)
            bar.addWidget(box)
        bar.addWidget(menu_button("+", "Plot other quantities as well", self._also))
        bar.addWidget(self._other_label)
        bar.addWidget(self.other)
        shown, export = QMenu(self), QMenu(self)
        for action in (self.raw, self.smoothed, self.seconds):
            shown.addAction(action)
        for text, wanted in (
            ("Curves as &CSV…", self.csv_wanted),
            ("Plots as &image…", self.image_wanted),
        ):
            chosen = export.addAction(text)
            if chosen is not None:
                chosen.triggered.connect(wanted)
        bar.addWidget(menu_button("Show", "What is drawn, and how time is counted", shown))
        fit = QPushButton("&Fit")
        fit.setToolTip("Bring all frames into view (double-click in the plot)")
        fit.clicked.connect(self.fit_clicked)
        bar.addWidget(fit)
        bar.addWidget(menu_button("Export", "Write what is plotted to a file", export))
        bar.addStretch(1)

    # ---------------------------------------------------------------- what is offered

    def offer_sources(self, sources: Sequence[str]) -> None:
        """Offer other views; `source_changed` is emitted in any case: their poses may be others."""
        if not _fill(self.source, sources):
            self.source_changed.emit()

    def offer(self, quantities: Mapping[str, str], keypoints: Sequence[str]) -> None:
        """Offer other quantities, and keypoints to measure distances to; emits nothing.

        Parameters
        ----------
        quantities : mapping of name to label
        """
        self.quantity.blockSignals(True)
        _fill(self.quantity, list(quantities.values()), list(quantities))
        self.quantity.blockSignals(False)
        self._offer_more()
        self.other.blockSignals(True)
        _fill(self.other, keypoints)
        self.other.blockSignals(False)

    def explain(self, notes: Sequence[str]) -> None:
        """Say why quantities of the project are not offered, where the mouse rests."""
        self.quantity.setToolTip("\n".join([_WHAT, *notes]))

    def label_of(self, quantity: str) -> str:
        """What a quantity is called."""
        return self.quantity.itemText(self.quantity.findData(quantity))

    def _on_quantity(self) -> None:
        self._offer_more()
        self.quantities_changed.emit()

    def _offer_more(self) -> None:
        """Every quantity but the one that is plotted anyway can be plotted below it."""
        checked = {action.data() for action in self._also.actions() if action.isChecked()}
        self._also.clear()
        for i in range(self.quantity.count()):
            name = self.quantity.itemData(i)
            if name != self.quantity.currentData():
                action = QAction(self.quantity.itemText(i), self._also)
                action.setCheckable(True)
                action.setData(name)
                action.setChecked(name in checked)
                action.toggled.connect(lambda _: self.quantities_changed.emit())
                self._also.addAction(action)
        self.show_other()

    # ---------------------------------------------------------------- what is chosen

    @property
    def quantities(self) -> list[str]:
        """What is plotted, from top to bottom."""
        first = self.quantity.currentData()
        more = [action.data() for action in self._also.actions() if action.isChecked()]
        return [] if first is None else [first, *more]

    def plot_also(self, *names: str) -> None:
        """Plot exactly these quantities below the first one."""
        for action in self._also.actions():
            action.setChecked(action.data() in names)

    def shows(self, stage: str) -> bool:
        """Whether poses of a stage ("smoothed" or another) are drawn."""
        return (self.smoothed if stage == "smoothed" else self.raw).isChecked()

    def show_other(self) -> None:
        """The other keypoint is there where distances are plotted."""
        measures = "length" in self.quantities
        self.other.setVisible(measures)
        self._other_label.setVisible(measures)


def _check(text: str, hint: str) -> QAction:
    action = QAction(text)
    action.setCheckable(True)
    action.setChecked(True)
    action.setToolTip(hint)
    return action


def _combo(hint: str) -> QComboBox:
    box = QComboBox()
    box.setToolTip(hint)
    box.setAccessibleName(hint)
    let_shrink(box, 7)
    return box


def _fill(box: QComboBox, texts: Sequence[str], data: Sequence[str] | None = None) -> bool:
    """Offer other texts and keep what was chosen where possible; whether the choice is another."""
    before = box.currentText()
    if [box.itemText(i) for i in range(box.count())] == list(texts):
        return False
    box.blockSignals(True)
    box.clear()
    for text, value in zip(texts, data or texts, strict=True):
        box.addItem(text, value)
    if before in texts:
        box.setCurrentText(before)
    box.blockSignals(False)
    if box.currentText() != before:
        box.currentTextChanged.emit(box.currentText())
        return True
    return False
