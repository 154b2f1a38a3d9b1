"""Images are prepared and heatmaps decoded as litpose does it, with maps that have peaks.

The tables are what ``litpose predict --runtime onnx --reader opencv`` wrote with the network of
`spot_networks`; see tests/support/litpose/record_litpose.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.litpose.spot_networks import spot_network
from tests.support.paths import RECORDED_LITPOSE

from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.core.models.configuration.config_file import read_config
from napari_pose3d.core.models.proposals import exported_network
from napari_pose3d.core.models.proposals.exported_network import ExportedNetwork
from napari_pose3d.core.models.proposals.image_preparation import prepared_image
from napari_pose3d.core.video.video_array import open_video

pytest.importorskip("onnxruntime")
SPOTS = RECORDED_LITPOSE / "spots"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> ExportedNetwork:
    data = read_config(RECORDED_LITPOSE / "models" / "seed0" / "config.yaml")["data"]
    folder: Path = tmp_path_factory.mktemp("spots") / "net"
    return ExportedNetwork(
        spot_network(folder, tuple(data["view_names"]), tuple(data["keypoint_names"]))
    )


def differences(network: ExportedNetwork) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of positions, ``(view, frame, keypoint, 2)`` px, and of likelihoods."""
    frames: list[dict[str, NDArray[np.uint8]]] = [{}, {}]
    for view in network.views:
        video = open_video(SPOTS / f"spots_{view}.mp4", color="rgb")
        assert len(video) == len(frames)
        for n, images in enumerate(frames):
            images[view] = np.asarray(video[n])
        video.close()
    found = network.predict_batch(frames)
    tables = [read_prediction_csv(SPOTS / f"spots_{view}.csv") for view in network.views]
    assert {each.keypoints for each in tables} == {network.keypoints}
    xy = np.stack([each.xy for each in found], axis=1)
    likelihood = np.stack([each.likelihood for each in found], axis=1)
    return (
        np.abs(xy - np.stack([each.xy for each in tables])),
        np.abs(likelihood - np.stack([each.likelihood for each in tables])),
    )


def test_positions_are_those_of_litpose(network: ExportedNetwork) -> None:
    positions, likelihoods = differences(network)
    assert positions.shape == (4, 2, 13, 2)
    assert positions.max() < 0.002
    assert np.median(positions) < 2e-5
    assert likelihoods.max() < 1e-5


@pytest.mark.parametrize("how", ["INTER_LINEAR", "INTER_AREA", "INTER_NEAREST"])
def test_other_ways_to_resize_would_be_noticed(
    network: ExportedNetwork, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    import cv2

    def in_bytes(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.float32]:
        small = cv2.resize(image, (width, height), interpolation=getattr(cv2, how))
        return prepared_image(small, width, height)

    monkeypatch.setattr(exported_network, "prepared_image", in_bytes)
    assert differences(network)[0].max() > 0.1
