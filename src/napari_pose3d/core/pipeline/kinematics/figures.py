"""Figures for a paper, one call each: trajectory from above, traces with bands, polar histogram.

Each returns a ``matplotlib.figure.Figure``, which is changed or saved as any other
(``figure.savefig("figure.pdf")``); pyplot and its state are left alone. matplotlib is an optional
extra and loaded on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.core.poses.arrays import Poses3D
from napari_pose3d.core.poses.kinematics.measurements import Measured
from napari_pose3d.core.poses.palette import NEUTRAL, PALETTE, keypoint_hex
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.path_lists import AnyPath
from napari_pose3d.errors import PoseDataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Float64 = NDArray[np.float64]
Given = ParamSpec("Given")

_STYLE = {
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 0.8,
    # Text stays text in vector files.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}
FIGURE_SUFFIXES = (".pdf", ".svg", ".png")
_INK, _FLOOR = "#333333", "#f0f0f0"
_BAND = 1.96  # standard deviations that hold 95 %
_MARGIN = 0.06  # of the trajectory's extent
_BINS = 36
_COLUMN = 3.5  # inches, the column of a journal


def _styled(plot: Callable[Given, Figure]) -> Callable[Given, Figure]:
    """In our style, and without changing that of other figures."""

    @wraps(plot)
    def styled(*given: Given.args, **options: Given.kwargs) -> Figure:
        matplotlib = library("matplotlib", "plots", what="a figure")
        with matplotlib.rc_context(_STYLE):
            return plot(*given, **options)

    return styled


@_styled
def plot_trajectory(
    poses: Poses3D,
    keypoints: Sequence[str] = (),
    *,
    up: Sequence[float] = (0.0, 0.0, 1.0),
    colours: Mapping[str, str] | None = None,
    size: tuple[float, float] | None = None,
) -> Figure:
    """The ways of keypoints seen from above, with the floor under them and a scale bar.

    A dot is where a way begins, an arrow where it ends; dotted parts were filled in, not measured,
    and gaps are frames without a position.

    Parameters
    ----------
    poses : Poses3D
    keypoints : sequence of str
        Not given: the first of the poses.
    up : (3,)
        Normal of the floor; the default is z, from above x points right and y up.
    colours : mapping of keypoint to ``#rrggbb``, optional
        Those that the user chose; else each has its colour of napari.
    size : (width, height), optional
        Inches; not given: a column wide, and as high as that takes.

    Raises
    ------
    PoseDataError
        There is no such keypoint, none has a position, or matplotlib is not installed.
    """
    names = tuple(keypoints) or poses.keypoints[:1]
    absent = [name for name in names if name not in poses.keypoints]
    if absent:
        raise PoseDataError(
            f"there is no keypoint {', '.join(absent)}",
            expected=f"some of {', '.join(poses.keypoints)}",
        )
    places = [poses.keypoints.index(name) for name in names]
    seen = _from_above(np.asarray(poses.xyz[:, places], np.float64), up)
    known = seen[np.isfinite(seen).all(axis=-1)]
    if not len(known):
        raise PoseDataError(
            f"{', '.join(names)} has no position in space",
            expected="a keypoint that was found in two views in some frame",
        )
    low, high = known.min(axis=0), known.max(axis=0)
    extent = float((high - low).max()) or 1.0
    colour_of = keypoint_hex(poses.keypoints, colours)
    edge = _MARGIN * extent
    corner, sides = low - edge, high - low + 2 * edge
    beside = 1.0 if len(names) > 1 else 0.0
    height = (_COLUMN - beside) * float(np.clip(sides[1] / sides[0], 0.2, 3)) + 0.4
    figure = _figure(size or (_COLUMN, height))
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.add_patch(_patch("Rectangle", corner, *sides, facecolor=_FLOOR, edgecolor="none"))
    for i, (name, k) in enumerate(zip(names, places, strict=True)):
        _draw_way(axes, seen[:, i], poses.inferred[:, k], colour_of[name], name)
    _draw_scale_bar(axes, corner, extent, poses.units)
    if len(names) > 1:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), fontsize=7)
    return figure


@_styled
def plot_traces(
    measured: Sequence[Measured],
    fps: float | None = None,
    *,
    first_frame: int = 0,
    size: tuple[float, float] | None = None,
) -> Figure:
    """What was measured over time, one below the other, with the bands that hold 95 %.

    Parameters
    ----------
    measured : sequence of Measured
    fps : float, optional
        Frames a second: time is in seconds; not given: in frames.
    first_frame : int
        The frame of the first values.
    size : (width, height), optional
        Inches; not given: a line of text wide, and an inch for each value.

    Raises
    ------
    PoseDataError
        Nothing was measured, or matplotlib is not installed.
    """
    rows = [(each, i) for each in measured for i in range(len(each.names))]
    if not rows:
        raise PoseDataError("nothing was measured", expected="one measurement or more")
    figure = _figure(size or (6.5, 0.5 + len(rows)))
    every = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for n, (axes, (each, i)) in enumerate(zip(every, rows, strict=True)):
        values, deviations = each.values[:, i], each.deviations[:, i]
        time = (first_frame + np.arange(len(values))) / (fps or 1.0)
        colour = PALETTE[_READABLE[n % len(_READABLE)]]
        if np.isfinite(deviations).any():
            ends = values - _BAND * deviations, values + _BAND * deviations
            axes.fill_between(time, *ends, color=colour, alpha=0.3, linewidth=0)
        axes.plot(time, values, color=colour)
        axes.set_ylabel(_label(each.names[i], each.unit, "\n"))
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0)
    every[-1].set_xlabel("time (s)" if fps else "frame")
    figure.align_ylabels()
    return figure


@_styled
def plot_polar(
    measured: Measured,
    value: str = "",
    *,
    bins: int = _BINS,
    size: tuple[float, float] | None = None,
) -> Figure:
    """A polar histogram of angles, whose areas are the shares of the frames.

    The line is the mean direction, as long as the mean resultant length (1, the outer circle: all
    in one direction). Of angles that end at 180 degrees half a circle is drawn.

    Parameters
    ----------
    measured : Measured
        In degrees.
    value : str
        Which of its values, by name; not given: the first.
    bins : int
        Of the full circle.
    size : (width, height), optional
        Inches.

    Raises
    ------
    PoseDataError
        It is no angle, is known in no frame, has no such value, or matplotlib is not installed.
    """
    if measured.unit != "deg":
        raise PoseDataError(
            f"'{measured.measurement.name}' is in {measured.unit or 'no unit'}",
            place=measured.measurement.name,
            expected="an angle in degrees, such as a direction",
        )
    if value and value not in measured.names:
        raise PoseDataError(
            f"there is no value '{value}'",
            place=measured.measurement.name,
            expected=f"one of {', '.join(measured.names)}",
        )
    name = value or measured.names[0]
    degrees = measured.values[:, measured.names.index(name)]
    degrees = degrees[np.isfinite(degrees)]
    if not len(degrees):
        raise PoseDataError(f"'{name}' is known in no frame", place=measured.measurement.name)
    half = measured.measurement.kind in _HALF_CIRCLE
    low, high = (0.0, 180.0) if half else (-180.0, 180.0)
    counts, edges = np.histogram(
        degrees, bins=max(bins // 2 if half else bins, 1), range=(low, high)
    )
    radii = np.sqrt(counts / counts.max())
    mean = np.mean(np.exp(1j * np.radians(degrees)))
    figure = _figure(size or (3.0, 2.3 if half else 3.2))
    axes: Any = figure.add_subplot(projection="polar")
    colour = PALETTE[_READABLE[0]]
    axes.bar(
        np.radians(edges[:-1]),
        radii,
        width=np.radians(np.diff(edges)),
        align="edge",
        color=colour,
        alpha=0.6,
        edgecolor="white",
        linewidth=0.4,
    )
    axes.plot([np.angle(mean)] * 2, [0, abs(mean)], color=_INK, linewidth=1.6)
    if half:
        axes.set_thetamin(0)
        axes.set_thetamax(180)
    else:
        turns = [*range(0, 181, 45), *range(-135, 0, 45)]
        axes.set_thetagrids([turn % 360 for turn in turns], [f"{turn}°" for turn in turns])
    axes.set_rlim(0, 1)
    axes.set_yticks([])
    axes.grid(linewidth=0.4, color=NEUTRAL, alpha=0.4)
    axes.set_title(
        f"{_label(name, measured.unit)}\n"
        f"n = {len(degrees):,} frames, mean {np.degrees(np.angle(mean)):.0f}°, R = {abs(mean):.2f}"
    )
    return figure


def write_figure(figure: Figure, out: AnyPath, *, overwrite: bool = False) -> Path:
    """Write a figure; the suffix decides on the format.

    Raises
    ------
    PoseDataError
        The format is not known, or the file exists.
    """
    path = Path(out)
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise PoseDataError(
            f"figures are not written as '{path.suffix}'",
            file=path,
            expected=f"a name that ends in {', '.join(FIGURE_SUFFIXES)}",
        )
    matplotlib = library("matplotlib", "plots", what="a figure")
    with FileGroup(overwrite=overwrite) as files, matplotlib.rc_context(_STYLE):
        figure.savefig(files.path(path), dpi=300, format=path.suffix[1:].lower())
    return path


# Of the palette those that stand out as a line and a band on white.
_READABLE = (4, 3, 2, 5, 0, 1)
_HALF_CIRCLE = ("angle", "segment_angle", "plane_angle")


def _figure(size: tuple[float, float]) -> Figure:
    """An empty figure."""
    made: Figure = library("matplotlib.figure", "plots", what="a figure").Figure(
        figsize=size, dpi=150, layout="constrained"
    )
    return made


def _patch(kind: str, *given: Any, **options: Any) -> Any:
    return getattr(library("matplotlib.patches", "plots", what="a figure"), kind)(*given, **options)


def _label(name: str, unit: str, between: str = " ") -> str:
    return f"{name}{between}({unit})" if unit else name


def _from_above(xyz: Float64, up: Sequence[float]) -> Float64:
    """Right and up on the page, ``(frame, keypoint, 2)``, for who looks against `up`."""
    normal = np.asarray(up, np.float64) / np.linalg.norm(up)
    # The world's x to the right, as far as the floor allows.
    first = np.eye(3)[0 if abs(normal[0]) < 0.9 else 1]
    right = first - normal * (normal @ first)
    right /= np.linalg.norm(right)
    return xyz @ np.stack([right, np.cross(normal, right)], axis=1)


def _draw_way(
    axes: Any, way: Float64, filled_in: NDArray[np.bool_], colour: str, name: str
) -> None:
    measured = np.where(filled_in[:, None], np.nan, way)
    axes.plot(*measured.T, color=colour, label=name, solid_joinstyle="round")
    # With the frames beside them, so that no gap is left.
    near = filled_in | np.roll(filled_in, 1) | np.roll(filled_in, -1)
    if filled_in.any():
        inferred = np.where(near[:, None], way, np.nan)
        axes.plot(*inferred.T, color=colour, linestyle=":", alpha=0.8)
    known = np.flatnonzero(np.isfinite(way).all(axis=1))
    if len(known) > 1:
        axes.plot(*way[known[0]], "o", color=colour, markersize=4)
        before = way[known[max(len(known) - 4, 0)]]
        axes.annotate(
            "",
            xy=tuple(way[known[-1]]),
            xytext=tuple(before),
            arrowprops={"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0},
        )


def _draw_scale_bar(axes: Any, corner: Float64, extent: float, units: str) -> None:
    """Below the floor's left corner: 1, 2 or 5 times a power of ten, about a quarter of it."""
    power = 10.0 ** np.floor(np.log10(extent / 4))
    length = max(step * power for step in (1, 2, 5) if step * power <= extent / 4)
    y = corner[1] - 0.04 * extent
    axes.plot(
        [corner[0], corner[0] + length], [y, y], color=_INK, linewidth=2, solid_capstyle="butt"
    )
    axes.text(
        corner[0] + length / 2,
        y - 0.02 * extent,
        f"{length:g} {units or 'rig units'}",
        ha="center",
        va="top",
        color=_INK,
    )
