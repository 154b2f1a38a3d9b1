"""Tidy tables: a row for each keypoint of each frame, in space or in a view.

Notes
-----
Columns of the table in space: ``frame, keypoint, x, y, z``, the standard deviations ``sd_x, sd_y,
sd_z`` and correlations ``r_xy, r_xz, r_yz`` of the posterior, ``n_views``, ``residual`` (mean over
the views, px), ``confidence`` and ``inferred``. Of the views: ``frame, view, keypoint, x, y, sd_x,
sd_y, likelihood``. Of what the project measures: ``frame, measurement, value, sd, unit``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.errors import PoseDataError

from ..frame_rows import check_frames, checked_positions, refuse_infinite
from ..session_poses import SessionPoses, poses3d_of
from ..side_file import Facts

if TYPE_CHECKING:
    import pandas as pd

SPACE = ("frame", "keypoint", "x", "y", "z")
VIEWS = ("frame", "view", "keypoint", "x", "y")
_PAIRS = (("r_xy", 0, 1), ("r_xz", 0, 2), ("r_yz", 1, 2))
_MOST_CELLS = 1 << 28


def space_blocks(poses: SessionPoses, n_rows: int) -> Iterator[pd.DataFrame]:
    """The table in space, frames in order, in blocks of about `n_rows` rows."""
    import pandas as pd

    space = poses.poses3d
    assert space is not None
    n_keypoints = len(poses.keypoints)
    residual, confidence = poses.mean_residual(), poses.confidence3d()
    for part, frames in _parts(space.n_frames, n_keypoints, n_rows):
        covariance = np.asarray(space.covariance[part], np.float64).reshape(-1, 3, 3)
        with np.errstate(invalid="ignore", divide="ignore"):
            sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
            r = {name: covariance[:, i, j] / (sd[:, i] * sd[:, j]) for name, i, j in _PAIRS}
        xyz = space.xyz[part].reshape(-1, 3)
        yield pd.DataFrame(
            {
                "frame": np.repeat(frames, n_keypoints),
                "keypoint": _names(poses.keypoints, len(frames)),
                **{axis: xyz[:, i] for i, axis in enumerate("xyz")},
                **{f"sd_{axis}": sd[:, i].astype(np.float32) for i, axis in enumerate("xyz")},
                **{name: values.astype(np.float32) for name, values in r.items()},
                "n_views": space.n_views[part].ravel().astype(np.int16),
                "residual": residual[part].ravel(),
                "confidence": confidence[part].ravel(),
                "inferred": space.inferred[part].ravel(),
            }
        )


def view_blocks(poses: SessionPoses, n_rows: int) -> Iterator[pd.DataFrame]:
    """The table of the views, view by view, in blocks of about `n_rows` rows."""
    import pandas as pd

    of_views = poses.poses2d
    assert of_views is not None
    n_keypoints = len(poses.keypoints)
    for v, view in enumerate(of_views.views):
        for part, frames in _parts(of_views.n_frames, n_keypoints, n_rows):
            xy = of_views.xy[v, part].reshape(-1, 2)
            variance = np.full(xy.shape, np.nan, np.float32)
            if of_views.variance is not None:
                variance = of_views.variance[v, part].reshape(-1, 2)
            yield pd.DataFrame(
                {
                    "frame": np.repeat(frames, n_keypoints),
                    "view": pd.Categorical([view] * len(xy), of_views.views),
                    "keypoint": _names(poses.keypoints, len(frames)),
                    "x": xy[:, 0],
                    "y": xy[:, 1],
                    "sd_x": np.sqrt(variance[:, 0]),
                    "sd_y": np.sqrt(variance[:, 1]),
                    "likelihood": of_views.likelihood[v, part].ravel(),
                }
            )


def measurement_blocks(poses: SessionPoses, n_rows: int) -> Iterator[pd.DataFrame]:
    """The table of what the project measures, frames in order, in blocks of about `n_rows` rows."""
    import pandas as pd

    names = tuple(name for each in poses.measured for name in each.names)
    units = np.array([each.unit for each in poses.measured for _ in each.names], dtype=object)
    for part, frames in _parts(poses.n_frames, len(names), n_rows):
        yield pd.DataFrame(
            {
                "frame": np.repeat(frames, len(names)),
                "measurement": _names(names, len(frames)),
                "value": np.hstack([each.values[part] for each in poses.measured]).ravel(),
                "sd": np.hstack([each.deviations[part] for each in poses.measured]).ravel(),
                "unit": np.tile(units, len(frames)),
            }
        )


def _parts(
    n_frames: int, n_keypoints: int, n_rows: int
) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    step = max(1, n_rows // max(1, n_keypoints))
    for start in range(0, n_frames, step):
        stop = min(start + step, n_frames)
        yield slice(start, stop), np.arange(start, stop, dtype=np.int32)


def _names(keypoints: tuple[str, ...], n_frames: int) -> Any:
    import pandas as pd

    codes = np.tile(np.arange(len(keypoints), dtype=np.int16), n_frames)
    return pd.Categorical.from_codes(codes, pd.Index(keypoints))


def poses_of_space(table: pd.DataFrame, path: Path, facts: Facts) -> SessionPoses:
    """The table in space as arrays.

    Raises
    ------
    PoseDataError
        A column is missing, a cell is no number, or a keypoint is twice in a frame.
    """
    refuse_absent(table, SPACE, path)
    keypoints = _order(table["keypoint"], "keypoint", path)
    frames, places = _places(table, [table["keypoint"]], [keypoints], path)
    shape = (frames, len(keypoints))

    def column(name: str, usual: float = np.nan) -> NDArray[Any]:
        out = np.full(shape[0] * shape[1], usual, np.float64)
        if name in table:
            out[places] = _numbers(table, name, path)
        return out.reshape(shape)

    xyz = checked_positions(np.stack([column(axis) for axis in "xyz"], axis=-1), path)
    covariance = np.full((*shape, 3, 3), np.nan, np.float32)
    sd = np.stack([column(f"sd_{axis}") for axis in "xyz"], axis=-1)
    covariance[..., range(3), range(3)] = sd**2
    for name, i, j in _PAIRS:
        covariance[..., i, j] = covariance[..., j, i] = column(name) * sd[..., i] * sd[..., j]
    scores = column("confidence").astype(np.float32)
    space = poses3d_of(
        xyz,
        keypoints,
        session=facts.session or path.stem,
        units=facts.units,
        n_views=np.clip(np.nan_to_num(column("n_views", 0)), 0, 1000),
        residual=column("residual"),
        inferred=column("inferred", 0) > 0,
        covariance=covariance,
    )
    return SessionPoses(
        space,
        fps=facts.fps,
        skeleton=facts.skeleton,
        scores=scores if np.isfinite(scores).any() else None,
    )


def poses_of_views(table: pd.DataFrame, path: Path, facts: Facts) -> SessionPoses:
    """The table of the views as arrays; errors as for `poses_of_space`."""
    refuse_absent(table, VIEWS, path)
    keypoints = _order(table["keypoint"], "keypoint", path)
    views = _order(table["view"], "view", path)
    frames, places = _places(
        table, [table["view"], table["keypoint"]], [views, keypoints], path, first=True
    )
    shape = (len(views), frames, len(keypoints))

    def column(name: str) -> NDArray[Any]:
        out = np.full(int(np.prod(shape)), np.nan, np.float32)
        if name in table:
            out[places] = _numbers(table, name, path)
        return out.reshape(shape)

    variance = np.stack([column("sd_x"), column("sd_y")], axis=-1) ** 2
    of_views = Poses2D(
        checked_positions(np.stack([column("x"), column("y")], axis=-1), path),
        column("likelihood"),
        views,
        keypoints,
        variance=variance if np.isfinite(variance).any() else None,
        session=facts.session or path.stem,
    )
    return SessionPoses(poses2d=of_views, fps=facts.fps, skeleton=facts.skeleton)


def refuse_absent(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    """Refuse a table without some columns, or without a row."""
    absent = [name for name in columns if name not in table]
    if absent or not len(table):
        raise PoseDataError(
            f"it has no column {', '.join(absent)}" if absent else "the table has no rows",
            file=path,
            expected=f"columns {', '.join(columns)}, and a row for each keypoint of a frame",
        )


def _order(names: pd.Series[Any], what: str, path: Path) -> tuple[str, ...]:
    """The names in their order: that of the categories, else that of their first rows."""
    if names.isna().any():
        raise PoseDataError(
            f"a {what} has no name",
            file=path,
            place=f"row {int(names.isna().to_numpy().argmax()) + 1}",
            expected=f"a name in the column {what}",
        )
    present = dict.fromkeys(str(name) for name in names.unique())
    if hasattr(names.dtype, "categories"):
        return tuple(str(n) for n in names.dtype.categories if str(n) in present)
    return tuple(present)


def _places(
    table: pd.DataFrame,
    columns: list[pd.Series[Any]],
    orders: list[tuple[str, ...]],
    path: Path,
    first: bool = False,
) -> tuple[int, NDArray[np.int64]]:
    """Number of frames, and where each row goes in an array by frame and names, flattened."""
    frames = check_frames(_numbers(table, "frame", path, whole=True), path, "column frame")
    n_frames = int(frames.max()) + 1
    codes: list[NDArray[Any]] = [
        column.astype(str).map({name: i for i, name in enumerate(order)}).to_numpy(np.int64)
        for column, order in zip(columns, orders, strict=True)
    ]
    parts: list[tuple[NDArray[Any], int]] = [(frames, n_frames)]
    if first:
        parts.insert(0, (codes[0], len(orders[0])))
    parts.append((codes[-1], len(orders[-1])))
    size = int(np.prod([n for _, n in parts], dtype=object))
    if size > min(_MOST_CELLS, 1000 * len(table) + (1 << 20)):
        raise PoseDataError(
            f"{n_frames:,} frames with all names are {size:,} cells, and there are {len(table):,} "
            "rows",
            file=path,
            expected="a row for most of them",
        )
    places = np.zeros(len(table), np.int64)
    for code, n in parts:
        places = places * n + code
    order = np.sort(places)
    if (order[1:] == order[:-1]).any():
        seen: set[int] = set()
        row = next(i for i, p in enumerate(places.tolist()) if p in seen or seen.add(p))  # type: ignore[func-returns-value]
        raise PoseDataError(
            "a keypoint is twice in a frame",
            file=path,
            place=f"row {row + 1}",
            expected="one row for each keypoint of a frame, or of a frame and view",
        )
    return n_frames, places


def _numbers(table: pd.DataFrame, name: str, path: Path, *, whole: bool = False) -> Any:
    try:
        values = table[name].astype(np.float64).to_numpy()
    except (TypeError, ValueError):
        raise PoseDataError(
            "a cell is no number",
            file=path,
            place=f"column {name}",
            expected="numbers, or empty cells where they are missing",
        ) from None
    if not whole:
        refuse_infinite(values, path, f"a value of {name}")
    return values
