"""Keeps the marks of labels in all camera views, whichever there are, up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.gui.camera_views.views_panel import ViewsPanel
from napari_pose3d.gui.layers.colours import keypoint_hex

from ..control.label_controller import LabelController
from .label_marks import LabelMarks
from .loupe import Loupe


class LabelDrawing(QObject):
    """Draws once for all changes that come together.

    Parameters
    ----------
    control : LabelController
    skeleton : pairs of keypoints
    colours : mapping of keypoint to ``#rrggbb``
        Those that the user chose.

    Signals: ``drawn`` when everything is up to date.
    """

    drawn = Signal()

    def __init__(
        self,
        control: LabelController,
        skeleton: Sequence[tuple[str, str]],
        colours: Mapping[str, str],
    ) -> None:
        super().__init__()
        self._control = control
        self._skeleton, self._colours = skeleton, colours
        self._hexes = keypoint_hex(control.labeling.keypoints, colours)
        self._marks: dict[str, LabelMarks] = {}
        self._loupe: tuple[str, Loupe] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.draw)
        control.changed.connect(self._timer.start)
        control.pointed.connect(self._show_loupe)
        # At once: the images of another frame are never painted with the marks of the one before.
        control.panel.shown.connect(self.draw)
        self.draw()

    @property
    def panel(self) -> ViewsPanel:
        return self._control.panel

    def draw(self) -> None:
        """Draw the frame's labels in every view that is seen."""
        self._timer.stop()
        views = self.panel.views
        for name in set(self._marks) - set(views):
            # The view has gone, and its layers with it.
            del self._marks[name]
        for name in self._control.views:
            view = views[name]
            marks = self._marks.get(name)
            if marks is None or marks.view is not view:
                marks = LabelMarks(view, self._control, self._skeleton, self._colours)
                self._marks[name] = marks
            marks.show()
        self._show_loupe()
        self.drawn.emit()

    def close(self) -> None:
        """Take all marks off the views that are still there."""
        self._timer.stop()
        self.panel.shown.disconnect(self.draw)
        for name, marks in self._marks.items():
            if self.panel.views.get(name) is marks.view:
                marks.remove()
        self._marks.clear()
        self._end_loupe()

    # ------------------------------------------------------------------ loupe

    def _show_loupe(self) -> None:
        control = self._control
        image = self.panel.images.get(control.view)
        view = self.panel.views.get(control.view)
        wanted = control.loupe and control.pointer is not None and self.panel.is_settled
        if not wanted or view is None or image is None or image.data is None:
            self._end_loupe()
            return
        if self._loupe is None or self._loupe[0] != control.view:
            self._end_loupe()
            self._loupe = (control.view, Loupe(view.native))
        marks = [
            (*label.position, self._hexes[label_key.keypoint])
            for label_key, label in control.labeling.labels(control.frame).items()
            if label_key.view == control.view and label.position is not None
        ]
        assert control.pointer is not None
        video = view.source.video
        brightest = 255 if video is None else 2**video.bits - 1
        self._loupe[1].show_at(image.data, control.pointer, marks, limits=(0, brightest))
        self._loupe[1].show()

    def _end_loupe(self) -> None:
        if self._loupe is not None:
            name, loupe = self._loupe
            self._loupe = None
            if name in self.panel.views:
                loupe.hide()
                loupe.setParent(None)
                loupe.deleteLater()
