"""The marks of the evidence in one camera view.

Observed: a cross in the keypoint's colour. Expected: a white ring. An arrow leads from one to the
other, red where the view was set aside. Curves are what the other views allow: white those of
agreeing views, red those of views that were set aside. Triangles are the single prediction sets.
What is white is dark on an empty light canvas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QTimer

from napari_pose3d.gui.camera_views.canvas.camera_view import CameraView
from napari_pose3d.gui.camera_views.canvas.tool_layers import Marks

from .evidence import CURVE_POINTS, ViewEvidence

Float64 = NDArray[np.float64]
Rgba = tuple[float, float, float, float]

_SHAFT, _BARB = 14, 4
_ARROW = _SHAFT + 2 * _BARB
# px of the screen
_CROSS, _RING, _DOT, _LINE, _MEMBER, _CHOSEN = 9.0, 11.0, 3.0, 2.0, 10.0, 15.0
_WHITE: Rgba = (1.0, 1.0, 1.0, 1.0)
_DARK: Rgba = (0.2, 0.2, 0.2, 1.0)
_PALE = 0.8
_RED: Rgba = (1.0, 0.3, 0.25, 1.0)
# Shorter arrows, px of the image, are no arrows.
_SHORTEST = 1.0
_BARB_PART, _LONGEST_BARB = 0.25, 8.0
# Steps along a curve in which it is looked for in the canvas.
_FINE = 2000
_CAMERA_MS = 30


class EvidenceMarks:
    """Draws what `Evidence` says of one view.

    Parameters
    ----------
    view : CameraView
    most : int
        Of keypoints.
    n_lines, n_members : int
        Other views, and prediction sets.
    """

    def __init__(self, view: CameraView, most: int, n_lines: int, n_members: int) -> None:
        self.view = view
        self.room = (most, n_lines, n_members)
        counts = {
            "lines": n_lines * CURVE_POINTS,
            "arrows": most * _ARROW,
            "members": n_members,
            "observed": most,
            "expected": most,
        }
        self._parts: dict[str, slice] = {}
        start = 0
        for name, count in counts.items():
            self._parts[name] = slice(start, start + count)
            start += count
        self._count = start
        self._marks = Marks(view, "why", np.full(start, _DOT))
        size = np.full(start, _DOT)
        size[self._parts["lines"]] = _LINE
        size[self._parts["members"]] = _MEMBER
        size[self._parts["observed"]] = _CROSS
        self._size = size
        symbol = np.full(start, "disc", dtype=object)
        symbol[self._parts["members"]] = "triangle_up"
        symbol[self._parts["observed"]] = "x"
        self._symbol = symbol.tolist()
        self._shown: tuple[Any, ...] = (None, (), "", {})
        self._timer = QTimer(view)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_CAMERA_MS)
        self._timer.timeout.connect(self._follow_camera)
        camera = view.model.scene.camera.events
        for moved in (camera.zoom, camera.center):
            moved.connect(self._on_camera)

    def show(
        self,
        evidence: ViewEvidence | None,
        keypoints: Sequence[str],
        keypoint: str,
        colours: Mapping[str, Rgba],
    ) -> None:
        """Draw it, or nothing."""
        self._shown = evidence, keypoints, keypoint, colours
        at = np.full((self._count, 2), np.nan)
        face, border = np.zeros((self._count, 4)), np.zeros((self._count, 4))
        width, size = np.zeros(self._count), self._size.copy()
        if evidence is not None:
            self._lines(evidence, at, face, border)
            self._arrows(evidence, at, face, border)
            parts = self._parts
            n = len(keypoints)
            observed = slice(parts["observed"].start, parts["observed"].start + n)
            expected = slice(parts["expected"].start, parts["expected"].start + n)
            at[observed], at[expected] = evidence.observed, evidence.expected
            face[observed] = border[observed] = [colours.get(name, _WHITE) for name in keypoints]
            border[expected], width[expected], size[expected] = self._plain, 0.18, _RING
            if keypoint in keypoints:
                size[expected.start + list(keypoints).index(keypoint)] = _CHOSEN
            members = evidence.members[: self.room[2]]
            rows = slice(parts["members"].start, parts["members"].start + len(members))
            at[rows], face[rows] = members, colours.get(keypoint, _WHITE)
            border[rows], width[rows] = self._plain, 0.15
        self._marks.show(
            at, face=face, border=border, border_width=width, size=size, symbol=self._symbol
        )

    def remove(self) -> None:
        """Take everything off the view."""
        self._timer.stop()
        camera = self.view.model.scene.camera.events
        for moved in (camera.zoom, camera.center):
            moved.disconnect(self._on_camera)
        self._marks.remove()

    def _on_camera(self) -> None:
        evidence = self._shown[0]
        if evidence is not None and evidence.lines:
            self._timer.start()

    def _follow_camera(self) -> None:
        """The dots of a curve lie in what the canvas shows of it."""
        self.show(*self._shown)

    @property
    def _plain(self) -> Rgba:
        """Of what is neither a keypoint's nor red."""
        return _DARK if self.view.lies_on_white else _WHITE

    def _lines(self, evidence: ViewEvidence, at: Float64, face: Float64, border: Float64) -> None:
        start = self._parts["lines"].start
        for i, line in enumerate(evidence.lines[: self.room[1]]):
            rows = slice(start + i * CURVE_POINTS, start + (i + 1) * CURVE_POINTS)
            at[rows] = part_within(line.xy, self.view.seen_rectangle, CURVE_POINTS)
            face[rows] = border[rows] = _RED if line.set_aside else (*self._plain[:3], _PALE)

    def _arrows(self, evidence: ViewEvidence, at: Float64, face: Float64, border: Float64) -> None:
        start = self._parts["arrows"].start
        for i, (tail, head) in enumerate(zip(evidence.observed, evidence.expected, strict=True)):
            length = float(np.hypot(*(head - tail)))
            if not length > _SHORTEST:
                continue
            rows = slice(start + i * _ARROW, start + (i + 1) * _ARROW)
            at[rows] = arrow(tail, head)
            face[rows] = border[rows] = _RED if evidence.set_aside[i] else self._plain


def part_within(
    xy: Float64, rectangle: tuple[float, float, float, float], n_points: int
) -> Float64:
    """Dots along the part of a curve that lies in a rectangle, ``(n_points, 2)``; NaN for none.

    Parameters
    ----------
    xy : (point, 2)
    rectangle : (left, top, right, bottom)
    n_points : int
    """
    along = np.linspace(0, len(xy) - 1, _FINE)
    fine = np.stack([np.interp(along, np.arange(len(xy)), xy[:, axis]) for axis in (0, 1)], axis=1)
    left, top, right, bottom = rectangle
    x, y = fine.T
    inside = np.flatnonzero((x >= left) & (x <= right) & (y >= top) & (y <= bottom))
    if not len(inside):
        return np.full((n_points, 2), np.nan)
    dots = np.linspace(along[inside[0]], along[inside[-1]], n_points)
    return np.stack([np.interp(dots, np.arange(len(xy)), xy[:, axis]) for axis in (0, 1)], axis=1)


def arrow(tail: Float64, head: Float64) -> Float64:
    """Dots along an arrow, ``(dot, 2)``: its shaft, and two barbs at its head."""
    along = head - tail
    shaft = tail + np.linspace(0, 1, _SHAFT)[:, None] * along
    # Long arrows have no longer heads.
    back = -along * min(_BARB_PART, _LONGEST_BARB / max(float(np.hypot(*along)), 1e-9))
    across = 0.5 * np.array([-back[1], back[0]])
    part = np.linspace(0, 1, _BARB + 1)[1:, None]
    return np.concatenate([shaft, head + part * (back + across), head + part * (back - across)])
