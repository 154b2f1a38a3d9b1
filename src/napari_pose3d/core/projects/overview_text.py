"""The overview of a project as text, for the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .issues import Issue
from .project import Project
from .session import PredictionSet, Session, SetKind

_KINDS = {
    "lightning-pose": "a Lightning Pose project",
    "anipose": "sessions of Anipose",
    "folder": "a folder",
    "files": "files",
}
_HEADS = ("session", "views", "videos", "predictions", "smoothed", "3-D", "labels", "calibration")
_MOST_SESSIONS = 200
_MOST_UNUSED = 20


def project_text(project: Project, issues: Sequence[Issue] | None = None) -> str:
    """What a project holds: a table of its sessions, then what is missing or contradictory.

    Parameters
    ----------
    problems : sequence of Issue, optional
        Not given: those that the names of the files tell (``project.all_issues``).
    """
    lines = [f"{project.folder}: {_KINDS[project.kind]}"]
    if project.views:
        lines.append(f"views: {', '.join(project.views)}")
    if project.keypoints:
        lines.append(f"keypoints: {', '.join(project.keypoints)}")
    if project.skeleton:
        lines.append(f"skeleton: {len(project.skeleton)} lines")
    for key, files in project.label_files.items():
        queued = " and a queue" if key in project.queues else ""
        lines.append(f"labels: {key}{queued} ({', '.join(files)})")
    if project.sessions:
        lines += ["", *_table([_HEADS, *map(_cells, project.sessions[:_MOST_SESSIONS])])]
        if len(project.sessions) > _MOST_SESSIONS:
            lines.append(f"... and {len(project.sessions) - _MOST_SESSIONS} more sessions")
        lines += [
            f"{session.name}: view {view} {words}"
            for session in project.sessions[:_MOST_SESSIONS]
            for view, alignment in session.alignments.items()
            if (words := alignment.describe())
        ]
    said = project.all_issues if issues is None else issues
    if said:
        lines += ["", "to be looked at:", *(f"  {problem}" for problem in said)]
    if project.unmatched:
        lines += ["", "not used:"]
        lines += [f"  {path.name}: {reason}" for path, reason in project.unmatched[:_MOST_UNUSED]]
        if len(project.unmatched) > _MOST_UNUSED:
            lines.append(f"  ... and {len(project.unmatched) - _MOST_UNUSED} more")
    return "\n".join(lines)


def _cells(session: Session) -> tuple[str, ...]:
    rig = session.rig_path
    if rig is None:
        calibration = "-"
    elif rig.is_relative_to(session.folder):
        calibration = rig.relative_to(session.folder).as_posix()
    else:
        calibration = str(rig)
    return (
        session.name,
        str(len(session.views)),
        _share(session.videos, session),
        _sets(session, "predictions"),
        _sets(session, "smoothed"),
        _sets(session, "3d"),
        # The label files are those of the whole project; the images are the session's own.
        _share(session.images, session),
        calibration,
    )


def _sets(session: Session, kind: SetKind) -> str:
    return ", ".join(_set(each, session) for each in session.sets if each.kind == kind) or "-"


def _set(each: PredictionSet, session: Session) -> str:
    if each.space is not None or len(each.files) == len(session.views):
        return each.name
    return f"{each.name} ({len(each.files)} of {len(session.views)})"


def _share(have: Collection[str], session: Session) -> str:
    if not have:
        return "-"
    n = len(session.views)
    return str(n) if len(have) == n else f"{len(have)} of {n}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
