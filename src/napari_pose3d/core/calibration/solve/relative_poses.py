"""Where the cameras stand to one another, by a vote over all frames that two of them share.

Notes
-----
A board seen in two views gives up to four relative poses of the cameras: each view has two
candidates. The right one is the same in every frame, wrong ones scatter; so each candidate is
scored by how many frames hold one like it. Averages of single poses fail with long lenses, where
half of the better looking poses are the mirrored one. The same score at shifted frames finds whole
frames by which a camera lags.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from ..board.observations import BoardObservations
from .board_poses import N_CANDIDATES, BoardPoses
from .clocks.start_lags import lags_by_turning
from .rig_state import BoardImages
from .rotations import angle_between, nearest_rotation

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]

_ANGLE = np.radians(5.0)
_DISTANCE = 0.08  # of the distance to the board
_MOST_FRAMES = 40
_FRAMES_TO_SHIFT = 20
_MOST_SHIFT = 3
# A second candidate that fits so much worse than the first is none.
_CLEARLY_WORSE = 4.0
# Another shift must explain so much more than none.
_BETTER = 1.15
# Of the frames of a link, so many agree where its cameras are on one clock, or nearly.
_AGREED = 0.5
# Fewer agree where half a frame is left between two clocks; by chance, hardly any do.
_FAR = 0.2
_FEWEST_TO_SHIFT = 10


@dataclass(frozen=True)
class Link:
    """What two views say about each other.

    Attributes
    ----------
    first, second : int
    score : float
        Frames that agree.
    shared : int
        Frames that both see the board in.
    shift : int
        Frames that the second lags behind the first.
    rotation : (3, 3) float64
        From the second camera's frame to the first's.
    translation : (3,) float64
        mm.
    """

    first: int
    second: int
    score: float
    shared: int
    shift: int
    rotation: Float64
    translation: Float64

    @property
    def share(self) -> float:
        """Of the frames that were compared, how many agree."""
        return self.score / max(min(self.shared, _MOST_FRAMES), 1)


@dataclass(frozen=True, eq=False)
class InitialRig:
    """Cameras placed one by one along the links that agree best.

    Attributes
    ----------
    rotations : (view, 3, 3), translations : (view, 3) float64
        World to camera; the first camera is the world.
    shifts : (view,) int64
        Whole frames that each camera lags behind the first.
    links : tuple of Link
    """

    rotations: Float64
    translations: Float64
    shifts: Ints
    links: tuple[Link, ...]


def place_cameras(
    observations: BoardObservations, images: BoardImages, poses: BoardPoses, shifts: bool
) -> InitialRig:
    """Place all cameras in the frame of the first.

    Parameters
    ----------
    observations : BoardObservations
        For names and frame numbers.
    images : BoardImages
    poses : BoardPoses
        Of those images.
    shifts : bool
        Whether whole frames between the cameras are looked for.

    Raises
    ------
    PoseDataError
        When a camera shares no frame with the others, directly or through further ones; says which,
        and with whom it came nearest.
    """
    views = observations.views
    links = tuple(
        link
        for i in range(len(views))
        for j in range(i + 1, len(views))
        if (link := _link(observations, images, poses, i, j, shifts)) is not None
    )
    if shifts:
        links = _with_far_lags(links, observations, images, poses)
    rotations = np.tile(np.eye(3), (len(views), 1, 1))
    translations = np.zeros((len(views), 3))
    offsets = np.zeros(len(views), np.int64)
    placed = {0}
    while len(placed) < len(views):
        open_links = [link for link in links if (link.first in placed) != (link.second in placed)]
        if not open_links:
            raise _unconnected(views, links, observations)
        link = max(open_links, key=lambda each: (each.score, -each.first, -each.second))
        r, t = link.rotation, link.translation
        if link.first in placed:
            old, new, shift = link.first, link.second, link.shift
            r, t = r.T, -r.T @ t
        else:
            old, new, shift = link.second, link.first, -link.shift
        rotations[new] = r @ rotations[old]
        translations[new] = r @ translations[old] + t
        offsets[new] = offsets[old] + shift
        placed.add(new)
    return InitialRig(rotations, translations, offsets, links)


def _with_far_lags(
    links: tuple[Link, ...],
    observations: BoardObservations,
    images: BoardImages,
    poses: BoardPoses,
) -> tuple[Link, ...]:
    """Links of cameras that agree with none at a small lag, at the lag where the board turns alike.

    Recordings that were started by hand are seconds apart.
    """
    n_views = len(observations.views)
    group = list(range(n_views))

    for link in links:
        if link.share >= _AGREED:
            old, new = group[link.second], group[link.first]
            group[:] = [new if one == old else one for one in group]
    known = {(link.first, link.second): link for link in links}
    for i in range(n_views):
        for j in range(i + 1, n_views):
            if group[i] == group[j]:
                continue
            at = [_images_of(observations, images, poses, view) for view in (i, j)]
            frames = [np.array(sorted(each), dtype=np.int64) for each in at]
            turns = [
                poses.rotations[[each[int(f)] for f in numbers], 0]
                for each, numbers in zip(at, frames, strict=True)
            ]
            lags = lags_by_turning((frames[0], frames[1]), (turns[0], turns[1]))
            tried = [lag + k for lag in lags for k in (0, 1, -1)]
            far = _link(observations, images, poses, i, j, False, tuple(dict.fromkeys(tried)))
            near = known.get((i, j))
            if far is None or far.share < max(_FAR, 0.0 if near is None else 2 * near.share):
                continue
            known[i, j] = far
            group[:] = [group[i] if one == group[j] else one for one in group]
    return tuple(known[pair] for pair in sorted(known))


def _images_of(
    observations: BoardObservations, images: BoardImages, poses: BoardPoses, view: int
) -> dict[int, int]:
    """Indices of a view's images that have a pose, by frame number."""
    return {
        int(observations.frames[frame]): n
        for n, frame in enumerate(images.frame)
        if images.view[n] == view and np.isfinite(poses.errors[n, 0])
    }


def _link(
    observations: BoardObservations,
    images: BoardImages,
    poses: BoardPoses,
    i: int,
    j: int,
    shifts: bool,
    lags: tuple[int, ...] = (0,),
) -> Link | None:
    at = {view: _images_of(observations, images, poses, view) for view in (i, j)}
    best: Link | None = None
    share_of_best, pairs_of_best = 0.0, []
    candidates = list(lags)
    if shifts:
        candidates += [s for k in range(1, _MOST_SHIFT + 1) for s in (k, -k)]
    for shift in candidates:
        pairs = [(n, at[j][f + shift]) for f, n in sorted(at[i].items()) if f + shift in at[j]]
        if not pairs or (shift and len(pairs) < _FEWEST_TO_SHIFT):
            continue
        few = _MOST_FRAMES if len(candidates) == 1 else _FRAMES_TO_SHIFT
        score, rotation, translation = _vote(poses, np.array(pairs), few)
        share = score / min(len(pairs), few)
        needed = 0.0 if best is None else share_of_best * (1.0 if best.shift else _BETTER)
        if best is None or share > needed:
            best = Link(i, j, score, len(pairs), shift, rotation, translation)
            share_of_best, pairs_of_best = share, pairs
    if best is not None and len(candidates) > 1:
        score, rotation, translation = _vote(poses, np.array(pairs_of_best), _MOST_FRAMES)
        best = replace(best, score=score, rotation=rotation, translation=translation)
    return best


def _vote(poses: BoardPoses, pairs: Ints, most: int) -> tuple[float, Float64, Float64]:
    """Score, rotation and translation of the relative pose that most frames agree on."""
    if len(pairs) > most:
        pairs = pairs[np.linspace(0, len(pairs) - 1, most).round().astype(int)]
    first, second = pairs[:, 0], pairs[:, 1]
    # Of a board that looks the same turned over there are more candidates; of one view the first
    # two will do, since both views may be turned together.
    n_first, n_second = N_CANDIDATES, poses.errors.shape[1]
    r_first = poses.rotations[first, :n_first][:, :, None]
    t_first = poses.translations[first, :n_first][:, :, None]
    r_second, t_second = poses.rotations[second][:, None], poses.translations[second][:, None]
    rotation = (r_first @ np.swapaxes(r_second, -1, -2)).reshape(-1, 3, 3)
    translation = (
        t_first
        - np.einsum(
            "nabij,nabj->nabi",
            rotation.reshape(-1, n_first, n_second, 3, 3),
            np.broadcast_to(t_second, (len(pairs), n_first, n_second, 3)),
        )
    ).reshape(-1, 3)
    usable = (
        _usable(poses.errors[first, :n_first])[:, :, None] & _usable(poses.errors[second])[:, None]
    ).ravel()
    distance = np.repeat(
        0.5
        * (
            np.linalg.norm(poses.translations[first, 0], axis=1)
            + np.linalg.norm(poses.translations[second, 0], axis=1)
        ),
        n_first * n_second,
    )
    angles = angle_between(rotation[:, None], rotation[None])
    gaps = np.linalg.norm(translation[:, None] - translation[None], axis=-1)
    alike = np.maximum(0, 1 - angles / _ANGLE) * np.maximum(
        0, 1 - gaps / (_DISTANCE * distance[None])
    )
    alike *= usable[None] & usable[:, None]
    by_frame = alike.reshape(len(alike), -1, n_first * n_second)
    scores = by_frame.max(axis=2).sum(axis=1)
    best = int(np.argmax(scores))
    nearest = by_frame[best].argmax(axis=1) + n_first * n_second * np.arange(len(pairs))
    weight = alike[best, nearest]
    agreeing = nearest[weight > 0]
    if not len(agreeing):
        agreeing = np.array([best])
        weight = np.ones(1)
    mean = np.einsum("n,nij->ij", weight[weight > 0], rotation[agreeing])
    return float(scores[best]), nearest_rotation(mean), np.median(translation[agreeing], axis=0)


def _usable(errors: Float64) -> NDArray[np.bool_]:
    return np.asarray(
        np.isfinite(errors) & (errors <= _CLEARLY_WORSE * np.maximum(errors[:, :1], 1e-9))
    )


def _unconnected(
    views: tuple[str, ...], links: tuple[Link, ...], observations: BoardObservations
) -> PoseDataError:
    group = list(range(len(views)))
    for link in links:
        old, new = group[link.second], group[link.first]
        group = [new if one == old else one for one in group]
    # The most cameras that are connected are the rig; the others are what is lacking.
    rig = max(group, key=lambda one: (group.count(one), -one))
    lost = [i for i, one in enumerate(group) if one != rig]
    have = [i for i, one in enumerate(group) if one == rig]
    seen = observations.n_observed > 0
    near = [(int((seen[i] & seen[j]).sum()), views[i], views[j]) for i in have for j in lost]
    most, one, other = max(near)
    nearest = (
        f"; {one} and {other} see parts of the board in {most} common frames, which is not enough"
        if most
        else ""
    )
    names = ", ".join(views[i] for i in lost)
    verb = "shares" if len(lost) == 1 else "share"
    return PoseDataError(
        f"view{'s' * (len(lost) > 1)} {names} {verb} no image of the board with "
        f"{', '.join(views[i] for i in have)}{nearest}",
        expected="every camera connected to the others by frames in which both see the board",
        todo=f"Record the board where {names} and one of the others see it at once",
    )
