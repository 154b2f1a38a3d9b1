"""What a run finds out about its input before it computes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from napari_pose3d.core.cameras.calibration_fit import CalibrationFit, calibration_fit
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import AnyEnsemble, Mode, observed_mask
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import EnsembleStatistics
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled

# Of fewer prediction sets the variance says little about an observation.
_MIN_MODELS = 3
_SAMPLE = 100_000


def check_calibration(
    rig: Rig, ensemble: AnyEnsemble, statistics: EnsembleStatistics, cancelled: IsCancelled
) -> CalibrationFit:
    """Whether the ensemble's centre fits the rig, whose cameras are in the order of the views."""
    spread = 0.0
    if len(ensemble.models) >= _MIN_MODELS:
        variance = statistics.variance.reshape(-1)
        some = variance[:: 1 + variance.size // _SAMPLE]
        if np.isfinite(some).any():
            spread = float(np.sqrt(np.nanmedian(some)))
    return calibration_fit(rig, statistics.centre, spread, cancelled)


def uncomputable(
    ensemble: AnyEnsemble, statistics: EnsembleStatistics, mode: Mode | None, notes: list[str]
) -> tuple[int, ...]:
    """Keypoints, by index, that too few views ever observe; ``notes`` names them.

    Parameters
    ----------
    mode : str or None
        The smoother; None: triangulation frame by frame.

    Raises
    ------
    PoseDataError
        No keypoint can be computed.
    """
    views_needed = 1 if mode == "single" else 2
    # A track has two points.
    frames_needed = 2 if mode == "calibrated" else 1
    empty, most = [], 0
    for k in range(len(ensemble.keypoints)):
        n_views = observed_mask(statistics.centre[:, :, k]).sum(axis=0)
        n_usable = int((n_views >= views_needed).sum())
        most = max(most, n_usable)
        if n_usable < frames_needed:
            empty.append(k)
    if not empty:
        return ()
    names = ", ".join(ensemble.keypoints[k] for k in empty)
    who = "observed" if views_needed == 1 else "observed by two views"
    how = f"{who} in {'no frame' if frames_needed == 1 else 'fewer than two frames'}"
    if len(empty) == len(ensemble.keypoints):
        if most:
            how = f"{who} in {most} of {statistics.n_frames} frames only"
        raise PoseDataError(
            f"every keypoint ({names}) is {how}",
            expected="predictions of the same frames in two or more views"
            if views_needed > 1
            else "predictions with positions",
            todo="Check that the files belong together, and the minimum likelihood"
            + ("; single frames can be triangulated" if most else ""),
        )
    notes.append(f"{how}, left empty: {names}")
    return tuple(empty)


def placeholder_notes(statistics: EnsembleStatistics) -> Iterable[str]:
    """Notes on predictions that are no positions."""
    if n := int(statistics.n_placeholders.sum()):
        yield (
            f"{n:,} predictions at (0, 0) with likelihood 0 stand for nothing found; they are "
            "treated as missing"
        )
    if n := int(statistics.n_impossible.sum()):
        yield (
            f"{n:,} predictions are infinite or more than a million px away; they are treated as "
            "missing"
        )
