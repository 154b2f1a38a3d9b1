"""A whole session predicted by an exported network on the CPU, without ``litpose``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.core.projects.naming.file_names import SINGLE_VIEW
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .exported_network import ExportedNetwork

_AT_ONCE = 4


def predict_session(
    network: ExportedNetwork,
    session: Session,
    folder: Path,
    *,
    scorer: str = "heatmap_tracker",
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> list[Path]:
    """Predict all frames and write the tables where Lightning Pose would.

    Parameters
    ----------
    network : ExportedNetwork
    session : Session
        With a video of each of the network's views.
    folder : Path
        The network's; tables go to ``video_preds/<session>_<view>.csv``.
    scorer : str
        For the header.
    progress, cancelled
        As for `smooth`.

    Returns
    -------
    list of Path

    Raises
    ------
    PoseDataError
        A video is missing, videos differ in their number of frames, or nothing can be written.
    Cancelled
        `cancelled` returned True; nothing was written.
    """
    lacking = [view for view in network.views if view not in session.videos]
    if lacking:
        raise PoseDataError(
            f"session '{session.name}' has no video of view {', '.join(lacking)}",
            file=session.folder,
            todo="Choose networks that were trained on the views of this session",
        )
    with ExitStack() as stack:
        videos = {}
        for view in network.views:
            # In colour, as litpose reads them: a grey video has a tint that networks learned.
            videos[view] = open_video(session.videos[view], color="rgb")
            stack.callback(videos[view].close)
        counts = {view: len(videos[view]) for view in network.views}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{view} {n}" for view, n in counts.items())
            raise PoseDataError(
                f"the videos of session '{session.name}' have different numbers of frames",
                file=session.folder,
                place=listed,
                expected="the same number in each view",
            )
        n_frames = next(iter(counts.values()))
        shape = (len(network.views), n_frames, len(network.keypoints))
        xy, likelihood = np.empty((*shape, 2), np.float32), np.empty(shape, np.float32)
        for start in range(0, n_frames, _AT_ONCE):
            if cancelled is not None and cancelled():
                raise Cancelled
            if progress is not None:
                progress(f"predicting {session.name}", start, n_frames)
            numbers = range(start, min(n_frames, start + _AT_ONCE))
            frames = [
                {view: np.asarray(videos[view][n]) for view in network.views} for n in numbers
            ]
            for n, found in zip(numbers, network.predict_batch(frames), strict=True):
                xy[:, n], likelihood[:, n] = found.xy, found.likelihood
    poses = Poses2D(xy=xy, likelihood=likelihood, views=network.views, keypoints=network.keypoints)
    written = []
    with FileGroup(overwrite=True) as group:
        for view in network.views:
            stem = session.videos[view].stem if view == SINGLE_VIEW else f"{session.name}_{view}"
            path = folder / "video_preds" / f"{stem}.csv"
            write_prediction_csv(group.open(path), poses, view=view, scorer=scorer)
            written.append(path)
    return written
