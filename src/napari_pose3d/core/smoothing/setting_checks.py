"""Whether settings make sense, and which smoother they choose for an input."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.poses.arrays import AnyEnsemble, Mode
from napari_pose3d.core.settings import Robust, SmoothingSettings

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

# Settings that only some smoothers know; "published" is the calibrated one as published.
_KNOWN_TO = {
    "n_latent": ("linear", "published"),
    "quantile_keep_pca": ("linear",),
    "inflate_vars": ("linear", "published"),
    "robust": ("calibrated",),
    "motion": ("calibrated",),
    "skeleton": ("calibrated",),
    "fix_swaps": ("calibrated", "linear", "single"),
    "left_right": ("calibrated", "linear", "single"),
    "parts": ("calibrated",),
}
_CALLED = {
    "calibrated": "the calibrated smoother",
    "published": "the calibrated smoother as published",
    "linear": "the linear smoother",
    "single": "the single-view smoother",
}


def check_settings(settings: SmoothingSettings) -> None:
    """Raise `PoseDataError` for a value that cannot be meant."""
    s = settings.smooth_param
    if s is not None and not (np.isfinite(s) and s > 0):
        raise PoseDataError(
            f"the smoothing parameter is {s}",
            expected="a number above zero; small is smooth, large follows the data",
        )
    if not 0 < settings.quantile_keep_pca <= 100:
        raise PoseDataError(
            f"the percentage of frames for the linear model is {settings.quantile_keep_pca}",
            expected="above 0 and at most 100",
        )
    if settings.n_latent < 1:
        raise PoseDataError(
            f"the linear model has {settings.n_latent} dimensions", expected="one or more"
        )
    if settings.max_gap is not None and settings.max_gap < 0:
        raise PoseDataError(
            f"the longest gap to be filled in is {settings.max_gap} frames",
            expected="zero (nothing is filled in) or more",
        )
    check_robust(settings.robust)
    check_threads(settings.threads)


def check_robust(robust: Robust) -> None:
    """Raise `PoseDataError` unless it is "auto", "off" or a number of px above zero."""
    known = robust in ("auto", "off") if isinstance(robust, str) else 0 < robust < np.inf
    if not known:
        raise PoseDataError(
            f"the robust threshold is {robust}", expected="auto, off, or a number of px above zero"
        )


def check_threads(threads: int | None) -> None:
    """Raise `PoseDataError` unless it is None or at least 1."""
    if threads is not None and threads < 1:
        raise PoseDataError(f"the number of threads is {threads}", expected="one or more")


def without_effect(settings: SmoothingSettings, mode: Mode) -> list[str]:
    """Notes on settings that were changed and that the chosen smoother has no use for."""
    published = mode == "calibrated" and settings.as_published
    smoother = "published" if published else mode
    default = SmoothingSettings()
    idle = [
        field.name
        for field in dataclasses.fields(settings)
        if smoother not in _KNOWN_TO.get(field.name, (smoother,))
        and getattr(settings, field.name) != getattr(default, field.name)
    ]
    notes = []
    if smoother == "calibrated" and "inflate_vars" in idle:
        idle.remove("inflate_vars")
        notes.append(
            "inflate_vars changes nothing here: the calibrated smoother weighs every observation "
            "against the other views by itself (the published inflation comes with as_published)"
        )
    if idle:
        notes.append(f"without effect on {_CALLED[smoother]}: {', '.join(idle)}")
    return notes


def chosen_mode(ensemble: AnyEnsemble, rig: Rig | None, settings: SmoothingSettings) -> Mode:
    """Which smoother runs on this input; raises `PoseDataError` where it cannot."""
    if not ensemble.keypoints or not ensemble.views:
        raise PoseDataError("the ensemble holds no keypoint or no view")
    if settings.mode == "auto":
        if rig is not None and len(ensemble.views) > 1:
            return "calibrated"
        return "linear" if len(ensemble.views) > 1 else "single"
    if settings.mode == "calibrated":
        if rig is None:
            raise PoseDataError(
                "the calibrated smoother was asked for without a calibration",
                todo="Give a calibration file (TOML), or choose 'linear' or 'single'",
            )
        if len(ensemble.views) < 2:
            raise PoseDataError(
                f"there is one view only, {ensemble.views[0]}",
                expected="two or more views to triangulate",
                todo="Add the other views' files, or choose 'single'",
            )
    if settings.mode == "linear" and len(ensemble.views) < 2:
        raise PoseDataError(
            f"there is one view only, {ensemble.views[0]}",
            expected="two or more views for the linear smoother",
            todo="Add the other views' files, or choose 'single'",
        )
    return settings.mode
