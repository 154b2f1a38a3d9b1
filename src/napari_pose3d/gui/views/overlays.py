"""What is drawn over a picture: keypoints, trails, skeleton, uncertainty.

Every layer has a constant number of rows, which are moved, shown and hidden from frame to frame:
napari takes ten times as long to change the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..colours import NEUTRAL, keypoint_rgba
from ..layer_poses import LayerPoses
from .layout_state import LayoutState
from .source import ViewSource

Float64 = NDArray[np.float64]

TRAIL_FRAMES = 15
_SYMBOLS = {"predicted": "x", "raw": "disc", "smoothed": "disc"}
_MARK, _SELECTED = 9.0, 1.6
_FAINT = 0.35
# Radius of the ellipse that holds 95 % of a Gaussian in the plane, in standard deviations.
_ELLIPSE = 2.4477
_ELLIPSE_STEPS = 24


class Overlays:
    """The layers over one picture.

    Parameters
    ----------
    model : ViewerModel
        Gets the layers.
    source : ViewSource
    skeleton : pairs of keypoints
    """

    def __init__(self, model: Any, source: ViewSource, skeleton: Sequence[tuple[str, str]]) -> None:
        self._poses = list(source.poses)
        self._frame = -1
        self._positions: Float64 = np.empty((0, 2))
        self._shown: NDArray[np.bool_] = np.empty(0, bool)
        self.names: list[tuple[str, LayerPoses]] = [
            (name, poses) for poses in self._poses for name in poses.keypoints
        ]
        best = source.best()
        self._best = best
        order = {} if best is None else {name: i for i, name in enumerate(best.keypoints)}
        self._bones = np.array(
            [(order[a], order[b]) for a, b in skeleton if a in order and b in order], int
        ).reshape(-1, 2)
        self._layers: list[Any] = []
        self._trails = self._add_trails(model)
        self._lines = self._add_vectors(model, "skeleton", len(self._bones), NEUTRAL)
        self._ellipses = self._add_vectors(
            model, "uncertainty", 2 * _ELLIPSE_STEPS if best is not None else 0, "#ffffff"
        )
        self._points = self._add_points(model)

    def remove(self, model: Any) -> None:
        """Take the layers out again."""
        for layer in self._layers:
            if layer in model.layers:
                model.layers.remove(layer)

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

    def show(self, frame: int, settings: LayoutState, selected: str) -> None:
        """Draw a frame."""
        self._frame = frame
        if self._points is not None:
            self._show_points(frame, settings, selected)
        if self._trails is not None:
            self._show_trails(frame, settings)
        if self._lines is not None:
            self._show_skeleton(frame, settings)
        if self._ellipses is not None:
            self._show_ellipses(frame, settings, selected)

    # ---------------------------------------------------------------- making the layers

    def _add_points(self, model: Any) -> Any:
        if not self._poses:
            return None
        colours = np.concatenate([keypoint_rgba(poses.palette) for poses in self._poses])
        rings = np.concatenate(
            [np.full(len(poses.keypoints), poses.stage == "raw") for poses in self._poses]
        )
        faces = colours.copy()
        faces[rings] = 0
        symbols = [_SYMBOLS[poses.stage] for _, poses in self.names]
        n = len(self.names)
        layer = model.add_points(
            np.zeros((n, 2)),
            name="keypoints",
            face_color=faces,
            border_color=colours,
            border_width=np.where(rings, 0.18, 0.0),
            symbol=symbols,
            size=_MARK,
            shown=np.zeros(n, bool),
            canvas_size_limits=(5, 60),
            opacity=1.0,
        )
        self._sizes = np.where(rings, 1.5 * _MARK, _MARK)
        layer.size = self._sizes
        return self._kept(layer)

    def _add_trails(self, model: Any) -> Any:
        if self._best is None:
            return None
        colours = np.repeat(keypoint_rgba(self._best.palette), TRAIL_FRAMES, axis=0)
        fading = np.tile(np.linspace(0.7, 0.08, TRAIL_FRAMES), len(self._best.keypoints))
        colours[:, 3] = fading
        layer = model.add_points(
            np.zeros((len(colours), 2)),
            name="trails",
            face_color=colours,
            # At this size the border is all that one sees of a disc.
            border_color=colours,
            border_width=0.0,
            size=0.3 * _MARK,
            shown=np.zeros(len(colours), bool),
            canvas_size_limits=(2, 20),
            opacity=1.0,
        )
        return self._kept(layer)

    def _add_vectors(self, model: Any, name: str, count: int, colour: str) -> Any:
        if not count:
            return None
        layer = model.add_vectors(
            np.zeros((count, 2, 2)),
            name=name,
            edge_color=colour,
            edge_width=1.5,
            vector_style="line",
            opacity=0.9,
        )
        return self._kept(layer)

    def _kept(self, layer: Any) -> Any:
        # Nothing in a view can be changed by napari's own tools.
        layer.editable = False
        self._layers.append(layer)
        return layer

    # ---------------------------------------------------------------- drawing a frame

    def _show_points(self, frame: int, settings: LayoutState, selected: str) -> None:
        parts, visible = [], []
        for poses in self._poses:
            xy = at_frame(poses.positions, frame)
            parts.append(xy[:, ::-1])
            visible.append(self._visible(poses, frame, settings) & np.isfinite(xy).all(axis=1))
        self._positions = np.concatenate(parts).astype(np.float64)
        self._shown = np.concatenate(visible)
        if selected:
            chosen = np.array([name == selected for name, _ in self.names])
            sizes = np.where(chosen, _SELECTED * self._sizes, self._sizes)
        else:
            sizes = self._sizes
        refill(self._points, np.where(self._shown[:, None], self._positions, 0.0), self._shown)
        if not np.array_equal(self._points.size, sizes):
            self._points.size = sizes

    def _visible(self, poses: LayerPoses, frame: int, settings: LayoutState) -> NDArray[np.bool_]:
        shown = np.array([name not in settings.hidden_keypoints for name in poses.keypoints])
        if poses.stage in settings.hidden_stages:
            shown[:] = False
        # A smoothed position does not stand or fall with the likelihood of a single frame.
        if (
            poses.stage != "smoothed"
            and settings.min_likelihood > 0
            and poses.confidence is not None
        ):
            shown &= at_frame(poses.confidence, frame) >= settings.min_likelihood
        return shown

    def _show_trails(self, frame: int, settings: LayoutState) -> None:
        assert self._best is not None
        n = len(self._best.keypoints)
        if not settings.trails:
            if self._trails.shown.any():
                self._trails.shown = np.zeros(n * TRAIL_FRAMES, bool)
            return
        past = np.full((TRAIL_FRAMES, n, 2), np.nan)
        first = max(frame - TRAIL_FRAMES, 0)
        before = self._best.positions[first:frame][::-1]
        past[: len(before)] = before
        rows = past.transpose(1, 0, 2).reshape(-1, 2)[:, ::-1]
        now = np.repeat(self._visible(self._best, frame, settings), TRAIL_FRAMES)
        shown = np.isfinite(rows).all(axis=1) & now
        refill(self._trails, np.where(shown[:, None], rows, 0.0), shown)

    def _show_skeleton(self, frame: int, settings: LayoutState) -> None:
        assert self._best is not None
        data = np.zeros((len(self._bones), 2, 2))
        if settings.skeleton:
            yx = at_frame(self._best.positions, frame)[:, ::-1].astype(np.float64)
            yx[~self._visible(self._best, frame, settings)] = np.nan
            data = lines(yx, self._bones)
        refill(self._lines, data)

    def _show_ellipses(self, frame: int, settings: LayoutState, selected: str) -> None:
        data = np.zeros((2 * _ELLIPSE_STEPS, 2, 2))
        if settings.ellipses and selected:
            # That of the ensemble, and that of the smoother.
            for i, stage in enumerate(("raw", "smoothed")):
                poses = next((p for p in self._poses if p.stage == stage), None)
                if poses is None or stage in settings.hidden_stages or poses.variance is None:
                    continue
                if selected in poses.keypoints:
                    k = poses.keypoints.index(selected)
                    centre = at_frame(poses.positions, frame)[k]
                    sd = np.sqrt(at_frame(poses.variance, frame)[k])
                    rows = slice(i * _ELLIPSE_STEPS, (i + 1) * _ELLIPSE_STEPS)
                    data[rows] = ellipse(centre, np.diag(sd**2))
        if data.any() or self._ellipses.data.any():
            refill(self._ellipses, data)


def at_frame(array: NDArray[Any], frame: int) -> NDArray[Any]:
    """One frame of an array; NaN beyond its end."""
    if 0 <= frame < len(array):
        return np.asarray(array[frame])
    return np.full(array.shape[1:], np.nan)


def lines(points: Float64, pairs: NDArray[np.integer[Any]]) -> Float64:
    """Start and direction of the lines between pairs of points; no length where one is NaN."""
    ends = points[pairs]
    data = np.stack([ends[:, 0], ends[:, 1] - ends[:, 0]], axis=1)
    data[~np.isfinite(data).all(axis=(1, 2))] = 0.0
    return data


def ellipse(centre: NDArray[Any], covariance: NDArray[Any], steps: int = _ELLIPSE_STEPS) -> Float64:
    """The ellipse that holds 95 % of a Gaussian, as short lines ``(step, 2, 2)`` in (y, x).

    Parameters
    ----------
    centre : (2,)
        x, y in px; NaN gives lines without length.
    covariance : (2, 2)
        px^2.
    """
    if not (np.isfinite(centre).all() and np.isfinite(covariance).all()):
        return np.zeros((steps, 2, 2))
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, steps + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    xy = centre + _ELLIPSE * (circle * np.sqrt(np.maximum(values, 0))) @ vectors.T
    yx = xy[:, ::-1]
    return np.stack([yx[:-1], np.diff(yx, axis=0)], axis=1)


def refill(layer: Any, data: Float64, shown: NDArray[np.bool_] | None = None) -> None:
    """Give a layer other data of the same size.

    The event that this would send makes napari look at all layers anew, for a change that moves no
    border.
    """
    with layer.events.data.blocker():
        layer.data = data
    if shown is not None and not np.array_equal(layer.shown, shown):
        layer.shown = shown
