"""Poses of the board in single images: from homographies, with both solutions of a flat board.

Notes
-----
A flat board seen from afar has two poses that explain its image nearly alike: its normal, mirrored
at the line of sight. Both are kept here, and the other views decide.

References
----------
Zhang (2000), "A flexible new technique for camera calibration", sections 2 and 3.1. Schweighofer
and Pinz (2006), "Robust pose estimation from a planar target" (the two minima).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .bundle_adjustment import Loss, costs_of
from .lens import undistort
from .rig_state import BoardImages, BoardMotion, RigState
from .rotations import cross_matrix, nearest_rotation, rotation_of

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Ints = NDArray[np.int64]

FORGIVING = 5.0
"""Scale of the loss, px, by which wrong poses of a board are compared."""

N_CANDIDATES = 2
# Steps of the refinement of a single pose; it starts near and has six unknowns.
_STEPS = 12
# A homography worse conditioned than this comes from corners on one line.
_WORST_CONDITION = 1e8


@dataclass(frozen=True, eq=False)
class BoardPoses:
    """Candidate poses of the board in each image, in the camera's frame.

    Attributes
    ----------
    rotations : (image, 2, 3, 3) float64
        Board to camera.
    translations : (image, 2, 3) float64
        mm.
    errors : (image, 2) float64
        Root mean square residual, in normalised coordinates; infinite where there is no pose. The
        better candidate comes first.
    """

    rotations: Float64
    translations: Float64
    errors: Float64


def homographies(points: Float64, xy: Float64, observed: Bool) -> tuple[Float64, Bool]:
    """Homographies from the board's plane to images, by the normalised direct linear transform.

    Parameters
    ----------
    points : (corner, 3)
        In the board's plane, mm.
    xy : (image, corner, 2)
        Any units.
    observed : (image, corner) bool

    Returns
    -------
    matrices : (image, 3, 3)
        Scaled to a last element of 1.
    found : (image,) bool
        Whether four corners, not on one line, were there.
    """
    plane = np.broadcast_to(points[None, :, :2], xy.shape)
    weight = observed.astype(float)
    from_plane, near_plane = _normalised(plane, weight)
    from_image, near_image = _normalised(xy, weight)
    x, y = near_plane[..., 0], near_plane[..., 1]
    u, v = near_image[..., 0], near_image[..., 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], axis=-1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], axis=-1)
    rows = np.concatenate([first * weight[..., None], second * weight[..., None]], axis=1)
    values, vectors = np.linalg.eigh(rows.transpose(0, 2, 1) @ rows)
    # The second smallest eigenvalue is zero where more than one homography fits.
    found = (weight.sum(axis=1) >= 4) & (values[:, -1] < _WORST_CONDITION * values[:, 1])
    raw = vectors[:, :, 0].reshape(-1, 3, 3)
    matrices = np.linalg.inv(from_image) @ raw @ from_plane
    last = matrices[:, 2, 2]
    found &= np.abs(last) > 1e-12
    return matrices / np.where(found, last, 1.0)[:, None, None], found


def focal_length(matrices: Float64, size: tuple[int, int]) -> float | None:
    """Focal length in px from homographies to px, for square pixels and a central axis.

    Returns
    -------
    float or None
        None where the images do not tell, as when all show the board face on.
    """
    width, height = size
    shift = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    centred = shift @ matrices
    a, b = centred[:, :, 0], centred[:, :, 1]
    # Columns of a rotation are perpendicular and equally long: two equations for 1 / f^2.
    slope = np.concatenate(
        [a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1], (a[:, :2] ** 2 - b[:, :2] ** 2).sum(axis=1)]
    )
    constant = np.concatenate([a[:, 2] * b[:, 2], a[:, 2] ** 2 - b[:, 2] ** 2])
    scale = 1 / np.maximum(np.abs(slope) + width**2 * np.abs(constant), 1e-300)
    slope, constant = slope * scale, constant * scale
    inverse = -float(slope @ constant) / max(float(slope @ slope), 1e-300)
    if not inverse > 0:
        return None
    focal = 1 / np.sqrt(inverse)
    return float(focal) if 0.2 * width < focal < 100 * width else None


def candidate_poses(points: Float64, plane_xy: Float64, observed: Bool) -> BoardPoses:
    """Both poses of the board in each image, refined.

    Parameters
    ----------
    points : (corner, 3)
        mm.
    plane_xy : (image, corner, 2)
        Undistorted, normalised coordinates.
    observed : (image, corner) bool
    """
    matrices, found = homographies(points, plane_xy, observed)
    columns = (
        matrices
        / np.sqrt(
            np.maximum(
                np.linalg.norm(matrices[:, :, 0], axis=1)
                * np.linalg.norm(matrices[:, :, 1], axis=1),
                1e-300,
            )
        )[:, None, None]
    )
    columns *= np.where(columns[:, 2, 2] < 0, -1.0, 1.0)[:, None, None]
    third = np.cross(columns[:, :, 0], columns[:, :, 1])
    basis = np.stack([columns[:, :, 0], columns[:, :, 1], third], axis=-1)
    basis[~found] = np.eye(3)
    first = nearest_rotation(basis)
    place = columns[:, :, 2].copy()
    place[~found] = (0, 0, 1)
    first, place, error = _refined(first, place, points, plane_xy, observed)
    second = _mirrored(first, place, points, observed)
    other, other_place, other_error = _refined(second[0], second[1], points, plane_xy, observed)
    rotations = np.stack([first, other], axis=1)
    translations = np.stack([place, other_place], axis=1)
    errors = np.stack([error, other_error], axis=1)
    errors[~found] = np.inf
    order = np.argsort(errors, axis=1, kind="stable")
    index = np.arange(len(order))[:, None]
    return BoardPoses(rotations[index, order], translations[index, order], errors[index, order])


def _mirrored(
    rotation: Float64, place: Float64, points: Float64, observed: Bool
) -> tuple[Float64, Float64]:
    """The pose whose normal is mirrored at the line of sight, about the middle of what is seen."""
    weight = observed / np.maximum(observed.sum(axis=1, keepdims=True), 1)
    middle = weight @ points
    centre = np.einsum("nij,nj->ni", rotation, middle) + place
    sight = centre / np.maximum(np.linalg.norm(centre, axis=1), 1e-300)[:, None]
    normal = rotation[:, :, 2]
    cosine = np.einsum("ni,ni->n", sight, normal)
    axis = np.cross(normal, sight)
    length = np.maximum(np.linalg.norm(axis, axis=1), 1e-12)
    angle = 2 * np.arctan2(length, cosine)
    turned = rotation_of(axis / length[:, None] * angle[:, None]) @ rotation
    return turned, centre - np.einsum("nij,nj->ni", turned, middle)


def _refined(
    rotation: Float64, place: Float64, points: Float64, plane_xy: Float64, observed: Bool
) -> tuple[Float64, Float64, Float64]:
    """Each pose by itself at the nearest minimum (Levenberg-Marquardt), with its error."""
    weight = observed.astype(float)
    target = np.where(observed[..., None], plane_xy, 0.0)
    damping = np.full(len(rotation), 1e-3)

    def error_of(r: Float64, t: Float64) -> tuple[Float64, Float64, Float64, Float64]:
        turned = np.einsum("nij,kj->nki", r, points)
        at = turned + t[:, None]
        z = np.where(at[..., 2] > 1e-9, at[..., 2], np.nan)
        rest = (at[..., :2] / z[..., None] - target) * weight[..., None]
        rest = np.where(weight[..., None] > 0, rest, 0.0)
        return np.nan_to_num(np.square(rest).sum(axis=(1, 2)), nan=np.inf), rest, turned, at

    cost, rest, turned, at = error_of(rotation, place)
    for _ in range(_STEPS):
        inverse = 1 / np.where(at[..., 2] > 1e-9, at[..., 2], 1.0)
        d = np.zeros((*at.shape[:2], 2, 3))
        d[..., 0, 0] = d[..., 1, 1] = inverse
        d[..., 0, 2] = -at[..., 0] * inverse**2
        d[..., 1, 2] = -at[..., 1] * inverse**2
        jacobian = np.concatenate([-d @ cross_matrix(turned), d], axis=-1)
        jacobian = (jacobian * weight[..., None, None]).reshape(len(at), -1, 6)
        normal = jacobian.transpose(0, 2, 1) @ jacobian
        gradient = jacobian.transpose(0, 2, 1) @ np.nan_to_num(rest).reshape(len(at), -1, 1)
        diagonal = np.einsum("nii->ni", normal)
        diagonal *= 1 + damping[:, None]
        diagonal += 1e-15 + 1e-12 * diagonal.max(axis=1, keepdims=True)
        step = -np.linalg.solve(normal, gradient)[..., 0]
        new_rotation, new_place = rotation_of(step[:, :3]) @ rotation, place + step[:, 3:]
        new = error_of(new_rotation, new_place)
        better = new[0] < cost
        damping = np.where(better, damping / 10, damping * 10)
        rotation = np.where(better[:, None, None], new_rotation, rotation)
        place = np.where(better[:, None], new_place, place)
        cost = np.where(better, new[0], cost)
        rest = np.where(better[:, None, None], new[1], rest)
        turned = np.where(better[:, None, None], new[2], turned)
        at = np.where(better[:, None, None], new[3], at)
    return rotation, place, np.sqrt(cost / np.maximum(weight.sum(axis=1), 1))


def _normalised(xy: Float64, weight: Float64) -> tuple[Float64, Float64]:
    """Similarities that move points to the origin at a mean distance of 1, and the points there."""
    count = np.maximum(weight.sum(axis=1), 1)[:, None]
    seen = np.where(weight[..., None] > 0, xy, 0.0)
    middle = (seen * weight[..., None]).sum(axis=1) / count
    off = (seen - middle[:, None]) * weight[..., None]
    spread = np.linalg.norm(off, axis=-1).sum(axis=1) / count[:, 0]
    scale = 1 / np.maximum(spread, 1e-12)
    matrix = np.zeros((len(xy), 3, 3))
    matrix[:, 0, 0] = matrix[:, 1, 1] = scale
    matrix[:, :2, 2] = -middle * scale[:, None]
    matrix[:, 2, 2] = 1
    return matrix, off * scale[:, None, None]


def best_boards(
    state: RigState, images: BoardImages, poses: BoardPoses, current: bool = True
) -> RigState:
    """In each frame, the board's pose that all views together like best.

    Parameters
    ----------
    poses : BoardPoses
        Candidates from single images.
    current : bool
        Whether the pose that the state has is a candidate as well.
    """
    n = len(images.view)
    r_camera, t_camera = state.rotations[images.view], state.translations[images.view]
    # Candidates in the world: (image, candidate).
    world_r = np.swapaxes(r_camera, -1, -2)[:, None] @ poses.rotations
    world_t = np.einsum("nji,ncj->nci", r_camera, poses.translations - t_camera[:, None])
    order = np.argsort(images.frame, kind="stable")
    bounds = np.searchsorted(images.frame[order], np.arange(len(state.board_translations) + 1))
    # All pairs (image that proposes, image that judges) of each frame.
    proposer: list[Ints] = []
    judge: list[Ints] = []
    for start, stop in pairwise(bounds):
        members = order[start:stop]
        proposer.append(np.repeat(members, len(members)))
        judge.append(np.tile(members, len(members)))
    of, by = np.concatenate(proposer), np.concatenate(judge)
    best_cost = np.full(len(state.board_translations), np.inf)
    rotations, translations = state.board_rotations.copy(), state.board_translations.copy()

    def cost_of(rotation: Float64, translation: Float64, judged: Ints) -> Float64:
        trial = replace(images.at(judged), frame=np.arange(len(judged)))
        boards = replace(
            state,
            board_rotations=np.ascontiguousarray(rotation),
            board_translations=np.ascontiguousarray(translation),
            clocks=np.zeros(state.n_views),
        )
        return costs_of(boards, trial, BoardMotion.still(len(judged)), Loss(FORGIVING))

    if current:
        costs = cost_of(
            state.board_rotations[images.frame],
            state.board_translations[images.frame],
            np.arange(n),
        )
        best_cost = np.bincount(images.frame, costs, minlength=len(best_cost))
    for candidate in range(poses.errors.shape[1]):
        costs = cost_of(world_r[of, candidate], world_t[of, candidate], by)
        total = np.bincount(of, costs, minlength=n)
        total[~np.isfinite(poses.errors[:, candidate])] = np.inf
        for image in order:
            frame = images.frame[image]
            if total[image] < best_cost[frame] - 1e-9:
                best_cost[frame] = total[image]
                rotations[frame], translations[frame] = (
                    world_r[image, candidate],
                    world_t[image, candidate],
                )
    return replace(state, board_rotations=rotations, board_translations=translations)


def board_candidates(images: BoardImages, intrinsics: Float64, fisheye: bool) -> BoardPoses:
    """Poses of the board from each image by itself; see `candidate_poses`."""
    plane = undistort(intrinsics[images.view][:, None], images.xy, fisheye)
    return candidate_poses(images.points, plane, images.observed)
