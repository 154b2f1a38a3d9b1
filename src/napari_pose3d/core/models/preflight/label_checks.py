"""The label files, row by row as ``litpose`` pairs them: by number, not by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.wording import counted, verb

from ..configuration.config_file import value_at
from .training_finding import TrainingFinding, listed
from .training_input import TrainingInput, ViewLabels

LEAST_IN_A_VIEW = 3
"""Labeled keypoints that litpose's 3-D augmentation needs in each view."""


def check_labels(given: TrainingInput, *, training_copy: bool = True) -> Iterator[TrainingFinding]:
    """Look for faults in the label files of a training.

    Parameters
    ----------
    given : TrainingInput
    training_copy : bool
        Whether the training reads a copy in which views with too few labels are filled; else
        they are errors.
    """
    yield from given.unread
    yield from _keypoints(given)
    yield from _order_of_files(given)
    yield from _rows(given)
    for each in given.labels:
        yield from _cells(each)
    yield from _few_in_a_view(given, training_copy)


def too_few(given: TrainingInput) -> NDArray[np.bool_]:
    """Where litpose's 3-D augmentation fails: ``(view, row)``.

    Those are views with fewer than three labels of keypoints that two views have, in frames with
    at least three such keypoints. All False where it is not on.
    """
    shape = (len(given.labels), given.n_rows)
    augmented = (
        given.multiview
        and given.has_calibration
        and value_at(given.config, "training.imgaug", "default") != "default"
    )
    if not augmented or not given.comparable:
        return np.zeros(shape, bool)
    labeled = np.stack([each.labeled for each in given.labels])
    in_space = labeled.sum(axis=0) >= 2
    concerned = in_space.sum(axis=-1) >= LEAST_IN_A_VIEW
    return ((labeled & in_space).sum(axis=-1) < LEAST_IN_A_VIEW) & concerned


def _keypoints(given: TrainingInput) -> Iterator[TrainingFinding]:
    names = tuple(map(str, value_at(given.config, "data.keypoint_names", [])))
    number = value_at(given.config, "data.num_keypoints")
    for each in given.labels:
        own = each.table.keypoints
        first = given.labels[0]
        if own != first.table.keypoints:
            kind = "order" if set(own) == set(first.table.keypoints) else "names"
            yield TrainingFinding(
                "keypoints of views",
                "error",
                f"the {kind} of the keypoints differ{'s' if kind == 'order' else ''} from that in "
                f"{first.path.name}",
                each.path.name,
                _first_difference(first.table.keypoints, own),
                "Bring the columns into one order in all label files",
            )
    if not given.labels:
        return
    own = given.labels[0].table.keypoints
    if names and names != own:
        same = set(names) == set(own)
        yield TrainingFinding(
            "keypoint names",
            "error",
            "the names are in another order than in the label files; predictions would have wrong "
            "names"
            if same
            else "these are not the keypoints of the label files",
            "data.keypoint_names",
            _first_difference(own, names),
            "Write them as in the label files",
        )
    if number is not None and number != len(own):
        yield TrainingFinding(
            "number of keypoints",
            "error",
            f"it is {number}, and the label files have {counted(len(own), 'keypoint')}",
            "data.num_keypoints",
            remedy=f"Write {len(own)}",
        )


def _order_of_files(given: TrainingInput) -> Iterator[TrainingFinding]:
    """That each label file is of the view at its place; litpose never looks."""
    if not given.multiview:
        return
    for each in given.labels:
        folders = Counter(PurePosixPath(image).parent.name for image in each.images)
        of_others = {
            folder: view
            for folder in folders
            for view in given.views
            if view != each.view
            and folder.endswith(f"_{view}")
            and not folder.endswith(f"_{each.view}")
        }
        if of_others:
            folder, view = next(iter(of_others.items()))
            yield TrainingFinding(
                "order of label files",
                "error",
                f"the file stands at the place of view {each.view}, and its images are of {view}",
                each.path.name,
                f"{counted(folders[folder], 'row')} of {folder}",
                "Bring data.csv_file into the order of data.view_names",
            )


def _rows(given: TrainingInput) -> Iterator[TrainingFinding]:
    for each in given.labels:
        twice = [image for image, n in Counter(each.images).items() if n > 1]
        if twice:
            yield TrainingFinding(
                "images twice",
                "warning",
                f"{counted(len(twice), 'image')} {verb(len(twice), 'has', 'have')} several rows",
                each.path.name,
                listed(twice),
                "Keep one row for an image; Label offers to repair the files",
            )
    if not given.labels:
        return
    n_rows = len(given.labels[0].images)
    if n_rows == 0 or (n_rows == 1 and given.n_rows <= 1):
        yield TrainingFinding(
            "too few frames",
            "error",
            f"there {'is one labeled frame' if n_rows else 'are no labeled frames'}; one is needed "
            "to train on and one to choose the best epoch by",
            given.labels[0].path.name,
            remedy="Label at least some twenty frames",
        )
    first = given.labels[0]
    for each in given.labels[1:]:
        if len(each.images) != len(first.images):
            own = {_frame_name(given, image) for image in each.images}
            others = {_frame_name(given, image) for image in first.images}
            lacking, more = sorted(others - own), sorted(own - others)
            yield TrainingFinding(
                "rows of views",
                "error",
                f"it has {counted(len(each.images), 'row')}, and {first.path.name} "
                f"{len(first.images)}",
                each.path.name,
                "; ".join(
                    part
                    for part in (
                        f"missing: {listed(lacking)}" if lacking else "",
                        f"only here: {listed(more)}" if more else "",
                    )
                    if part
                ),
                "Label offers to repair the files: the same frames in the same order",
            )
            continue
        yield from _pairs(given, first, each)


def _pairs(given: TrainingInput, first: ViewLabels, each: ViewLabels) -> Iterator[TrainingFinding]:
    for n, (one, other) in enumerate(zip(first.images, each.images, strict=True)):
        if PurePosixPath(one).name != PurePosixPath(other).name:
            yield TrainingFinding(
                "order of rows",
                "error",
                f"the rows have another order than in {first.path.name}",
                f"{each.path.name}, line {each.table.rows[n][0] + 1}",
                f"{other} beside {one}",
                "Label offers to repair the files: the same frames in the same order",
            )
            return
        sessions = given.session_of(one), given.session_of(other)
        if None not in sessions and sessions[0] != sessions[1] and given.multiview:
            yield TrainingFinding(
                "sessions mixed up",
                "error",
                "images of one name are of different sessions; litpose compares the names only and "
                "would learn from wrong pairs",
                f"{each.path.name}, line {each.table.rows[n][0] + 1}",
                f"{other} beside {one}",
                "Label offers to repair the files: the same frames in the same order",
            )
            return


def _cells(each: ViewLabels) -> Iterator[TrainingFinding]:
    if each.visible is None:
        return
    empty = each.visible < 0
    if empty.any():
        n, k = np.argwhere(empty)[0]
        cells = int(empty.sum())
        yield TrainingFinding(
            "visible empty",
            "warning",
            f"{counted(cells, 'cell')} of visible {verb(cells)} empty",
            each.path.name,
            f"first {each.images[n]}, {each.table.keypoints[k]}",
            "Write 0 (not labeled), 1 (occluded) or 2 (visible)",
        )
    discarded = (each.visible == 1) & each.labeled
    if discarded.any():
        n, k = np.argwhere(discarded)[0]
        hidden = int(discarded.sum())
        yield TrainingFinding(
            "visible 1 with position",
            "warning",
            f"{counted(hidden, 'label')} {verb(hidden, 'has', 'have')} a position and visible = 1, "
            f"and {verb(hidden)} taught as hidden",
            each.path.name,
            f"first {each.images[n]}, {each.table.keypoints[k]}",
            "Write 2 where the position is to be learned",
        )
    lost = (each.visible == 0) & each.labeled
    if lost.any():
        ignored = int(lost.sum())
        yield TrainingFinding(
            "visible 0 with position",
            "note",
            f"{counted(ignored, 'position')} {verb(ignored, 'has', 'have')} visible = 0 and "
            f"{verb(ignored)} not learned",
            each.path.name,
            remedy="Write 2 where the position is to be learned",
        )


def _few_in_a_view(given: TrainingInput, training_copy: bool) -> Iterator[TrainingFinding]:
    bad = too_few(given)
    if not bad.any():
        return
    view, row = np.argwhere(bad)[0]
    each = given.labels[view]
    rows = int(bad.any(axis=0).sum())
    yield TrainingFinding(
        "few labels in a view",
        "warning" if training_copy else "error",
        f"in {counted(rows, 'frame')} a view has fewer than {LEAST_IN_A_VIEW} labels of keypoints "
        "that two views see; litpose's 3-D augmentation ends with an error there",
        f"{each.path.name}, line {each.table.rows[row][0] + 1}",
        f"first {each.images[row]}: {counted(int(each.labeled[row].sum()), 'label')}",
        "models train learns from a copy of the label files in which these views have the "
        "projected positions with visible = 0, which are not learned; your files stay as they are",
    )


def _frame_name(given: TrainingInput, image: str) -> str:
    """Session and image, which are equal in all views."""
    return f"{given.session_of(image) or '?'} {PurePosixPath(image).name}"


def _first_difference(expected: tuple[str, ...], found: tuple[str, ...]) -> str:
    for i, (one, other) in enumerate(zip(expected, found, strict=False), start=1):
        if one != other:
            return f"number {i} is {other}, not {one}"
    return f"{len(found)} of {len(expected)}"
