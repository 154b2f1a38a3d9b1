"""Which frames of a session to label next: few that are unlike each other, by k-means."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.video.decode.decoder_threads import cores
from napari_pose3d.core.video.video_array import VideoArray
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress, never_cancelled, no_progress

from .clusters import principal_components, representatives
from .frame_sampling import Frames, frames_in_all_views, sample_frames
from .session_videos import session_videos
from .thumbnails import Thumbnails, read_thumbnails

MOST_CHOSEN, MOST_CANDIDATES = 1000, 4000
_FEWEST_CANDIDATES = 1000
_PER_CHOSEN = 4
_COMPONENTS = 32
# What compression alone changes in small images, whose brightness goes from 0 to 1.
_NOISE = 2 / 255
# At hundreds of frames a second, hardly anything moves from one to the next.
_LATER = 2
_POLL = 0.1  # seconds


def by_kmeans(
    session: Session,
    n: int,
    *,
    seed: int = 0,
    skip: Iterable[int] = (),
    candidates: int | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> list[int]:
    """Choose frames that are unlike each other, by what all views of the session show.

    A limited number of frames from all over the session is decoded, small and in grey; those
    near keyframes, since they are cheap to decode. The half in which more moves is divided into
    `n` clusters, all views counting the same, and each cluster gives the frame nearest to its
    centre.

    The memory is at most 16 kB for each candidate and view, 50 bytes for each frame of the session,
    and what open videos need: an index (140 MB for a million frames) and a decoder each.

    Parameters
    ----------
    session : Session
    n : int
        How many, up to `MOST_CHOSEN`.
    seed : int
        The same seed gives the same frames.
    skip : iterable of int
        Session frames that are labeled or queued already; never chosen.
    candidates : int, optional
        How many frames are decoded, at most `MOST_CANDIDATES`; 1000, or four for each chosen
        one if that is more.
    progress, cancelled : callable, optional

    Returns
    -------
    list of int
        Session frames that every video has a readable image of, each once; fewer than `n` where
        there are no more. The first stands for the largest cluster, and each of the others is the
        one least like those before it, so the first few alone are a sensible choice, too.

    Raises
    ------
    PoseDataError
        When there is no frame left to choose, a number is invalid, or a video cannot be read.
    Cancelled
        Within 0.1 s and the time in which an image is decoded, or a video is opened.
    """
    n_looked_at = max(_FEWEST_CANDIDATES, _PER_CHOSEN * n) if candidates is None else candidates
    _check_numbers(n, n_looked_at)
    report = progress or no_progress
    is_cancelled = cancelled or never_cancelled
    rng = np.random.default_rng(seed)
    with session_videos(session, "grey", report, is_cancelled) as videos:
        present = frames_in_all_views(session, videos)
        usable = present.copy()
        skipped = np.fromiter(skip, np.int64)
        usable[skipped[(skipped >= 0) & (skipped < len(usable))]] = False
        fewest = min(n_looked_at, _PER_CHOSEN * n)
        frames = sample_frames(
            session, videos, usable, n_looked_at, fewest, _LATER, rng, is_cancelled
        )
        thumbnails = _thumbnails_of(session, videos, frames, report, is_cancelled)
    readable = ~np.any([each.damaged for each in thumbnails.values()], axis=0)
    if not readable.any():
        raise PoseDataError(
            f"session '{session.name}' has no frame left to choose: of {len(present)} frames, "
            f"{int(present.sum())} have an image in all views, and those are labeled, queued or "
            "damaged",
            expected="one frame at least",
        )
    report("Choosing frames", 0, 0)
    kept = _where_something_moves(thumbnails, np.flatnonzero(readable), n)
    small = (each.images[kept] for each in thumbnails.values())
    points = principal_components(small, _COMPONENTS, rng, is_cancelled, _NOISE)
    order = representatives(points, min(n, len(kept)), rng, is_cancelled)
    return [int(frame) for frame in frames[kept[order]]]


def _check_numbers(n: int, candidates: int) -> None:
    if n < 1:
        raise PoseDataError(f"{n} frames are asked for", expected="1 or more")
    if n > MOST_CHOSEN:
        raise PoseDataError(
            f"{n} frames are asked for",
            expected=f"at most {MOST_CHOSEN}",
            todo="Ask for fewer frames, or take every n-th",
        )
    if not n <= candidates <= MOST_CANDIDATES:
        raise PoseDataError(
            f"{n} frames are to be chosen among {candidates}",
            expected=f"at least as many candidates, and at most {MOST_CANDIDATES}",
        )


def _thumbnails_of(
    session: Session,
    videos: Mapping[str, VideoArray],
    frames: Frames,
    progress: Progress,
    cancelled: IsCancelled,
) -> dict[str, Thumbnails]:
    """Small images of session frames in all views, which are read side by side."""
    stop = threading.Event()
    n_read = dict.fromkeys(videos, 0)
    total = 2 * len(frames) * len(videos)

    def read(view: str) -> Thumbnails:
        def step() -> None:
            n_read[view] += 1

        video = videos[view]
        here = session.to_video(view, frames, len(video))
        later = session.to_video(view, frames + _LATER, len(video))
        return read_thumbnails(video, here, later, lambda: not stop.is_set(), step)

    with ThreadPoolExecutor(min(len(videos), cores())) as pool:
        jobs = {view: pool.submit(read, view) for view in videos}
        waiting = set(jobs.values())
        try:
            while waiting:
                progress("Looking through the videos", sum(n_read.values()), total)
                if cancelled():
                    raise Cancelled
                finished, waiting = wait(waiting, _POLL, FIRST_EXCEPTION)
                for job in finished:
                    job.result()
        finally:
            # After an error, too, the other videos need not be read to the end.
            stop.set()
    progress("Looking through the videos", total, total)
    return {view: job.result() for view, job in jobs.items()}


def _where_something_moves(
    thumbnails: Mapping[str, Thumbnails], readable: NDArray[np.intp], n: int
) -> NDArray[np.intp]:
    """The half of the frames in which more moves, ascending; more where that is hardly `n`."""
    # Not in units of each view's own motion: in one that shows nothing, that is noise.
    motion = np.array([each.motion[readable] for each in thumbnails.values()])
    n_views = np.isfinite(motion).sum(axis=0)
    motion = np.nansum(motion, axis=0) / np.maximum(n_views, 1)
    n_kept = min(len(readable), max(-(-len(readable) // 2), 2 * n))
    return np.sort(readable[np.argsort(-motion, kind="stable")[:n_kept]])
