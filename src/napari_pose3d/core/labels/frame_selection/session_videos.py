"""The videos of a session, opened for reading through rather than for looking at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.video.decode.image_conversion import Colour
from napari_pose3d.core.video.video_array import VideoArray, open_video
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

_STAGE = "Opening videos"


@contextmanager
def session_videos(
    session: Session, colour: Colour, progress: Progress, cancelled: IsCancelled
) -> Iterator[dict[str, VideoArray]]:
    """The videos by view, in the order of the session's views; closed at the end of the block.

    They keep no images, so that a job neither needs memory for them nor drives those of the
    videos on the screen out of the common cache.

    Raises
    ------
    PoseDataError
        When the session has no videos, or one of them cannot be opened.
    Cancelled
    """

    def look(done: int, total: int) -> None:
        if cancelled():
            raise Cancelled

    views = [view for view in session.views if view in session.videos]
    if not views:
        raise PoseDataError(
            f"session '{session.name}' has no videos", expected="a video of one view at least"
        )
    with ExitStack() as stack:
        videos = {}
        for done, view in enumerate(views):
            progress(_STAGE, done, len(views))
            look(0, 0)
            video = open_video(session.videos[view], color=colour, cache_bytes=0, report=look)
            videos[view] = stack.enter_context(video)
        yield videos
