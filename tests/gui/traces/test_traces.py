"""Traces: the numbers, and the widget that plots them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.layers import Layer
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest
from tests.support.recordings.scenes import arc_rig
from tests.support.windows.gui_helpers import make_result
from tests.support.windows.view_helpers import TIMEOUT, drag, move_mouse, turn_wheel

from napari_pose3d.core.poses.kinematics.measurements import Measurement, measure
from napari_pose3d.core.poses.kinematics.quantities import QUANTITIES, distance, speed, trace
from napari_pose3d.gui.layers.frame_window import renew
from napari_pose3d.gui.layers.layer_poses import Measuring
from napari_pose3d.gui.layers.layer_styles import space_poses
from napari_pose3d.gui.layers.recording_layers import result_layers
from napari_pose3d.gui.traces.trace_export import write_traces_csv
from napari_pose3d.gui.workspace.docking import dock_of

N_FRAMES = 40


# --- the numbers ------------------------------------------------------------------------------


def test_speed_of_a_steady_motion() -> None:
    frames = np.arange(10.0)
    xyz = np.stack([3 * frames, 4 * frames, 0 * frames], axis=1)
    np.testing.assert_allclose(speed(xyz), 5.0)
    np.testing.assert_allclose(speed(xyz[:, :2]), 5.0)


def test_speed_is_missing_where_a_neighbour_is() -> None:
    xy = np.stack([np.arange(8.0), np.zeros(8)], axis=1)
    xy[4] = np.nan
    np.testing.assert_array_equal(np.isnan(speed(xy)), [0, 0, 0, 1, 0, 1, 0, 0])
    assert np.isnan(speed(xy[:1])).all()
    assert speed(xy[:0]).shape == (0,)


def test_distance_between_two_points() -> None:
    one, other = np.zeros((5, 3)), np.tile([1.0, 2.0, 2.0], (5, 1))
    other[2, 0] = np.nan
    np.testing.assert_array_equal(distance(one, other), [3, 3, np.nan, 3, 3])


def test_each_quantity_of_a_keypoint() -> None:
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(6, 3, 3))
    likelihood, residual = rng.random((6, 3)), rng.random((6, 3))
    given: dict[str, Any] = {"likelihood": likelihood, "residual": residual}
    for axis, name in enumerate("xyz"):
        found = trace(name, xyz, 1, **given)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, xyz[:, 1, axis])
    np.testing.assert_array_equal(trace("likelihood", xyz, 2, **given), likelihood[:, 2])
    np.testing.assert_array_equal(trace("residual", xyz, 0, **given), residual[:, 0])
    np.testing.assert_array_equal(
        trace("length", xyz, 0, other=2, **given), np.linalg.norm(xyz[:, 0] - xyz[:, 2], axis=1)
    )
    assert trace("z", xyz[..., :2], 0) is None
    assert trace("likelihood", xyz, 0) is None
    assert trace("residual", xyz, 0) is None
    assert trace("length", xyz, 0) is None


def test_axes_say_their_unit() -> None:
    assert QUANTITIES["x"].axis_label("px") == "x (px)"
    assert QUANTITIES["speed"].axis_label("mm") == "speed (mm per frame)"
    assert QUANTITIES["likelihood"].axis_label("mm") == "likelihood"
    assert QUANTITIES["residual"].axis_label("mm") == "residual (px)"


# --- in a window ------------------------------------------------------------------------------


@pytest.fixture
def viewer(shared_viewer):
    """With all layers of a result that have positions."""
    for data, attributes, kind in result_layers(make_result(N_FRAMES), arc_rig()):
        if kind == "points" and attributes["name"] not in shared_viewer.layers:
            shared_viewer.add_layer(Layer.create(data, {**attributes, "visible": False}, kind))
    shared_viewer.theme = "dark"
    return shared_viewer


@pytest.fixture
def widget(viewer, qtbot):
    """Docked as by the menu."""
    _, made = viewer.window.add_plugin_dock_widget("napari-pose3d", "Traces")
    qtbot.wait(20)
    yield made
    viewer.window.remove_dock_widget(made)


def values(widget: Any, name: str) -> np.ndarray:
    """What is drawn under a name."""
    place = widget.plot.names.index(name)
    order = sorted(range(len(widget.plot.names)), key=lambda i: "smoothed" in widget.plot.names[i])
    return np.asarray(widget.plot._curves[order.index(place)].yData)


@pytest.mark.gui
def test_the_plot_shows_what_the_layers_hold(widget) -> None:
    sources = [widget.controls.source.itemText(i) for i in range(widget.controls.source.count())]
    assert sources == ["Cam-A", "Cam-B", "Cam-C", "3-D"]
    assert set(widget.plot.names) == {
        "kp0, raw",
        "kp1, raw",
        "kp0, smoothed",
        "kp1, smoothed",
    }
    result = make_result(N_FRAMES)
    np.testing.assert_allclose(values(widget, "kp1, smoothed"), result.poses2d.xy[0, :, 1, 0])
    widget.controls.source.setCurrentText("3-D")
    assert result.poses3d is not None
    widget.controls.quantity.setCurrentText("z")
    np.testing.assert_allclose(values(widget, "kp0, smoothed"), result.poses3d.xyz[:, 0, 2])
    assert "z (mm)" in widget.plot.plot.getPlotItem().getAxis("left").labelText


@pytest.mark.gui
def test_what_the_project_measures_is_plotted_with_its_uncertainty(
    widget, viewer, qtbot, tmp_path: Path, monkeypatch
) -> None:
    poses = make_result(N_FRAMES).poses3d
    assert poses is not None
    xyz = poses.xyz.copy()
    xyz[20, 1] = np.nan
    poses = replace(poses, xyz=xyz, covariance=poses.covariance * 0.01)
    bend = Measurement("bend", "angle", ("kp0", "kp1", "kp2"))
    head = Measurement("head", "direction_rate", ("kp0", "kp1"))
    measuring = Measuring((bend, head, Measurement("ear", "speed", ("ear",))), 50.0)
    renew(viewer.layers["3-D"], replace(space_poses(poses), measuring=measuring))
    qtbot.wait(100)
    widget.controls.source.setCurrentText("3-D")
    box = widget.controls.quantity
    offered = [box.itemText(i) for i in range(box.count())]
    assert offered[-3:] == ["bend", "head azimuth", "head elevation"]
    assert box.toolTip().endswith("ear is not offered: there is no keypoint ear")
    box.setCurrentText("bend")
    assert widget.plot.names == ["bend, smoothed"]
    stated = measure(poses, bend)
    np.testing.assert_allclose(values(widget, "bend, smoothed"), stated.values[:, 0])
    low, high = (np.asarray(end.yData) for end in widget.plot._bands[:2])
    np.testing.assert_allclose((high - low) / 2, 1.96 * stated.deviations[:, 0])
    # Filled on both sides of the gap.
    assert len(widget.plot._bands[2].path().toSubpathPolygons()) == 2
    axis = widget.plot.plot.getPlotItem().getAxis("left")
    assert axis.labelText == "bend (deg)"
    # What changes over time is per second where time is counted in seconds.
    box.setCurrentText("head azimuth")
    assert "(deg per frame)" in axis.labelText
    monkeypatch.setattr(type(widget), "frame_rate", 50.0)
    widget.controls.seconds.setChecked(True)
    assert "(deg per s)" in axis.labelText
    np.testing.assert_allclose(
        values(widget, "head azimuth, smoothed"), measure(poses, head, 50.0).values[:, 0]
    )
    write_traces_csv(tmp_path / "out.csv", widget._drawn, 50.0)
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table)[2:] == [
        "head azimuth (deg per s), head azimuth, smoothed",
        "head azimuth (deg per s), head azimuth, smoothed, sd",
    ]
    assert len(widget.plot._bands) == 3
    box.setCurrentText("x")
    assert widget.plot._bands == []


@pytest.mark.gui
def test_keypoints_and_stages_are_chosen(widget) -> None:
    widget.controls.raw.setChecked(False)
    widget.check(("kp2",))
    assert widget.plot.names == ["kp2, smoothed"]
    widget.check(())
    assert widget.plot.names == []
    widget.controls.source.setCurrentText("Cam-B")
    widget.check(("kp0", "kp1"))
    widget.controls.quantity.setCurrentText("distance")
    assert widget.controls.other.isVisibleTo(widget)
    widget.controls.other.setCurrentText("kp1")
    # A keypoint has no distance to itself.
    assert widget.plot.names == ["kp0, smoothed"]
    widget.controls.quantity.setCurrentText("likelihood")
    assert not widget.controls.other.isVisibleTo(widget)


@pytest.mark.gui
def test_the_line_and_the_slider_are_one(widget, viewer) -> None:
    viewer.dims.set_current_step(0, 17)
    assert widget.plot.frame == 17
    widget.plot._line.setValue(23.4)
    assert viewer.dims.current_step[0] == 23
    widget.plot._line.setValue(1000)
    assert viewer.dims.current_step[0] == N_FRAMES - 1


@pytest.mark.gui
def test_a_click_jumps_to_the_frame(widget, viewer, qtbot) -> None:
    qtbot.wait(100)
    plot = widget.plot.plot
    box = plot.getViewBox()
    at = plot.mapFromScene(box.mapViewToScene(box.viewRect().center()))
    expected = round(box.viewRect().center().x())
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(at.x(), at.y()))
    qtbot.waitUntil(lambda: abs(viewer.dims.current_step[0] - expected) <= 1, timeout=TIMEOUT)


@pytest.mark.gui
def test_a_double_click_fits_and_leaves_the_frame(widget, viewer, qtbot) -> None:
    qtbot.wait(100)
    viewer.dims.set_current_step(0, 5)
    plot = widget.plot.plot
    box = plot.getViewBox()
    box.setXRange(10, 20, padding=0)
    qtbot.wait(100)
    at = plot.mapFromScene(box.mapViewToScene(box.viewRect().center()))
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    # Qt's newer versions leave it to the caller to let go of the button.
    QTest.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: box.viewRange()[0][0] <= 0, timeout=TIMEOUT)
    assert box.viewRange()[0][1] >= N_FRAMES - 1
    drawn = np.concatenate([values(widget, name) for name in widget.plot.names])
    assert box.viewRange()[1][0] <= drawn.min() < drawn.max() <= box.viewRange()[1][1]
    assert viewer.dims.current_step[0] == widget.plot.frame == 5


@pytest.mark.gui
def test_a_click_beside_the_curves_leaves_the_frame(widget, viewer, qtbot) -> None:
    qtbot.wait(100)
    viewer.dims.set_current_step(0, 5)
    plot = widget.plot.plot
    at = QPoint(plot.width() // 2, plot.height() - 4)
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.wait(600)  # longer than a double click
    assert viewer.dims.current_step[0] == 5


@pytest.mark.gui
def test_the_legend_names_all_curves_and_covers_none(widget, qtbot) -> None:
    qtbot.wait(100)
    legend = widget.legend
    assert set(legend.names) == set(widget.plot.names)
    assert len(legend.names) > 1
    assert legend.isVisible()
    right_of_plots = legend.mapTo(widget, QPoint(0, 0)).x()
    for plot in widget.all_plots:
        assert plot.mapTo(widget, QPoint(plot.width(), 0)).x() <= right_of_plots
    widget.check(())
    assert not legend.isVisible()


@pytest.mark.gui
def test_new_poses_in_the_same_layers_are_plotted(widget, viewer, qtbot) -> None:
    poses = make_result(N_FRAMES).poses3d
    assert poses is not None
    widget.controls.source.setCurrentText("3-D")
    renew(viewer.layers["3-D"], space_poses(replace(poses, xyz=poses.xyz + 100)))
    qtbot.waitUntil(lambda: values(widget, "kp0, smoothed")[0] > 50, timeout=TIMEOUT)
    # Other tests go on with these layers.
    renew(viewer.layers["3-D"], space_poses(poses))
    qtbot.waitUntil(lambda: values(widget, "kp0, smoothed")[0] < 50, timeout=TIMEOUT)


@pytest.mark.gui
def test_layers_that_go_take_their_curves_along(widget, viewer, qtbot) -> None:
    viewer.layers.remove(viewer.layers["raw Cam-A"])
    qtbot.waitUntil(lambda: "kp0, raw" not in widget.plot.names, timeout=TIMEOUT)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: widget._hint.isVisibleTo(widget), timeout=TIMEOUT)
    assert widget.plot.names == []


@pytest.mark.gui
def test_the_dock_lies_below_and_the_plot_fills_it(widget, viewer, qtbot) -> None:
    window = viewer.window._qt_window
    area = window.dockWidgetArea(dock_of(widget))
    assert area == Qt.DockWidgetArea.BottomDockWidgetArea
    taken = widget.keypoints.geometry().right() + widget.legend.width()
    assert widget.plot.width() > 0.9 * (widget.width() - taken)


@pytest.mark.gui
def test_the_line_is_dragged(widget, viewer, qtbot) -> None:
    plot, box = widget.plot.plot, widget.plot.plot.getViewBox()
    viewer.dims.set_current_step(0, 10)
    middle = box.viewRect().center().y()

    def at(frame: float) -> QPoint:
        return plot.mapFromScene(box.mapViewToScene(QPointF(frame, middle)))

    move_mouse(plot.viewport(), at(10))
    drag(plot.viewport(), at(10), at(30))
    assert abs(viewer.dims.current_step[0] - 30) <= 1


@pytest.mark.gui
def test_another_keypoint_comes_into_view_unless_one_has_zoomed(widget, qtbot) -> None:
    plot, box = widget.plot.plot, widget.plot.plot.getViewBox()
    widget.check(("kp0",))
    widget.check(("kp2",))
    drawn = np.concatenate([values(widget, name) for name in widget.plot.names])
    low, high = box.viewRange()[1]
    assert low <= drawn.min() < drawn.max() <= high
    qtbot.wait(100)
    turn_wheel(plot.viewport(), plot.viewport().rect().center(), 3)
    qtbot.waitUntil(lambda: box.viewRange()[1] != [low, high], timeout=TIMEOUT)
    zoomed = box.viewRange()
    widget.check(("kp0",))
    assert box.viewRange() == zoomed
    widget.plot.fit()


@pytest.mark.gui
def test_the_theme_is_followed(widget, viewer) -> None:
    dark = widget.plot.plot.backgroundBrush().color().lightness()
    viewer.theme = "light"
    assert widget.plot.plot.backgroundBrush().color().lightness() > dark + 100


@pytest.mark.gui
def test_the_dock_can_be_closed_and_opened_again(viewer, qtbot) -> None:
    for _ in range(2):
        _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Traces")
        viewer.dims.set_current_step(0, 5)
        assert widget.plot.frame == 5
        viewer.window.remove_dock_widget(widget)
        viewer.dims.set_current_step(0, 9)
        assert widget.plot.frame == 5


@pytest.mark.gui
def test_long_recordings_are_thinned_for_drawing(qtbot) -> None:
    from napari_pose3d.gui.traces.trace_plot import Curve, TracePlot

    plot = TracePlot()
    qtbot.addWidget(plot)
    plot.resize(800, 300)
    plot.show()
    rng = np.random.default_rng(0)
    noise = rng.normal(size=200_000)
    noise[123_456] = 50.0  # a single frame, which must still be seen
    noise[150_000:160_000] = np.nan
    plot.show_curves([Curve("a", "raw", noise, np.ones(4, np.float32))], "x", fit=True)
    qtbot.wait(200)
    x, y = plot._curves[0].getData()
    assert len(x) < 20_000
    assert np.nanmax(y) == 50.0
    assert np.isnan(y).any()


@pytest.mark.gui
def test_a_label_is_shortened_to_the_height_of_its_plot(qtbot) -> None:
    from napari_pose3d.gui.traces.trace_plot import Curve, TracePlot

    plot = TracePlot()
    qtbot.addWidget(plot)
    label = "angular velocity of the left hind paw (degrees per second)"
    plot.resize(800, 80)
    plot.show()
    plot.show_curves([Curve("a", "raw", np.zeros(9), np.ones(4, np.float32))], label, fit=True)
    axis = plot.plot.getPlotItem().getAxis("left")

    def fits() -> bool:
        # Turned by a quarter, its width is a height.
        return axis.label.boundingRect().width() <= plot.plot.height()

    qtbot.waitUntil(fits)
    assert "…" in axis.labelText
    assert axis.toolTip() == label
    plot.resize(800, 600)
    qtbot.waitUntil(lambda: axis.labelText == label.replace(" (", "<br>("))
    assert axis.toolTip() == ""
    assert fits()


# --- several quantities, seconds, export ------------------------------------------------------


@pytest.mark.gui
def test_several_quantities_over_the_same_frames(widget, viewer) -> None:
    widget.controls.plot_also("speed", "likelihood")
    assert widget.controls.quantities == ["x", "speed", "likelihood"]
    first, *more = widget.all_plots
    assert len(more) == 2
    viewer.dims.set_current_step(0, 9)
    assert [plot.frame for plot in widget.all_plots] == [9, 9, 9]
    first.plot.getViewBox().setXRange(3, 8, padding=0)
    for plot in more:
        low, high = plot.plot.getViewBox().viewRange()[0]
        assert (low, high) == pytest.approx((3, 8), abs=1)
    widget.controls.plot_also()
    assert widget.all_plots == [first]


@pytest.mark.gui
def test_seconds_change_the_numbers_below_and_nothing_else(widget, viewer, monkeypatch) -> None:
    answers = iter([(0.0, False), (25.0, True)])
    monkeypatch.setattr(
        "napari_pose3d.gui.traces.traces_widget.QInputDialog.getDouble",
        lambda *_: next(answers),
    )
    widget.controls.seconds.setChecked(True)
    assert not widget.controls.seconds.isChecked(), "without a frame rate there are no seconds"
    widget.controls.seconds.setChecked(True)
    axis = widget.plot.plot.getPlotItem().getAxis("bottom")
    assert "time (s)" in axis.labelText
    assert axis.scale == pytest.approx(1 / 25)
    assert axis.autoSIPrefixScale == 1, "seconds, not milliseconds"
    viewer.dims.set_current_step(0, 7)
    assert widget.plot.frame == 7
    widget.controls.seconds.setChecked(False)
    assert "frame" in axis.labelText
    assert axis.scale == 1


@pytest.mark.gui
def test_curves_are_written_as_they_are_drawn(widget, tmp_path, monkeypatch) -> None:
    import csv

    path = tmp_path / "traces.csv"
    monkeypatch.setattr(
        "napari_pose3d.gui.traces.traces_widget.QFileDialog.getSaveFileName",
        lambda *_: (str(path), ""),
    )
    widget.check(("kp1",))
    widget._export_csv()
    with path.open(newline="") as stream:
        head, *rows = csv.reader(stream)
    assert head[0] == "frame"
    assert "x (px), kp1, smoothed" in head
    column = head.index("x (px), kp1, smoothed")
    found = np.array([float(row[column]) if row[column] else np.nan for row in rows])
    np.testing.assert_allclose(found, values(widget, "kp1, smoothed"), rtol=1e-5)
    image = tmp_path / "traces.png"
    monkeypatch.setattr(
        "napari_pose3d.gui.traces.traces_widget.QFileDialog.getSaveFileName",
        lambda *_: (str(image), ""),
    )
    widget._export_image()
    assert image.read_bytes().startswith(b"\x89PNG")


@pytest.mark.gui
def test_all_quantities_are_written_with_the_time_and_a_suffix(
    widget, tmp_path, monkeypatch
) -> None:
    import csv

    monkeypatch.setattr(
        "napari_pose3d.gui.traces.traces_widget.QInputDialog.getDouble", lambda *_: (25.0, True)
    )
    monkeypatch.setattr(
        "napari_pose3d.gui.traces.traces_widget.QFileDialog.getSaveFileName",
        lambda *_: (str(tmp_path / "traces"), ""),
    )
    widget.check(("kp1",))
    widget.controls.plot_also("speed", "likelihood")
    widget.controls.seconds.setChecked(True)
    widget._export_csv()
    with (tmp_path / "traces.csv").open(newline="") as stream:
        head, *rows = csv.reader(stream)
    assert head[:2] == ["frame", "time_s"]
    assert [row[1] for row in rows[:2]] == ["0.000000", "0.040000"]
    for name in ("x (px)", "speed (px per frame)", "likelihood"):
        assert any(column.startswith(f"{name}, kp1") for column in head), name
    drawn = dict(widget._drawn)
    for column, name in enumerate(head[2:], start=2):
        written = np.array([float(row[column]) if row[column] else np.nan for row in rows])
        np.testing.assert_allclose(written, drawn[name], rtol=1e-5)
    widget._export_image()
    assert (tmp_path / "traces.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.gui
def test_what_cannot_be_written_is_said(widget, tmp_path, monkeypatch) -> None:
    from napari.utils.notifications import notification_manager

    monkeypatch.setattr(
        "napari_pose3d.gui.traces.traces_widget.QFileDialog.getSaveFileName",
        lambda *_: (str(tmp_path / "nowhere" / "traces.xyz"), ""),
    )
    widget._export_image()
    assert "traces.xyz" in notification_manager.records[-1].message
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.gui
def test_plots_below_each_other_show_the_same_frames_in_the_same_places(
    widget, viewer, qtbot
) -> None:
    widget.controls.plot_also("speed", "likelihood")
    qtbot.wait(50)
    boxes = [plot.plot.getViewBox() for plot in widget.all_plots]
    lefts = {round(box.mapViewToDevice(QPointF(5.0, 0.0)).x()) for box in boxes}
    assert max(lefts) - min(lefts) <= 1
    for box in boxes:
        assert box.viewRange()[0] == pytest.approx((0, N_FRAMES - 1), abs=1.5)
    boxes[1].setXRange(5, 12, padding=0)
    for box in boxes:
        assert box.viewRange()[0] == pytest.approx((5, 12), abs=0.01)
    axes = [plot.plot.getPlotItem().getAxis("bottom") for plot in widget.all_plots]
    assert [axis.style["showValues"] for axis in axes] == [False, False, True]
    widget.controls.plot_also()
    assert axes[0].style["showValues"]
