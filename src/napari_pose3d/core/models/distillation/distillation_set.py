"""Label files of people's labels and pseudo-labels together, in a folder of their own.

Notes
-----
``litpose`` takes one label file for each view and knows no weights. So the rows of both are in
one file, uncertain positions have ``visible`` 0 and are not learned, and some of the human rows
are left for ``Train_<view>_test.csv``, by which ``litpose`` judges: its own validation frames are
mostly pseudo-labels. The project's label files stay as they are.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_pose3d.core.formats.labels.label_csv import LabelTable, new_label_csv
from napari_pose3d.core.formats.labels.label_lines import Cell
from napari_pose3d.core.labels.files.image_names import frame_of_image
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.video.frame_export import extract_frames, frame_file_name
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import DistillationSettings, IsCancelled, Progress

from ..preflight.training_input import LABELED_DATA, TrainingInput
from .pseudo_labels import certain_positions, choose_pseudo_frames

KEY = "Train"
_AT_ONCE = 16
FOLDER = ("napari-pose3d", "distillation")


@dataclass(frozen=True)
class DistillationSet:
    """What was written.

    Attributes
    ----------
    files : tuple of Path
        ``Train_<view>.csv`` in the order of the views.
    n_human, n_held_out : int
        Frames that people labeled, to learn from and to judge by.
    frames : mapping of session to list of int
        Frames with pseudo-labels.
    """

    files: tuple[Path, ...]
    n_human: int
    n_held_out: int
    frames: Mapping[str, list[int]] = field(default_factory=dict)


def make_distillation_set(
    given: TrainingInput,
    smoothed: Sequence[tuple[Session, Result]],
    name: str,
    settings: DistillationSettings | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> DistillationSet:
    """Choose frames, extract their images, and write the label files.

    Parameters
    ----------
    given : TrainingInput
        The human labels of a project of several views.
    smoothed : sequence of (Session, Result)
        Sessions whose videos' frames belong together by their numbers.
    name : str
        Of a new folder ``napari-pose3d/distillation/<name>/``.
    settings : DistillationSettings, optional
    seed : int
        Of the frames that are held out.
    progress, cancelled
        As for `smooth`.

    Raises
    ------
    PoseDataError
        Views or keypoints are not those of the labels, nothing is certain, the folder is there, or
        an image cannot be written; nothing is left behind then.
    Cancelled
        `cancelled` returned True; nothing is left behind.
    """
    settings = settings or DistillationSettings()
    refuse_unsafe_names([name], "set")
    folder = given.folder.joinpath(*FOLDER, name)
    if folder.exists():
        raise PoseDataError("this set is there already", file=folder, todo="Give another name")
    for session, result in smoothed:
        refuse_unusable(given, session, result)
    rng = np.random.default_rng(seed)
    order = rng.permutation(given.n_rows)
    held_out = set(order[: int(settings.held_out * given.n_rows)].tolist())
    chosen = {
        session.name: choose_pseudo_frames(
            result, settings, [n for _, n in labeled_rows(given, session.name)]
        )
        for session, result in smoothed
    }
    if not any(chosen.values()):
        raise PoseDataError(
            "no frame is certain enough to learn from",
            file=given.folder,
            expected=f"frames with {settings.share:.0%} of positions within "
            f"{settings.certainty:g} px",
            todo="Allow a larger standard deviation, or smooth more predictions",
        )
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        tables = _images_and_rows(given, smoothed, chosen, settings, folder, progress, cancelled)
        written = _write(given, tables, held_out, chosen, folder)
        undo.pop_all()
    return written


def labeled_rows(given: TrainingInput, session: str) -> list[tuple[int, int]]:
    """Rows of the label files that are of a session, with the frames of their images."""
    found = []
    for row, image in enumerate(given.labels[0].images[: given.n_rows]):
        number = frame_of_image(image)
        if given.session_of(image) == session and number is not None:
            found.append((row, number))
    return found


def refuse_unusable(given: TrainingInput, session: Session, result: Result) -> None:
    """Raise `PoseDataError` for a session whose frames cannot become labels."""
    if not given.multiview or not given.comparable:
        raise PoseDataError(
            "the label files of the views do not belong together",
            file=given.folder,
            todo="Look at the findings of models check",
        )
    poses, keypoints = result.poses2d, given.labels[0].table.keypoints
    lacking = [v for v in given.views if v not in poses.views or v not in session.videos]
    more = [k for k in keypoints if k not in poses.keypoints]
    if lacking or more:
        raise PoseDataError(
            f"the smoothed session '{session.name}' lacks {', '.join([*lacking, *more])}",
            file=given.folder,
            expected="all views and keypoints of the labels, and all videos",
        )
    if session.alignments:
        raise PoseDataError(
            f"views of session '{session.name}' have offsets, dropped frames or crops",
            file=given.folder,
            expected="videos whose frames belong together by their numbers",
            todo="Leave this session out",
        )


def _images_and_rows(
    given: TrainingInput,
    smoothed: Sequence[tuple[Session, Result]],
    chosen: Mapping[str, list[int]],
    settings: DistillationSettings,
    folder: Path,
    progress: Progress | None,
    cancelled: IsCancelled | None,
) -> dict[str, list[tuple[str, dict[str, Cell]]]]:
    keypoints = given.labels[0].table.keypoints
    rows: dict[str, list[tuple[str, dict[str, Cell]]]] = {view: [] for view in given.views}
    total = sum(map(len, chosen.values())) * len(given.views)
    done = 0
    for session, result in smoothed:
        frames = chosen[session.name]
        poses = result.poses2d
        certain = certain_positions(result, settings.certainty)
        for view in given.views:
            place = folder / LABELED_DATA / f"{session.name}_{view}"
            video = open_video(session.videos[view])
            try:
                for start in range(0, len(frames), _AT_ONCE):
                    if cancelled is not None and cancelled():
                        raise Cancelled
                    if progress is not None:
                        progress(f"images of {session.name}", done, total)
                    some = frames[start : start + _AT_ONCE]
                    extract_frames(video, some, place)
                    done += len(some)
                height, width = video.shape[1:3]
            finally:
                video.close()
            v = poses.views.index(view)
            x, y = poses.xy[v, ..., 0], poses.xy[v, ..., 1]
            # What the view does not show is no lesson.
            shown = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
            learned = certain[v] & shown
            for n in frames:
                image = (place / frame_file_name(n)).relative_to(given.folder).as_posix()
                cells = {}
                for name in keypoints:
                    k = poses.keypoints.index(name)
                    if np.isfinite(poses.xy[v, n, k]).all():
                        visible = 2 if learned[n, k] else 0
                        cells[name] = Cell(float(x[n, k]), float(y[n, k]), visible)
                rows[view].append((image, cells))
    return rows


def _write(
    given: TrainingInput,
    pseudo: Mapping[str, list[tuple[str, dict[str, Cell]]]],
    held_out: set[int],
    chosen: Mapping[str, list[int]],
    folder: Path,
) -> DistillationSet:
    files = []
    with FileGroup() as group:
        for each in given.labels:
            human = _human_rows(each.table)
            learned = [row for n, row in enumerate(human) if n not in held_out]
            judged = [row for n, row in enumerate(human) if n in held_out]
            path = folder / f"{KEY}_{each.view}.csv"
            empty = new_label_csv(path, each.table.scorer, each.table.keypoints, visible=True)
            text = empty.changed({}, [*learned, *pseudo[each.view]]).text()
            group.open(path).write(text)
            if judged:
                test = path.with_name(f"{path.stem}_test.csv")
                group.open(test).write(empty.changed({}, judged).text())
            files.append(path)
    n_human = given.n_rows - len(held_out)
    return DistillationSet(tuple(files), n_human, len(held_out), dict(chosen))


def _human_rows(table: LabelTable) -> list[tuple[str, dict[str, Cell]]]:
    found = []
    for line, image in table.rows:
        cells = {}
        for name, cell in table.cells(line).items():
            visible = cell.visible
            if visible is None:
                # What is not labeled is taught as hidden, as litpose does without the column.
                visible = 1 if cell.x is None else 2
            cells[name] = Cell(cell.x, cell.y, visible)
        found.append((image, cells))
    return found
