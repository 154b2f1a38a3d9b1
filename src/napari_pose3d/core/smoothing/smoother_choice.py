"""Which smoother an input and its settings choose, and which settings it has no use for."""

from __future__ import annotations

import dataclasses

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import AnyEnsemble
from napari_pose3d.core.poses.report import Mode
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import SmoothingSettings

# Settings that only some smoothers know; "published" is the calibrated one as published, "scores"
# the linear one as published or with another number of scores than three.
_KNOWN_TO = {
    "n_latent": ("linear", "scores", "published"),
    "quantile_keep_pca": ("linear", "scores"),
    "inflate_vars": ("scores", "published"),
    "robust": ("calibrated", "linear"),
    "motion": ("calibrated", "linear"),
    "skeleton": ("calibrated",),
    "fix_swaps": ("calibrated", "linear", "scores", "single"),
    "left_right": ("calibrated", "linear", "scores", "single"),
    "parts": ("calibrated", "linear"),
    "own_times": ("calibrated",),
    "output_times": ("calibrated",),
}
_CALLED = {
    "calibrated": "the calibrated smoother",
    "published": "the calibrated smoother as published",
    "linear": "the linear smoother",
    "scores": "the linear smoother as published or with another n_latent than 3",
    "single": "the single-view smoother",
}


def robust_linear(settings: SmoothingSettings, n_views: int) -> bool:
    """Whether the linear smoother is the robust one: three scores, and not as published."""
    return not settings.as_published and min(settings.n_latent, 2 * n_views) == 3


def without_effect(settings: SmoothingSettings, mode: Mode, n_views: int) -> list[str]:
    """Notes on settings that were changed and that the chosen smoother has no use for."""
    smoother: str = mode
    if mode == "calibrated" and settings.as_published:
        smoother = "published"
    elif mode == "linear" and not robust_linear(settings, n_views):
        smoother = "scores"
    default = SmoothingSettings()
    idle = [
        field.name
        for field in dataclasses.fields(settings)
        if smoother not in _KNOWN_TO.get(field.name, (smoother,))
        and getattr(settings, field.name) != getattr(default, field.name)
    ]
    notes = []
    if smoother in ("calibrated", "linear") and "inflate_vars" in idle:
        idle.remove("inflate_vars")
        notes.append(
            f"inflate_vars changes nothing here: {_CALLED[smoother]} weights every observation "
            "by the other views itself (the published inflation comes with as_published)"
        )
    if idle:
        notes.append(f"without effect on {_CALLED[smoother]}: {', '.join(idle)}")
    return notes


def chosen_mode(ensemble: AnyEnsemble, rig: Rig | None, settings: SmoothingSettings) -> Mode:
    """Which smoother runs on this input; raises `PoseDataError` where it cannot."""
    if not ensemble.keypoints or not ensemble.views:
        raise PoseDataError(
            "the ensemble holds no keypoint or no view", expected="one or more of each"
        )
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


def check_asynchronous(mode: Mode, settings: SmoothingSettings) -> None:
    """Raise `PoseDataError` where observations cannot count at their own times."""
    if mode != "calibrated" or settings.as_published:
        raise PoseDataError(
            "observations count at their own times in the calibrated smoother only, not in "
            f"{_CALLED['published' if mode == 'calibrated' else mode]}",
            todo="Give a calibration, or leave the times out: frames are then paired by time",
        )
