"""A rig in space as lines: cameras, boards, floor and axes; and worlds to choose from. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.calibration.origin import from_board, from_floor, from_points
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.seen_volume import seen_volume
from napari_pose3d.core.cameras.working_volume import WorkingVolume
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.view_layout import Frustum, frusta

from .space_contents import Animal

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.rig_calibration import Calibration

Float64 = NDArray[np.float64]

_MOST_BOARDS = 24
_GRID_LINES = 9
_ENLARGED = 1.35
_FAR_ORIGIN = 3.0  # extents of what is drawn
_FLOOR_TOLERANCE = 0.02  # of the points' extent


@dataclass(frozen=True, eq=False)
class RigScene:
    """What is drawn, coordinates (x, y, z) in rig units; lines are ``(line, 2, 3)``.

    Attributes
    ----------
    names : tuple of str
        Of the cameras.
    apexes : (camera, 3)
        Where they are drawn.
    cameras, boards, floor : lines
    axes : (3, 2, 3)
        x, y and z from the origin; none where that is far from all that is drawn, nor a floor.
    images : mapping of name to (corners, image)
        Four corners ``(4, 3)`` in the order of the image's, from the top left clockwise, and its
        grey levels.
    animal : Animal or None
    rig : Rig
        What is drawn.
    about : WorkingVolume
        Where boards or the animal are.
    """

    names: tuple[str, ...]
    apexes: Float64
    cameras: Float64
    boards: Float64
    floor: Float64
    axes: Float64
    rig: Rig
    about: WorkingVolume
    images: Mapping[str, tuple[Float64, NDArray[np.uint8]]] = field(default_factory=dict)
    animal: Animal | None = None


def rig_scene(
    rig: Rig,
    boards: Float64 | None = None,
    images: Mapping[str, NDArray[np.uint8]] | None = None,
    animal: Animal | None = None,
) -> RigScene:
    """Draw a rig.

    Parameters
    ----------
    boards : (board, 4, 3), optional
        Outlines in the rig's world.
    images : mapping of camera to (height, width) uint8, optional
        Shown on the frusta.
    animal : Animal, optional
        In the rig's world.
    """
    outlines = np.empty((0, 4, 3)) if boards is None else boards
    outlines = outlines[:: max(1, -(-len(outlines) // _MOST_BOARDS))]
    if len(outlines):
        about = outlines.reshape(-1, 3)
    else:
        about = _looked_at(rig) if animal is None else animal.places
    # Larger than among other things: their images are to be read.
    drawn = [
        replace(each, segments=each.apex + _ENLARGED * (each.segments - each.apex))
        for each in frusta(rig, about)
    ]
    reach = float(np.linalg.norm(np.ptp(about, axis=0))) or 1.0
    low, high = about.min(axis=0), about.max(axis=0)
    middle = (low + high) / 2
    half = 0.5 * max(float(np.ptp(about[:, :2], axis=0).max()), 0.2 * reach)
    at = np.linspace(-half, half, _GRID_LINES)
    floor = [
        line
        for each in at
        for line in (
            [[middle[0] + each, middle[1] - half, 0], [middle[0] + each, middle[1] + half, 0]],
            [[middle[0] - half, middle[1] + each, 0], [middle[0] + half, middle[1] + each, 0]],
        )
    ]
    axes = np.zeros((3, 2, 3))
    axes[:, 1] = 0.3 * reach * np.eye(3)
    # An origin far away would make a dot of everything else.
    drawn_reach = float(np.linalg.norm(np.ptp(np.vstack([_apexes(drawn), about]), axis=0)))
    if float(np.linalg.norm(middle)) > _FAR_ORIGIN * drawn_reach:
        axes, floor = axes[:0], []
    shown = {}
    for each in drawn:
        image = (images or {}).get(each.camera)
        if image is not None:
            # The frustum's lines from its apex come first, in the order of the image's corners.
            shown[each.camera] = (each.segments[:4, 1], image)
    return RigScene(
        tuple(each.camera for each in drawn),
        _apexes(drawn),
        np.concatenate([each.segments for each in drawn]),
        np.stack([outlines, np.roll(outlines, -1, axis=1)], axis=2).reshape(-1, 2, 3),
        np.array(floor, dtype=np.float64).reshape(-1, 2, 3),
        axes,
        rig,
        WorkingVolume(middle, max(0.5 * reach, 1e-9)),
        shown,
        animal,
    )


def _apexes(drawn: Sequence[Frustum]) -> Float64:
    return np.array([each.apex for each in drawn])


def seen_surface(scene: RigScene, n: int) -> tuple[Float64, NDArray[np.int64], float]:
    """Around the space that at least `n` cameras of a scene see.

    Returns
    -------
    vertices : (vertex, 3)
        Rig units; no vertices where no place is seen by so many.
    triangles : (triangle, 3)
    content : float
        Cubic rig units, within what is drawn.
    """
    found = seen_volume(scene.rig, n, within=scene.about)
    vertices, triangles = found.boundary
    return vertices, triangles, found.content


def board_outlines(rig: Rig, calibration: Calibration) -> Float64:
    """The board where two cameras or more saw it, ``(frame, 4, 3)`` in the world of `rig`.

    Parameters
    ----------
    rig : Rig
        The calibrated cameras, in any world.
    """
    solution = calibration.solution
    board, state = solution.observations.board, solution.state
    seen = solution.images.in_several_views(len(state.board_translations))
    # Around the inner corners lies one more row of squares; a grid's corners are those of markers.
    edge = 0.0 if board.kind == "aruco" else board.square
    (left, top), (right, bottom) = (
        board.points[:, :2].min(axis=0) - edge,
        board.points[:, :2].max(axis=0) + edge,
    )
    corners = np.array([[left, top, 0], [right, top, 0], [right, bottom, 0], [left, bottom, 0]])
    there = np.einsum("fij,kj->fki", state.board_rotations[seen], corners)
    there += state.board_translations[seen][:, None]
    return _to_world(rig, calibration, there)


def board_pose(rig: Rig, calibration: Calibration, frame: int) -> tuple[Float64, Float64]:
    """Pose of the board in a frame, in the world of `rig`.

    Raises
    ------
    PoseDataError
        No camera saw the board then.
    """
    frames, state = calibration.solution.observations.frames, calibration.solution.state
    at = int(np.searchsorted(frames, frame))
    if at >= len(frames) or frames[at] != frame:
        raise PoseDataError(
            f"the board was not used in frame {frame}",
            expected=f"a frame from {frames[0]} to {frames[-1]} in which a camera saw it",
        )
    rotation, translation = state.board_rotations[at], state.board_translations[at]
    ends = _to_world(rig, calibration, np.stack([translation, *(translation + rotation.T)]))
    return (ends[1:] - ends[0]).T, ends[0]


def world_of_board(rig: Rig, calibration: Calibration, frame: int) -> Rig:
    """The world whose floor is the board as it is in a frame."""
    rotation, translation = board_pose(rig, calibration, frame)
    return from_board(rig, rotation, translation, calibration.observations.board.square)


def world_of_points(rig: Rig, points: Float64) -> Rig:
    """The world of three points: its origin, one on its x axis, one more on its floor."""
    if len(points) != 3:
        raise PoseDataError(
            f"{len(points)} points were clicked", expected="origin, a point along x, one more"
        )
    return from_points(rig, *points)


def world_of_floor(rig: Rig, points: Float64) -> tuple[Rig, float]:
    """The world whose floor is the plane through most points, and their median distance from it."""
    extent = float(np.linalg.norm(np.ptp(points, axis=0))) if len(points) else 0.0
    placed, distances = from_floor(rig, points, max(_FLOOR_TOLERANCE * extent, 1e-9))
    return placed, float(np.median(np.abs(distances)))


def _to_world(rig: Rig, calibration: Calibration, points: Float64) -> Float64:
    """From the world of the fit to that of the rig, through the first camera."""
    state, camera = calibration.solution.state, rig.cameras[0]
    in_camera = points @ state.rotations[0].T + state.translations[0]
    return np.asarray((in_camera - camera.translation) @ camera.rotation)


def _looked_at(rig: Rig) -> Float64:
    """A cube about where the cameras look, an eighth of their distance wide."""
    axes = np.stack([camera.rotation[2] for camera in rig.cameras])
    across = np.eye(3) - axes[:, :, None] * axes[:, None]
    system = across.sum(axis=0) + 1e-6 * np.eye(3)
    right = np.einsum("cij,cj->i", across, rig.centres) + 1e-6 * rig.centres.mean(axis=0)
    middle = np.linalg.solve(system, right)
    half = float(np.median(np.linalg.norm(rig.centres - middle, axis=1))) / 4 or 1.0
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
    return np.asarray(middle + half * signs)
