"""Named arrays of poses: the only things that travel between the rooms of the core.

Missing is NaN; zero is a position. Pixels: x right, y down, an integer is the centre of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .certain import CertainObservations
from .report import Report, Swaps

FloatArray = NDArray[np.floating[Any]]

ENSEMBLE_ARRAYS = ("xy", "likelihood", "variance", "ensemble_median", "ensemble_variance")
DIFFERENCES = ("displacement_covariance", "acceleration_variance")
"""What `Poses3D` may hold about differences of positions."""


@dataclass(frozen=True)
class SourceFile:
    """Where one view of one prediction set came from."""

    path: Path
    view: str
    model: str


@dataclass(frozen=True, eq=False)
class Poses2D:
    """One individual's keypoints in every view.

    Attributes
    ----------
    xy : (view, frame, keypoint, 2) float32
        Pixels; NaN where missing.
    likelihood : (view, frame, keypoint) float32
        The network's confidence, 0 to 1; NaN where not given.
    views, keypoints : tuple of str
        Names along the axes.
    variance : (view, frame, keypoint, 2) float32, optional
        Variance of ``xy`` in px^2 (a smoother's posterior).
    ensemble_median, ensemble_variance : (view, frame, keypoint, 2) float32, optional
        Centre (px) and variance (px^2) of the ensemble that ``xy`` was computed from.
    """

    xy: FloatArray
    likelihood: FloatArray
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    variance: FloatArray | None = None
    ensemble_median: FloatArray | None = None
    ensemble_variance: FloatArray | None = None
    session: str = ""
    individual: str | None = None

    def __post_init__(self) -> None:
        shape = (len(self.views), self.n_frames, len(self.keypoints))
        _check_shape("xy", self.xy, (*shape, 2))
        _check_shape("likelihood", self.likelihood, shape)
        for name in ("variance", "ensemble_median", "ensemble_variance"):
            _check_shape(name, getattr(self, name), (*shape, 2))

    @property
    def n_frames(self) -> int:
        return int(self.xy.shape[1])


@dataclass(frozen=True, eq=False)
class Poses3D:
    """One individual's keypoints in space.

    Attributes
    ----------
    xyz : (frame, keypoint, 3) float64
        Rig units; NaN where unknown.
    covariance : (frame, keypoint, 3, 3) float64 or float32
        Of ``xyz``, in squared rig units; a smoother's is float32.
    n_views : (frame, keypoint) int
        How many views had a usable observation.
    residuals : (view, frame, keypoint) float32
        Length in px of observation minus reprojection; NaN where unobserved.
    inferred : (frame, keypoint) bool
        True where the position was filled in, not measured: no view observed the keypoint, or one
        view did and the length of a bone gave the rest.
    units : str
        Name of the rig's unit of length, empty where unknown.
    displacement_covariance : (frame, keypoint, 3, 3) float32, optional
        Of the way from the frame before to the frame after, in squared rig units; NaN where
        unknown, as in the first and the last frame. Errors that both frames share are not in it.
    acceleration_variance : (frame, keypoint) float32, optional
        Likewise of the second difference of three positions in a row, along its direction. Not
        kept in files.
    """

    xyz: FloatArray
    covariance: FloatArray
    n_views: NDArray[np.integer[Any]]
    residuals: FloatArray
    inferred: NDArray[np.bool_]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    session: str = ""
    units: str = ""
    displacement_covariance: FloatArray | None = None
    acceleration_variance: FloatArray | None = None

    def __post_init__(self) -> None:
        shape = (self.n_frames, len(self.keypoints))
        _check_shape("xyz", self.xyz, (*shape, 3))
        _check_shape("covariance", self.covariance, (*shape, 3, 3))
        _check_shape("n_views", self.n_views, shape)
        _check_shape("inferred", self.inferred, shape)
        _check_shape("displacement_covariance", self.displacement_covariance, (*shape, 3, 3))
        _check_shape("acceleration_variance", self.acceleration_variance, shape)
        _check_shape("residuals", self.residuals, (len(self.views), *shape))

    @property
    def n_frames(self) -> int:
        return int(self.xyz.shape[0])

    @property
    def differences(self) -> tuple[FloatArray, ...]:
        """The arrays of `DIFFERENCES` that are known."""
        both = (getattr(self, name) for name in DIFFERENCES)
        return tuple(each for each in both if each is not None)


class AnyEnsemble(Protocol):
    """An ensemble in memory or still in its files: its names, and its arrays view by view.

    The attributes are those of `Ensemble`; ``warnings`` also holds what reading found, afterwards.
    """

    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def views(self) -> tuple[str, ...]: ...
    @property
    def keypoints(self) -> tuple[str, ...]: ...
    @property
    def session(self) -> str: ...
    @property
    def individual(self) -> str | None: ...
    @property
    def sources(self) -> tuple[SourceFile, ...]: ...
    @property
    def unmatched(self) -> tuple[tuple[Path, str], ...]: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...

    def one_view(
        self,
        view: int,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
        threads: int | None = None,
    ) -> Ensemble:
        """The ensemble of one view only, by index."""

    def in_memory(
        self, progress: Progress | None = None, cancelled: IsCancelled | None = None
    ) -> Ensemble:
        """All views at once."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Several prediction sets (seeds, models) of one session and one individual.

    Attributes
    ----------
    xy : (model, view, frame, keypoint, 2) float32
        Pixels; NaN where missing.
    likelihood : (model, view, frame, keypoint) float32
    models, views, keypoints : tuple of str
        Names along the axes.
    variance, ensemble_median, ensemble_variance : like ``xy``, optional
        Kept from files that were themselves written by a smoother.
    sources : tuple of SourceFile
        The file behind each (model, view); empty for arrays made in memory.
    unmatched : tuple of (path, reason)
        Files that were found and not used.
    warnings : tuple of str
        What was assumed while reading.
    """

    xy: FloatArray
    likelihood: FloatArray
    models: tuple[str, ...]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    session: str = ""
    individual: str | None = None
    variance: FloatArray | None = None
    ensemble_median: FloatArray | None = None
    ensemble_variance: FloatArray | None = None
    sources: tuple[SourceFile, ...] = ()
    unmatched: tuple[tuple[Path, str], ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.models), len(self.views), self.n_frames, len(self.keypoints))
        _check_shape("xy", self.xy, (*shape, 2))
        _check_shape("likelihood", self.likelihood, shape)
        for name in ("variance", "ensemble_median", "ensemble_variance"):
            _check_shape(name, getattr(self, name), (*shape, 2))

    @property
    def n_frames(self) -> int:
        return int(self.xy.shape[2])

    def poses(self, model: int | str) -> Poses2D:
        """One prediction set of the ensemble, by name or index."""
        i = self.models.index(model) if isinstance(model, str) else model
        kept = {
            name: None if (array := getattr(self, name)) is None else array[i]
            for name in ("variance", "ensemble_median", "ensemble_variance")
        }
        return Poses2D(
            self.xy[i],
            self.likelihood[i],
            self.views,
            self.keypoints,
            session=self.session,
            individual=self.individual,
            **kept,
        )

    def one_view(
        self,
        view: int,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
        threads: int | None = None,
    ) -> Ensemble:
        """The ensemble of one view only, by index; its arrays are not copied."""
        only = slice(view, view + 1)
        arrays: dict[str, Any] = {
            name: None if (array := getattr(self, name)) is None else array[:, only]
            for name in ENSEMBLE_ARRAYS
        }
        return replace(self, views=self.views[only], **arrays)

    def in_memory(
        self, progress: Progress | None = None, cancelled: IsCancelled | None = None
    ) -> Ensemble:
        """The ensemble itself."""
        return self

    def select(
        self,
        *,
        views: tuple[str, ...] | None = None,
        keypoints: tuple[str, ...] | None = None,
    ) -> Ensemble:
        """The same ensemble with only the named views and keypoints, in the order given."""
        v = _indices("view", self.views, views)
        k = _indices("keypoint", self.keypoints, keypoints)

        def take(array: FloatArray | None) -> FloatArray | None:
            return None if array is None else array[:, v][:, :, :, k]

        new_views = tuple(self.views[i] for i in v)
        return replace(
            self,
            xy=self.xy[:, v][:, :, :, k],
            likelihood=self.likelihood[:, v][:, :, :, k],
            variance=take(self.variance),
            ensemble_median=take(self.ensemble_median),
            ensemble_variance=take(self.ensemble_variance),
            views=new_views,
            keypoints=tuple(self.keypoints[i] for i in k),
            sources=tuple(s for s in self.sources if s.view in new_views),
        )


@dataclass(frozen=True, eq=False)
class Result:
    """What `smooth` returns.

    Attributes
    ----------
    poses2d : Poses2D
        Smoothed positions in every view, with ``variance``, ``ensemble_median`` and
        ``ensemble_variance``; ``likelihood`` is the mean over the ensemble.
    poses3d : Poses3D or None
        Smoothed positions in space; None without a rig.
    smooth_param : (keypoint,) float64
        ``s`` of each keypoint; NaN where nothing was smoothed.
    report : Report
    swaps : Swaps or None
        Left-right swaps; None without pairs of keypoints, or where not searched for.
    process_noise : (keypoint,) float64 or None
        Of the calibrated smoother, per frame in squared rig units; NaN where nothing was smoothed.
    certain : CertainObservations or None
        Positions that a person gave; they are in ``ensemble_median``.
    times : (frame,) float64 or None
        When the frames of the result were, where those are no frames of the session; by the clock
        of the cameras' timestamps.
    """

    poses2d: Poses2D
    poses3d: Poses3D | None
    smooth_param: FloatArray
    report: Report
    swaps: Swaps | None = None
    process_noise: FloatArray | None = None
    certain: CertainObservations | None = None
    times: FloatArray | None = None


def observed_mask(xy: FloatArray) -> NDArray[np.bool_]:
    """Where both coordinates are known: ``(..., 2)`` -> ``(...)`` bool."""
    # By hand: numpy reduces an axis of two numbers ten times as slowly.
    return np.asarray(np.isfinite(xy[..., 0]) & np.isfinite(xy[..., 1]))


def _check_shape(name: str, array: Any, shape: tuple[int, ...]) -> None:
    if array is not None and array.shape != shape:
        raise PoseDataError(
            f"the array '{name}' has shape {array.shape}", expected=f"{shape} (see the docstring)"
        )


def _indices(what: str, have: tuple[str, ...], want: tuple[str, ...] | None) -> list[int]:
    if want is None:
        return list(range(len(have)))
    absent = [name for name in want if name not in have]
    if absent:
        raise PoseDataError(
            f"no {what} is called {', '.join(absent)}", expected=f"some of {', '.join(have)}"
        )
    return [have.index(name) for name in want]
