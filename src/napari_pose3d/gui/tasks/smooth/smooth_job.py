"""What the widget's threads do: core work from the user's choices to finished layers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.formats.projects.project_yaml import find_project
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.projects.alignment.project_alignment import skeleton_of
from napari_pose3d.core.projects.matching.match_table import MatchTable
from napari_pose3d.core.projects.matching.prediction_matching import match_predictions
from napari_pose3d.errors import Cancelled
from napari_pose3d.gui.layers.layer_styles import LayerData
from napari_pose3d.gui.layers.recording_layers import result_layers
from napari_pose3d.gui.layers.session_layers import measuring_of
from napari_pose3d.gui.layers.view_layout import Tile
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings, SmoothingSettings

from .remedies import in_words_of_the_widget

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.file_run import FileRun
    from napari_pose3d.core.projects.session import Session

_POLL_SECONDS = 0.1
Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Choice:
    """The files that the user chose."""

    paths: tuple[Path, ...]
    calibration: Path | None
    reading: ReadingSettings


@dataclass(frozen=True, eq=False)
class Finished:
    """A result and everything needed to show and to save it."""

    choice: Choice
    settings: SmoothingSettings
    work: FileRun
    rig: Rig | None
    result: Result
    layers: list[LayerData]


def find(choice: Choice, progress: Progress, cancelled: IsCancelled) -> MatchTable:
    """Look at the headers of the chosen files only."""
    progress("looking at the files", 0, 0)
    with in_words_of_the_widget():
        names = load_rig(choice.calibration).names if choice.calibration else None
        return match_predictions(choice.paths, replace(choice.reading, session=None), names)


def bones_of_project(table: MatchTable | None) -> tuple[tuple[str, str], ...]:
    """The skeleton of the project that the files lie in, as far as it is theirs."""
    return () if table is None else skeleton_of(table, table.keypoints)


def for_keypoints(
    settings: SmoothingSettings, offered: Collection[str], checked: Collection[str]
) -> SmoothingSettings:
    """The settings without what they say about keypoints that the user left out."""
    left_out = set(offered) - set(checked)

    def whole(groups: Groups) -> Groups:
        return tuple(group for group in groups if not left_out & set(group))

    sides = whole(settings.left_right)
    # No pair left would mean that pairs are guessed from names.
    fix_swaps = settings.fix_swaps and bool(sides or not settings.left_right)
    rest = (tuple(k for k in block if k not in left_out) for block in settings.blocks)
    return replace(
        settings,
        smooth_params=tuple(pair for pair in settings.smooth_params if pair[0] not in left_out),
        skeleton=whole(settings.skeleton),
        left_right=sides,
        fix_swaps=fix_swaps,
        blocks=tuple(block for block in rest if block),
    )


def smooth(
    choice: Choice,
    settings: SmoothingSettings,
    all_keypoints: tuple[str, ...],
    placed: dict[str, Tile],
    session: Session | None,
    progress: Progress,
    cancelled: IsCancelled,
) -> Finished:
    """Read, smooth and make the layers.

    Parameters
    ----------
    all_keypoints : tuple of str
        Those of the files, also of which are not smoothed; they decide on the colours.
    placed : dict of view to Tile
        Where views lie in the viewer already.
    session : Session or None
        The session that is open: for colours, skeleton and what its project measures.
    """
    from napari_pose3d.core.pipeline.file_run import FileRun
    from napari_pose3d.core.pipeline.raw_points import raw_points

    with in_words_of_the_widget():
        work = FileRun(
            choice.paths, choice.calibration, choice.reading, own_times=settings.own_times
        )
        result = work.smooth(settings, progress, cancelled)
        progress("preparing the layers", 0, 0)
        drawn = replace(result, poses2d=work.on_videos(result.poses2d))
        rig = raw_xyz = None
        if work.rig is not None and result.poses3d is not None:
            rig = work.rig.subset(work.ensemble.views)
            raw_xyz = raw_points(result.poses2d, rig, result.poses3d.xyz, cancelled)
        layers = result_layers(
            drawn,
            rig,
            all_keypoints=all_keypoints,
            placed=placed,
            colours={} if session is None else session.colours,
            skeleton=() if session is None else session.skeleton,
            raw_xyz=raw_xyz,
            measuring=measuring_of(session),
        )
    return Finished(choice, settings, work, rig, result, layers)


def save(
    finished: Finished,
    folder: Path,
    replace_files: bool,
    compact: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[Path]:
    """Write what the command line writes."""
    with in_words_of_the_widget():
        return finished.work.save(
            finished.result,
            folder,
            force=replace_files,
            compact=compact,
            progress=progress,
            cancelled=cancelled,
        )


def after_compilation(
    is_ready: Callable[[], bool],
    work: Callable[[Progress, IsCancelled], Any],
    progress: Progress,
    cancelled: IsCancelled,
) -> Any:
    """Do the work once the kernels are compiled: a thread that compiles could not be ended."""
    from napari_pose3d.core.pipeline.warm_up import STAGE

    while not is_ready():
        progress(STAGE, 0, 0)
        if cancelled():
            raise Cancelled
        time.sleep(_POLL_SECONDS)
    return work(progress, cancelled)


def proposed_folder(finished: Finished) -> Path:
    """Where to save when the user has no other wish.

    In a project the place that the command line takes; else beside the predictions, since the
    folder that napari was started in means nothing to somebody who clicked on an icon.
    """
    folder = finished.work.default_folder()
    sources = [source.path for source in finished.work.ensemble.sources]
    if not sources or find_project(sources[0]) is not None:
        return folder
    beside = sources[0].parent
    return (beside if os.access(beside, os.W_OK) else Path.home()) / folder.name
