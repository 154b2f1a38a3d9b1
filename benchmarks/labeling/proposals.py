"""Proposals of a frame by an exported network: the whole against the bare network, in one run.

    NAPARI_POSE3D_LITPOSE=~/litpose-env python -m benchmarks.labeling.proposals [--quick]

A ResNet-50 with random weights at 256 x 256 px is exported by the environment of litpose, and
proposes the keypoints of frames of the sample session, four views of 640 x 480 px, with its
calibration: as the key M does while labeling, which reads the images from the videos, and of images
that are in memory. All are timed by turns, so that others on the machine slow down all.

Goal: a proposal by the key in at most 0.5 s, on two cores with nothing else to do.
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

from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d.core.models.configuration.config_file import config_text
from napari_pose3d.core.models.installation.litpose_search import VARIABLE, find_installations
from napari_pose3d.core.models.proposals.exported_network import ExportedNetwork
from napari_pose3d.core.models.proposals.frame_proposal import propose_frame
from napari_pose3d.core.models.proposals.open_videos import OpenVideos
from napari_pose3d.core.models.proposals.session_proposal import propose_session_frame
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample

SIZE, KEYPOINTS, THREADS, FRAMES = 256, 13, 2, 120
GOAL = 0.5
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
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        sample = make_sample(folder / "sample", recipe=SampleRecipe(n_frames=FRAMES, seeds=1))
        (session,) = open_project(sample).sessions
        rig = session.load_rig()
        assert rig is not None
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
        frames = rng.permutation(FRAMES)[: 5 if chosen.quick else 20].tolist()
        videos = OpenVideos()
        parts = {
            "by the key, from the videos": lambda frame: propose_session_frame(
                network, session, frame, rig, videos=videos
            ),
            "of images in memory": lambda _: propose_frame(
                network, images, rig, least_likelihood=0
            ),
            "the network alone": lambda _: bare.run(None, {"images": batch}),
        }
        seconds: dict[str, list[float]] = {name: [] for name in parts}
        for frame in (0, *frames):
            for name, part in parts.items():
                begun = time.perf_counter()
                part(frame)
                seconds[name].append(time.perf_counter() - begun)
        videos.close()
    begin("Proposals")
    table = Table(
        f"a frame of 4 views, ResNet-50 at {SIZE} px; loading takes {loading:.2f} s",
        ("what", "the first, s", "median, s", "longest, s", "over the network"),
    )
    alone = seconds["the network alone"][1:]
    for name, (first, *others) in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(others, alone, strict=True))
        table.add(name, first, statistics.median(others), max(others), ratio)
    table.show()
    middle = statistics.median(seconds["by the key, from the videos"][1:])
    goal(f"a proposal by the key in {middle:.2f} s; at most {GOAL}", middle <= GOAL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
