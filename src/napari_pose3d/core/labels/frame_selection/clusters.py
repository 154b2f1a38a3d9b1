"""Few out of many: points that stand for all of them, each unlike the others."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

Float64 = NDArray[np.float64]

_PASSES = 6
_SPARE = 10
_TRIES = 10
_ROUNDS = 100


def principal_components(
    parts: Iterable[NDArray[np.floating]],
    n_components: int,
    rng: np.random.Generator,
    cancelled: IsCancelled,
    noise: float = 0.0,
) -> Float64:
    """Positions on the main axes of data that comes in parts, such as one for each view.

    Every part counts the same: its columns are centred, and all of it is divided by its spread.
    Only a part that holds hardly more than noise counts less.

    Parameters
    ----------
    parts : iterable of (point, value) arrays
    n_components : int
        At most so many axes.
    noise : float
        The spread of a part that holds nothing else.

    Returns
    -------
    (point, component) float64
    """
    scaled = [_scaled(part, noise) for part in parts]
    n_points = len(scaled[0])
    n = min(n_components, n_points)
    basis = rng.normal(size=(n_points, min(n + _SPARE, n_points))).astype(np.float32)
    # Subspace iteration: only the first axes are wanted, of products too large to decompose.
    for _ in range(_PASSES):
        basis = np.linalg.qr(basis)[0]
        product = np.zeros_like(basis)
        for part in scaled:
            if cancelled():
                raise Cancelled
            product += part @ (part.T @ basis)
        basis, before = product, basis
    values, vectors = np.linalg.eigh((before.T @ basis).astype(np.float64))
    largest = slice(None, -n - 1, -1)
    return np.asarray(before @ vectors[:, largest] * np.sqrt(np.maximum(values[largest], 0)))


def representatives(
    points: Float64, n: int, rng: np.random.Generator, cancelled: IsCancelled
) -> list[int]:
    """`n` points that stand for all: the one nearest to the centre of each of `n` clusters.

    Parameters
    ----------
    points : (point, dimension)
        At least `n` of them.

    Returns
    -------
    list of int
        Indices, each once. The first stands for the largest cluster, and each of the others is
        the one farthest from all before it, so that the first few are spread as well.
    """
    _, labels, centres = min(
        (k_means(points, n, rng, cancelled) for _ in range(_TRIES)), key=lambda found: found[0]
    )
    nearest = []
    sizes = np.bincount(labels, minlength=n)
    for cluster in np.argsort(-sizes, kind="stable"):
        members = np.flatnonzero(labels == cluster)
        if len(members):
            offsets = points[members] - centres[cluster]
            nearest.append(int(members[np.argmin((offsets**2).sum(axis=1))]))
    order = _farthest_first(points, nearest[:1], np.array(nearest), len(nearest))
    # Fewer different points than clusters: others, although they look the same.
    return _farthest_first(points, order, np.arange(len(points)), n)


def _scaled(part: NDArray[np.floating], noise: float) -> NDArray[np.float32]:
    scaled = part.astype(np.float32)
    scaled -= scaled.mean(axis=0)
    spread = np.sqrt(np.mean(np.square(scaled), dtype=np.float64) + noise**2)
    if spread > 0:
        scaled /= np.float32(spread * np.sqrt(scaled.shape[1]))
    return scaled


def k_means(
    points: Float64, n: int, rng: np.random.Generator, cancelled: IsCancelled
) -> tuple[float, NDArray[np.intp], Float64]:
    """Sum of squared distances, the cluster of each point, and the centres (Lloyd).

    Parameters are those of `representatives`; centres ``(n, dimension)``.

    Notes
    -----
    `scipy.cluster.vq.kmeans2` would do, but it cannot be cancelled, and the time of its k-means++
    start grows with the square of `n`.
    """
    from scipy.cluster.vq import vq

    centres = _first_centres(points, n, rng)
    labels = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        if cancelled():
            raise Cancelled
        before = labels
        labels, distances = vq(points, centres, check_finite=False)
        if (labels == before).all():
            break
        counts = np.bincount(labels, minlength=n)
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, points)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return float(np.square(distances).sum()), labels, centres


def _first_centres(points: Float64, n: int, rng: np.random.Generator) -> Float64:
    """Points, each drawn in proportion to its squared distance from those before (k-means++)."""
    chosen = [int(rng.integers(len(points)))]
    distances = np.full(len(points), np.inf)
    for _ in range(n - 1):
        distances = np.minimum(distances, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        total = distances.sum()
        weights = distances / total if total > 0 else None
        chosen.append(int(rng.choice(len(points), p=weights)))
    return points[chosen]


def _farthest_first(
    points: Float64, begun: list[int], among: NDArray[np.intp], n: int
) -> list[int]:
    """Go on with a choice up to `n`: always the candidate farthest from all that are chosen."""
    chosen = list(begun)
    from scipy.cluster.vq import vq

    distances = np.square(vq(points[among], points[chosen], check_finite=False)[1])
    distances[np.isin(among, chosen)] = -1
    while len(chosen) < n:
        best = int(distances.argmax())
        chosen.append(int(among[best]))
        distances = np.minimum(distances, ((points[among] - points[chosen[-1]]) ** 2).sum(axis=1))
        distances[best] = -1
    return chosen
