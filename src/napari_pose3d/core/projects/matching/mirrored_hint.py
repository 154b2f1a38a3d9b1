"""The hint that files hold several views each, where `mirrored` is not set."""

from __future__ import annotations

from napari_pose3d.core.formats.predictions.mirrored_names import MirroredNames, mirrored_names
from napari_pose3d.core.formats.predictions.table_header import TableHeader
from napari_pose3d.errors import Remedy

from ..issues import Issue
from .match_table import MatchTable


def mirrored_issues(table: MatchTable) -> tuple[Issue, ...]:
    """What to say about a session whose files were matched as if each held one view."""
    if table.known_views is not None and len(table.views) > 1:
        return ()
    found = {names_in(row.header) for row in table.rows}
    if len(found) != 1 or (names := found.pop()) is None:
        return ()
    return (mirrored_issue(names),)


def names_in(header: TableHeader) -> MirroredNames | None:
    """See `mirrored_names`."""
    keypoints = dict.fromkeys(keypoint for _, keypoint, _ in header.columns)
    return mirrored_names(tuple(keypoints))


def mirrored_issue(names: MirroredNames) -> Issue:
    """What to say about names of keypoints that look like those of several views."""
    views = ", ".join(names.views)
    example = names.bodyparts[0]
    if names.first:
        return Issue(
            "note",
            f"the keypoints seem to be those of several views in one table ({views}), with the "
            f"view before the body part ({names.views[0]}_{example})",
            todo=f"To read them as views, rename them to {example}_{names.views[0]} and the like",
        )
    alike = " and ".join(f"{example}_{view}" for view in names.views[:2])
    if names.is_certain:
        what = f"the keypoints are those of several views in one table ({views}), as {alike}"
        todo = "Say that each file holds all views"
    else:
        what = f"the keypoints come in {len(names.views)} groups of the same names, as {alike}"
        todo = "If these are views in one image, say that each file holds all views"
    return Issue("note", what, todo=todo, remedies=(Remedy("mirrored"),))
