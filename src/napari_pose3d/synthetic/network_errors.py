"""A pose network that errs in known ways.

The sizes of the errors are those of the sample session and are not tuned to what a smoother likes;
`PredictionErrors` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Ensemble
from napari_pose3d.errors import PoseDataError

from .scene import Scene

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class PredictionErrors:
    """What a simulated network gets wrong, and how often.

    Fractions are of all cells (view, frame, keypoint). An error that all seeds make together and
    one that a single seed makes count alike: one cell.

    Attributes
    ----------
    jitter : float
        Standard deviation in px, of x and of y, of the error that is always there.
    shared_jitter : float
        Part of the jitter's *variance* that all seeds have in common (they learned from the same
        labels); the rest is each seed's own. The variation between seeds shows only the latter.
    jitter_memory : float
        Time constant in frames of half of the jitter's variance; the other half is new in each
        frame.
    uneven : float
        How much views and keypoints differ in their jitter: the standard deviation of the logarithm
        of a factor of their own.
    bias : float
        Standard deviation in px, of x and of y, of an error that all seeds share and that hardly
        changes, such as one towards the wrong side of a joint.
    bias_memory : float
        Time constant of the bias in frames.
    occluded : float
        Fraction of cells in which the keypoint is hidden, the same for all seeds.
    occlusion_frames : (int, int)
        Shortest and longest occlusion; it concerns one keypoint in one view.
    occlusion_jitter : float
        Standard deviation in px, of x and of y, of the error that an occlusion adds in its middle;
        it grows from zero and shrinks to zero over the occlusion. Half of its variance is shared.
    occlusion_memory : float
        Time constant of that error in frames.
    occlusion_likelihood : (float, float)
        Range of the likelihood in the middle of an occlusion; towards the ends it recovers.
    outliers : float
        Fraction of cells predicted somewhere else with full confidence.
    outlier_distance : float
        How far off, in px; the direction is random and stays for the whole outlier.
    outlier_spread : float
        How much further an outlier can be, in px: each lies anywhere in between.
    outlier_frames : (int, int)
        Shortest and longest outlier; it concerns one keypoint in one view.
    swaps : float
        Fraction of cells that hold the position of the keypoint's counterpart on the other side,
        with full confidence. Both keypoints of a pair are swapped, each is a cell.
    swap_frames : (int, int)
        Shortest and longest swap; it concerns one pair in one view.
    shared_mistakes : float
        Part of the cells with an outlier, and of those with a swap, in which all seeds make the
        same mistake; in the others a single seed makes it.
    lost_frames : int
        Length of the one stretch in which one view is lost (lights off, lens covered).
    lost_likelihood : float
        The likelihood there is below this. A network always gives a position: here it is anywhere
        in the image, another in each frame and seed.
    """

    jitter: float = 1.5
    shared_jitter: float = 0.5
    jitter_memory: float = 4.0
    uneven: float = 0.0
    bias: float = 0.0
    bias_memory: float = 150.0
    occluded: float = 0.15
    occlusion_frames: tuple[int, int] = (20, 60)
    occlusion_jitter: float = 8.0
    occlusion_memory: float = 10.0
    occlusion_likelihood: tuple[float, float] = (0.15, 0.6)
    outliers: float = 0.01
    outlier_distance: float = 30.0
    outlier_spread: float = 0.0
    outlier_frames: tuple[int, int] = (1, 6)
    swaps: float = 0.005
    swap_frames: tuple[int, int] = (2, 10)
    shared_mistakes: float = 0.5
    lost_frames: int = 60
    lost_likelihood: float = 0.1


@dataclass(frozen=True, eq=False)
class PredictionTruth:
    """Which simulated predictions are wrong, and in which way.

    Attributes
    ----------
    occluded : (view, frame, keypoint) bool
    outlier, swapped : (model, view, frame, keypoint) bool
    lost : (view, frame) bool
    """

    occluded: Bool
    outlier: Bool
    swapped: Bool
    lost: Bool

    @property
    def clean(self) -> Bool:
        """Where there is nothing but the jitter, ``(model, view, frame, keypoint)``."""
        affected = self.occluded | self.lost[:, :, None]
        return ~(affected[None] | self.outlier | self.swapped)


def simulate_predictions(
    scene: Scene, seeds: int = 3, *, seed: int = 0, errors: PredictionErrors | None = None
) -> tuple[Ensemble, PredictionTruth]:
    """Predictions of an ensemble of networks, and what is wrong with them.

    To the true pixel positions come, independently of each other (px, each of x and y, with the
    defaults of `PredictionErrors`):

    - jitter of 1.5 px sd everywhere, half of its variance shared by all seeds, half of it lasting
      some 4 frames;
    - occlusions of 20-60 frames in 15 % of the cells (view, frame, keypoint), for all seeds: the
      error grows to 8 px sd more, half of the variance shared, while the likelihood falls from
      above 0.9 to 0.15-0.6;
    - outliers of 30 px for 1-6 frames in 1 % of the cells, with a likelihood above 0.9: half of
      these cells are wrong in all seeds, by the same shift, half in one seed;
    - left-right swaps for 2-10 frames in 0.5 % of the cells, with a likelihood above 0.9: half of
      these cells are wrong in all seeds, half in one seed;
    - one view lost for 60 frames: any position in the image, likelihood below 0.1.

    `PredictionErrors` can make them harder; then views and keypoints differ in their jitter, and a
    bias is shared by all seeds.

    Occlusions, outliers, swaps and the lost stretch do not overlap, so that each cell belongs to
    one class. The fractions are of all cells, the lost ones included.

    Parameters
    ----------
    scene : Scene
    seeds : int
        How many networks.
    seed : int
        Of the random numbers. Each kind of error has its own stream: changing one leaves the
        others where they are.
    errors : PredictionErrors, optional

    Returns
    -------
    ensemble : Ensemble
        Models ``seed0``, ``seed1``, ...; float32.
    truth : PredictionTruth

    Raises
    ------
    PoseDataError
        The scene is too short, or has too few cells left, for the wanted errors.
    """
    errors = errors or PredictionErrors()
    if seeds < 1:
        raise PoseDataError(f"the number of seeds is {seeds}", expected="1 or more")
    rng_jitter, rng_hidden, rng_depth, rng_outlier, rng_swap, rng_lost, rng_sure, rng_bias = (
        np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(8)
    )
    shape = scene.xy.shape[:3]
    lost = _lost_view(shape, errors, rng_lost)
    usable = np.broadcast_to(~lost[:, :, None], shape)

    xy = scene.xy[None] + errors.jitter * _unevenness(errors.uneven, shape, rng_bias) * (
        _ensemble_noise(seeds, shape, errors.shared_jitter, (0.0, errors.jitter_memory), rng_jitter)
    )
    if errors.bias > 0:
        white = rng_bias.standard_normal((*shape, 2))
        xy += errors.bias * _lasting(white, errors.bias_memory, axis=1)
    likelihood = 1.0 - 0.1 * rng_sure.beta(1.2, 4.0, (seeds, *shape))

    depth, lowest = np.zeros(shape), np.ones(shape)

    def hide(view: int, first: int, last: int, group: tuple[int, ...]) -> None:
        rise = np.sin(np.pi * (np.arange(last - first) + 0.5) / (last - first))
        depth[view, first:last, group[0]] = rise
        lowest[view, first:last, group[0]] = rng_depth.uniform(*errors.occlusion_likelihood)

    singles: list[tuple[int, ...]] = [(k,) for k in range(shape[2])]
    occluded = np.zeros(shape, bool)
    _place(errors.occluded, errors.occlusion_frames, singles, usable, occluded, rng_hidden, hide)
    xy += (errors.occlusion_jitter * depth)[None, ..., None] * _ensemble_noise(
        seeds, shape, 0.5, (errors.occlusion_memory,), rng_depth
    )
    likelihood *= 1.0 - np.sqrt(depth) * (1.0 - lowest * rng_depth.uniform(0.85, 1.15, shape))

    usable = usable & ~occluded
    swapped, outlier = (np.zeros((seeds, *shape), bool) for _ in range(2))
    counterpart = np.arange(shape[2])
    pairs: list[tuple[int, ...]] = []
    for names in scene.left_right:
        left, right = (scene.keypoints.index(name) for name in names)
        counterpart[[left, right]] = right, left
        pairs.append((left, right))
    _mistakes(errors.swaps, errors.swap_frames, pairs, usable, swapped, errors, rng_swap)
    xy = np.where(swapped[..., None], xy[:, :, :, counterpart], xy)

    shift = np.zeros((*shape, 2))

    def push(view: int, first: int, last: int, group: tuple[int, ...]) -> None:
        angle = rng_outlier.uniform(0, 2 * np.pi)
        distance = errors.outlier_distance + errors.outlier_spread * rng_bias.random()
        direction = np.array([np.cos(angle), np.sin(angle)])
        shift[view, first:last, group[0]] = distance * direction

    usable = usable & ~swapped.any(axis=0)
    _mistakes(
        errors.outliers, errors.outlier_frames, singles, usable, outlier, errors, rng_outlier, push
    )
    xy += outlier[..., None] * shift

    for view in np.flatnonzero(lost.any(axis=1)):
        size = scene.rig.cameras[view].size
        assert size is not None
        where = lost[view]
        cells = (seeds, int(where.sum()), shape[2])
        xy[:, view, where] = rng_lost.uniform(0, np.array(size) - 1.0, (*cells, 2))
        likelihood[:, view, where] = rng_lost.uniform(0, errors.lost_likelihood, cells)

    ensemble = Ensemble(
        xy=xy.astype(np.float32),
        likelihood=np.clip(likelihood, 0.0, 1.0).astype(np.float32),
        models=tuple(f"seed{i}" for i in range(seeds)),
        views=scene.rig.names,
        keypoints=scene.keypoints,
    )
    return ensemble, PredictionTruth(occluded, outlier, swapped, lost)


def _lost_view(shape: tuple[int, ...], errors: PredictionErrors, rng: np.random.Generator) -> Bool:
    n_views, n_frames, _ = shape
    lost = np.zeros((n_views, n_frames), bool)
    if errors.lost_frames > n_frames:
        raise PoseDataError(
            f"a view cannot be lost for {errors.lost_frames} of {n_frames} frames",
            todo="Make a longer scene, or set lost_frames of the PredictionErrors",
        )
    first = int(rng.integers(0, n_frames - errors.lost_frames + 1))
    lost[int(rng.integers(n_views)), first : first + errors.lost_frames] = True
    return lost


def _mistakes(
    fraction: float,
    frames: tuple[int, int],
    groups: list[tuple[int, ...]],
    usable: Bool,
    out: Bool,
    errors: PredictionErrors,
    rng: np.random.Generator,
    placed: Callable[[int, int, int, tuple[int, ...]], None] | None = None,
) -> None:
    """Place mistakes of all seeds and of single seeds; sets ``out`` (model, view, ...)."""
    shared = np.zeros(usable.shape, bool)
    _place(fraction * errors.shared_mistakes, frames, groups, usable, shared, rng, placed)
    out |= shared

    def of_one_seed(view: int, first: int, last: int, group: tuple[int, ...]) -> None:
        out[int(rng.integers(len(out))), view, first:last, list(group)] = True
        if placed is not None:
            placed(view, first, last, group)

    alone = np.zeros(usable.shape, bool)
    rest = fraction * (1.0 - errors.shared_mistakes)
    _place(rest, frames, groups, usable & ~shared, alone, rng, of_one_seed)


def _place(
    fraction: float,
    frames: tuple[int, int],
    groups: list[tuple[int, ...]],
    usable: Bool,
    mask: Bool,
    rng: np.random.Generator,
    placed: Callable[[int, int, int, tuple[int, ...]], None] | None = None,
) -> None:
    """Mark random stretches until they make up the wanted fraction of the cells.

    Parameters
    ----------
    fraction : float
        Of all cells; the last stretch is cut to meet it.
    frames : (int, int)
        Shortest and longest stretch. The ends of the video cut stretches short.
    groups : list of tuple of int
        Keypoints that are struck together.
    usable, mask : (view, frame, keypoint) bool
        Where stretches may lie; where they lie. They do not overlap.
    placed : callable, optional
        Called with (view, first, one past the last, keypoints) of each stretch.
    """
    n_views, n_frames, _ = mask.shape
    wanted = round(fraction * mask.size)
    marked = failures = 0
    while marked < wanted:
        if failures > 10_000 or not groups:
            raise PoseDataError(
                f"no room for errors in {fraction:.1%} of the simulated predictions",
                todo="Make a longer scene, or set smaller fractions in the PredictionErrors",
            )
        view, group = int(rng.integers(n_views)), groups[int(rng.integers(len(groups)))]
        length = int(rng.integers(frames[0], frames[1] + 1))
        start = int(rng.integers(1 - length, n_frames))
        first, last = max(start, 0), min(start + length, n_frames)
        last = min(last, first + max((wanted - marked) // len(group), 1))
        keypoints = list(group)
        free = usable[view, first:last, keypoints] & ~mask[view, first:last, keypoints]
        if not free.all():
            failures += 1
            continue
        failures = 0
        mask[view, first:last, keypoints] = True
        marked += free.size
        if placed is not None:
            placed(view, first, last, group)


def _unevenness(spread: float, shape: tuple[int, ...], rng: np.random.Generator) -> Float64:
    """A factor for each view and keypoint, ``(view, 1, keypoint, 1)``."""
    n_views, _, n_keypoints = shape
    return np.exp(spread * rng.standard_normal((n_views, 1, n_keypoints, 1)))


def _ensemble_noise(
    seeds: int,
    shape: tuple[int, ...],
    shared: float,
    memories: tuple[float, ...],
    rng: np.random.Generator,
) -> Float64:
    """Noise of unit variance, ``(model, *shape, 2)``.

    ``shared`` is the part of the variance that is the same in all seeds; each of ``memories``
    (time constants in frames, 0 for none) has an equal part of both.
    """
    common = np.zeros((*shape, 2))
    own = np.zeros((seeds, *shape, 2))
    for memory in memories:
        common += _lasting(rng.standard_normal(common.shape), memory, axis=1)
        own += _lasting(rng.standard_normal(own.shape), memory, axis=2)
    noise = np.sqrt(shared) * common[None] + np.sqrt(1.0 - shared) * own
    return np.asarray(noise / np.sqrt(len(memories)))


def _lasting(white: Float64, memory: float, axis: int) -> NDArray[Any]:
    """Turn white noise into a first-order autoregression of the same variance, in place."""
    if memory <= 0:
        return white
    keep = np.exp(-1.0 / memory)
    frames = np.moveaxis(white, axis, 0)
    for i in range(1, len(frames)):
        frames[i] = keep * frames[i - 1] + np.sqrt(1 - keep**2) * frames[i]
    return white
