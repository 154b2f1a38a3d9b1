"""What a user can set: the same dataclasses feed widgets, command line and run.json.

Each field carries its plain-words help in ``metadata["help"]``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Progress = Callable[[str, int, int], None]
"""Called with (stage in plain words, done, total); total 0 means unknown."""
IsCancelled = Callable[[], bool]


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
        False, "go on when views or seeds are missing or differ in their number of frames"
    )
    shared_keypoints: bool = _setting(
        False, "go on with the keypoints that all files share when some lack a keypoint"
    )


@dataclass(frozen=True)
class SmoothingSettings:
    """How the ensemble is smoothed."""

    mode: Literal["auto", "calibrated", "linear", "single"] = _setting(
        "auto",
        "calibrated: 3-D point, needs a calibration; linear: PCA of all views; single: each view "
        "by itself; auto: calibrated with a calibration, linear with several views, else single",
    )
    smooth_param: float | None = _setting(
        None,
        "s, the scale of the motion between frames: small is smooth, large follows the data; "
        "not given: found for each keypoint by maximum likelihood",
    )
    s_frames: tuple[tuple[int | None, int | None], ...] = _setting(
        (), "frame ranges (first, one past the last; from 0) that the search for s looks at"
    )
    as_published: bool = _setting(
        False, "reproduce ensemble-kalman-smoother 4.6.2 number for number"
    )
    n_latent: int = _setting(3, "dimensions of the linear smoother's state")
    quantile_keep_pca: float = _setting(
        50.0, "percentage of frames, those with the least variance, that the linear model is fit to"
    )
