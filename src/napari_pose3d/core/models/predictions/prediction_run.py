"""Sessions predicted by networks, one after the other, and counted by the files that appear."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from napari_pose3d.core.formats.predictions.prediction_csv import count_frames
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.core.video.metadata import video_metadata
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress
from napari_pose3d.wording import counted

from ..configuration.config_file import value_at
from ..installation.litpose_facts import LitposeFacts
from ..installation.litpose_process import run_litpose
from ..installation.litpose_search import Installation
from ..proposals.exported_network import ExportedNetwork
from ..proposals.session_prediction import predict_session
from ..runs.failure_messages import failure_of
from ..runs.model_folder import log_tail
from .chain_progress import ChainMeter, chain_steps, prediction_step
from .prediction_batch import prediction_batch
from .prediction_plan import (
    VIDEO_PREDS,
    PredictionJob,
    network_views,
    session_boxes,
    table_stems,
)
from .prediction_record import (
    PRECISION,
    note_prediction,
)

_LOG = "predict_log.txt"


def run_predictions(
    jobs: Sequence[PredictionJob],
    installation: Installation | None,
    *,
    facts: LitposeFacts | None = None,
    batch_size: int | None = None,
    meter: ChainMeter | None = None,
    cancelled: IsCancelled | None = None,
) -> dict[tuple[str, str], PoseDataError]:
    """Predict what is not done yet; one that fails does not keep the others from it.

    Parameters
    ----------
    jobs : sequence of PredictionJob
    installation : Installation or None
        None: without ``litpose``, by exported networks on the CPU.
    facts : LitposeFacts, optional
        What its environment holds; not given: as without a GPU.
    batch_size : int, optional
        Frames at once; not given: by the memory that is there.
    meter : ChainMeter, optional
        With a step for each job that is not done.
    cancelled : callable, optional
        Asked some ten times per second.

    Returns
    -------
    dict of (network, session) to PoseDataError
        What failed, and why.

    Raises
    ------
    Cancelled
        `cancelled` returned True; sessions that were finished stay.
    """
    failed = {}
    meter = meter or ChainMeter(chain_steps(jobs, smooth=False))
    for job in jobs:
        if job.done:
            continue
        if job.problem is not None:
            failed[job.network.name, job.session.name] = job.problem
            continue
        progress = partial(_without_stage, meter.begin(prediction_step(job)))
        batch = batch_size or prediction_batch(job.network.config, facts)
        try:
            if installation is None:
                _predict_exported(job, progress, cancelled)
                continue
            _predict(job, installation, facts, batch, progress, cancelled)
        except PoseDataError as error:
            failed[job.network.name, job.session.name] = error
    return failed


def _without_stage(progress: Progress, stage: str, done: int, total: int) -> None:
    """A step of one stage."""
    progress("", done, total)


def predict_command(
    litpose: Path,
    network: Path,
    videos: Sequence[Path],
    batch: int,
    *,
    gpu: bool = False,
    progress_file: Path | None = None,
    boxes: Path | None = None,
) -> list[str]:
    """How a session is predicted."""
    command = [str(litpose), "predict", str(network), *map(str, videos)]
    command += ["--skip_viz", "--overwrite", "--batch_size", str(batch)]
    if not gpu:
        command += ["--reader", "opencv"]
    if boxes is not None:
        command += ["--bbox_dir", str(boxes)]
    if progress_file is not None:
        command += ["--progress_file", str(progress_file)]
    return command


def _predict(
    job: PredictionJob,
    installation: Installation,
    facts: LitposeFacts | None,
    batch: int,
    progress: Progress,
    cancelled: IsCancelled | None,
) -> None:
    views = network_views(job.network)
    with tempfile.TemporaryDirectory(prefix="napari-pose3d-predict-") as name:
        work = Path(name)
        videos, boxes = _named_files(job, views, work)
        outputs = {
            view: job.network.folder / VIDEO_PREDS / f"{videos[view].stem}.csv" for view in views
        }
        before = {view: _stamp(path) for view, path in outputs.items()}
        progress_file = work / "progress.json"
        command = predict_command(
            installation.executable,
            job.network.folder,
            list(videos.values()),
            batch,
            gpu=facts is not None and bool(facts.gpus),
            progress_file=progress_file,
            boxes=boxes,
        )

        def watch(pid: int) -> None:
            progress("", *_progress(progress_file))

        with (work / _LOG).open("wb") as log_file:
            run_litpose(command, work, log_file, watch=watch, cancelled=cancelled)
        n_frames = _n_frames(job.session, views)
        log = log_tail(work / _LOG, 200)
        for view in views:
            path = outputs[view]
            if not path.is_file() or _stamp(path) == before[view]:
                raise _not_written(job, f"no new predictions of view {view} were written", log)
            rows = count_frames(path)
            if rows not in n_frames[view]:
                raise _not_written(
                    job,
                    f"the predictions of view {view} have {counted(rows, 'row')}, and the video "
                    f"{counted(max(n_frames[view]), 'frame')}",
                    log,
                )
    files = {view: path.name for view, path in outputs.items()}
    done = replace(job.wanted, files=files, n_frames=rows)
    note_prediction(job.network.folder, job.session.name, done)


def _predict_exported(
    job: PredictionJob, progress: Progress, cancelled: IsCancelled | None
) -> None:
    if job.wanted.settings["boxes"]:
        raise PoseDataError(
            "exported networks cannot be used here with bounding boxes",
            file=job.network.folder,
            todo="Predict with litpose",
        )
    network = ExportedNetwork(job.network.folder)
    scorer = f"{value_at(job.network.config, 'model.model_type')}_tracker"
    paths = predict_session(
        network,
        job.session,
        job.network.folder,
        scorer=scorer,
        progress=progress,
        cancelled=cancelled,
    )
    files = {view: path.name for view, path in zip(network.views, paths, strict=True)}
    settings = {k: v for k, v in job.wanted.settings.items() if k != PRECISION}
    if network.precision != "fp32":
        settings[PRECISION] = network.precision
    n_frames = count_frames(paths[0])
    done = replace(job.wanted, settings=settings, files=files, n_frames=n_frames)
    note_prediction(job.network.folder, job.session.name, done)


def _named_files(
    job: PredictionJob, views: Sequence[str], work: Path
) -> tuple[dict[str, Path], Path | None]:
    """Videos under the names by which ``litpose`` groups them, ``<session>_<view>.mp4``."""
    videos = {view: job.session.videos[view] for view in views}
    boxes = session_boxes(job.network, job.session)
    names = table_stems(job.session, views)
    right = all(path.stem == names[view] for view, path in videos.items())
    folders = {path.parent for path in boxes.values()}
    if right and len(folders) <= 1:
        return videos, next(iter(folders), None)
    linked = {}
    for view, path in videos.items():
        linked[view] = work / f"{names[view]}.mp4"
        linked[view].symlink_to(path.absolute())
        if boxes:
            (work / f"{names[view]}_bbox.csv").symlink_to(boxes[view].absolute())
    return linked, work if boxes else None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _progress(path: Path) -> tuple[int, int]:
    try:
        text = read_text(path)
        with input_errors(path, KeyError, TypeError):
            content = json.loads(text)
            return int(content["completed"]), int(content["total"])
    except PoseDataError:
        # Not there yet, or being written.
        return 0, 0


def _n_frames(session: Session, views: Sequence[str]) -> dict[str, set[int]]:
    """Frames of each video: as they are counted, and as its header claims."""
    found = {}
    for view in views:
        video = open_video(session.videos[view])
        try:
            found[view] = {int(video.shape[0])}
        finally:
            video.close()
        claimed = video_metadata(session.videos[view]).n_frames
        if claimed is not None:
            found[view].add(claimed)
    return found


def _not_written(job: PredictionJob, problem: str, log: Sequence[str]) -> PoseDataError:
    failure = failure_of(log)
    why = f" ({failure.problem[0].lower()}{failure.problem[1:]})" if failure is not None else ""
    return PoseDataError(
        f"{problem}{why}",
        file=job.network.folder,
        place=f"session {job.session.name}",
        todo=failure.remedy if failure is not None and failure.remedy else None,
    )
