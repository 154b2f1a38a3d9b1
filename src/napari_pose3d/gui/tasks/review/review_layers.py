"""The smoothed result of a review as layers, where nothing smoothed is shown yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from napari.layers import Layer
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.projects.alignment.view_alignment import on_images
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.smoothing.certain.local_update import UpdatedStretch
from napari_pose3d.gui.layers.display import Display
from napari_pose3d.gui.layers.frame_window import keep_windows, renew
from napari_pose3d.gui.layers.layer_adder import LayerAdder, can_renew, renew_layers
from napari_pose3d.gui.layers.layer_poses import poses_of
from napari_pose3d.gui.layers.layer_styles import LayerData, tiles_of
from napari_pose3d.gui.layers.recording_layers import result_layers
from napari_pose3d.gui.layers.session_layers import RESULT_KEY, SESSION_KEY, measuring_of
from napari_pose3d.gui.qt.jobs import JobSlot

from .corrections.layer_update import write_stretch
from .review_model import ReviewModel

_LATER_MS = 400


class ReviewLayers(QObject):
    """Adds them once for a review; they go with the session.

    Parameters
    ----------
    viewer : napari viewer
    model : ReviewModel

    Signals: ``progressed`` with stage, done and total while layers are added; ``added``.
    """

    progressed = Signal(str, int, int)
    added = Signal()

    def __init__(self, viewer: Any, model: ReviewModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._model = viewer, model
        self._adding = JobSlot()
        self._display = Display(viewer)
        self._layers: list[Layer] = []
        self._late: list[Layer] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LATER_MS)
        self._timer.timeout.connect(self._redraw_one)

    @property
    def is_adding(self) -> bool:
        return self._adding.job is not None

    def show(self) -> None:
        """Let the viewer show what was smoothed, unless it shows something smoothed already."""
        opened, review = self._model.opened, self._model.review
        if opened is None or review is None:
            return
        staying = [layer for layer in self._viewer.layers if layer not in self._layers]
        if any(_shows_smoothed(layer) for layer in staying):
            return
        layers = self._layers_of(opened.session, review.result, tiles_of(staying))
        if can_renew(self._viewer, self._layers, layers):
            renew_layers(self._layers, layers)
            self.added.emit()
            return
        adder = LayerAdder(self._viewer, layers, self._layers, self)
        adder.progressed.connect(self.progressed)
        adder.succeeded.connect(self._on_added)
        self._adding.start(adder)

    def update(self, stretches: Sequence[UpdatedStretch]) -> None:
        """Let all layers that show the session's results show what was corrected.

        The camera views and the traces draw from the arrays behind the layers and follow at once;
        napari's own canvas a moment later.
        """
        opened, review = self._model.opened, self._model.base
        if opened is None or review is None or not stretches:
            return
        for layer in self._viewer.layers:
            poses = poses_of(layer.metadata)
            mine = layer.metadata.get(SESSION_KEY) == opened.session.name
            if poses is None or not mine or poses.stage == "predicted":
                continue
            for each in stretches:
                written = write_stretch(poses, review.result, self._model.rig, opened.session, each)
                if written and layer not in self._late:
                    self._late.append(layer)
        self._timer.start()

    def stop(self) -> None:
        """Add no more."""
        self._adding.abandon()
        self._timer.stop()

    def _redraw_one(self) -> None:
        """One layer of napari's canvas in each turn of the event loop."""
        layer = self._late.pop() if self._late else None
        if layer is not None and layer in self._viewer.layers:
            poses = poses_of(layer.metadata)
            if poses is not None:
                renew(layer, poses)
        if self._late:
            self._timer.start(0)

    def _on_added(self, layers: list[Layer]) -> None:
        self._adding.abandon()
        self._layers = layers
        self._display.forget()
        self._display.show_2d()
        keep_windows(self._viewer, show_error)
        self.added.emit()

    def _layers_of(self, session: Session, result: Result, placed: Any) -> list[LayerData]:
        drawn = on_images(result.poses2d, session.alignments)
        layers = result_layers(
            replace(result, poses2d=drawn),
            self._model.rig,
            placed=placed,
            colours=session.colours,
            skeleton=session.skeleton,
            measuring=measuring_of(session),
        )
        for _, attributes, _ in layers:
            attributes["metadata"][SESSION_KEY] = session.name
            attributes["metadata"][RESULT_KEY] = True
        return layers


def _shows_smoothed(layer: Layer) -> bool:
    poses = poses_of(layer.metadata)
    return poses is not None and poses.stage == "smoothed" and not poses.is_3d
