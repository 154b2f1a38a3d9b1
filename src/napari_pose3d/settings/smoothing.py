"""How predictions are read, smoothed, triangulated and plotted."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Literal

from napari_pose3d.errors import PoseDataError

from .values import check_robust, check_s, check_threads, setting

_AVG_MODE = "centre of the ensemble"
_VAR_MODE = "variance of the ensemble: divided by the mean likelihood, or as it is"
_LEFT_RIGHT = (
    "pairs of keypoints, left and right, such as a,b;c,d, that can be taken for each other; "
    "empty: derived from their names"
)
_FIX_SWAPS = (
    "exchange left and right where a prediction set contradicts the others, or a view the other "
    "views (with a calibration), before anything is computed; off: such places are only reported"
)
_CORRECTIONS = (
    "positions that were corrected in review take the place of predictions and are never set aside"
)
_LEAVE_OUT_BAD = "stretches that were marked as bad in review are left out of the results"
_THREADS = "keypoints computed at the same time; not given: one per core; the result is the same"


@dataclass(frozen=True)
class ReadingSettings:
    """How prediction files are matched and read."""

    views: tuple[str, ...] = setting(
        (), "names of the views; empty: from the calibration, the project or the file names"
    )
    keypoints: tuple[str, ...] = setting((), "keypoints to keep, in this order; empty: all")
    session: str | None = setting(None, "which session, when the input holds several")
    individual: str | None = setting(None, "which individual, when the files hold several")
    min_likelihood: float = setting(
        0.0, "an observation whose likelihood is below this is treated as missing"
    )
    allow_missing: bool = setting(
        False,
        "go on when views or seeds are missing or lack the individual, or differ in their number "
        "of frames or in the frame rates of their videos",
    )
    shared_keypoints: bool = setting(
        False, "go on with the keypoints that all files share when some lack a keypoint"
    )
    mirrored: bool = setting(
        False,
        "each file holds all views (a mirror in the image), its keypoints are named "
        "<bodypart>_<view>",
    )

    def __post_init__(self) -> None:
        # As the names of files are read: an umlaut may be typed as one character or as two.
        views = tuple(unicodedata.normalize("NFC", view) for view in self.views)
        object.__setattr__(self, "views", views)


@dataclass(frozen=True)
class SmootherParts:
    """Parts of the calibrated and the linear smoother that can be switched off."""

    learn_noise: bool = setting(
        True,
        "estimate the observation noise from the residuals between views; off: take the "
        "ensemble variance plus its typical value",
    )
    bursts: bool = setting(True, "let single frames move more than the others")
    widen: bool = setting(True, "make the uncertainty larger where errors last longer than a frame")


@dataclass(frozen=True)
class SmoothingSettings:
    """How the ensemble is smoothed.

    A setting that the chosen smoother has no use for is named in the report's warnings.
    """

    mode: Literal["auto", "calibrated", "linear", "single"] = setting(
        "auto",
        "calibrated: 3-D point, needs a calibration; linear: a model of all views learned from the "
        "predictions; single: each view by itself; auto: calibrated with a calibration, linear "
        "with several views, else single",
    )
    smooth_param: float | None = setting(
        None,
        "s, the scale of the motion between frames: small is smooth, large follows the data; "
        "not given: found for each keypoint by maximum likelihood",
    )
    smooth_params: tuple[tuple[str, float], ...] = setting(
        (), "s of single keypoints, such as nose=10, tail=100; the others follow the setting above"
    )
    s_frames: tuple[tuple[int | None, int | None], ...] = setting(
        (), "frame ranges (first, one past the last; from 0) that the search for s uses"
    )
    as_published: bool = setting(
        False, "reproduce ensemble-kalman-smoother 4.6.2 number for number"
    )
    n_latent: int = setting(3, "scores of the model of all views; 3 is the dimension of space")
    quantile_keep_pca: float = setting(
        50.0, "percentage of frames, those with the least variance, that the linear model is fit to"
    )
    avg_mode: Literal["median", "mean"] = setting("median", _AVG_MODE)
    var_mode: Literal["confidence_weighted_var", "var"] = setting(
        "confidence_weighted_var", _VAR_MODE
    )
    inflate_vars: bool = setting(
        False,
        "inflate the variance of observations that do not fit the other views (Mahalanobis "
        "distance to a linear model of all views); for the smoothers as published, and the "
        "linear one with another n_latent than 3; the others weight observations by the other "
        "views anyway",
    )
    blocks: tuple[tuple[str, ...], ...] = setting(
        (), "groups of keypoints that share s, such as a,b;c,d; a keypoint in no group has its own"
    )
    max_gap: int | None = setting(
        None,
        "positions are filled in where no view observed the keypoint for at most this many frames "
        "(single: where that view did not); longer gaps stay missing; not given: all are filled in",
    )
    skeleton: tuple[tuple[str, ...], ...] = setting(
        (),
        "calibrated: bones, such as a,b;b,c, whose lengths help to place keypoints that one view "
        "observed or none; such points are marked as inferred; empty: no bones",
    )
    left_right: tuple[tuple[str, ...], ...] = setting((), _LEFT_RIGHT)
    fix_swaps: bool = setting(False, _FIX_SWAPS)
    robust: Literal["auto", "off"] | float = setting(
        "auto",
        "calibrated and linear: set observations aside that contradict the other views; auto: "
        "by their probability; a number: those further than so many px from what the others "
        "predict; off: use all",
    )
    motion: Literal["damped", "walk"] = setting(
        "damped",
        "calibrated and linear: damped: things go on moving for some frames; walk: each step is "
        "independent of the last",
    )
    parts: SmootherParts = field(
        default=SmootherParts(),
        metadata={
            "help": "calibrated and linear: what it does beyond smoothing; each can be switched off"
        },
    )
    own_times: bool = setting(
        False,
        "calibrated, for cameras with timestamps: every frame of each camera counts at its own "
        "time, whatever its rate; off: frames are paired by time, and the others are not used",
    )
    output_times: str = setting(
        "",
        "with own_times: where results are wanted: the name of a view (at its frames), or a number "
        "of frames per unit of the timestamps; empty: at the frames of the session",
    )
    corrections: bool = setting(True, _CORRECTIONS)
    leave_out_bad: bool = setting(True, _LEAVE_OUT_BAD)
    threads: int | None = setting(None, _THREADS)

    def given_s(self, keypoint: str) -> float | None:
        """``s`` of a keypoint, as far as it was given; None: it is searched."""
        return dict(self.smooth_params).get(keypoint, self.smooth_param)


@dataclass(frozen=True)
class TriangulationSettings:
    """How the ensemble is triangulated frame by frame, without smoothing."""

    robust: Literal["auto", "off"] | float = setting(
        "auto",
        "leave out observations that contradict the other views; auto: beyond 5 times the typical "
        "residual, at least 3 px; a number: beyond so many px; off: use all",
    )
    avg_mode: Literal["median", "mean"] = setting("median", _AVG_MODE)
    var_mode: Literal["confidence_weighted_var", "var"] = setting(
        "confidence_weighted_var", _VAR_MODE
    )
    left_right: tuple[tuple[str, ...], ...] = setting((), _LEFT_RIGHT)
    fix_swaps: bool = setting(False, _FIX_SWAPS)
    corrections: bool = setting(True, _CORRECTIONS)
    leave_out_bad: bool = setting(True, _LEAVE_OUT_BAD)
    threads: int | None = setting(None, _THREADS)


@dataclass(frozen=True)
class ShapeSettings:
    """How a shape that points lie on is smoothed; s of a shape is larger where it is smoother."""

    size_s: float | None = setting(None, "s of the sizes, 0 to 1; not given: most likely")
    centre_s: float | None = setting(None, "s of the centre, 0 to 1; not given: most likely")
    as_published: bool = setting(False, "reproduce ibl-pupil of ensemble-kalman-smoother 4.6.2")


@dataclass(frozen=True)
class PlotSettings:
    """What is drawn of a result."""

    frames: tuple[int | None, int | None] = setting(
        (0, 500), "first frame, and one past the last, that are drawn; from 0"
    )
    keypoints: tuple[str, ...] = setting((), "keypoints that are drawn; empty: all")


def check_settings(settings: SmoothingSettings) -> None:
    """Raise `PoseDataError` for an invalid value."""
    check_s(settings.smooth_param)
    for name, s in settings.smooth_params:
        check_s(s, name)
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
