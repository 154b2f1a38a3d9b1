"""Whether matched files hold the same views, seeds, individual and keypoints, by their headers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_pose3d.core.formats.predictions.prediction_table import choose_individual
from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.settings import ReadingSettings

from ..alignment.frame_rates import GIVE_TIMES
from ..naming.file_names import composed
from ..scan.table_headers import NOT_USABLE
from .match_table import MatchTable

_ALLOW = "Go on with what there is"


def check_complete(table: MatchTable, settings: ReadingSettings) -> list[str]:
    """Raise when views or seeds lack; return warnings where that is allowed."""
    session = table.sessions[0]
    if absent := [view for view in settings.views if view not in table.views]:
        raise PoseDataError(
            f"session '{session}' has no predictions of view {', '.join(absent)}",
            expected=f"some of {', '.join(table.views)}",
            todo="Leave it out of the views, or "
            + ("check the names of the keypoints" if settings.mirrored else "add its files"),
            remedy=Remedy("views"),
        )
    issues = []
    # Extra cameras of a rig are no fault. A view of the project without predictions may be one.
    if table.project and table.known_views == table.project.view_names:
        issues += [
            f"view {view} (project.yaml) has no predictions"
            for view in table.project.view_names
            if view not in table.views
        ]
    # By its name it is a view of this session: without it, results come from fewer views.
    reasons = dict(table.unmatched)
    issues += [
        f"{path.name} is {reasons.get(path, NOT_USABLE)}"
        for view, path in table.damaged.get(session, {}).items()
        if view in (settings.views or table.known_views or ()) and view not in table.views
    ]
    damaged = {
        view: f" ({path} is {reasons.get(path, NOT_USABLE)})"
        for view, path in table.damaged.get(session, {}).items()
    }
    issues += [
        f"{model} has no view {view}{damaged.get(view, '')}" for _, model, view in table.missing
    ]
    if issues and not settings.allow_missing:
        raise PoseDataError(
            f"the predictions of session '{session}' are not complete: {_listed(issues)}",
            expected=f"a file of each of the {len(table.models)} prediction sets for each view",
            todo=_ALLOW,
            remedy=Remedy("allow_missing"),
        )
    return [f"Not complete: {problem}." for problem in issues]


def with_individual(
    table: MatchTable, settings: ReadingSettings, warnings: list[str]
) -> tuple[MatchTable, str | None]:
    """The files that hold one individual, and its name; None where they name none.

    `warnings` gets a line where files are left out because they lack it.

    Raises
    ------
    PoseDataError
        No file holds the wanted individual, or some do not and the settings do not allow that;
        none was named, and the files hold several, or different ones.
    """
    wanted = settings.individual
    if wanted is None:
        return table, _common_individual(table)
    wanted = next(
        (name for name in table.individuals if composed(name) == composed(wanted)), wanted
    )
    rows = tuple(row for row in table.rows if wanted in row.header.individuals)
    lacking = [
        f"{row.path.name} has {', '.join(row.header.individuals) or 'no names of individuals'}"
        for row in table.rows
        if row not in rows
    ]
    if not rows:
        first = table.rows[0]
        try:
            choose_individual(first.header, wanted)
        except PoseDataError as error:
            raise error.located(first.path) from None
    if lacking and not settings.allow_missing:
        raise PoseDataError(
            f"individual '{wanted}' is not in every file: {_listed(lacking)}",
            expected="the same individual under one name in all files",
            todo="Rename it in the files, or go on without those that lack it",
            remedy=Remedy("allow_missing"),
        )
    if lacking:
        warnings.append(
            f"Not complete: individual {wanted} is not in every file: {_listed(lacking)}."
        )
    return replace(table, rows=rows), wanted


def _common_individual(table: MatchTable) -> str | None:
    chosen: dict[str | None, Path] = {}
    for row in table.rows:
        try:
            chosen.setdefault(choose_individual(row.header, None), row.path)
        except PoseDataError as error:
            raise error.located(row.path) from None
    if len(chosen) > 1:
        names = [f"{name or 'none named'} in {path.name}" for name, path in chosen.items()]
        raise PoseDataError(
            f"the files hold different individuals: {', '.join(names)}",
            expected="the same individual under one name in all files",
            todo="Rename it in the files, or choose one and go on without the other files",
            remedy=(Remedy("individual"), Remedy("allow_missing")),
        )
    return next(iter(chosen))


def common_keypoints(
    table: MatchTable, settings: ReadingSettings, individual: str | None, warnings: list[str]
) -> tuple[str, ...]:
    """The keypoints to read: those of all files, or those that the settings name.

    `warnings` gets a line where some are left out because a file lacks them.

    Raises
    ------
    PoseDataError
        A wanted keypoint is in no file or named twice, or files lack some and the settings do not
        allow that.
    """
    view_of = "view {0.view} of " if settings.mirrored else ""
    # A Mac stores an umlaut as two characters: names are compared composed, and written as in the
    # file that comes first.
    spelling: dict[str, str] = {}
    names = [
        (
            f"{view_of.format(row)}{row.path.name}",
            [spelling.setdefault(composed(k), k) for k in row.header.keypoints(individual)],
        )
        for row in table.rows
    ]
    everything = dict.fromkeys(spelling.values())
    asked = tuple(spelling.get(composed(name), name) for name in settings.keypoints)
    settings = replace(settings, keypoints=asked)
    if unknown := [name for name in settings.keypoints if name not in everything]:
        raise PoseDataError(
            f"no keypoint is called {', '.join(unknown)}",
            expected=f"some of {', '.join(everything)}",
        )
    wanted = settings.keypoints or tuple(everything)
    if twice := [name for i, name in enumerate(wanted) if name in wanted[:i]]:
        raise PoseDataError(f"the keypoint {twice[0]} was named twice", expected="each one once")
    lacking = [
        (place, absent)
        for place, have in names
        if (absent := [name for name in wanted if name not in have])
    ]
    if not lacking:
        return wanted
    issues = [f"{', '.join(absent)} in {place}" for place, absent in lacking]
    shared = tuple(name for name in wanted if not any(name in absent for _, absent in lacking))
    if not settings.shared_keypoints:
        raise PoseDataError(
            f"keypoints are missing: {_listed(issues)}",
            expected="the same keypoints in all files",
            todo="Go on with the shared ones",
            remedy=Remedy("shared_keypoints"),
        )
    if not shared:
        raise PoseDataError(
            f"the files share no keypoint; missing are {_listed(issues)}",
            expected="one keypoint or more in all files",
        )
    warnings.append(
        f"Only the {len(shared)} shared keypoints are used; missing are {_listed(issues)}."
    )
    return shared


def describe_lengths(views: Collection[str], lengths: Mapping[tuple[str, str], int]) -> str | None:
    """In words, which file has how many frames; None when all have the same.

    Parameters
    ----------
    views : collection of str
        The views to be compared.
    lengths : mapping of (model, view) to int
    """
    if len({n for (_, view), n in lengths.items() if view in views}) <= 1:
        return None
    parts = []
    for view in views:
        by_length: dict[int, list[str]] = {}
        for (model, of), n in lengths.items():
            if of == view:
                by_length.setdefault(n, []).append(model)
        if len(by_length) == 1:
            parts.append(f"{view} has {next(iter(by_length))}")
        elif by_length:
            each = (f"{n} ({', '.join(models)})" for n, models in by_length.items())
            parts.append(f"{view} has {', '.join(each)}")
    return f"the numbers of frames differ: {'; '.join(parts)}"


def describe_other_lengths(
    lengths: Mapping[tuple[str, str], int], videos: Mapping[str, int]
) -> str | None:
    """In words, which files have another number of rows than their video has frames.

    Parameters
    ----------
    lengths : mapping of (model, view) to int
    videos : mapping of view to int
        Of views whose video states a number.
    """
    others: dict[str, list[str]] = {}
    for (_, view), n in lengths.items():
        if n != videos.get(view, n):
            others.setdefault(view, []).append(f"{n:,}")
    if not others:
        return None
    parts = (
        f"{v} has {' or '.join(dict.fromkeys(n))} for {videos[v]:,}" for v, n in others.items()
    )
    return (
        f"The predictions have other numbers of rows than the videos have frames: "
        f"{'; '.join(parts)}. Row n is taken for frame n."
    )


def lengths_differ(problem: str) -> PoseDataError:
    """The error for what `describe_lengths` found."""
    return PoseDataError(
        problem,
        expected="the same frames in all files, since row n is the same instant in all views",
        todo="If a camera started late or lost images, say so in napari-pose3d/project.toml; if "
        f"cameras differ in their frame rates, {GIVE_TIMES}; or go on, and treat the frames at "
        "the end as missing",
        remedy=Remedy("allow_missing"),
    )


def _listed(items: Sequence[str], most: int = 8) -> str:
    more = f"; and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more
