"""What is drawn over an image: keypoints, trails, skeleton, uncertainty.

All of it is one Points layer with a constant number of rows, which are moved from frame to frame:
napari takes ten times as long to change the number of rows, and its lines are compiled anew by the
graphics driver each time that they move. So lines are rows of dots, and what is hidden lies far
outside the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.gui.layers.colours import NEUTRAL, keypoint_rgba
from napari_pose3d.gui.layers.layer_poses import LayerPoses
from napari_pose3d.gui.layers.view_layout import bones_of
from napari_pose3d.gui.qt.napari_private import draw_marks_only, redraw_points

from ..frames.view_source import ViewSource, best_of
from .layout_state import LayoutState

Float64 = NDArray[np.float64]

TRAIL_FRAMES = 12
BONE_DOTS = 9
_SYMBOLS = {"predicted": "x", "raw": "disc", "smoothed": "disc"}
_MARK, _SELECTED = 9.0, 1.6
_DOT, _TRAIL = 0.22 * _MARK, 0.3 * _MARK
# At most so many times its size in px of the image a mark has on the screen: it must not hide
# what it marks where one looks closely.
_LARGEST = 1.6
# Radius of the ellipse that holds 95 % of a Gaussian in the plane, in standard deviations.
_ELLIPSE = 2.4477
_ELLIPSE_DOTS = 40
_AWAY = -1e6
_WHITE = (1.0, 1.0, 1.0, 1.0)


class Overlays:
    """The marks over one image.

    Parameters
    ----------
    model : ViewerModel
        Gets the layer.
    canvas : QtViewer
        That of the model.
    source : ViewSource
    skeleton : pairs of keypoints
    """

    def __init__(
        self, model: Any, canvas: Any, source: ViewSource, skeleton: Sequence[tuple[str, str]]
    ) -> None:
        self._canvas: Any = canvas
        self._poses = list(source.poses)
        self._best = best = source.best()
        self._bones = bones_of(() if best is None else best.keypoints, skeleton)
        self.names: list[tuple[str, LayerPoses]] = [
            (name, poses) for poses in self._poses for name in poses.keypoints
        ]
        self._positions: Float64 = np.full((len(self.names), 2), np.nan)
        self._shown: NDArray[np.bool_] = np.zeros(len(self.names), bool)
        self._zoom = 1.0
        self._selected = ""
        self._swapped = next((p for p in self._poses if p.swapped is not None), None)
        self._layer = None if best is None else self._add_layer(model, best)

    def remove(self, model: Any) -> None:
        """Take the layer out again."""
        if self._layer is not None and self._layer in model.layers:
            model.layers.remove(self._layer)

    def release(self) -> None:
        """Hold the canvas no longer: it has been closed."""
        self._canvas = None

    def nearest(self, x: float, y: float, within: float) -> tuple[str, LayerPoses] | None:
        """The shown keypoint nearest to a pixel, if it is not further than so many px."""
        if not self._shown.any():
            return None
        distance = np.hypot(*(self._positions - (y, x)).T)
        distance[~self._shown] = np.inf
        row = int(np.argmin(distance))
        return self.names[row] if distance[row] <= within else None

    def position(self, keypoint: str) -> tuple[float, float] | None:
        """(x, y) of a keypoint in the frame shown, by the best poses that have it."""
        for (name, _), at in zip(reversed(self.names), self._positions[::-1], strict=True):
            if name == keypoint and np.isfinite(at).all():
                return float(at[1]), float(at[0])
        return None

    def shown_positions(self) -> dict[tuple[str, str], tuple[float, float]]:
        """(x, y) of what is drawn, by keypoint and stage."""
        return {
            (name, poses.stage): (float(at[1]), float(at[0]))
            for (name, poses), at, shown in zip(
                self.names, self._positions, self._shown, strict=True
            )
            if shown
        }

    def show(self, frame: int, settings: LayoutState, selected: str) -> None:
        """Draw a frame."""
        layer, best = self._layer, self._best
        if layer is None or best is None:
            return
        leading = self._leading(best, settings)
        rows = np.concatenate(
            [
                self._trails(leading, frame, settings),
                self._skeleton(leading, frame, settings),
                self._ellipses(frame, settings, selected),
                self._swaps(frame, settings),
                self._marks(frame, settings),
            ]
        )
        rows[~np.isfinite(rows).all(axis=1)] = _AWAY
        # In place, and without what napari would look at again: nothing of it has changed.
        layer.data[...] = rows
        redraw_points(self._canvas, layer)
        self._selected = selected
        self._set_sizes()

    def set_zoom(self, zoom: float) -> None:
        """Say how many px of the canvas a px of the image has."""
        # The wheel turns in many small steps.
        if abs(np.log(zoom / self._zoom)) > 0.1:
            self._zoom = zoom
            self._set_sizes()

    # ---------------------------------------------------------------- the rows

    def _add_layer(self, model: Any, best: LayerPoses) -> Any:
        trails = np.repeat(keypoint_rgba(best.palette), TRAIL_FRAMES, axis=0)
        trails[:, 3] = np.tile(np.linspace(0.75, 0.1, TRAIL_FRAMES), len(best.keypoints))
        grey = [int(NEUTRAL[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        lines = np.tile([*grey, 0.9], (len(self._bones) * BONE_DOTS, 1))
        ellipses = np.tile(_WHITE, (2 * _ELLIPSE_DOTS, 1))
        swaps: NDArray[Any] = np.zeros((0, 4))
        if self._swapped is not None:
            swaps = keypoint_rgba(self._swapped.palette)[list(self._swapped.counterparts)]
        marks = np.concatenate([keypoint_rgba(poses.palette) for poses in self._poses])
        rings = np.array([poses.stage == "raw" for _, poses in self.names])
        borders = np.concatenate([trails, lines, ellipses, swaps, marks])
        faces = borders.copy()
        n_before = len(borders) - len(marks)
        faces[n_before:][rings] = 0
        self._sizes = np.concatenate(
            [
                np.full(len(trails), _TRAIL),
                np.full(len(lines) + len(ellipses), _DOT),
                np.full(len(swaps), _MARK),
                np.where(rings, 1.5 * _MARK, _MARK),
            ]
        )
        layer = model.add_points(
            np.full((len(borders), 2), _AWAY),
            name="keypoints",
            face_color=faces,
            border_color=borders,
            border_width=np.concatenate([np.zeros(n_before), np.where(rings, 0.18, 0.0)]),
            symbol=["disc"] * n_before + [_SYMBOLS[poses.stage] for _, poses in self.names],
            size=self._sizes,
            canvas_size_limits=(1, 60),
            opacity=1.0,
        )
        # Nothing in a view can be changed by napari's own tools.
        layer.editable = False
        draw_marks_only(self._canvas, layer)
        return layer

    def _set_sizes(self) -> None:
        if self._layer is None:
            return
        sizes = self._sizes * min(1.0, _LARGEST / self._zoom)
        if self._selected:
            chosen = np.array([name == self._selected for name, _ in self.names])
            sizes[len(sizes) - len(chosen) :][chosen] *= _SELECTED
        if not np.array_equal(self._layer.size, sizes):
            self._layer.size = sizes

    def _marks(self, frame: int, settings: LayoutState) -> Float64:
        parts, visible = [], []
        for poses in self._poses:
            xy = at_frame(poses.positions, frame)
            parts.append(xy[:, ::-1])
            visible.append(self._visible(poses, frame, settings) & np.isfinite(xy).all(axis=1))
        self._positions = np.concatenate(parts).astype(np.float64)
        self._shown = np.concatenate(visible)
        return np.where(self._shown[:, None], self._positions, np.nan)

    def _leading(self, best: LayerPoses, settings: LayoutState) -> LayerPoses:
        """Whose trails and skeleton are drawn: the best of those that are not switched off."""
        seen = [
            poses
            for poses in self._poses
            if poses.keypoints == best.keypoints and not _switched_off(poses, settings)
        ]
        return best_of(seen) or best

    def _visible(self, poses: LayerPoses, frame: int, settings: LayoutState) -> NDArray[np.bool_]:
        shown = np.array([name not in settings.hidden_keypoints for name in poses.keypoints])
        if _switched_off(poses, settings):
            shown[:] = False
        # A smoothed position does not stand or fall with the likelihood of a single frame.
        if (
            poses.stage != "smoothed"
            and settings.min_likelihood > 0
            and poses.confidence is not None
        ):
            shown &= at_frame(poses.confidence, frame) >= settings.min_likelihood
        return shown

    def _trails(self, best: LayerPoses, frame: int, settings: LayoutState) -> Float64:
        past = np.full((TRAIL_FRAMES, len(best.keypoints), 2), np.nan)
        if settings.trails:
            before = best.positions[max(frame - TRAIL_FRAMES, 0) : max(frame, 0)][::-1]
            past[: len(before)] = before
            past[:, ~self._visible(best, frame, settings)] = np.nan
        return past.transpose(1, 0, 2).reshape(-1, 2)[:, ::-1]

    def _skeleton(self, best: LayerPoses, frame: int, settings: LayoutState) -> Float64:
        if not settings.skeleton or not len(self._bones):
            return np.full((len(self._bones) * BONE_DOTS, 2), np.nan)
        yx = at_frame(best.positions, frame)[:, ::-1].astype(np.float64)
        yx[~self._visible(best, frame, settings)] = np.nan
        return dots(yx, self._bones)

    def _ellipses(self, frame: int, settings: LayoutState, selected: str) -> Float64:
        """That of the ensemble, and that of the smoother, of the selected keypoint."""
        rows = np.full((2, _ELLIPSE_DOTS, 2), np.nan)
        for i, stage in enumerate(("raw", "smoothed")):
            poses = next((p for p in self._poses if p.stage == stage), None)
            if not settings.ellipses or poses is None or poses.variance is None:
                continue
            if selected in poses.keypoints and stage not in settings.hidden_stages:
                k = poses.keypoints.index(selected)
                centre = at_frame(poses.positions, frame)[k]
                rows[i] = ellipse(centre, np.diag(at_frame(poses.variance, frame)[k]))
        return rows.reshape(-1, 2)

    def _swaps(self, frame: int, settings: LayoutState) -> Float64:
        """Fill the rings of keypoints in their counterpart's place with that one's colour."""
        poses = self._swapped
        if poses is None or poses.swapped is None:
            return np.zeros((0, 2))
        yx = at_frame(poses.positions, frame)[:, ::-1].astype(np.float64)
        swapped = at_frame(poses.swapped, frame) == 1
        yx[~(swapped & self._visible(poses, frame, settings))] = np.nan
        return yx


def _switched_off(poses: LayerPoses, settings: LayoutState) -> bool:
    hidden_set = poses.stage == "predicted" and poses.prediction_set in settings.hidden_sets
    return poses.stage in settings.hidden_stages or hidden_set


def at_frame(array: NDArray[Any], frame: int) -> NDArray[Any]:
    """One frame of an array; NaN beyond its end."""
    if 0 <= frame < len(array):
        return np.asarray(array[frame])
    return np.full(array.shape[1:], np.nan)


def dots(points: Float64, pairs: NDArray[np.integer[Any]], count: int = BONE_DOTS) -> Float64:
    """Dots along the lines between pairs of points, ``(pair * count, axis)``; NaN where one is."""
    along = (np.arange(count) + 1.0) / (count + 1.0)
    start, end = points[pairs[:, 0]], points[pairs[:, 1]]
    between = start[:, None] + along[None, :, None] * (end - start)[:, None]
    return np.asarray(between.reshape(-1, points.shape[1]))


def ellipse(centre: NDArray[Any], covariance: NDArray[Any], count: int = _ELLIPSE_DOTS) -> Float64:
    """Dots on the ellipse that holds 95 % of a Gaussian, ``(count, 2)`` in (y, x).

    Parameters
    ----------
    centre : (2,)
        x, y in px.
    covariance : (2, 2)
        px^2; NaN, or NaN in the centre, gives NaN.
    """
    if not (np.isfinite(centre).all() and np.isfinite(covariance).all()):
        return np.full((count, 2), np.nan)
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    xy = centre + _ELLIPSE * (circle * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(xy[:, ::-1])
