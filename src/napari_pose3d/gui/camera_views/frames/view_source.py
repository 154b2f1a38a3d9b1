"""What the camera views show: taken from our layers in the main viewer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.project_toml import find_own_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.layer_poses import LayerPoses, poses_of
from napari_pose3d.gui.layers.layer_styles import ROLE_KEY, tiles_of
from napari_pose3d.gui.layers.video_layers import VIDEO, VideoLayerData

if TYPE_CHECKING:
    from napari_pose3d.core.video.session_video import SessionVideo
    from napari_pose3d.core.video.video_array import VideoArray

STAGES = ("predicted", "raw", "smoothed")
"""The stages of poses, from first to last."""


@dataclass(eq=False)
class ViewSource:
    """One view of the recording.

    Attributes
    ----------
    view : str
    size : (width, height)
        Of its image in px.
    video : VideoArray or SessionVideo or None
        ``(frame, y, x[, 3])``.
    poses : list of LayerPoses
        What was predicted and smoothed, from back to front.
    """

    view: str
    size: tuple[float, float]
    video: VideoArray | SessionVideo | None = None
    poses: list[LayerPoses] = field(default_factory=list)

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Of all poses, in the order of the first that has them."""
        return tuple(dict.fromkeys(name for each in self.poses for name in each.keypoints))

    def has_image(self, frame: int) -> bool:
        """Whether its video has an image of a frame; also where there is no video."""
        if self.video is None:
            return True
        if frame >= len(self.video):
            return False
        shifted = getattr(self.video, "image_of", None)
        return shifted is None or shifted(frame) >= 0

    def is_like(self, other: ViewSource) -> bool:
        """Whether the other shows the same video and the same arrays."""
        arrays = [(id(each), id(each.positions)) for each in self.poses]
        return (
            self.video is other.video
            and self.size == other.size
            and arrays == [(id(each), id(each.positions)) for each in other.poses]
        )

    def best(self, stages: Sequence[str] = STAGES) -> LayerPoses | None:
        """The poses furthest on in processing, among those of some stages."""
        return best_of(each for each in self.poses if each.stage in stages)


@dataclass(eq=False)
class Scene:
    """All views, and what is known in space.

    Attributes
    ----------
    views : list of ViewSource
    space : LayerPoses or None
        Positions in 3-D.
    raw_space : LayerPoses or None
        Those before smoothing.
    frusta : (segment, 2, 3) or None
        Start and direction of the lines that draw the cameras, (z, y, x).
    skeleton : tuple of (str, str)
    n_frames : int
    """

    views: list[ViewSource]
    space: LayerPoses | None = None
    raw_space: LayerPoses | None = None
    frusta: NDArray[Any] | None = None
    skeleton: tuple[tuple[str, str], ...] = ()
    n_frames: int = 0

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Of all views and of what is in space."""
        names = [name for view in self.views for name in view.keypoints]
        names += [] if self.space is None else self.space.keypoints
        return tuple(dict.fromkeys(names))

    @property
    def palette(self) -> dict[str, int]:
        """Each keypoint's place for `colours.keypoint_rgba`."""
        everything = [each for view in self.views for each in view.poses]
        everything += [] if self.space is None else [self.space]
        found: dict[str, int] = {}
        for poses in everything:
            for name, place in zip(poses.keypoints, poses.palette, strict=True):
                found.setdefault(name, place)
        return found

    @property
    def prediction_sets(self) -> tuple[str, ...]:
        """Names of the prediction sets that are shown, where there are several."""
        found = dict.fromkeys(
            poses.prediction_set
            for view in self.views
            for poses in view.poses
            if poses.stage == "predicted" and poses.prediction_set
        )
        return tuple(found) if len(found) > 1 else ()


def best_of(poses: Iterable[LayerPoses]) -> LayerPoses | None:
    """The poses furthest on in processing; the first of equals; None of none."""
    return max(poses, key=lambda each: STAGES.index(each.stage), default=None)


def shows_poses(layer: Any) -> bool:
    """Whether the views take poses from a layer: of ours, the Points layers, not their Tracks."""
    return type(layer).__name__ == "Points" and poses_of(layer.metadata) is not None


def skeleton_beside(layers: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    """The skeleton of the project that a video lies in; empty where there is none."""
    for layer in layers:
        path = layer.metadata.get("path")
        if layer.metadata.get(ROLE_KEY) == VIDEO and path:
            try:
                own = find_own_project(path)
            except PoseDataError:
                # What is wrong with it is shown to whoever opens the project.
                continue
            if own is not None and own.skeleton:
                return own.skeleton
    return ()


def scene_of(layers: Iterable[Any], skeleton: Sequence[tuple[str, str]] = ()) -> Scene:
    """What our layers show, view by view.

    Parameters
    ----------
    layers : napari layers
    skeleton : pairs of keypoints
    """
    layers = list(layers)
    tiles = tiles_of(layers)
    views: dict[str, ViewSource] = {}
    space, raw_space, frusta, n_frames = None, None, None, 0

    def source(view: str) -> ViewSource:
        if view not in views:
            tile = tiles.get(view)
            size = (640.0, 480.0) if tile is None else (tile.width, tile.height)
            views[view] = ViewSource(view, size)
        return views[view]

    for layer in layers:
        role = layer.metadata.get(ROLE_KEY)
        poses = poses_of(layer.metadata)
        if role == VIDEO and isinstance(layer.data, VideoLayerData):
            found = source(layer.metadata["view"])
            found.video = layer.data.video
            found.size = (float(layer.data.shape[3]), float(layer.data.shape[2]))
            n_frames = max(n_frames, len(layer.data))
        elif role == "cameras" and layer.name == "cameras":
            frusta = np.asarray(layer.data)
        elif poses is not None and shows_poses(layer):
            n_frames = max(n_frames, len(poses.positions))
            if poses.is_3d and poses.stage == "raw":
                raw_space = poses
            elif poses.is_3d:
                space = poses
            elif poses.view:
                source(poses.view).poses.append(poses)
    order = [view for view in tiles if view in views]
    order += [view for view in views if view not in tiles]
    raw_space = None if space is None else raw_space
    sources = [views[view] for view in order]
    return Scene(sources, space, raw_space, frusta, tuple(skeleton), n_frames)
