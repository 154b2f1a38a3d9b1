"""Which file holds which view of which prediction set of which session, with the files' headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from napari_pose3d.core.cameras.rig import view_names
from napari_pose3d.core.formats.predictions.mirrored_names import mirrored_names
from napari_pose3d.core.formats.predictions.mirrored_table import split_header
from napari_pose3d.core.formats.predictions.table_header import TableHeader
from napari_pose3d.core.storage.path_lists import AnyPath, Paths
from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.settings import ReadingSettings
from napari_pose3d.wording import counted

from ..naming.file_names import composed, natural_order
from ..naming.naming_rule import Naming
from ..project import Project, project_of
from ..scan.folder_scan import FolderScan, scan_folder
from ..scan.own_results import is_in_own_folder
from ..scan.scan_issues import unused_settings
from ..scan.scanned_files import NO_VIEW
from ..scan.table_headers import NOT_USABLE, header_or_reason, tables_of, what_else
from ..session import PredictionSet, Session, refuse_doubtful
from .match_table import MatchRow, MatchTable

_SMOOTHED = (
    "already smoothed; not mixed with the networks' predictions (give it as the only input to use "
    "it)"
)


def match_predictions(
    paths_or_folder: Paths,
    settings: ReadingSettings | None = None,
    rig_views: Sequence[str] | None = None,
    scan: FolderScan | None = None,
) -> MatchTable:
    """Find prediction files and tell session, prediction set and view from their names.

    Sessions, views and sets are those of `open_project`; here the headers of the files are read
    as well. Our own results are left out, unless nothing else was given.

    Parameters
    ----------
    paths_or_folder : path or several
        Files, folders, or both.
    settings : ReadingSettings, optional
        ``views``, ``session`` and ``mirrored`` are used.
    rig_views : sequence of str, optional
        Names of the rig's cameras, where ``settings.views`` is empty; else the project's names.
    scan : FolderScan, optional
        Of the only folder, by `predictions_scan` with the same settings; not given: it is made.

    Returns
    -------
    MatchTable
        With several sessions, if there are; `MatchTable.for_session` picks one. A mirrored file
        has a row for each view that it holds.

    Raises
    ------
    PoseDataError
        When nothing matches, two files are the same view of the same set, or a file that was
        named outright is damaged.
    """
    settings = settings or ReadingSettings()
    views = _given_views(settings.views, rig_views)
    if scan is None:
        scan = scan_folder(paths_or_folder, views, whole=False, mirrored=settings.mirrored)
    if views and not settings.views and (named := _named(views, scan.own.cameras)) != views:
        scan = scan_folder(paths_or_folder, named, whole=False, mirrored=settings.mirrored)
        views = named
    project = project_of(scan)
    unmatched: dict[Path, str] = {
        path: why for path, why in project.unmatched if path.suffix.lower() in (".csv", ".h5")
    }
    session = None if settings.session is None else composed(settings.session)
    chosen = [s for s in project.sessions if s.name == session] or list(project.sessions)
    # Thousands of files are not opened for the sake of one session.
    headers = _headers(scan, project, chosen, unmatched)
    if settings.mirrored:
        known: tuple[str, ...] | None = _known_views(scan, views, headers.values())
    else:
        known = _known(project.naming)
    rows: list[MatchRow] = []
    for each in chosen:
        rows += _rows(each, headers, unmatched, known if settings.mirrored else None)
    rows = _without_results_beside_predictions(rows, unmatched)
    if not rows:
        raise _nothing_found(scan, unmatched, known)
    order = {view: i for i, view in enumerate(known or ())}
    rows.sort(
        key=lambda r: (
            natural_order(r.session),
            natural_order(r.model),
            order.get(r.view, len(order)),
            natural_order(r.view),
        )
    )
    return MatchTable(
        tuple(rows),
        tuple(unmatched.items()),
        known,
        scan.lightning,
        {each.name: each.rig_path for each in chosen if each.rig_path is not None},
        {each.name: each.alignments for each in chosen},
        scan.own.skeleton,
        {each.name: each.videos for each in chosen},
        scan.own.cameras,
        {each.name: _damaged(each, unmatched) for each in chosen},
        scan.own.triggered,
        tuple(each.what for each in unused_settings(scan.own, project.sessions))
        if scan.given.everything
        else (),
    )


def predictions_scan(folder: AnyPath, settings: ReadingSettings) -> FolderScan:
    """What `match_predictions` finds in a folder, for all of its sessions.

    Raises
    ------
    PoseDataError
        As `scan_folder`.
    """
    views = _given_views(settings.views, None)
    return scan_folder(folder, views, whole=False, mirrored=settings.mirrored)


def _damaged(session: Session, unmatched: Mapping[Path, str]) -> dict[str, Path]:
    """Files of a session that are predictions by their names and cannot be used, by view."""
    files = (item for each in session.sets if not each.own for item in each.files.items())
    return {view: path for view, path in files if unmatched.get(path, "").startswith(NOT_USABLE)}


def _given_views(views: Sequence[str], rig_views: Sequence[str] | None) -> tuple[str, ...]:
    if twice := [view for i, view in enumerate(views) if view in views[:i]]:
        raise PoseDataError(f"the view {twice[0]} was named twice", expected="each view once")
    return tuple(views or rig_views or ())


def _named(cameras: tuple[str, ...], views: Mapping[str, str]) -> tuple[str, ...]:
    """The views of a rig's cameras, as the project says."""
    return tuple(name for name in view_names(cameras, views) if name is not None)


def _known(naming: Naming) -> tuple[str, ...] | None:
    return None if naming.guessed or naming.single else naming.views


def _known_views(
    scan: FolderScan, given: tuple[str, ...], headers: Iterable[TableHeader]
) -> tuple[str, ...]:
    """Names of the views of mirrored files, which are in the names of the keypoints."""
    of_project = () if scan.lightning is None else scan.lightning.view_names
    known = given or of_project or scan.own.view_names or scan.rig_names or _views_in(headers)
    if not known:
        raise PoseDataError(
            "mirrored files were announced, but not what the views are called",
            expected="names of views that the names of the keypoints end in, <bodypart>_<view>",
            todo="Give the names of the views",
            remedy=Remedy("views", "top bot"),
        )
    return known


def _views_in(headers: Iterable[TableHeader]) -> tuple[str, ...]:
    """The views in the names of the keypoints, where all files have the same; else none."""
    found = set()
    for header in headers:
        keypoints = tuple(dict.fromkeys(keypoint for _, keypoint, _ in header.columns))
        names = mirrored_names(keypoints, announced=True)
        found.add(() if names is None or names.first else names.views)
    return found.pop() if len(found) == 1 else ()


def _headers(
    scan: FolderScan, project: Project, chosen: Sequence[Session], unmatched: dict[Path, str]
) -> dict[Path, TableHeader]:
    """Headers of the tables of some sessions; the reason is noted where one is not used."""
    outright = {path for path in scan.given.paths if not path.is_dir()}
    found: dict[Path, TableHeader] = {}
    in_own_folder = any(
        path.is_relative_to(scan.listing.root)
        and is_in_own_folder(path.relative_to(scan.listing.root).as_posix())
        for path in scan.given.paths
    )
    names = {session.name for session in chosen}
    in_sets: set[Path] = set()
    for session in project.sessions:
        for each in session.sets:
            paths = [path for _, path in each.all_files]
            in_sets.update(paths)
            for path in paths if session.name in names else ():
                relative = path.relative_to(scan.listing.root).as_posix()
                if is_in_own_folder(relative) and not in_own_folder:
                    continue
                header = header_or_reason(path, strict=path in outright)
                if isinstance(header, str):
                    unmatched[path] = header
                else:
                    found[path] = header
    if scan.lightning is None:
        # Boxes and results without positions are in no set; they are listed as well.
        for relative in tables_of(scan.listing):
            path = scan.listing.path(relative)
            if path in scan.given and path not in in_sets and path not in unmatched:
                reason = header_or_reason(path)
                unmatched[path] = reason if isinstance(reason, str) else "a result of napari-pose3d"
    return found


def _rows(
    session: Session,
    headers: dict[Path, TableHeader],
    unmatched: dict[Path, str],
    mirrored: tuple[str, ...] | None,
) -> list[MatchRow]:
    """The files of one session that make an ensemble."""
    present = [found for each in session.sets if (found := each.only(headers)).files]
    raw = [each for each in present if not _is_smoothed(each, headers)]
    names = {each.name for each in raw}
    chosen = []
    for each in present:
        files = each.files
        if raw and each.name not in names:
            unmatched |= dict.fromkeys(files.values(), _SMOOTHED)
        elif each.above in names:
            why = f"in a folder below that of '{each.above}' (give this folder to use it)"
            unmatched |= dict.fromkeys(files.values(), why)
        else:
            chosen.append(each)
    refuse_doubtful(session.name, chosen)
    rows = []
    for each in chosen:
        for view, path in each.files.items():
            if mirrored is None:
                row = MatchRow(session.name, each.name, view, path, headers[path], each.own)
                rows.append(row)
                continue
            try:
                by_view = split_header(headers[path], mirrored)
            except PoseDataError as error:
                raise error.located(path) from None
            if not by_view:
                listed = ", ".join(mirrored)
                unmatched[path] = f"no keypoint's name ends in one of the views {listed}"
            rows += [
                MatchRow(session.name, each.name, view, path, part, each.own)
                for view, part in by_view.items()
            ]
    return rows


def _without_results_beside_predictions(
    rows: list[MatchRow], unmatched: dict[Path, str]
) -> list[MatchRow]:
    """Leave out what a smoother wrote under another name beside the networks' predictions."""
    folders = {row.path.parent for row in rows if not (row.own or row.header.smoothed)}
    kept = []
    for row in rows:
        if (row.own or row.header.smoothed) and row.path.parent in folders:
            unmatched[row.path] = _SMOOTHED
        else:
            kept.append(row)
    return kept


def _is_smoothed(each: PredictionSet, headers: dict[Path, TableHeader]) -> bool:
    """Whether a smoother wrote it: it is no further seed."""
    return each.kind != "predictions" or any(headers[p].smoothed for p in each.files.values())


def _nothing_found(
    scan: FolderScan, unmatched: dict[Path, str], known: tuple[str, ...] | None
) -> PoseDataError:
    where = scan.given.paths[0] if len(scan.given.paths) == 1 else None
    errors = [issue for issue in scan.files.issues if issue.severity == "error"]
    if errors:
        return PoseDataError(
            errors[0].what,
            file=errors[0].where,
            todo=errors[0].todo,
            remedy=errors[0].remedies,
        )
    nameless = [path for path, reason in unmatched.items() if reason == NO_VIEW]
    if nameless and known is not None:
        return PoseDataError(
            f"no prediction file has the name of a view in its own name (for example "
            f"{nameless[0].name})",
            file=where,
            expected=f"one of the views {', '.join(known)}",
            todo="Give the names that are in the file names, or say that each file holds all "
            "views, with keypoints named <bodypart>_<view>",
            remedy=(Remedy("views"), Remedy("mirrored")),
        )
    damaged = [path for path, reason in unmatched.items() if reason.startswith(NOT_USABLE)]
    if damaged and len(damaged) == len(unmatched):
        try:
            header_or_reason(damaged[0], strict=True)
        except PoseDataError as error:
            if not damaged[1:]:
                return error
            what = f"{error.problem} (nor can {counted(len(damaged) - 1, 'other file')} be used)"
            return PoseDataError(
                what,
                file=error.file,
                place=error.place,
                expected=error.expected,
                todo=error.todo,
                remedy=error.remedies,
            )
    seen = [f"{path.name}: {reason}" for path, reason in list(unmatched.items())[:5]]
    seen += [
        f"{path.name}: {what_else(path)}"
        for path in scan.given.paths[:5]
        if path.is_file() and path not in unmatched
    ]
    return PoseDataError(
        "there are no predictions here" + (f" ({'; '.join(seen)})" if seen else ""),
        file=where,
        expected="CSV files of Lightning Pose or DeepLabCut, with the columns x, y, likelihood",
    )
