"""What ``project.toml`` says about predictions that lie in a project."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from napari_pose3d.core.errors import PoseDataError

from ..matching.match_table import MatchTable
from ..naming import home_of, is_own_result, name_with_home
from ..project_toml import OwnProject, find_own_project
from .view_alignment import EnsembleAlignment, ViewAlignment


def alignment_of(table: MatchTable) -> EnsembleAlignment | None:
    """What is to be done to the predictions of one session; None for nothing.

    Networks' predictions count video frames and the video's pixels, and become session frames and
    the rig's pixels. Our own results are that already.

    Raises
    ------
    PoseDataError
        When ``napari-pose3d/project.toml`` is damaged, or our results are mixed with predictions.
    """
    paths = sorted({row.path for row in table.rows})
    own = find_own_project(paths[0].parent)
    if own is None:
        return None
    session = _as_in_overview(table.sessions[0], paths[0], own)
    views = {
        view: alignment
        for view, alignment in own.alignments(session, table.views).items()
        if not alignment.is_identity
    }
    if not views:
        return None
    ours = {is_own_result(path, own.folder) for path in paths}
    if len(ours) > 1:
        raise PoseDataError(
            "results of napari-pose3d and other predictions are mixed, and they count other "
            "frames: the project shifts or crops its views",
            expected="files of one kind",
            todo="Give only the networks' predictions",
        )
    return None if ours == {True} else EnsembleAlignment(views)


def skeleton_of(table: MatchTable, keypoints: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The bones of the project that the predictions lie in, as far as both ends are known.

    Raises
    ------
    PoseDataError
        When ``napari-pose3d/project.toml`` is damaged.
    """
    own = find_own_project(min(row.path for row in table.rows).parent)
    if own is None:
        return ()
    return tuple((a, b) for a, b in own.skeleton if a in keypoints and b in keypoints)


def _as_in_overview(session: str, path: Path, own: OwnProject) -> str:
    """The session's name where it carries that of its folder, since others are called like it."""
    home = home_of(path.relative_to(own.folder)) if path.is_relative_to(own.folder) else ""
    last = home.rpartition("/")[2]
    names = (session, name_with_home(home, session), last, name_with_home(home, last))
    # Without a name of its own, a session is called like its folder.
    candidates = names if session in (last, path.parent.name) else names[:2]
    return next((name for name in candidates if name in own.sessions), session)


def alignment_notes(alignments: Mapping[str, ViewAlignment], views: Sequence[str]) -> list[str]:
    """A sentence for each view whose predictions are adjusted."""
    return [
        f"View {view} is adjusted as napari-pose3d/project.toml says: {words}."
        for view in views
        if view in alignments and (words := alignments[view].describe())
    ]
