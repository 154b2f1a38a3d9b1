"""Points of the world, clicked one after the other; and curves in the camera views. No window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.tasks.calibration.views.view_rig import (
    curves_in,
    distance_to_curve,
    view_rig,
)
from napari_pose3d.gui.tasks.calibration.world.point_picks import THREE, PointPicks
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras

RIG = ring_of_cameras(3)
POINTS = np.array([[0.0, 0, 0], [80.0, 0, 10], [0, 60.0, 0]])
PIXELS = RIG.project(POINTS)  # (view, point, 2)


def picks(names: tuple[str, ...] = THREE) -> PointPicks:
    rig = view_rig(RIG, ("cam2", "cam0", "elsewhere"), None)
    assert rig is not None
    return PointPicks(rig, names)


def click(where: PointPicks, view: str, point: int) -> bool:
    x, y = PIXELS[RIG.names.index(view), point]
    return where.click(view, (float(x), float(y)))


def test_three_points_are_asked_for_one_after_the_other() -> None:
    each = picks()
    assert "Point 1 of 3: the origin" in each.state()
    assert not each.go_on()
    assert click(each, "cam0", 0)
    assert "one more view" in each.state()
    assert not each.go_on()
    click(each, "cam2", 0)
    assert each.go_on()
    for point in (1, 2):
        assert not each.is_complete
        click(each, "cam0", point)
        click(each, "cam2", point)
        each.go_on()
    assert each.is_at_last
    assert each.is_complete
    assert np.allclose(each.points(), POINTS, atol=1e-5)
    assert "1: off by px: cam0 0.0, cam2 0.0" in each.state()


def test_a_click_is_replaced_and_taken_back() -> None:
    each = picks()
    click(each, "cam0", 0)
    click(each, "cam2", 0)
    each.click("cam2", (5.0, 5.0))
    assert each.clicks(0)["cam2"] == (5.0, 5.0)
    each.undo()
    assert each.clicks(0)["cam2"] == pytest.approx(tuple(PIXELS[2, 0]))
    each.go_on()
    click(each, "cam0", 1)
    # Back at the point that the click was of.
    assert each.undo()
    assert each.undo()
    assert each.current == 0
    assert each.undo()
    assert not each.undo()


def test_a_view_without_a_camera_takes_no_click() -> None:
    each = picks()
    assert not each.click("elsewhere", (1.0, 1.0))
    # It has a camera, but no view on the screen.
    assert not each.click("cam1", (1.0, 1.0))
    assert not each.undo()


def test_clicks_of_different_points_do_not_fit() -> None:
    each = picks()
    click(each, "cam0", 0)
    click(each, "cam2", 1)
    assert max(each.solved()[0].residuals.values()) > 1.0


def test_any_number_of_points_lies_on_a_floor() -> None:
    each = picks(())
    for point in range(3):
        assert not each.is_complete
        click(each, "cam0", point)
        click(each, "cam2", point)
        assert each.is_complete == (point == 2)
        assert each.go_on()
    assert "Point 4 on the floor" in each.state()


def test_a_rig_without_two_views_is_none() -> None:
    assert view_rig(RIG, ("cam0", "elsewhere"), None) is None


def test_a_curve_passes_through_the_point() -> None:
    rig = picks().rig
    at = (float(PIXELS[0, 1, 0]), float(PIXELS[0, 1, 1]))
    curves = curves_in(rig, "cam0", at, 0, others=("cam0", "cam2", "elsewhere"))
    assert list(curves) == ["cam2"]
    assert distance_to_curve(curves["cam2"], PIXELS[2, 1]) < 0.1
    assert distance_to_curve(curves["cam2"], PIXELS[2, 2]) > 5.0
    assert np.isnan(distance_to_curve(np.empty((0, 2)), (0.0, 0.0)))
    assert curves_in(rig, "elsewhere", at, 0, others=("cam2",)) == {}


def test_pixels_of_a_cropped_video_are_those_of_the_rig(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for view in ("cam0", "cam2"):
        (tmp_path / "videos" / f"walk_{view}.mp4").touch()
    session = open_project(tmp_path).sessions[0]
    session = session.with_alignments({"cam2": ViewAlignment(crop=(100, 50, 400, 300))})
    rig = view_rig(RIG, ("cam0", "cam2"), session)
    assert rig is not None
    x, y = PIXELS[0, 1]
    curve = rig.curve("cam0", (float(x), float(y)), "cam2", 3)
    assert distance_to_curve(curve, PIXELS[2, 1] - [100, 50]) < 0.1
    assert np.allclose(rig.to_rig("cam2", rig.to_video("cam2", [7.0, 9.0], 3), 3), [7.0, 9.0])
