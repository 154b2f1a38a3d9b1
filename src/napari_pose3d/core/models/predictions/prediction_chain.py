"""Sessions predicted by several networks, and then smoothed, as one job."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from napari_pose3d.core.pipeline.file_run import FileRun
from napari_pose3d.core.projects.project import Project, open_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings, SmoothingSettings

from ..installation.litpose_facts import LitposeFacts
from ..installation.litpose_search import Installation
from ..listing.model_list import Network, list_networks
from ..runs.training_state import State
from .chain_progress import ChainMeter, chain_steps, sessions_to_smooth, smoothing_step
from .prediction_plan import PredictionJob, network_views, plan_predictions
from .prediction_run import run_predictions

Which = Literal["new", "all"]


@dataclass
class ChainResult:
    """What a chain did.

    Attributes
    ----------
    predicted : list of (network, session)
        That were predicted now.
    skipped : list of (network, session)
        That were done already.
    kept : list of (network, session)
        Whose predictions were not made here, and were left as they are.
    smoothed : dict of session to list of Path
        Files that were written.
    failed : dict of str to PoseDataError
        What failed, by its name.
    """

    predicted: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    smoothed: dict[str, list[Path]] = field(default_factory=dict)
    failed: dict[str, PoseDataError] = field(default_factory=dict)


def chosen_networks(
    project: str | os.PathLike[str], names: Collection[str] = ()
) -> tuple[Network, ...]:
    """Networks by name; not given: all that are trained to their end.

    Raises
    ------
    PoseDataError
        There is none of a name, or none at all.
    """
    networks = {each.name: each for each in list_networks(project)}
    for name in names:
        if name not in networks:
            raise PoseDataError(
                f"there is no network '{name}'",
                file=project,
                expected=f"one of {', '.join(networks) or 'none that there are'}",
            )
    found = tuple(
        each
        for each in networks.values()
        if (each.name in names if names else each.state.state is State.DONE)
    )
    if not found:
        raise PoseDataError(
            "there is no trained network", file=project, todo="Train one (models train)"
        )
    return found


def chosen_jobs(
    project: Project,
    networks: Sequence[Network],
    sessions: Which | Collection[str],
    *,
    exported: bool = False,
) -> tuple[PredictionJob, ...]:
    """Which sessions are predicted by which networks.

    Parameters
    ----------
    project : Project
    networks : sequence of Network
    sessions : {"new", "all"} or collection of str
        new: those that lack predictions of one of the networks, and have all their videos;
        predictions that were not made here count as done.
    exported : bool
        Whether exports are to predict, and not ``litpose``.

    Raises
    ------
    PoseDataError
        A session of a name is not there, a network has no weights, or none of the sessions can be
        predicted.
    """
    if isinstance(sessions, str):
        views = {view for network in networks for view in network_views(network)}
        chosen: list[Session] = [s for s in project.sessions if views <= s.videos.keys()]
    else:
        chosen = [project.session(name) for name in sessions]
    jobs = plan_predictions(networks, chosen, exported=exported)
    if sessions == "new":
        jobs = _new(jobs)
    problems = [job.problem for job in jobs if job.problem is not None]
    if problems and len(problems) == len(jobs):
        raise problems[0]
    return jobs


def _new(jobs: Sequence[PredictionJob]) -> tuple[PredictionJob, ...]:
    jobs = tuple(replace(job, done=True) if job.foreign else job for job in jobs)
    new = {job.session.name for job in jobs if job.foreign or not job.done}
    return tuple(job for job in jobs if job.session.name in new)


def run_chain(
    project: Project,
    jobs: Sequence[PredictionJob],
    installation: Installation | None,
    *,
    smooth: SmoothingSettings | None = None,
    facts: LitposeFacts | None = None,
    batch_size: int | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> ChainResult:
    """Predict, and smooth the sessions whose predictions are all there.

    Parameters
    ----------
    project : Project
    jobs : sequence of PredictionJob
    installation : Installation or None
        None: without ``litpose``, by exported networks on the CPU.
    smooth : SmoothingSettings, optional
        Not given: predictions only.
    facts, batch_size, cancelled
        As for `run_predictions`.
    progress : callable, optional
        Called with (the present step in words, thousandths of the whole chain, 1000).

    Raises
    ------
    Cancelled
        `cancelled` returned True; what was finished stays.
    """
    result = ChainResult()
    meter = ChainMeter(chain_steps(jobs, smooth=smooth is not None), progress)
    failed = run_predictions(
        jobs,
        installation,
        facts=facts,
        batch_size=batch_size,
        meter=meter,
        cancelled=cancelled,
    )
    for job in jobs:
        place = job.network.name, job.session.name
        if place in failed:
            result.failed[f"{job.session.name} by {job.network.name}"] = failed[place]
        elif job.done and job.foreign:
            result.kept.append(place)
        else:
            (result.skipped if job.done else result.predicted).append(place)
    lacking = {session for _, session in failed}
    for name in sessions_to_smooth(jobs):
        if smooth is None or name in lacking:
            continue
        networks = [job.network for job in jobs if job.session.name == name]
        step = meter.begin(smoothing_step(name))
        try:
            result.smoothed[name] = _smooth(project.folder, name, networks, smooth, step, cancelled)
        except PoseDataError as error:
            result.failed[smoothing_step(name)] = error
    meter.end()
    return result


def _smooth(
    folder: Path,
    session: str,
    networks: Sequence[Network],
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled | None,
) -> list[Path]:
    # What was predicted now is not in the project that was opened before.
    found = open_project(folder).session(session)
    folders = [network.folder for network in networks]
    sets = [
        each.name
        for each in found.sets
        if each.kind == "predictions"
        and any(path.parent.parent in folders for path in each.files.values())
    ]
    work = FileRun([folder], None, ReadingSettings(session=session), sets)
    result = work.smooth(settings, progress, cancelled)
    return work.save(
        result, work.default_folder(), force=True, progress=progress, cancelled=cancelled
    )
