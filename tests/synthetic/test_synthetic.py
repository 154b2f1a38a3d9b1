"""The synthetic scene: its truth, the network's errors, the images, the sample on disk."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.core.formats.projects.project_yaml import read_project
from napari_pose3d.core.storage.user_folders import user_cache_folder
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.synthetic import animal
from napari_pose3d.synthetic.network_errors import (
    PredictionErrors,
    PredictionTruth,
    simulate_predictions,
)
from napari_pose3d.synthetic.render import CameraVideo, write_png, write_video
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample
from napari_pose3d.synthetic.scene import Scene, make_scene

SMALL = SampleRecipe(
    n_frames=24,
    n_cameras=2,
    size=(160, 120),
    seeds=2,
    labeled_frames=3,
    errors=PredictionErrors(lost_frames=4),
)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


@pytest.fixture(scope="module")
def long_scene() -> Scene:
    return make_scene(4000, 3, seed=5)


# The animal


def test_rigid_bones_keep_their_length(long_scene: Scene) -> None:
    for a, b in long_scene.rigid_pairs:
        i, j = long_scene.keypoints.index(a), long_scene.keypoints.index(b)
        length = np.linalg.norm(long_scene.xyz[:, i] - long_scene.xyz[:, j], axis=-1)
        assert np.ptp(length) < 1e-9, f"{a} - {b}"
        assert length[0] > 5


def test_the_animal_stays_above_the_floor_and_in_the_arena(long_scene: Scene) -> None:
    assert long_scene.xyz[..., 2].min() >= 0
    assert long_scene.xyz[..., 2].max() < animal.TALLEST
    assert np.hypot(*long_scene.xyz[..., :2].T).max() < long_scene.arena_radius


def test_paws_do_not_slide_while_they_stand(long_scene: Scene) -> None:
    for i, paw in enumerate(animal.PAWS):
        track = long_scene.points[paw]
        stands = long_scene.on_floor[1:, i] & long_scene.on_floor[:-1, i]
        moved = np.linalg.norm(np.diff(track, axis=0), axis=-1)[stands]
        assert np.percentile(moved, 98) < 1e-6, paw
        assert np.allclose(track[long_scene.on_floor[:, i], 2], animal.PAW_HEIGHT, atol=1e-6)
        assert 0.3 < long_scene.on_floor[:, i].mean() < 0.9


def test_the_animal_walks_pauses_bursts_turns_and_rears(scene: Scene) -> None:
    speed = np.linalg.norm(np.diff(scene.xyz, axis=0), axis=-1) * scene.fps
    assert 60 < np.median(speed) < 200  # mm/s
    body = speed[:, scene.keypoints.index("back")]
    assert body.min() < 10
    assert body.max() > 300
    assert scene.points["neck"][:, 2].max() > 60
    spine = scene.points["neck"] - scene.points["tail_base"]
    heading = np.unwrap(np.arctan2(spine[:, 1], spine[:, 0]))
    assert np.ptp(heading) > 2


@pytest.mark.parametrize(
    ("n_cameras", "size", "focal_scale"),
    [(4, (640, 480), 1.0), (2, (320, 320), 1.0), (6, (1280, 1024), 2.5)],
)
def test_all_keypoints_are_in_all_images(
    n_cameras: int, size: tuple[int, int], focal_scale: float
) -> None:
    scene = make_scene(1500, n_cameras, seed=2, size=size, focal_scale=focal_scale)
    assert scene.rig.names == tuple(f"Cam-{c}" for c in "ABCDEF"[:n_cameras])
    assert len({camera.matrix[0, 0] for camera in scene.rig.cameras}) == n_cameras
    inside = (scene.xy > 0) & (scene.xy < np.array(size) - 1)
    assert inside.all(axis=-1).mean() > 0.9999


def test_equal_arguments_give_equal_scenes(scene: Scene) -> None:
    again = make_scene()
    assert np.array_equal(again.xyz, scene.xyz)
    assert np.array_equal(again.xy, scene.xy)
    assert not np.array_equal(make_scene(seed=1).xyz, scene.xyz)


@pytest.mark.parametrize(
    "bad", [{"n_frames": 0}, {"n_cameras": 1}, {"n_cameras": 7}, {"fps": 0}, {"size": (8, 8)}]
)
def test_senseless_scenes_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(PoseDataError, match=next(iter(bad))):
        make_scene(**bad)  # type: ignore[arg-type]


# The network


@pytest.fixture(scope="module")
def errors(scene: Scene) -> tuple[np.ndarray, np.ndarray, PredictionTruth]:
    """Errors (model, view, frame, keypoint, 2), likelihood and truth of the sample's network."""
    ensemble, truth = simulate_predictions(scene)
    assert ensemble.views == scene.rig.names
    assert ensemble.keypoints == scene.keypoints
    return ensemble.xy - scene.xy[None], ensemble.likelihood, truth


def test_jitter_is_as_large_and_as_shared_as_it_says(errors: tuple) -> None:
    error, likelihood, truth = errors
    clean = truth.clean
    assert error[clean].std() == pytest.approx(1.5, rel=0.03)
    assert abs(error[clean].mean()) < 0.05
    everywhere = clean.all(axis=0)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        shared = np.mean(error[a][everywhere] * error[b][everywhere])
        assert shared == pytest.approx(1.5**2 / 2, rel=0.08)
    assert likelihood[clean].min() >= 0.9


def test_jitter_lasts_some_frames(errors: tuple) -> None:
    error, _, truth = errors
    clean = truth.clean[:, :, 1:] & truth.clean[:, :, :-1]
    step = np.mean((error[:, :, 1:] * error[:, :, :-1])[clean]) / np.mean(error[truth.clean] ** 2)
    assert step == pytest.approx(0.5 * np.exp(-1 / 4), abs=0.05)


def test_fractions_are_met(errors: tuple) -> None:
    _, _, truth = errors
    assert truth.occluded.mean() == pytest.approx(0.15, abs=1e-4)
    assert truth.outlier.any(axis=0).mean() == pytest.approx(0.01, abs=1e-4)
    assert truth.outlier.all(axis=0).mean() == pytest.approx(0.005, abs=1e-4)
    assert truth.swapped.any(axis=0).mean() == pytest.approx(0.005, abs=1e-4)
    assert truth.swapped.all(axis=0).mean() == pytest.approx(0.0025, abs=1e-4)
    assert sorted(truth.lost.sum(axis=1)) == [0, 0, 0, 60]
    lost = np.flatnonzero(truth.lost.any(axis=0))
    assert lost[-1] - lost[0] == 59


def test_each_cell_belongs_to_one_class(errors: tuple) -> None:
    _, _, truth = errors
    classes = [
        np.broadcast_to(truth.occluded, truth.outlier.shape),
        truth.outlier,
        truth.swapped,
        np.broadcast_to(truth.lost[:, :, None], truth.outlier.shape),
        truth.clean,
    ]
    assert np.all(np.sum(classes, axis=0) == 1)


def test_outliers_are_far_off_and_confident(errors: tuple) -> None:
    error, likelihood, truth = errors
    distance = np.linalg.norm(error[truth.outlier], axis=-1)
    assert np.median(distance) == pytest.approx(30, abs=1)
    assert likelihood[truth.outlier].min() >= 0.9
    # All seeds agree on the same wrong place.
    together = truth.outlier.all(axis=0)
    spread = error[:, together].std(axis=0).mean()
    assert spread < 2


def test_swaps_are_at_the_counterpart(scene: Scene) -> None:
    ensemble, truth = simulate_predictions(scene, seed=3)
    for left, right in scene.left_right:
        i, j = scene.keypoints.index(left), scene.keypoints.index(right)
        assert np.array_equal(truth.swapped[..., i], truth.swapped[..., j])
        off = ensemble.xy[..., i, :] - scene.xy[None, :, :, j]
        assert np.abs(off[truth.swapped[..., i]]).max(initial=0) < 8
    paired = {name for pair in scene.left_right for name in pair}
    single = [k for k, name in enumerate(scene.keypoints) if name not in paired]
    assert not truth.swapped[..., single].any()


def test_occlusion_brings_jitter_and_doubt_in_stretches(errors: tuple) -> None:
    error, likelihood, truth = errors
    occluded = np.broadcast_to(truth.occluded, truth.outlier.shape)
    assert error[occluded].std() > 4
    assert np.median(likelihood[occluded]) < 0.7
    # The less sure, the farther off.
    length = np.linalg.norm(error[occluded], axis=-1)
    sure = likelihood[occluded]
    assert np.median(length[sure < 0.5]) > 1.3 * np.median(length[sure > 0.7])
    starts = np.diff(truth.occluded.astype(int), axis=1) == 1
    assert truth.occluded.sum() / starts.sum() > 20


def test_a_lost_view_is_garbage_with_low_likelihood(scene: Scene, errors: tuple) -> None:
    error, likelihood, truth = errors
    lost = np.broadcast_to(truth.lost[:, :, None], truth.outlier.shape)
    assert likelihood[lost].max() < 0.1
    assert np.median(np.linalg.norm(error[lost], axis=-1)) > 100
    xy = error + scene.xy
    assert np.isfinite(xy).all()
    assert (xy[lost] >= 0).all()
    assert (xy[lost] <= np.array([639, 479])).all()


def test_predictions_depend_on_the_seed_alone(scene: Scene) -> None:
    first, again = simulate_predictions(scene)[0], simulate_predictions(scene)[0]
    assert np.array_equal(first.xy, again.xy)
    assert np.array_equal(first.likelihood, again.likelihood)
    assert not np.array_equal(first.xy, simulate_predictions(scene, seed=1)[0].xy)


def test_errors_can_be_switched_off_one_by_one(scene: Scene) -> None:
    none = PredictionErrors(jitter=0, occluded=0, outliers=0, swaps=0, lost_frames=0)
    ensemble, truth = simulate_predictions(scene, errors=none)
    assert truth.clean.all()
    assert np.allclose(ensemble.xy, scene.xy[None], atol=1e-4)
    # Without outliers everything else is as it was.
    some, _ = simulate_predictions(scene, errors=PredictionErrors(outliers=0))
    usual, truth = simulate_predictions(scene)
    assert np.array_equal(some.xy[~truth.outlier], usual.xy[~truth.outlier])


def test_impossible_errors_are_refused(scene: Scene) -> None:
    with pytest.raises(PoseDataError, match="lost for 60 of 50 frames"):
        simulate_predictions(make_scene(50))
    with pytest.raises(PoseDataError, match="no room"):
        simulate_predictions(make_scene(100), errors=PredictionErrors(occluded=0.99))


# The images


@pytest.fixture(scope="module")
def small_scene() -> Scene:
    return make_scene(size=(320, 240))


@pytest.mark.parametrize("view", ["Cam-B", "Cam-C"])
def test_the_animal_is_drawn_where_the_truth_says(small_scene: Scene, view: str) -> None:
    scene = small_scene
    body = [scene.keypoints.index(name) for name in ("neck", "back", "knee_left", "knee_right")]
    video = CameraVideo(scene, view)
    frames = range(0, 600, 75)
    images = np.array([video.image(frame) for frame in frames], float)
    empty = np.median(images, axis=0)
    at_keypoint = []
    for frame, image in zip(frames, images, strict=True):
        darker = empty - image
        for x, y in scene.xy[scene.rig.names.index(view), frame, body]:
            at_keypoint.append(
                darker[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].mean()
            )
        # What is drawn is near the animal's keypoints, but for the tip of the tail.
        v, u = np.nonzero(darker > 80)
        off = np.stack([u, v], -1)[:, None] - scene.xy[scene.rig.names.index(view), frame]
        assert len(off) > 300
        assert np.percentile(np.linalg.norm(off, axis=-1).min(axis=1), 97) < 20
    # Less where the animal is before its own shadow of another frame, or the dark table.
    assert np.mean(at_keypoint) > 80
    assert np.min(at_keypoint) > 10


def test_images_depend_on_the_scene_alone(small_scene: Scene) -> None:
    first = CameraVideo(small_scene, "Cam-B").image(7)
    assert first.dtype == np.uint8
    assert first.shape == (240, 320)
    assert np.array_equal(first, CameraVideo(make_scene(size=(320, 240)), "Cam-B").image(7))


def test_a_covered_lens_sees_nothing(small_scene: Scene) -> None:
    covered = np.zeros(small_scene.n_frames, bool)
    covered[5] = True
    video = CameraVideo(small_scene, "Cam-A", covered)
    assert video.image(5).mean() < 15 < video.image(6).mean()


def test_png_keeps_every_pixel(tmp_path: Path) -> None:
    import av

    image = np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8)
    write_png(image, tmp_path / "a.png")
    with av.open(str(tmp_path / "a.png")) as container:
        assert np.array_equal(next(container.decode(video=0)).to_ndarray(), image)


@pytest.mark.parametrize("covered", [False, True])
def test_equal_images_give_equal_files(tmp_path: Path, covered: bool) -> None:
    """However many threads are at work: x264's lookahead once gave six files in forty."""
    scene = make_scene(24, 2, size=(160, 120))
    video = CameraVideo(scene, "Cam-A", np.arange(24) >= (8 if covered else 24))

    def write(number: int) -> bytes:
        path = tmp_path / f"{number}.mp4"
        write_video(video, path, lambda _: None)
        return path.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(write, range(24)))) == 1


# The sample on disk


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("sample") / "new" / "project", recipe=SMALL)


def test_sample_is_a_lightning_pose_project(sample: Path) -> None:
    views = ("Cam-A", "Cam-B")
    project = read_project(sample)
    assert project.view_names == views
    assert project.keypoint_names == animal.KEYPOINTS
    scene = make_scene(24, 2, size=(160, 120))
    rig = load_rig(sample / "calibrations" / "arena.toml")
    assert rig.names == views
    assert rig.units == "mm"
    assert not rig.warnings
    assert np.abs(rig.project(scene.xyz) - scene.xy).max() < 1e-6
    truth = read_poses3d_csv(sample / "napari-pose3d" / "truth" / "arena_3d.csv")
    assert np.abs(truth.xyz - scene.xyz).max() < 1e-9
    ensemble, _ = simulate_predictions(scene, 2, errors=SMALL.errors)
    for i, model in enumerate(("seed0", "seed1")):
        for j, view in enumerate(views):
            table = read_prediction_csv(
                sample / "models" / model / "video_preds" / f"arena_{view}.csv"
            )
            assert table.keypoints == animal.KEYPOINTS
            assert np.array_equal(table.xy, ensemble.xy[i, j])
            assert np.array_equal(table.likelihood, ensemble.likelihood[i, j])


@pytest.mark.parametrize("view", ["Cam-A", "Cam-B"])
def test_sample_videos_are_h264_with_b_frames(sample: Path, view: str) -> None:
    import av
    from av.video.frame import PictureType

    with av.open(str(sample / "videos" / f"arena_{view}.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.average_rate == Fraction(100)
        frames = list(container.decode(video=0))
    assert len(frames) == 24
    assert any(frame.pict_type == PictureType.B for frame in frames)
    scene = make_scene(24, 2, size=(160, 120))
    drawn = CameraVideo(scene, view).image(0).astype(float)
    # A grey video has neither colour nor another range of brightness.
    shown = frames[0].to_ndarray(format="rgb24").astype(float)
    assert np.ptp(shown, axis=-1).max() <= 2
    lit = simulate_predictions(scene, 2, errors=SMALL.errors)[1].lost[scene.rig.names.index(view)]
    if not lit[0]:
        assert abs(shown[..., 0].mean() - drawn.mean()) < 2


def test_sample_labels_lie_on_the_animal_in_their_images(sample: Path) -> None:
    import av
    import pandas as pd

    scene = make_scene(24, 2, size=(160, 120))
    for j, view in enumerate(scene.rig.names):
        table = pd.read_csv(sample / f"CollectedData_{view}.csv", header=[0, 1, 2], index_col=0)
        assert table.columns.names == ["scorer", "bodyparts", "coords"]
        assert len(table) == 3
        for name, row in table.iterrows():
            assert str(name).startswith(f"labeled-data/arena_{view}/img")
            frame = int(Path(str(name)).stem.removeprefix("img"))
            off = row.to_numpy().reshape(-1, 2) - scene.xy[j, frame]
            assert np.nanmax(np.abs(off)) < 4
            assert np.isfinite(off).mean() > 0.5
            with av.open(str(sample / str(name))) as container:
                image = next(container.decode(video=0)).to_ndarray()
            assert np.array_equal(image, CameraVideo(scene, view).image(frame))


def test_a_second_call_makes_nothing(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {p: p.stat().st_mtime_ns for p in sample.rglob("*")}
    monkeypatch.setattr("napari_pose3d.synthetic.sample._fill", None)
    assert make_sample(sample, recipe=SMALL) == sample
    assert {p: p.stat().st_mtime_ns for p in sample.rglob("*")} == before


def test_lost_files_are_made_again_and_the_users_work_stays(tmp_path: Path) -> None:
    folder = make_sample(tmp_path / "s", recipe=SMALL)
    video = folder / "videos" / "arena_Cam-A.mp4"
    content = video.read_bytes()
    video.unlink()
    labels = folder / "CollectedData_Cam-A.csv"
    labels.write_text("my own labels")
    (folder / "notes.txt").write_text("mine")
    make_sample(folder, recipe=SMALL)
    assert video.read_bytes() == content
    assert labels.read_text() == "my own labels"
    # Only when told so is everything made anew.
    make_sample(folder, recipe=SMALL, force=True)
    assert labels.read_text() != "my own labels"
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_a_foreign_folder_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for force in (False, True):
        with pytest.raises(PoseDataError, match="holds other files"):
            make_sample(tmp_path, recipe=SMALL, force=force)
    with pytest.raises(PoseDataError, match="this is a file"):
        make_sample(tmp_path / "thesis.tex", recipe=SMALL)
    with pytest.raises(PoseDataError, match="cannot be written"):
        make_sample(tmp_path / "thesis.tex" / "sample", recipe=SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_sample_of_another_version_is_kept(sample: Path) -> None:
    with pytest.raises(PoseDataError, match="another version"):
        make_sample(sample, recipe=replace(SMALL, seed=1))


@pytest.mark.parametrize("stage", ["writing predictions", "setting up the cameras", "rendering"])
@pytest.mark.parametrize("how", [Cancelled, KeyboardInterrupt])
def test_an_interrupted_run_leaves_nothing(
    tmp_path: Path, stage: str, how: type[BaseException]
) -> None:
    stages: list[str] = []

    def progress(name: str, done: int, total: int) -> None:
        stages.append(name)
        if name == stage and how is KeyboardInterrupt:
            raise KeyboardInterrupt

    long = replace(SMALL, n_frames=600)
    with pytest.raises(how):
        make_sample(
            tmp_path / "a" / "b",
            recipe=long,
            progress=progress,
            cancelled=lambda: how is Cancelled and stages[-1:] == [stage],
        )
    assert stages[-1] == stage
    assert list(tmp_path.iterdir()) == []


def test_cancelling_is_asked_while_an_image_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    drawing = threading.Event()
    plain = CameraVideo.image

    def slow(self: CameraVideo, frame: int) -> np.ndarray:
        drawing.set()
        assert asked.wait(60)
        return plain(self, frame)

    def cancelled() -> bool:
        if drawing.is_set():
            asked.set()
        return asked.is_set()

    monkeypatch.setattr(CameraVideo, "image", slow)
    with pytest.raises(Cancelled):
        make_sample(tmp_path / "s", recipe=SMALL, cancelled=cancelled)


@pytest.mark.skipif(sys.platform != "linux", reason="each system has its own rule")
def test_the_cache_folder_follows_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache_folder() == tmp_path / "napari-pose3d"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_cache_folder() == Path.home() / ".cache" / "napari-pose3d"


def test_without_a_folder_the_sample_goes_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_pose3d.synthetic.sample_folder.user_cache_folder", lambda: tmp_path)
    folder = make_sample(recipe=SMALL)
    assert folder.parent == tmp_path
    assert folder.name.startswith("sample-")
    assert (folder / "project.yaml").is_file()
