"""caliscope's rig from corners that are given, run by the Python that has it installed.

python child_caliscope.py CORNERS.csv BOARD.json OUT.toml
"""

from __future__ import annotations

import json
import sys
import time

from caliscope.api import (
    CameraArray,
    Charuco,
    ConstraintSet,
    ImagePoints,
    calibrate_extrinsics,
    calibrate_intrinsics,
)


def main() -> None:
    corners, board, out = sys.argv[1:]
    with open(board) as stream:
        facts = json.load(stream)
    points = ImagePoints.from_csv(corners)
    cameras = CameraArray.from_image_sizes({int(k): tuple(v) for k, v in facts["sizes"].items()})
    target = Charuco.from_squares(facts["columns"], facts["rows"], facts["square_cm"])
    began = time.process_time()
    for number in facts["sizes"]:
        own = ImagePoints(points.df[points.df.cam_id == int(number)].copy())
        cameras[int(number)] = calibrate_intrinsics(own, cameras[int(number)]).camera
    run = calibrate_extrinsics(points, cameras, ConstraintSet.from_charuco(target))
    seconds = time.process_time() - began
    run.capture_volume.camera_array.to_toml(out)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
