"""What is drawn of labels in one camera view.

A filled disc is a label that a person placed, with a white rim when it was accepted; a ring is
projected, a cross predicted; a diamond is occluded. A small white ring shows where the labels of
all views together put the keypoint. What disagrees has a red rim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.labels.store.label import Label, LabelKey, LabelStatus, Visibility
from napari_pose3d.gui.camera_views.canvas.camera_view import CameraView
from napari_pose3d.gui.camera_views.canvas.overlays import BONE_DOTS, dots, ellipse
from napari_pose3d.gui.camera_views.canvas.tool_layers import Marks
from napari_pose3d.gui.layers.colours import NEUTRAL, keypoint_hex
from napari_pose3d.gui.layers.view_layout import bones_of

from ..control.label_controller import LabelController

Float64 = NDArray[np.float64]

_CURVE_DOTS, _ELLIPSE_DOTS = 160, 40
# px of the screen
_LABEL, _RING, _SELECTION, _DOT, _BOLD, _END = 11.0, 8.0, 22.0, 2.0, 4.0, 9.0
_WHITE, _RED, _CLEAR = (1.0, 1.0, 1.0, 1.0), (1.0, 0.2, 0.15, 1.0), (0.0, 0.0, 0.0, 0.0)
_DARK = (0.0, 0.0, 0.0, 1.0)


class LabelMarks:
    """The marks of one view; see the module for what they mean.

    Parameters
    ----------
    view : CameraView
    control : LabelController
    skeleton : pairs of keypoints
    colours : mapping of keypoint to ``#rrggbb``
        Those that the user chose.
    """

    def __init__(
        self,
        view: CameraView,
        control: LabelController,
        skeleton: Sequence[tuple[str, str]],
        colours: Mapping[str, str],
    ) -> None:
        self.view = view
        self._control = control
        self._names = control.labeling.keypoints
        self._bones = bones_of(self._names, skeleton)
        hexes = keypoint_hex(self._names, colours)
        self._rgba = np.array([_rgba(hexes[name]) for name in self._names])
        k, n_bone_dots = len(self._names), len(self._bones) * BONE_DOTS
        # From back to front.
        self._parts = _slices(
            bones=n_bone_dots,
            curve=_CURVE_DOTS,
            ends=2,
            ellipse=_ELLIPSE_DOTS,
            labels=k,
            rings=k,
            selection=1,
        )
        self._count = self._parts["selection"].stop
        self._marks = Marks(view, "labels", np.full(self._count, _DOT))

    def show(self) -> None:
        """Draw the labels of the frame that the view shows."""
        control = self._control
        at = np.full((self._count, 2), np.nan)
        face, border = np.tile(_CLEAR, (self._count, 1)), np.tile(_CLEAR, (self._count, 1))
        width, size = np.zeros(self._count), np.full(self._count, _DOT)
        symbol = ["disc"] * self._count
        looks = (at, face, border, width, size)
        if control.frame >= 0 and not control.marks_hidden and self.view.frame == control.frame:
            labels = [control.label(LabelKey(self.view.name, name)) for name in self._names]
            self._labels(labels, looks, symbol)
            self._skeleton(at, face, border)
            self._geometry(labels, looks)
        self._marks.show(at, face=face, border=border, border_width=width, size=size, symbol=symbol)

    def remove(self) -> None:
        """Take everything off the view."""
        self._marks.remove()

    # ------------------------------------------------------------------ parts

    def _labels(
        self, labels: Sequence[Label], looks: tuple[Float64, ...], symbol: list[str]
    ) -> None:
        at, face, border, width, size = looks
        geometry = self._control.geometry
        first = self._parts["labels"].start
        for k, (name, label) in enumerate(zip(self._names, labels, strict=True)):
            row, colour = first + k, self._rgba[k]
            if label.position is None:
                continue
            at[row] = label.position
            size[row] = _LABEL
            occluded = label.visibility == Visibility.OCCLUDED
            symbol[row] = "diamond" if occluded else "disc"
            if label.status == LabelStatus.PREDICTED:
                symbol[row] = "x"
                face[row] = border[row] = colour
            elif label.status == LabelStatus.PROJECTED:
                border[row], width[row] = colour, 0.22
            else:
                face[row] = colour
                confirmed = label.status == LabelStatus.CONFIRMED
                border[row], width[row] = (_WHITE, 0.2) if confirmed else (_DARK, 0.1)
            if geometry is not None and geometry.suspect(name) == self.view.name:
                border[row], width[row], size[row] = _RED, 0.3, 1.5 * _LABEL
        current = labels[self._names.index(self._control.keypoint)]
        where = current.position
        row = self._parts["selection"].start
        if where is not None:
            at[row] = where
            border[row], width[row], size[row] = _WHITE, 0.07, _SELECTION

    def _skeleton(self, at: Float64, face: Float64, border: Float64) -> None:
        part = self._parts["bones"]
        if not len(self._bones):
            return
        at[part] = dots(at[self._parts["labels"]], self._bones)
        face[part] = border[part] = (*_rgba(NEUTRAL)[:3], 0.9)
        geometry = self._control.geometry
        if geometry is None:
            return
        for i in geometry.odd_bones(self._bones, self._control.labeling.distances):
            rows = slice(part.start + i * BONE_DOTS, part.start + (i + 1) * BONE_DOTS)
            face[rows] = border[rows] = _RED

    def _geometry(self, labels: Sequence[Label], looks: tuple[Float64, ...]) -> None:
        at, _, border, width, size = looks
        geometry = self._control.geometry
        if geometry is None or self.view.name not in geometry.views:
            return
        first = self._parts["rings"].start
        for k, (name, label) in enumerate(zip(self._names, labels, strict=True)):
            # What is projected lies there itself.
            if label.status == LabelStatus.PROJECTED:
                continue
            where = geometry.reprojection(LabelKey(self.view.name, name))
            if where is not None:
                row = first + k
                at[row] = where
                border[row], width[row], size[row] = _WHITE, 0.2, _RING
        self._uncertainty(looks)
        self._curve(looks)

    def _uncertainty(self, looks: tuple[Float64, ...]) -> None:
        at, face, border, _, _ = looks
        geometry = self._control.geometry
        assert geometry is not None
        label_key = LabelKey(self.view.name, self._control.keypoint)
        where, spread = geometry.reprojection(label_key), geometry.uncertainty(label_key)
        if where is not None and spread is not None:
            part = self._parts["ellipse"]
            at[part] = ellipse(np.array(where), spread, _ELLIPSE_DOTS)[:, ::-1]
            face[part] = border[part] = _WHITE

    def _curve(self, looks: tuple[Float64, ...]) -> None:
        at, face, border, width, size = looks
        curve = self._control.curves.get(self.view.name)
        if curve is None:
            return
        part, ends = self._parts["curve"], self._parts["ends"]
        along = curve.whole
        depth = np.interp(
            np.linspace(0, 1, _CURVE_DOTS), np.linspace(0, 1, len(along)), along.depth
        )
        for axis in (0, 1):
            at[part, axis] = np.interp(depth, along.depth, along.xy[:, axis])
        colour = self._rgba[self._names.index(self._control.keypoint)]
        face[part] = border[part] = colour
        if curve.likely is not None:
            near, far = curve.likely.depth[[0, -1]]
            size[part] = np.where((depth >= near) & (depth <= far), _BOLD, _DOT)
        at[ends] = along.xy[[0, -1]]
        size[ends] = _END
        face[ends.start] = colour
        border[ends], width[ends] = colour, 0.25


def _slices(**counts: int) -> dict[str, slice]:
    found, start = {}, 0
    for name, count in counts.items():
        found[name] = slice(start, start + count)
        start += count
    return found


def _rgba(colour: str) -> tuple[float, float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, 1.0
