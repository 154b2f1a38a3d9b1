"""An exported network that was never trained: it finds the reddest, greenest and bluest place.

It is written as litpose exports one, with its weights in a file beside it, so that what reads
exports is tried in any clone.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.models.configuration.config_file import config_text
from napari_pose3d.core.video.rendering.video_writer import VideoWriter
from tests.support.projects.session_files import touch

KEYPOINTS = ("red", "green", "blue")
SIZE = 128
FRAME = (160, 120)
_CELL = 4
_GAIN = 10.0
_FLOAT, _INT64 = 1, 7


def spot_network(
    folder: Path, views: tuple[str, ...], keypoints: tuple[str, ...] = KEYPOINTS
) -> Path:
    """The folder of a network of several views with its configuration and its export.

    Other keypoints than those three are at places of some colour or other.
    """
    config = {
        "data": {
            "image_resize_dims": {"height": SIZE, "width": SIZE},
            "data_dir": str(folder.parent.parent),
            "csv_file": [f"CollectedData_{view}.csv" for view in views],
            "view_names": list(views),
            "keypoint_names": list(keypoints),
            "num_keypoints": len(keypoints),
        },
        "training": {"rng_seed_model_pt": 0},
        "model": {"model_type": "heatmap_multiview_transformer", "backbone": "vits_dino"},
    }
    touch(folder / "config.yaml", config_text(config))
    touch(folder / "train_status.json", '{"status": "COMPLETED"}')
    touch(folder / "tb_logs/net/version_0/checkpoints/epoch=0-step=1-best.ckpt", "weights")
    write_export(folder / "exports_onnx" / "epoch=0-step=1-best_fp32.onnx", len(views), keypoints)
    return folder


def write_export(path: Path, n_views: int, keypoints: tuple[str, ...]) -> None:
    """The network, and its weights beside it."""
    weights = _weights(keypoints)
    touch(path)
    beside = path.with_name(f"{path.name}.data")
    beside.write_bytes(weights.tobytes())
    path.write_bytes(_model(n_views, weights.shape, beside.name))


def spot_positions(n_frames: int, seed: int) -> NDArray[np.float64]:
    """Where the spots of a view are, ``(frame, keypoint, 2)`` px."""
    rng = np.random.default_rng(seed)
    begin = rng.uniform((40, 30), (120, 90), (1, len(KEYPOINTS), 2))
    # Far from one another, and moving slowly.
    begin[0, :, 0] = 30 + 50 * np.arange(len(KEYPOINTS))
    return begin + np.arange(n_frames)[:, None, None] * rng.uniform(-0.8, 0.8, (1, 3, 2))


def spot_video(path: Path, xy: NDArray[np.float64]) -> Path:
    """A video of three coloured spots."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = FRAME
    y, x = np.mgrid[:height, :width]
    with VideoWriter(path, width, height, Fraction(25)) as writer:
        for places in xy:
            image = np.full((height, width, 3), 40.0)
            for k, (px, py) in enumerate(places):
                spot = np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 5.0**2))
                image[..., k] += 200 * spot
                image -= 30 * spot[..., None]
            writer.write(np.clip(image, 0, 255).astype(np.uint8))
    return path


def _weights(keypoints: tuple[str, ...]) -> NDArray[np.float32]:
    """Of a convolution: each keypoint has its colour."""
    n = len(keypoints)
    colours = np.full((n, 3), -0.5)
    colours[range(3), range(3)] = 1
    colours[3:] = np.random.default_rng(0).normal(size=(n - 3, 3))
    weights = np.broadcast_to(colours[:, :, None, None], (n, 3, _CELL, _CELL))
    return np.ascontiguousarray(weights * _GAIN / _CELL**2, np.float32)


def _model(n_views: int, weights: tuple[int, ...], weights_file: str) -> bytes:
    n, maps = weights[0], SIZE // _CELL
    shapes = {
        "one_by_one": (-1, 3, SIZE, SIZE),
        "flat": (-1, n_views * n, maps * maps),
        "maps": (-1, n_views * n, maps, maps),
    }
    strides = _attribute("strides", 7, [_field(8, _CELL), _field(8, _CELL)])
    axis = _attribute("axis", 2, [_field(3, 2)])
    graph = b"".join(
        [
            _node("Reshape", ("images", "one_by_one"), "each"),
            _node("Conv", ("each", "weights"), "scores", strides),
            _node("Reshape", ("scores", "flat"), "rows"),
            _node("Softmax", ("rows",), "shares", axis),
            _node("Reshape", ("shares", "maps"), "heatmaps"),
            _block(2, b"spots"),
            _block(5, _outside("weights", weights, weights_file)),
            *(
                _block(5, _tensor(name, np.array(shape, np.int64)))
                for name, shape in shapes.items()
            ),
            _block(11, _value("images", ("batch", n_views, 3, SIZE, SIZE))),
            _block(12, _value("heatmaps", ("batch", n_views * n, maps, maps))),
        ]
    )
    return _field(1, 8) + _block(7, graph) + _block(8, _block(1, b"") + _field(2, 17))


def _node(kind: str, inputs: tuple[str, ...], output: str, attribute: bytes = b"") -> bytes:
    content = b"".join(_block(1, name.encode()) for name in inputs)
    content += _block(2, output.encode()) + _block(4, kind.encode())
    return _block(1, content + (_block(5, attribute) if attribute else b""))


def _attribute(name: str, kind: int, values: list[bytes]) -> bytes:
    return _block(1, name.encode()) + b"".join(values) + _field(20, kind)


def _tensor(name: str, values: NDArray[np.int64]) -> bytes:
    dims = b"".join(_field(1, side) for side in values.shape)
    return dims + _field(2, _INT64) + _block(8, name.encode()) + _block(9, values.tobytes())


def _outside(name: str, shape: tuple[int, ...], file: str) -> bytes:
    """A tensor whose values are in another file."""
    dims = b"".join(_field(1, side) for side in shape)
    place = _block(1, b"location") + _block(2, file.encode())
    return dims + _field(2, _FLOAT) + _block(8, name.encode()) + _block(13, place) + _field(14, 1)


def _value(name: str, shape: tuple[str | int, ...]) -> bytes:
    sides = b"".join(
        _block(1, _block(2, side.encode()) if isinstance(side, str) else _field(1, side))
        for side in shape
    )
    kind = _field(1, _FLOAT) + _block(2, sides)
    return _block(1, name.encode()) + _block(2, _block(1, kind))


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _block(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content
