"""All that is known of a calibration, on one page in a window of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.calibration.report.error_map import error_map
from napari_pose3d.core.calibration.rig_calibration import Calibration
from napari_pose3d.gui.qt.message_text import MessageLabel

from ..make.calibration_job import BoardCutout, Found
from .image_gallery import ImageGallery
from .map_view import MapGrid
from .result_tables import (
    all_verdicts,
    cameras_table,
    comparison_table,
    excluded_text,
    headline,
    lenses_table,
    measures_table,
    pairs_table,
    summary,
)
from .table_view import TableView
from .verdict_list import VerdictList

_MAPS = (
    "Mean residuals over each image, the rig's corner seen from the one that was found; orange "
    "above 0.3 px. Arrows in all directions are noise. Arrows that turn or point outwards "
    "together: the lens needs another model. Dark: no corner was seen there."
)


class ResultPage(QWidget):
    """Verdicts and figures, and the worst images beside them on a page of their own.

    ``refit_wanted`` is emitted with the frames to take out besides those that are out already,
    ``undo_wanted`` when the fit before is wanted back, ``cutouts_wanted`` when the worst images
    are looked at for the first time.
    """

    refit_wanted = Signal(object)
    undo_wanted = Signal()
    cutouts_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Calibration result")
        self.resize(1080, 720)
        self.verdicts = VerdictList()
        self._headline, self._notes, self._excluded = MessageLabel(), MessageLabel(), MessageLabel()
        self.comparison, self.measures = TableView(), TableView()
        self.cameras, self.pairs, self.lenses = TableView(), TableView(), TableView()
        self._maps = MapGrid()
        figures = QWidget()
        column = QVBoxLayout(figures)
        for part in (
            self._headline,
            self.verdicts,
            self.comparison,
            self.measures,
            self.cameras,
            self.pairs,
            self.lenses,
            self._excluded,
            self._notes,
        ):
            column.addWidget(part)
        column.addStretch(1)

        self.gallery = ImageGallery()
        self.gallery.changed.connect(self._refresh)
        self._refit = QPushButton("&Repeat the fit without the checked frames")
        self._refit.clicked.connect(lambda: self.refit_wanted.emit(self.gallery.checked))
        self._undo = QPushButton("&Undo")
        self._undo.setToolTip("Back to the fit before.")
        self._undo.clicked.connect(self.undo_wanted)
        self._gallery_note = QLabel("Cutting out the images…")
        worst = QWidget()
        rows = QVBoxLayout(worst)
        rows.addWidget(
            MessageLabel(
                "The images with the largest residuals. Take one out where the board is blurred, "
                "bent or wrongly found; a good image that does not fit tells of a fault elsewhere."
            )
        )
        rows.addWidget(self._gallery_note)
        rows.addWidget(self.gallery)
        rows.addStretch(1)

        self.tabs = QTabWidget()
        self.tabs.addTab(_scrolled(figures), "&Figures")
        self.tabs.addTab(_scrolled(worst), "&Worst images")
        maps = QWidget()
        below = QVBoxLayout(maps)
        below.addWidget(MessageLabel(_MAPS))
        below.addWidget(self._maps)
        below.addStretch(1)
        self.tabs.addTab(_scrolled(maps), "&Error maps")
        self.tabs.currentChanged.connect(self._on_tab)
        buttons = QHBoxLayout()
        buttons.addWidget(self._refit)
        buttons.addWidget(self._undo)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)
        layout.addLayout(buttons)
        self._cutouts_shown = False
        self._busy = self._has_before = False
        self._refresh()

    def show_result(
        self,
        found: Found,
        calibration: Calibration,
        before: Calibration | None,
        images: Mapping[str, NDArray[np.uint8]],
    ) -> None:
        """Show a calibration.

        Parameters
        ----------
        before : Calibration or None
            The one to compare it with, which Undo brings back.
        images : mapping of view to (height, width) uint8
            What lies below the maps of errors.
        """
        self._headline.show_message(f"{summary(calibration)} {headline(calibration)}")
        self.verdicts.show_verdicts(all_verdicts(calibration))
        self.measures.show_table(measures_table(calibration))
        self.cameras.show_table(cameras_table(calibration, found.rates))
        self.pairs.show_table(pairs_table(calibration))
        self.lenses.show_table(lenses_table(calibration))
        views = calibration.observations.views
        self._maps.show_maps(
            [error_map(calibration, view) for view in range(len(views))],
            dict(images),
            {view: calibration.coverages[i].missing() for i, view in enumerate(views)},
        )
        self.comparison.setVisible(False)
        if before is not None:
            self.comparison.show_table(comparison_table(before, calibration))
        self._excluded.show_message(excluded_text(calibration.excluded))
        origin = f"The world begins at {calibration.origin}."
        self._notes.show_message("\n".join((origin, *(f"Note: {n}" for n in calibration.notes))))
        self._has_before = before is not None
        self._cutouts_shown = False
        self.gallery.show_cutouts([])
        self._gallery_note.show()
        self._refresh()
        self._on_tab(self.tabs.currentIndex())

    def show_cutouts(self, cutouts: Sequence[BoardCutout]) -> None:
        """Show the worst images."""
        self._gallery_note.hide()
        self.gallery.show_cutouts(cutouts)
        self._refresh()

    def set_busy(self, busy: bool) -> None:
        """No second fit while a job runs."""
        self._busy = busy
        self._refresh()

    def _on_tab(self, index: int) -> None:
        if index == 1 and not self._cutouts_shown and self.isVisible():
            self._cutouts_shown = True
            self.cutouts_wanted.emit()

    def _refresh(self) -> None:
        self._refit.setEnabled(bool(self.gallery.checked) and not self._busy)
        self._undo.setEnabled(self._has_before and not self._busy)


def _scrolled(widget: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    return area
