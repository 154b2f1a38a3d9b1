"""Figures: what is drawn in them, on known positions; needs matplotlib."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from tests.core.poses.test_kinematics import poses_of

from napari_pose3d import PoseDataError, plot_polar, plot_session, plot_traces, plot_trajectory
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.poses3d_csv import write_poses3d_csv
from napari_pose3d.core.poses.arrays import Poses3D
from napari_pose3d.core.poses.kinematics.measurements import Measured, Measurement, measure
from napari_pose3d.core.poses.palette import PALETTE

LENGTH = Measurement("body", "length", ("a", "b"))
HEADING = Measurement("heading", "direction", ("a", "b"))


def circling(n: int = 100) -> Poses3D:
    """a goes around b, a full turn, 40 mm away; 3 mm above its floor."""
    angle = 2 * np.pi * np.arange(n) / n
    points = np.zeros((n, 2, 3))
    points[:, 0] = np.stack([40 * np.cos(angle), 40 * np.sin(angle), np.full(n, 3.0)], axis=1)
    covariance = np.broadcast_to(np.eye(3) * 0.04, (n, 2, 3, 3))
    return poses_of(points, np.array(covariance))


def test_a_trajectory_is_seen_from_above_at_scale() -> None:
    poses = circling()
    inferred = poses.inferred.copy()
    inferred[40:50, 0] = True
    figure = plot_trajectory(replace(poses, inferred=inferred), ["a"])
    (axes,) = figure.axes
    measured, filled_in, *_ = axes.lines
    drawn = measured.get_xydata()
    assert measured.get_color() == PALETTE[0]
    assert np.isnan(drawn[40:50]).all()
    np.testing.assert_allclose(drawn[:40], poses.xyz[:40, 0, :2])
    assert filled_in.get_linestyle() == ":"
    # With the frames beside them.
    assert np.isfinite(filled_in.get_xydata()[39:51]).all()
    assert axes.get_aspect() == 1
    (bar,) = (line for line in axes.lines if line.get_solid_capstyle() == "butt")
    assert np.ptp(bar.get_xdata()) == 20
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["20 mm"]
    (floor,) = axes.patches[:1]
    assert floor.get_width() == pytest.approx(80 * 1.12)


def test_above_is_where_up_points() -> None:
    poses = circling()
    turned = replace(poses, xyz=poses.xyz[..., [2, 0, 1]])  # x is up
    drawn = plot_trajectory(turned, ["a"], up=(1, 0, 0)).axes[0].lines[0].get_xydata()
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 40)
    # Not mirrored: it still turns counterclockwise.
    x, y = drawn.T
    assert (x[:-1] * y[1:] - y[:-1] * x[1:] > 0).all()


def test_traces_have_bands_of_95_percent() -> None:
    measured = measure(circling(), LENGTH)
    figure = plot_traces([measured, measure(circling(), HEADING)], 50.0, first_frame=25)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "body\n(mm)",
        "heading azimuth\n(deg)",
        "heading elevation\n(deg)",
    ]
    assert figure.axes[-1].get_xlabel() == "time (s)"
    time, values = figure.axes[0].lines[0].get_data()
    np.testing.assert_allclose(time[:2], [0.5, 0.52])
    np.testing.assert_allclose(values, measured.values[:, 0])
    ends = figure.axes[0].collections[0].get_paths()[0].get_extents()
    deviation = measured.deviations[0, 0]
    assert ends.height == pytest.approx(2 * 1.96 * deviation, rel=1e-3)
    assert plot_traces([measured]).axes[0].get_xlabel() == "frame"


def test_areas_of_a_polar_histogram_are_shares() -> None:
    degrees = np.repeat([10.0, 100.0, -170.0], [40, 10, 10])[:, None]
    measured = Measured(HEADING, ("heading azimuth",), "deg", degrees, degrees * np.nan)
    axes = plot_polar(measured, bins=36).axes[0]
    tall = {round(np.degrees(bar.get_x())): bar.get_height() for bar in axes.patches}
    assert {at: height for at, height in tall.items() if height} == pytest.approx(
        {10: 1.0, 100: 0.5, -170: 0.5}
    )
    mean = np.mean(np.exp(1j * np.radians(degrees)))
    np.testing.assert_allclose(axes.lines[0].get_xdata(), np.angle(mean))
    assert axes.lines[0].get_ydata()[1] == pytest.approx(abs(mean))
    assert "n = 60 frames" in axes.get_title()
    # An angle that ends at 180 degrees has half a circle.
    half = replace(measured, measurement=Measurement("knee", "angle", ("a", "b", "c")))
    half = replace(half, values=np.abs(degrees))
    assert plot_polar(half).axes[0].get_thetamax() == 180
    assert len(plot_polar(half, bins=36).axes[0].patches) == 18


def test_other_figures_keep_their_style() -> None:
    import matplotlib
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    plot_traces([measure(circling(), LENGTH)])
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_what_cannot_be_drawn_is_refused() -> None:
    poses = circling()
    with pytest.raises(PoseDataError, match=r"no keypoint x\. Expected some of a, b"):
        plot_trajectory(poses, ["x"])
    with pytest.raises(PoseDataError, match="a has no position in space"):
        plot_trajectory(replace(poses, xyz=poses.xyz * np.nan), ["a"])
    with pytest.raises(PoseDataError, match="nothing was measured"):
        plot_traces([])
    with pytest.raises(PoseDataError, match="'body' is in mm"):
        plot_polar(measure(poses, LENGTH))
    heading = measure(poses, HEADING)
    with pytest.raises(PoseDataError, match="one of heading azimuth, heading elevation"):
        plot_polar(heading, "pitch")
    with pytest.raises(PoseDataError, match="known in no frame"):
        plot_polar(replace(heading, values=heading.values * np.nan))


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "day1_3d.csv", tmp_path / "figure.png"
    write_poses3d_csv(path, circling())
    own = tmp_path / "napari-pose3d" / "project.toml"
    own.parent.mkdir()
    own.write_text(
        '[colours]\na = "#123456"\n[kinematics]\n'
        'heading = { direction = ["b", "a"] }\nbody = { length = ["a", "b"] }\n'
    )
    for plot, *more in (
        ("trajectory", "--keypoints", "a", "b", "--floor", "a"),
        ("traces", "--frames", "10:30"),
        ("traces", "--speed", "pace=a"),
        ("polar", "--show", "heading azimuth"),
        ("polar", "--direction", "way=a,b"),
    ):
        out.unlink(missing_ok=True)
        assert main(["plot", plot, str(path), "--out", str(out), *more]) == 0
        assert out.read_bytes().startswith(b"\x89PNG")
    for suffix, start in ((".pdf", b"%PDF"), (".svg", b"<?xml")):
        target = out.with_suffix(suffix)
        assert main(["plot", "traces", str(path), "--out", str(target)]) == 0
        assert target.read_bytes().startswith(start)
    capsys.readouterr()
    for more, problem in (
        (["traces", "--out", str(out)], "exists"),
        (["traces", "--out", str(tmp_path / "a.doc")], "ends in .pdf, .svg, .png"),
        (["polar", "--out", str(tmp_path / "b.png")], "2 measurements are to be in one"),
        (["traces", "--out", str(tmp_path / "b.png"), "--show", "knee"], "is called 'knee'"),
        (["trajectory", "--out", str(tmp_path / "b.png"), "--floor", "a,c"], "no keypoint c"),
        (["traces", "--out", str(tmp_path / "b.png"), "--frames", "500:"], "frames below 100"),
    ):
        plot, *options = more
        assert main(["plot", plot, str(path), *options]) == 2
        assert problem in capsys.readouterr().err
    assert sorted(each.name for each in tmp_path.glob("*.p*")) == ["figure.pdf", "figure.png"]
    figure, _ = plot_session(path, "trajectory")
    assert figure.axes[0].lines[0].get_color() == "#123456"


def test_without_matplotlib_it_is_named() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from napari_pose3d import PoseDataError, plot_traces\n"
        "try:\n    plot_traces([])\n"
        "except PoseDataError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "a figure needs the package 'matplotlib'" in done.stdout
    assert "pip install 'napari-pose3d[plots]'" in done.stdout
