"""Opening projects of thousands of files, and calls that must answer at once.

Timed are `open_project` with its overview as text (278 sessions, six views, two prediction sets:
5,000 files, none of which is opened), `match_predictions` (220 sessions, three views, three sets:
the header of every file is read), a second call of `make_sample`, and how long the sample's making
goes on between two questions whether it is cancelled.

Goals: 2 s for the first two, 0.2 s for the third, 0.5 s for the last.

    python -m benchmarks.projects.opening [--quick]
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d import make_sample, open_project
from napari_pose3d.core.projects.matching.prediction_loading import match_predictions
from napari_pose3d.core.projects.summary import project_text
from napari_pose3d.settings import ReadingSettings
from napari_pose3d.synthetic.sample import SampleRecipe

GOAL_FILES, GOAL_SAMPLE, GOAL_CANCEL = 2.0, 0.2, 0.5
HEADER = "scorer,net,net,net\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,1,2,0.9\n"


def make_project(
    folder: Path, n_sessions: int, n_views: int, n_sets: int, text: str, *, videos: bool
) -> Path:
    """A project with prediction files of some text, and videos that are empty files."""
    views = [f"Cam-{i}" for i in range(n_views)]
    folder.mkdir()
    (folder / "project.yaml").write_text(f"view_names: [{', '.join(views)}]\n")
    (folder / "videos").mkdir()
    preds = [folder / "models" / f"net{i}" / "video_preds" for i in range(n_sets)]
    for each in preds:
        each.mkdir(parents=True)
    for session in range(n_sessions):
        for view in views:
            if videos:
                (folder / "videos" / f"mouse{session}_{view}.mp4").touch()
            for each in preds:
                (each / f"mouse{session}_{view}.csv").write_text(text)
    return folder


def seconds(call: Callable[[], object]) -> float:
    """The least of three rounds."""
    found = []
    for _ in range(3):
        begun = time.perf_counter()
        call()
        found.append(time.perf_counter() - begun)
    return min(found)


def longest_without_asking(folder: Path, recipe: SampleRecipe) -> float:
    """The longest time between two questions whether the sample's making is cancelled, s."""
    asked: list[float] = []

    def cancelled() -> bool:
        asked.append(time.perf_counter())
        return False

    make_sample(folder, recipe=recipe, cancelled=cancelled)
    return float(np.diff(asked).max())


def main() -> None:
    chosen = parser(__doc__).parse_args()
    begin("Opening projects")
    n_opened, n_matched = (40, 30) if chosen.quick else (278, 220)
    recipe = SampleRecipe(n_frames=80 if chosen.quick else 200, labeled_frames=3)
    table = Table("Seconds", ("what", "files", "s"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        opened = make_project(folder / "opened", n_opened, 6, 2, "", videos=True)
        opening = seconds(lambda: project_text(open_project(opened)))
        table.add("open_project and its overview", n_opened * 18, opening)
        matched = make_project(folder / "matched", n_matched, 3, 3, HEADER, videos=False)
        one = ReadingSettings(session="mouse7")
        matching = seconds(lambda: match_predictions(matched, one).as_text())
        table.add("match_predictions, one session", n_matched * 9, matching)
        make_sample(folder / "first", recipe=recipe)  # compiles
        asking = longest_without_asking(folder / "sample", recipe)
        again = seconds(lambda: make_sample(folder / "sample", recipe=recipe))
    table.add("make_sample, the second call", "", again)
    table.add("make_sample, longest without asking for Cancel", "", asking)
    table.show()
    goal(f"a project opens in {opening:.2f} s", opening <= GOAL_FILES)
    goal(f"predictions are matched in {matching:.2f} s", matching <= GOAL_FILES)
    goal(f"a sample that is there is returned in {again:.3f} s", again <= GOAL_SAMPLE)
    goal(f"Cancel is asked for every {asking:.2f} s", asking <= GOAL_CANCEL)


if __name__ == "__main__":
    main()
