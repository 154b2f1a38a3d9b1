"""What a review leaves on disk: events, frames to label, and measures.

Notes
-----
``events.csv``: one line per event with its session, kind, keypoints and views (with ";" between
them), first and last frame, the worst frame, the value there and its unit, and severity.
``frames.csv``: the frames to label with session, frame, score and reason.
``measures/<session>_<view>_<measure>.csv``, of points ``<session>_<measure>.csv``: in Lightning
Pose's layout of metrics, one row of keypoints, then a line per frame that begins with its number.
They lie in a folder that its app does not look into, and are not taken for predictions.
``comparison.csv``: where two sets are compared, a line for each session, view and keypoint; the
distance in every frame is the measure ``difference``. ``decisions.csv``: what people decided about
these sessions, see `decisions`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TextIO

from numpy.typing import NDArray

from napari_pose3d.core.formats.predictions.error_csv import write_error_csv
from napari_pose3d.core.storage.atomic_files import FileGroup, refuse_existing
from napari_pose3d.core.storage.path_lists import AnyPath
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.settings import IsCancelled, Progress

from .decisions.decisions import Decision, write_decisions
from .frame_choice import ChosenFrame
from .session_review import SessionSummary
from .set_comparison import COLUMNS as COMPARISON_COLUMNS
from .set_comparison import SetComparison, write_comparison

EVENTS, FRAMES, MEASURES, REPORT = "events.csv", "frames.csv", "measures", "report.html"
COMPARISON, DECISIONS = "comparison.csv", "decisions.csv"
EVENT_COLUMNS = (
    "session",
    "kind",
    "keypoints",
    "views",
    "start",
    "end",
    "peak",
    "value",
    "unit",
    "severity",
)
FRAME_COLUMNS = ("session", "frame", "score", "reason")


def refuse_existing_review(folder: AnyPath) -> None:
    """Refuse a folder that holds a review, before anything is computed.

    Raises
    ------
    PoseDataError
    """
    refuse_existing([Path(folder) / name for name in (EVENTS, FRAMES, REPORT)])


class Named(Protocol):
    """What files of measures are named after: `SessionSummary`, `Poses2D`."""

    @property
    def session(self) -> str: ...
    @property
    def views(self) -> tuple[str, ...]: ...
    @property
    def keypoints(self) -> tuple[str, ...]: ...


class ReviewFiles:
    """Writes a review session by session; all files appear at the end, or none.

    Parameters
    ----------
    folder : path
        Made where it does not exist.
    force : bool
        Whether files of an earlier review may be replaced.

    Raises
    ------
    PoseDataError
        A file exists and ``force`` is False, or the folder cannot be written to.
    """

    def __init__(self, folder: AnyPath, *, force: bool = False) -> None:
        self._folder = Path(folder)
        self._group = FileGroup(overwrite=force)
        self._comparison: TextIO | None = None

    def __enter__(self) -> Self:
        self._group.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._group.__exit__(*error)

    def add_measures(
        self,
        session: Named,
        measures: Mapping[str, NDArray[Any]],
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> None:
        """Write arrays ``(view, frame, keypoint)`` or ``(frame, keypoint)`` by name.

        Raises
        ------
        Cancelled
            `cancelled` returned True.
        """
        for name, values in measures.items():
            for path, part in _measure_files(self._folder, session, name, values):
                write_error_csv(
                    self._group.open(path),
                    part,
                    session.keypoints,
                    progress=progress,
                    cancelled=cancelled,
                )

    def add_comparison(
        self,
        session: SessionSummary,
        comparison: SetComparison,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> None:
        """Write how two sets of a session differ, as a table and in every frame.

        Raises
        ------
        Cancelled
            `cancelled` returned True.
        """
        if self._comparison is None:
            self._comparison = self._group.open(self._folder / COMPARISON)
            csv.writer(self._comparison, lineterminator="\n").writerow(COMPARISON_COLUMNS)
        write_comparison(self._comparison, session.session, comparison)
        stem = session.session or "recording"
        distance = comparison.distance
        for v, view in enumerate(comparison.views):
            write_error_csv(
                self._group.open(self._folder / MEASURES / f"{stem}_{view}_difference.csv"),
                distance[v],
                comparison.keypoints,
                progress=progress,
                cancelled=cancelled,
            )

    def finish(
        self,
        sessions: Sequence[SessionSummary],
        chosen: Sequence[ChosenFrame],
        report: str | None = None,
        decisions: Sequence[Decision] = (),
    ) -> list[Path]:
        """Write the tables and, if there is one, the report; the files of the whole review."""
        if decisions:
            write_decisions(self._group.open(self._folder / DECISIONS), decisions)
        _write_events(self._group.open(self._folder / EVENTS), sessions)
        _write_frames(self._group.open(self._folder / FRAMES), chosen)
        if report is not None:
            self._group.open(self._folder / REPORT, spelled_out=True).write(report)
        return list(self._group.targets)


def _measure_files(
    folder: Path, session: Named, name: str, values: NDArray[Any]
) -> list[tuple[Path, NDArray[Any]]]:
    stem = session.session or "recording"
    refuse_unsafe_names([stem], "session")
    into = folder / MEASURES
    if values.ndim == 2:
        return [(into / f"{stem}_{name}.csv", values)]
    return [(into / f"{stem}_{view}_{name}.csv", values[v]) for v, view in enumerate(session.views)]


def _write_events(stream: TextIO, sessions: Sequence[SessionSummary]) -> None:
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(EVENT_COLUMNS)
    for session in sessions:
        for event in session.events:
            table.writerow(
                (
                    session.session,
                    event.kind.value,
                    ";".join(event.keypoints),
                    ";".join(event.views),
                    event.start,
                    event.end,
                    event.peak,
                    "" if math.isnan(event.value) else f"{event.value:.6g}",
                    event.unit,
                    f"{event.severity:.4g}",
                )
            )


def _write_frames(stream: TextIO, chosen: Sequence[ChosenFrame]) -> None:
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(FRAME_COLUMNS)
    for each in chosen:
        table.writerow((each.session, each.frame, f"{each.score:.4g}", each.reason))
