"""One view's predictions in memory, whatever format they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.errors import PoseDataError, Remedy

from .table_header import PAIRS, TableHeader

# What stands behind a scorer: the tracker of several animals (ellipse, skeleton, box, transformer,
# conditional top-down), the filter.
_AFTER_SCORER = (
    "",
    "_filtered",
    *(f"_{t}{f}" for t in ("el", "sk", "bx", "tr", "ctd") for f in ("", "_filtered")),
)

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """The keypoints of one individual in one view, as a prediction file holds them.

    The arrays may be parts of one that holds all the file's numbers.

    Attributes
    ----------
    keypoints : tuple of str
        In file order.
    xy : (frame, keypoint, 2) float32
        Pixels; NaN where missing.
    likelihood : (frame, keypoint) float32
        The network's confidence, 0 to 1; NaN where not given.
    variance : (frame, keypoint, 2) float32, optional
        A smoother's posterior variance in px^2.
    ensemble_median, ensemble_variance : (frame, keypoint, 2) float32, optional
        Centre (px) and variance (px^2) of the ensemble that was smoothed.
    scorer : str
        Who made the predictions, as the header says.
    individual : str or None
        Name of the animal; None when the file has no row of individuals.
    """

    keypoints: tuple[str, ...]
    xy: FloatArray
    likelihood: FloatArray
    variance: FloatArray | None = None
    ensemble_median: FloatArray | None = None
    ensemble_variance: FloatArray | None = None
    scorer: str = ""
    individual: str | None = None

    @classmethod
    def from_poses(cls, poses: Poses2D, view: str | int | None = None) -> PredictionTable:
        """One view of `poses`, by name or index; the only one if there is only one.

        The arrays are not copied.

        Raises
        ------
        PoseDataError
            When there is no such view, or there are several and none was chosen.
        """
        names = list(poses.views)
        if view is None and len(names) == 1:
            view = 0
        if view not in names and not (isinstance(view, int) and 0 <= view < len(names)):
            problem = "no view was chosen" if view is None else f"no view is called {view}"
            raise PoseDataError(problem, expected=f"one of {', '.join(names)}")
        i = view if isinstance(view, int) else names.index(str(view))
        extra: dict[str, Any] = {
            name: None if (a := getattr(poses, name)) is None else a[i] for name in PAIRS
        }
        return cls(
            poses.keypoints,
            poses.xy[i],
            poses.likelihood[i],
            individual=poses.individual,
            **extra,
        )


def without_scorer(stem: str, scorer: str) -> str:
    """A file's stem without the scorer at its end, and without what DeepLabCut puts behind that."""
    endings = (scorer + after for after in _AFTER_SCORER)
    return next((stem.removesuffix(e) for e in endings if stem.endswith(e)), stem)


def choose_individual(header: TableHeader, wanted: str | None) -> str | None:
    """The individual to read: the one asked for, or the only one there is.

    Raises
    ------
    PoseDataError
        Without file name, when there are several and none was chosen, or not the one chosen.
    """
    have = header.individuals
    if wanted is not None and wanted not in have:
        if not have:
            raise PoseDataError(
                f"no individual is called '{wanted}': the file names no individuals",
                todo="Choose no individual",
                remedy=Remedy("any_individual"),
            )
        raise PoseDataError(
            f"no individual is called '{wanted}'", expected=f"one of {', '.join(have)}"
        )
    if wanted is None and len(have) > 1:
        raise PoseDataError(
            f"the file holds several individuals: {', '.join(have)}",
            todo="Choose one",
            remedy=Remedy("individual"),
        )
    return wanted if wanted is not None or not have else have[0]


def table_from_numbers(
    header: TableHeader, numbers: FloatArray, individual: str | None
) -> PredictionTable:
    """Sort the columns of a file into a `PredictionTable` of one individual.

    Parameters
    ----------
    numbers : (frame, column) float32
        The columns of `header`.
    individual : str or None
        As `choose_individual` returned it.
    """

    def taken(*coordinates: str) -> FloatArray:
        columns = [header.columns_of(individual, each) for each in coordinates]
        return _columns(numbers, np.stack(columns, axis=-1))

    extra = {name: taken(x, y) for name, (x, y) in PAIRS.items() if x in header.coordinates}
    return PredictionTable(
        header.keypoints(individual),
        taken("x", "y"),
        taken("likelihood")[..., 0],
        scorer=header.scorer,
        individual=individual,
        **extra,
    )


def _columns(numbers: FloatArray, places: NDArray[np.intp]) -> FloatArray:
    """The columns at ``places (keypoint, n)``; not copied where they are as regular as always."""
    n_keypoints, n = places.shape
    width = numbers.shape[1] // n_keypoints
    first = int(places[0, 0])
    regular = first + width * np.arange(n_keypoints)[:, None] + np.arange(n)
    if width * n_keypoints == numbers.shape[1] and np.array_equal(places, regular):
        return numbers.reshape(len(numbers), n_keypoints, width)[..., first : first + n]
    return numbers[:, places]
