"""Which file holds which view of which prediction set of which session."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.formats.predictions.mirrored_table import split_header
from napari_pose3d.core.formats.predictions.prediction_h5 import read_h5_header
from napari_pose3d.core.formats.predictions.table_header import (
    TableHeader,
    in_file,
    looks_like_pose_table,
    read_header,
)
from napari_pose3d.core.formats.projects.project_yaml import FILE_NAME, LightningProject
from napari_pose3d.core.settings import ReadingSettings

from ..naming import (
    OWN_FOLDER,
    SINGLE_VIEW,
    ParsedName,
    find_project,
    natural_order,
    parse_stem,
    prediction_set_of,
    seed_of_folders,
    stem_of,
)
from .match_table import NAME_VIEWS, MatchRow, MatchTable

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

_SUFFIXES = (".csv", ".h5")
_NO_VIEW = "its name holds none of the views"
_METRICS = ("_temporal_norm", "_pixel_error", "_error", "_loss", "_norm")


def match_predictions(
    paths_or_folder: Paths,
    settings: ReadingSettings | None = None,
    rig_views: Sequence[str] | None = None,
) -> MatchTable:
    """Find prediction files and tell session, prediction set and view from their names.

    Only the headers of the files are read. In a Lightning Pose project the files are those in
    ``models/*/video_preds/``; in another folder those in it, and if there are none, those below
    it. Hidden folders and our own are never entered.

    Parameters
    ----------
    paths_or_folder : path or several
        Files, folders, or both.
    settings : ReadingSettings, optional
        ``views``, ``session`` and ``mirrored`` are used.
    rig_views : sequence of str, optional
        Names of the rig's cameras, where ``settings.views`` is empty; else the project's names.

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
    inputs = _as_paths(paths_or_folder)
    project = _common_project(inputs)
    known = _known_views(settings.views, rig_views, project)
    headers, unmatched = _classify([p for p in inputs if not p.is_dir()], strict=True)
    for folder in (p for p in inputs if p.is_dir()):
        found, rejected = _look_in(folder)
        headers |= found
        unmatched |= rejected
    _set_aside_filtered(headers, unmatched)
    if settings.mirrored:
        rows = _name_mirrored(headers, unmatched, known, project)
    else:
        rows = _name(headers, unmatched, known, project)
    if any(row.session == settings.session for row in rows):
        rows = [row for row in rows if row.session == settings.session]
    rows = _set_aside_smoothed(rows, unmatched)
    if not rows:
        raise _nothing_found(inputs, unmatched, known)
    _refuse_doubles(rows, known)
    order = {view: i for i, view in enumerate(known or ())}
    rows.sort(
        key=lambda r: (
            natural_order(r.session),
            natural_order(r.model),
            order.get(r.view, 0),
            natural_order(r.view),
        )
    )
    return MatchTable(tuple(rows), tuple(unmatched.items()), known, project)


def _as_paths(paths: Paths) -> list[Path]:
    listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    result = list(dict.fromkeys(Path(os.path.abspath(path)) for path in listed))
    if not result:
        raise PoseDataError("no file and no folder was given", expected="prediction files")
    for path in result:
        if not path.exists():
            raise PoseDataError("there is no such file or folder", file=path)
    return result


def _common_project(inputs: Sequence[Path]) -> LightningProject | None:
    projects = {}
    for folder in dict.fromkeys(p if p.is_dir() else p.parent for p in inputs):
        project = find_project(folder)
        projects[project and project.folder] = project
    if len(projects) > 1 and None not in projects:
        raise PoseDataError(
            f"the input lies in several projects: {', '.join(sorted(map(str, projects)))}",
            expected="one project at a time",
        )
    return projects.popitem()[1] if len(projects) == 1 else None


def _known_views(
    views: Sequence[str], rig_views: Sequence[str] | None, project: LightningProject | None
) -> tuple[str, ...] | None:
    if twice := [view for i, view in enumerate(views) if view in views[:i]]:
        raise PoseDataError(f"the view {twice[0]} was named twice", expected="each view once")
    for names in (views, rig_views, project and project.view_names):
        if names:
            return tuple(names)
    return None


def _look_in(folder: Path) -> tuple[dict[Path, TableHeader], dict[Path, str]]:
    if (folder / FILE_NAME).is_file():
        found, rejected = _classify(
            p for p in _walk(folder / "models") if "video_preds" in p.relative_to(folder).parts
        )
        if found:
            return found, rejected
    found, rejected = _classify(sorted(p for p in folder.iterdir() if _is_candidate(p)))
    if not found:
        deeper, also = _classify(_walk(folder))
        found, rejected = deeper, rejected | also
    return found, rejected


def _walk(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        below[:] = sorted(n for n in below if not n.startswith(".") and n != OWN_FOLDER)
        yield from (p for name in sorted(files) if _is_candidate(p := Path(folder, name)))


def _is_candidate(path: Path) -> bool:
    name = path.name
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".") and path.is_file()


def _classify(
    paths: Iterable[Path], strict: bool = False
) -> tuple[dict[Path, TableHeader], dict[Path, str]]:
    """Headers of prediction files, and why the other files are none."""
    headers: dict[Path, TableHeader] = {}
    reasons: dict[Path, str] = {}
    # DeepLabCut writes everything twice. The CSV goes first: it needs no extra package.
    for path in sorted(paths, key=lambda p: p.suffix.lower() == ".h5"):
        if (twin := path.with_suffix(".csv")) in headers:
            reasons[path] = f"same as {twin.name}"
            continue
        header = _header_or_reason(path, strict)
        if isinstance(header, str):
            reasons[path] = header
        else:
            headers[path] = header
    return headers, reasons


def _header_or_reason(path: Path, strict: bool) -> TableHeader | str:
    if reason := reason_by_name(path):
        return reason
    try:
        if path.suffix.lower() == ".h5":
            header, first = read_h5_header(path), "0"
        elif looks_like_pose_table(path):
            header, first = read_header(path)
        else:
            return "no prediction file (the first cell is not 'scorer')"
    except PoseDataError as error:
        if strict:
            raise
        return f"not usable: {error.place + ', ' if error.place else ''}{error.problem}"
    if header.kind == "labels":
        return "labels, not predictions (no likelihood column)"
    if header.kind == "poses3d":
        return "3-D positions, not predictions of one view"
    if "/" in first or first.lower().endswith((".png", ".jpg", ".jpeg")):
        return "predictions for single images, not for a video"
    return header


def reason_by_name(path: Path) -> str | None:
    """Why a file holds no predictions, as far as its name tells; None when it may."""
    stem = path.stem
    if path.suffix.lower() not in _SUFFIXES:
        return "no prediction file (not .csv or .h5)"
    if stem.startswith("CollectedData"):
        return "labels, not predictions"
    if stem.endswith(_METRICS):
        return "a quality measure of Lightning Pose, not predictions"
    if stem.startswith("bboxes_") or stem == "bbox" or stem.endswith("_bbox"):
        return "bounding boxes, not predictions"
    return None


def _set_aside_filtered(headers: dict[Path, TableHeader], unmatched: dict[Path, str]) -> None:
    """Leave out DeepLabCut's median-filtered files where the unfiltered ones are there, too."""
    for path in list(headers):
        unfiltered = path.stem.removesuffix("_filtered")
        raw = [p for s in _SUFFIXES if (p := path.with_name(unfiltered + s)) in headers]
        if unfiltered != path.stem and raw:
            unmatched[path] = f"filtered copy of {raw[0].name}"
            del headers[path]


def _name(
    headers: dict[Path, TableHeader],
    unmatched: dict[Path, str],
    known: tuple[str, ...] | None,
    project: LightningProject | None,
) -> list[MatchRow]:
    rows = []
    for path, header in headers.items():
        stem = stem_of(path, header.scorer, known or ())
        # A project.yaml that names no views is that of a project with a single view.
        single = known is None and project is not None
        try:
            name = parse_stem(stem, () if single else known)
        except PoseDataError as error:
            raise in_file(error, path) from None
        view = SINGLE_VIEW if single else name.view
        if view is None:
            unmatched[path] = f"{_NO_VIEW} {', '.join(known or ())}"
            continue
        session, model = _session_and_model(path, header, name, project)
        rows.append(MatchRow(session, model, view, path, header))
    return rows


def _name_mirrored(
    headers: dict[Path, TableHeader],
    unmatched: dict[Path, str],
    known: tuple[str, ...] | None,
    project: LightningProject | None,
) -> list[MatchRow]:
    """A row for each view of each file; the view is in the names of the keypoints."""
    if not known:
        raise PoseDataError(
            "mirrored files were announced, but not what the views are called",
            expected="names of views that the names of the keypoints end in, <bodypart>_<view>",
            todo="Give them with --views, such as --views top bot",
        )
    rows = []
    for path, header in headers.items():
        try:
            by_view = split_header(header, known)
        except PoseDataError as error:
            raise in_file(error, path) from None
        if not by_view:
            unmatched[path] = f"no keypoint's name ends in one of the views {', '.join(known)}"
            continue
        name = parse_stem(stem_of(path, header.scorer), ())
        session, model = _session_and_model(path, header, name, project)
        rows += [MatchRow(session, model, view, path, part) for view, part in by_view.items()]
    return rows


def _session_and_model(
    path: Path, header: TableHeader, name: ParsedName, project: LightningProject | None
) -> tuple[str, str]:
    model_folder = prediction_set_of(path)
    seed = name.seed or seed_of_folders(path)
    model = " ".join(part for part in (model_folder and model_folder[0], seed) if part)
    if not model:
        model = "smoothed" if header.smoothed else "predictions"
    home = project.folder if project else path.parent
    return name.key or home.name, model


def _set_aside_smoothed(rows: list[MatchRow], unmatched: dict[Path, str]) -> list[MatchRow]:
    """Leave out what a smoother wrote, unless there is nothing else: it is no further seed."""
    models = {row.path: prediction_set_of(row.path) for row in rows}
    of_smoother = {
        folder: (folder / "ensemble.yaml").is_file()
        for folder in {model[1] for model in models.values() if model}
    }

    def is_smoothed(row: MatchRow) -> bool:
        model = models[row.path]
        return row.header.smoothed or (model is not None and of_smoother[model[1]])

    raw = [row for row in rows if not is_smoothed(row)]
    sessions = {row.session for row in raw}
    folders = {row.path.parent for row in raw}
    kept = []
    for row in rows:
        if is_smoothed(row) and (row.session in sessions or row.path.parent in folders):
            unmatched[row.path] = (
                "already smoothed; not mixed with the networks' predictions "
                "(give it as the only input to use it)"
            )
        else:
            kept.append(row)
    return kept


def _refuse_doubles(rows: Sequence[MatchRow], known: tuple[str, ...] | None) -> None:
    seen: dict[tuple[str, str, str], MatchRow] = {}
    for row in rows:
        other = seen.setdefault((row.session, row.model, row.view), row)
        if other is not row:
            raise PoseDataError(
                f"{other.path} and {row.path} are both view '{row.view}' of the prediction set "
                f"'{row.model}' of session '{row.session}'",
                expected="one file for each view of a prediction set",
                todo=NAME_VIEWS
                if known is None
                else "Leave one of them out; if they are from different seeds, name them seed=0, "
                "seed=1, ... or put each into a folder models/<name>/",
            )


def _nothing_found(
    inputs: Sequence[Path], unmatched: dict[Path, str], known: tuple[str, ...] | None
) -> PoseDataError:
    where = inputs[0] if len(inputs) == 1 else None
    nameless = [path for path, reason in unmatched.items() if reason.startswith(_NO_VIEW)]
    if nameless and known is not None:
        return PoseDataError(
            f"no prediction file has the name of a view in its own name (for example "
            f"{nameless[0].name})",
            file=where,
            expected=f"one of the views {', '.join(known)}",
            todo="Give the names that are in the file names with --views, or say --mirrored if "
            "each file holds all views, with keypoints named <bodypart>_<view>",
        )
    seen = [f"{path.name}: {reason}" for path, reason in list(unmatched.items())[:5]]
    return PoseDataError(
        "there are no predictions here" + (f" ({'; '.join(seen)})" if seen else ""),
        file=where,
        expected="CSV files of Lightning Pose or DeepLabCut, with the columns x, y, likelihood",
    )
