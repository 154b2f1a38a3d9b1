"""JARVIS's data sets: COCO with frame sets, images of all cameras, and their calibration.

Notes
-----
``annotations/instances_{train,val}.json``, images in ``{train,val}/<file_name>``, cameras in
``calib_params/<dataset>/<camera>.yaml``. Missing is (0, 0), whatever ``v`` says. The loader derives
the key of a frame set from a ``file_name`` of five parts; it wants all cameras in each, and fails
on frames in which no keypoint is in two views.

References
----------
JARVIS-HybridNet ``jarvis/dataset/dataset3D.py``, ``datasetBase.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.formats.calibrations.camera_sections import Given
from napari_pose3d.core.formats.calibrations.opencv_files import (
    read_jarvis as read_cameras,
)
from napari_pose3d.core.formats.calibrations.opencv_files import (
    write_jarvis as write_cameras,
)
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError

from ..destination import Destination
from ..frame_rows import refuse_repeated
from ..session_labels import Cells, ImageKey, SessionLabels, frame_number, labels_of
from .coco import annotation_of, positions_of
from .dataset_images import copy_image, image_size, inside

_EXPECTED = "a data set of JARVIS: annotations/instances_train.json, images, calib_params"
_OURS = "written by napari-pose3d"
_LARGEST = 1 << 30
# Between session and camera in the names of images.
_BETWEEN = ("labels", "frames")


def is_jarvis_set(path: Path) -> bool:
    """Whether a folder looks like one."""
    return any((path / "annotations").glob("instances_*.json"))


def write_jarvis_set(labels: SessionLabels, to: Destination) -> list[str]:
    """Write the frames that have an image in every view, and copies of these images.

    Raises
    ------
    PoseDataError
        There is no such frame.
    """
    refuse_unsafe_names(labels.sessions, "session")
    refuse_unsafe_names(labels.views, "view")
    notes: list[str] = []
    views, rigs = {}, {}
    for session in labels.sessions:
        rig = labels.rigs.get(session)
        names = rig.names if rig is not None else labels.views
        views[session] = tuple(view for view in names if view in labels.views)
        if rig is None:
            notes.append(
                f"session {session} has no calibration, so that only JARVIS's 2-D networks can be "
                "trained with it"
            )
        else:
            rigs[session] = rig.subset(views[session])
            cameras = to.path / "calib_params" / session
            lost = write_cameras(rigs[session], cameras, to.files)
            # Sizes stand with the images.
            notes += [f"not kept: {each}" for each in lost if not each.startswith("the size")]
    chosen = [n for n in range(len(labels.frames)) if _is_complete(labels, n, views)]
    if not chosen:
        raise PoseDataError(
            "no labeled frame has an image in every view, and keypoints in two of them",
            expected="images in labeled-data, and labels in two views",
            todo="Label more, and let the images be written",
        )
    if len(chosen) < len(labels.frames):
        notes.append(
            f"{len(labels.frames) - len(chosen)} of {len(labels.frames)} frames are left out: an "
            "image is not there, or no keypoint is in two views"
        )
    validation = set(held_out(len(chosen), to.settings.validation))
    for split in ("train", "val"):
        of_split = [n for i, n in enumerate(chosen) if (i in validation) == (split == "val")]
        content = _content(labels, of_split, views, rigs, to.path / split, to)
        target = to.path / "annotations" / f"instances_{split}.json"
        to.files.open(target).write(json.dumps(content, indent=1) + "\n")
    notes.append(f"{len(chosen) - len(validation)} frames for training, {len(validation)} for "
                 "validation")  # fmt: skip
    return list(dict.fromkeys(notes))


def held_out(n: int, share: float) -> list[int]:
    """Which of `n` frames are for validation: a share of them, evenly spread."""
    count = min(max(round(share * n), 1 if share > 0 else 0), n - 1)
    return [(2 * i + 1) * n // (2 * count) for i in range(count)]


def _is_complete(labels: SessionLabels, n: int, views: Mapping[str, tuple[str, ...]]) -> bool:
    session, frame = labels.frames[n]
    mine = views[session]
    if not all(ImageKey(session, view, frame) in labels.images for view in mine):
        return False
    at = [labels.views.index(view) for view in mine]
    known = np.isfinite(labels.xy[at, n]).all(axis=-1)
    return bool((known.sum(axis=0) >= min(2, len(mine))).any())


def _content(
    labels: SessionLabels,
    frames: list[int],
    views: Mapping[str, tuple[str, ...]],
    rigs: Mapping[str, Rig],
    folder: Path,
    to: Destination,
) -> dict[str, Any]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    sets: dict[str, Any] = {}
    for n in frames:
        session, frame = labels.frames[n]
        ids = []
        for view in views[session]:
            key = ImageKey(session, view, frame)
            source = labels.images[key]
            size = image_size(source) or labels.sizes.get(key)
            if size is None:
                raise PoseDataError("this is no image", file=source, expected="an image file")
            stem = f"Frame_{frame}"
            name = "/".join((session, *_BETWEEN, view, f"{stem}{source.suffix.lower()}"))
            to.check_cancelled()
            copy_image(source, folder.joinpath(*name.split("/")), to.files)
            ids.append(len(images))
            images.append(
                {
                    "id": ids[-1],
                    "file_name": name,
                    "width": size[0],
                    "height": size[1],
                    "coco_url": "",
                    "date_captured": "",
                    "flickr_url": "",
                    "license": 1,
                }
            )
            v = labels.views.index(view)
            if np.isfinite(labels.xy[v, n]).all(axis=-1).any():
                each = annotation_of(labels, v, n, ids[-1])
                # Its loader looks for an image of id 0; COCO takes an annotation of id 0 for none.
                annotations.append({**each, "id": len(annotations) + 1})
        sets["/".join((session, *_BETWEEN, f"Frame_{frame}"))] = {
            "datasetName": session,
            "frames": ids,
        }
    names = list(labels.keypoints)
    return {
        "info": {"description": _OURS, "views": list(labels.views)},
        "keypoint_names": names,
        "skeleton": [
            {"name": f"{a}-{b}", "keypointA": a, "keypointB": b, "length": 0}
            for a, b in labels.skeleton
            if a in names and b in names
        ],
        "categories": [
            {
                "id": 1,
                "name": "animal",
                "supercategory": "None",
                "num_keypoints": len(names),
                "keypoints": names,
            }
        ],
        "images": images,
        "annotations": annotations,
        "calibrations": {
            session: {name: f"calib_params/{session}/{name}.yaml" for name in rig.names}
            for session, rig in rigs.items()
        },
        "framesets": sets,
    }


def read_jarvis_set(path: Path) -> SessionLabels:
    """Read labels, images and cameras of all splits.

    The session is the data set that a frame set names, or what stands before the camera in the
    names of the images.

    Raises
    ------
    PoseDataError
        It is no such folder, or a file is damaged.
    """
    root = path if path.is_dir() else path.parent.parent
    splits = sorted((root / "annotations").glob("instances_*.json"))
    if not splits:
        raise PoseDataError("there are no annotations", file=path, expected=_EXPECTED)
    found = _Found()
    for each in splits:
        with input_errors(each, LookupError, TypeError, AttributeError, expected=_EXPECTED):
            content = json.loads(read_text(each, largest=_LARGEST, expected=_EXPECTED))
            _read_split(content, each, root, found)
    notes = []
    if len(found.images) < len(found.cells):
        absent = len(found.cells) - len(found.images)
        notes.append(f"{absent} of {len(found.cells)} images are not there")
    rigs = {}
    for name in {key.session for key in found.cells} & set(found.cameras):
        places = [inside(root, place) for place in found.cameras[name].values()]
        folders = {place.parent for place in places if place is not None and place.is_file()}
        if len(folders) == 1:
            rigs[name] = read_cameras(folders.pop(), Given())
        else:
            notes.append(f"the calibration of {name} is not there")
    return labels_of(
        found.cells,
        found.keypoints,
        found.views or tuple(dict.fromkeys(v for c in found.cameras.values() for v in c)),
        skeleton=found.bones,
        images=found.images,
        sizes=found.sizes,
        rigs=rigs,
        notes=tuple(notes),
    )


@dataclass
class _Found:
    """What the splits hold together."""

    keypoints: tuple[str, ...] = ()
    bones: tuple[tuple[str, str], ...] = ()
    views: tuple[str, ...] = ()
    cameras: dict[str, dict[str, str]] = field(default_factory=dict)
    cells: dict[ImageKey, Cells] = field(default_factory=dict)
    images: dict[ImageKey, Path] = field(default_factory=dict)
    sizes: dict[ImageKey, tuple[int, int]] = field(default_factory=dict)


def _read_split(content: Mapping[str, Any], path: Path, root: Path, found: _Found) -> None:
    names = tuple(str(name) for name in content["keypoint_names"])
    refuse_repeated(names, path)
    if found.keypoints and names != found.keypoints:
        raise PoseDataError(
            "it has other keypoints than the split before",
            file=path,
            expected=", ".join(found.keypoints),
        )
    found.keypoints = names
    found.bones = tuple(
        (str(b["keypointA"]), str(b["keypointB"])) for b in content.get("skeleton") or ()
    )
    info = content.get("info") or {}
    is_ours = info.get("description") == _OURS
    found.views = tuple(map(str, info.get("views") or ())) if is_ours else ()
    for name, places in (content.get("calibrations") or {}).items():
        found.cameras.setdefault(str(name), {str(k): str(v) for k, v in places.items()})
    folder = root / path.stem.removeprefix("instances_")
    keys = _keys(content, path)
    for image in content["images"]:
        key = keys[image["id"]]
        if key in found.cells:
            raise PoseDataError(
                f"frame {key.frame} of {key.view} is there twice",
                file=path,
                expected="each frame once",
            )
        found.cells[key] = _no_cells(len(names))
        file = inside(folder, str(image["file_name"]))
        # The tool writes one size for all; the image knows its own.
        size = None
        if file is not None and file.is_file():
            found.images[key], size = file, image_size(file)
        found.sizes[key] = size or (int(image["width"]), int(image["height"]))
    _read_annotations(content, keys, found.cells, is_ours, path)


def _no_cells(n_keypoints: int) -> Cells:
    return np.full((n_keypoints, 2), np.nan), np.zeros(n_keypoints, bool)


def _keys(content: Mapping[str, Any], path: Path) -> dict[Any, ImageKey]:
    """Session, view and frame of the images by their ids."""
    named = {
        image: str(each["datasetName"])
        for each in (content.get("framesets") or {}).values()
        for image in each["frames"]
    }
    keys: dict[Any, ImageKey] = {}
    trials: dict[str, set[tuple[str, ...]]] = {}
    for image in content["images"]:
        parts = PurePosixPath(str(image["file_name"]).replace("\\", "/")).parts
        if len(parts) < 2:
            raise PoseDataError(
                f"the image {image['file_name']} has no camera",
                file=path,
                expected="<dataset>/<trial>/<camera>/Frame_<n>.png",
            )
        trials.setdefault(named.get(image["id"], ""), set()).add(parts[:-2])
    for i, image in enumerate(content["images"]):
        *before, view, file = PurePosixPath(str(image["file_name"]).replace("\\", "/")).parts
        number = frame_number(PurePosixPath(file).stem)
        name = named.get(image["id"], "")
        # One data set may hold several recordings of one calibration.
        session = name if name and len(trials[name]) == 1 else "_".join(before) or "images"
        keys[image["id"]] = ImageKey(session, view, i if number is None else number)
    return keys


def _read_annotations(
    content: Mapping[str, Any],
    keys: Mapping[Any, ImageKey],
    cells: dict[ImageKey, Cells],
    is_ours: bool,
    path: Path,
) -> None:
    seen = set()
    for i, each in enumerate(content["annotations"]):
        key, place = keys[each["image_id"]], f"annotations, entry {i + 1}"
        if key in seen:
            raise PoseDataError(
                f"there are several animals in frame {key.frame} of {key.view}",
                file=path,
                place=place,
                expected="one in each image",
            )
        seen.add(key)
        x_y_v = positions_of(each, len(cells[key][1]), path, place)
        missing = (x_y_v[:, :2] == 0).all(axis=1)
        # The tool writes 1 for all.
        hidden = (x_y_v[:, 2] == 1) & ~missing & is_ours
        cells[key] = np.where(missing[:, None], np.nan, x_y_v[:, :2]), hidden
