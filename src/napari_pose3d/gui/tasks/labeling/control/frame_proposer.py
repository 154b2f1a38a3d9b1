"""The keypoints of a frame proposed by an exported network, in a thread, as one step of undo."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_pose3d.core.labels import label_actions as actions
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.models.proposals.exported_network import ExportedNetwork
from napari_pose3d.core.models.proposals.frame_proposal import FrameProposal
from napari_pose3d.core.models.proposals.open_videos import OpenVideos
from napari_pose3d.core.models.proposals.session_proposal import propose_session_frame
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.run_bar import ProgressRow
from napari_pose3d.gui.session.proposal_network import ProposalNetwork
from napari_pose3d.settings import IsCancelled, Progress

from .label_controller import LabelController

NO_NETWORK = (
    "No exported network: export one in the tab Models (section Models, Export to ONNX), or "
    "choose a file there (section Propose)."
)
_AGAIN_MS = 100
_MOST_NAMED = 3


class FrameProposer(QObject):
    """Asks the network about the frame that is shown when the user wants it.

    Parameters
    ----------
    control : LabelController
    choice : ProposalNetwork
        Which network.
    progress : ProgressRow
        Of the panel; its Cancel also ends this.
    """

    def __init__(
        self, control: LabelController, choice: ProposalNetwork, progress: ProgressRow
    ) -> None:
        super().__init__(progress)
        self._control, self._choice, self._progress = control, choice, progress
        self._running = JobSlot()
        self._job: Job | None = None
        # Loading takes longer than predicting: (file, when it was written) and the network.
        self._loaded: tuple[tuple[Path, int], ExportedNetwork] | None = None
        self._videos = OpenVideos()
        progress.cancel_clicked.connect(self._cancel)
        progress.destroyed.connect(self._running.abandon)
        control.propose_wanted.connect(self.propose)

    @property
    def is_busy(self) -> bool:
        """Whether the network is at work."""
        return self._job is not None

    def propose(self) -> None:
        """Propose the keypoints of the frame that is shown."""
        control = self._control
        if self.is_busy or not control.may_label():
            return
        path = self._choice.file(control.labeling.session.folder)
        if path is None:
            control.show_message(NO_NETWORK)
            return
        stamp = (path, path.stat().st_mtime_ns)
        network = self._loaded[1] if self._loaded and self._loaded[0] == stamp else None
        frame = control.frame
        job = self._job = Job(
            partial(_propose, control.labeling, frame, path, network, self._videos)
        )
        job.progressed.connect(self._progress.show_progress)
        job.succeeded.connect(partial(self._on_proposed, frame, stamp))
        job.failed.connect(self._on_failed)
        job.stopped.connect(partial(self._end, "Cancelled: nothing is proposed."))
        if network is None:
            self._progress.show_progress(f"loading {path.parent.parent.name}", 0, 0)
        self._running.start(job)

    def stop(self) -> None:
        """Nothing is proposed any more."""
        self._running.abandon()
        if self._job is None:
            self._videos.close()
        self._job = None
        # A job that is not waited for may still read; its videos close when it has ended.
        self._videos = OpenVideos()

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _on_proposed(
        self,
        frame: int,
        stamp: tuple[Path, int],
        found: tuple[ExportedNetwork, FrameProposal],
    ) -> None:
        control = self._control
        if control.labeling.store.is_editing:
            # A label is being dragged; that comes first.
            QTimer.singleShot(_AGAIN_MS, partial(self._on_proposed, frame, stamp, found))
            return
        network, proposal = found
        self._loaded = (stamp, network)
        name = stamp[0].parent.parent.name
        positions = proposed_labels(proposal, control.labeling.keypoints)
        n = actions.propose(control.labeling, frame, positions, name) if positions else 0
        self._end(describe(proposal, name, n, len(positions)))

    def _on_failed(self, message: str) -> None:
        self._end(message)

    def _end(self, message: str) -> None:
        self._job = None
        self._progress.finish()
        self._control.show_message(message)


def proposed_labels(
    proposal: FrameProposal, keypoints: tuple[str, ...]
) -> dict[LabelKey, tuple[tuple[float, float], float | None]]:
    """Positions with their likelihood; keypoints that the project does not have are left out."""
    found: dict[LabelKey, tuple[tuple[float, float], float | None]] = {}
    for v, k in np.argwhere(np.isfinite(proposal.xy[..., 0])):
        if proposal.keypoints[k] in keypoints:
            x, y = proposal.xy[v, k].tolist()
            label_key = LabelKey(proposal.views[v], proposal.keypoints[k])
            found[label_key] = ((x, y), float(proposal.likelihood[v, k]))
    return found


def describe(proposal: FrameProposal, name: str, n: int, n_seen: int) -> str:
    """What was proposed, and where the views disagreed, in words."""
    if not n_seen:
        return f"{name} is not sure of any keypoint here: nothing is proposed."
    if not n:
        return "Everything that the network sees is labeled already."
    text = f"{n} labels are proposed by {name}: C confirms one, Shift+C all, dragging corrects."
    off = [
        f"{proposal.keypoints[k]} in {proposal.views[v]}"
        for v, k in np.argwhere(proposal.disagreeing)
    ]
    if off:
        more = f" and {len(off) - _MOST_NAMED} more" if len(off) > _MOST_NAMED else ""
        text += f" By the other views: {', '.join(off[:_MOST_NAMED])}{more}."
    open_ = [proposal.keypoints[k] for k in np.flatnonzero(proposal.undecided)]
    if open_:
        text += f" Views contradict each other about {', '.join(open_[:_MOST_NAMED])}."
    return text


def _propose(
    labeling: Labeling,
    frame: int,
    path: Path,
    network: ExportedNetwork | None,
    videos: OpenVideos,
    progress: Progress,
    cancelled: IsCancelled,
) -> tuple[ExportedNetwork, FrameProposal]:
    if network is None:
        network = ExportedNetwork(path)
    progress(f"asking {path.parent.parent.name}", 0, 0)
    found = propose_session_frame(network, labeling.session, frame, labeling.rig, videos=videos)
    return network, found
