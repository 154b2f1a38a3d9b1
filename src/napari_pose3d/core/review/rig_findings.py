"""What a session's predictions tell about its calibration, for the report of a review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_pose3d.core.poses.arrays import Result, observed_mask
from napari_pose3d.settings import IsCancelled, never_cancelled

from .events.events import Event
from .events.failures import ADVICE, Failure
from .measures.measures import raw_positions

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.lint.rig_lint import Finding
    from napari_pose3d.core.cameras.rig import Rig

# Lags of cameras are looked for in the middle of a recording, in the keypoints that are seen most:
# that takes long, and short recordings do not tell them from errors of the networks.
_FEWEST, _FRAMES, _KEYPOINTS = 1000, 20_000, 4


@dataclass(frozen=True)
class CameraAgreement:
    """How one camera agrees with the others, medians in px.

    Attributes
    ----------
    camera : str
    residual : float
        To the point of all cameras.
    left_out : float
        To the point of the other cameras.
    expected : float
        What ``left_out`` would be if only noise made it; NaN with two cameras.
    epipolar : float
        To the epipolar curves of the other cameras.
    """

    camera: str
    residual: float
    left_out: float
    expected: float
    epipolar: float


@dataclass(frozen=True)
class RigFindings:
    """A calibration held against a session.

    Attributes
    ----------
    findings : tuple of Finding
        The gravest first.
    agreement : tuple of CameraAgreement
        Empty where too few points are seen by two cameras.
    """

    findings: tuple[Finding, ...]
    agreement: tuple[CameraAgreement, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Errors and warnings."""
        return tuple(each for each in self.findings if each.severity != "note")


def rig_findings(
    result: Result,
    rig: Rig,
    moved: Sequence[Event] = (),
    *,
    image_sizes: Mapping[str, tuple[int, int]] | None = None,
    frame_rate: float | None = None,
    cancelled: IsCancelled | None = None,
) -> RigFindings:
    """Hold a calibration against a session, as ``rig check`` does.

    Parameters
    ----------
    result : Result
        With the predictions that it was made from.
    rig : Rig
    moved : sequence of Event
        Cameras that were moved, which the review has found already.
    image_sizes : mapping of view to (width, height), optional
        px of videos that show the rig's images.
    frame_rate : float, optional
        Frames a second: for words only.
    cancelled
        As for `smooth`.

    Raises
    ------
    PoseDataError
        The result was saved without its predictions.
    Cancelled
        `cancelled` returned True.
    """
    from napari_pose3d.core.calibration.lint.data_lint import compare_rig, out_of_step
    from napari_pose3d.core.calibration.lint.rig_lint import check_rig

    asked = cancelled or never_cancelled
    poses = result.poses2d
    raw = raw_positions(poses)
    first = max((raw.shape[1] - _FRAMES) // 2, 0)
    xy = np.asarray(raw[:, first : first + _FRAMES], np.float64)
    mine = rig.subset(poses.views)
    found = [*check_rig(rig, image_sizes), *(_moved(event) for event in moved)]
    compared, errors = compare_rig(mine, xy, clocks=False, cancelled=asked)
    found += compared
    # With exchanged cameras everything else is off as well.
    if xy.shape[1] >= _FEWEST and not any(each.severity == "error" for each in compared):
        seen = observed_mask(xy).sum(axis=(0, 1))
        most = np.sort(np.argsort(-seen, kind="stable")[:_KEYPOINTS])
        found += out_of_step(mine, xy[:, :, most], frame_rate, asked)
    order = ("error", "warning", "note")
    found.sort(key=lambda each: order.index(each.severity))
    agreement = []
    if errors is not None:
        columns = [
            values.tolist()
            for values in (errors.residual, errors.left_out, errors.expected, errors.epipolar)
        ]
        agreement = [CameraAgreement(*row) for row in zip(mine.names, *columns, strict=True)]
    return RigFindings(tuple(found), tuple(agreement))


def _moved(event: Event) -> Finding:
    from napari_pose3d.core.calibration.lint.rig_lint import Finding

    who = " or ".join(event.views)
    if event.kind is Failure.DRIFT:
        problem = f"camera {who} turned slowly during the recording"
    else:
        problem = f"camera {who} was moved near frame {event.start}"
    todo = ADVICE[event.kind].rstrip(".")
    return Finding("warning", problem, event.views, {"degrees": event.value}, todo)
