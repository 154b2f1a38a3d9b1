"""Small projects with label files on disk, with known labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.store.label import FrameKey, Label, LabelKey, LabelStatus, Visibility
from napari_pose3d.core.projects.project import open_project
from tests.support.projects.session_files import touch

VIEWS = ("top", "side", "front")
KEYPOINTS = ("nose", "tail")
SESSION = "day1"


def header(keypoints: Sequence[str] = KEYPOINTS, visible: bool = False, scorer: str = "me") -> str:
    kinds = ["x", "y", *(["visible"] if visible else [])]
    n = len(keypoints) * len(kinds)
    rows = (
        ["scorer", *[scorer] * n],
        ["bodyparts", *[name for name in keypoints for _ in kinds]],
        ["coords", *kinds * len(keypoints)],
    )
    return "".join(",".join(row) + "\n" for row in rows)


def image(view: str, frame: int, session: str = SESSION) -> str:
    return f"labeled-data/{session}_{view}/img{frame:08d}.png"


def label_project(
    folder: Path,
    rows: Mapping[int, str] | None = None,
    *,
    views: Sequence[str] = VIEWS,
    visible: bool = False,
    keypoints: Sequence[str] = KEYPOINTS,
) -> Path:
    """A project with videos (empty files) of one session, and the same cells in every view.

    Parameters
    ----------
    rows : mapping of frame to text
        The cells of its line; without any there are no label files.
    """
    listed = ", ".join(f'"{view}"' for view in views)
    names = ", ".join(keypoints)
    touch(folder / "project.yaml", f"view_names: [{listed}]\nkeypoint_names: [{names}]\n")
    for view in views:
        touch(folder / "videos" / f"{SESSION}_{view}.mp4")
        if rows is not None:
            lines = "".join(f"{image(view, frame)},{text}\n" for frame, text in rows.items())
            table = header(keypoints, visible) + lines
            touch(folder / f"CollectedData_{view}.csv", table)
    return folder


def files_of(folder: Path) -> LabelFiles:
    return LabelFiles(open_project(folder))


def clicked(x: float, y: float, **changes: object) -> Label:
    return Label(
        (x, y), LabelStatus.CLICKED, Visibility.VISIBLE, "ann", "2026-01-02T03:04:05Z", **changes
    )  # type: ignore[arg-type]


def key(frame: int, session: str = SESSION) -> FrameKey:
    return FrameKey(session, frame)


def label_key(view: str = "top", keypoint: str = "nose") -> LabelKey:
    return LabelKey(view, keypoint)


def text_of(folder: Path, view: str) -> str:
    return (folder / f"CollectedData_{view}.csv").read_bytes().decode()
