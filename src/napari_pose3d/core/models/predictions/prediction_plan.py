"""Which sessions have to be predicted by which networks, and what each needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_pose3d.core.projects.naming.file_names import SINGLE_VIEW
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError

from ..configuration.config_file import CONFIG_YAML, names_at
from ..configuration.crops import trained_on_crops
from ..listing.model_list import Network
from ..proposals.exported_network import exported_file
from .prediction_record import (
    PRECISION,
    SessionPrediction,
    fingerprint,
    is_done,
    read_predictions,
)

VIDEO_PREDS = "video_preds"


@dataclass(frozen=True)
class PredictionJob:
    """One session to be predicted by one network.

    Attributes
    ----------
    network : Network
    session : Session
    wanted : SessionPrediction
        What its record would say.
    done : bool
        Whether it is predicted already.
    foreign : bool
        Whether there are predictions that were not made here, as by Lightning Pose's own app.
    problem : PoseDataError or None
        Why it cannot be predicted.
    """

    network: Network
    session: Session
    wanted: SessionPrediction
    done: bool
    foreign: bool = False
    problem: PoseDataError | None = None


def plan_predictions(
    networks: Sequence[Network], sessions: Sequence[Session], *, exported: bool = False
) -> tuple[PredictionJob, ...]:
    """Which sessions have to be predicted by which networks: session by session.

    A session that cannot be predicted, such as one whose video cannot be read, does not keep the
    others from it; its job has the problem.

    Parameters
    ----------
    networks : sequence of Network
    sessions : sequence of Session
    exported : bool
        Whether their exports are to predict, and not ``litpose``.

    Raises
    ------
    PoseDataError
        A network has no weights.
    """
    weights = {}
    for network in networks:
        if network.state.checkpoint is None:
            raise PoseDataError(
                f"the network {network.name} has no weights ({network.state.describe()})",
                file=network.folder,
                todo="Train it first, or leave it out",
            )
        weights[network.name] = fingerprint(network.state.checkpoint)
    jobs = []
    for session in sessions:
        known: dict[Path, str] = {}
        for network in networks:
            views = network_views(network)
            wanted = SessionPrediction({}, weights[network.name])
            done, problem = False, None
            try:
                wanted = _wanted(network, session, views, weights[network.name], known, exported)
                recorded = read_predictions(network.folder).get(session.name)
                done = is_done(network.folder, recorded, wanted)
            except PoseDataError as error:
                recorded, problem = None, error
            foreign = recorded is None and any(
                (network.folder / VIDEO_PREDS / f"{stem}.csv").is_file()
                for stem in table_stems(session, views).values()
            )
            jobs.append(PredictionJob(network, session, wanted, done, foreign, problem))
    return tuple(jobs)


def _wanted(
    network: Network,
    session: Session,
    views: Sequence[str],
    weights: str,
    known: dict[Path, str],
    exported: bool,
) -> SessionPrediction:
    """What the record would say; `known` are the fingerprints of videos."""
    videos = {}
    for view in views:
        if view not in session.videos:
            raise PoseDataError(
                f"session '{session.name}' has no video of view {view}, and the network "
                f"{network.name} needs all its views ({', '.join(views)})",
                file=session.folder,
                todo="Add the video, or leave the session out",
            )
        path = session.videos[view]
        if path.suffix.lower() != ".mp4":
            raise PoseDataError(
                "litpose predicts videos in .mp4 only",
                file=path,
                todo="Convert it without changing its frames",
            )
        if path not in known:
            known[path] = fingerprint(path)
        videos[view] = known[path]
    boxes = session_boxes(network, session)
    settings: dict[str, Any] = {"boxes": {v: fingerprint(path) for v, path in boxes.items()}}
    if exported and "fp32" not in exported_file(network.folder).name:
        settings[PRECISION] = "fp16"
    return SessionPrediction(videos, weights, settings)


def table_stems(session: Session, views: Sequence[str]) -> dict[str, str]:
    """Names of the tables of a session, ``<session>_<view>``, without their suffix."""
    return {
        view: f"{session.name}_{view}" if view != SINGLE_VIEW else session.videos[view].stem
        for view in views
        if view in session.videos
    }


def network_views(network: Network) -> tuple[str, ...]:
    """The views that a network was trained on."""
    config = network.folder / CONFIG_YAML
    return names_at(network.config, "data.view_names", config) or (SINGLE_VIEW,)


def session_boxes(network: Network, session: Session) -> dict[str, Path]:
    """Bounding boxes of a session's videos, for a network that was trained on crops.

    Raises
    ------
    PoseDataError
        A video has none.
    """
    if not trained_on_crops(network.config):
        return {}
    views = network_views(network)
    lacking = [view for view in views if view not in session.boxes]
    if lacking:
        raise PoseDataError(
            f"the network {network.name} was trained on crops, and session '{session.name}' has no "
            f"bounding boxes of view {', '.join(lacking)}",
            file=session.folder,
            expected="<video>_bbox.csv beside each video",
            todo="Make them with litpose create_bbox",
        )
    return {view: session.boxes[view] for view in views}
