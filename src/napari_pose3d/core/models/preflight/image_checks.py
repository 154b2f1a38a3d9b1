"""The images of labeled frames: there, of one size, with the labels inside."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator

import numpy as np

from napari_pose3d.core.storage.input_files import read_text
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted, verb

from ..configuration.crops import box_files
from ..configuration.image_size import image_size, is_cut_off
from .training_finding import TrainingFinding, listed
from .training_input import TrainingInput, ViewLabels

_BOXES = "Write a row image,x,y,h,w for each row of the label file"


def check_images(given: TrainingInput) -> Iterator[TrainingFinding]:
    """Look for images that are missing or of another size, and labels outside of them."""
    usual: dict[str, tuple[int, int]] = {}
    for each in given.labels:
        missing: list[str] = []
        unknown: list[str] = []
        cut_off: list[str] = []
        sizes: list[tuple[int, int] | None] = []
        for image in each.images:
            path = given.folder / image
            if not path.is_file():
                missing.append(image)
                sizes.append(None)
                continue
            try:
                size = image_size(path)
            except PoseDataError as error:
                unknown.append(f"{image}: {error.problem}")
                size = None
            else:
                if size is None:
                    unknown.append(image)
                elif is_cut_off(path):
                    cut_off.append(image)
            sizes.append(size)
        if missing:
            yield TrainingFinding(
                "missing image",
                "error",
                f"{counted(len(missing), 'image')} {verb(len(missing))} missing",
                each.path.name,
                listed(missing),
                "Extract them again (Label does it for frames that are labeled), or remove the "
                "rows in all views",
            )
        if unknown:
            yield TrainingFinding(
                "unreadable image",
                "warning",
                f"{counted(len(unknown), 'file')} {verb(len(unknown))} neither PNG nor JPEG",
                each.path.name,
                listed(unknown),
                "Extract them again",
            )
        if cut_off:
            yield TrainingFinding(
                "unreadable image",
                "error",
                f"{counted(len(cut_off), 'image')} {verb(len(cut_off))} cut off: the end of the "
                "file is missing",
                each.path.name,
                listed(cut_off),
                "Extract them again",
            )
        known = [size for size in sizes if size is not None]
        if known:
            usual[each.view] = Counter(known).most_common(1)[0][0]
            yield from _sizes(each, sizes, usual[each.view])
            yield from _outside(each, sizes)
    if len(set(usual.values())) > 1:
        yield TrainingFinding(
            "sizes of views",
            "note",
            "views have images of different sizes; each is resized by itself",
            evidence=", ".join(f"{view} {w} x {h}" for view, (w, h) in usual.items()),
            remedy="Leave them where the cameras differ; else extract the images again",
        )


def check_boxes(given: TrainingInput) -> Iterator[TrainingFinding]:
    """Look for tables of bounding boxes that are missing, or of other images than the labels."""
    paths = box_files(given.config)
    if paths and len(paths) != len(given.views):
        yield TrainingFinding(
            "boxes",
            "error",
            f"there {verb(len(paths))} {counted(len(paths), 'table')} of boxes for "
            f"{counted(len(given.views), 'view')}",
            "data.bbox_file",
            remedy="Name one for each view, in the order of data.view_names",
        )
        return
    by_view = {each.view: each for each in given.labels}
    for view, path in zip(given.views, paths, strict=False):
        if not path.is_file():
            yield TrainingFinding(
                "boxes",
                "error",
                f"the table of boxes of view {view} is missing",
                "data.bbox_file",
                str(path),
                "Correct the path, or remove the key where the images are whole",
            )
            continue
        try:
            rows = [row for row in csv.reader(read_text(path).splitlines()) if row][1:]
        except (PoseDataError, csv.Error) as error:
            yield TrainingFinding(
                "boxes", "error", f"the table cannot be read ({error})", str(path), "", _BOXES
            )
            continue
        labels = by_view.get(view)
        images = list(labels.images) if labels is not None else [row[0] for row in rows]
        if [row[0] for row in rows] != images:
            yield TrainingFinding(
                "boxes",
                "error",
                f"its {counted(len(rows), 'row')} {verb(len(rows))} not the "
                f"{counted(len(images), 'image')} of the label file in their order",
                str(path),
                remedy=_BOXES,
            )
        elif any(len(row) != 5 or not _are_numbers(row[1:]) for row in rows):
            yield TrainingFinding(
                "boxes", "error", "a row has no box of four numbers", str(path), "", _BOXES
            )


def _are_numbers(cells: list[str]) -> bool:
    try:
        return all(np.isfinite(float(cell)) for cell in cells)
    except ValueError:
        return False


def _sizes(
    each: ViewLabels, sizes: list[tuple[int, int] | None], usual: tuple[int, int]
) -> Iterator[TrainingFinding]:
    other = [
        f"{image} {size[0]} x {size[1]}"
        for image, size in zip(each.images, sizes, strict=True)
        if size is not None and size != usual
    ]
    if other:
        yield TrainingFinding(
            "size of images",
            "warning",
            f"{counted(len(other), 'image')} {verb(len(other))} not {usual[0]} x {usual[1]} px as "
            "the others",
            each.path.name,
            listed(other),
            "Make sure that they are of this camera, and not cropped",
        )


def _outside(each: ViewLabels, sizes: list[tuple[int, int] | None]) -> Iterator[TrainingFinding]:
    limits = np.array([(np.inf, np.inf) if size is None else size for size in sizes], float)
    outside = (each.xy < -0.5).any(axis=-1) | (each.xy > limits[:, None] - 0.5).any(axis=-1)
    if outside.any():
        n, k = np.argwhere(outside)[0]
        x, y = each.xy[n, k]
        n_outside = int(outside.sum())
        yield TrainingFinding(
            "label outside",
            "warning",
            f"{counted(n_outside, 'label')} {verb(n_outside, 'lies', 'lie')} outside of the image",
            each.path.name,
            f"first {each.images[n]}, {each.table.keypoints[k]} at {x:.0f}, {y:.0f}",
            "Correct or remove them",
        )
