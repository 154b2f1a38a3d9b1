"""The sample session on disk: a Lightning Pose project of the synthetic scene.

::

    project.yaml
    videos/arena_Cam-A.mp4 ...
    calibrations/arena.toml
    models/seed0/video_preds/arena_Cam-A.csv ...
    CollectedData_Cam-A.csv ...                      labels of some frames
    labeled-data/arena_Cam-A/img00000012.png ...     the images of these frames
    napari-pose3d/project.toml                       the skeleton, what is measured
    napari-pose3d/truth/arena_3d.csv                 where the animal really was, in mm
    napari-pose3d/sample.json                        says that the folder was made here
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Progress

from .network_errors import PredictionErrors, PredictionTruth, simulate_predictions
from .sample_files import (
    SESSION,
    image_name,
    write_labels,
    write_predictions,
    write_project,
    write_truth,
)
from .sample_folder import made_folder
from .sample_workers import results, workers
from .scene import Scene, make_scene

if TYPE_CHECKING:
    from .render import CameraVideo

RECIPE_VERSION = 2
"""To be raised whenever the same recipe gives other files: a cached sample is then made anew."""


@dataclass(frozen=True)
class SampleRecipe:
    """What the sample is made of; the defaults are the sample that everybody gets.

    Attributes
    ----------
    n_frames, n_cameras, size
        As for `make_scene`.
    seeds : int
        Prediction sets.
    labeled_frames : int
        Frames with labels and extracted images.
    seed : int
        Of all random numbers.
    errors : PredictionErrors
    """

    n_frames: int = 600
    n_cameras: int = 4
    size: tuple[int, int] = (640, 480)
    seeds: int = 3
    labeled_frames: int = 20
    seed: int = 0
    errors: PredictionErrors = field(default_factory=PredictionErrors)

    @property
    def hash(self) -> str:
        """Equal for equal files."""
        return hashlib.sha256(f"{RECIPE_VERSION} {self!r}".encode()).hexdigest()[:16]


def make_sample(
    folder: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    force: bool = False,
    recipe: SampleRecipe | None = None,
) -> Path:
    """Make the sample session: videos, calibration, predictions, labels and the 3-D truth.

    It takes well under a minute. A sample that is there already is returned at once; if some of
    its files are gone, only these are made again and all others stay as they are.

    Parameters
    ----------
    folder : path, optional
        Where to put it: a new or an empty folder. Default: a folder in the user's cache.
    progress : callable, optional
        Called with (stage, done, total).
    cancelled : callable, optional
        Asked some ten times per second whether to stop.
    force : bool
        Make a sample anew that is there already. What was changed in it is lost. A folder that is
        no sample of ours is never replaced.
    recipe : SampleRecipe, optional
        Another sample than the usual one, for tests and benchmarks.

    Returns
    -------
    Path
        The folder, which is a Lightning Pose project.

    Raises
    ------
    PoseDataError
        The folder holds something else, or cannot be written.
    Cancelled
        ``cancelled`` returned True. Then, and after Ctrl-C, nothing is left behind.
    """
    recipe = recipe or SampleRecipe()
    return made_folder(
        folder,
        "sample",
        recipe.hash,
        RECIPE_VERSION,
        lambda draft: _fill(draft, recipe, progress, cancelled),
        force=force,
    )


def _fill(
    folder: Path, recipe: SampleRecipe, progress: Progress | None, cancelled: IsCancelled | None
) -> None:
    """Write the whole sample into an empty folder."""
    from napari_pose3d.core.cameras.rig_file import save_rig

    scene = make_scene(recipe.n_frames, recipe.n_cameras, recipe.seed, size=recipe.size)
    ensemble, truth = simulate_predictions(
        scene, recipe.seeds, seed=recipe.seed, errors=recipe.errors
    )
    frames = _choose_labeled_frames(recipe, truth)
    for name in ("videos", "calibrations", "napari-pose3d/truth"):
        (folder / name).mkdir(parents=True)
    write_project(folder, scene)
    save_rig(scene.rig, folder / "calibrations" / f"{SESSION}.toml")
    write_truth(folder, scene)
    write_labels(folder, scene, truth, frames, np.random.default_rng([recipe.seed, 3]))
    write_predictions(folder, ensemble, progress, cancelled)
    _write_images(folder, scene, truth, frames, progress, cancelled)


def _choose_labeled_frames(recipe: SampleRecipe, truth: PredictionTruth) -> list[int]:
    # Nobody labels a dark image.
    bright = np.flatnonzero(~truth.lost.any(axis=0))
    rng = np.random.default_rng([recipe.seed, 4])
    n = min(recipe.labeled_frames, len(bright))
    return [int(i) for i in np.sort(rng.choice(bright, n, replace=False))]


def _write_images(
    folder: Path,
    scene: Scene,
    truth: PredictionTruth,
    frames: list[int],
    progress: Progress | None,
    cancelled: IsCancelled | None,
) -> None:
    """Videos of all views, two at a time, and the images of the labeled frames."""
    from .render import CameraVideo, write_png, write_video

    views = scene.rig.names
    drawn = [0] * len(views)
    total = scene.n_frames * len(views)

    with workers() as (submit, stop):
        # Nothing is written here yet, and compiling the functions that draw cannot be hurried: a
        # cancelled job does not wait for it.
        videos = results(
            [submit(_set_up, CameraVideo, scene, i, truth.lost[i]) for i in range(len(views))],
            lambda: progress("setting up the cameras", 0, 0) if progress is not None else None,
            cancelled,
        )

    with workers(wait_for_them=True) as (submit, stop):

        def video(i: int) -> None:
            def before_frame(number: int) -> None:
                if stop.is_set():
                    raise Cancelled
                drawn[i] = number

            name = f"{SESSION}_{views[i]}"
            write_video(videos[i], folder / "videos" / f"{name}.mp4", before_frame)
            (folder / image_name(views[i], 0)).parent.mkdir(parents=True)
            for frame in frames:
                if stop.is_set():
                    raise Cancelled
                write_png(videos[i].image(frame), folder / image_name(views[i], frame))
            drawn[i] = scene.n_frames

        results(
            [submit(video, i) for i in range(len(views))],
            lambda: progress("rendering", sum(drawn), total) if progress is not None else None,
            cancelled,
        )


def _set_up(kind: type[CameraVideo], scene: Scene, i: int, covered: Any) -> CameraVideo:
    video = kind(scene, scene.rig.names[i], covered)
    video.image(0)
    return video
