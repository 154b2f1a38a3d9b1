"""The videos of a session kept open between proposals: opening four takes as long as a network."""

from __future__ import annotations

import threading
from pathlib import Path

from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.video.video_array import VideoArray, open_video

_Stamp = tuple[int, int]


class OpenVideos:
    """Videos of the session that was asked for last; from any thread, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._videos: dict[Path, tuple[_Stamp, VideoArray]] = {}

    def video(self, session: Session, view: str) -> VideoArray:
        """The video of a view, in colour; opened anew where its file is another one now.

        Raises
        ------
        PoseDataError
            It cannot be opened.
        """
        path = session.videos[view]
        with self._lock:
            others = [each for each in self._videos if each not in session.videos.values()]
            for each in others:
                self._videos.pop(each)[1].close()
            stamp = _stamp(path)
            known = self._videos.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            if known is not None:
                self._videos.pop(path)[1].close()
            # In colour, as litpose reads them: a grey video has a tint that networks learned.
            video = open_video(path, color="rgb")
            self._videos[path] = stamp, video
            return video

    def close(self) -> None:
        """Close them all; the next request opens them again."""
        with self._lock:
            for _, video in self._videos.values():
                video.close()
            self._videos.clear()


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        # Opening it tells why.
        return 0, 0
    return found.st_mtime_ns, found.st_size
