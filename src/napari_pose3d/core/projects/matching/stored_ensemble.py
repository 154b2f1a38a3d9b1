"""An ensemble that stays in its files and is read view by view.

All predictions of a long recording do not fit into memory beside what is computed from them, and
need not: the smoothers look at the ensemble's centre and spread only, and these are found for one
view at a time.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np

from napari_pose3d.core.formats.number_text.plain_csv import NumberBuffer
from napari_pose3d.core.formats.predictions.mirrored_table import one_view
from napari_pose3d.core.formats.predictions.prediction_csv import count_frames, read_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_h5 import read_prediction_h5
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.formats.predictions.table_header import PAIRS
from napari_pose3d.core.poses.arrays import ENSEMBLE_ARRAYS, Ensemble, FloatArray, SourceFile
from napari_pose3d.core.video.metadata import video_metadata
from napari_pose3d.errors import Cancelled, PoseDataError, Remedy
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings

from ..alignment.frame_rates import ADVICE, EXPECTED, GIVE_TIMES, REMEDIES, differing_rates
from ..naming.file_names import composed
from .completeness import (
    check_complete,
    common_keypoints,
    describe_lengths,
    describe_other_lengths,
    lengths_differ,
    with_individual,
)
from .match_table import MatchRow, MatchTable

_STAGE = "reading predictions"
# What is copied at once stays in the processor's cache.
_FRAMES_AT_ONCE = 4096
# Cameras that are started and stopped together differ by less than this factor in their frames.
_OTHER_LENGTH = 1.05
# Some networks' heatmaps are a little larger than 1 at their peaks.
_LARGEST_LIKELIHOOD = 1.5


class Adjust(Protocol):
    """What is done to the ensemble of each view after reading (`alignments`)."""

    @property
    def shifts_frames(self) -> bool:
        """Whether the views may differ in their number of frames."""

    @property
    def pairs_by_time(self) -> bool:
        """Whether the cameras differ in their frame rates, and their times are known."""

    def shifts(self, view: str) -> bool:
        """Whether the frames of a view are shifted."""

    def unlike_times(self, view: str, n_frames: int) -> str:
        """In words, that a view has another number of frames than times; "" where it has not."""

    def __call__(self, ensemble: Ensemble) -> Ensemble: ...


class _Rooms(threading.local):
    """Memory that the files of one view are read into one after the other, for each thread."""

    def __init__(self) -> None:
        self.mine = NumberBuffer()


class StoredEnsemble:
    """The prediction files of one session, matched and checked by their headers.

    Parameters
    ----------
    table : MatchTable
        From `match_predictions` with the same settings.
    settings : ReadingSettings
    adjust : EnsembleAlignment, optional
        What is done to the ensemble of each view after reading; where it shifts frames, the files
        of different views may differ in their number of lines.

    Attributes
    ----------
    models, views, keypoints : tuple of str
    session : str
    individual : str or None
    sources : tuple of SourceFile
    unmatched : tuple of (path, reason)

    Raises
    ------
    PoseDataError
        When the files are not complete, hold several individuals, or differ in their keypoints,
        and that was not allowed.
    """

    def __init__(
        self, table: MatchTable, settings: ReadingSettings, adjust: Adjust | None = None
    ) -> None:
        if not 0 <= settings.min_likelihood <= 1:
            raise PoseDataError(
                f"the minimal likelihood is {settings.min_likelihood}",
                expected="a number from 0 to 1",
            )
        table = table.for_session(settings.session)
        self._settings = settings
        self._adjust = adjust
        self._warnings = [*check_complete(table, settings), *table.unused_settings]
        table, self.individual = with_individual(table, settings, self._warnings)
        self.keypoints = common_keypoints(table, settings, self.individual, self._warnings)
        self.models, self.views = table.models, table.views
        self.session = table.sessions[0]
        self.sources = tuple(SourceFile(row.path, row.view, row.model) for row in table.rows)
        self.unmatched = table.unmatched
        self._rows = {(row.model, row.view): row for row in table.rows}
        self._video_frames: dict[str, int] = {}
        self._check_rates(table)
        self._pairs = self._common_pairs()
        self._odd_likelihoods: dict[Path, float] = {}
        self._unlike_times: dict[str, str] = {}
        self._lengths: dict[tuple[str, str], int] = {}
        self._adjusted_lengths: dict[tuple[str, str], int] = {}
        # The other views of a mirrored file that was read for one of them.
        self._waiting: dict[tuple[str, str], PredictionTable] = {}

    def __getstate__(self) -> dict[str, object]:
        # By the paths of its files: what was read of them stays here.
        return {**self.__dict__, "_waiting": {}}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was assumed, so far."""
        lengths = self._in_order_of_files(self._lengths)
        found = [describe_lengths(views, lengths) for views in self._of_one_length()]
        found.append(describe_lengths(self.views, self._adjusted_lengths))
        notes = [
            f"{problem[0].upper()}{problem[1:]}. What lacks at the end is treated as missing."
            for problem in found
            if problem is not None
        ]
        if problem := describe_other_lengths(lengths, self._video_frames):
            notes.append(problem)
        notes += self._unlike_times.values()
        odd = [row.path for row in self._rows.values() if row.path in self._odd_likelihoods]
        if odd:
            more = f" (and in {len(odd) - 1} more files)" if len(odd) > 1 else ""
            notes.append(
                f"The likelihood is {self._odd_likelihoods[odd[0]]:.5g} in {odd[0].name}{more}: it "
                "has to be from 0 to 1, since variances and thresholds are computed from it."
            )
        return (*self._warnings, *notes)

    def add_note(self, note: str) -> None:
        """Say one more thing in ``warnings``."""
        self._warnings.append(note)

    def one_view(
        self,
        view: int,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
        threads: int | None = None,
    ) -> Ensemble:
        """Read the files of one view.

        Parameters
        ----------
        view : int
        progress : callable, optional
            Called with (stage, done, total) for every file; done counts those of all views.
        cancelled : callable, optional
            Asked between blocks of lines.
        threads : int, optional
            How many files are read at once; not given: one per processor.

        Raises
        ------
        PoseDataError
            When a file is damaged, or the numbers of frames differ and that was not allowed.
        Cancelled
            When `cancelled` returns true.
        """
        name = self.views[view]
        arrays: dict[str, FloatArray] = {}
        one_at_a_time = threading.Lock()
        rooms = _Rooms()

        def look_at_cancel() -> None:
            if cancelled is not None and cancelled():
                raise Cancelled

        def read(m: int) -> None:
            model = self.models[m]
            look_at_cancel()
            part = self._read(self._rows[model, name], rooms, cancelled)
            self._note_likelihoods(self._rows[model, name].path, part.likelihood)
            place = {composed(keypoint): i for i, keypoint in enumerate(part.keypoints)}
            order = [place[composed(keypoint)] for keypoint in self.keypoints]
            in_order = order == list(range(len(part.keypoints)))
            for some in _in_parts(len(part.xy)):
                look_at_cancel()
                self._blank(part.xy[some], part.likelihood[some])
            # A table goes into the arrays at once, so that few are in memory beside them.
            with one_at_a_time:
                self._note_length(model, name, len(part.xy))
                for array_name in ("xy", "likelihood", *self._pairs):
                    values = getattr(part, array_name)
                    shape = (len(self.models), 1, len(values), len(order), *values.shape[2:])
                    array = with_room(arrays.get(array_name), shape)
                    for some in _in_parts(len(values)):
                        look_at_cancel()
                        _copy(
                            values[some] if in_order else values[some][:, order], array[m, 0, some]
                        )
                    array[m, 0, len(values) :] = np.nan
                    arrays[array_name] = array
                if progress is not None:
                    progress(_STAGE, len(self._lengths), len(self._rows))

        if progress is not None and not self._lengths:
            progress(_STAGE, 0, len(self._rows))
        there = [m for m, model in enumerate(self.models) if (model, name) in self._rows]
        # A mirrored file is read once for all its views.
        at_once = 1 if self._settings.mirrored else threads or os.cpu_count() or 1
        pool = ThreadPoolExecutor(max_workers=max(min(at_once, len(there)), 1))
        try:
            for _ in pool.map(read, there):
                pass
        finally:
            # After an error or a Cancel the files still waiting are not begun.
            pool.shutdown(wait=True, cancel_futures=True)
        absent = [m for m in range(len(self.models)) if m not in there]
        for array in arrays.values():
            array[absent] = np.nan
        found = self._ensemble((name,), arrays)
        if self._adjust is None:
            return found
        if note := self._adjust.unlike_times(name, found.n_frames):
            self._unlike_times[name] = note
        found = self._adjust(found)
        if self._adjust.shifts_frames:
            self._adjusted_lengths["", name] = found.n_frames
            self._refuse_other_rates()
        return found

    def in_memory(
        self, progress: Progress | None = None, cancelled: IsCancelled | None = None
    ) -> Ensemble:
        """Read all files; errors are those of `one_view`."""
        arrays: dict[str, FloatArray] = {}
        for v in range(len(self.views)):
            part = self.one_view(v, progress, cancelled)
            for name in ("xy", "likelihood", *self._pairs):
                values = getattr(part, name)
                shape = (len(self.models), len(self.views), *values.shape[2:])
                array = with_room(arrays.get(name), shape)
                array[:, v, : part.n_frames] = values[:, 0]
                array[:, v, part.n_frames :] = np.nan
                arrays[name] = array
        return self._ensemble(self.views, arrays)

    def _ensemble(self, views: tuple[str, ...], arrays: dict[str, FloatArray]) -> Ensemble:
        return Ensemble(
            **{name: arrays.get(name) for name in ENSEMBLE_ARRAYS},  # type: ignore[arg-type]
            models=self.models,
            views=views,
            keypoints=self.keypoints,
            session=self.session,
            individual=self.individual,
            sources=tuple(source for source in self.sources if source.view in views),
            unmatched=self.unmatched,
            warnings=self.warnings,
        )

    def _common_pairs(self) -> tuple[str, ...]:
        """Which of the smoother's columns all files have."""
        common = []
        for name, (x, _) in PAIRS.items():
            have = [x in row.header.coordinates for row in self._rows.values()]
            if all(have):
                common.append(name)
            elif any(have):
                self._warnings.append(
                    f"The {name.replace('_', ' ')} is not in all files and is left out."
                )
        return tuple(common)

    def _read(self, row: MatchRow, rooms: _Rooms, cancelled: IsCancelled | None) -> PredictionTable:
        waiting = self._waiting.pop((row.model, row.view), None)
        if waiting is not None:
            return waiting
        if row.path.suffix.lower() == ".h5":
            whole = read_prediction_h5(row.path, self.individual)
        else:
            # Of a mirrored file, tables are kept for the other views.
            room = None if self._settings.mirrored else rooms.mine
            whole = read_prediction_csv(row.path, self.individual, buffer=room, cancelled=cancelled)
        if not self._settings.mirrored:
            return whole
        for key, other in self._rows.items():
            if other.path == row.path:
                bodyparts = other.header.keypoints(self.individual)
                self._waiting[key] = one_view(whole, other.view, bodyparts)
        return self._waiting.pop((row.model, row.view))

    def _note_likelihoods(self, path: Path, likelihood: FloatArray) -> None:
        """Note likelihoods that are none: variances and thresholds are computed from them."""
        largest = float(np.fmax.reduce(likelihood, axis=None, initial=-np.inf))
        smallest = float(np.fmin.reduce(likelihood, axis=None, initial=np.inf))
        if largest > _LARGEST_LIKELIHOOD or smallest < 0:
            self._odd_likelihoods[path] = smallest if smallest < 0 else largest

    def _blank(self, xy: FloatArray, likelihood: FloatArray) -> None:
        """Set positions to NaN that do not count."""
        # Half a position is of no use to anybody.
        missing = np.isnan(xy[..., 0]) | np.isnan(xy[..., 1])
        if self._settings.min_likelihood > 0:
            missing |= likelihood < self._settings.min_likelihood
        if missing.any():
            xy[missing] = np.nan

    def _of_one_length(self) -> list[tuple[str, ...]]:
        """Groups of views whose files have to have the same number of frames."""
        if self._adjust is None:
            return [self.views]
        shifted = [view for view in self.views if self._adjust.shifts(view)]
        others = tuple(view for view in self.views if view not in shifted)
        return [*([others] if others else []), *((view,) for view in shifted)]

    def _check_rates(self, table: MatchTable) -> None:
        """Refuse views whose videos state different frame rates, unless that was allowed."""
        if all(row.own for row in table.rows):
            return  # our results count session frames
        videos = table.videos.get(self.session, {})
        metadata = {view: video_metadata(videos[view]) for view in self.views if view in videos}
        self._video_frames = {view: n for view, each in metadata.items() if (n := each.n_frames)}
        problem = differing_rates(metadata, table.alignments.get(self.session, {}))
        if not problem:
            return
        if not self._settings.allow_missing and not table.triggered:
            raise PoseDataError(problem, expected=EXPECTED, todo=ADVICE, remedy=REMEDIES)
        self._warnings.append(
            f"{problem[0].upper()}{problem[1:]}. Row n of one view is paired with row n of the "
            "others all the same."
        )

    def _refuse_other_rates(self) -> None:
        """Refuse views of so different lengths that row n cannot be one instant in all of them.

        A camera may start later, or stop earlier; one of another frame rate differs both in its
        own frames and in session frames.
        """
        if self._settings.allow_missing or self._adjust is None or self._adjust.pairs_by_time:
            return
        own = {view: n for (_, view), n in self._lengths.items()}
        ends = {view: n for (_, view), n in self._adjusted_lengths.items()}
        if all(max(n.values()) > _OTHER_LENGTH * min(n.values()) for n in (own, ends)):
            listed = "; ".join(
                f"{view} has {own[view]}, up to session frame {ends[view]}" for view in ends
            )
            raise PoseDataError(
                "; ".join(
                    (f"the numbers of frames differ: {listed}", *self._unlike_times.values())
                ),
                expected="cameras of one frame rate, or the times of their frames",
                todo=f"In napari-pose3d/project.toml, {GIVE_TIMES}; or go on, and treat the "
                "frames at the end as missing",
                remedy=Remedy("allow_missing"),
            )

    def _note_length(self, model: str, view: str, n_frames: int) -> None:
        """Refuse files of different length as soon as the first of them turns up."""
        self._lengths[model, view] = n_frames
        views = next(views for views in self._of_one_length() if view in views)
        if self._settings.allow_missing or describe_lengths(views, self._lengths) is None:
            return
        # So that the message tells of all files, those not read yet are counted.
        counted = {
            key: n
            for key, row in self._rows.items()
            if key not in self._lengths and (n := _frames_in(row.path)) is not None
        }
        problem = describe_lengths(views, self._in_order_of_files(self._lengths | counted))
        assert problem is not None
        raise lengths_differ(problem)

    def _in_order_of_files(self, lengths: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        """Files are read in parallel: messages must not depend on which was done first."""
        return {key: lengths[key] for key in self._rows if key in lengths}


def _in_parts(n_frames: int) -> list[slice]:
    starts = range(0, n_frames, _FRAMES_AT_ONCE)
    return [slice(start, min(start + _FRAMES_AT_ONCE, n_frames)) for start in starts]


def _copy(values: FloatArray, into: FloatArray) -> None:
    """``into[:] = values``, where the last axis may hold x and y of positions."""
    if values.ndim < 3:
        into[:] = values
        return
    # Loops over two numbers at a time take several times as long.
    for i in range(values.shape[2]):
        into[..., i] = values[..., i]


def _frames_in(path: Path) -> int | None:
    return count_frames(path) if path.suffix.lower() == ".csv" else None


def with_room(array: FloatArray | None, shape: tuple[int, ...]) -> FloatArray:
    """``array (..., frame, keypoint[, 2])`` with as many frames as ``shape`` asks for, or more.

    Frames added to an array are NaN; a new array is to be filled: filling an hour's twice takes
    seconds. The frames are the third axis.
    """
    if array is not None and array.shape[2] >= shape[2]:
        return array
    larger = np.empty(shape, np.float32)
    if array is not None:
        larger[:, :, : array.shape[2]] = array
        larger[:, :, array.shape[2] :] = np.nan
    return larger
