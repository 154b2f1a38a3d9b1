"""Run ensemble-kalman-smoother on the files of ``tests/data/eks`` and keep what it returns.

Runs in the Python of a venv that has the package, started by ``make_eks_oracle.py``.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

CAMERAS = ["Cam-A", "Cam-B", "Cam-C"]
COLUMNS = {
    "xy": ("x", "y"),
    "posterior_var": ("x_posterior_var", "y_posterior_var"),
    "ens_var": ("x_ens_var", "y_ens_var"),
}


def arrays_of(tables: list[Any], keypoints: list[str]) -> dict[str, Any]:
    """Arrays ``(view, frame, keypoint, 2)`` from one table per view."""
    found = {}
    for name, columns in COLUMNS.items():
        views = []
        for table in tables:
            flat = table.copy()
            flat.columns = flat.columns.droplevel(0)
            points = [[flat[(k, c)].to_numpy() for c in columns] for k in keypoints]
            views.append(np.array(points, np.float64).transpose(2, 0, 1))
        found[name] = np.stack(views).astype(np.float32)
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    # Only that venv has it.
    from eks.multicam_smoother import fit_eks_multicam  # type: ignore[import-not-found]
    from eks.singlecam_smoother import fit_eks_singlecam  # type: ignore[import-not-found]

    files = {c: sorted(map(str, folder.glob(f"input/*{c}*.csv"))) for c in CAMERAS}
    calls: dict[str, dict[str, Any]] = {
        "calibrated_s1": {"calibration": True, "smooth_param": 1.0},
        "calibrated_searched": {"calibration": True, "smooth_param": None},
        "linear_s10": {"smooth_param": 10.0},
        "linear_searched": {"smooth_param": None},
        "single_s1": {"single": True, "smooth_param": 1.0},
        "single_searched": {"single": True, "smooth_param": None},
    }
    with tempfile.TemporaryDirectory() as out:
        for name, call in calls.items():
            if call.pop("single", False):
                # One camera only, as its command for a single camera is meant.
                table, s = fit_eks_singlecam(
                    input_source=files["Cam-A"], save_file=f"{out}/single.csv", **call
                )[:2]
                tables = [table]
            else:
                if call.pop("calibration", False):
                    call["calibration"] = str(folder / "input" / "calibration.toml")
                else:
                    call["camera_names"] = CAMERAS
                result = fit_eks_multicam(
                    input_source=files, save_dir=out, inflate_vars=False, **call
                )
                tables, s = result[0], result[1]
            keypoints = list(dict.fromkeys(tables[0].columns.get_level_values(1)))
            np.savez_compressed(
                folder / f"{name}.npz",
                smooth_param=np.array(s, np.float64).reshape(-1),
                version=version("ensemble-kalman-smoother"),
                **arrays_of(tables, keypoints),
            )
            print(name, np.array(s).reshape(-1), flush=True)


if __name__ == "__main__":
    main()
