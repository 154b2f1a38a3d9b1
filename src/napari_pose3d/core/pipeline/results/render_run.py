"""A session as a video: keypoints over all views, and in space beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig, qt_settings_kept
from napari_pose3d.core.formats.exchange.session_poses import SessionPoses
from napari_pose3d.core.formats.exchange.side_file import write_side_file
from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.frame_selection.session_videos import session_videos
from napari_pose3d.core.labels.label_arrays import label_arrays
from napari_pose3d.core.pipeline.exchange.poses_of_session import poses_of_session
from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.core.poses.palette import keypoint_hex
from napari_pose3d.core.projects.project import Project, open_paths
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.atomic_files import FileGroup, refuse_existing
from napari_pose3d.core.storage.input_files import refuse_inputs
from napari_pose3d.core.storage.path_lists import AnyPath, Paths
from napari_pose3d.core.video.rendering.pose_drawing import Image, PoseDrawing, write
from napari_pose3d.core.video.rendering.space_drawing import BACKGROUND, SpaceDrawing
from napari_pose3d.core.video.rendering.tiling import Cell, Tiling, tile
from napari_pose3d.core.video.rendering.video_writer import VideoWriter
from napari_pose3d.core.video.session_video import SessionVideo
from napari_pose3d.core.video.video_array import VideoArray
from napari_pose3d.errors import Cancelled, PoseDataError, Remedy
from napari_pose3d.settings import (
    IsCancelled,
    Progress,
    ReadingSettings,
    RenderSettings,
    never_cancelled,
    no_progress,
)
from napari_pose3d.wording import counted

_SUFFIX = ".mp4"
# Time stamps of cameras jitter; no camera's rate needs more digits.
_LARGEST_DENOMINATOR = 10_000
_STAGE = "Rendering"


@dataclass(frozen=True)
class Rendered:
    """What was rendered.

    Attributes
    ----------
    file : Path
    n_frames : int
    fps : float
    size : (int, int)
        Width and height, px.
    notes : tuple of str
        What could not be shown.
    """

    file: Path
    n_frames: int
    fps: float
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


def render_session(
    paths: Paths,
    out: AnyPath,
    settings: RenderSettings | None = None,
    *,
    session: str | None = None,
    prediction_set: str | None = None,
    reading: ReadingSettings | None = None,
    calibration: AnyPath | None = None,
    fps: float | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Rendered:
    """Draw the poses of a session over its videos, and write that as a video.

    Every session frame is shown, at the rate of the recording. Where a view has no image, it is
    grey. Only a few images are in memory at a time.

    Parameters
    ----------
    paths : path or several
        A project, a folder, or files of one session.
    out : path
        The file to write, ``.mp4``: H.264, yuv420p.
    settings : RenderSettings, optional
    session : str, optional
        Which one, where there are several.
    prediction_set : str, optional
        Not given: the smoothed result, else the only 3-D positions, else the only predictions.
    reading : ReadingSettings, optional
        ``keypoints`` and ``individual`` choose some.
    calibration : path, optional
        Not given: the session's own.
    fps : float, optional
        Frames a second; not given: what a video of the session states.
    overwrite : bool
        Whether the file may be replaced.

    Returns
    -------
    Rendered

    Raises
    ------
    PoseDataError
        There is no video or no set of poses, what was asked for is not known of it, or the file
        exists. Nothing has been written then.
    Cancelled
        `cancelled` returned True; nothing has been written then.
    """
    settings = settings or RenderSettings()
    progress = progress or no_progress
    is_cancelled = cancelled or never_cancelled
    path = Path(out)
    if path.suffix.lower() != _SUFFIX:
        raise PoseDataError("rendered videos are MP4 files", file=path, expected="a name in .mp4")
    if not overwrite:
        refuse_existing([path])
    project = open_paths(paths)
    found = _with_views(project.session_or_only(session), settings.views)
    poses = poses_of_session(
        found,
        prediction_set,
        reading=replace(reading or ReadingSettings(), views=()),
        calibration=calibration,
        fps=fps,
        pixels="image",
        progress=progress,
        cancelled=is_cancelled,
    )
    refuse_inputs([path], poses.sources)
    if poses.fps is None:
        poses.rate("a video")
    with qt_settings_kept():
        import cv2  # noqa: F401 - before threads want it
    rig = _rig_of(found, calibration)
    shown = poses.poses2d if poses.poses2d is not None else _projected(found, poses, rig)
    if settings.uncertainty and shown.variance is None:
        raise PoseDataError(
            "this set of poses has no uncertainty to draw",
            todo="Smooth the session, or choose its smoothed result",
            remedy=Remedy("set"),
        )
    labels = _labels_of(project, found, shown.keypoints) if settings.labels else {}
    with session_videos(found, "rgb", progress, is_cancelled) as videos:
        scene = _Scene(found, videos, poses, shown, rig, labels, settings)
        numbers = _frames_of(settings.frames, scene.n_frames, found.name)
        rate = Fraction(poses.fps or 0).limit_denominator(_LARGEST_DENOMINATOR)
        tiling = scene.tiling
        with FileGroup(overwrite=overwrite) as files:
            draft = files.path(path)
            with (
                VideoWriter(draft, tiling.width, tiling.height, rate) as writer,
                ThreadPoolExecutor(len(videos)) as pool,
            ):
                for done, number in enumerate(numbers):
                    progress(_STAGE, done, len(numbers))
                    writer.write(scene.draw(number, float(rate), pool, is_cancelled))
            # It says to the next look into the folder that this is no camera's video.
            write_side_file(poses, path, files)
            progress(_STAGE, len(numbers), len(numbers))
        notes = _damage(videos)
    if settings.space and poses.poses3d is None and rig is not None:
        notes.append("there are no 3-D positions: smooth or triangulate the session to see them")
    return Rendered(path, len(numbers), float(rate), (tiling.width, tiling.height), tuple(notes))


class _Scene:
    """Everything that is drawn, frame by frame."""

    def __init__(
        self,
        session: Session,
        videos: Mapping[str, VideoArray],
        poses: SessionPoses,
        shown: Poses2D,
        rig: Rig | None,
        labels: Mapping[tuple[str, int], NDArray[np.float64]],
        settings: RenderSettings,
    ) -> None:
        self._session, self._shown, self._labels, self._settings = session, shown, labels, settings
        self.n_frames = session.n_frames({view: len(video) for view, video in videos.items()})
        frames = np.arange(self.n_frames)
        self._videos = {
            view: SessionVideo(video, session.to_video(view, frames, len(video)))
            for view, video in videos.items()
        }
        self._space = poses.poses3d if settings.space else None
        sizes = {view: (video.shape[2], video.shape[1]) for view, video in videos.items()}
        self.tiling: Tiling = tile(sizes, self._space is not None, settings.scale)
        bones = poses.bone_indices() if settings.skeleton else np.empty((0, 2), np.int64)
        height = max(cell.height for cell in self.tiling.images.values())
        colours = keypoint_hex(shown.keypoints, session.colours, settings.colours)
        self._drawing = PoseDrawing(shown.keypoints, bones, colours, height)
        self._space_drawing = None
        if self._space is not None and self.tiling.space is not None:
            cell = self.tiling.space
            # Where the floor is, a part in which the animal stands still does not tell.
            self._space_drawing = SpaceDrawing(
                self._space.xyz,
                self._drawing,
                (cell.width, cell.height),
                None if rig is None else rig.centres,
            )

    def draw(
        self, number: int, rate: float, pool: ThreadPoolExecutor, cancelled: IsCancelled
    ) -> Image:
        """One session frame with all its views, ``(y, x, 3)``."""
        tiling = self.tiling
        image: Image = np.full((tiling.height, tiling.width, 3), BACKGROUND, np.uint8)

        def draw_view(view: str) -> bool:
            return self._draw_view(_part(image, tiling.images[view]), view, number, cancelled)

        # Decoding, resizing and drawing let go of Python's lock.
        done = list(pool.map(draw_view, self._videos))
        if not all(done) or cancelled():
            raise Cancelled
        space, drawing = self._space, self._space_drawing
        if space is not None and drawing is not None and tiling.space is not None:
            n_known = len(space.xyz)
            xyz = space.xyz[number] if number < n_known else np.full(space.xyz.shape[1:], np.nan)
            hollow = space.inferred[number] if number < n_known else None
            _part(image, tiling.space)[:] = drawing.draw(xyz, hollow)
        strip = tiling.strip
        size = 0.8 * strip.height
        baseline = strip.y + 0.7 * strip.height
        write(image, self._session.name, (0.5 * size, baseline), size)
        moment = f"frame {number}   {number / rate:.3f} s"
        write(image, moment, (strip.width - 0.5 * size, baseline), size, right=True)
        return image

    def _draw_view(self, part: Image, view: str, number: int, cancelled: IsCancelled) -> bool:
        """Draw a view into its part; False when it was given up."""
        import cv2

        video = self._videos[view]
        original = video.frame(number, lambda: not cancelled())
        if original is None:
            return False
        height, width = part.shape[:2]
        # OpenCV's pixel centres are those of our coordinates.
        sx, sy = width / original.shape[1], height / original.shape[0]
        if (sx, sy) == (1, 1):
            part[:] = original
        else:
            kind = cv2.INTER_AREA if sx < 1 else cv2.INTER_LINEAR
            part[:] = cv2.resize(original, (width, height), interpolation=kind)
        stretch = np.array([sx, sy])
        drawing, shown = self._drawing, self._shown
        if view in shown.views and number < shown.n_frames:
            v = shown.views.index(view)
            xy = (shown.xy[v, number] + 0.5) * stretch - 0.5
            if self._settings.uncertainty and shown.variance is not None:
                drawing.draw_ellipses(part, xy, shown.variance[v, number] * stretch**2)
            hollow = None
            if self._space is not None and number < len(self._space.inferred):
                hollow = self._space.inferred[number]
            drawing.draw(part, xy, hollow=hollow, names=self._settings.names)
        labels = self._labels.get((view, number))
        if labels is not None:
            drawing.draw_labels(part, (labels + 0.5) * stretch - 0.5)
        text = max(14.0, 0.04 * height)
        write(part, view, (0.4 * text, 1.1 * text), text)
        return True


def _part(image: Image, cell: Cell) -> Image:
    return image[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width]


def _with_views(session: Session, views: Sequence[str]) -> Session:
    """The session with the videos of these views only, in this order."""
    absent = [view for view in views if view not in session.videos]
    if absent:
        raise PoseDataError(
            f"session '{session.name}' has no video of {', '.join(absent)}",
            expected=f"some of {', '.join(session.videos) or 'none: it has no videos'}",
            remedy=Remedy("views"),
        )
    if not views:
        return session
    rest = tuple(view for view in session.views if view not in views)
    # Results lie with all views; only videos are chosen.
    return replace(
        session, views=(*views, *rest), videos={view: session.videos[view] for view in views}
    )


def _rig_of(session: Session, calibration: AnyPath | None) -> Rig | None:
    if calibration is None:
        return session.load_rig()
    from napari_pose3d.core.cameras.rig_file import load_rig

    return load_rig(calibration).renamed(session.cameras)


def _projected(session: Session, poses: SessionPoses, rig: Rig | None) -> Poses2D:
    """Positions in space as the cameras see them, in px of the videos."""
    space = poses.poses3d
    assert space is not None
    views = () if rig is None else tuple(v for v in session.videos if v in rig.names)
    xy = np.full((len(views), *space.xyz.shape[:2], 2), np.nan, np.float32)
    if rig is not None and views:
        frames = np.arange(space.n_frames)
        for v, seen in enumerate(rig.subset(views).project(space.xyz)):
            images = session.to_video(views[v], frames)[:, None]
            images = np.broadcast_to(images, seen.shape[:-1])
            xy[v] = session.to_video_pixels(views[v], seen, images)
    likelihood = np.full(xy.shape[:-1], np.nan, np.float32)
    return Poses2D(xy, likelihood, views, space.keypoints, session=session.name)


def _labels_of(
    project: Project, session: Session, keypoints: Sequence[str]
) -> dict[tuple[str, int], NDArray[np.float64]]:
    """What was labeled, ``(keypoint, 2)`` px of the video, by view and session frame."""
    found = label_arrays(LabelFiles(project), {session.name})
    known = [(k, found.keypoints.index(name)) for k, name in enumerate(keypoints)
             if name in found.keypoints]  # fmt: skip
    labels = {}
    for v, view in enumerate(found.views):
        for f, key in enumerate(found.frames):
            xy: NDArray[Any] = np.full((len(keypoints), 2), np.nan)
            for k, other in known:
                xy[k] = found.xy[v, f, other]
            if np.isfinite(xy).any():
                labels[view, key.frame] = xy
    return labels


def _frames_of(wanted: tuple[int | None, int | None], n_frames: int, session: str) -> range:
    first, last = wanted[0] or 0, n_frames if wanted[1] is None else wanted[1]
    if first >= n_frames or last > n_frames:
        raise PoseDataError(
            f"session '{session}' has {n_frames} frames",
            place="frames",
            expected=f"a range within 0:{n_frames}",
        )
    return range(first, last)


def _damage(videos: Mapping[str, VideoArray]) -> list[str]:
    return [
        f"{video.path.name} is damaged: {counted(len(video.damaged), 'frame')} could not be read"
        for video in videos.values()
        if video.damaged
    ]
