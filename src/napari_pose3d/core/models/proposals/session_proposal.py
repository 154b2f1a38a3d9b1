"""Keypoints proposed for a frame of a session: images from its videos, pixels of its videos."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError

from .exported_network import ExportedNetwork
from .frame_proposal import FrameProposal, propose_frame
from .open_videos import OpenVideos


def propose_session_frame(
    network: ExportedNetwork,
    session: Session,
    frame: int,
    rig: Rig | None = None,
    *,
    videos: OpenVideos | None = None,
) -> FrameProposal:
    """Propose the keypoints of a frame; positions are px of the videos.

    Parameters
    ----------
    network : ExportedNetwork
    session : Session
        With a video of each of the network's views.
    frame : int
        Of the session.
    rig : Rig, optional
        Cameras with the names of the views, as `Session.load_rig` gives them.
    videos : OpenVideos, optional
        Keeps the videos open for the next frame; not given: they are closed again.

    Raises
    ------
    PoseDataError
        A video is missing, has no image of the frame or cannot be read, or the network fails.
    """
    lacking = [view for view in network.views if view not in session.videos]
    if lacking:
        raise PoseDataError(
            f"session '{session.name}' has no video of view {', '.join(lacking)}, and the network "
            f"needs {', '.join(network.views)}",
            file=network.path,
            todo="Choose a network that was trained on these views",
        )
    numbers: dict[str, int] = {}
    opened = OpenVideos() if videos is None else videos
    try:
        images = {view: _image(opened, session, view, frame, numbers) for view in network.views}
    finally:
        if videos is None:
            opened.close()
    return propose_frame(
        network,
        images,
        rig,
        to_rig=partial(_convert, session.to_rig_pixels, numbers),
        to_video=partial(_convert, session.to_video_pixels, numbers),
    )


def _image(
    videos: OpenVideos, session: Session, view: str, frame: int, numbers: dict[str, int]
) -> NDArray[Any]:
    video = videos.video(session, view)
    number = int(session.to_video(view, frame, len(video)))
    image = video.frame(number) if number >= 0 else None
    if image is None or number in video.damaged:
        raise PoseDataError(
            f"there is no image of frame {frame:,}",
            file=session.videos[view],
            todo="Go to a frame of which each view has an image",
        )
    numbers[view] = number
    return np.asarray(image)


def _convert(
    conversion: Any, numbers: Mapping[str, int], view: str, xy: NDArray[np.float64]
) -> NDArray[np.float64]:
    found: NDArray[np.float64] = conversion(view, xy, np.full(len(xy), numbers[view]))
    return found
