"""The calibration sample on disk: videos of a board in the cameras of the sample session.

::

    board.toml                        what the board is like
    videos/board_Cam-A.mp4 ...
    napari-pose3d/truth/calibration.toml   where the cameras really are
    napari-pose3d/sample.json         says that the folder was made here

One camera lags, and at the end the board lies still on the floor, where the world begins.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from napari_pose3d.core.calibration.board.board import Board, board_text
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Progress

from ..sample_folder import made_folder
from ..sample_workers import results, workers
from ..scene import make_ring

RECIPE_VERSION = 1
"""To be raised whenever the same recipe gives other files: a cached sample is then made anew."""

SESSION = "board"
TRUTH = Path("napari-pose3d") / "truth" / "calibration.toml"


@dataclass(frozen=True)
class BoardRecipe:
    """What the calibration sample is made of; the defaults are what everybody gets.

    Attributes
    ----------
    n_frames, n_cameras, size
        The cameras are those of `make_scene`.
    board : Board
    lags : tuple of float
        Frames that each camera is behind.
    fps : float
    seed : int
        Of the sensors' noise.
    """

    n_frames: int = 240
    n_cameras: int = 4
    size: tuple[int, int] = (640, 480)
    board: Board = field(default_factory=lambda: Board(6, 5, 24.0, marker=18.0))
    lags: tuple[float, ...] = (0.0, 0.0, 0.4, 0.0)
    fps: float = 30.0
    seed: int = 0

    @property
    def hash(self) -> str:
        """Equal for equal files."""
        return hashlib.sha256(f"{RECIPE_VERSION} {self!r}".encode()).hexdigest()[:16]


def make_board_sample(
    folder: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    force: bool = False,
    recipe: BoardRecipe | None = None,
) -> Path:
    """Make the calibration recording: videos of a board, its description, and the true rig.

    Parameters are those of `make_sample`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    PoseDataError
        The folder holds something else, or cannot be written.
    Cancelled
        ``cancelled`` returned True. Then nothing is left behind.
    """
    recipe = recipe or BoardRecipe()
    return made_folder(
        folder,
        "calibration-sample",
        recipe.hash,
        RECIPE_VERSION,
        lambda draft: _fill(draft, recipe, progress, cancelled),
        force=force,
    )


def videos_of(folder: Path) -> dict[str, Path]:
    """The videos of the sample by view."""
    start = f"{SESSION}_"
    return {path.stem[len(start) :]: path for path in sorted((folder / "videos").glob("*.mp4"))}


def _fill(
    folder: Path, recipe: BoardRecipe, progress: Progress | None, cancelled: IsCancelled | None
) -> None:
    from napari_pose3d.core.cameras.rig_file import save_rig

    from ..render import write_video
    from .board_video import BoardVideo

    rig = make_ring(recipe.n_cameras, recipe.size)
    (folder / "videos").mkdir()
    (folder / TRUTH).parent.mkdir(parents=True)
    (folder / "board.toml").write_text(board_text(recipe.board), encoding="utf-8")
    save_rig(rig, folder / TRUTH)
    drawn = [0] * len(rig.cameras)
    total = recipe.n_frames * len(drawn)

    with workers(wait_for_them=True) as (submit, stop):

        def video(i: int) -> None:
            def before_frame(number: int) -> None:
                if stop.is_set():
                    raise Cancelled
                drawn[i] = number

            images = BoardVideo(
                rig.cameras[i],
                recipe.board,
                recipe.n_frames,
                lag=recipe.lags[i] if i < len(recipe.lags) else 0.0,
                fps=recipe.fps,
                seed=(recipe.seed, i),
            )
            write_video(images, folder / "videos" / f"{SESSION}_{rig.names[i]}.mp4", before_frame)
            drawn[i] = recipe.n_frames

        results(
            [submit(video, i) for i in range(len(drawn))],
            lambda: progress("rendering", sum(drawn), total) if progress is not None else None,
            cancelled,
        )
