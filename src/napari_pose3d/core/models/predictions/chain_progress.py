"""One measure of progress over a chain: sessions predicted by networks, and then smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.video.metadata import video_metadata
from napari_pose3d.settings import Progress

from .prediction_plan import PredictionJob

WHOLE = 1000
"""What a chain counts up to."""
# A session is smoothed in some tenth of the time in which one network predicts it on a CPU.
_SMOOTHING = 0.1


@dataclass(frozen=True)
class ChainStep:
    """One step of a chain.

    Attributes
    ----------
    name : str
        Such as "predicting mouse1 by net-seed0".
    weight : float
        What it takes, in frames that are predicted.
    """

    name: str
    weight: float


def chain_steps(jobs: Sequence[PredictionJob], *, smooth: bool) -> tuple[ChainStep, ...]:
    """The steps of a chain, in their order; what is done already is none.

    Parameters
    ----------
    jobs : sequence of PredictionJob
    smooth : bool
        Whether sessions are smoothed afterwards.
    """
    frames: dict[str, int] = {}
    for job in jobs:
        if job.session.name not in frames:
            frames[job.session.name] = _n_frames(job.session)
    known = [n for n in frames.values() if n]
    usual = sum(known) / len(known) if known else 1.0
    steps = [
        ChainStep(prediction_step(job), frames[job.session.name] or usual)
        for job in jobs
        if not job.done
    ]
    if smooth:
        for name in sessions_to_smooth(jobs):
            steps.append(ChainStep(smoothing_step(name), _SMOOTHING * (frames[name] or usual)))
    return tuple(steps)


def sessions_to_smooth(jobs: Sequence[PredictionJob]) -> tuple[str, ...]:
    """Sessions of a chain but for those whose predictions were all made elsewhere."""
    return tuple(dict.fromkeys(job.session.name for job in jobs if not (job.foreign and job.done)))


def prediction_step(job: PredictionJob) -> str:
    """The name of the step in which a session is predicted."""
    return f"predicting {job.session.name} by {job.network.name}"


def smoothing_step(session: str) -> str:
    """The name of the step in which a session is smoothed."""
    return f"smoothing {session}"


class ChainMeter:
    """Adds the progress of steps up to that of the whole, which never goes back.

    Parameters
    ----------
    steps : sequence of ChainStep
    progress : callable, optional
        Called with (the present step in words, thousandths that are done, 1000).

    Attributes
    ----------
    steps : tuple of ChainStep
    present : int
        Number of the present step, from 0; -1 before the first.
    done : int
        Thousandths.
    """

    def __init__(self, steps: Sequence[ChainStep], progress: Progress | None = None) -> None:
        self.steps = tuple(steps)
        self.present = -1
        self.done = 0
        self._progress = progress
        self._stages: list[str] = []

    def begin(self, name: str) -> Progress:
        """Go on to a step; those before it are over, however they ended.

        Returns
        -------
        Progress
            For the work of the step. How many stages it has is not known before: each takes half
            of what is left of the step.
        """
        names = [step.name for step in self.steps]
        self.present = names.index(name, max(0, self.present))
        self._stages = []
        self._report(0.0, "")
        return self._on_step

    def end(self) -> None:
        """All steps are over."""
        if self.steps:
            self.present = len(self.steps) - 1
            self._report(1.0, "")

    def _on_step(self, stage: str, done: int, total: int) -> None:
        if stage not in self._stages:
            self._stages.append(stage)
        within = min(1.0, done / total) if total > 0 else 0.0
        if stage in ("", self.steps[self.present].name):
            self._report(within, "")
            return
        left = 0.5 ** (len(self._stages) - 1)
        self._report(1 - left + left * within / 2, stage)

    def _report(self, share: float, stage: str) -> None:
        weights = [step.weight for step in self.steps]
        over = sum(weights[: self.present]) + share * weights[self.present]
        self.done = max(self.done, int(WHOLE * over / sum(weights)))
        if self._progress is not None:
            step = self.steps[self.present]
            words = f"{step.name} ({self.present + 1} of {len(self.steps)})"
            self._progress(f"{words}: {stage}" if stage else words, self.done, WHOLE)


def _n_frames(session: Session) -> int:
    """Frames of a session by the header of its first video; 0 where that does not tell."""
    path = next(iter(session.videos.values()), None)
    return 0 if path is None else video_metadata(path).n_frames or 0
