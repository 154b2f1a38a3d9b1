"""Layers saved in formats of other programs through napari's File menu, and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer, Points
from npe2 import PluginManager, PluginManifest
from tests.support.extras import of_formats
from tests.support.projects.session_files import touch, video
from tests.support.recordings.exchange_poses import FILLED, GAP, KEYPOINTS, poses_of
from tests.support.windows.gui_helpers import make_table

from napari_pose3d import PoseDataError, Result, SessionPoses, read_poses
from napari_pose3d.core.poses.report import Report
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.contributions import exchange_writers
from napari_pose3d.gui.contributions.layer_selection import poses_of_layers
from napari_pose3d.gui.layers.recording_layers import result_layers, table_layers
from napari_pose3d.gui.layers.session_layers import SESSION_KEY
from napari_pose3d.gui.session.current_session import OpenSession

SPACE = {"anipose": ".csv", "trc": ".trc", "c3d": ".c3d", "movement": ".nc", "tidy-csv": ".csv"}


@pytest.fixture(scope="module")
def poses() -> SessionPoses:
    return poses_of(9)


@pytest.fixture
def layers(poses: SessionPoses) -> dict[str, Layer]:
    """A result in the viewer: views and 3-D, Points and Tracks, outlines and cameras."""
    assert poses.poses2d is not None
    n = len(KEYPOINTS)
    report = Report("calibrated", dict.fromkeys(KEYPOINTS, 1.0), True, 0, 0, 0, 0)
    median = poses.poses2d.xy.copy()
    median[:, FILLED[0], FILLED[1]] = np.nan
    views = replace(poses.poses2d, ensemble_median=median, ensemble_variance=median)
    result = Result(views, poses.poses3d, np.ones(n), report)
    made = [Layer.create(*each) for each in result_layers(result, poses.rig)]
    return {layer.name: layer for layer in made}


def tuples(layers: dict[str, Layer], *names: str) -> list[Any]:
    return [layers[name].as_layer_data_tuple() for name in names]


def write(key: str, path: Path, given: list[Any]) -> list[str]:
    writer = getattr(exchange_writers, f"write_{key.replace('-', '_')}")
    return writer(str(path), given)


@pytest.fixture
def known_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the session is open, and a video states its frame rate."""
    real = exchange_writers.poses_of_layers
    monkeypatch.setattr(
        exchange_writers, "poses_of_layers", lambda *given: replace(real(*given), fps=120.0)
    )


@pytest.mark.usefixtures("known_rate")
@pytest.mark.parametrize("key", of_formats(SPACE))
@pytest.mark.parametrize("name", ["3-D", "3-D tracks"])
def test_3d_layers_in_each_format(
    key: str, name: str, layers: dict[str, Layer], poses: SessionPoses, tmp_path: Path
) -> None:
    target = tmp_path / f"saved{SPACE[key]}"
    written = write(key, target, tuples(layers, name))
    assert str(target) in written
    again = read_poses(target)
    assert again.keypoints == KEYPOINTS
    assert again.units == "mm"
    assert poses.poses3d is not None
    assert again.poses3d is not None
    np.testing.assert_allclose(again.poses3d.xyz, poses.poses3d.xyz, atol=1e-4)
    assert np.isnan(again.poses3d.xyz[GAP]).all()
    assert again.poses3d.inferred[FILLED]
    assert again.poses3d.inferred.sum() == 1
    if key in ("trc", "c3d"):
        assert again.fps == 120


@pytest.mark.parametrize("key", of_formats(["dlc-h5", "tidy-csv", "tidy-parquet", "movement"]))
def test_views_in_each_format(
    key: str, layers: dict[str, Layer], poses: SessionPoses, tmp_path: Path
) -> None:
    names = [f"smoothed {view}" for view in poses.views]
    ending = {"dlc-h5": ".h5", "tidy-csv": ".csv", "tidy-parquet": ".parquet", "movement": ".nc"}
    written = write(key, tmp_path / f"saved{ending[key]}", tuples(layers, *names))
    views = [path for path in written if not path.endswith(".json")]
    assert len(views) == (3 if key == "dlc-h5" else 1)
    found = [read_poses(path).poses2d for path in sorted(views)]
    assert poses.poses2d is not None
    xy = np.concatenate([each.xy for each in found if each is not None])
    likelihood = np.concatenate([each.likelihood for each in found if each is not None])
    np.testing.assert_allclose(xy, poses.poses2d.xy, atol=1e-3)
    present = np.isfinite(poses.poses2d.xy[..., 0])
    np.testing.assert_allclose(likelihood[present], poses.poses2d.likelihood[present], atol=1e-4)
    assert tuple(v for each in found if each is not None for v in each.views) == poses.views
    assert all(each is not None and each.keypoints == KEYPOINTS for each in found)


def test_3d_and_views_together_with_what_was_edited(
    layers: dict[str, Layer], poses: SessionPoses, tmp_path: Path
) -> None:
    space, view = layers["3-D"], layers["smoothed Cam-B"]
    features = space.features
    at = np.flatnonzero((features["keypoint"] == "nose") & (features["time"] == 5))[0]
    data = space.data.copy()
    data[at, 1:] = [3, 2, 1]
    space.data = data
    filled = np.flatnonzero((features["keypoint"] == "tail") & (features["time"] == 4))[0]
    space.selected_data = {int(filled)}
    space.remove_selected()
    given = tuples(layers, "3-D", "3-D tracks", "smoothed Cam-A", "smoothed Cam-B", "cameras")
    found = poses_of_layers(given, None)
    assert found.poses3d is not None
    np.testing.assert_array_equal(found.poses3d.xyz[5, 1], [1, 2, 3])
    assert np.isnan(found.poses3d.xyz[FILLED]).all()
    assert found.scores is not None
    assert found.scores[5, 1] == 1
    assert np.isnan(found.poses3d.residuals[0, 5, 1])
    assert np.isfinite(found.poses3d.residuals[0, 6, 1])
    assert found.views == ("Cam-A", "Cam-B")
    assert found.session == "day1"
    written = write("tidy-csv", tmp_path / "both.csv", given)
    assert {Path(path).name for path in written} == {
        "both.csv",
        "both_views.csv",
        "both.csv.json",
        "both_views.csv.json",
    }
    assert view.data.shape[1] == 4


def test_rate_and_skeleton_are_those_of_the_open_session(
    layers: dict[str, Layer], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    touch(folder / "project.yaml", "view_names: [Cam-A]\nkeypoint_names: [tail, nose]\n")
    touch(folder / "napari-pose3d" / "project.toml", 'version = 1\nskeleton = [["tail", "nose"]]\n')
    video(folder / "videos" / "day1_Cam-A.mp4")
    video(folder / "videos" / "day2_Cam-A.mp4")
    project = open_project(folder)
    day1, day2 = (OpenSession(project, project.session(name)) for name in ("day1", "day2"))
    given = tuples(layers, "3-D")
    found = poses_of_layers(given, day1)
    assert found.fps is not None
    assert found.fps > 0
    # Layers of another session know nothing of it.
    assert poses_of_layers(given, day2).fps is None
    given[0][1]["metadata"][SESSION_KEY] = "day2"
    assert poses_of_layers(given, day2).fps == found.fps


@pytest.mark.parametrize(
    ("key", "names", "problem"),
    [
        ("anipose", ["smoothed Cam-A"], "none of these layers holds 3-D positions"),
        ("trc", ["3-D"], "needs the frame rate.*tab Export"),
        ("tidy-csv", ["smoothed Cam-A", "raw Cam-A"], "two of these layers hold the view Cam-A"),
        ("tidy-csv", ["cameras"], "which keypoint each of its points is"),
    ],
)
def test_what_a_format_needs_is_asked_for(
    key: str, names: list[str], problem: str, layers: dict[str, Layer], tmp_path: Path
) -> None:
    with pytest.raises(PoseDataError, match=problem):
        write(key, tmp_path / "x.any", tuples(layers, *names))
    assert not list(tmp_path.iterdir())


def test_layers_that_do_not_belong_together(layers: dict[str, Layer], tmp_path: Path) -> None:
    other = table_layers([("Cam-C", "Cam-C", make_table())])
    given = [*tuples(layers, "3-D"), other[-1]]
    points = Layer.create(*other[-1]).as_layer_data_tuple()
    with pytest.raises(PoseDataError, match="have different keypoints"):
        poses_of_layers([given[0], points], None)
    with pytest.raises(PoseDataError, match="which keypoint"):
        write("dlc-h5", tmp_path / "x.h5", [Points([[1, 2]]).as_layer_data_tuple()])


def test_a_library_that_is_missing_is_named(
    layers: dict[str, Layer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(PoseDataError, match=r"pip install 'napari-pose3d\[parquet\]'"):
        exchange_writers.write_tidy_parquet(str(tmp_path / "x.parquet"), tuples(layers, "3-D"))
    assert not list(tmp_path.iterdir())


def test_through_napari_itself(layers: dict[str, Layer], tmp_path: Path) -> None:
    manager = PluginManager.instance()
    if "napari-pose3d" not in manager:
        manager.register(PluginManifest.from_distribution("napari-pose3d"))
    viewer = ViewerModel()
    for name in ("smoothed Cam-A", "3-D", "3-D tracks"):
        viewer.add_layer(layers[name])
    # What napari's dialog offers for a selection, and what it does with the choice.
    for names, title, file in (
        (["3-D"], "Anipose pose-3d", "a.csv"),
        (["3-D tracks"], "Anipose pose-3d", "b.csv"),
        (["3-D", "3-D tracks", "smoothed Cam-A"], "Tidy table", "c.csv"),
    ):
        chosen = [viewer.layers[name] for name in names]
        kinds = [layer._type_string for layer in chosen]
        [writer] = [
            each
            for each in manager.iter_compatible_writers(kinds)
            if each.display_name == title and file[-4:] in each.filename_extensions
        ]
        viewer.layers.selection = set(chosen)
        written = viewer.layers.save(str(tmp_path / file), selected=True, _writer=writer)
        assert str(tmp_path / file) in written
        assert read_poses(tmp_path / file).keypoints == KEYPOINTS
