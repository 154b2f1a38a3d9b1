"""Prediction CSVs opened and saved through napari's File menu."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer, Points
from npe2 import PluginManager, PluginManifest
from tests.support.recordings.scenes import arc_rig
from tests.support.windows.gui_helpers import make_result, make_table, write_session

from napari_pose3d.core.formats.predictions.prediction_csv import (
    read_prediction_csv,
    write_prediction_csv,
)
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.contributions.prediction_reader import get_reader, read_predictions
from napari_pose3d.gui.contributions.writers import write_view, write_views
from napari_pose3d.gui.layers.recording_layers import result_layers
from napari_pose3d.gui.layers.session_layers import SESSION_KEY
from napari_pose3d.gui.session.current_session import OpenSession, current_session


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    path = tmp_path / "walk_Cam-A.csv"
    write_prediction_csv(path, make_table())
    return path


def layers_of(data) -> dict[str, Layer]:
    made = [Layer.create(*each) for each in data]
    return {layer.name: layer for layer in made}


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("points.csv", "index,axis-0,axis-1\n0,1,2\n"),
        ("empty.csv", ""),
        ("binary.csv", "\0\1\2\xff"),
        ("almost.csv", "scorer,a\nnothing,b\n"),
        ("labels.csv", "scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\nimg.png,1,2\n"),
    ],
)
def test_other_csvs_are_declined(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="latin-1")
    assert get_reader(str(path)) is None


@pytest.mark.gui
@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("notes.csv", "a,b\n1,2\n", "the first cell is not 'scorer'"),
        ("empty.csv", "", "empty"),
        ("labels.csv", "scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\nimg.png,1,2\n", "labels"),
    ],
)
def test_in_a_window_a_foreign_csv_says_why_it_is_refused(
    make_napari_viewer, tmp_path: Path, capsys, name: str, content: str, why: str
) -> None:
    viewer = make_napari_viewer()
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(PoseDataError, match=why) as error:
        viewer.open(str(path), plugin="napari-pose3d")
    assert name in str(error.value)
    assert len(viewer.layers) == 0
    assert capsys.readouterr() == ("", "")
    # What napari reads itself is left to it.
    points = tmp_path / "points.csv"
    points.write_text("index,axis-0,axis-1\n0,1,2\n")
    assert get_reader(str(points)) is None


def test_what_is_no_file_is_declined(tmp_path: Path) -> None:
    assert get_reader(str(tmp_path)) is None
    assert get_reader(str(tmp_path / "absent.csv")) is None
    assert get_reader([]) is None


def test_a_list_is_ours_only_when_all_of_it_is(tmp_path: Path, predictions: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    assert get_reader([str(predictions)]) is read_predictions
    assert get_reader([str(predictions), str(other)]) is None


def test_a_file_gives_points_and_tracks(predictions: Path) -> None:
    layers = layers_of(get_reader(str(predictions))(str(predictions)))
    assert list(layers) == ["views", "predicted tracks Cam-A", "predicted Cam-A"]
    points = layers["predicted Cam-A"]
    table = make_table()
    assert len(points.data) == 20 * 3 - 1
    row = np.flatnonzero((points.features["keypoint"] == "kp2") & (points.features["time"] == 11))
    np.testing.assert_allclose(points.data[row[0], [3, 2]], table.xy[11, 2])


def test_several_files_give_a_tile_for_each_view(tmp_path: Path) -> None:
    folder, _ = write_session(tmp_path, n_frames=10)
    paths = sorted(str(path) for path in folder.iterdir())
    layers = layers_of(get_reader(paths)(paths))
    assert len(layers) == 1 + 2 * 6
    one, two = layers["predicted Cam-B seed=0"], layers["predicted Cam-B seed=1"]
    assert np.array_equal(one.translate, two.translate)
    other = layers["predicted Cam-C seed=0"]
    assert not np.array_equal(one.translate, other.translate)
    assert len(layers["views"].data) == 3


def test_every_individual_gets_its_layers(tmp_path: Path) -> None:
    path = tmp_path / "two_Cam-A.csv"
    rows = ["scorer" + ",net" * 6, "individuals" + ",ann" * 3 + ",bob" * 3]
    rows += ["bodyparts" + ",nose" * 6, "coords" + ",x,y,likelihood" * 2, "0,1,2,1,3,4,1"]
    path.write_text("\n".join(rows) + "\n")
    layers = layers_of(read_predictions(str(path)))
    np.testing.assert_allclose(layers["predicted Cam-A ann"].data[0], [0, 0, 2, 1])
    bob = layers["predicted Cam-A bob"]
    np.testing.assert_allclose(bob.data[0], [0, 0, 4, 3])
    assert list(bob.features["individual"]) == ["bob"]


def test_a_damaged_file_is_named(predictions: Path) -> None:
    predictions.write_text(predictions.read_text() + "20,1,oops\n")
    reader = get_reader(str(predictions))
    assert reader is not None, "the header is ours, so that we say what is wrong with the rest"
    with pytest.raises(PoseDataError, match=r"walk_Cam-A\.csv"):
        reader(str(predictions))


# --- saving ----------------------------------------------------------------------------------


def save(layer: Layer, path: Path) -> list[str]:
    data, attributes, _ = layer.as_layer_data_tuple()
    return write_view(str(path), data, attributes)


def test_an_unchanged_layer_is_saved_as_it_was_read(tmp_path: Path, predictions: Path) -> None:
    points = layers_of(read_predictions(str(predictions)))["predicted Cam-A"]
    target = tmp_path / "again.csv"
    assert save(points, target) == [str(target)]
    assert target.read_bytes() == predictions.read_bytes()


def test_rows_are_frames_of_the_video_also_of_a_shifted_view(
    tmp_path: Path, predictions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = layers_of(read_predictions(str(predictions)))["predicted Cam-A"]
    viewer, informed = ViewerModel(), []
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    monkeypatch.setattr("napari.utils.notifications.show_info", informed.append)
    (session,) = open_project(tmp_path).sessions
    # Session frame 5 is the first of the video, and session frame 8 was lost.
    shifted = replace(session, alignments={"Cam-A": ViewAlignment(offset=5, dropped=(3,))})
    current_session(viewer).set(OpenSession(open_project(tmp_path), shifted))
    # Opened by itself, a file shows its own rows.
    save(points, tmp_path / "again.csv")
    assert informed == []
    assert (tmp_path / "again.csv").read_bytes() == predictions.read_bytes()
    points.metadata[SESSION_KEY] = session.name
    save(points, tmp_path / "shifted.csv")
    saved, before = read_prediction_csv(tmp_path / "shifted.csv"), make_table()
    kept = [5, 6, 7, *range(9, 20)]
    np.testing.assert_array_equal(saved.xy, before.xy[kept])
    np.testing.assert_array_equal(saved.likelihood, before.likelihood[kept])
    (words,) = informed
    assert "Cam-A" in words


def test_moved_removed_and_added_points_are_what_is_saved(
    tmp_path: Path, predictions: Path
) -> None:
    points = layers_of(read_predictions(str(predictions)))["predicted Cam-A"]
    features = points.features
    moved = np.flatnonzero((features["keypoint"] == "kp0") & (features["time"] == 3))[0]
    data = points.data.copy()
    data[moved, 2:] = [5, 6]
    points.data = data
    removed = np.flatnonzero((features["keypoint"] == "kp2") & (features["time"] == 8))[0]
    points.selected_data = {int(removed)}
    points.remove_selected()
    points.feature_defaults = {**points.features.iloc[0].to_dict(), "keypoint": "kp1"}
    points.add([[4, 0, 70, 80]])

    save(points, tmp_path / "edited.csv")
    saved, before = read_prediction_csv(tmp_path / "edited.csv"), make_table()
    np.testing.assert_array_equal(saved.xy[3, 0], [6, 5])
    assert saved.likelihood[3, 0] == 1, "a person placed it"
    assert np.isnan(saved.xy[8, 2]).all()
    np.testing.assert_array_equal(saved.xy[4, 1], [80, 70])
    untouched = np.ones((20, 3), dtype=bool)
    untouched[[3, 8, 4], [0, 2, 1]] = False
    np.testing.assert_array_equal(saved.xy[untouched], before.xy[untouched])
    np.testing.assert_array_equal(saved.likelihood[untouched], before.likelihood[untouched])


def test_hidden_rows_are_not_saved(tmp_path: Path) -> None:
    table = make_table()
    table.xy[0] = np.nan
    table.likelihood[0] = np.nan
    write_prediction_csv(tmp_path / "in_A.csv", table)
    points = layers_of(read_predictions(str(tmp_path / "in_A.csv")))["predicted A"]
    assert not points.shown.all()
    save(points, tmp_path / "out.csv")
    saved = read_prediction_csv(tmp_path / "out.csv")
    assert len(saved.xy) == 20
    assert np.isnan(saved.xy[0]).all()
    line = (tmp_path / "out.csv").read_text().splitlines()[3]
    # As text, so that pandas does not take the line for names of the index.
    assert line == "0" + ",nan" * 9


def test_a_long_recording_is_saved_whole(tmp_path: Path) -> None:
    result = make_result(18_000, 3)
    points = layers_of(result_layers(result, arc_rig()))["smoothed Cam-B"]
    assert len(points.data) < 10_000
    save(points, tmp_path / "long.csv")
    np.testing.assert_array_equal(
        read_prediction_csv(tmp_path / "long.csv").xy, result.poses2d.xy[1]
    )


def test_all_views_are_saved_at_once(tmp_path: Path) -> None:
    layers = layers_of(result_layers(make_result(), arc_rig())).values()
    tuples = [layer.as_layer_data_tuple() for layer in layers]
    written = write_views(str(tmp_path / "walk.csv"), tuples)
    names = sorted(Path(path).name for path in written)
    assert names == [
        f"walk_Cam-{view}_{kind}.csv" for view in "ABC" for kind in ("raw", "smoothed")
    ]
    smoothed = [data for data in tuples if data[1]["name"].startswith("smoothed")]
    written = write_views(str(tmp_path / "walk.csv"), smoothed)
    assert sorted(Path(p).name for p in written) == [f"walk_Cam-{v}.csv" for v in "ABC"]
    assert all(get_reader(path) for path in written)


def test_layers_that_are_not_ours_are_not_saved_as_predictions(tmp_path: Path) -> None:
    foreign = Points([[1, 2]])
    with pytest.raises(PoseDataError, match="keypoint"):
        save(foreign, tmp_path / "x.csv")
    with pytest.raises(PoseDataError, match="no keypoints"):
        write_views(str(tmp_path / "x.csv"), [foreign.as_layer_data_tuple()])
    assert not list(tmp_path.iterdir())


def test_positions_in_space_are_refused_with_advice(tmp_path: Path) -> None:
    space = layers_of(result_layers(make_result(), arc_rig()))["3-D"]
    with pytest.raises(PoseDataError, match="Save results"):
        save(space, tmp_path / "x.csv")


# --- as a plugin -----------------------------------------------------------------------------


def test_through_napari_itself(tmp_path: Path, predictions: Path) -> None:
    if "napari-pose3d" not in PluginManager.instance():
        PluginManager.instance().register(PluginManifest.from_distribution("napari-pose3d"))
    viewer = ViewerModel()
    added = viewer.open(str(predictions), plugin="napari-pose3d")
    assert [layer.name for layer in added][-1] == "predicted Cam-A"
    points = viewer.layers["predicted Cam-A"]
    target = tmp_path / "saved.csv"
    viewer.layers.selection = {points}
    written = viewer.layers.save(str(target), selected=True, plugin="napari-pose3d")
    assert written == [str(target)]
    assert target.read_bytes() == predictions.read_bytes()


def test_every_command_of_the_manifest_can_be_imported() -> None:
    manifest = PluginManifest.from_distribution("napari-pose3d")
    manifest.validate_imports()
    titles = [widget.display_name for widget in manifest.contributions.widgets]
    assert titles == [
        "Session",
        "Calibration",
        "Camera views",
        "Label",
        "Traces",
        "Models",
        "Smooth and triangulate",
        "Review",
        "Export",
    ]


def test_discovery_imports_nothing_heavy(predictions: Path) -> None:
    code = f"""
import sys
from npe2 import PluginManifest
manifest = PluginManifest.from_distribution("napari-pose3d")
from napari_pose3d.gui.contributions.prediction_reader import get_reader
assert get_reader({str(predictions)!r}) is not None
heavy = {{"cv2", "aniposelib", "jax", "numba", "av", "scipy.optimize", "napari", "qtpy", "vispy"}}
print(*sorted(heavy & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
