"""Rendered videos: what was drawn is found where it was projected, frame by frame."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.projects.session_files import put_predictions
from tests.support.recordings.scenes import ARC_VIEWS, arc_rig

import napari_pose3d as p3d
from napari_pose3d.cli import main
from napari_pose3d.core.poses.palette import PALETTE
from napari_pose3d.core.video.rendering.pose_drawing import PoseDrawing, rgb_of
from napari_pose3d.core.video.rendering.space_drawing import SpaceDrawing
from napari_pose3d.core.video.rendering.tiling import tile
from napari_pose3d.core.video.rendering.video_writer import VideoWriter
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import RenderSettings

KEYPOINTS = ("nose", "back", "tail")
N_FRAMES, SIZE, RATE = 24, (320, 240), Fraction(30000, 1001)
LEVEL = 120


def _truth() -> NDArray[np.float64]:
    """Three keypoints far apart that move to the right, ``(frame, keypoint, 3)``."""
    xyz = np.array([[-1.8, -1.0, 0.0], [0.0, 0.2, 0.4], [1.2, 1.0, -0.3]])
    return xyz + np.linspace(0, 0.6, N_FRAMES)[:, None, None] * [1.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[np.float64]]:
    """A Lightning Pose project of grey videos, triangulated, and where the keypoints are."""
    folder = tmp_path_factory.mktemp("render")
    rig = arc_rig(size=SIZE, focal=250.0)
    xy = rig.project(_truth())
    views = ", ".join(ARC_VIEWS)
    keypoints = ", ".join(KEYPOINTS)
    (folder / "project.yaml").write_text(f"view_names: [{views}]\nkeypoint_names: [{keypoints}]\n")
    (folder / "videos").mkdir()
    p3d.save_rig(rig, folder / "calibrations" / "rec.toml")
    grey = np.full((SIZE[1], SIZE[0], 3), LEVEL, np.uint8)
    for v, view in enumerate(ARC_VIEWS):
        with VideoWriter(folder / "videos" / f"rec_{view}.mp4", *SIZE, RATE) as writer:
            for _ in range(N_FRAMES):
                writer.write(grey)
        put_predictions(
            folder / "models" / "net" / "video_preds" / f"rec_{view}.csv", xy[v], KEYPOINTS
        )
    own = folder / "napari-pose3d"
    own.mkdir()
    (own / "project.toml").write_text(
        'version = 1\nskeleton = [["nose", "back"]]\n\n[colours]\ntail = "#ff0000"\n'
    )
    assert (
        main(
            ["triangulate", str(folder), "--calibration", str(folder / "calibrations" / "rec.toml")]
        )
        == 0
    )
    return folder, xy


def _near(image: NDArray[np.uint8], xy: NDArray[np.float64], colour: str) -> bool:
    """Whether the colour is where a keypoint is (chroma is kept for every second pixel)."""
    x, y = np.round(xy).astype(int)
    spot = image[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int).mean(axis=0)
    return bool(np.abs(spot - rgb_of(colour)).max() < 30)


def test_keypoints_are_drawn_where_they_are_in_every_frame_and_view(
    made: tuple[Path, NDArray[np.float64]], tmp_path: Path
) -> None:
    folder, xy = made
    seen: list[tuple[str, int, int]] = []
    done = p3d.render_session(
        folder,
        tmp_path / "out.mp4",
        RenderSettings(scale=2.0),
        progress=lambda *step: seen.append(step),
    )
    tiling = tile(dict.fromkeys(ARC_VIEWS, SIZE), True, 2.0)
    colours = (PALETTE[0], PALETTE[1], "#ff0000")
    with p3d.open_video(tmp_path / "out.mp4", color="rgb") as video:
        assert video.shape == (N_FRAMES, tiling.height, tiling.width, 3)
        assert video.frame_rate == RATE
        for n in range(N_FRAMES):
            image = video[n]
            for v, view in enumerate(ARC_VIEWS):
                cell = tiling.images[view]
                for k, colour in enumerate(colours):
                    at = (xy[v, n, k] + 0.5) * 2 - 0.5 + (cell.x, cell.y)
                    assert _near(image, at, colour), (n, view, KEYPOINTS[k])
            corner = tiling.images[ARC_VIEWS[0]]
            grey = image[corner.y + 400 : corner.y + 470, corner.x + 10 : corner.x + 60]
            assert abs(grey.astype(int) - LEVEL).max() < 8
        middle = (xy[0, 0, 0] + xy[0, 0, 1]) + 0.5
        x, y = np.round(middle).astype(int)
        assert video[0][y, x].min() > 150, "the bone between nose and back is light"
        assert tiling.space is not None
        space = tiling.space
        part = video[0][space.y : space.y + space.height, space.x : space.x + space.width]
        red = (part[..., 0] > 180) & (part[..., 1] < 80) & (part[..., 2] < 80)
        assert red.sum() > 10, "the tail is drawn in space"
    assert (done.n_frames, done.size) == (N_FRAMES, (tiling.width, tiling.height))
    assert done.fps == pytest.approx(float(RATE))
    assert seen[-1] == ("Rendering", N_FRAMES, N_FRAMES)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")


def test_some_frames_and_views(made: tuple[Path, NDArray[np.float64]], tmp_path: Path) -> None:
    folder, xy = made
    settings = RenderSettings(("Cam-C", "Cam-A"), (5, 9), skeleton=False, space=False, scale=2.0)
    done = p3d.render_session(folder, tmp_path / "out.mp4", settings, prediction_set="net")
    tiling = tile({"Cam-C": SIZE, "Cam-A": SIZE}, False, 2.0)
    assert done.n_frames == 4
    with p3d.open_video(done.file, color="rgb") as video:
        for view, v in (("Cam-C", 2), ("Cam-A", 0)):
            cell = tiling.images[view]
            at = (xy[v, 5, 1] + 0.5) * 2 - 0.5 + (cell.x, cell.y)
            assert _near(video[0], at, PALETTE[1])
        middle = xy[2, 5, 0] + xy[2, 5, 1] + 0.5 + (tiling.images["Cam-C"].x, 0)
        x, y = np.round(middle).astype(int)
        assert video[0][y, x].max() < 150, "no bone is drawn"


def test_a_part_is_seen_in_space_as_in_the_whole(
    made: tuple[Path, NDArray[np.float64]], tmp_path: Path
) -> None:
    """Where the floor is does not depend on the frames that are drawn."""
    images = []
    for name, frames, n in (("part", (5, 7), 0), ("whole", (None, None), 5)):
        out = tmp_path / f"{name}.mp4"
        p3d.render_session(made[0], out, RenderSettings(frames=frames, scale=2.0))
        with p3d.open_video(out, color="rgb") as video:
            images.append(video[n].astype(int))
    space = tile(dict.fromkeys(ARC_VIEWS, SIZE), True, 2.0).space
    assert space is not None
    one, other = (
        each[space.y : space.y + space.height, space.x : space.x + space.width] for each in images
    )
    assert one.max() > 150, "something is drawn"
    assert np.abs(one - other).mean() < 1


def test_a_camera_that_started_late_is_grey_until_then(
    made: tuple[Path, NDArray[np.float64]], tmp_path: Path
) -> None:
    folder, xy = made
    copy = tmp_path / "late"
    shutil.copytree(folder, copy)
    own = copy / "napari-pose3d" / "project.toml"
    own.write_text(own.read_text() + "\n[sessions.rec.Cam-B]\noffset = 5\n")
    settings = RenderSettings(("Cam-B",), space=False, scale=2.0)
    done = p3d.render_session(copy, tmp_path / "out.mp4", settings, prediction_set="net")
    assert done.n_frames == N_FRAMES + 5
    with p3d.open_video(done.file, color="rgb") as video:
        assert not _near(video[4], (xy[1, 4, 1] + 0.5) * 2 - 0.5, PALETTE[1])
        assert abs(video[4][400:470, 10:60].astype(int) - LEVEL).min() > 30
        for n in (5, N_FRAMES + 4):
            assert _near(video[n], (xy[1, n - 5, 1] + 0.5) * 2 - 0.5, PALETTE[1])


def test_cancelled_in_the_middle_leaves_nothing(
    made: tuple[Path, NDArray[np.float64]], tmp_path: Path
) -> None:
    folder, _ = made
    step = 0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal step
        step = done if stage == "Rendering" else 0

    out = tmp_path / "new" / "out.mp4"
    with pytest.raises(Cancelled):
        p3d.render_session(folder, out, progress=progress, cancelled=lambda: step >= 7)
    assert step == 7
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_rendered_is_refused(
    made: tuple[Path, NDArray[np.float64]], tmp_path: Path
) -> None:
    folder, _ = made
    out = tmp_path / "out.mp4"
    for settings, named, message in (
        (RenderSettings(views=("Cam-Z",)), None, "no video of Cam-Z"),
        (RenderSettings(frames=(0, 500)), None, "24 frames"),
        (RenderSettings(scale=40.0), None, "at most 4096"),
        (RenderSettings(scale=0.01), None, "64 for each view"),
        (RenderSettings(uncertainty=True), "net", "no uncertainty"),
        (RenderSettings(), "nonsense", "no prediction set 'nonsense'"),
    ):
        with pytest.raises(PoseDataError, match=message):
            p3d.render_session(folder, out, settings, prediction_set=named)
    with pytest.raises(PoseDataError, match="MP4"):
        p3d.render_session(folder, tmp_path / "out.avi")
    out.write_text("mine")
    with pytest.raises(PoseDataError, match="exists already"):
        p3d.render_session(folder, out)
    assert [each.name for each in tmp_path.iterdir()] == ["out.mp4"]
    assert out.read_text() == "mine"
    with pytest.raises(PoseDataError, match="no frames from 5"):
        RenderSettings(frames=(5, 5))
    with pytest.raises(PoseDataError, match="scale"):
        RenderSettings(scale=float("nan"))


def test_on_the_command_line(
    made: tuple[Path, NDArray[np.float64]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, _ = made
    out = tmp_path / "out.mp4"
    arguments = ["render", str(folder), "--out", str(out), "--frames", "3"]
    assert main([*arguments, "--names"]) == 0
    assert "3 frames" in capsys.readouterr().out
    assert main(arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert main([*arguments[:-1], "nonsense", "--force"]) == 2
    assert "--frames" in capsys.readouterr().err
    assert main([*arguments, "--force", "--uncertainty"]) == 2
    assert "--set NAME" in capsys.readouterr().err
    assert main([*arguments, "--force", "--without-3d", "--without-skeleton"]) == 0


def test_ellipses_hold_95_percent() -> None:
    drawing = PoseDrawing(("a",), np.empty((0, 2), np.int64), {}, 300)
    image = np.full((200, 200, 3), LEVEL, np.uint8)
    drawing.draw_ellipses(image, np.array([[100.0, 100.0]]), np.array([[400.0, 100.0]]))
    line = np.argwhere((abs(image.astype(int) - rgb_of(PALETTE[0])) < 60).all(axis=2))
    half = np.ptp(line, axis=0) / 2
    assert half == pytest.approx([2.4477 * 10, 2.4477 * 20], abs=1.0)


def test_the_whole_recording_is_in_view_in_space() -> None:
    rng = np.random.default_rng(3)
    xyz = rng.normal(size=(200, 4, 3)) * [30, 20, 5]
    xyz[7, 2] = np.nan
    drawing = PoseDrawing(tuple("abcd"), np.array([[0, 1]]), {}, 240)
    space = SpaceDrawing(xyz, drawing, (320, 240), np.array([[0.0, 0.0, 300.0]]))
    xy, depth = space.project(xyz)
    known = np.isfinite(xyz).all(axis=-1)
    assert (xy[known] >= 0).all()
    assert (xy[known] <= (320, 240)).all()
    assert (depth[known] > 0).all()
    _, heights = np.split(space.project(np.array([[0, 0, 0], [0, 0, 5.0]]))[0], 2, axis=1)
    assert heights[1, 0] < heights[0, 0], "up is where the cameras are"
    assert space.draw(xyz[7]).shape == (240, 320, 3)
    nothing = SpaceDrawing(np.full((3, 4, 3), np.nan), drawing, (320, 240))
    assert nothing.draw(np.full((4, 3), np.nan)).shape == (240, 320, 3)


def test_filled_positions_are_hollow_and_far_ones_are_not_drawn() -> None:
    drawing = PoseDrawing(("a", "b"), np.array([[0, 1]]), {}, 800)
    image = np.full((100, 100, 3), LEVEL, np.uint8)
    drawing.draw(image, np.array([[50.0, 50.0], [1e9, np.nan]]), hollow=np.array([True, False]))
    assert (image[50, 50] == LEVEL).all()
    assert (image != LEVEL).any()
