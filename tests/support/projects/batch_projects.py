"""Projects of several small calibrated sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_pose3d import save_rig
from tests.support.projects.session_files import put_predictions, touch
from tests.support.recordings.scenes import arc_rig, noisy_ensemble, walk

KEYPOINTS = ("nose", "tail")
VIEWS = arc_rig().names


def batch_project(
    folder: Path, sessions: Sequence[str], n_frames: int = 60, long: Sequence[str] = ()
) -> Path:
    """A Lightning Pose project with a rig; ``long`` sessions have 15,000 frames."""
    rig = arc_rig()
    touch(
        folder / "project.yaml",
        f"view_names: [{', '.join(VIEWS)}]\nkeypoint_names: [{', '.join(KEYPOINTS)}]\n",
    )
    save_rig(rig, folder / "calibration.toml")
    rng = np.random.default_rng(4)
    for session in sessions:
        n = 15_000 if session in long else n_frames
        found = noisy_ensemble(rig, walk(n, 2, rng) / 60, rng, n_models=2, sigma=0.5)
        for m in range(2):
            for v, view in enumerate(VIEWS):
                put_predictions(prediction(folder, session, view, m), found.xy[m, v], KEYPOINTS)
    return folder


def prediction(folder: Path, session: str, view: str = VIEWS[0], model: int = 0) -> Path:
    """A prediction file of a project."""
    return folder / "models" / f"net{model}" / "video_preds" / f"{session}_{view}.csv"


def smoothed_files(folder: Path, session: str) -> set[str]:
    """Names of the results of a session, hidden ones too."""
    results = folder / "napari-pose3d" / "smoothed" / session
    return {path.name for path in results.iterdir()} if results.is_dir() else set()


def all_smoothed(session: str) -> set[str]:
    """Names of the results of a session that is wholly done."""
    return {f"{session}_{part}" for part in (*(f"{v}.csv" for v in VIEWS), "3d.csv", "run.json")}


def corrupt(path: Path) -> None:
    """Spoil the numbers of a table in the middle."""
    lines = path.read_text().splitlines()
    lines[len(lines) // 2] = "30,1.0,what"
    path.write_text("\n".join(lines))
