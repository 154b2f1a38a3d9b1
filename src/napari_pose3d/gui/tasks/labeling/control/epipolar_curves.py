"""The epipolar curves of the current keypoint, view by view."""

from __future__ import annotations

from dataclasses import dataclass

from napari_pose3d.core.cameras.epipolar import Curve
from napari_pose3d.core.labels.geometry.frame_geometry import FrameGeometry
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store.label import LabelKey


@dataclass(frozen=True, eq=False)
class ViewCurve:
    """Where a keypoint can be in a view.

    Attributes
    ----------
    whole : Curve
        From near to far, px of the view's video.
    likely : Curve or None
        The part that predictions speak for.
    """

    whole: Curve
    likely: Curve | None


def curves_of(
    labeling: Labeling, geometry: FrameGeometry | None, keypoint: str
) -> dict[str, ViewCurve]:
    """Curves in all views but the one that is labeled; empty unless exactly one is."""
    if geometry is None:
        return {}
    labeled = geometry.labeled_views(keypoint)
    if len(labeled) != 1:
        return {}
    label_key = LabelKey(labeled[0], keypoint)
    expected = labeling.expected.get(geometry.frame)
    found = {}
    for other in geometry.views:
        if other == label_key.view:
            continue
        whole = geometry.curve(label_key, other, labeling.volume)
        if whole is not None:
            found[other] = ViewCurve(whole, geometry.likely(label_key, other, whole, expected))
    return found
