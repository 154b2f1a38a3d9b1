"""Raw against smoothed with its uncertainty, as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import AnyEnsemble, Result
from napari_pose3d.core.poses.stretches import stretches
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import PlotSettings

_WIDTH, _HEIGHT = 1000.0, 110.0
_MOST_FRAMES = 5000
_DEVIATIONS = 2.0


@dataclass(frozen=True)
class Curve:
    """One coordinate over time, ready to be drawn: points as texts of SVG.

    Attributes
    ----------
    label, unit : str
    lowest, highest : float
        The ends of its axis.
    raw : str
        Path of the networks' centre; empty where there is none.
    band, line : str
        Paths of two standard deviations around the smoothed position, and of the position.
    """

    label: str
    unit: str
    lowest: float
    highest: float
    raw: str
    band: str
    line: str


def plot_path(ensemble: AnyEnsemble, folder: str | Path, name: str | None = None) -> Path:
    """The file beside a result's other files: ``<session>_plot.html``."""
    return Path(folder) / f"{name or ensemble.session or 'recording'}_plot.html"


def save_plot(path: Path, result: Result, settings: PlotSettings, *, force: bool = False) -> None:
    """Write the page of a result.

    Raises
    ------
    PoseDataError
        No frame or keypoint is left, a name is unknown, or the file exists and ``force`` is False.
    """
    text = plot_text(result, settings)
    with FileGroup(overwrite=force) as group:
        group.open(path, spelled_out=True).write(text)


def plot_text(result: Result, settings: PlotSettings) -> str:
    """The page of a result: for each keypoint, x and y in each view, and in space x, y and z.

    Raises
    ------
    PoseDataError
        See `save_plot`.
    """
    from jinja2 import Environment

    poses = result.poses2d
    frames = plot_frames(settings, poses.n_frames)
    chosen = check_keypoints(settings, poses.keypoints)
    template = files(__package__).joinpath("plot.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        session=poses.session or "recording",
        first=frames.start,
        last=frames.stop - 1,
        width=_WIDTH,
        height=_HEIGHT,
        keypoints=[
            {
                "name": name,
                "s": result.report.smooth_param.get(name),
                "curves": list(_curves(result, poses.keypoints.index(name), frames)),
            }
            for name in chosen
        ],
    )


def plot_frames(settings: PlotSettings, n_frames: int) -> slice:
    """The frames that are drawn, as a slice with both ends.

    Raises
    ------
    PoseDataError
        There are none, or too many for a page.
    """
    first, last = settings.frames
    start, stop, _ = slice(first, last).indices(n_frames)
    if stop <= start:
        raise PoseDataError(
            f"no frame is to be drawn: {start}:{stop}", expected=f"frames from 0 to {n_frames - 1}"
        )
    if stop - start > _MOST_FRAMES:
        raise PoseDataError(
            f"{stop - start:,} frames are to be drawn", expected=f"at most {_MOST_FRAMES:,}"
        )
    return slice(start, stop)


def check_keypoints(settings: PlotSettings, keypoints: Sequence[str]) -> Sequence[str]:
    """The keypoints that are drawn.

    Raises
    ------
    PoseDataError
        There is none of a name.
    """
    for name in settings.keypoints:
        if name not in keypoints:
            raise PoseDataError(
                f"no keypoint is called '{name}'", expected=f"some of {', '.join(keypoints)}"
            )
    return settings.keypoints or keypoints


def _curves(result: Result, k: int, frames: slice) -> Iterator[Curve]:
    poses, space = result.poses2d, result.poses3d
    centre, variance = poses.ensemble_median, poses.variance
    for v, view in enumerate(poses.views):
        for i, axis in enumerate("xy"):
            yield _curve(
                f"{view} {axis}",
                "px",
                frames.start,
                poses.xy[v, frames, k, i],
                None if variance is None else variance[v, frames, k, i],
                None if centre is None else centre[v, frames, k, i],
            )
    if space is not None:
        for i, axis in enumerate("xyz"):
            spread = space.covariance[frames, k, i, i]
            yield _curve(axis, space.units or "", frames.start, space.xyz[frames, k, i], spread)


def _curve(
    label: str,
    unit: str,
    first: int,
    value: NDArray[np.floating],
    variance: NDArray[np.floating] | None = None,
    raw: NDArray[np.floating] | None = None,
) -> Curve:
    """Values over frames as paths; missing frames are gaps."""
    deviation = np.zeros(len(value)) if variance is None else np.sqrt(np.maximum(variance, 0))
    low, high = value - _DEVIATIONS * deviation, value + _DEVIATIONS * deviation
    # The axis follows what is known well: gaps are as uncertain as they like, and outliers far.
    known = [value, *([] if raw is None else [raw])]
    finite = np.concatenate([each[np.isfinite(each)] for each in known])
    lowest, highest = np.percentile(finite, [0.5, 99.5]) if len(finite) else (0.0, 1.0)
    margin = 0.15 * (highest - lowest) or 1.0
    lowest, highest = lowest - margin, highest + margin
    x = np.arange(len(value)) * _WIDTH / max(len(value) - 1, 1)

    def y(values: NDArray[np.floating]) -> NDArray[np.floating]:
        across = (highest - values) / (highest - lowest) * _HEIGHT
        return np.clip(across, -_HEIGHT, 2 * _HEIGHT)

    def path(values: NDArray[np.floating], stretch: slice) -> str:
        points = zip(x[stretch], y(values)[stretch], strict=True)
        return "L".join(f"{a:.1f},{b:.1f}" for a, b in points)

    lines, bands = [], []
    for stretch in _slices(np.isfinite(value)):
        lines.append(f"M{path(value, stretch)}")
    for stretch in _slices(np.isfinite(low) & np.isfinite(high)):
        back = path(low, stretch).split("L")[::-1]
        bands.append(f"M{path(high, stretch)}L{'L'.join(back)}Z")
    dots = (
        ""
        if raw is None
        else "".join(f"M{path(raw, stretch)}" for stretch in _slices(np.isfinite(raw)))
    )
    return Curve(
        label,
        unit,
        float(lowest),
        float(highest),
        dots,
        "" if variance is None else "".join(bands),
        "".join(lines),
    )


def _slices(mask: NDArray[np.bool_]) -> Iterator[slice]:
    return (slice(start, stop) for start, stop in stretches(mask).tolist())
