"""COCO keypoints: labels as JSON, one annotation for each image.

Notes
-----
Positions are unshifted: an integer is the centre of a pixel. ``v`` is 0 without a position (x and y
are 0 then), 1 occluded, 2 visible. ``file_name`` is ``labeled-data/<session>_<view>/img….png``:
COCO itself knows no views. Bounding boxes go around the labels, widened by a tenth; the area is the
box's, as the similarity of COCO divides by it.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

from ..destination import Destination
from ..frame_rows import refuse_repeated
from ..session_labels import (
    Cells,
    ImageKey,
    SessionLabels,
    frame_number,
    image_name,
    labels_of,
    session_and_view,
)

_EXPECTED = "COCO keypoints: images, annotations, and one category with keypoints"
_LARGEST = 1 << 30
_LARGEST_PIXEL = 1e6
_MARGIN = 0.1


def write_coco(labels: SessionLabels, to: Destination) -> list[str]:
    """Write all frames with at least one position in a view; images stay where they are.

    Raises
    ------
    PoseDataError
        The size of an image is not known.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    at = {name: k for k, name in enumerate(labels.keypoints)}
    for n, (session, frame) in enumerate(labels.frames):
        for v, view in enumerate(labels.views):
            known = np.isfinite(labels.xy[v, n]).all(axis=-1)
            if not known.any():
                continue
            key = ImageKey(session, view, frame)
            if key not in labels.sizes:
                raise PoseDataError(
                    "the size of its image is not known, and COCO needs it",
                    place=f"frame {frame} of {view} in {session}",
                    todo="Put the image or the video in its place",
                )
            width, height = labels.sizes[key]
            folder = labels.folder_of(session, view)
            # The name of the file itself, where there is one.
            name = labels.images[key].name if key in labels.images else image_name(frame)
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": f"labeled-data/{folder}/{name}",
                    "width": width,
                    "height": height,
                }
            )
            annotations.append(annotation_of(labels, v, n, len(images)))
    category = {
        "id": 1,
        "name": "animal",
        "supercategory": "animal",
        "keypoints": list(labels.keypoints),
        "skeleton": [[at[a] + 1, at[b] + 1] for a, b in labels.skeleton if a in at and b in at],
    }
    content = {
        "info": {"description": "written by napari-pose3d", "views": list(labels.views)},
        "images": images,
        "annotations": annotations,
        "categories": [category],
    }
    to.files.open(to.path).write(json.dumps(content, indent=1) + "\n")
    return [f"{counted(len(images), 'image')} with labels; the files stay where they are"]


def annotation_of(labels: SessionLabels, v: int, n: int, image: int) -> dict[str, Any]:
    """The labels of one image, of which at least one has a position; `image` is its id."""
    xy = labels.xy[v, n]
    known = np.isfinite(xy).all(axis=-1)
    visible = np.where(known, np.where(labels.occluded[v, n], 1, 2), 0)
    flat: list[float | int] = []
    for k in range(len(xy)):
        flat += [*(np.round(xy[k], 4).tolist() if known[k] else (0, 0)), int(visible[k])]
    low, high = xy[known].min(axis=0), xy[known].max(axis=0)
    margin = np.maximum(_MARGIN * (high - low), 1.0)
    x, y = np.round(low - margin, 4).tolist()
    w, h = np.round(high - low + 2 * margin, 4).tolist()
    return {
        "id": image,
        "image_id": image,
        "category_id": 1,
        "keypoints": flat,
        "num_keypoints": int(known.sum()),
        "bbox": [x, y, w, h],
        "area": w * h,
        "iscrowd": 0,
        "segmentation": [],
    }


def read_coco(path: Path) -> SessionLabels:
    """Read the labels of one animal in each image.

    Session and view follow from the folder of an image, ``<session>_<view>``; another folder is
    one session of one view. The frame is the number in the image's name, else
    its place in the file.

    Raises
    ------
    PoseDataError
        It is no COCO, several animals are in an image, or an entry is not as it should be.
    """
    with input_errors(path, LookupError, TypeError, expected=_EXPECTED):
        content = json.loads(read_text(path, largest=_LARGEST, expected=_EXPECTED))
        if not isinstance(content, dict) or not {"images", "annotations", "categories"} <= set(
            content
        ):
            raise PoseDataError("this is no COCO", file=path, expected=_EXPECTED)
        category = _category(content, path)
        names = tuple(str(name) for name in category["keypoints"])
        refuse_repeated(names, path)
        info = content.get("info")
        views = info.get("views") if isinstance(info, dict) else None
        known_views = tuple(map(str, views)) if isinstance(views, list) else ()
        keys: dict[Any, ImageKey] = {}
        sizes: dict[ImageKey, tuple[int, int]] = {}
        images: dict[ImageKey, Path] = {}
        for i, image in enumerate(content["images"]):
            key = _key(str(image["file_name"]), i, known_views)
            if key in images or image["id"] in keys:
                raise PoseDataError(
                    "two images are of one frame and view",
                    file=path,
                    place=f"images, entry {i + 1}",
                    expected="a name of its own for each",
                )
            keys[image["id"]] = key
            sizes[key] = (int(image["width"]), int(image["height"]))
            images[key] = _image_file(path, str(image["file_name"]))
        found: dict[ImageKey, Cells] = {
            key: (np.full((len(names), 2), np.nan), np.zeros(len(names), bool)) for key in images
        }
        seen: Counter[ImageKey] = Counter()
        for i, each in enumerate(content["annotations"]):
            if each["category_id"] != category["id"]:
                continue
            key = keys[each["image_id"]]
            seen[key] += 1
            place = f"annotations, entry {i + 1}"
            if seen[key] > 1:
                raise PoseDataError(
                    f"there are several animals in the image {key.frame} of {key.view}",
                    file=path,
                    place=place,
                    expected="one in each image",
                )
            x_y_v = positions_of(each, len(names), path, place)
            labeled = x_y_v[:, 2] > 0
            found[key] = (
                np.where(labeled[:, None], x_y_v[:, :2], np.nan),
                x_y_v[:, 2] == 1,
            )
        bones = tuple(
            (names[a - 1], names[b - 1])
            for a, b in category.get("skeleton") or ()
            if 1 <= a <= len(names) and 1 <= b <= len(names)
        )
    there = {key: file for key, file in images.items() if file.is_file()}
    absent = len(images) - len(there)
    return labels_of(
        found,
        names,
        known_views,
        skeleton=bones,
        images=there,
        sizes=sizes,
        notes=(f"{absent} of {len(images)} images do not lie beside the file",) if absent else (),
    )


def positions_of(
    annotation: dict[str, Any], n_keypoints: int, path: Path, place: str
) -> NDArray[np.float64]:
    """``x, y, v`` of an annotation, ``(keypoint, 3)``; refuses what is not that."""
    values = np.array(annotation["keypoints"], dtype=np.float64)
    if values.shape != (3 * n_keypoints,) or not (np.abs(values) < _LARGEST_PIXEL).all():
        raise PoseDataError(
            "the keypoints are not three numbers each",
            file=path,
            place=place,
            expected=f"{3 * n_keypoints} numbers: x, y and v of {n_keypoints} keypoints",
        )
    return values.reshape(-1, 3)


def _category(content: dict[str, Any], path: Path) -> dict[str, Any]:
    with_keypoints = [each for each in content["categories"] if each.get("keypoints")]
    if len(with_keypoints) != 1:
        raise PoseDataError(
            f"{len(with_keypoints)} categories have keypoints",
            file=path,
            place="categories",
            expected="one kind of animal",
        )
    found: dict[str, Any] = with_keypoints[0]
    return found


def _key(name: str, position: int, views: tuple[str, ...]) -> ImageKey:
    """Session, view and frame of an image by its name."""
    path = PurePosixPath(name.replace("\\", "/"))
    number = frame_number(path.stem)
    session, view = session_and_view(path.parent.name or "images", views)
    return ImageKey(session, view, position if number is None else number)


def _image_file(path: Path, name: str) -> Path:
    """Where an image lies, beside the file or below it; never outside of its folder."""
    whole = PurePosixPath(name.replace("\\", "/"))
    parts = [part for part in whole.parts if part not in ("/", "..")]
    for start in range(len(parts)):
        found = path.parent.joinpath(*parts[start:])
        if found.is_file():
            return found
    return path.parent.joinpath(*parts)
