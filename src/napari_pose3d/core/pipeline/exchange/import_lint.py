"""What an import looks at before anybody works with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

# More do not tell more, and take time.
_MOST_FRAMES = 2000


@dataclass(frozen=True)
class Lint:
    """What was found in one view, or in space.

    Attributes
    ----------
    where : str
        Name of the view; "3-D" in space.
    positions, missing, zero, outside : int
        Cells with a position and without; of the positions, those at exactly 0, and those outside
        of the image.
    residual : float
        Median length in px of position minus reprojection; NaN without a rig.
    """

    where: str
    positions: int
    missing: int
    zero: int
    outside: int = 0
    residual: float = float("nan")

    def describe(self) -> str:
        """In one line."""
        parts = [f"{self.positions:,} positions", f"{self.missing:,} missing"]
        if self.zero:
            parts.append(f"{self.zero:,} at exactly 0 (missing in some programs)")
        if self.outside:
            parts.append(f"{self.outside:,} outside of the image")
        if np.isfinite(self.residual):
            parts.append(f"residual {self.residual:.2f} px")
        return f"{self.where}: {', '.join(parts)}"


def lint_space(xyz: NDArray[np.floating[Any]]) -> Lint:
    """Of 3-D positions, ``(frame, keypoint, 3)``."""
    known = np.isfinite(xyz).all(axis=-1)
    zero = (xyz == 0).all(axis=-1)
    return Lint("3-D", int(known.sum()), int((~known).sum()), int(zero.sum()))


def lint_views(
    xy: NDArray[np.floating[Any]],
    views: Sequence[str],
    sizes: Mapping[str, tuple[int, int]],
    rigs: Sequence[tuple[Rig, NDArray[np.int64]]],
) -> list[Lint]:
    """Of positions in the views.

    Parameters
    ----------
    xy : (view, frame, keypoint, 2)
        px of the rig's image.
    sizes : mapping of view to (width, height)
        px; those that are known.
    rigs : sequence of (Rig, (n,) int64)
        Cameras of some or all views, and the frames that they took.
    """
    residuals = _residuals(xy, views, rigs)
    found = []
    for v, view in enumerate(views):
        known = np.isfinite(xy[v]).all(axis=-1)
        zero = (xy[v] == 0).all(axis=-1)
        outside = 0
        if view in sizes:
            width, height = sizes[view]
            with np.errstate(invalid="ignore"):
                inside = (xy[v] >= -0.5).all(axis=-1) & (xy[v] < [width - 0.5, height - 0.5]).all(
                    axis=-1
                )
            outside = int((known & ~inside).sum())
        found.append(
            Lint(
                view,
                int(known.sum()),
                int((~known).sum()),
                int(zero.sum()),
                outside,
                residuals.get(view, float("nan")),
            )
        )
    return found


def zeros_as_nan(positions: NDArray[Any]) -> NDArray[Any]:
    """Positions, ``(..., n)``, of which those at exactly 0 are NaN."""
    return np.where((positions == 0).all(axis=-1, keepdims=True), np.nan, positions)


def _residuals(
    xy: NDArray[np.floating[Any]],
    views: Sequence[str],
    rigs: Sequence[tuple[Rig, NDArray[np.int64]]],
) -> dict[str, float]:
    found: dict[str, list[NDArray[np.float64]]] = {}
    for rig, frames in rigs:
        shared = [view for view in views if view in rig.names]
        if len(shared) < 2 or not len(frames):
            continue
        at = [list(views).index(view) for view in shared]
        step = max(1, -(-len(frames) // _MOST_FRAMES))
        some = np.asarray(xy[at][:, frames[::step]], np.float64)
        points = triangulate(rig.subset(shared), some)
        for view, each in zip(shared, points.residuals, strict=True):
            found.setdefault(view, []).append(each[np.isfinite(each)])
    return {
        view: float(np.median(values))
        for view, parts in found.items()
        if (values := np.concatenate(parts)).size
    }
