"""What the layers predict about a frame: proposals for labels, and where points are expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.labels.geometry.keypoint_priors import ExpectedPoints
from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.projects.session import Session
from napari_pose3d.gui.camera_views.canvas.input_events import Point
from napari_pose3d.gui.camera_views.canvas.overlays import at_frame
from napari_pose3d.gui.camera_views.frames.view_source import Scene

_SD = 3.0  # px; what a prediction is trusted to when it has no variance of its own


def proposals(
    scene: Scene, frame: int, keypoints: Sequence[str]
) -> dict[LabelKey, tuple[Point, float | None]]:
    """Positions in a frame by the poses furthest on in processing, with their likelihood.

    Parameters
    ----------
    scene : Scene
        Poses in px of the videos.
    keypoints : sequence of str
        Others are left out.
    """
    found: dict[LabelKey, tuple[Point, float | None]] = {}
    for source in scene.views:
        best = source.best()
        if best is None:
            continue
        xy = at_frame(best.positions, frame)
        likelihood = None if best.confidence is None else at_frame(best.confidence, frame)
        for k, name in enumerate(best.keypoints):
            if name in keypoints and np.isfinite(xy[k]).all():
                sure = None if likelihood is None else float(likelihood[k])
                known = sure is not None and np.isfinite(sure)
                at = (float(xy[k, 0]), float(xy[k, 1]))
                found[LabelKey(source.view, name)] = (at, sure if known else None)
    return found


class Expected(Mapping[int, ExpectedPoints]):
    """Where the layers' poses put the keypoints in space, frame by frame.

    Parameters
    ----------
    scene : Scene
    session : Session
    rig : Rig
    keypoints : sequence of str
    """

    def __init__(self, scene: Scene, session: Session, rig: Rig, keypoints: Sequence[str]) -> None:
        self._scene, self._session, self._rig = scene, session, rig
        self._keypoints = tuple(keypoints)
        self._known: dict[int, ExpectedPoints] = {}

    def __getitem__(self, frame: int) -> ExpectedPoints:
        if not 0 <= frame < self._scene.n_frames:
            raise KeyError(frame)
        if frame not in self._known:
            self._known[frame] = self._expected(frame)
        return self._known[frame]

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._scene.n_frames))

    def __len__(self) -> int:
        return self._scene.n_frames

    def _expected(self, frame: int) -> ExpectedPoints:
        xy = np.full((len(self._rig.names), len(self._keypoints), 2), np.nan)
        for label_key, (at, _) in proposals(self._scene, frame, self._keypoints).items():
            if label_key.view in self._rig.names:
                video = int(self._session.to_video(label_key.view, frame))
                v, k = (
                    self._rig.names.index(label_key.view),
                    self._keypoints.index(label_key.keypoint),
                )
                xy[v, k] = self._session.to_rig_pixels(label_key.view, at, video)
        found = triangulate(self._rig, xy, np.full(xy.shape[:2], 1 / _SD**2), robust="auto")
        return ExpectedPoints(found.xyz, found.covariance)
