"""All layers of a recording: predictions as read, a finished run, a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.formats.predictions.poses3d_csv import Poses3DTable
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.poses.arrays import Result

from .colours import palette_of
from .layer_poses import NOTHING_MEASURED, LayerPoses, Measuring
from .layer_styles import (
    LayerData,
    camera_layers,
    floor_layer,
    new_frames,
    points_layer,
    skeleton_layer,
    space_poses,
    tracks_layer,
    view_poses,
)
from .view_layout import Tile, bones_of, image_sizes, place_views


def table_layers(
    tables: Sequence[tuple[str, str, PredictionTable]],
    *,
    placed: Mapping[str, Tile] | None = None,
    rig: Rig | None = None,
    windowed: bool = True,
    colours: Mapping[str, str] | None = None,
) -> list[LayerData]:
    """Predictions as read: the frames of new views, one Points and one Tracks layer per table.

    Parameters
    ----------
    tables : sequence of (name, view, PredictionTable)
        Tables of one view lie on top of each other.
    placed : mapping of view to Tile, optional
        Views that are in the viewer already; their frames are not drawn again.
    rig : Rig, optional
        For the size of the images.
    windowed : bool
        False draws also long recordings whole, for want of somebody who refills them.
    colours : mapping of keypoint to ``#rrggbb``, optional
        Those that the user chose.
    """
    views = list(dict.fromkeys(view for _, view, _ in tables))
    points = [[t.xy.reshape(-1, 2) for _, v, t in tables if v == view] for view in views]
    sizes = image_sizes(views, [np.concatenate(each) for each in points], rig)
    tiles = place_views(sizes, placed or {})
    layers = new_frames(tiles, placed or {})
    overview = _width(tiles)
    for name, view, table in tables:
        poses = LayerPoses(
            table.xy,
            table.keypoints,
            "predicted",
            confidence=table.likelihood,
            view=view,
            prediction_set=name.removeprefix(view).strip(),
            individual=table.individual,
            scorer=table.scorer,
            palette=palette_of(table.keypoints, colours or {}),
        )
        names = f"predicted tracks {name}", f"predicted {name}"
        layers += _pair(poses, *names, tiles[view], windowed, overview)
    return layers


def result_layers(
    result: Result,
    rig: Rig | None = None,
    *,
    all_keypoints: Sequence[str] = (),
    placed: Mapping[str, Tile] | None = None,
    colours: Mapping[str, str] | None = None,
    skeleton: Sequence[tuple[str, str]] = (),
    raw_xyz: NDArray[Any] | None = None,
    measuring: Measuring = NOTHING_MEASURED,
) -> list[LayerData]:
    """The layers of a finished run, from back to front; those in 3-D are hidden at first.

    Parameters
    ----------
    result : Result
    rig : Rig, optional
        With the cameras of the result's views.
    all_keypoints : sequence of str
        Those of the input: a keypoint keeps its colour when only some of them are smoothed.
    placed : mapping of view to Tile, optional
        Views that are in the viewer already; their frames are not drawn again.
    colours : mapping of keypoint to ``#rrggbb``, optional
        Those that the user chose.
    skeleton : pairs of keypoints, optional
        Drawn in 3-D.
    raw_xyz : (frame, keypoint, 3), optional
        Positions before smoothing, to be shown beside those of the result (`raw_points`).
    measuring : Measuring
        Of positions in space: in the features of their layers, and to be plotted.
    """
    everything = tuple(all_keypoints) or result.poses2d.keypoints
    order = dict(zip(everything, palette_of(everything, colours or {}), strict=True))
    palette = tuple(order[name] for name in result.poses2d.keypoints)
    poses2d, poses3d = result.poses2d, result.poses3d
    residuals = poses3d.residuals if poses3d else None
    n_views = poses3d.n_views if poses3d else None
    tiles = place_views(image_sizes(poses2d.views, list(poses2d.xy), rig), placed or {})
    layers = new_frames(tiles, placed or {})
    overview = _width(tiles)
    for i, view in enumerate(poses2d.views):
        if poses2d.ensemble_median is not None:
            raw = view_poses(poses2d, i, "raw", residuals=residuals, n_views=n_views)
            raw = replace(raw, window=raw.window_around(0), palette=palette)
            if result.swaps is not None:
                in_view, in_sets = result.swaps.of_keypoints(i, poses2d.keypoints)
                raw = replace(
                    raw,
                    swapped=in_view,
                    swapped_sets=in_sets,
                    counterparts=result.swaps.counterparts(poses2d.keypoints),
                )
            layers.append(points_layer(raw, f"raw {view}", tiles[view], overview=overview))
        smoothed = view_poses(poses2d, i, "smoothed", residuals=residuals, n_views=n_views)
        smoothed = replace(smoothed, palette=palette)
        names = f"tracks {view}", f"smoothed {view}"
        layers += _pair(smoothed, *names, tiles[view], True, overview)
    if poses3d is not None:
        if rig is not None:
            layers += camera_layers(rig, poses3d)
        layers += floor_layer(poses3d.xyz, rig)
        bones = bones_of(poses3d.keypoints, skeleton)
        if raw_xyz is not None:
            before = LayerPoses(
                raw_xyz,
                poses3d.keypoints,
                "raw",
                session=poses3d.session,
                units=poses3d.units,
                palette=palette,
                measuring=measuring,
            )
            before = replace(before, window=before.window_around(0))
            layers += skeleton_layer(raw_xyz, bones, "raw")
            layers.append(points_layer(before, "raw 3-D", visible=False))
        layers += skeleton_layer(poses3d.xyz, bones)
        space = space_poses(poses3d, poses2d.likelihood)
        space = replace(space, palette=palette, measuring=measuring)
        layers += _pair(space, "3-D tracks", "3-D", None, True, visible=False)
    return layers


def space_table_layers(
    name: str,
    table: Poses3DTable,
    session: str,
    units: str,
    colours: Mapping[str, str] | None = None,
    skeleton: Sequence[tuple[str, str]] = (),
    measuring: Measuring = NOTHING_MEASURED,
) -> list[LayerData]:
    """3-D positions as read from a file: hidden at first, like all layers in 3-D."""
    poses = LayerPoses(
        table.xyz,
        table.keypoints,
        "predicted",
        session=session,
        scorer=table.scorer,
        units=units,
        palette=palette_of(table.keypoints, colours or {}),
        covariance=table.covariance,
        displacement_covariance=table.displacement_covariance,
        measuring=measuring,
    )
    return [
        *floor_layer(table.xyz),
        *skeleton_layer(table.xyz, bones_of(table.keypoints, skeleton)),
        *_pair(poses, f"3-D tracks {name}", f"3-D {name}", None, True, visible=False),
    ]


def _width(tiles: Mapping[str, Tile]) -> float:
    left = min(tile.x for tile in tiles.values())
    return max(tile.x + tile.width for tile in tiles.values()) - left


def _pair(
    poses: LayerPoses,
    tracks: str,
    points: str,
    tile: Tile | None,
    windowed: bool,
    overview: float = 0.0,
    **extra: Any,
) -> list[LayerData]:
    """A Tracks and a Points layer; each has its own record of which frames it draws."""
    window = poses.window_around(0) if windowed else None
    return [
        tracks_layer(replace(poses, window=window), tracks, tile, **extra),
        points_layer(replace(poses, window=window), points, tile, overview=overview, **extra),
    ]
