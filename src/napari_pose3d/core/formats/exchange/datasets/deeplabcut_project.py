"""A DeepLabCut project with labels and their images; a folder of images for each video.

Notes
-----
``config.yaml``, and ``labeled-data/<video>/CollectedData_<scorer>.csv`` and ``.h5`` with three
cells before the numbers: ``labeled-data``, video, image. DeepLabCut trains from the ``.h5``. Views
are videos to it; ours keeps their names in ``config.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.core.formats.containers.plain_yaml import yaml_content
from napari_pose3d.core.formats.labels.label_csv import LabelTable, read_label_csv, read_label_h5
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.storage.user_name import user_name
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted, verb

from ..destination import Destination
from ..frame_rows import checked_positions, refuse_repeated
from ..session_labels import (
    Cells,
    ImageKey,
    SessionLabels,
    frame_number,
    image_name,
    labels_of,
    session_and_view,
)
from .dataset_images import copy_image, image_size

_CONFIG, _LABELED = "config.yaml", "labeled-data"
_EXPECTED = "a DeepLabCut project: config.yaml, and labeled-data/<video>/CollectedData_*.csv"
_VIEWS = "napari_pose3d_views"
_KEY = "df_with_missing"
_OCCLUDED = 1


def is_dlc_project(path: Path) -> bool:
    """Whether a folder looks like one."""
    return (path / _CONFIG).is_file() and any((path / _LABELED).glob("*/CollectedData_*"))


def write_dlc_project(labels: SessionLabels, to: Destination) -> list[str]:
    """Write labels, copies of their images, and ``config.yaml``.

    Raises
    ------
    PoseDataError
        A name cannot be that of a folder, or a file exists.
    """
    import pandas as pd
    import yaml

    refuse_unsafe_names(labels.sessions, "session")
    refuse_unsafe_names(labels.views, "view")
    scorer = re.sub(r"[^0-9A-Za-z]", "", user_name()) or "labeler"
    columns = pd.MultiIndex.from_product(
        [[scorer], labels.keypoints, ("x", "y")], names=["scorer", "bodyparts", "coords"]
    )
    notes: list[str] = []
    has_tables = True
    try:
        library("tables", "h5")
    except PoseDataError:
        has_tables = False
        notes.append(
            "the .h5 that DeepLabCut trains from are not written, since PyTables is not installed: "
            "run deeplabcut.convertcsv2h5('config.yaml')"
        )
    videos: dict[str, Any] = {}
    n_absent = 0
    for session in labels.sessions:
        for v, view in enumerate(labels.views):
            folder = labels.folder_of(session, view)
            keys, numbers = _labeled_rows(labels, session, v)
            if not keys:
                continue
            n_absent += _copy_images(labels, keys, to.path / _LABELED / folder, to)
            width, height = _size_of(labels, keys)
            video = labels.videos.get((session, view))
            place = f"{folder}.mp4" if video is None else video.as_posix()
            videos[place] = {"crop": f"0, {width}, 0, {height}"}
            names = [(_LABELED, folder, _image_of(labels, key)) for key in keys]
            table = pd.DataFrame(numbers, columns=columns, index=pd.MultiIndex.from_tuples(names))
            target = to.path / _LABELED / folder / f"CollectedData_{scorer}.csv"
            table.to_csv(to.files.open(target), lineterminator="\n")
            if has_tables:
                draft = to.files.path(target.with_suffix(".h5"))
                with input_errors(target, RuntimeError, TypeError):
                    table.to_hdf(str(draft), key=_KEY, mode="w")
    if not videos:
        raise PoseDataError("no view has a label", todo="Label frames first")
    config = _config(labels, scorer, videos, to.path)
    stream = to.files.open(to.path / _CONFIG)
    yaml.safe_dump(config, stream, sort_keys=False, allow_unicode=True)
    if n_absent:
        notes.append(f"{n_absent} images are not there; DeepLabCut needs them")
    return [*notes, "not kept: the cameras, and occluded or not"]


def _labeled_rows(
    labels: SessionLabels, session: str, v: int
) -> tuple[list[ImageKey], NDArray[np.float64]]:
    """The images of a view that have a position, and these, ``(image, 2 keypoint)`` px."""
    rows = [
        n
        for n, (name, _) in enumerate(labels.frames)
        if name == session and np.isfinite(labels.xy[v, n]).all(axis=-1).any()
    ]
    keys = [ImageKey(session, labels.views[v], labels.frames[n][1]) for n in rows]
    return keys, labels.xy[v, rows].reshape(len(rows), -1)


def _image_of(labels: SessionLabels, key: ImageKey) -> str:
    source = labels.images.get(key)
    return image_name(key.frame) if source is None else source.name


def _size_of(labels: SessionLabels, keys: list[ImageKey]) -> tuple[int, int]:
    """Width and height of a view's images; 0 where they are not known."""
    known = [labels.sizes[key] for key in keys if key in labels.sizes]
    return known[-1] if known else (0, 0)


def _copy_images(labels: SessionLabels, keys: list[ImageKey], folder: Path, to: Destination) -> int:
    """Copy the images that are there; returns how many are not."""
    there = [key for key in keys if key in labels.images]
    for key in there:
        to.check_cancelled()
        copy_image(labels.images[key], folder / _image_of(labels, key), to.files)
    return len(keys) - len(there)


def _config(
    labels: SessionLabels, scorer: str, videos: Mapping[str, Any], out: Path
) -> dict[str, Any]:
    return {
        "Task": out.name,
        "scorer": scorer,
        "date": date.today().strftime("%b%d"),
        "multianimalproject": False,
        "identity": None,
        "project_path": out.absolute().as_posix(),
        "engine": "pytorch",
        "video_sets": dict(videos),
        "bodyparts": list(labels.keypoints),
        "start": 0,
        "stop": 1,
        "numframes2pick": 20,
        "skeleton": [list(pair) for pair in labels.skeleton],
        "skeleton_color": "black",
        "pcutoff": 0.6,
        "dotsize": 12,
        "alphavalue": 0.7,
        "colormap": "rainbow",
        "TrainingFraction": [0.95],
        "iteration": 0,
        "default_net_type": "resnet_50",
        "default_augmenter": "default",
        "snapshotindex": -1,
        "batch_size": 8,
        "cropping": False,
        "x1": 0,
        "x2": 640,
        "y1": 277,
        "y2": 624,
        "corner2move2": [50, 50],
        "move2corner": True,
        _VIEWS: list(labels.views),
    }


def read_dlc_project(path: Path) -> SessionLabels:
    """Read labels and images of all videos of a project with one animal.

    Session and view follow from the name of a video, ``<session>_<view>``.

    Raises
    ------
    PoseDataError
        It is no such project, has several animals, or a file is damaged.
    """
    config_path = path / _CONFIG
    config = yaml_content(read_text(config_path, expected=_EXPECTED), config_path)
    if not isinstance(config, dict):
        raise PoseDataError(
            "this is no project of DeepLabCut", file=config_path, expected=_EXPECTED
        )
    if config.get("multianimalproject") is True:
        raise PoseDataError(
            "this is a project of several animals", file=config_path, expected="one animal"
        )
    given = config.get(_VIEWS)
    views = tuple(map(str, given)) if isinstance(given, list) else ()
    tables = _tables(path)
    if not tables:
        raise PoseDataError("there are no labels in it", file=path, expected=_EXPECTED)
    names, notes = _keypoints(config.get("bodyparts"), tables, path)
    cells: dict[ImageKey, Cells] = {}
    images: dict[ImageKey, Path] = {}
    sizes: dict[ImageKey, tuple[int, int]] = {}
    for folder, table in tables.items():
        session, view = session_and_view(folder.name, views)
        for i, (line, image) in enumerate(table.rows):
            file = PurePosixPath(image.replace("\\", "/")).name
            number = frame_number(PurePosixPath(file).stem)
            key = ImageKey(session, view, i if number is None else number)
            if key in cells:
                raise PoseDataError(
                    f"frame {key.frame} is there twice",
                    file=table.path,
                    place=f"line {line + 1}",
                    expected="each frame once",
                )
            row = table.cells(line)
            xy = np.array([[_number(row[n].x), _number(row[n].y)] for n in names])
            hidden = np.array([row[n].visible == _OCCLUDED for n in names])
            cells[key] = checked_positions(xy, table.path), hidden
            if (folder / file).is_file():
                images[key] = folder / file
                size = image_size(images[key])
                if size is not None:
                    sizes[key] = size
    if len(images) < len(cells):
        n = len(cells) - len(images)
        notes.append(f"{n} of {counted(len(cells), 'image')} {verb(n)} not there")
    return labels_of(
        cells,
        names,
        views,
        skeleton=_bones(config.get("skeleton"), names),
        images=images,
        sizes=sizes,
        notes=tuple(notes),
    )


def _keypoints(
    listed: Any, tables: Mapping[Path, LabelTable], path: Path
) -> tuple[tuple[str, ...], list[str]]:
    """The keypoints in the order of ``config.yaml``; where it lists others, that of the labels."""
    names = tuple(map(str, listed)) if isinstance(listed, list) else ()
    found = {name for table in tables.values() for name in table.keypoints}
    notes = []
    if set(names) != found:
        names = next(iter(tables.values())).keypoints
        if set(names) != found:
            raise PoseDataError(
                "the videos have other keypoints each",
                file=path,
                expected=f"{', '.join(names)} in each",
            )
        notes.append("config.yaml lists other keypoints; those of the labels are taken")
    refuse_repeated(names, path)
    return names, notes


def _tables(path: Path) -> dict[Path, LabelTable]:
    """The labels of each folder of images."""
    found = {}
    for folder in sorted(each for each in (path / _LABELED).glob("*") if each.is_dir()):
        of_text = sorted(folder.glob("CollectedData_*.csv"))
        of_hdf5 = sorted(folder.glob("CollectedData_*.h5"))
        if len(of_text) > 1 or (not of_text and len(of_hdf5) > 1):
            raise PoseDataError(
                "there are labels of several people",
                file=folder,
                expected="one CollectedData_<scorer>.csv",
                todo="Move the others elsewhere",
            )
        if of_text:
            found[folder] = read_label_csv(of_text[0])
        elif of_hdf5:
            found[folder] = read_label_h5(of_hdf5[0])
    return found


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _bones(pairs: Any, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if not isinstance(pairs, list):
        return ()
    return tuple(
        (str(pair[0]), str(pair[1]))
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and {str(pair[0]), str(pair[1])} <= set(names)
    )
