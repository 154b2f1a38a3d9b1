"""What the widget's threads do: core work from the user's choices to finished layers."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.poses.arrays import AnyEnsemble, Result
from napari_pose3d.core.projects.alignment.project_alignment import skeleton_of
from napari_pose3d.core.projects.matching.match_table import MatchTable
from napari_pose3d.core.projects.matching.prediction_matching import match_predictions
from napari_pose3d.core.settings import IsCancelled, Progress, ReadingSettings, SmoothingSettings
from napari_pose3d.gui.layers.layer_styles import LayerData
from napari_pose3d.gui.layers.recording_layers import result_layers
from napari_pose3d.gui.layers.view_layout import Tile

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
    ensemble: AnyEnsemble
    rig: Rig | None
    result: Result
    layers: list[LayerData]


def find(choice: Choice, progress: Progress, cancelled: IsCancelled) -> MatchTable:
    """Look at the headers of the chosen files only."""
    progress("looking at the files", 0, 0)
    names = load_rig(choice.calibration).names if choice.calibration else None
    return match_predictions(choice.paths, replace(choice.reading, session=None), names)


def bones_of_project(table: MatchTable | None) -> tuple[tuple[str, str], ...]:
    """The skeleton of the project that the files lie in, as far as it is theirs."""
    if table is None:
        return ()
    try:
        return skeleton_of(table, table.keypoints)
    except PoseDataError:
        # What is wrong with the project is said when something depends on it.
        return ()


def for_keypoints(
    settings: SmoothingSettings, offered: Collection[str], checked: Collection[str]
) -> SmoothingSettings:
    """The settings without what they say about keypoints that the user left out."""
    left_out = set(offered) - set(checked)

    def whole(groups: Groups) -> Groups:
        return tuple(group for group in groups if not left_out & set(group))

    sides = whole(settings.left_right)
    # No pair left would mean that they are told by their names.
    fix_swaps = settings.fix_swaps and bool(sides or not settings.left_right)
    rest = (tuple(k for k in block if k not in left_out) for block in settings.blocks)
    return replace(
        settings,
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
    colours: Mapping[str, str],
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
    colours : mapping of keypoint to ``#rrggbb``
        Those that the user chose.
    """
    from napari_pose3d.core.pipeline.smoothing_run import run
    from napari_pose3d.core.projects.alignment.project_alignment import alignment_of
    from napari_pose3d.core.projects.alignment.view_alignment import on_images
    from napari_pose3d.core.projects.matching.inputs import match_inputs, read_inputs

    inputs = match_inputs(choice.paths, choice.calibration, choice.reading)
    ensemble, rig = read_inputs(inputs, choice.reading), inputs.rig
    result = run(ensemble, rig, settings, progress, cancelled)
    progress("preparing the layers", 0, 0)
    alignment = alignment_of(inputs.table)
    drawn = result
    if alignment is not None:
        # Results are in pixels of the rig's images, but the videos may show a part of them.
        drawn = replace(result, poses2d=on_images(result.poses2d, alignment.views))
    if rig is not None:
        rig = rig.subset(ensemble.views) if result.poses3d is not None else None
    layers = result_layers(drawn, rig, all_keypoints=all_keypoints, placed=placed, colours=colours)
    return Finished(choice, ensemble, rig, result, layers)


def save(
    finished: Finished,
    folder: Path,
    replace_files: bool,
    compact: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[Path]:
    """Write what the command line writes."""
    from napari_pose3d.core.pipeline.result_files import save_result

    return save_result(
        finished.result,
        finished.ensemble,
        finished.rig,
        folder,
        force=replace_files,
        compact=compact,
        progress=progress,
        cancelled=cancelled,
    )


def prepare(progress: Progress, cancelled: IsCancelled) -> None:
    """Compile the kernels, so that the first run does not wait for it."""
    from napari_pose3d.core.pipeline.warm_up import warm_up

    warm_up()


def proposed_folder(finished: Finished) -> Path:
    """Where to save when the user has no other wish.

    In a project the place that the command line takes; else beside the predictions, since the
    folder that napari was started in means nothing to somebody who clicked on an icon.
    """
    from napari_pose3d.core.pipeline.result_files import default_folder
    from napari_pose3d.core.projects.naming import find_project

    folder = default_folder(finished.ensemble, finished.choice.paths)
    sources = [source.path for source in finished.ensemble.sources]
    if not sources or find_project(sources[0]) is not None:
        return folder
    beside = sources[0].parent
    return (beside if os.access(beside, os.W_OK) else Path.home()) / folder.name
