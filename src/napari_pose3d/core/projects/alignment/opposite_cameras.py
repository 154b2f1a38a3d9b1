"""Two cameras on opposite sides of an animal, each with its own frame times, brought together.

References
----------
``ibl-paw`` of ensemble-kalman-smoother 4.6.2, which interpolates and mirrors in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.projects.frame_tables import read_times
from napari_pose3d.core.poses.arrays import Ensemble, Poses2D, Result
from napari_pose3d.errors import PoseDataError

from ..naming.file_names import matches_in

Float64 = NDArray[np.float64]


def timestamp_files(inputs: Iterable[Path], views: Sequence[str]) -> dict[str, Path]:
    """The files ``*timestamps*<view>*.npy`` in folders, or beside files.

    Raises
    ------
    PoseDataError
        A view has none, or several.
    """
    folders = dict.fromkeys(path if path.is_dir() else path.parent for path in inputs)
    found = [
        path
        for folder in folders
        for path in sorted(folder.glob("*.npy"))
        if "timestamps" in path.name
    ]
    files = {}
    for view in views:
        of_view = [path for path in found if matches_in(path.stem, [view])]
        if len(of_view) != 1:
            names = ", ".join(path.name for path in of_view or found) or "no such file"
            raise PoseDataError(
                f"{len(of_view)} files hold the times of the frames of view {view} ({names})",
                file=next(iter(folders), None),
                expected=f"one file of each view, such as walk.timestamps.{view}.npy",
                todo="Put the predictions and the timestamps of one recording in one folder",
            )
        files[view] = of_view[0]
    return files


def times_of(path: Path, ensemble: Ensemble) -> Float64:
    """The times of the frames of an ensemble of one view, ``(frame,)``.

    Raises
    ------
    PoseDataError
        The file cannot be read, or holds more or fewer times than there are frames.
    """
    times = read_times(path)
    if len(times) != ensemble.n_frames:
        raise PoseDataError(
            f"there are {len(times)} times, but the predictions of view {ensemble.views[0]} have "
            f"{ensemble.n_frames} frames",
            file=path,
            expected="the time of each frame",
        )
    return times


def opposite_cameras(
    first: Ensemble,
    second: Ensemble,
    times: tuple[Float64, Float64],
    image_width: float,
    *,
    keep_placeholders: bool = False,
) -> tuple[Ensemble, slice]:
    """Both cameras at the times of the first one, as seen from its side.

    Parameters
    ----------
    first, second : Ensemble
        One view each, of the same models, with the same two keypoints: left and right.
    times : ((frame,), (frame,))
        Of their frames, by one clock; rising.
    image_width : float
        x of the second camera becomes ``image_width - x``, px.
    keep_placeholders : bool
        Whether (0, 0) with likelihood 0 is a position like any other; otherwise it is missing.

    Returns
    -------
    ensemble : Ensemble
        Two views. The second one's keypoints are exchanged, its x is mirrored, and its positions
        and likelihoods are interpolated linearly; beside a missing position, they are missing.
    frames : slice
        The first camera's frames that it holds: those within the times of the second.

    Raises
    ------
    PoseDataError
        There are other than two keypoints, models that only one camera has, or no times that both
        have in common.
    """
    if len(first.keypoints) != 2 or first.keypoints != second.keypoints:
        raise PoseDataError(
            f"the keypoints are {', '.join(first.keypoints)}",
            expected="two, the left and the right one, in both views",
        )
    if first.models != second.models:
        raise PoseDataError(
            f"view {first.views[0]} has the prediction sets {', '.join(first.models)}, but view "
            f"{second.views[0]} has {', '.join(second.models)}",
            expected="the same in both views",
        )
    own, other = times
    start, stop = np.searchsorted(own, other[0]), np.searchsorted(own, other[-1], side="right")
    if start >= stop:
        raise PoseDataError(
            f"no frame of view {first.views[0]} lies within the times of view {second.views[0]}: "
            f"{own[0]:g} to {own[-1]:g}, and {other[0]:g} to {other[-1]:g}",
            expected="times by one clock, in the same unit",
        )
    frames = slice(int(start), int(stop))
    xy, likelihood = second.xy[..., ::-1, :].astype(float), second.likelihood[..., ::-1]
    if not keep_placeholders:
        xy[(xy == 0).all(axis=-1) & (likelihood == 0)] = np.nan
    xy[..., 0] = image_width - xy[..., 0]
    both = replace(
        first,
        xy=np.concatenate([first.xy[:, :, frames], _at(own[frames], other, xy)], axis=1),
        likelihood=np.concatenate(
            [first.likelihood[:, :, frames], _at(own[frames], other, likelihood)], axis=1
        ),
        views=(*first.views, *second.views),
        variance=None,
        ensemble_median=None,
        ensemble_variance=None,
        sources=(*first.sources, *second.sources),
        warnings=tuple(dict.fromkeys((*first.warnings, *second.warnings))),
    )
    return both, frames


def _at(wanted: Float64, times: Float64, values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Values ``(model, view, frame, ...)`` interpolated linearly from times to those wanted."""
    columns = np.moveaxis(values, 2, -1)
    out = np.empty((*columns.shape[:-1], len(wanted)), np.float32)
    for place in np.ndindex(columns.shape[:-1]):
        out[place] = np.interp(wanted, times, columns[place])
    return np.moveaxis(out, -1, 2)


def in_place(result: Result, frames: slice, n_frames: int) -> Result:
    """A result of some frames in the rows of all frames; the others are missing.

    Parameters
    ----------
    result : Result
        Without points in space.
    frames : slice
    n_frames : int
        Of all.
    """
    margins = (frames.start, n_frames - frames.stop)

    def padded(array: NDArray[np.floating] | None) -> NDArray[np.floating] | None:
        if array is None:
            return None
        widths = [margins if axis == 1 else (0, 0) for axis in range(array.ndim)]
        return np.pad(array, widths, constant_values=np.nan)

    poses: Poses2D = result.poses2d
    names = ("xy", "likelihood", "variance", "ensemble_median", "ensemble_variance")
    arrays = {name: padded(getattr(poses, name)) for name in names}
    swaps = result.swaps
    if swaps is not None:
        widths = ((0, 0), margins, (0, 0))
        swaps = replace(
            swaps, views=np.pad(swaps.views, widths), models=np.pad(swaps.models, widths)
        )
    report = result.report
    if any(margins):
        note = (
            f"{poses.views[1]} has no frames at the times of {margins[0]:,} frames of "
            f"{poses.views[0]} at the beginning and {margins[1]:,} at the end; they stay missing"
        )
        report = replace(report, warnings=(*report.warnings, note))
    return replace(
        result,
        poses2d=replace(poses, **arrays),  # type: ignore[arg-type]
        swaps=swaps,
        report=report,
    )
