"""Writing the images of frames to be labeled, from all videos of a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_pose3d.core.formats.projects.project_yaml import FILE_NAME
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import open_input
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.video.decode.decoder_threads import cores
from napari_pose3d.core.video.frame_export import encode_png
from napari_pose3d.core.video.video_array import VideoArray
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress, never_cancelled, no_progress

from ..frame_selection.session_videos import session_videos
from .image_names import SessionImages

_STAGE = "Writing images"
CONTEXT = 2
"""Lightning Pose's networks with context look at so many frames before and after a labeled one."""


@dataclass(frozen=True, order=True)
class Refused:
    """A frame that cannot be labeled, because of one view.

    Attributes
    ----------
    frame : int
    view : str
    reason : str
    """

    frame: int
    view: str
    reason: str

    def __str__(self) -> str:
        return f"frame {self.frame} has no image in view {self.view}: {self.reason}"


@dataclass(frozen=True)
class Extracted:
    """What became of the frames that were asked for.

    Attributes
    ----------
    frames : tuple of int
        Those whose image is there now in every view, ascending.
    written : tuple of Path
        The new images, those of neighbouring frames included.
    refused : tuple of Refused
        The others, once for each view that is to blame.
    """

    frames: tuple[int, ...]
    written: tuple[Path, ...]
    refused: tuple[Refused, ...]


def extract_images(
    session: Session,
    frames: Iterable[int],
    *,
    context: int = CONTEXT,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Extracted:
    """Write the images of frames, and of their neighbours, in every view that has a video.

    They become ``labeled-data/<session>_<view>/img<frame>.png``, named by session frame in every
    view; where a session has images already, new ones are named as those are. An image that is
    there is left as it is. A neighbour that a view has no image of is left out: Lightning Pose
    takes the labeled image in its place. All new images appear together, or none of them.

    A frame that some view has no readable image of is not written in any view and is returned
    with the reason; the other frames are written all the same.

    Parameters
    ----------
    session : Session
    frames : iterable of int
        Session frames.
    context : int
        How many frames before and after each are written as well.
    progress, cancelled : callable, optional

    Returns
    -------
    Extracted

    Raises
    ------
    PoseDataError
        When the session has no videos, a video cannot be opened, an image that is there has
        another size than the video, or the folder cannot be written to.
    Cancelled
        Nothing has been written then.
    """
    wanted = sorted({int(frame) for frame in frames})
    if context < 0:
        raise PoseDataError(f"{context} neighbouring frames are asked for", expected="0 or more")
    report = progress or no_progress
    is_cancelled = cancelled or never_cancelled
    refuse_unsafe_names(session.views, "view", session.folder / FILE_NAME)
    names = SessionImages(session)
    with session_videos(session, "auto", report, is_cancelled) as videos:
        _check_sizes(names, videos, wanted)
        refused = [
            each for view in videos for each in _absent(session, videos, names, view, wanted)
        ]
        hopeless = {each.frame for each in refused}
        possible = [frame for frame in wanted if frame not in hopeless]
        job = _Job(session, videos, names, context, is_cancelled)
        with (
            FileGroup(cancelled=is_cancelled) as group,
            ThreadPoolExecutor(min(len(videos), cores())) as pool,
        ):
            for done, frame in enumerate(possible):
                report(_STAGE, done, len(possible))
                read = pool.map(job.read, videos, [frame] * len(videos))
                images = dict(zip(videos, read, strict=True))
                damaged = [view for view in videos if images[view].get(frame, b"") is None]
                refused += [Refused(frame, view, "the video is damaged there") for view in damaged]
                if not damaged:
                    job.write(group, images)
            report(_STAGE, len(possible), len(possible))
            if is_cancelled():
                raise Cancelled
    bad = {each.frame for each in refused}
    done_frames = tuple(frame for frame in wanted if frame not in bad)
    return Extracted(done_frames, group.targets, tuple(sorted(refused)))


class _Job:
    """Reads and writes the images of one frame after the other, each video forward once."""

    def __init__(
        self,
        session: Session,
        videos: Mapping[str, VideoArray],
        names: SessionImages,
        context: int,
        cancelled: IsCancelled,
    ) -> None:
        self._session, self._videos, self._names = session, videos, names
        self._context, self._cancelled = context, cancelled
        self._written: dict[str, set[int]] = {view: set() for view in videos}

    def read(self, view: str, frame: int) -> dict[int, bytes | None]:
        """The images still to be written for a frame in a view, as PNG; None where damaged."""
        video, names = self._videos[view], self._names
        around = np.arange(max(0, frame - self._context), frame + self._context + 1)
        images: dict[int, bytes | None] = {}
        video_frames = self._session.to_video(view, around, len(video))
        for number, place in zip(around.tolist(), video_frames.tolist(), strict=True):
            there = names.is_there(view, number) or number in self._written[view]
            if place < 0 or there or not names.is_png(view, number):
                continue
            image = video.frame(place, lambda: not self._cancelled())
            if image is None:
                raise Cancelled
            damaged = place in video.damaged
            images[number] = None if damaged else encode_png(image, video.bits)
        return images

    def write(self, group: FileGroup, images: Mapping[str, Mapping[int, bytes | None]]) -> None:
        """Write what `read` gave for all views."""
        for view, of_view in images.items():
            for number, content in of_view.items():
                if self._cancelled():
                    raise Cancelled
                if content is not None:
                    group.path(self._names.path(view, number)).write_bytes(content)
                    self._written[view].add(number)


def _absent(
    session: Session,
    videos: Mapping[str, VideoArray],
    names: SessionImages,
    view: str,
    frames: Sequence[int],
) -> list[Refused]:
    """The frames that a view cannot have an image of, by what is known about its video."""
    length = len(videos[view])
    offset = session.alignment(view).offset
    refused = []
    for frame, place in zip(frames, session.to_video(view, frames).tolist(), strict=True):
        if names.is_there(view, frame):
            continue
        if not names.is_png(view, frame):
            name = names.path(view, frame).name
            reason = f"in another view it is {name}, and new images are PNG"
        elif frame < max(0, offset):
            reason = f"its first frame is {max(0, offset)}"
        elif place < 0:
            reason = "its camera lost this frame"
        elif place >= length:
            reason = f"its last frame is {session.to_session(view, length - 1)}"
        else:
            continue
        refused.append(Refused(frame, view, reason))
    return refused


def _check_sizes(
    names: SessionImages, videos: Mapping[str, VideoArray], frames: Sequence[int]
) -> None:
    """Refuse to go on where images that are there cannot be of the session's videos."""
    for view, video in videos.items():
        height, width = video.shape[1:3]
        for frame in frames:
            if not names.is_there(view, frame):
                continue
            path = names.path(view, frame)
            size = _size_of(path)
            if size != (width, height):
                raise PoseDataError(
                    f"the image has {size[0]} x {size[1]} px",
                    file=path,
                    expected=f"{width} x {height} px, the size of the video {video.path.name}",
                    todo="Check that the video is the one that was labeled; else move the old "
                    "images away",
                )


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height of an image file in px."""
    import av

    try:
        with open_input(path) as stream, av.open(stream) as image:
            shown = image.streams.video[0].codec_context
            size = (shown.width, shown.height)
    except (PoseDataError, av.FFmpegError, OSError, IndexError):
        size = (0, 0)
    if min(size) < 1:
        raise PoseDataError(
            "cannot be read as an image", file=path, todo="Remove it, and add the frame again"
        )
    return size
