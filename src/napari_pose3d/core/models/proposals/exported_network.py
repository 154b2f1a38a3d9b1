"""A network that ``litpose export --runtime onnx`` wrote, and what it sees in images."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.naming.file_names import SINGLE_VIEW
from napari_pose3d.core.storage.input_files import input_errors
from napari_pose3d.errors import PoseDataError

from ..configuration.config_file import CONFIG_YAML, Config, names_at, read_config, value_at
from ..configuration.crops import trained_on_crops
from ..configuration.known_keys import CONTEXT, MULTIVIEW
from .heatmap_decoding import decode_heatmaps
from .image_preparation import prepared_image

EXPORTS = "exports_onnx"
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True, eq=False)
class FramePrediction:
    """What a network sees in the images of one frame.

    Attributes
    ----------
    views, keypoints : tuple of str
    xy : (view, keypoint, 2) float64
        px of the images as they were given.
    likelihood : (view, keypoint) float64
    """

    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: NDArray[np.float64]
    likelihood: NDArray[np.float64]


class ExportedNetwork:
    """A network in memory.

    Parameters
    ----------
    path : path
        The exported file, a network's folder with exports, or a folder with such a file and
        ``config.yaml``.
    threads : int, optional
        Not given: as many as there are cores.

    Attributes
    ----------
    path : Path
        The exported file.
    views, keypoints : tuple of str
    size : (int, int)
        Width and height in px of the images that it takes.
    precision : {"fp32", "fp16"}

    Raises
    ------
    PoseDataError
        There is none, it is of a kind that cannot be used, its weights are missing, or onnxruntime
        is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        self.path = exported_file(Path(path))
        config = _config_of(self.path)
        check_kind(config, self.path)
        self.views = names_at(config, "data.view_names", self.path) or (SINGLE_VIEW,)
        self.keypoints = names_at(config, "data.keypoint_names", self.path)
        with input_errors(self.path, TypeError):
            width, height = (
                int(value_at(config, f"data.image_resize_dims.{side}", 0))
                for side in ("width", "height")
            )
            self._doublings = int(value_at(config, "data.downsample_factor", 2))
        self.size = width, height
        if not self.keypoints or min(self.size) < 1 or self._doublings not in (1, 2, 3):
            raise PoseDataError(
                "the configuration beside the network does not say what it takes",
                file=self.path,
                expected="data.keypoint_names and data.image_resize_dims",
            )
        self._session = _session(self.path, threads)
        given = self._session.get_inputs()[0]
        self._several = len(given.shape) == 5
        self._type = _TYPES.get(given.type)
        outputs = self._session.get_outputs()
        if self._type is None or len(outputs) != 1 or len(outputs[0].shape) != 4:
            raise PoseDataError(
                "the network does not give one heatmap for each keypoint and view",
                file=self.path,
                expected="an export of heatmap or heatmap_multiview_transformer",
            )
        self.precision = "fp32" if self._type is np.float32 else "fp16"

    def predict(self, images: Mapping[str, NDArray[Any]]) -> FramePrediction:
        """Predict the images of one frame.

        Parameters
        ----------
        images : mapping of view to (H, W) or (H, W, 3)
            Grey or RGB, of all views.

        Raises
        ------
        PoseDataError
            A view is missing, or the network fails.
        """
        return self.predict_batch([images])[0]

    def predict_batch(self, frames: Sequence[Mapping[str, NDArray[Any]]]) -> list[FramePrediction]:
        """Predict several frames at once; parameters and errors as `predict`."""
        for images in frames:
            lacking = [view for view in self.views if view not in images]
            if lacking:
                raise PoseDataError(
                    f"the network needs the image of view {', '.join(lacking)}",
                    file=self.path,
                    expected=f"images of {', '.join(self.views)}",
                )
        width, height = self.size
        batch = np.stack(
            [[prepared_image(images[v], width, height) for v in self.views] for images in frames]
        )
        n, n_views, n_keypoints = len(frames), len(self.views), len(self.keypoints)
        if not self._several:
            batch = batch.reshape(n * n_views, 3, height, width)
        maps = self._run(batch.astype(self._type))
        per_image = (n, n_views * n_keypoints) if self._several else (n * n_views, n_keypoints)
        if maps.shape[:-2] != per_image:
            raise PoseDataError(
                f"the network gives heatmaps of shape {maps.shape}",
                file=self.path,
                expected=f"{n_keypoints} for each of {n_views} views",
                todo="Export it again: configuration and file do not belong together",
            )
        xy, likelihood = decode_heatmaps(maps.reshape(-1, *maps.shape[-2:]), self._doublings)
        xy = xy.reshape(n, n_views, n_keypoints, 2)
        likelihood = likelihood.reshape(n, n_views, n_keypoints)
        found = []
        for i, images in enumerate(frames):
            # Without half a pixel: labels were scaled so for training.
            scale = [
                (images[view].shape[1] / width, images[view].shape[0] / height)
                for view in self.views
            ]
            pixels = xy[i] * np.array(scale)[:, None]
            found.append(FramePrediction(self.views, self.keypoints, pixels, likelihood[i]))
        return found

    def _run(self, batch: NDArray[Any]) -> NDArray[Any]:
        name = self._session.get_inputs()[0].name
        try:
            return np.asarray(self._session.run(None, {name: batch})[0])
        except _runtime_errors() as error:
            raise PoseDataError(
                f"the network fails ({str(error).splitlines()[0][:200]})",
                file=self.path,
                todo="Export it again",
            ) from error


def exported_file(path: Path) -> Path:
    """The exported network that a path stands for; of two precisions, that of 32 bits.

    Raises
    ------
    PoseDataError
        There is none.
    """
    if path.is_file() and path.suffix == ".onnx":
        return path
    for folder in (path / EXPORTS, path):
        found = sorted(folder.glob("*.onnx"), key=lambda each: ("fp32" not in each.name, each.name))
        if found:
            return found[0]
    raise PoseDataError(
        "there is no exported network",
        file=path,
        expected=f"{EXPORTS}/<checkpoint>_fp32.onnx",
        todo="Export it (models export)",
    )


def _config_of(path: Path) -> Config:
    for folder in (path.parent, path.parent.parent):
        if (folder / CONFIG_YAML).is_file():
            return read_config(folder / CONFIG_YAML)
    raise PoseDataError(
        "the configuration of the network is missing",
        file=path.parent,
        expected=f"{CONFIG_YAML} beside it, or in the folder above",
        todo="Copy it there from the network's folder",
    )


def check_kind(config: Config, path: Path) -> None:
    """Raise `PoseDataError` for a network whose export cannot be used."""
    kind = value_at(config, "model.model_type")
    if kind not in ("heatmap", MULTIVIEW):
        why = {
            CONTEXT: "it needs the frames around, and its export works one by one only",
            "regression": "its export gives coordinates and no heatmaps",
        }.get(str(kind), "such models are not known")
        raise PoseDataError(
            f"networks of the type {kind} cannot be used here: {why}",
            file=path,
            expected=f"heatmap or {MULTIVIEW}",
        )
    if trained_on_crops(config):
        raise PoseDataError(
            "the network was trained on crops, and would see the whole image here: its positions "
            "would be wrong",
            file=path,
            expected="a network that was trained on whole images",
            todo="Predict the sessions with litpose, which cuts each frame by its bounding box",
        )


def _session(path: Path, threads: int | None) -> Any:
    if importlib.util.find_spec("onnxruntime") is None:
        raise PoseDataError(
            "exported networks need the package onnxruntime, which is not installed",
            expected="napari-pose3d with its extra onnx",
            todo='Install it with: pip install "napari-pose3d[onnx]"',
        )
    import onnxruntime

    weights = path.with_name(f"{path.name}.data")
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    # Errors are raised; its warnings are for those who write runtimes.
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _runtime_errors() as error:
        lacks = (
            "" if weights.is_file() else f"; {weights.name}, which may hold its weights, is missing"
        )
        raise PoseDataError(
            f"the network cannot be loaded ({str(error).splitlines()[0][:200]}){lacks}",
            file=path,
            todo="Copy both files of the export under their own names"
            if lacks
            else "Export it again",
        ) from error


def _runtime_errors() -> tuple[type[BaseException], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidProtobuf", "NoSuchFile", "RuntimeException")
    more = ("NotImplemented", "InvalidGraph", "EPFail", "NoModel", "ModelLoaded", "EngineError")
    found = [getattr(state, name) for name in (*names, *more) if hasattr(state, name)]
    return (RuntimeError, ValueError, *found)
