"""What lies around predictions in a project: the videos and the labels of their sessions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.errors import PoseDataError

from .measures.labeled_poses import FEWEST_POSES
from .session_review import USUAL_FPS

if TYPE_CHECKING:
    from napari_pose3d.core.labels.label_arrays import LabelArrays
    from napari_pose3d.core.projects.session import Session


class ReviewProject:
    """The project, or the folder, that predictions lie in.

    Parameters
    ----------
    paths : sequence of paths
        As for `open_project`.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        from napari_pose3d.core.projects.project import open_project

        self._found = open_project([Path(path) for path in paths])
        self._labels: LabelArrays | None = None
        self._queued: frozenset[tuple[str, int]] = frozenset()
        self._read = False

    @property
    def folder(self) -> Path | None:
        """Of a Lightning Pose project; None where there is none."""
        return self._found.folder if self._found.kind == "lightning-pose" else None

    def session(self, name: str) -> Session | None:
        """A session by its name; None where there is none."""
        return next((each for each in self._found.sessions if each.name == name), None)

    def fps(self, name: str) -> float:
        """Of the first video that can be read."""
        session = self.session(name)
        videos = {} if session is None else session.open_videos()
        for view in videos:
            try:
                rate = videos[view].frame_rate
            except PoseDataError:
                continue
            if rate:
                return float(rate)
        return USUAL_FPS

    def rig_image_sizes(self, name: str) -> dict[str, tuple[int, int]]:
        """Of the videos of a session that show the rig's images, px; empty where one is damaged."""
        session = self.session(name)
        try:
            return {} if session is None else session.rig_image_sizes()
        except PoseDataError:
            return {}

    def labels(self) -> LabelArrays | None:
        """All labels of the project; None where there are none."""
        if self._read or self.folder is None:
            return self._labels
        self._read = True
        if any(session.labels for session in self._found.sessions):
            from napari_pose3d.core.labels.files.label_files import LabelFiles
            from napari_pose3d.core.labels.label_arrays import label_arrays

            files = LabelFiles(self._found)
            self._labels = label_arrays(files)
            self._queued = frozenset((key.session, key.frame) for key in files.queued)
        return self._labels

    def labeled(self, name: str) -> set[int]:
        """Frames of a session that have labels or wait for them."""
        labels = self.labels()
        if labels is None:
            return set()
        known = {*labels.frames, *self._queued}
        return {frame for session, frame in known if session == name}

    def label_measures(
        self, name: str, result: Result, wanted: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Measures that need labels: of a session's raw predictions, and of its smoothed poses."""
        from .measures.label_measures import POSE_DISTANCE, measure_against_labels

        labels, session = self.labels(), self.session(name)
        if labels is None or session is None or not labels.frames:
            raise PoseDataError(
                f"the measures {', '.join(wanted)} need labels, and there are none",
                todo="Label frames, or leave these measures out",
            )
        found = measure_against_labels(result, labels, session, wanted)
        if POSE_DISTANCE in wanted:
            distance = self.labeled_distance(result)
            if distance is None:
                raise PoseDataError(
                    f"the measure '{POSE_DISTANCE}' needs at least {FEWEST_POSES} labeled poses",
                    todo="Label more frames, or leave it out",
                )
            found[POSE_DISTANCE] = distance
        return found

    def labeled_distance(self, result: Result) -> NDArray[np.float32] | None:
        """How far each keypoint is from the nearest labeled pose of the project.

        In space where the result is, and sessions with labels have a calibration; else in the
        views. None where too little is labeled; see `labeled_pose_distances`.
        """
        from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

        from .measures.labeled_poses import labeled_pose_distances

        labels = self.labels()
        if labels is None or not labels.frames:
            return None
        poses = result.poses2d
        if result.poses3d is None:
            xy = labels.in_order(poses.views, poses.keypoints)
            return labeled_pose_distances(list(poses.xy), list(xy))
        points = []
        for name in dict.fromkeys(key.session for key in labels.frames):
            session = self.session(name)
            rig = None if session is None else session.load_rig()
            if session is None or rig is None:
                continue
            views = tuple(view for view in rig.names if view in labels.views)
            if len(views) > 1:
                mine = labels.of_session(name).in_rig_pixels(session)
                xy = mine.in_order(views, poses.keypoints)
                points.append(triangulate(rig.subset(views), xy, robust="auto").xyz)
        if not points:
            return None
        return labeled_pose_distances([result.poses3d.xyz], [np.concatenate(points)])

    def images(self, name: str, frame: int) -> dict[str, NDArray[Any]]:
        """The images of a frame by view, of the views whose video can be read there."""
        session = self.session(name)
        out: dict[str, NDArray[Any]] = {}
        videos = {} if session is None else session.open_videos()
        for view in videos:
            assert session is not None
            at = int(session.to_video(view, [frame])[0])
            try:
                video = videos[view]
                if 0 <= at < len(video):
                    image = video[at]
                    if at not in video.damaged:
                        out[view] = image
            except PoseDataError:
                continue
        return out
