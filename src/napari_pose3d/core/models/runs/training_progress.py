"""A training followed by the files that it writes: epochs, errors in px, curves, time left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_pose3d.errors import PoseDataError

from .event_file import EventReader, Scalar
from .model_folder import ERROR_LOG, OUT_LOG, event_files, log_tail
from .training_state import TrainingState, training_state

TRAIN_ERROR, VALIDATION_ERROR = "train_supervised_rmse", "val_supervised_rmse"
"""Pixels; the losses of training and validation cannot be compared while the 3-D loss grows."""
TRAIN_LOSS, VALIDATION_LOSS = "train_supervised_loss", "val_supervised_loss"


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is.

    Attributes
    ----------
    state : TrainingState
    epoch, epochs : int
        Completed, and in all; 0 where it is not known yet.
    step : int
        Of the last value.
    curves : mapping of tag to list of Scalar
    train_error, validation_error : float or None
        The last root mean square error in px (of resized images).
    seconds_left : float or None
        An estimate from the epochs that were done.
    log : tuple of str
        The last lines.
    damage : str
        Why curves may be incomplete; "" for no damage.
    """

    state: TrainingState
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    curves: Mapping[str, list[Scalar]] = field(default_factory=dict)
    train_error: float | None = None
    validation_error: float | None = None
    seconds_left: float | None = None
    log: tuple[str, ...] = ()
    damage: str = ""

    def describe(self) -> str:
        """In one line."""
        parts = [self.state.describe()]
        if self.validation_error is not None:
            parts.append(f"validation error {self.validation_error:.1f} px")
        elif self.train_error is not None:
            parts.append(f"training error {self.train_error:.1f} px")
        if self.seconds_left is not None and not self.state.state.is_over:
            parts.append(f"about {duration(self.seconds_left)} left")
        if self.state.failure is not None:
            parts.append(str(self.state.failure))
        return "; ".join(parts)


class TrainingFollower:
    """Reads what a training has added to its files since the last look.

    Parameters
    ----------
    folder : Path
        Of the network; files may appear later.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._readers: dict[Path, EventReader] = {}
        self._curves: dict[str, list[Scalar]] = {}
        self._damage = ""

    def look(self) -> TrainingProgress:
        """How far it is now; takes milliseconds.

        Raises
        ------
        PoseDataError
            Our record is damaged.
        """
        state = training_state(self.folder)
        for path in event_files(self.folder):
            reader = self._readers.setdefault(path, EventReader(path))
            try:
                for each in reader.read():
                    self._curves.setdefault(each.tag, []).append(each)
            except PoseDataError as error:
                # Moved away in this moment, or not ours to read.
                self._damage = str(error)
            self._damage = reader.damage or self._damage
        status = state.status
        last = [values[-1].step for values in self._curves.values()]
        lines = (*log_tail(self.folder / OUT_LOG), *log_tail(self.folder / ERROR_LOG))
        return TrainingProgress(
            state,
            0 if status is None else status.completed,
            0 if status is None else status.total,
            max(last, default=0),
            {tag: list(values) for tag, values in self._curves.items()},
            self._last(TRAIN_ERROR),
            self._last(VALIDATION_ERROR),
            self._seconds_left(state),
            lines,
            self._damage,
        )

    def _last(self, tag: str) -> float | None:
        values = self._curves.get(tag)
        return values[-1].value if values else None

    def _seconds_left(self, state: TrainingState) -> float | None:
        status = state.status
        times = [values[0].seconds for values in self._curves.values() if values]
        if status is None or not times or not 0 < status.completed <= status.total:
            return None
        took = status.seconds - min(times)
        if took <= 0:
            return None
        return took / status.completed * (status.total - status.completed)


def duration(seconds: float) -> str:
    """A time in words, such as "2 h 05 min"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
