"""The labels of one frame in space: points, reprojections and residuals in pixels of the videos.

Notes
-----
Labels are in px of the video's image; the rig counts px of the image that it was calibrated with
(`alignments`). The conversion is here, so that what shows labels only knows the video's image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.cameras.epipolar import (
    Curve,
    epipolar_curve,
    likely_part,
    likely_part_2d,
    nearest_on_curve,
)
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.working_volume import WorkingVolume
from napari_pose3d.core.projects.session import Session

from ..store.label import Label, LabelKey, LabelStatus
from .keypoint_priors import Distances, ExpectedPoints
from .label_projection import CLICK_SD, Place, Projection, project_labels

Float64 = NDArray[np.float64]

# Standard deviations of a click, root mean square over the degrees of freedom: two labels have one,
# three have three. Labels that are right are above in less than one case of a hundred.
_MISFIT_OF_TWO, _MISFIT = 3.0, 2.0
_ODD = 3.0  # robust standard deviations
_UNLIKELY_SD = 3.0  # px: standard deviation of a prediction without a variance


@dataclass(frozen=True, eq=False)
class FrameGeometry:
    """The labels of one frame in space.

    Attributes
    ----------
    session : Session
    frame : int
        Session frame.
    rig : Rig
    views : tuple of str
        Those that have a camera, in the rig's order.
    keypoints : tuple of str
    labels : mapping of LabelKey to Label
        Those of the frame when this was computed.
    projection : Projection
        In rig px.
    """

    session: Session
    frame: int
    rig: Rig
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    labels: Mapping[LabelKey, Label]
    projection: Projection

    def reprojection(self, label_key: LabelKey) -> tuple[float, float] | None:
        """Where the point falls in a view, px of its video; None where it is not in the image."""
        at = self._at(label_key)
        if at is None or self.projection.place[at] != Place.INSIDE:
            return None
        x, y = self._reprojections[at]
        return float(x), float(y)

    def place(self, label_key: LabelKey) -> Place:
        """Whether the point falls into a view's image."""
        at = self._at(label_key)
        return Place.UNKNOWN if at is None else Place(int(self.projection.place[at]))

    def uncertainty(self, label_key: LabelKey) -> Float64 | None:
        """Covariance of the reprojection, ``(2, 2)`` in px^2 of the video, or None."""
        at = self._at(label_key)
        if at is None or not np.isfinite(self.projection.uncertainty[at]).all():
            return None
        scale = np.array(self.session.alignment(label_key.view).scale)
        return np.asarray(self.projection.uncertainty[at] / np.outer(scale, scale))

    def residual(self, label_key: LabelKey) -> float | None:
        """Length in rig px of label minus reprojection; None where there is no label."""
        return self._number(self.projection.residual, label_key)

    def left_out(self, label_key: LabelKey) -> float | None:
        """Length in rig px of label minus the reprojection from the other views' labels."""
        return self._number(self.projection.left_out, label_key)

    def suspect(self, keypoint: str) -> str | None:
        """The view whose label disagrees with the others; None when none does."""
        if keypoint not in self.keypoints:
            return None
        view = int(self.projection.suspect[self.keypoints.index(keypoint)])
        return None if view < 0 else self.views[view]

    def contradicts(self, keypoint: str) -> bool:
        """Whether labels do not fit together, and nobody can tell which one is wrong."""
        n_labels = len(self.labeled_views(keypoint))
        if n_labels < 2 or self.suspect(keypoint) is not None:
            return False
        misfit = self.projection.misfit[self.keypoints.index(keypoint)]
        return bool(misfit > (_MISFIT_OF_TWO if n_labels == 2 else _MISFIT))

    @property
    def xyz(self) -> Float64:
        """Points in space, ``(keypoint, 3)`` rig units; NaN where unknown."""
        return self.projection.xyz

    def labeled_views(self, keypoint: str) -> list[str]:
        """Views with a camera in which a person stands behind the keypoint's label."""
        return [
            view
            for view in self.views
            if (label := self.labels.get(LabelKey(view, keypoint))) is not None
            and label.status.by_person
            and label.position is not None
        ]

    @cached_property
    def worst(self) -> LabelKey | None:
        """The label that the others disagree with most; None without anything to compare."""
        left_out = self.projection.left_out_sd
        measure = left_out if np.isfinite(left_out).any() else self.projection.residual
        if not np.isfinite(measure).any():
            return None
        view, k = np.unravel_index(int(np.nanargmax(measure)), measure.shape)
        return LabelKey(self.views[int(view)], self.keypoints[int(k)])

    def odd_bones(self, bones: ArrayLike, distances: Distances | None) -> list[int]:
        """Bones whose length differs from the labeled median by more than three robust sd.

        Parameters
        ----------
        bones : (bone, 2) int
            Indices of keypoints.
        distances : Distances or None
            From the frames labeled so far.

        Returns
        -------
        list of int
            Indices into `bones`.
        """
        pairs = np.asarray(bones, dtype=int).reshape(-1, 2)
        if distances is None or not len(pairs):
            return []
        start, end = pairs.T
        length = np.linalg.norm(self.xyz[start] - self.xyz[end], axis=1)
        off = np.abs(length - distances.median[start, end])
        # NaN, where a length or its median is unknown, is not odd.
        return [int(i) for i in np.flatnonzero(off > _ODD * distances.sd[start, end])]

    # ------------------------------------------------------------------ epipolar curves

    def curve(self, label_key: LabelKey, other: str, volume: WorkingVolume) -> Curve | None:
        """Where the point under a label can be in another view; px of the other view's video.

        Returns
        -------
        Curve or None
            From near to far. None where there is no label, or nothing of it can be seen.
        """
        label = self.labels.get(label_key)
        if (
            label is None
            or label.position is None
            or not {label_key.view, other} <= set(self.views)
        ):
            return None
        xy = self.session.to_rig_pixels(
            label_key.view, label.position, self._video_frame(label_key.view)
        )
        curve = epipolar_curve(
            self.rig, self.views.index(label_key.view), xy, self.views.index(other), volume
        )
        return self._in_video(curve, other) if len(curve) else None

    def likely(
        self, label_key: LabelKey, other: str, curve: Curve, expected: ExpectedPoints | None
    ) -> Curve | None:
        """The part of a curve that predictions make likely; None without predictions.

        Parameters
        ----------
        curve : Curve
            From `curve`.
        expected : ExpectedPoints or None
            Without it, the label ``predicted`` in the other view counts, if there is one.
        """
        if expected is not None:
            k = self.keypoints.index(label_key.keypoint)
            xyz, covariance = expected.xyz[k], expected.covariance[k]
            if np.isfinite(xyz).all() and np.isfinite(covariance).all():
                part = likely_part(curve, xyz, covariance)
                return part if len(part) else None
        proposed = self.labels.get(LabelKey(other, label_key.keypoint))
        if proposed is None or proposed.status != LabelStatus.PREDICTED:
            return None
        assert proposed.position is not None
        part = likely_part_2d(curve, proposed.position, [_UNLIKELY_SD**2] * 2)
        return part if len(part) else None

    def on_curve(
        self, label_key: LabelKey, at: tuple[float, float], volume: WorkingVolume
    ) -> tuple[float, float]:
        """The position nearest to `at` that another view's label allows; `at` itself without one.

        The other view is the labeled one whose label fits best.
        """
        others = [view for view in self.labeled_views(label_key.keypoint) if view != label_key.view]
        others.sort(key=lambda view: self.left_out(LabelKey(view, label_key.keypoint)) or 0.0)
        for other in others:
            curve = self.curve(LabelKey(other, label_key.keypoint), label_key.view, volume)
            if curve is not None:
                x, y = nearest_on_curve(curve, at)
                return float(x), float(y)
        return at

    # ------------------------------------------------------------------ inside

    @cached_property
    def _reprojections(self) -> Float64:
        given = self.projection.reprojection
        return np.stack(
            [
                self.session.to_video_pixels(view, xy, self._video_frame(view))
                for view, xy in zip(self.views, given, strict=True)
            ]
        )

    def _video_frame(self, view: str) -> int:
        return int(self.session.to_video(view, self.frame))

    def _in_video(self, curve: Curve, view: str) -> Curve:
        xy = self.session.to_video_pixels(view, curve.xy, self._video_frame(view))
        return Curve(xy, curve.xyz, curve.depth)

    def _at(self, label_key: LabelKey) -> tuple[int, int] | None:
        if label_key.view not in self.views or label_key.keypoint not in self.keypoints:
            return None
        return self.views.index(label_key.view), self.keypoints.index(label_key.keypoint)

    def _number(self, array: Float64, label_key: LabelKey) -> float | None:
        at = self._at(label_key)
        return None if at is None or not np.isfinite(array[at]) else float(array[at])


def frame_geometry(
    session: Session,
    frame: int,
    rig: Rig,
    keypoints: Sequence[str],
    labels: Mapping[LabelKey, Label],
    *,
    expected: ExpectedPoints | None = None,
    distances: Distances | None = None,
) -> FrameGeometry:
    """Compute the points, reprojections and residuals of the labels of a frame.

    Parameters
    ----------
    rig : Rig
        Cameras of views of the session.
    labels : mapping of LabelKey to Label
        Only what a person stands behind is used.
    expected, distances
        What else is known; see `projecting.project_labels`.
    """
    views = rig.names
    xy = labeled_pixels(session, frame, views, keypoints, labels)
    projection = project_labels(rig, xy, click_sd=CLICK_SD, expected=expected, distances=distances)
    return FrameGeometry(session, frame, rig, views, tuple(keypoints), labels, projection)


def labeled_pixels(
    session: Session,
    frame: int,
    views: Sequence[str],
    keypoints: Sequence[str],
    labels: Mapping[LabelKey, Label],
) -> Float64:
    """What a person stands behind, ``(view, keypoint, 2)`` rig px; NaN elsewhere."""
    xy = np.full((len(views), len(keypoints), 2), np.nan)
    index = {name: k for k, name in enumerate(keypoints)}
    for label_key, label in labels.items():
        if label.status.by_person and label.position is not None and label_key.view in views:
            xy[views.index(label_key.view), index[label_key.keypoint]] = label.position
    for v, view in enumerate(views):
        if np.isfinite(xy[v]).any():
            xy[v] = session.to_rig_pixels(view, xy[v], int(session.to_video(view, frame)))
    return xy
