"""What the names of the files tell about missing, contradictory and doubtful things."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from napari_pose3d.errors import Remedy

from ..issues import Issue
from ..project_toml import FILE_NAME, OWN_FOLDER, OwnProject
from ..session import NAME_NETWORKS, PredictionSet, Session
from .folder_scan import FolderScan
from .recordings import Recording

_MOST_NAMED = 3


def issues_of_recording(
    recording: Recording, views: Sequence[str], expected: Sequence[str]
) -> tuple[Issue, ...]:
    """What a session lacks.

    Parameters
    ----------
    views : sequence of str
        Those that it has any file of.
    expected : sequence of str
        Those that every session ought to have; may be empty.
    """
    found = list(recording.issues)
    wanted = [*dict.fromkeys((*expected, *views))]
    name = recording.name
    if recording.videos:
        lacking = [view for view in wanted if view not in recording.videos]
        if lacking:
            found.append(
                Issue(
                    "warning",
                    f"there is no video of view {', '.join(lacking)}",
                    name,
                    f"Add it under the name {_as_for(recording, lacking[0])}, or go on without it",
                )
            )
    elif recording.sets:
        found.append(
            Issue(
                "note",
                "there are predictions but no videos",
                name,
                "If there are videos, they have another name: rename them to the same beginning",
            )
        )
    for each in recording.sets:
        found += [_rivals(each, view, path, name) for view, path in each.rivals]
        lacking = [view for view in wanted if view not in each.files]
        if each.files and lacking:
            found.append(
                Issue(
                    "warning",
                    f"the prediction set '{each.name}' has no view {', '.join(lacking)}",
                    name,
                    "Add the file, or go on without this view",
                )
            )
    return tuple(found)


def issues_of_folder(scan: FolderScan, sessions: Sequence[Session]) -> tuple[Issue, ...]:
    """What concerns the whole folder."""
    listing, naming, rig_names = scan.listing, scan.naming, scan.rig_names
    issues = list(scan.files.issues)
    known = naming.views or ()
    nameless = [path for path in scan.files.nameless if path in scan.given]
    if nameless:
        issues.append(
            Issue(
                "warning",
                f"{len(nameless)} files hold none of the views {', '.join(known)} in their "
                f"names: {_some(nameless)}",
                "",
                "Name them <session>_<view>, or say what the views are called",
                remedies=(Remedy("views"),),
            )
        )
    if rig_names and known and not set(rig_names) & set(known):
        issues.append(
            Issue(
                "warning",
                f"the cameras of the calibration are called {', '.join(rig_names)}, but the files "
                f"are of {', '.join(known)}",
                "",
                "Say which camera is which view",
                remedies=(Remedy("cameras"),),
            )
        )
    if scan.kind == "lightning-pose":
        issues += [
            Issue(
                "note",
                f"the name of view {short} is part of {long}",
                "",
                "napari-pose3d tells them apart, but the app of Lightning Pose may not",
            )
            for short in known
            for long in known
            if short != long and short in long
        ]
    if scan.given.everything:
        issues += unused_settings(scan.own, sessions)
    recorded = [each for each in sessions if each.videos]
    if len(recorded) > 1 and naming.pattern is None and _all_alone(recorded):
        issues.append(
            Issue(
                "note",
                f"each of the {len(recorded)} sessions has one view only ({recorded[0].name}: "
                f"{recorded[0].views[0]}, ...)",
                "",
                "If these are views of one session, say what the views are called",
                remedies=(Remedy("views"),),
            )
        )
    if undecoded := [listing.path(f) for f in listing.files if not _is_unicode(f)]:
        issues.append(
            Issue(
                "warning",
                f"the names of {len(undecoded)} files are not in UTF-8: {_some(undecoded)}",
                "",
                "Rename them: labels of such a recording cannot be saved",
            )
        )
    for folder in listing.unreadable:
        issues.append(
            Issue(
                "warning",
                "this folder may not be looked into",
                folder,
                "Ask for the right to read it",
            )
        )
    if listing.cut:
        issues.append(
            Issue(
                "warning",
                "the folder holds so many files that only some were examined",
                "",
                "Open the folder of one project or session",
            )
        )
    if not os.access(listing.root, os.W_OK):
        issues.append(
            Issue(
                "note",
                "the folder cannot be written to",
                str(listing.root),
                "What you change is not kept there; copy the project, or ask for the right",
            )
        )
    if not sessions:
        issues.append(
            Issue(
                "error",
                "there are no videos and no predictions here",
                str(listing.root),
                "Open the folder that holds the videos of the cameras",
            )
        )
    return tuple(issues)


def unused_settings(own: OwnProject, sessions: Sequence[Session]) -> list[Issue]:
    """What ``project.toml`` says of sessions and views that there are none of.

    Parameters
    ----------
    sessions : sequence of Session
        All of the project.
    """
    views = {each.name: each.views for each in sessions}
    of_any = {view for each in sessions for view in each.views}
    found: dict[str, str] = {}
    for session, view in own.adjusted:
        if session is None and view not in of_any:
            found[f"views.{view}"] = f"no session has a view '{view}'"
        elif session is not None and session not in views:
            found[f"sessions.{session}"] = f"there is no session '{session}'"
        elif session is not None and view not in views[session]:
            found[f"sessions.{session}.{view}"] = f"session '{session}' has no view '{view}'"
    where = f"in {OWN_FOLDER}/{FILE_NAME} is used nowhere"
    issues = [
        Issue("warning", f"[{table}] {where}: {why}", "", "Correct the name, or take it out")
        for table, why in found.items()
    ]
    return issues + [
        Issue(
            "warning",
            f"'{key}'{f' of [{table}]' if table else ''} {where}: it is not known",
            "",
            "Correct the name, or take it out",
        )
        for table, key in own.unknown
    ]


def _rivals(each: PredictionSet, view: str, path: Path, session: str) -> Issue:
    first = each.files.get(view, each.space) or path
    what = f"view {view}" if view else "3-D positions"
    return Issue(
        "error",
        f"{first.name} and {path.name} cannot be distinguished: both are {what}; the first is "
        "shown, and nothing is computed from either",
        session,
        f"Rename or remove one of {first} and {path}. {NAME_NETWORKS}",
    )


def _all_alone(sessions: Sequence[Session]) -> bool:
    return all(len(each.views) == 1 for each in sessions)


def _as_for(recording: Recording, view: str) -> str:
    """What the video of a view would be called, going by another's name."""
    other, path = next(iter(recording.videos.items()))
    return path.name.replace(other, view)


def _is_unicode(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _some(paths: Sequence[Path]) -> str:
    named = ", ".join(path.name for path in paths[:_MOST_NAMED])
    return f"{named}, ..." if len(paths) > _MOST_NAMED else named
