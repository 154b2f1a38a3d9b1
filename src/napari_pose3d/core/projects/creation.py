"""Making a project that Lightning Pose reads, and adding recordings to it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from napari_pose3d.core.formats.projects.project_yaml import FILE_NAME, write_project
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.path_lists import AnyPath, Paths, path_list
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .layouts.lightning_pose import home_elsewhere, sort_video, videos_at
from .naming.naming_rule import Naming
from .project import Project, open_project
from .project_toml import project_lock, read_own_project, update_own_project
from .scan.recordings import assemble
from .scan.scanned_files import ScannedFiles
from .scan.table_headers import scorer_of

Mode = Literal["leave", "link", "copy"]
"""Whether videos stay where they are, are linked into ``videos/``, or copied there."""

_VIDEOS_FOLDER = "videos"
_NO_NAME = re.compile(r"[^\w.=+-]+")
_BLOCK = 1 << 22


def create_project(
    folder: AnyPath,
    views: Sequence[str],
    keypoints: Sequence[str],
    *,
    skeleton: Sequence[tuple[str, str]] = (),
    colours: Mapping[str, str] | None = None,
    videos: Paths = (),
    mode: Mode = "leave",
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Project:
    """Make a project: ``project.yaml`` for Lightning Pose, and our own ``project.toml``.

    Parameters
    ----------
    folder : path
        Made where it does not exist. What is in it stays.
    views : sequence of str
        As they are in the names of the videos, ``<session>_<view>``.
    keypoints : sequence of str
    skeleton : sequence of (str, str)
    colours : mapping of keypoint to ``#rrggbb``, optional
    videos : path or several
        Videos, and folders of videos.
    mode : {"leave", "link", "copy"}
        Whether videos stay where they are (Lightning Pose's own app does not see them then), are
        linked into ``videos/``, or copied there.
    progress : callable, optional
        Told (stage, done, total) while videos are copied.
    cancelled : callable, optional

    Returns
    -------
    Project

    Raises
    ------
    PoseDataError
        There is a project already, names cannot be used, or a video belongs to none of the views.
        Nothing has been changed then, nor after `Cancelled`.
    """
    folder = Path(os.path.abspath(folder))
    if (folder / FILE_NAME).exists():
        raise PoseDataError(
            "there is a project here already; nothing was changed",
            file=folder / FILE_NAME,
            todo="Choose another folder, or open this project and add sessions to it",
        )
    _check_names(views, "view")
    _check_names(keypoints, "keypoint")
    strangers = {name for pair in skeleton for name in pair} - set(keypoints)
    if strangers:
        raise PoseDataError(
            f"the skeleton joins {', '.join(sorted(strangers))}",
            expected=f"some of the keypoints {', '.join(keypoints)}",
        )
    found = [path for path in _videos(videos) if not _lies_in_place(path, folder)]
    naming = Naming(tuple(views))
    naming = naming.fitted((naming.stem(path, scorer_of) for path in found), end_wins=True)
    placed = _named(found, naming, {})
    with _videos_in_place(folder, placed, mode, progress, cancelled) as group:
        write_project(group.open(folder / FILE_NAME), views, keypoints)
        update_own_project(
            folder,
            skeleton=skeleton,
            colours=colours,
            videos=[*placed] if placed and mode == "leave" else None,
            group=group,
        )
    return open_project(folder)


def add_sessions(
    project: Project | AnyPath,
    paths: Paths,
    mode: Mode = "leave",
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Project:
    """Add the videos of further recordings to a Lightning Pose project.

    Parameters
    ----------
    project : Project or path
    paths : path or several
        Videos, and folders of videos.
    mode, progress, cancelled
        As for `create_project`.

    Returns
    -------
    Project
        As it is now.

    Raises
    ------
    PoseDataError
        It is no Lightning Pose project, there are no videos, a video belongs to none of the views,
        or its session has one of that view already. Nothing has been changed then.
    """
    opened = project if isinstance(project, Project) else open_project(project)
    if opened.kind != "lightning-pose":
        raise PoseDataError(
            "this is no Lightning Pose project (there is no project.yaml)",
            file=opened.folder,
            todo="Make a project of it first (in napari: tab Session, New…)",
        )
    folder = opened.folder
    naming = opened.naming
    have = {
        (session.name, view): path
        for session in opened.sessions
        for view, path in session.videos.items()
    }
    videos = _named(_videos(paths), naming, have)
    if not videos:
        raise PoseDataError("there are no videos here", expected="videos, or folders of videos")
    with _videos_in_place(folder, videos, mode, progress, cancelled) as group:
        if mode == "leave":
            group.hold(project_lock(folder))
            known = read_own_project(folder).videos
            update_own_project(folder, videos=[*known, *videos], group=group)
    return open_project(folder)


def add_inputs(
    folder: str | os.PathLike[str],
    session: str,
    *,
    predictions: Mapping[str, Mapping[str, Path]] | None = None,
    calibration: Path | None = None,
) -> Project:
    """Copy predictions and a calibration to where Lightning Pose keeps them.

    Parameters
    ----------
    folder : path
        Of a project.
    session : str
    predictions : mapping of prediction set to mapping of view to Path
        Copied to ``models/<set>/video_preds/<session>_<view>``, with their own suffixes.
    calibration : Path, optional
        Copied to ``calibrations/<session>.toml``.

    Returns
    -------
    Project
        As it is then.

    Raises
    ------
    PoseDataError
        When a file is there already, or cannot be read or written. Nothing is changed then.
    """
    folder = Path(folder)
    wanted: dict[Path, Path] = {}
    for name, files in (predictions or {}).items():
        home = folder / "models" / (_NO_NAME.sub("_", name) or "predictions") / "video_preds"
        for view, path in files.items():
            wanted[home / f"{session}_{view}{path.suffix}"] = path
    if calibration is not None:
        wanted[folder / "calibrations" / f"{session}.toml"] = calibration
    with FileGroup() as group:
        for target, source in wanted.items():
            shutil.copyfile(source, group.path(target))
    return open_project(folder)


def _videos(videos: Paths) -> list[Path]:
    found_videos: list[Path] = []
    for each in path_list(videos):
        path = Path(os.path.abspath(each))
        if not path.exists():
            raise PoseDataError(
                "there is no such video or folder", file=path, todo="Check the path"
            )
        found = videos_at(path)
        if not found:
            raise PoseDataError(
                "there is no video here", file=path, expected="a video, or a folder with videos"
            )
        found_videos += found
    return list(dict.fromkeys(found_videos))


def _lies_in_place(video: Path, folder: Path) -> bool:
    """Whether a video is where Lightning Pose looks for it already."""
    inside = video.relative_to(folder).parts if video.is_relative_to(folder) else ()
    return len(inside) > 1 and inside[0].startswith(_VIDEOS_FOLDER)


def _named(
    videos: Sequence[Path], naming: Naming, have: Mapping[tuple[str, str], Path]
) -> dict[Path, str]:
    """The name of each video in ``videos/``: ``<session>_<view>`` with its suffix."""
    found = ScannedFiles(naming)
    for path in videos:
        sort_video(found, path.name, path, home_elsewhere(path))
    if found.unmatched:
        listed = "; ".join(f"{path.name}: {reason}" for path, reason in found.unmatched[:5])
        raise PoseDataError(
            f"{len(found.unmatched)} videos cannot be added ({listed})",
            expected=f"names that hold one of the views {', '.join(naming.views or ())}",
            todo="Rename the videos to <session>_<view>",
        )
    named: dict[Path, str] = {}
    for recording in assemble(found.files, "session"):
        if recording.issues:
            problem = recording.issues[0]
            raise PoseDataError(problem.what, todo=problem.todo)
        for view, path in recording.videos.items():
            other = have.get((recording.name, view))
            if other is not None:
                raise PoseDataError(
                    f"session '{recording.name}' has a video of view {view} already: {other}",
                    file=path,
                    todo="Leave this video out, or rename it",
                )
            stem = recording.name if naming.single else f"{recording.name}_{view}"
            named[path] = f"{stem}{path.suffix}"
    return named


@contextmanager
def _videos_in_place(
    folder: Path,
    videos: Mapping[Path, str],
    mode: Mode,
    progress: Progress | None,
    cancelled: IsCancelled | None,
) -> Iterator[FileGroup]:
    """A group of files that appears together with the videos; without it, none of them does."""
    if mode not in ("leave", "link", "copy"):
        raise PoseDataError(f"the mode is '{mode}'", expected="leave, link or copy")
    # Our own file may be there already; everything else is new.
    for path in (
        [folder / _VIDEOS_FOLDER / name for name in videos.values()] if mode != "leave" else []
    ):
        if path.exists() or path.is_symlink():
            raise PoseDataError("there is such a video already", file=path, todo="Rename the video")
    with _Links() as links, FileGroup(overwrite=True) as group:
        for done, (video, name) in enumerate(videos.items()):
            if mode == "copy":
                if progress is not None:
                    progress(f"Copying {video.name}", done, len(videos))
                _copy(video, group.path(folder / _VIDEOS_FOLDER / name), cancelled)
        # Our own files are asked for before the links: then the group makes and unmakes folders.
        yield group
        for video, name in videos.items() if mode == "link" else ():
            links.add(video, folder / _VIDEOS_FOLDER / name)


class _Links:
    """Links that are all taken back when the block is left by an error."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def __enter__(self) -> _Links:
        return self

    def add(self, video: Path, target: Path) -> None:
        try:
            if not target.parent.exists():
                target.parent.mkdir()
                self._made.append(target.parent)
            target.symlink_to(video)
        except OSError as error:
            self._take_back()
            raise PoseDataError(
                f"the video cannot be linked ({error.strerror or error})",
                file=target,
                todo="Leave the videos where they are, or copy them",
            ) from error
        self._made.append(target)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._take_back()

    def _take_back(self) -> None:
        while self._made:
            path = self._made.pop()
            if path.is_symlink():
                path.unlink()
            else:
                path.rmdir()


def _copy(video: Path, target: Path, cancelled: IsCancelled | None) -> None:
    with video.open("rb") as source, target.open("wb") as copy:
        while block := source.read(_BLOCK):
            if cancelled is not None and cancelled():
                raise Cancelled
            copy.write(block)
    shutil.copystat(video, target)


def _check_names(names: Sequence[str], what: str) -> None:
    if not names:
        raise PoseDataError(f"no {what} was named", expected=f"the names of the {what}s")
    for i, name in enumerate(names):
        if not name.strip() or name != name.strip():
            raise PoseDataError(f"'{name}' is no name of a {what}", expected="a word")
        if name in names[:i]:
            raise PoseDataError(f"the {what} {name} is named twice", todo="Remove one")
        if what == "view" and not all(c.isalnum() or c in "-_." for c in name):
            raise PoseDataError(
                f"the view '{name}' cannot be in the name of a file",
                expected="letters, digits and -",
            )
