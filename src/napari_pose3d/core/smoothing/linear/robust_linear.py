"""The robust smoother on the three scores of a latent model instead of a calibrated point.

Notes
-----
Three scores describe a position up to an unknown affine map, so that everything the calibrated
smoother does applies: damped motion, membership of each observation given the others, observation
noise from the residuals, covariance inflation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.certain import CertainCells
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, SmoothingSettings

from ..kalman.state_space import (
    by_view,
    side_by_side,
)
from ..robust.initial_track import InitialTrack, interpolated_track
from ..robust.robust_smoother import RobustSmoother
from .latent_model import Float64, LatentModel, consensus, fit_latent_model, refined_model

_FRAMES_AT_ONCE = 20_000


class LatentViews:
    """The views of a latent model with three scores; its rays are nearly parallel."""

    centres: Float64 | None = None

    def __init__(self, model: LatentModel) -> None:
        self.model = model

    def linearise(self, track: Float64, pixels: Float64, jacobian: Float64) -> None:
        """See `napari_pose3d.core.smoothing.robust.robust_smoother.Views`."""
        pixels[:] = self.model.pixels(track).reshape(pixels.shape)
        jacobian[:] = self.model.jacobian(track).reshape(jacobian.shape)

    def project_moments(
        self, track: Float64, covariance: Float64, cancelled: IsCancelled
    ) -> tuple[Float64, Float64]:
        """Pixels of a track and their variance, ``(view, frame, 2)`` each, px and px^2."""
        pixels, variance = [], []
        for start in range(0, len(track), _FRAMES_AT_ONCE):
            if cancelled():
                raise Cancelled
            part = slice(start, start + _FRAMES_AT_ONCE)
            J = self.model.jacobian(track[part])
            pixels.append(self.model.pixels(track[part]))
            variance.append(((J @ covariance[part]) * J).sum(axis=-1))
        return by_view(np.concatenate(pixels)), by_view(np.concatenate(variance))


def robust_linear_smoother(
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    frames: NDArray[np.intp],
    searched: NDArray[np.bool_],
    keypoint: str,
    settings: SmoothingSettings,
    cancelled: IsCancelled,
    certain: CertainCells | None = None,
) -> tuple[LatentViews, RobustSmoother]:
    """The smoother of one keypoint.

    Parameters
    ----------
    centre, variance : (view, frame, 2)
        The ensemble's centre (px) and variance (px^2).
    frames : (n,) int
        That the first model is fitted to.
    searched : (frame,) bool
        Frames that the search for ``s`` uses.
    keypoint : str
        For messages.
    certain : CertainCells, optional
        Observations that a person gave.

    Raises
    ------
    PoseDataError
        The views agree in fewer than two frames.
    """
    y = side_by_side(centre)
    n_views = len(centre)
    thresholds = None
    if settings.robust != "auto":
        limit = np.inf if settings.robust == "off" else float(settings.robust)
        thresholds = np.full(n_views, limit)
    model, _ = fit_latent_model(y[frames], 3, curved=True)
    model = refined_model(model, y, thresholds, cancelled)
    views = LatentViews(model)

    def start(spread: Float64, observed: NDArray[np.bool_]) -> InitialTrack:
        scores, inliers = consensus(model, y, thresholds, cancelled)
        if np.isfinite(scores[:, 0]).sum() < 2:
            raise PoseDataError(
                f"the views agree about the keypoint {keypoint} in fewer than two frames",
                expected="three or more views that observe it, or two views in agreement",
                todo="Leave the keypoint out, or smooth each view by itself (mode 'single')",
            )
        # A single observation cannot be checked, but it still determines two of three scores.
        single_view = observed & (observed.sum(axis=1) == 1)[:, None]
        return interpolated_track(scores, inliers | single_view)

    return views, RobustSmoother(
        views, start, centre, variance, searched, settings, cancelled, certain
    )
