"""From prediction files to an `Ensemble`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import Cancelled, PoseDataError
from .formats.header import PAIRS, in_file
from .formats.mirrored import one_view
from .formats.prediction_csv import read_prediction_csv
from .formats.prediction_h5 import read_prediction_h5
from .formats.prediction_table import PredictionTable, choose_individual
from .match_table import MatchTable
from .matching import Paths, match_predictions
from .poses import Ensemble, SourceFile
from .settings import IsCancelled, Progress, ReadingSettings

__all__ = ["MatchTable", "load_matched", "load_predictions", "match_predictions"]

FloatArray = NDArray[np.floating[Any]]

_ALLOW = "Go on with what there is with --allow-missing"


class HasNames(Protocol):
    """A rig, as far as reading predictions is concerned."""

    @property
    def names(self) -> Sequence[str]: ...


def load_predictions(
    paths_or_folder: Paths,
    *,
    views: Sequence[str] | None = None,
    keypoints: Sequence[str] | None = None,
    session: str | None = None,
    individual: str | None = None,
    min_likelihood: float = 0.0,
    allow_missing: bool = False,
    shared_keypoints: bool = False,
    mirrored: bool = False,
    rig: HasNames | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Ensemble:
    """Read all prediction sets of a session.

    View, seed and session of each file are told from its name (see `napari_pose3d.core.project`);
    seeds pair up across views by what their names share, never by their order.

    Parameters
    ----------
    paths_or_folder : path or several
        A Lightning Pose project, folders with prediction files, the files themselves, or a
        mixture: CSV of Lightning Pose, DeepLabCut or the Ensemble Kalman Smoother, or
        DeepLabCut's .h5.
    views : sequence of str, optional
        The views to read, in this order. Not given: those of `rig`, else of the project, else
        what the file names end in.
    keypoints : sequence of str, optional
        The keypoints to keep, in this order. Not given: all.
    session : str, optional
        Which recording, when there are several.
    individual : str, optional
        Which animal, when the files hold several.
    min_likelihood : float
        A position with a likelihood below this becomes missing. The likelihood itself is kept,
        and a position without likelihood stays.
    allow_missing : bool
        Go on when a seed lacks a view or the files differ in their number of frames; what is
        not there is NaN.
    shared_keypoints : bool
        Go on with the keypoints that all files share when some lack a keypoint.
    mirrored : bool
        Each file holds all views, its keypoints are named ``<bodypart>_<view>``; the views are
        those of `views`, else of `rig`, else of the project.
    rig : Rig, optional
        Only the names of its cameras are used.
    progress : callable, optional
        Called with (stage, done, total).
    cancelled : callable, optional
        Asked between blocks of lines.

    Returns
    -------
    Ensemble
        ``xy (model, view, frame, keypoint, 2)`` in pixels, float32, NaN where missing.

    Raises
    ------
    PoseDataError
        When the input holds no predictions, several sessions or individuals, two files for one
        view, a damaged file, or is not complete and that was not allowed.
    Cancelled
        When `cancelled` says so.
    """
    settings = ReadingSettings(
        views=tuple(views or ()),
        keypoints=tuple(keypoints or ()),
        session=session,
        individual=individual,
        min_likelihood=min_likelihood,
        allow_missing=allow_missing,
        shared_keypoints=shared_keypoints,
        mirrored=mirrored,
    )
    table = match_predictions(paths_or_folder, settings, None if rig is None else rig.names)
    return load_matched(table, settings, progress=progress, cancelled=cancelled)


def load_matched(
    table: MatchTable,
    settings: ReadingSettings,
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Ensemble:
    """Read the files of a table that `match_predictions` made with the same settings.

    Parameters, results and errors are those of `load_predictions`.
    """
    if not 0 <= settings.min_likelihood <= 1:
        raise PoseDataError(
            f"the minimal likelihood is {settings.min_likelihood}", expected="a number from 0 to 1"
        )
    table = table.for_session(settings.session)
    warnings = _check_complete(table, settings)
    individual = _common_individual(table, settings.individual)
    keypoints = _common_keypoints(table, settings, individual, warnings)
    read: dict[tuple[str, str], PredictionTable] = {}
    # The rows of a mirrored file follow each other: it is read once.
    for path, rows in groupby(table.rows, key=lambda row: row.path):
        if cancelled is not None and cancelled():
            raise Cancelled
        if progress is not None:
            progress("reading predictions", len(read), len(table.rows))
        if path.suffix.lower() == ".h5":
            predictions = read_prediction_h5(path, individual)
        else:
            predictions = read_prediction_csv(path, individual, cancelled=cancelled)
        for row in rows:
            part = predictions
            if settings.mirrored:
                part = one_view(predictions, row.view, row.header.keypoints(individual))
            read[row.model, row.view] = part
    warnings += _check_lengths(table, read, settings.allow_missing)
    arrays = _assemble(table, read, keypoints, warnings)
    # Half a position is of no use to anybody.
    arrays["xy"][np.isnan(arrays["xy"]).any(axis=-1)] = np.nan
    if settings.min_likelihood > 0:
        arrays["xy"][arrays["likelihood"] < settings.min_likelihood] = np.nan
    if progress is not None:
        progress("reading predictions", len(table.rows), len(table.rows))
    return Ensemble(
        **arrays,
        models=table.models,
        views=table.views,
        keypoints=keypoints,
        session=table.sessions[0],
        individual=individual,
        sources=tuple(SourceFile(row.path, row.view, row.model) for row in table.rows),
        unmatched=table.unmatched,
        warnings=tuple(warnings),
    )


def _check_complete(table: MatchTable, settings: ReadingSettings) -> list[str]:
    """Raise when views or seeds lack; return warnings where that is allowed."""
    session = table.sessions[0]
    if absent := [view for view in settings.views if view not in table.views]:
        raise PoseDataError(
            f"session '{session}' has no predictions of view {', '.join(absent)}",
            expected=f"some of {', '.join(table.views)}",
            todo="Leave it out of --views, or "
            + ("check the names of the keypoints" if settings.mirrored else "add its files"),
        )
    problems = []
    # Extra cameras of a rig are no fault. A view of the project without predictions may be one.
    if table.project and table.known_views == table.project.view_names:
        problems += [
            f"view {view} (project.yaml) has no predictions"
            for view in table.project.view_names
            if view not in table.views
        ]
    problems += [f"{model} has no view {view}" for _, model, view in table.missing]
    if problems and not settings.allow_missing:
        raise PoseDataError(
            f"the predictions of session '{session}' are not complete: {_listed(problems)}",
            expected=f"a file of each of the {len(table.models)} prediction sets for each view",
            todo=_ALLOW,
        )
    return [f"Not complete: {problem}." for problem in problems]


def _common_individual(table: MatchTable, wanted: str | None) -> str | None:
    chosen: dict[str | None, Path] = {}
    for row in table.rows:
        try:
            chosen.setdefault(choose_individual(row.header, wanted), row.path)
        except PoseDataError as error:
            raise in_file(error, row.path) from None
    if len(chosen) > 1:
        names = [f"{name or 'none named'} in {path.name}" for name, path in chosen.items()]
        raise PoseDataError(
            f"the files hold different individuals: {', '.join(names)}",
            expected="the same individual in all files",
        )
    return next(iter(chosen))


def _common_keypoints(
    table: MatchTable, settings: ReadingSettings, individual: str | None, warnings: list[str]
) -> tuple[str, ...]:
    view_of = "view {0.view} of " if settings.mirrored else ""
    names = [
        (f"{view_of.format(row)}{row.path.name}", row.header.keypoints(individual))
        for row in table.rows
    ]
    everything = dict.fromkeys(keypoint for _, have in names for keypoint in have)
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
    problems = [f"{', '.join(absent)} in {place}" for place, absent in lacking]
    shared = tuple(name for name in wanted if not any(name in absent for _, absent in lacking))
    if not settings.shared_keypoints:
        raise PoseDataError(
            f"keypoints are missing: {_listed(problems)}",
            expected="the same keypoints in all files",
            todo="Go on with the shared ones with --shared-keypoints",
        )
    if not shared:
        raise PoseDataError(f"the files share no keypoint; missing are {_listed(problems)}")
    warnings.append(
        f"Only the {len(shared)} shared keypoints are used; missing are {_listed(problems)}."
    )
    return shared


def _check_lengths(
    table: MatchTable, read: dict[tuple[str, str], PredictionTable], allow_missing: bool
) -> list[str]:
    lengths: dict[str, dict[int, list[str]]] = {}
    for (model, view), predictions in read.items():
        lengths.setdefault(view, {}).setdefault(len(predictions.xy), []).append(model)
    if len({n for by_length in lengths.values() for n in by_length}) == 1:
        return []
    parts = []
    for view in table.views:
        if len(lengths[view]) == 1:
            parts.append(f"{view} has {next(iter(lengths[view]))}")
        else:
            each = (f"{n} ({', '.join(models)})" for n, models in lengths[view].items())
            parts.append(f"{view} has {', '.join(each)}")
    problem = f"the numbers of frames differ: {'; '.join(parts)}"
    if not allow_missing:
        raise PoseDataError(
            problem,
            expected="the same frames in all files, since row n is the same instant in all views",
            todo="Go on with --allow-missing, which treats the frames at the end as missing",
        )
    return [f"{problem[0].upper()}{problem[1:]}. What lacks at the end is treated as missing."]


def _assemble(
    table: MatchTable,
    read: dict[tuple[str, str], PredictionTable],
    keypoints: tuple[str, ...],
    warnings: list[str],
) -> dict[str, FloatArray]:
    n_frames = max(len(predictions.xy) for predictions in read.values())
    shape = (len(table.models), len(table.views), n_frames, len(keypoints))
    arrays = {"xy": np.full((*shape, 2), np.nan, np.float32)}
    arrays["likelihood"] = np.full(shape, np.nan, np.float32)
    for name in PAIRS:
        have = [getattr(predictions, name) is not None for predictions in read.values()]
        if all(have):
            arrays[name] = np.full((*shape, 2), np.nan, np.float32)
        elif any(have):
            warnings.append(f"The {name.replace('_', ' ')} is not in all files and is left out.")
    for m, model in enumerate(table.models):
        for v, view in enumerate(table.views):
            # Taken out of the dictionary, so that not everything is in memory twice.
            predictions = read.pop((model, view), None)
            if predictions is None:
                continue
            order = [predictions.keypoints.index(name) for name in keypoints]
            for name, array in arrays.items():
                values = getattr(predictions, name)
                array[m, v, : len(values)] = values[:, order]
    return arrays


def _listed(items: Sequence[str], most: int = 8) -> str:
    more = f"; and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more
