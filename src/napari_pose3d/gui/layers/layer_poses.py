"""What stands behind one of our layers: the whole recording, whatever part of it is drawn.

A layer holds a table with one row per drawn keypoint. This module makes that table from arrays and,
after a user has moved, removed or added points, arrays from the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_pose3d.core.formats.exchange.session_poses import SessionPoses, poses3d_of
from napari_pose3d.core.pipeline.kinematics.measured_poses import measurable_of
from napari_pose3d.core.poses.arrays import FloatArray
from napari_pose3d.core.poses.kinematics.measurements import Measured, Measurement
from napari_pose3d.errors import PoseDataError

from .colours import colormap_value
from .view_layout import bounds

METADATA_KEY = "napari_pose3d"
"""Where a layer's `LayerPoses` is found in ``layer.metadata``."""

DEFAULT_INDIVIDUAL = "individual_0"
"""The name that files without individuals get; movement uses the same."""

WHOLE_ROWS = 50_000
"""Recordings of at most so many rows (frames x keypoints) are drawn whole."""

WINDOW_ROWS = 4_000
"""About so many rows are drawn of longer ones, around the current frame (see `windowed`)."""

_MIN_WINDOW_FRAMES = 40

Stage = Literal["predicted", "raw", "smoothed"]


class Measuring(NamedTuple):
    """What a project measures of positions in space, and frames a second where that is known."""

    measurements: tuple[Measurement, ...] = ()
    frame_rate: float | None = None


NOTHING_MEASURED = Measuring()


class Table(NamedTuple):
    """Rows of a layer.

    ``codes (row,)`` is the index of each row's keypoint, -1 for the hidden rows at the end that
    only keep the slider's range; ``shown (row,)`` is False for these.
    """

    data: NDArray[np.float64]
    features: pd.DataFrame
    codes: NDArray[np.intp]
    shown: NDArray[np.bool_]


@dataclass(eq=False)
class LayerPoses:
    """Everything that one layer shows a part of.

    Attributes
    ----------
    positions : (frame, keypoint, 2 or 3)
        Pixels (x, y) of one view, or rig units (x, y, z); NaN where missing.
    keypoints : tuple of str
    stage : {"predicted", "raw", "smoothed"}
        As read from a file; centre of the ensemble; result of the smoother.
    confidence, residual : (frame, keypoint), optional
        Likelihood; residual in px (of a 3-D point: the mean over its views).
    variance : (frame, keypoint, 2), optional
        Of a position in px^2: of the ensemble (raw), or what the smoother gives (smoothed).
    n_views : (frame, keypoint) int, optional
    inferred : (frame, keypoint) bool, optional
        True where the position was filled in, not measured.
    swapped : (frame, keypoint) bool, optional
        True where the view holds the keypoint and its counterpart in each other's place.
    swapped_sets : (frame, keypoint) uint8, optional
        How many prediction sets hold them the other way round than most.
    covariance, displacement_covariance : (frame, keypoint, 3, 3), optional
        Of positions in space, as in `Poses3D`.
    measuring : Measuring
        Of positions in space.
    counterparts : tuple of int
        Left for right and right for left, by index; empty where nobody looked.
    view, session, individual, scorer, units, prediction_set : str
    palette : tuple of int
        Place of each keypoint in the list that colours go by; empty: their own order.
    window : (first, one past the last) frame that is drawn, or None when all are
    """

    positions: FloatArray
    keypoints: tuple[str, ...]
    stage: Stage
    confidence: FloatArray | None = None
    residual: FloatArray | None = None
    variance: FloatArray | None = None
    n_views: NDArray[np.integer[Any]] | None = None
    inferred: NDArray[np.bool_] | None = None
    swapped: NDArray[np.bool_] | None = None
    swapped_sets: NDArray[np.uint8] | None = None
    covariance: FloatArray | None = None
    displacement_covariance: FloatArray | None = None
    measuring: Measuring = NOTHING_MEASURED
    counterparts: tuple[int, ...] = ()
    view: str = ""
    session: str = ""
    individual: str | None = None
    scorer: str = ""
    units: str = ""
    prediction_set: str = ""
    palette: tuple[int, ...] = ()
    window: tuple[int, int] | None = None
    # Holds the object that refills the layer alive as long as the layer itself.
    keeper: object | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.palette = self.palette or tuple(range(len(self.keypoints)))

    @property
    def n_frames(self) -> int:
        return int(self.positions.shape[0])

    @property
    def is_3d(self) -> bool:
        return self.positions.shape[2] == 3

    @property
    def n_rows(self) -> int:
        """Rows that the layer would have if everything were drawn and nothing missing."""
        return self.n_frames * len(self.keypoints)

    def measured(
        self, frames: slice = slice(None), *, frame_rate: float | None = None
    ) -> tuple[list[Measured], list[str]]:
        """What the project measures, in some frames, and notes on what of it cannot be.

        Parameters
        ----------
        frames : slice
            From a frame to one past the last; all by default.
        frame_rate : float, optional
            Not given: changes over time are per frame.
        """
        if not self.measuring.measurements:
            return [], []
        start, stop, _ = frames.indices(self.n_frames)
        # Changes over time look at the frames beside.
        first, last = max(start - 1, 0), min(stop + 1, self.n_frames)

        def part(values: Any) -> Any:
            return None if values is None else values[first:last]

        space = replace(
            poses3d_of(
                part(self.positions),
                self.keypoints,
                units=self.units,
                covariance=part(self.covariance),
            ),
            displacement_covariance=part(self.displacement_covariance),
        )
        poses = SessionPoses(space, fps=frame_rate, measurements=self.measuring.measurements)
        found, notes = measurable_of(poses)
        inner = slice(start - first, stop - first)
        return [
            replace(each, values=each.values[inner], deviations=each.deviations[inner])
            for each in found
        ], notes

    def window_around(self, frame: int, behind: int = 0) -> tuple[int, int] | None:
        """Frames to draw when the current one is ``frame``; None when all can be drawn.

        Parameters
        ----------
        behind : int
            Frames that must be there before the current one beyond the half window: a track's tail.
        """
        if self.n_rows <= WHOLE_ROWS:
            return None
        half = max(WINDOW_ROWS // len(self.keypoints), _MIN_WINDOW_FRAMES) // 2
        return max(frame - half - behind, 0), min(frame + half + 1, self.n_frames)

    @property
    def drawn(self) -> tuple[int, int]:
        """First frame that is drawn and one past the last."""
        return self.window or (0, self.n_frames)

    @cached_property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Smallest and largest coordinates of the whole recording."""
        return bounds(self.positions)

    def table(self) -> Table:
        """The rows of the drawn frames, keypoint by keypoint, missing ones left out.

        A hidden row is added for the first and for the last frame of the recording where no row
        stands there, so that napari's slider reaches both. They lie at the corners of what the
        recording spans: the extent of a layer then stays the same whatever is drawn.
        """
        start, stop = self.drawn
        part = self.positions[start:stop]
        codes, frames = np.nonzero(np.isfinite(part).all(axis=2).T)
        points = self._coordinates(frames + start, part[frames, codes])
        hidden = self._anchors(points[:, 0])
        columns = self._columns(start, frames, codes)
        columns = {name: _extended(column, len(hidden)) for name, column in columns.items()}
        data = np.concatenate([points, hidden])
        codes = np.concatenate([codes, np.full(len(hidden), -1)])
        return Table(data, self._features(data, codes, columns), codes, codes >= 0)

    def collect(
        self, data: NDArray[Any], features: pd.DataFrame, shown: NDArray[np.bool_]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Positions of the whole recording with what the user changed in the drawn part.

        Parameters
        ----------
        data, features, shown
            Of the Points layer as it is now.

        Returns
        -------
        positions : (frame, keypoint, d)
        edited : (frame, keypoint) bool
            True where a point was moved or added; removed ones are NaN in ``positions``.

        Raises
        ------
        PoseDataError
            A point outside the recording or without keypoint, or a keypoint twice in a frame.
        """
        rows = np.asarray(data)[np.asarray(shown)]
        names = features["keypoint"].to_numpy()[np.asarray(shown)]
        codes = pd.Index(list(self.keypoints)).get_indexer(pd.Index(list(names)))
        frames = np.round(rows[:, 0]).astype(np.intp)
        start, stop = self.drawn
        self._check_rows(frames, codes, names, start, stop)
        positions = np.array(self.positions)
        positions[start:stop] = np.nan
        axes = [-1, -2, -3] if self.is_3d else [-1, -2]
        positions[frames, codes] = rows[:, axes]
        moved = np.zeros(positions.shape[:2], dtype=bool)
        part = slice(start, stop)
        moved[part] = np.isfinite(positions[part]).all(axis=2) & (
            positions[part] != self.positions[part]
        ).any(axis=2)
        return positions, moved

    def absorb(self, data: NDArray[Any], features: pd.DataFrame, shown: NDArray[np.bool_]) -> None:
        """Take over what the user changed, so that drawing another window does not lose it."""
        self.positions, edited = self.collect(data, features, shown)
        if self.confidence is not None and edited.any():
            self.confidence = np.where(edited, np.float32(1), self.confidence)

    def _check_rows(
        self,
        frames: NDArray[np.intp],
        codes: NDArray[np.intp],
        names: NDArray[Any],
        start: int,
        stop: int,
    ) -> None:
        where = f"layer of view {self.view}" if self.view else "layer"
        if np.any(codes < 0):
            row = int(np.flatnonzero(codes < 0)[0])
            raise PoseDataError(
                f"the {where} has a point without a known keypoint ('{names[row]}')",
                place=f"frame {frames[row]}",
                expected=f"one of {', '.join(self.keypoints)} in the feature 'keypoint'",
                todo="Delete the point, or give it a keypoint in the features table",
            )
        outside = (frames < start) | (frames >= stop)
        if np.any(outside):
            raise PoseDataError(
                f"the {where} has a point in frame {frames[outside][0]}",
                expected=f"frames from {start} to {stop - 1}",
                todo="Delete the point",
            )
        cells = frames * len(self.keypoints) + codes
        values, counts = np.unique(cells, return_counts=True)
        if np.any(counts > 1):
            frame, code = divmod(int(values[counts > 1][0]), len(self.keypoints))
            raise PoseDataError(
                f"the {where} has the keypoint '{self.keypoints[code]}' twice in frame {frame}",
                expected="each keypoint at most once in a frame",
                todo="Delete one of the two, or give it another keypoint in the features table",
            )

    def _coordinates(self, frames: NDArray[Any], points: FloatArray) -> NDArray[np.float64]:
        data = np.zeros((len(frames), 4))
        data[:, 0] = frames
        data[:, 3], data[:, 2] = points[:, 0], points[:, 1]
        if self.is_3d:
            data[:, 1] = points[:, 2]
        return data

    def _anchors(self, present: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.n_frames == 0:
            return np.zeros((0, 4))
        low, high = self.bounds
        ends = {0: low} if self.n_frames == 1 else {0: low, self.n_frames - 1: high}
        absent = [frame for frame in ends if not np.any(present == frame)]
        points = np.array([ends[frame] for frame in absent]).reshape(-1, self.positions.shape[2])
        return self._coordinates(np.array(absent), points)

    def _columns(
        self, start: int, frames: NDArray[np.intp], codes: NDArray[np.intp]
    ) -> dict[str, NDArray[Any]]:
        arrays = {
            "confidence": self.confidence,
            "residual": self.residual,
            "n_views": self.n_views,
            "inferred": self.inferred,
            "swapped": self.swapped,
            "swapped_sets": self.swapped_sets,
        }
        columns = {
            name: array[start + frames, codes]
            for name, array in arrays.items()
            if array is not None
        }
        measured, _ = self.measured(slice(*self.drawn), frame_rate=self.measuring.frame_rate)
        for each in measured:
            for name, values in each.columns().items():
                # The same for all keypoints of a frame.
                columns[name] = values[frames]
        return columns

    def _features(
        self, data: NDArray[np.float64], codes: NDArray[np.intp], columns: dict[str, Any]
    ) -> pd.DataFrame:
        # The hidden rows belong to no keypoint: code -1 makes the text columns empty there.
        constant = np.where(codes < 0, -1, 0)
        individual = self.individual or DEFAULT_INDIVIDUAL
        table: dict[str, Any] = {
            "individual": _text(constant, [individual]),
            "keypoint": _text(codes, self.keypoints),
            "time": data[:, 0].astype(np.int64),
            **columns,
        }
        if self.view:
            table["view"] = _text(constant, [self.view])
        return pd.DataFrame(table)


def tracks_columns(table: Table, n_keypoints: int) -> pd.DataFrame:
    """A table's features with the text columns also as numbers, which Tracks needs for colours."""
    features = table.features.copy()
    for name in ("individual", "keypoint", "view"):
        if name in features:
            features[f"{name}_factorized"] = features[name].cat.codes.astype(np.int64)
    features["keypoint_colour"] = colormap_value(np.maximum(table.codes, 0), n_keypoints)
    return features


def poses_of(metadata: dict[str, Any]) -> LayerPoses | None:
    """The `LayerPoses` in a layer's metadata; None when the layer is not ours."""
    found = metadata.get(METADATA_KEY)
    return found if isinstance(found, LayerPoses) else None


def _text(codes: NDArray[Any], names: Sequence[str]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes.astype(np.int64), categories=pd.Index(list(names)))


def _extended(column: NDArray[Any], extra: int) -> NDArray[Any]:
    if column.dtype.kind == "f":
        filler = np.full(extra, np.nan, dtype=column.dtype)
    else:
        filler = np.zeros(extra, dtype=column.dtype)
    return np.concatenate([column, filler])
