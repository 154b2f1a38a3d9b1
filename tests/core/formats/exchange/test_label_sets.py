"""Data sets of labels: written from a project, read again, imported as a project."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.extras import needs
from tests.support.projects.labeled_projects import (
    FRAMES,
    KEYPOINTS,
    SIZE,
    labeled_project,
    labeled_rig,
    write_png,
)
from tests.support.recordings.exchange_poses import refusals
from tests.support.recordings.scenes import ARC_VIEWS

from napari_pose3d import PoseDataError, Rig, export_session, import_file, load_rig, open_project
from napari_pose3d.core.formats.exchange.datasets.deeplabcut_project import read_dlc_project
from napari_pose3d.core.formats.exchange.datasets.jarvis import held_out, read_jarvis_set
from napari_pose3d.core.formats.exchange.datasets.label3d import read_label3d_labels
from napari_pose3d.core.formats.exchange.session_labels import SessionLabels
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS, found_format
from napari_pose3d.core.pipeline.exchange.label_exchange import labels_of_project
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import ExportSettings

TARGETS = {"jarvis": "set", "label3d": "labels.mat", "dlc-project": "dlc"}
KEYS = list(TARGETS)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labeled_project(tmp_path_factory.mktemp("labels") / "project")


def same_cameras(found: Rig, expected: Rig, tolerance: float = 1e-6) -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    assert found.names == expected.names
    np.testing.assert_allclose(found.project(points), expected.project(points), atol=tolerance)


def written(project: Path, key: str, folder: Path, **options: object) -> Path:
    done = export_session(project, key, folder / TARGETS[key], **options)  # type: ignore[arg-type]
    return folder / TARGETS[key] if FORMATS[key].is_folder else done.files[0]


@pytest.mark.parametrize("key", KEYS)
def test_labels_views_frames_and_cameras_come_back(key: str, project: Path, tmp_path: Path) -> None:
    before = labels_of_project(open_project(project))
    path = written(project, key, tmp_path)
    assert found_format(path).key == key
    again: SessionLabels = FORMATS[key].read()(path)
    assert again.keypoints == KEYPOINTS
    assert again.views == ARC_VIEWS
    assert again.frames == tuple(("day1", frame) for frame in FRAMES)
    np.testing.assert_allclose(again.xy, before.xy, atol=1e-3)
    if FORMATS[key].skeleton:
        assert again.skeleton == (("nose", "ear"),)
    if FORMATS[key].cameras:
        same_cameras(again.rigs["day1"], labeled_rig())
    if FORMATS[key].images:
        assert len(again.images) == len(FRAMES) * len(ARC_VIEWS)
        assert set(again.sizes.values()) == {SIZE}


@pytest.mark.parametrize("key", KEYS)
def test_an_import_is_a_project_with_a_lint(key: str, project: Path, tmp_path: Path) -> None:
    path = written(project, key, tmp_path)
    done = import_file(path, tmp_path / "new")
    opened = open_project(tmp_path / "new")
    again, before = labels_of_project(opened), labels_of_project(open_project(project))
    np.testing.assert_allclose(again.xy, before.xy, atol=1e-3)
    assert [each.positions for each in done.lint] == [12, 11, 11]
    if FORMATS[key].cameras:
        assert all(each.residual < 0.01 for each in done.lint)
        same_cameras(load_rig(tmp_path / "new/calibrations/day1.toml"), labeled_rig())
    if FORMATS[key].skeleton:
        assert opened.skeleton == (("nose", "ear"),)
    if FORMATS[key].images:
        assert (opened.session("day1").rig_path is not None) == FORMATS[key].cameras
        assert (tmp_path / "new/labeled-data/day1_Cam-A/img00000012.png").is_file()


@pytest.mark.parametrize("key", ["jarvis", "dlc-project"])
def test_images_that_travel_can_be_cancelled_midway(
    key: str, project: Path, tmp_path: Path
) -> None:
    def after(n: int) -> Callable[[], bool]:
        asked = iter(range(n))
        return lambda: next(asked, None) is None

    for n in (0, 5, 10):
        with pytest.raises(Cancelled):
            written(project, key, tmp_path / "given", cancelled=after(n))
        assert not (tmp_path / "given").exists()
    path = written(project, key, tmp_path / "given")
    for n in (0, 5):
        with pytest.raises(Cancelled):
            import_file(path, tmp_path / "new", key, cancelled=after(n))
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("key", KEYS)
def test_nothing_is_replaced_and_nothing_half_written(
    key: str, project: Path, tmp_path: Path
) -> None:
    written(project, key, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(PoseDataError, match="exists already"):
        written(project, key, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    written(project, key, tmp_path, overwrite=True)


class TestJarvis:
    def test_frame_sets_are_found_by_the_rule_of_its_loader(
        self, project: Path, tmp_path: Path
    ) -> None:
        path = written(project, "jarvis", tmp_path, settings=ExportSettings(validation=0.25))
        n_frames = 0
        for split in ("train", "val"):
            content = json.loads((path / f"annotations/instances_{split}.json").read_text())
            assert content["categories"][0]["num_keypoints"] == len(KEYPOINTS)
            assert {each["category_id"] for each in content["annotations"]} == {1}
            cameras = content["calibrations"]["day1"]
            assert all((path / place).is_file() for place in cameras.values())
            by_id = {image["id"]: image for image in content["images"]}
            for each in content["framesets"].values():
                assert len(each["frames"]) == len(cameras)
                names = [by_id[i]["file_name"].split("/") for i in each["frames"]]
                assert [name[-2] for name in names] == list(cameras)
                for name in names:
                    assert len(name) == 5
                    assert "/".join([*name[:3], name[4].split(".")[0]]) in content["framesets"]
                    assert path.joinpath(split, *name).is_file()
            n_frames += len(content["framesets"])
            assert len(content["framesets"]) == (1 if split == "val" else 3)
        assert n_frames == len(FRAMES)

    def test_frames_without_an_image_in_each_view_are_left_out(self, tmp_path: Path) -> None:
        folder = labeled_project(tmp_path / "project")
        (folder / "labeled-data/day1_Cam-B/img00000007.png").unlink()
        done = export_session(folder, "jarvis", tmp_path / "set")
        assert any("1 of 4 frames are left out" in note for note in done.notes)
        assert len(read_jarvis_set(tmp_path / "set").frames) == 3
        for image in folder.glob("labeled-data/*/*.png"):
            image.unlink()
        with pytest.raises(PoseDataError, match="no labeled frame has an image in every view"):
            export_session(folder, "jarvis", tmp_path / "none")
        assert not (tmp_path / "none").exists()

    def test_zeros_of_its_own_tool_are_missing_and_sizes_are_those_of_the_images(
        self, project: Path, tmp_path: Path
    ) -> None:
        path = written(project, "jarvis", tmp_path)
        for file in path.glob("annotations/*.json"):
            content = json.loads(file.read_text())
            content["info"] = {"description": "made by the AnnotationTool"}
            for image in content["images"]:
                image["width"], image["height"] = 1280, 1024
            for each in content["annotations"]:
                each["keypoints"][:3] = [0, 0, 1]
                each["keypoints"][5::3] = [1] * (len(KEYPOINTS) - 1)
            file.write_text(json.dumps(content))
        found = read_jarvis_set(path)
        assert np.isnan(found.xy[:, :, 0]).all()
        assert not found.occluded.any()
        assert set(found.sizes.values()) == {SIZE}

    def test_no_image_outside_of_the_folder_is_taken(self, project: Path, tmp_path: Path) -> None:
        path = written(project, "jarvis", tmp_path)
        write_png(tmp_path / "secret/Cam-A/Frame_3.png", 0)
        file = path / "annotations/instances_train.json"
        content = json.loads(file.read_text())
        content["images"][0]["file_name"] = "../../secret/Cam-A/Frame_3.png"
        file.write_text(json.dumps(content))
        found = read_jarvis_set(path)
        assert all(path in image.parents for image in found.images.values())

    def test_damaged_files_are_refused_in_words(self, project: Path, tmp_path: Path) -> None:
        path = written(project, "jarvis", tmp_path) / "annotations/instances_train.json"
        assert len(refusals(path, read_jarvis_set, 120)) > 30

    def test_without_a_calibration_it_is_for_its_2d_networks(self, tmp_path: Path) -> None:
        folder = labeled_project(tmp_path / "project")
        (folder / "calibration.toml").unlink()
        done = export_session(folder, "jarvis", tmp_path / "set")
        assert any("only JARVIS's 2-D networks" in note for note in done.notes)

    def test_a_fisheye_is_refused(self, tmp_path: Path) -> None:
        rig = labeled_rig((0.1, 0.0, 0.0, 0.0))
        rig = replace(rig, cameras=tuple(replace(each, fisheye=True) for each in rig.cameras))
        folder = labeled_project(tmp_path / "project", rig=rig)
        with pytest.raises(PoseDataError, match="fisheye"):
            export_session(folder, "jarvis", tmp_path / "set")

    @pytest.mark.parametrize(
        ("n", "share", "count"), [(1, 0.1, 0), (2, 0.1, 1), (20, 0.1, 2), (20, 0.0, 0), (3, 0.9, 2)]
    )
    def test_the_share_for_validation(self, n: int, share: float, count: int) -> None:
        chosen = held_out(n, share)
        assert len(chosen) == count
        assert all(0 <= i < n for i in chosen)


class TestLabel3D:
    def test_cells_are_as_dannce_reads_them(self, project: Path, tmp_path: Path) -> None:
        from scipy.io import loadmat

        content = loadmat(written(project, "label3d", tmp_path))
        before = labels_of_project(open_project(project))
        rig = labeled_rig()
        assert content["labelData"].shape == content["sync"].shape == (3, 1)
        for v in range(3):
            entry = content["labelData"][v, 0][0, 0]
            assert entry["data_frame"].ravel().tolist() == list(FRAMES)
            assert entry["data_sampleID"].shape == (1, len(FRAMES))
            xyz = entry["data_3d"].reshape(len(FRAMES), -1, 3)
            # [R; t] K with row vectors, as DANNCE projects; its pixels count from 1.
            values = content["params"][v, 0][0, 0]
            bare = replace(rig.cameras[v], distortion=np.zeros(5))
            rows = np.vstack([values["r"], values["t"]])
            homogeneous = np.concatenate([xyz, np.ones((*xyz.shape[:2], 1))], axis=-1)
            seen = homogeneous @ rows @ values["K"]
            expected = Rig((bare,)).project(xyz)[0] + 1
            np.testing.assert_allclose(seen[..., :2] / seen[..., 2:], expected, atol=1e-6)
            shown = entry["data_2d"].reshape(len(FRAMES), -1, 2) - 1
            known = np.isfinite(before.xy[v]).all(axis=-1)
            np.testing.assert_allclose(shown[known], before.xy[v][known], atol=1e-3)
        assert content["handLabeled2D"].shape == (len(KEYPOINTS), 3, 2, len(FRAMES))
        assert content["sync"][0, 0][0, 0]["data_frame"].shape == (40, 1)
        # DANNCE takes the names from a row.
        assert content["camnames"].shape == (1, 3)

    def test_without_clicks_the_reprojections_are_taken(
        self, project: Path, tmp_path: Path
    ) -> None:
        from scipy.io import loadmat, savemat

        path = written(project, "label3d", tmp_path)
        content = {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
        for name in ("handLabeled2D", "skeleton", "session"):
            del content[name]
        bare = tmp_path / "mouse_Label3D_dannce.mat"
        savemat(bare, content)
        found = read_label3d_labels(bare)
        assert found.sessions == ("mouse",)
        assert found.keypoints == ("keypoint1", "keypoint2", "keypoint3")
        assert any("the file has no clicks" in note for note in found.notes)
        before = labels_of_project(open_project(project))
        known = np.isfinite(before.xy)
        np.testing.assert_allclose(found.xy[known], before.xy[known], atol=1e-3)

    def test_label3ds_own_state_gives_what_was_labeled(self, project: Path, tmp_path: Path) -> None:
        from scipy.io import loadmat, savemat

        content = loadmat(written(project, "label3d", tmp_path))
        status = np.full((len(KEYPOINTS), 3, len(FRAMES)), 2.0)
        status[0, 0, 0] = 1
        state = {
            "camParams": content["params"],
            "camnames": content["camnames"],
            "handLabeled2D": content["handLabeled2D"],
            "status": status,
            "skeleton": content["skeleton"],
            "framesToLabel": np.array(FRAMES)[None] + 1.0,
        }
        path = tmp_path / "20260101_120000_Label3D.mat"
        savemat(path, state)
        assert found_format(path).key == "label3d"
        found = read_label3d_labels(path)
        assert [frame for _, frame in found.frames] == list(FRAMES)
        assert np.isnan(found.xy[0, 0, 0]).all()
        assert int(np.isfinite(found.xy).all(axis=-1).sum()) == 33

    def test_several_sessions_and_no_calibration_are_refused(self, tmp_path: Path) -> None:
        folder = labeled_project(tmp_path / "project", ("day1", "day2"))
        with pytest.raises(PoseDataError, match="labels of several sessions: day1, day2"):
            export_session(folder, "label3d", tmp_path / "a.mat")
        export_session(folder, "label3d", tmp_path / "a.mat", session="day2")
        (folder / "calibration.toml").unlink()
        with pytest.raises(PoseDataError, match="has no calibration"):
            export_session(folder, "label3d", tmp_path / "b.mat", session="day2")

    def test_damaged_files_are_refused_in_words(self, project: Path, tmp_path: Path) -> None:
        path = written(project, "label3d", tmp_path)
        assert len(refusals(path, read_label3d_labels, 200)) > 30


class TestDeepLabCut:
    @needs("dlc-h5")
    def test_tables_are_as_deeplabcut_writes_them(self, project: Path, tmp_path: Path) -> None:
        import pandas as pd
        import yaml

        path = written(project, "dlc-project", tmp_path)
        config = yaml.safe_load((path / "config.yaml").read_text(encoding="utf-8"))
        assert config["bodyparts"] == list(KEYPOINTS)
        assert config["skeleton"] == [["nose", "ear"]]
        assert len(config["video_sets"]) == 3
        assert {each["crop"] for each in config["video_sets"].values()} == {"0, 128, 0, 96"}
        folder = path / "labeled-data/day1_Cam-A"
        name = f"CollectedData_{config['scorer']}"
        stored = pd.read_hdf(folder / f"{name}.h5")
        text = pd.read_csv(folder / f"{name}.csv", header=[0, 1, 2], index_col=[0, 1, 2])
        assert stored.index.tolist() == text.index.tolist()
        assert stored.index[0] == ("labeled-data", "day1_Cam-A", "img00000003.png")
        assert stored.columns.names == ["scorer", "bodyparts", "coords"]
        np.testing.assert_allclose(stored.to_numpy(), text.to_numpy())
        assert (folder / "img00000003.png").is_file()

    @needs("dlc-h5")
    @pytest.mark.parametrize("suffix", [".csv", ".h5"])
    def test_either_table_is_enough(self, suffix: str, project: Path, tmp_path: Path) -> None:
        path = written(project, "dlc-project", tmp_path)
        for each in path.glob(f"labeled-data/*/*{suffix}"):
            each.unlink()
        again = read_dlc_project(path)
        before = labels_of_project(open_project(project))
        np.testing.assert_allclose(again.xy, before.xy, atol=1e-3)

    def test_several_animals_and_several_people_are_refused(
        self, project: Path, tmp_path: Path
    ) -> None:
        path = written(project, "dlc-project", tmp_path)
        config = path / "config.yaml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("multianimalproject: false", "multianimalproject: true"))
        with pytest.raises(PoseDataError, match="several animals"):
            read_dlc_project(path)
        config.write_text(text)
        table = next(path.glob("labeled-data/*/*.csv"))
        table.with_name("CollectedData_other.csv").write_bytes(table.read_bytes())
        with pytest.raises(PoseDataError, match="several people"):
            read_dlc_project(path)

    @pytest.mark.parametrize("file", ["config.yaml", "table"])
    def test_damaged_files_are_refused_in_words(
        self, file: str, project: Path, tmp_path: Path
    ) -> None:
        path = written(project, "dlc-project", tmp_path)
        damaged = path / file if file != "table" else next(path.glob("labeled-data/*/*.csv"))
        assert len(refusals(damaged, lambda _: read_dlc_project(path), 80)) > 10
