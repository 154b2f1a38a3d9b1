"""Proposals of a frame by an exported network: the whole against the bare network, in one run.

    NAPARI_POSE3D_LITPOSE=~/litpose-env python benchmarks/proposals.py [--quick]

A ResNet-50 with random weights at 256 x 256 px is exported by the environment of litpose, and
proposes the keypoints of a frame of four views of 640 x 480 px, with a calibration. Both are timed
by turns, so that others on the machine slow down both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from _common import parser
from napari_pose3d.core.models.configuration.config_file import config_text
from napari_pose3d.core.models.installation.litpose_search import VARIABLE, find_installations
from napari_pose3d.core.models.proposals.exported_network import ExportedNetwork
from napari_pose3d.core.models.proposals.frame_proposal import propose_frame
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras

SIZE, KEYPOINTS, THREADS = 256, 13, 2
EXPORT = """
import sys
import torch
from lightning_pose.models import HeatmapTracker
model = HeatmapTracker(num_keypoints=int(sys.argv[2]), backbone="resnet50", pretrained=False)
model.eval()
size = int(sys.argv[3])
torch.onnx.export(
    model, (torch.randn(1, 4, 3, size, size),), sys.argv[1], input_names=["images"],
    output_names=["heatmaps"], opset_version=17,
    dynamic_axes={"images": {0: "batch"}, "heatmaps": {0: "batch"}},
)
"""


def main() -> int:
    chosen = parser(__doc__).parse_args()
    found = find_installations() if os.environ.get(VARIABLE) else []
    if not found or found[0].python is None:
        print(f"## Proposals: not measured; {VARIABLE} names no environment")
        return 0
    rig = ring_of_cameras(4, focal=600, distance=600, arc=2.5)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        config = {
            "training": {},
            "model": {"model_type": "heatmap"},
            "data": {
                "view_names": list(rig.names),
                "keypoint_names": [f"k{i}" for i in range(KEYPOINTS)],
                "image_resize_dims": {"height": SIZE, "width": SIZE},
                "downsample_factor": 2,
            },
        }
        (folder / "config.yaml").write_text(config_text(config))
        target = folder / "net_fp32.onnx"
        script = [str(found[0].python), "-c", EXPORT, str(target), str(KEYPOINTS), str(SIZE)]
        subprocess.run(script, check=True, capture_output=True)
        begun = time.perf_counter()
        network = ExportedNetwork(target, threads=THREADS)
        loading = time.perf_counter() - begun
        rng = np.random.default_rng(0)
        images = {v: rng.integers(0, 256, (480, 640, 3), dtype=np.uint8) for v in rig.names}
        bare = network._session
        batch = rng.normal(size=(1, 4, 3, SIZE, SIZE)).astype(np.float32)
        propose_frame(network, images, rig, least_likelihood=0)
        whole, alone = [], []
        for _ in range(5 if chosen.quick else 20):
            begun = time.perf_counter()
            propose_frame(network, images, rig, least_likelihood=0)
            middle = time.perf_counter()
            bare.run(None, {"images": batch})
            whole.append(middle - begun)
            alone.append(time.perf_counter() - middle)
    ratio = statistics.median(a / b for a, b in zip(whole, alone, strict=True))
    print("## Proposals of a frame, ResNet-50 at 256 px, 4 views of 640 x 480 px\n")
    print("| loading (s) | whole, median (s) | least (s) | network alone, median (s) | ratio |")
    print("|---|---|---|---|---|")
    middle, least = statistics.median(whole), min(whole)
    bare_middle = statistics.median(alone)
    print(f"| {loading:.2f} | {middle:.3f} | {least:.3f} | {bare_middle:.3f} | {ratio:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
