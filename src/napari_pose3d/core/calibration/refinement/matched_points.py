"""Points that several views see: which of them a fit uses, and which are left out to judge it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from .point_adjustment import PointViews

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]
Bool = NDArray[np.bool_]

_LONGEST_BLOCK = 25
_BLOCKS = 24
_LEFT_OUT = 0.25
_FEWEST_FITTED, _FEWEST_LEFT_OUT = 20, 6


@dataclass(frozen=True, eq=False)
class MatchedPoints:
    """Points with what may make their errors alike.

    Attributes
    ----------
    views : PointViews
    keypoint : (point,) int64
    block : (point,) int64
        Stretch of frames.
    """

    views: PointViews
    keypoint: Ints
    block: Ints

    def __len__(self) -> int:
        return len(self.block)

    @property
    def xy(self) -> Float64:
        """``(view, point, 2)`` px, NaN where not seen."""
        xy = np.where(self.views.used[..., None], self.views.xy, np.nan)
        return np.ascontiguousarray(xy.transpose(1, 0, 2))

    def at(self, chosen: Bool | Ints) -> MatchedPoints:
        """Those of a mask ``(point,)``, or of indices."""
        return MatchedPoints(self.views.at(chosen), self.keypoint[chosen], self.block[chosen])

    def with_points(self, other: MatchedPoints) -> MatchedPoints:
        """Both together."""
        views = PointViews(
            np.concatenate([self.views.xy, other.views.xy]),
            np.concatenate([self.views.used, other.views.used]),
        )
        return MatchedPoints(
            views,
            np.concatenate([self.keypoint, other.keypoint]),
            np.concatenate([self.block, other.block]),
        )


def split_points(
    xy: NDArray[np.floating], *, seed: int = 0, most: int = 5000
) -> tuple[MatchedPoints, MatchedPoints]:
    """Points for a fit, and those of whole stretches of frames that are left out of it.

    Parameters
    ----------
    xy : (view, frame, keypoint, 2)
        px; NaN where missing. Points that fewer than two views see are not used.
    seed : int
        Which stretches are left out: a quarter of them.
    most : int
        About how many points are used for the fit; more are thinned out evenly.

    Raises
    ------
    PoseDataError
        When too few points are seen by two views.
    """
    n_views = len(xy)
    seen = np.isfinite(xy).all(axis=-1)
    usable = seen.sum(axis=0) >= 2
    frames = np.flatnonzero(usable.any(axis=1))
    length = int(np.clip(len(frames) // _BLOCKS, 1, _LONGEST_BLOCK))
    block = np.arange(len(frames)) // length
    n_blocks = int(block.max(initial=-1)) + 1
    order = np.random.default_rng(seed).permutation(n_blocks)
    left_out = np.isin(block, order[: max(1, round(_LEFT_OUT * n_blocks))])
    parts = []
    for chosen, bound in ((~left_out, most), (left_out, most // 2)):
        at, key = np.nonzero(usable[frames[chosen]])
        step = max(1, -(-len(at) // bound))
        # Whole frames are left out, so that each keypoint is thinned out alike.
        kept = (at % step) == 0
        at, key = at[kept], key[kept]
        frame = frames[chosen][at]
        parts.append(
            MatchedPoints(
                PointViews(
                    np.nan_to_num(xy[:, frame, key].transpose(1, 0, 2).astype(np.float64)),
                    np.ascontiguousarray(seen[:, frame, key].T),
                ),
                key.astype(np.int64),
                block[chosen][at].astype(np.int64),
            )
        )
    fitted, judged = parts
    if len(fitted) < _FEWEST_FITTED or len(judged) < _FEWEST_LEFT_OUT:
        raise PoseDataError(
            f"{len(fitted) + len(judged)} points are seen by two views or more ({n_views} views, "
            f"{xy.shape[1]} frames, {xy.shape[2]} keypoints)",
            expected=f"{_FEWEST_FITTED + _FEWEST_LEFT_OUT} or more, spread over the volume",
            todo="Label more frames in two views each, or take predictions",
        )
    return fitted, judged
