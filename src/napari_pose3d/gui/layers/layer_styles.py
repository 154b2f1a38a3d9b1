"""Poses become napari layers: the only file that knows how a layer looks.

Pure functions: arrays in, layer data tuples ``(data, keyword arguments, type)`` out. In the main
viewer every layer that moves has four axes, (frame, z, y, x), since napari aligns layers by their
last axes: with fewer, the time slider would drive only some of them. Views lie side by side by
their ``translate``; frames, names and cameras do not move and have no frame axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.floor import floor_grid
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import Poses2D, Poses3D

from .colours import NEUTRAL, keypoint_colormap, keypoint_rgba
from .layer_poses import METADATA_KEY, LayerPoses, Stage, Table, tracks_columns
from .view_layout import AROUND_ANIMAL, Tile, frusta, mark_size

LayerData = tuple[Any, dict[str, Any], str]

AXES = ("frame", "z", "y", "x")
TAIL_FRAMES = 30

ROLE_KEY = "napari_pose3d_role"
"""Of layers that hold no poses: ``"frames"``, or one of `SPACE_ROLES`."""

SPACE_ROLES = ("cameras", "floor", "skeleton")
# Of the floor: the direction from it towards the animal, (z, y, x).
UP_KEY = "napari_pose3d_up"
"""Of layers that belong to the 3-D display."""

SKELETON_KEY = "napari_pose3d_skeleton"
"""Of the layer with the skeleton in 3-D: the positions and the bones that it draws."""

STAGE_KEY = "napari_pose3d_stage"
"""Of the same layer: the stage of its positions."""

TILES_KEY = "napari_pose3d_tiles"
"""Of the layer with the frames: where each view lies."""

# Stages differ by shape (crosses as read, rings for the raw centre, discs for smoothed),
# keypoints by colour, filled-in positions by being faint.
# Of the animal's extent in a frame; in 2-D up to the largest, where it is small in the image.
_MARK_2D, _MARK_2D_LARGEST = 0.045, 0.12
_MARK_3D = 0.05
_MARK_IN_OVERVIEW = 0.009
_RAW_MARK = 1.7
_FAINT = 0.35


def points_layer(
    poses: LayerPoses,
    name: str,
    tile: Tile | None = None,
    *,
    overview: float = 0.0,
    **extra: Any,
) -> LayerData:
    """A Points layer of one view, or of the 3-D points.

    Parameters
    ----------
    poses : LayerPoses
    name : str
    tile : Tile, optional
        Where the view lies in the main viewer.
    overview : float
        Width of all views together, in px: marks are large enough to be seen there.
    **extra
        More keyword arguments of the layer.
    """
    table = poses.table()
    size = mark_size(poses.positions, _MARK_3D if poses.is_3d else _MARK_2D)
    if not poses.is_3d:
        # Not by napari's limits on the canvas: at these it draws rings as thick as they are wide.
        largest = size * _MARK_2D_LARGEST / _MARK_2D
        size = max(size, min(overview * _MARK_IN_OVERVIEW, largest), 2.0)
    size *= _RAW_MARK if poses.stage == "raw" else 1.0
    return (
        table.data,
        {
            "name": name,
            "features": table.features,
            "shown": table.shown,
            "size": size,
            "symbol": "x" if poses.stage == "predicted" else "disc",
            "border_width": 0.16 if poses.stage == "raw" else 0.0,
            **point_colours(poses, table),
            "shading": "spherical" if poses.is_3d and poses.stage != "raw" else "none",
            "canvas_size_limits": (2, 100),
            "opacity": 1.0,
            # In 3-D, what is within a ring is not behind it.
            "blending": "translucent_no_depth" if poses.stage == "raw" else "translucent",
            **_common(poses, tile),
            **extra,
        },
        "points",
    )


def tracks_layer(poses: LayerPoses, name: str, tile: Tile | None = None, **extra: Any) -> LayerData:
    """A Tracks layer, one track per keypoint; see `points_layer`."""
    data, features = tracks_rows(poses)
    return (
        data,
        {
            "name": name,
            "features": features,
            "color_by": "keypoint_colour",
            "colormaps_dict": {"keypoint_colour": keypoint_colormap(poses.palette)},
            "tail_length": TAIL_FRAMES,
            "tail_width": 2,
            "opacity": 0.7,
            "blending": "translucent",
            **_common(poses, tile),
            **extra,
        },
        "tracks",
    )


def tracks_rows(poses: LayerPoses) -> tuple[NDArray[np.float64], Any]:
    """Rows ``(id, frame, z, y, x)`` of the drawn frames and their features.

    The rows that keep the slider's range are tracks of a single point, which show no line; they
    also stand in for a recording without any point, since napari has no empty tracks.
    """
    table = poses.table()
    hidden = np.cumsum(table.codes < 0) + len(poses.keypoints) - 1
    ids = np.where(table.codes < 0, hidden, table.codes)
    return np.column_stack([ids, table.data]), tracks_columns(table, len(poses.keypoints))


def point_colours(poses: LayerPoses, table: Table) -> dict[str, NDArray[np.float32]]:
    """Face and border of each row, ``(row, 4)``: its keypoint's colour, faint where filled in.

    Rings are discs with an empty face; that of a keypoint in its counterpart's place is filled with
    the counterpart's colour.
    """
    of_keypoint = keypoint_rgba(poses.palette)
    colours = of_keypoint[table.codes]
    if "inferred" in table.features:
        colours[table.features["inferred"].to_numpy(dtype=bool), 3] = _FAINT
    face = colours
    if poses.stage == "raw":
        face = np.zeros_like(colours)
        if "swapped" in table.features:
            swapped = table.features["swapped"].to_numpy(dtype=bool)
            face[swapped] = of_keypoint[np.array(poses.counterparts)[table.codes[swapped]]]
    return {"face_color": face, "border_color": colours}


def frames_layer(tiles: Mapping[str, Tile]) -> LayerData:
    """The outline of each view's image with the view's name."""
    tallest = max(tile.height for tile in tiles.values())
    return (
        [tile.corners() for tile in tiles.values()],
        {
            "name": "views",
            "shape_type": "polygon",
            "features": {"view": list(tiles)},
            # A faint face: when many views make the outline thinner than a pixel, it still shows.
            "face_color": f"{NEUTRAL}1c",
            "edge_color": NEUTRAL,
            "edge_width": tallest * 0.006,
            "text": {
                "string": "{view}",
                "anchor": "upper_left",
                "translation": [-0.01 * tallest, 0.0],
                "size": 11,
                "color": NEUTRAL,
            },
            "opacity": 1.0,
            "metadata": {ROLE_KEY: "frames", TILES_KEY: dict(tiles)},
        },
        "shapes",
    )


def camera_layers(rig: Rig, poses3d: Poses3D) -> list[LayerData]:
    """The rig's cameras as frusta, and their names; both without frame axis, (z, y, x)."""
    drawn = frusta(rig, poses3d.xyz, AROUND_ANIMAL)
    vectors = vectors_of(np.concatenate([frustum.segments for frustum in drawn]))
    notes = {
        frustum.camera: f"{frustum.distance:.4g} {poses3d.units or 'rig units'} from the scene"
        + (", drawn nearer on its line of sight" if frustum.moved else "")
        for frustum in drawn
    }
    thickness = float(np.linalg.norm(drawn[0].segments[0, 1] - drawn[0].segments[0, 0])) * 0.03
    metadata = {ROLE_KEY: "cameras", "cameras": notes}
    hidden = {"visible": False, "metadata": metadata}
    return [
        (
            vectors,
            {
                "name": "cameras",
                "vector_style": "line",
                "edge_width": thickness,
                "edge_color": NEUTRAL,
                "opacity": 1.0,
                **hidden,
            },
            "vectors",
        ),
        (
            np.stack([frustum.apex for frustum in drawn])[:, ::-1],
            {
                "name": "camera names",
                "features": {"view": list(notes), "place": list(notes.values())},
                "text": {
                    "string": "{view}",
                    "size": 11,
                    "color": NEUTRAL,
                    "anchor": "upper_left",
                },
                "size": 2 * thickness,
                "face_color": NEUTRAL,
                "border_width": 0.0,
                "canvas_size_limits": (3, 30),
                **hidden,
            },
            "points",
        ),
    ]


def floor_layer(xyz: NDArray[Any], rig: Rig | None = None) -> list[LayerData]:
    """The floor below the animal, ``(frame, keypoint, 3)``; none where too few points are known."""
    cameras = None if rig is None else rig.centres
    floor = floor_grid(xyz, cameras)
    if floor is None:
        return []
    extra = {UP_KEY: floor.up[::-1]}
    return [_space_lines(vectors_of(floor.segments), "floor", xyz, 0.25, opacity=0.5, extra=extra)]


def skeleton_layer(
    xyz: NDArray[Any], bones: NDArray[np.integer[Any]], stage: Stage = "smoothed"
) -> list[LayerData]:
    """The bones of one frame in 3-D, (z, y, x); `frame_window` moves them with the frame."""
    if not len(bones) or not len(xyz):
        return []
    first = bone_vectors(xyz, bones, 0)
    extra = {SKELETON_KEY: (xyz, bones), STAGE_KEY: stage}
    name = "raw 3-D skeleton" if stage == "raw" else "3-D skeleton"
    return [_space_lines(first, name, xyz, 0.5, role="skeleton", extra=extra)]


def bone_vectors(
    positions: NDArray[Any], bones: NDArray[np.integer[Any]], frame: int
) -> NDArray[np.float64]:
    """Start and direction of each bone in a frame, ``(bone, 2, 3)`` as (z, y, x).

    Parameters
    ----------
    positions : (frame, keypoint, 3)
        (x, y, z) in rig units; NaN where missing.
    bones : (bone, 2)
        Indices of keypoints.

    Notes
    -----
    Where an end is missing the vector has no length: napari is slow to change their number.
    """
    zyx = np.asarray(positions[min(max(frame, 0), len(positions) - 1)], np.float64)[:, ::-1]
    start, end = zyx[bones[:, 0]], zyx[bones[:, 1]]
    found = np.stack([start, end - start], axis=1)
    missing = ~np.isfinite(found).all(axis=(1, 2))
    known = zyx[np.isfinite(zyx).all(axis=1)]
    found[missing] = 0.0
    if len(known):
        # Not at the origin, which may lie far from the animal.
        found[missing, 0] = known[0]
    return found


def vectors_of(segments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lines ``(line, 2, 3)`` from start to end in (x, y, z) as napari's vectors, (z, y, x)."""
    zyx = segments[..., ::-1]
    return np.stack([zyx[:, 0], zyx[:, 1] - zyx[:, 0]], axis=1)


def _space_lines(
    vectors: NDArray[np.float64],
    name: str,
    xyz: NDArray[Any],
    width: float,
    *,
    role: str = "",
    opacity: float = 1.0,
    extra: Mapping[str, Any] | None = None,
) -> LayerData:
    """Hidden lines in 3-D; ``width`` is a fraction of the marks' size."""
    return (
        vectors,
        {
            "name": name,
            "vector_style": "line",
            "edge_color": NEUTRAL,
            "edge_width": width * mark_size(xyz, _MARK_3D),
            "opacity": opacity,
            "visible": False,
            "metadata": {ROLE_KEY: role or name, **(extra or {})},
        },
        "vectors",
    )


def view_poses(
    poses: Poses2D,
    view: int,
    stage: Stage,
    *,
    residuals: NDArray[Any] | None = None,
    n_views: NDArray[Any] | None = None,
) -> LayerPoses:
    """What a layer of one view shows of a recording.

    Parameters
    ----------
    poses : Poses2D
    view : int
    stage : {"predicted", "raw", "smoothed"}
        ``"raw"`` takes the centre of the ensemble instead of the position.
    residuals : (view, frame, keypoint), optional
    n_views : (frame, keypoint), optional
    """
    positions = poses.ensemble_median if stage == "raw" else poses.xy
    if positions is None:
        raise ValueError("these poses have no centre of an ensemble")
    variance = poses.ensemble_variance if stage == "raw" else poses.variance
    inferred = None
    if stage == "smoothed" and poses.ensemble_median is not None:
        inferred = ~np.isfinite(poses.ensemble_median[view]).all(axis=2)
    return LayerPoses(
        positions[view],
        poses.keypoints,
        stage,
        confidence=poses.likelihood[view],
        residual=None if residuals is None else residuals[view],
        variance=None if variance is None else variance[view],
        n_views=n_views,
        inferred=inferred,
        view=poses.views[view],
        session=poses.session,
        individual=poses.individual,
    )


def space_poses(poses: Poses3D, likelihood: NDArray[Any] | None = None) -> LayerPoses:
    """What the 3-D layers show; ``likelihood (view, frame, keypoint)`` gives the confidence."""
    seen = np.isfinite(poses.residuals)
    count = np.maximum(seen.sum(axis=0), 1)
    residual = np.where(seen, poses.residuals, 0).sum(axis=0) / count
    confidence = None
    if likelihood is not None:
        known = np.isfinite(likelihood)
        total = np.where(known, likelihood, 0).sum(axis=0)
        confidence = np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
    return LayerPoses(
        poses.xyz,
        poses.keypoints,
        "smoothed",
        confidence=confidence,
        residual=np.where(seen.any(axis=0), residual, np.nan),
        n_views=poses.n_views,
        inferred=poses.inferred,
        covariance=poses.covariance,
        displacement_covariance=poses.displacement_covariance,
        session=poses.session,
        units=poses.units,
    )


def tiles_of(layers: Iterable[Any]) -> dict[str, Tile]:
    """Where the views lie whose frames are among some layers."""
    found: dict[str, Tile] = {}
    for layer in layers:
        found.update(layer.metadata.get(TILES_KEY, {}))
    return found


def new_frames(tiles: Mapping[str, Tile], placed: Mapping[str, Tile]) -> list[LayerData]:
    """The layer with the frames of those views that are not in the viewer yet, if any."""
    new = {view: tile for view, tile in tiles.items() if view not in placed}
    return [frames_layer(new)] if new else []


def _common(poses: LayerPoses, tile: Tile | None) -> dict[str, Any]:
    offset = (0.0, 0.0, 0.0, 0.0) if tile is None else (0.0, 0.0, tile.y, tile.x)
    return {"metadata": {METADATA_KEY: poses}, "axis_labels": AXES, "translate": offset}
