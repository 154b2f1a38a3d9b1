"""Exported networks give what litpose gives, and proposals are checked by the geometry."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.litpose.exported_networks import exported_project
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.litpose.spot_networks import KEYPOINTS as SPOTS
from tests.support.litpose.spot_networks import spot_network, spot_positions, spot_video
from tests.support.projects.session_files import touch, video
from tests.support.projects.training_projects import (
    SESSIONS,
    VIEWS,
    trained_network,
    training_project,
)

from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.core.models.configuration.config_file import (
    config_text,
    read_config,
    with_values,
)
from napari_pose3d.core.models.installation.litpose_search import find_installations
from napari_pose3d.core.models.predictions.prediction_chain import (
    chosen_jobs,
    chosen_networks,
    run_chain,
)
from napari_pose3d.core.models.proposals import exported_network, network_export, open_videos
from napari_pose3d.core.models.proposals.exported_network import (
    ExportedNetwork,
    FramePrediction,
    exported_file,
)
from napari_pose3d.core.models.proposals.frame_proposal import propose_frame
from napari_pose3d.core.models.proposals.heatmap_decoding import decode_heatmaps, enlargement
from napari_pose3d.core.models.proposals.image_preparation import prepared_image
from napari_pose3d.core.models.proposals.network_export import export_network
from napari_pose3d.core.models.proposals.open_videos import OpenVideos
from napari_pose3d.core.models.proposals.session_prediction import predict_session
from napari_pose3d.core.models.proposals.session_proposal import propose_session_frame
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import Cancelled, PoseDataError

CAMERAS = ("Cam-A", "Cam-B", "Cam-C", "Cam-D")
needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not installed"
)


# ------------------------------------------------------------------ heatmaps


@pytest.mark.parametrize("doublings", [1, 2, 3])
@pytest.mark.parametrize("size", [(16, 16), (12, 20)])
def test_enlarging_is_bicubic_and_smooth(doublings: int, size: tuple[int, int]) -> None:
    import cv2

    given = np.random.default_rng(3).random(size)
    expected = given
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    for _ in range(doublings):
        height, width = expected.shape
        expected = cv2.resize(expected, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
        expected = cv2.filter2D(expected, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    found = enlargement(size[0], doublings) @ given @ enlargement(size[1], doublings).T
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("doublings", [1, 2, 3])
def test_peaks_are_found_between_pixels(doublings: int) -> None:
    truth = np.array([(9.3, 20.6), (15.0, 8.0), (24.75, 12.5)])
    y, x = np.mgrid[:32, :40]
    maps = np.exp(-((x - truth[:, 0, None, None]) ** 2 + (y - truth[:, 1, None, None]) ** 2) / 2)
    maps /= maps.sum(axis=(1, 2), keepdims=True)
    xy, likelihood = decode_heatmaps(maps.astype(np.float32), doublings)
    n = 2**doublings
    # Half-pixel centres, less what litpose takes off.
    expected = (truth + 0.5) * n - 0.5 - {1: 0.5, 2: 1.5, 3: 2.5}[doublings]
    # The softmax is sharp: between pixels it is drawn to the nearest.
    np.testing.assert_allclose(xy, expected, atol=0.5)
    assert ((likelihood > 0.2) & (likelihood <= 1 + 1e-9)).all()


def test_a_flat_map_is_unlikely_and_a_peak_in_a_corner_is_inside() -> None:
    maps = np.full((2, 16, 16), 1 / 256, np.float32)
    maps[1] = 0
    maps[1, 0, 0] = 1
    xy, likelihood = decode_heatmaps(maps, 2)
    assert likelihood[0] < 0.05
    assert (xy[1] > -2).all()
    assert (xy[1] < 2).all()
    assert likelihood[1] > 0.5


def test_images_of_all_kinds() -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (40, 60), dtype=np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=-1)
    first = prepared_image(grey, 32, 64)
    assert first.shape == (3, 64, 32)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, prepared_image(colour, 32, 64))
    deep = grey.astype(np.uint16) * 257
    np.testing.assert_allclose(first, prepared_image(deep, 32, 64), atol=1e-5)
    for wrong in (np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4)), np.zeros(4, np.uint8)):
        with pytest.raises(PoseDataError):
            prepared_image(wrong, 32, 32)


# ------------------------------------------------------------------ the recorded network


@pytest.fixture
def recorded(shared_data: Path) -> Path:
    return shared_data / "litpose_run" / "onnx"


def images_of(recorded: Path, frame: int) -> dict[str, np.ndarray]:
    found = {}
    for view in CAMERAS:
        video = open_video(recorded / "videos" / f"arena_{view}.mp4", color="rgb")
        found[view] = np.asarray(video[frame])
        video.close()
    return found


@needs_onnx
@pytest.mark.realdata
def test_keypoints_are_those_of_litpose(recorded: Path) -> None:
    network = ExportedNetwork(recorded)
    assert network.views == CAMERAS
    assert network.precision == "fp32"
    truth = [read_prediction_csv(recorded / "video_preds" / f"arena_{v}.csv") for v in CAMERAS]
    found = network.predict_batch([images_of(recorded, n) for n in range(10)])
    xy = np.stack([each.xy for each in found], axis=1)
    likelihood = np.stack([each.likelihood for each in found], axis=1)
    wrong = np.abs(xy - np.stack([each.xy for each in truth]))
    assert np.median(wrong) < 2e-4
    expected = np.stack([each.likelihood for each in truth])
    np.testing.assert_allclose(likelihood, expected, atol=1e-3)
    # Its heatmaps were sharpened 3000-fold, and so was the rounding of single precision in torch
    # and onnxruntime. Where a map has two peaks of one height, the position lies between them, and
    # rounding moves it: litpose's own resizing and decoding give the same two there with
    # onnxruntime's maps.
    between = expected < 0.5
    assert between.sum() < 70
    assert wrong[~between].max() < 0.01
    assert (wrong.max(axis=-1) > 0.01).sum() <= 2
    assert wrong.max() < 0.02


@needs_onnx
@pytest.mark.realdata
def test_a_wrong_way_to_resize_would_be_noticed(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = ExportedNetwork(recorded)
    images = images_of(recorded, 0)
    right = network.predict(images)

    def rounded(image: np.ndarray, width: int, height: int) -> np.ndarray:
        import cv2

        return prepared_image(cv2.resize(image, (width, height)), width, height)

    monkeypatch.setattr(exported_network, "prepared_image", rounded)
    assert np.abs(network.predict(images).xy - right.xy).max() > 1


@pytest.fixture
def spots(tmp_path: Path) -> Path:
    return spot_network(tmp_path / "models" / "net", CAMERAS)


def copied(spots: Path, name: str, **values: Any) -> Path:
    """The network in another folder, with other values in its configuration."""
    folder = spots.with_name(name)
    shutil.copytree(spots, folder)
    changed = {key.replace("__", "."): value for key, value in values.items()}
    config = with_values(read_config(folder / "config.yaml"), changed)
    (folder / "config.yaml").write_text(config_text(config))
    return folder


@needs_onnx
def test_what_cannot_be_used(spots: Path, tmp_path: Path) -> None:
    images = {view: np.zeros((20, 30, 3), np.uint8) for view in CAMERAS}
    assert ExportedNetwork(spots).predict(images).keypoints == SPOTS
    for kind, words in (
        ("heatmap_mhcrnn", "needs the frames around"),
        ("regression", "coordinates and no heatmaps"),
    ):
        with pytest.raises(PoseDataError, match=words):
            ExportedNetwork(copied(spots, kind, model__model_type=kind))
    folder = copied(spots, "half")
    next((folder / "exports_onnx").glob("*.data")).unlink()
    with pytest.raises(PoseDataError, match="may hold its weights, is missing"):
        ExportedNetwork(folder)
    folder = copied(spots, "damaged")
    next((folder / "exports_onnx").glob("*.onnx")).write_bytes(b"no network")
    with pytest.raises(PoseDataError, match="cannot be loaded"):
        ExportedNetwork(folder)
    folder = copied(spots, "other", data__keypoint_names=["nose"])
    with pytest.raises(PoseDataError, match="do not belong together"):
        ExportedNetwork(folder).predict(images)
    folder = copied(spots, "size", data__image_resize_dims={})
    with pytest.raises(PoseDataError, match="does not say what it takes"):
        ExportedNetwork(folder)
    folder = copied(spots, "sides", data__image_resize_dims={"height": "x", "width": []})
    with pytest.raises(PoseDataError, match="cannot be read"):
        ExportedNetwork(folder)
    folder = copied(spots, "names", data__keypoint_names=3)
    with pytest.raises(PoseDataError, match=r"'data.keypoint_names' is 3"):
        ExportedNetwork(folder)
    folder = copied(spots, "fails", data__image_resize_dims={"height": 9, "width": 9})
    with pytest.raises(PoseDataError, match="the network fails"):
        ExportedNetwork(folder).predict(images)
    (folder / "config.yaml").unlink()
    with pytest.raises(PoseDataError, match="configuration of the network is missing"):
        ExportedNetwork(folder)
    with pytest.raises(PoseDataError, match=r"models export"):
        ExportedNetwork(tmp_path)
    del images["Cam-B"]
    with pytest.raises(PoseDataError, match="image of view Cam-B"):
        ExportedNetwork(spots).predict(images)


def test_without_onnxruntime_it_says_how_to_install_it(
    spots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported_network.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PoseDataError, match=r"pip install \"napari-pose3d\[onnx\]\""):
        ExportedNetwork(spots)


def test_of_two_precisions_that_of_32_bits_is_taken(tmp_path: Path) -> None:
    for name in ("a_fp16.onnx", "a_fp32.onnx"):
        (tmp_path / "exports_onnx").mkdir(exist_ok=True)
        (tmp_path / "exports_onnx" / name).touch()
    assert exported_file(tmp_path).name == "a_fp32.onnx"
    other = tmp_path / "exports_onnx" / "a_fp16.onnx"
    assert exported_file(other) == other


@needs_onnx
@pytest.mark.realdata
def test_a_session_is_predicted_as_litpose_does(
    recorded: Path, shared_data: Path, tmp_path: Path
) -> None:
    session = exported_project(tmp_path, shared_data)
    folder = tmp_path / "models" / "net"
    for path in predict_session(ExportedNetwork(folder), session, folder):
        expected = read_prediction_csv(recorded / "video_preds" / path.name)
        found = read_prediction_csv(path)
        assert found.keypoints == expected.keypoints
        np.testing.assert_allclose(found.xy, expected.xy, atol=0.02)


@needs_onnx
def test_spots_are_found_in_a_session_unless_it_is_cancelled(tmp_path: Path) -> None:
    project = tmp_path / "lab"
    names = f"view_names: [{', '.join(CAMERAS)}]\nkeypoint_names: [{', '.join(SPOTS)}]\n"
    touch(project / "project.yaml", names)
    truth = np.stack([spot_positions(10, seed) for seed in range(len(CAMERAS))])
    for view, xy in zip(CAMERAS, truth, strict=True):
        spot_video(project / "videos" / f"arena_{view}.mp4", xy)
    folder = spot_network(project / "models" / "net", CAMERAS)
    found = open_project(project)
    jobs = chosen_jobs(found, chosen_networks(project), "new")
    said: list[tuple[str, int, int]] = []
    with pytest.raises(Cancelled):
        run_chain(
            found,
            jobs,
            None,
            progress=lambda *each: said.append(each),
            cancelled=lambda: said[-1][1] >= 400,
        )
    # Four of ten frames at a time.
    assert said[-1] == ("predicting arena by net (1 of 1)", 400, 1000)
    assert not (folder / "video_preds").exists()
    assert run_chain(found, jobs, None).failed == {}
    tables = [read_prediction_csv(folder / "video_preds" / f"arena_{v}.csv") for v in CAMERAS]
    assert tables[0].keypoints == SPOTS
    np.testing.assert_allclose(np.stack([each.xy for each in tables]), truth, atol=5)
    assert chosen_jobs(open_project(project), chosen_networks(project), "new") == ()


# ------------------------------------------------------------------ proposals


class KnownNetwork:
    """A network that sees what it is told."""

    def __init__(
        self,
        xy: np.ndarray,
        likelihood: np.ndarray | None = None,
        views: tuple[str, ...] = ("cam0", "cam1", "cam2", "cam3"),
    ) -> None:
        self.views, self.keypoints = views, ("nose", "tail")
        self._xy = xy
        self._likelihood = np.full(xy.shape[:2], 0.9) if likelihood is None else likelihood

    def predict(self, images: object) -> FramePrediction:
        return FramePrediction(self.views, self.keypoints, self._xy.copy(), self._likelihood)

    def predict_batch(self, frames: Sequence[object]) -> list[FramePrediction]:
        return [self.predict(images) for images in frames]


@pytest.fixture
def scene() -> tuple[Any, np.ndarray]:
    from napari_pose3d.synthetic.board.board_observations import ring_of_cameras

    rig = ring_of_cameras(4, focal=600, distance=600, arc=2.5)
    return rig, rig.project(np.array([(0.0, 0, 0), (20, -30, 10)]))


def test_a_view_that_disagrees_is_flagged_and_corrected(scene: tuple[Any, np.ndarray]) -> None:
    rig, truth = scene
    seen = truth + np.random.default_rng(1).normal(0, 0.5, truth.shape)
    seen[2, 1] += (80, -40)
    found = propose_frame(KnownNetwork(seen), {}, rig)  # type: ignore[arg-type]
    expected = np.zeros((4, 2), bool)
    expected[2, 1] = True
    np.testing.assert_array_equal(found.disagreeing, expected)
    assert not found.undecided.any()
    np.testing.assert_allclose(found.xy, truth, atol=3)
    # What agrees stays as the network saw it.
    np.testing.assert_array_equal(found.xy[0], seen[0])
    assert found.residuals[2, 1] > 50


def test_what_is_unlikely_is_not_proposed(scene: tuple[Any, np.ndarray]) -> None:
    rig, truth = scene
    likelihood = np.full((4, 2), 0.9)
    likelihood[1, 0] = 0.1
    found = propose_frame(KnownNetwork(truth, likelihood), {}, rig)  # type: ignore[arg-type]
    assert np.isnan(found.xy[1, 0]).all()
    assert np.isfinite(found.xy).all(axis=-1).sum() == 7


def test_without_cameras_views_are_as_they_were_seen(scene: tuple[Any, np.ndarray]) -> None:
    rig, truth = scene
    seen = truth.copy()
    seen[2, 1] += 80
    network: Any = KnownNetwork(seen)
    for given in (None, rig.subset(["cam0"])):
        found = propose_frame(network, {}, given)
        np.testing.assert_array_equal(found.xy, seen)
        assert not found.disagreeing.any()
    # Two cameras cannot tell which of them is wrong.
    found = propose_frame(network, {}, rig.subset(["cam1", "cam2"]))
    assert found.undecided.tolist() == [False, True]
    np.testing.assert_array_equal(found.xy, seen)


def test_cropped_images_agree_in_the_pixels_of_their_cameras(
    scene: tuple[Any, np.ndarray],
) -> None:
    rig, truth = scene
    shift = {name: np.array((10.0 * v, 5.0 * v)) for v, name in enumerate(rig.names)}
    seen = truth - np.array([shift[name] for name in rig.names])[:, None]
    right = seen.copy()
    seen[2, 1] += (80, -40)
    found = propose_frame(
        KnownNetwork(seen),  # type: ignore[arg-type]
        {},
        rig,
        to_rig=lambda view, xy: xy + shift[view],
        to_video=lambda view, xy: xy - shift[view],
    )
    assert np.argwhere(found.disagreeing).tolist() == [[2, 1]]
    np.testing.assert_allclose(found.xy, right, atol=1e-3)


@needs_onnx
def test_a_frame_of_a_session_is_proposed_as_litpose_predicts_it(
    tmp_path: Path, shared_data: Path
) -> None:
    session = exported_project(tmp_path, shared_data)
    network = ExportedNetwork(tmp_path / "models" / "net")
    found = propose_session_frame(network, session, 4)
    for v, view in enumerate(found.views):
        predicted = shared_data / "litpose_run" / "onnx" / "video_preds" / f"arena_{view}.csv"
        table = read_prediction_csv(predicted)
        # Between two peaks of one height rounding decides.
        sure = table.likelihood[4] >= 0.5
        assert sure.any()
        np.testing.assert_allclose(found.xy[v][sure], table.xy[4][sure], atol=0.02)
    with pytest.raises(PoseDataError, match=r"no image of frame 4,000"):
        propose_session_frame(network, session, 4000)
    (tmp_path / "videos" / "arena_Cam-C.mp4").unlink()
    session = open_project(tmp_path).sessions[0]
    with pytest.raises(PoseDataError, match="no video of view Cam-C"):
        propose_session_frame(network, session, 4)


def test_videos_stay_open_between_proposals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = training_project(tmp_path / "lab")
    for name in SESSIONS:
        for view in VIEWS:
            video(folder / "videos" / f"{name}_{view}.mp4")
    opened: list[str] = []

    def counted(path: Path, **options: Any) -> Any:
        opened.append(path.name)
        return open_video(path, **options)

    monkeypatch.setattr(open_videos, "open_video", counted)
    network = KnownNetwork(np.full((3, 2, 2), 20.0), views=VIEWS)
    first, second = open_project(folder).sessions
    videos = OpenVideos()
    for frame in (3, 4, 30):
        propose_session_frame(network, first, frame, videos=videos)  # type: ignore[arg-type]
    assert opened == [f"{first.name}_{view}.mp4" for view in VIEWS]
    kept = videos.video(first, "cam1")
    # Another file of the same name is opened, and only that.
    os.utime(video(folder / "videos" / f"{first.name}_cam1.mp4"), (1, 1))
    propose_session_frame(network, first, 5, videos=videos)  # type: ignore[arg-type]
    assert opened[3:] == [f"{first.name}_cam1.mp4"]
    assert videos.video(first, "cam1") is not kept
    # Those of the session before are closed.
    propose_session_frame(network, second, 5, videos=videos)  # type: ignore[arg-type]
    assert len(opened) == 7
    propose_session_frame(network, first, 5, videos=videos)  # type: ignore[arg-type]
    assert len(opened) == 10
    videos.close()


def test_a_session_is_predicted_frame_by_frame_and_cancelled_at_any(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    for view in VIEWS:
        video(folder / "videos" / f"{SESSIONS[0]}_{view}.mp4")
    session = open_project(folder).session(SESSIONS[0])
    network: Any = KnownNetwork(np.full((3, 2, 2), 20.0), views=VIEWS)
    net = folder / "models" / "net"
    said: list[tuple[str, int, int]] = []

    def predicted(cancelled_at: int) -> list[Path]:
        said.clear()
        return predict_session(
            network,
            session,
            net,
            progress=lambda *each: said.append(each),
            cancelled=lambda: len(said) == cancelled_at,
        )

    # 40 frames, four at a time: before the first, in the middle, before the last four.
    for at in (0, 4, 9):
        with pytest.raises(Cancelled):
            predicted(at)
        assert [done for _, done, _ in said] == list(range(0, 4 * at, 4))
        assert not net.exists()
    paths = predicted(-1)
    assert said == [(f"predicting {SESSIONS[0]}", n, 40) for n in range(0, 40, 4)]
    assert [path.name for path in paths] == [f"{SESSIONS[0]}_{view}.csv" for view in VIEWS]
    before = [path.read_bytes() for path in paths]
    # What was there stays when the next is cancelled.
    network._xy += 5
    with pytest.raises(Cancelled):
        predicted(9)
    assert [path.read_bytes() for path in paths] == before
    assert [path.name for path in (net / "video_preds").iterdir() if path not in paths] == []


# ------------------------------------------------------------------ export


def test_a_network_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = training_project(tmp_path / "lab")
    folder = trained_network(project, "net")
    environment = litpose_environment(tmp_path / "lp")
    program = environment / "bin" / "litpose"
    # It leaves an empty folder and an error where packages are missing.
    error = "ModuleNotFoundError: No module named 'onnxscript'"
    fails = f'#!/bin/sh\nmkdir $2/exports_onnx\necho "{error}" >&2\nexit 1\n'
    works = '#!/bin/sh\nmkdir -p $2/exports_onnx\necho "$*" > $2/exports_onnx/e_fp32.onnx\n'
    installation = find_installations(environment)[0]
    program.write_text(fails)
    with pytest.raises(PoseDataError, match="package onnxscript is missing"):
        export_network(installation, folder)
    program.write_text(works)
    path = export_network(installation, folder)
    said = f"export {folder} --runtime onnx --onnx-precision fp32"
    assert path.read_text().strip() == said
    # Cancelled, nothing half written is left, and what was there before stays.
    half = folder / "exports_onnx" / "e_fp16.onnx"
    weights = half.with_name(f"{half.name}.data")
    program.write_text(f"#!/bin/sh\necho half > {half}\necho half > {weights}\nsleep 600\n")
    with pytest.raises(Cancelled):
        export_network(installation, folder, "fp16", cancelled=weights.is_file)
    assert list((folder / "exports_onnx").iterdir()) == [path]
    monkeypatch.setattr(network_export, "_SECONDS", 1.0)
    with pytest.raises(PoseDataError, match="did not end within 1 s"):
        export_network(installation, folder, "fp16")
    assert list((folder / "exports_onnx").iterdir()) == [path]
    config = read_config(folder / "config.yaml")
    text = config_text(with_values(config, {"model.model_type": "heatmap_mhcrnn"}))
    (folder / "config.yaml").write_text(text)
    with pytest.raises(PoseDataError, match="networks of the type heatmap_mhcrnn"):
        export_network(installation, folder)
    next(folder.rglob("*.ckpt")).unlink()
    with pytest.raises(PoseDataError, match="has no weights"):
        export_network(installation, folder)
