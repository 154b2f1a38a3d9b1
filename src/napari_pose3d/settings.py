"""What a user can set: the same dataclasses feed widgets, command line and run.json.

Each field carries its plain-words help in ``metadata["help"]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from napari_pose3d.errors import PoseDataError

Progress = Callable[[str, int, int], None]
"""Called with (stage in plain words, done, total); total 0 means unknown."""
IsCancelled = Callable[[], bool]

Robust = Literal["auto", "off"] | float

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


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True)
class ReadingSettings:
    """How prediction files are matched and read."""

    views: tuple[str, ...] = _setting(
        (), "names of the views; empty: from the calibration, the project or the file names"
    )
    keypoints: tuple[str, ...] = _setting((), "keypoints to keep, in this order; empty: all")
    session: str | None = _setting(None, "which session, when the input holds several")
    individual: str | None = _setting(None, "which individual, when the files hold several")
    min_likelihood: float = _setting(
        0.0, "an observation whose likelihood is below this is treated as missing"
    )
    allow_missing: bool = _setting(
        False,
        "go on when views or seeds are missing, or differ in their number of frames or in the "
        "frame rates of their videos",
    )
    shared_keypoints: bool = _setting(
        False, "go on with the keypoints that all files share when some lack a keypoint"
    )
    mirrored: bool = _setting(
        False,
        "each file holds all views (a mirror in the image), its keypoints are named "
        "<bodypart>_<view>",
    )


@dataclass(frozen=True)
class SmootherParts:
    """Parts of the calibrated and the linear smoother that can be switched off."""

    learn_noise: bool = _setting(
        True,
        "estimate the observation noise from the residuals between views; off: take the "
        "ensemble variance plus its typical value",
    )
    bursts: bool = _setting(True, "let single frames move more than the others")
    widen: bool = _setting(
        True, "make the uncertainty larger where errors last longer than a frame"
    )


@dataclass(frozen=True)
class SmoothingSettings:
    """How the ensemble is smoothed.

    A setting that the chosen smoother has no use for is named in the report's warnings.
    """

    mode: Literal["auto", "calibrated", "linear", "single"] = _setting(
        "auto",
        "calibrated: 3-D point, needs a calibration; linear: a model of all views learned from the "
        "predictions; single: each view by itself; auto: calibrated with a calibration, linear "
        "with several views, else single",
    )
    smooth_param: float | None = _setting(
        None,
        "s, the scale of the motion between frames: small is smooth, large follows the data; "
        "not given: found for each keypoint by maximum likelihood",
    )
    smooth_params: tuple[tuple[str, float], ...] = _setting(
        (), "s of single keypoints, such as nose=10, tail=100; the others follow the setting above"
    )
    s_frames: tuple[tuple[int | None, int | None], ...] = _setting(
        (), "frame ranges (first, one past the last; from 0) that the search for s uses"
    )
    as_published: bool = _setting(
        False, "reproduce ensemble-kalman-smoother 4.6.2 number for number"
    )
    n_latent: int = _setting(3, "scores of the model of all views; 3 is the dimension of space")
    quantile_keep_pca: float = _setting(
        50.0, "percentage of frames, those with the least variance, that the linear model is fit to"
    )
    avg_mode: Literal["median", "mean"] = _setting("median", _AVG_MODE)
    var_mode: Literal["confidence_weighted_var", "var"] = _setting(
        "confidence_weighted_var", _VAR_MODE
    )
    inflate_vars: bool = _setting(
        False,
        "inflate the variance of observations that do not fit the other views (Mahalanobis "
        "distance to a linear model of all views); for the smoothers as published, and the "
        "linear one with another n_latent than 3; the others weight observations by the other "
        "views anyway",
    )
    blocks: tuple[tuple[str, ...], ...] = _setting(
        (), "groups of keypoints that share s, such as a,b;c,d; a keypoint in no group has its own"
    )
    max_gap: int | None = _setting(
        None,
        "positions are filled in where no view observed the keypoint for at most this many frames "
        "(single: where that view did not); longer gaps stay missing; not given: all are filled in",
    )
    skeleton: tuple[tuple[str, ...], ...] = _setting(
        (),
        "calibrated: bones, such as a,b;b,c, whose lengths help to place keypoints that one view "
        "observed or none; such points are marked as inferred; empty: no bones",
    )
    left_right: tuple[tuple[str, ...], ...] = _setting((), _LEFT_RIGHT)
    fix_swaps: bool = _setting(False, _FIX_SWAPS)
    robust: Literal["auto", "off"] | float = _setting(
        "auto",
        "calibrated and linear: set observations aside that contradict the other views; auto: "
        "by their probability; a number: those further than so many px from what the others "
        "predict; off: use all",
    )
    motion: Literal["damped", "walk"] = _setting(
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
    corrections: bool = _setting(True, _CORRECTIONS)
    leave_out_bad: bool = _setting(True, _LEAVE_OUT_BAD)
    threads: int | None = _setting(None, _THREADS)

    def given_s(self, keypoint: str) -> float | None:
        """``s`` of a keypoint, as far as it was given; None: it is searched."""
        return dict(self.smooth_params).get(keypoint, self.smooth_param)


@dataclass(frozen=True)
class TriangulationSettings:
    """How the ensemble is triangulated frame by frame, without smoothing."""

    robust: Literal["auto", "off"] | float = _setting(
        "auto",
        "leave out observations that contradict the other views; auto: beyond 5 times the typical "
        "residual, at least 3 px; a number: beyond so many px; off: use all",
    )
    avg_mode: Literal["median", "mean"] = _setting("median", _AVG_MODE)
    var_mode: Literal["confidence_weighted_var", "var"] = _setting(
        "confidence_weighted_var", _VAR_MODE
    )
    left_right: tuple[tuple[str, ...], ...] = _setting((), _LEFT_RIGHT)
    fix_swaps: bool = _setting(False, _FIX_SWAPS)
    corrections: bool = _setting(True, _CORRECTIONS)
    leave_out_bad: bool = _setting(True, _LEAVE_OUT_BAD)
    threads: int | None = _setting(None, _THREADS)


@dataclass(frozen=True)
class ReviewSettings:
    """How sessions are searched for failures, and how many frames are proposed for labeling."""

    budget: int = _setting(40, "how many frames to propose for labeling, over all sessions")
    sensitivity: float = _setting(
        1.0, "how little counts as a failure: 2 halves all bars, 0.5 doubles them"
    )
    measures: tuple[str, ...] = _setting(
        (), "measures to write for every frame, view and keypoint; empty: none"
    )
    compare: tuple[str, ...] = _setting(
        (),
        "two prediction sets whose differences are written; raw and smoothed are the predictions' "
        "centre and the smoothed positions; empty: none",
    )


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


def check_s(s: float | None, keypoint: str = "") -> None:
    """Raise `PoseDataError` unless it is None or a number above zero."""
    if s is not None and not (math.isfinite(s) and s > 0):
        raise PoseDataError(
            f"the smoothing parameter{' of ' + keypoint if keypoint else ''} is {s}",
            expected="a number above zero; small is smooth, large follows the data",
        )


def frame_range_of(text: str) -> tuple[int | None, int | None]:
    """``A:B``, either of which may be left out, or ``N`` for the first N frames.

    Raises
    ------
    PoseDataError
        It is something else.
    """
    first, colon, last = (part.strip() for part in text.partition(":"))
    ends = [int(end) if end.isdecimal() else None for end in (first, last)]
    understood = all(end == "" or end.isdecimal() for end in (first, last)) and (first or last)
    if not understood:
        raise PoseDataError(
            f"'{text.strip()}' is not a frame range",
            expected="first frame, colon, one past the last, such as 0:500 or 800:, or a number "
            "for so many frames from the first",
        )
    return (ends[0], ends[1]) if colon else (None, ends[0])


def smooth_params_of(text: str) -> tuple[tuple[str, float], ...]:
    """``nose=10, tail=100`` as pairs of keypoint and ``s``.

    Raises
    ------
    PoseDataError
        It is something else.
    """
    pairs = []
    for part in text.split(","):
        if not part.strip():
            continue
        # A name may hold the sign, a number does not.
        name, sign, number = part.rpartition("=")
        try:
            s = float(number)
        except ValueError:
            s = math.nan
        if not sign or not name.strip() or math.isnan(s):
            raise PoseDataError(
                f"'{part.strip()}' is not a value of s for a keypoint",
                expected="a name, an equals sign and a number, such as nose=10, tail=100",
            )
        check_s(s, name.strip())
        pairs.append((name.strip(), s))
    return tuple(pairs)


def check_robust(robust: object) -> None:
    """Raise `PoseDataError` unless it is "auto", "off" or a number of px above zero."""
    if isinstance(robust, str):
        valid = robust in ("auto", "off")
    else:
        valid = isinstance(robust, int | float | np.number) and 0 < float(robust) < math.inf
    if not valid:
        raise PoseDataError(
            f"the robust threshold is {robust!r}",
            expected="'auto', 'off', or a number of px above zero",
        )


def check_threads(threads: int | None) -> None:
    """Raise `PoseDataError` unless it is None or at least 1."""
    if threads is not None and threads < 1:
        raise PoseDataError(f"the number of threads is {threads}", expected="one or more")


@dataclass(frozen=True)
class CalibrationSettings:
    """How cameras are calibrated from videos of a board."""

    fisheye: bool = _setting(False, "the lenses follow the fisheye model")
    clocks: bool = _setting(
        True,
        "estimate by how much of a frame each camera lags; off: all are triggered by one signal",
    )
    every: int = _setting(1, "look at every n-th frame only")

    def __post_init__(self) -> None:
        if self.every < 1:
            raise PoseDataError(f"every {self.every}th frame is to be taken", expected="1 or more")


@dataclass(frozen=True)
class RefinementSettings:
    """How a calibration is mended from points that several views see."""

    source: Literal["labels", "predictions"] = _setting(
        "predictions", "labels of persons, or the networks' confident predictions"
    )
    min_likelihood: float = _setting(0.9, "predictions below are not used")
    free: Literal["extrinsics", "rotation", "translation", "focal", "all"] = _setting(
        "extrinsics",
        "what may change of a camera: focal and all include its pose, all the principal point and "
        "k1, k2 as well",
    )
    all_cameras: bool = _setting(False, "move all cameras, not as few as make the views agree")


@dataclass(frozen=True)
class TrainingSettings:
    """How networks of Lightning Pose are trained; what is not given is as it recommends."""

    seeds: tuple[int, ...] = _setting(
        (0, 1, 2), "one network for each; together they are an ensemble"
    )
    model_type: Literal["auto", "heatmap_multiview_transformer", "heatmap", "heatmap_mhcrnn"] = (
        _setting(
            "auto",
            "auto: heatmap_multiview_transformer with several views, else heatmap; heatmap: one "
            "network for all views; heatmap_mhcrnn: with the frames around (no calibration)",
        )
    )
    backbone: str = _setting("vits_dino", "network that features come from")
    pretrained: bool = _setting(
        True,
        "begin with weights trained on images of all kinds; only convolutional backbones "
        "can do without",
    )
    image_size: int | None = _setting(
        None, "px that images are resized to, a multiple of 128; not given: as recommended"
    )
    epochs: int | None = _setting(
        None, "passes over the labels; below 300 the schedules are shortened in proportion"
    )
    batch_size: int | None = _setting(None, "frames (with all their views) in one step")
    reprojection_loss: Literal["auto", "on", "off"] = _setting(
        "auto",
        "let views agree in space while training; auto: where each labeled session has a "
        "calibration",
    )
    augmentation: Literal["dlc", "dlc-top-down", "default"] = _setting(
        "dlc", "how images are varied; dlc-top-down: also turned by quarters"
    )
    train_share: float = _setting(
        0.95, "share of the labeled frames to train on; the others choose the best epoch"
    )
    same_split: bool = _setting(
        False, "train all seeds on the same frames; off: the split differs as well"
    )
    workers: int = _setting(2, "processes that load images, twice: for training and validation")

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise PoseDataError(
                f"the seeds are {list(self.seeds)}", expected="different whole numbers from 0"
            )
        for name, least in (("image_size", 1), ("epochs", 1), ("batch_size", 1), ("workers", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise PoseDataError(
                    f"{name.replace('_', ' ')} is {value}", expected=f"{least} or more"
                )
        if not 0 < self.train_share < 1:
            raise PoseDataError(
                f"the share to train on is {self.train_share}", expected="between 0 and 1"
            )


@dataclass(frozen=True)
class ExportSettings:
    """How poses are written for other programs; a format takes of it what concerns it."""

    measured_only: bool = _setting(
        False, "leave out positions that were filled in; they are missing then"
    )
    up: Literal["as-is", "x", "-x", "y", "-y", "z", "-z"] = _setting(
        "as-is",
        "which axis of the calibration's world points up, for formats whose readers expect one "
        "(TRC: y is up there); as-is: nothing is turned",
    )
    nwb: Literal["multi", "single"] = _setting(
        "multi",
        "multi: 3-D, views and cameras; single: 3-D only, which keypoint-moseq reads",
    )
    movement_dims: Literal["singular", "plural"] = _setting(
        "singular", "plural: for movement 0.15 and 0.16, which read no other netCDF"
    )
    validation: float = _setting(
        0.1, "share of the labeled frames that a data set keeps for validation (JARVIS)"
    )
    split: bool = _setting(
        False, "write several C3D files where a recording has more frames than one can hold"
    )
    subject: tuple[tuple[str, str], ...] = _setting(
        (),
        "whose recording it is, for NWB: subject_id, species (in Latin), sex (M, F, U or O), age "
        "(as P90D), session_start (with time zone), experimenter, institution, description",
    )

    def __post_init__(self) -> None:
        for name, allowed in (
            ("up", ("as-is", "x", "-x", "y", "-y", "z", "-z")),
            ("nwb", ("multi", "single")),
            ("movement_dims", ("singular", "plural")),
        ):
            if (value := getattr(self, name)) not in allowed:
                raise PoseDataError(
                    f"'{value}' is not known", place=name, expected=f"one of {', '.join(allowed)}"
                )
        if not 0 <= self.validation < 1:
            raise PoseDataError(
                f"{self.validation:g} is no share", place="validation", expected="from 0 to below 1"
            )


@dataclass(frozen=True)
class BatchSettings:
    """What is done with every session of projects, and by how many workers."""

    steps: tuple[str, ...] = _setting(
        ("smooth", "review"), "smooth, review, export; they are done in this order"
    )
    formats: tuple[str, ...] = _setting(("tidy-csv",), "what export writes, such as trc or nwb")
    allow_missing: bool = _setting(
        False, "go on with sessions in which views or seeds are missing, or differ in length"
    )
    project_skeleton: bool = _setting(False, "smooth with the bones that each project draws")
    again: bool = _setting(False, "do everything again, also what has not changed")
    workers: int | None = _setting(None, "sessions at the same time; not given: one per core")
    memory: float | None = _setting(
        None,
        "GB of memory that a worker may take; a session that needs more has failed; not given: an "
        "equal share of four fifths of this machine's",
    )

    def __post_init__(self) -> None:
        known = ("smooth", "review", "export")
        for step in self.steps:
            if step not in known:
                raise PoseDataError(
                    f"no step is called '{step}'", expected=f"some of {', '.join(known)}"
                )
        if not self.steps:
            raise PoseDataError("there are no steps", expected=f"some of {', '.join(known)}")
        # An export is of what the steps before it made.
        object.__setattr__(self, "steps", tuple(step for step in known if step in self.steps))
        if self.workers is not None and self.workers < 1:
            raise PoseDataError(f"the number of workers is {self.workers}", expected="1 or more")
        if self.memory is not None and not self.memory > 0:
            raise PoseDataError(f"the memory is {self.memory} GB", expected="more than 0")


@dataclass(frozen=True)
class PlotSettings:
    """What is drawn of a result."""

    frames: tuple[int | None, int | None] = _setting(
        (0, 500), "first frame, and one past the last, that are drawn; from 0"
    )
    keypoints: tuple[str, ...] = _setting((), "keypoints that are drawn; empty: all")


@dataclass(frozen=True)
class ShapeSettings:
    """How a shape that points lie on is smoothed; s of a shape is larger where it is smoother."""

    size_s: float | None = _setting(None, "s of the sizes, 0 to 1; not given: most likely")
    centre_s: float | None = _setting(None, "s of the centre, 0 to 1; not given: most likely")
    as_published: bool = _setting(False, "reproduce ibl-pupil of ensemble-kalman-smoother 4.6.2")
