"""Raw against smoothed on a page: what is drawn is what is in the result."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.batch_projects import batch_project
from tests.support.recordings.scenes import arc_rig, noisy_ensemble, walk

from napari_pose3d import Ensemble, PoseDataError, Result, smooth
from napari_pose3d.cli import main
from napari_pose3d.core.pipeline.results.plot_page import plot_text, save_plot
from napari_pose3d.settings import PlotSettings


@pytest.fixture(scope="module")
def result() -> Result:
    rng = np.random.default_rng(3)
    made = noisy_ensemble(arc_rig(), walk(80, 2, rng) / 60, rng, n_models=2, sigma=0.5)
    # One view loses a keypoint for some frames.
    made.xy[:, 1, 20:30, 0] = np.nan
    return smooth(Ensemble(made.xy, made.likelihood, made.models, made.views, ("nose", "t<il")),
                  arc_rig())  # fmt: skip


def paths(text: str, kind: str) -> list[str]:
    return re.findall(rf'<path class="{kind}" d="([^"]*)"', text)


def test_every_coordinate_of_every_keypoint_is_drawn(result: Result) -> None:
    text = plot_text(result, PlotSettings())
    # Two keypoints: x and y in three views, x, y and z in space.
    assert len(paths(text, "line")) == 2 * (3 * 2 + 3)
    assert len(paths(text, "band")) == 2 * (3 * 2 + 3)
    assert len(paths(text, "raw")) == 2 * 3 * 2
    assert "t&lt;il" in text
    assert "t<il" not in text


def test_a_line_holds_the_positions_on_its_axis(result: Result) -> None:
    text = plot_text(result, PlotSettings((10, 40), ("nose",)))
    ends = re.search(r"Cam-A x<br><span class=\"note\">(\S+) to\s+(\S+) px", text)
    assert ends is not None
    lowest, highest = float(ends[1]), float(ends[2])
    points = [p.split(",") for p in paths(text, "line")[0].removeprefix("M").split("L")]
    drawn = [highest - float(y) / 110 * (highest - lowest) for _, y in points]
    np.testing.assert_allclose(drawn, result.poses2d.xy[0, 10:40, 0, 0],
                               atol=2e-3 * (highest - lowest))  # fmt: skip
    assert [float(points[0][0]), float(points[-1][0])] == [0, 1000]


def test_what_is_missing_is_a_gap(result: Result) -> None:
    raw = paths(plot_text(result, PlotSettings(keypoints=("nose",))), "raw")
    assert [path.count("M") for path in raw] == [1, 1, 2, 2, 1, 1]


def test_nothing_known_is_an_empty_axis(result: Result) -> None:
    xy = result.poses2d.xy.copy()
    xy[:] = np.nan
    from dataclasses import replace

    nothing = replace(result, poses2d=replace(result.poses2d, xy=xy, ensemble_median=None))
    assert paths(plot_text(nothing, PlotSettings()), "line")[0] == ""


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (PlotSettings((80, 90)), "no frame is to be drawn"),
        (PlotSettings((30, 20)), "no frame is to be drawn"),
        (PlotSettings(keypoints=("ear",)), "no keypoint is called 'ear'"),
    ],
)
def test_bad_settings(result: Result, settings: PlotSettings, problem: str) -> None:
    with pytest.raises(PoseDataError, match=problem):
        plot_text(result, settings)


def test_an_existing_page_is_kept(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "walk_plot.html"
    save_plot(path, result, PlotSettings())
    with pytest.raises(PoseDataError, match="exists already"):
        save_plot(path, result, PlotSettings())
    save_plot(path, result, PlotSettings(), force=True)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    out = tmp_path / "out"
    common = ["smooth", str(folder), "--out", str(out)]
    assert main([*common, "--make-plot", "--plot-keypoints", "ear"]) == 2
    assert main([*common, "--plot", "--plot-frames", "1:x"]) == 2
    assert main([*common, "--plot", "--plot-frames", "900:"]) == 2
    assert not out.exists()
    capsys.readouterr()
    assert main([*common, "--make-plot", "--plot-keypoints", "nose", "--plot-frames", "5:25"]) == 0
    assert str(out / "day1_plot.html") in capsys.readouterr().out
    text = (out / "day1_plot.html").read_text()
    assert "Frames 5 to 24" in text
    assert "<h2>tail" not in text
