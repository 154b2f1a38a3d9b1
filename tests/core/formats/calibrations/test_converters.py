"""Calibrations of other programs: round trips, conventions, losses and the command."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.recordings.rig_formats import FULL, KEPT, rig_with
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import Camera, PoseDataError, Rig, load_rig
from napari_pose3d.cli import main
from napari_pose3d.core.cameras.camera import rotation_vector
from napari_pose3d.core.formats.calibrations.rig_conversion import (
    EXACT,
    FORMATS,
    detect_format,
    format_for,
    projection_differences,
    read_rig,
    write_rig,
)
from napari_pose3d.core.formats.containers.mat_variables import read_mat

# Whose programs know fisheye lenses.
FISHEYE = ("anipose", "opencv", "caliscope", "colmap", "pose2sim", "kalibr", "csv")


def largest_difference(before: Rig, after: Rig) -> float:
    return max(projection_differences(before, after).values())


def oracle(camera: Camera, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """OpenCV's projection."""
    import cv2

    found, _ = cv2.projectPoints(
        points,
        rotation_vector(camera.rotation),
        camera.translation,
        camera.matrix,
        camera.distortion,
    )
    return np.asarray(found[:, 0])


@pytest.mark.parametrize("key", sorted(KEPT))
def test_a_round_trip_keeps_what_the_format_holds(key: str, tmp_path: Path) -> None:
    name, distortion = KEPT[key]
    rig = rig_with(distortion, 2 if key == "deeplabcut" else 3)
    if key == "deeplabcut":
        # The first camera is the world there.
        first = replace(rig.cameras[0], rotation=np.eye(3), translation=np.zeros(3))
        rig = Rig((first, rig.cameras[1]))
    path = tmp_path / name
    lost = write_rig(rig, path, key)
    assert detect_format(path) == key
    again = read_rig(path, names=rig.names if key == "dlt" else (), sizes=[(1280, 1024)])
    assert again.names == rig.names
    assert largest_difference(rig, again) <= EXACT
    assert all(camera.size == (1280, 1024) for camera in again.cameras)
    assert not any("move by" in each for each in lost)
    assert set(KEPT) == set(FORMATS)


@pytest.mark.parametrize("key", sorted(set(KEPT) - {"anipose"}))
def test_an_import_is_as_good_as_the_file_of_ours_made_from_it(key: str, tmp_path: Path) -> None:
    name, distortion = KEPT[key]
    rig = rig_with(distortion, 2)
    write_rig(rig, tmp_path / name, key)
    rig = read_rig(tmp_path / name, key, sizes=[(1280, 1024)])
    assert write_rig(rig, tmp_path / "ours.toml", "anipose") == ()
    assert largest_difference(rig, load_rig(tmp_path / "ours.toml")) <= EXACT


@pytest.mark.parametrize("key", sorted(KEPT))
def test_fisheye_lenses_are_kept_or_refused(key: str, tmp_path: Path) -> None:
    rig = rig_with((-0.02, 0.003, -0.001, 0.0002), 2, fisheye=True)
    path = tmp_path / KEPT[key][0]
    if key not in FISHEYE:
        with pytest.raises(PoseDataError, match="fisheye"):
            write_rig(rig, path, key)
        assert not path.exists()
        return
    write_rig(rig, path, key)
    again = read_rig(path)
    assert all(camera.fisheye for camera in again.cameras)
    assert largest_difference(rig, again) <= EXACT


def test_what_is_lost_is_said_in_pixels(tmp_path: Path) -> None:
    rig = rig_with(FULL)
    for key in ("pose2sim", "kalibr", "dlt"):
        lost = write_rig(rig, tmp_path / KEPT[key][0], key)
        again = read_rig(tmp_path / KEPT[key][0], key, names=rig.names, sizes=[(1280, 1024)])
        moved = projection_differences(rig, again)["cam_0"]
        assert moved > 0.01
        assert f"camera cam_0: points move by up to {moved:.3g} px" in lost
        assert any("left out" in each for each in lost)


def test_other_coefficients_are_fitted_anew_when_one_has_no_place(tmp_path: Path) -> None:
    rig = rig_with((-0.33, 0.05, -0.004, 0.004, 0.07))
    truncated = Rig(tuple(replace(c, distortion=c.distortion[:4]) for c in rig.cameras))
    write_rig(rig, tmp_path / "Calib.toml")
    fitted = read_rig(tmp_path / "Calib.toml")
    assert largest_difference(rig, fitted) < 0.3 * largest_difference(rig, truncated)


def test_the_first_camera_is_the_world_of_deeplabcut(tmp_path: Path) -> None:
    rig = rig_with(n_views=2)
    named = Rig(tuple(replace(c, name=n) for c, n in zip(rig.cameras, ("a-1", "b"), strict=True)))
    lost = write_rig(named, tmp_path / "stereo.pickle")
    assert any("it is the frame of the first camera" in each for each in lost)
    assert any("a_1 and b" in each for each in lost)
    assert not any("move" in each for each in lost)
    again = read_rig(tmp_path / "stereo.pickle")
    points = np.random.default_rng(0).uniform(-100, 100, (20, 3))
    first = rig.cameras[0]
    in_first = points @ first.rotation.T + first.translation
    np.testing.assert_allclose(again.project(in_first), rig.project(points), atol=1e-8)


def test_names_that_lead_out_of_a_folder_are_refused(tmp_path: Path) -> None:
    rig = rig_with(n_views=2)
    bad = Rig((replace(rig.cameras[0], name="../x"), rig.cameras[1]))
    for key, (name, _) in KEPT.items():
        with pytest.raises(PoseDataError, match="file"):
            write_rig(bad, tmp_path / "out" / name, key)
    assert not list(tmp_path.iterdir())


def test_the_rational_model_is_kept_where_it_has_a_place(tmp_path: Path) -> None:
    rig = rig_with((0.1, -0.02, 0.001, -0.001, 0.003, 0.15, -0.01, 0.002))
    for key in ("colmap", "opencv", "caliscope", "csv"):
        assert not any("move" in each for each in write_rig(rig, tmp_path / KEPT[key][0], key))
        assert largest_difference(rig, read_rig(tmp_path / KEPT[key][0])) <= EXACT
    lost = write_rig(rig, tmp_path / "a.mat", "label3d")
    assert any("k4 = 0.15" in each for each in lost)


def test_names_that_a_format_cannot_hold_are_said(tmp_path: Path) -> None:
    rig = ring_rig(2)
    named = Rig(
        tuple(replace(c, name=n) for c, n in zip(rig.cameras, ("top", "side"), strict=True))
    )
    lost = write_rig(named, tmp_path / "camera_array.toml")
    assert any("top is cam_0, side is cam_1" in each for each in lost)
    assert read_rig(tmp_path / "camera_array.toml", names=["top", "side"]).names == ("top", "side")
    with pytest.raises(PoseDataError, match="3 names were given for 2 cameras"):
        read_rig(tmp_path / "camera_array.toml", names=["a", "b", "c"])


def test_units_are_carried_or_said(tmp_path: Path) -> None:
    rig = replace(rig_with(), units="mm")
    lost = write_rig(rig, tmp_path / "Calib.toml")
    assert any("takes lengths for m, and these are in mm" in each for each in lost)
    assert read_rig(tmp_path / "Calib.toml").units == "mm"
    scaled = read_rig(tmp_path / "Calib.toml", scale=0.001)
    np.testing.assert_allclose(scaled.centres, 0.001 * rig.centres, rtol=1e-12)
    assert scaled.units == ""
    write_rig(rig, tmp_path / "rig.xml")
    assert read_rig(tmp_path / "rig.xml").units == "mm"


# Conventions, against what the programs themselves do.


@pytest.mark.parametrize("suffix", ["yaml", "xml"])
def test_opencv_reads_what_is_written_and_is_read(suffix: str, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    rig = rig_with()
    named = Rig((replace(rig.cameras[0], name='a "b" & <c>'), *rig.cameras[1:]))
    path = tmp_path / f"rig.{suffix}"
    assert write_rig(named, path) == ()
    assert read_rig(path).names == named.names
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    node = storage.getNode("camera_1")
    np.testing.assert_array_equal(node.getNode("camera_matrix").mat(), rig.cameras[1].matrix)
    np.testing.assert_array_equal(node.getNode("R").mat(), rig.cameras[1].rotation)
    assert node.getNode("name").string() == "cam_1"
    storage.release()
    # A pair of EasyMocap's, and one file for each camera, written by OpenCV.
    pair = tmp_path / "pair"
    pair.mkdir()
    intrinsics = cv2.FileStorage(str(pair / "intri.yml"), cv2.FILE_STORAGE_WRITE)
    extrinsics = cv2.FileStorage(str(pair / "extri.yml"), cv2.FILE_STORAGE_WRITE)
    for storage in (intrinsics, extrinsics):
        storage.startWriteStruct("names", cv2.FileNode_SEQ)
        for name in rig.names:
            storage.write("", name)
        storage.endWriteStruct()
    each = tmp_path / "each"
    each.mkdir()
    for camera in rig.cameras:
        intrinsics.write(f"K_{camera.name}", camera.matrix)
        intrinsics.write(f"dist_{camera.name}", camera.distortion[None])
        extrinsics.write(f"R_{camera.name}", rotation_vector(camera.rotation)[:, None])
        extrinsics.write(f"Rot_{camera.name}", camera.rotation)
        extrinsics.write(f"T_{camera.name}", camera.translation[:, None])
        storage = cv2.FileStorage(str(each / f"{camera.name}.{suffix}"), cv2.FILE_STORAGE_WRITE)
        storage.write("image_width", 1280)
        storage.write("image_height", 1024)
        storage.write("camera_matrix", camera.matrix)
        storage.write("distortion_coefficients", camera.distortion[:, None])
        storage.write("rc_ext", camera.rotation)
        storage.write("tc_ext", camera.translation[:, None])
        storage.release()
    intrinsics.release()
    extrinsics.release()
    for folder in (pair, each):
        again = read_rig(folder)
        assert again.names == rig.names
        assert largest_difference(rig, again) <= EXACT


def test_a_stereo_file_of_opencv(tmp_path: Path) -> None:
    first, second = rig_with(n_views=2).cameras
    rotation = second.rotation @ first.rotation.T
    translation = second.translation - rotation @ first.translation
    lines = ["%YAML:1.0", "---"]
    for key, value in (("M1", first.matrix), ("D1", first.distortion[None]), ("M2", second.matrix),
                       ("D2", second.distortion[None]), ("R", rotation),
                       ("T", translation[:, None])):  # fmt: skip
        lines += [
            f"{key}: !!opencv-matrix",
            f"   rows: {value.shape[0]}",
            f"   cols: {value.shape[1]}",
            "   dt: d",
            f"   data: [ {', '.join(map(repr, map(float, value.ravel())))} ]",
        ]
    (tmp_path / "stereo.yml").write_text("\n".join(lines))
    rig = read_rig(tmp_path / "stereo.yml", names=["left", "right"], sizes=[(1280, 1024)])
    assert rig.names == ("left", "right")
    points = np.random.default_rng(0).uniform(-100, 100, (20, 3))
    expected = oracle(second, points)
    in_first = points @ first.rotation.T + first.translation
    np.testing.assert_allclose(rig.project(in_first)[1], expected, atol=1e-8)


def test_label3d_multiplies_rows_and_counts_from_one(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    rig = rig_with(n_views=2)
    write_rig(rig, tmp_path / "a.mat", "label3d")
    params = scipy_io.loadmat(tmp_path / "a.mat")["params"]
    assert params.shape == (2, 1)
    points = np.random.default_rng(0).uniform(-100, 100, (20, 3))
    for i, camera in enumerate(rig.cameras):
        values = params[i, 0][0, 0]
        assert values["RDistort"].shape == (1, 3)
        assert values["TDistort"].shape == (1, 2)
        straight = replace(camera, distortion=np.zeros(5))
        rows = np.column_stack([points, np.ones(20)]) @ np.vstack([values["r"], values["t"]])
        rows = rows @ values["K"]
        np.testing.assert_allclose(
            rows[:, :2] / rows[:, 2:] - 1, oracle(straight, points), atol=1e-8
        )


def test_matlab_structs_of_a_stereo_pair(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    first, second = rig_with(n_views=2).cameras
    rotation = second.rotation @ first.rotation.T
    one_more = np.array([[0, 0, 1.0], [0, 0, 1], [0, 0, 0]])
    lenses = [
        {
            "IntrinsicMatrix": (camera.matrix + one_more).T,
            "RadialDistortion": camera.distortion[[0, 1, 4]],
            "TangentialDistortion": camera.distortion[2:4],
            "ImageSize": [1024.0, 1280.0],
        }
        for camera in (first, second)
    ]
    stereo = {
        "CameraParameters1": lenses[0],
        "CameraParameters2": lenses[1],
        "RotationOfCamera2": rotation.T,
        "TranslationOfCamera2": second.translation - rotation @ first.translation,
    }
    scipy_io.savemat(tmp_path / "stereo.mat", {"stereo": stereo})
    rig = read_rig(tmp_path / "stereo.mat")
    points = np.random.default_rng(0).uniform(-100, 100, (20, 3))
    in_first = points @ first.rotation.T + first.translation
    np.testing.assert_allclose(rig.project(in_first)[1], oracle(second, points), atol=1e-8)
    assert rig.cameras[0].size == (1280, 1024)
    lenses[0]["IntrinsicMatrix"][1, 0] = 3.0
    scipy_io.savemat(tmp_path / "skewed.mat", {"stereo": stereo})
    with pytest.raises(PoseDataError, match="skewed by 3 px"):
        read_rig(tmp_path / "skewed.mat")
    scipy_io.savemat(tmp_path / "other.mat", {"data": np.zeros(3)})
    with pytest.raises(PoseDataError, match="toStruct"):
        read_rig(tmp_path / "other.mat")


def test_colmap_counts_pixels_from_the_corner(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text("# header\n1 SIMPLE_RADIAL 640 480 500 320 240 -0.1\n")
    (tmp_path / "images.txt").write_text(
        "# header\n1 1 0 0 0 0 0 0 1 a/top.png\n1.5 2.5 -1\n2 1 0 0 0 1 0 0 1 a/side.png\n\n"
    )
    rig = read_rig(tmp_path / "images.txt")
    assert rig.names == ("a_top", "a_side")
    np.testing.assert_allclose(rig.project([0, 0, 1.0])[0], [319.5, 239.5])
    assert rig.cameras[1].translation[0] == 1


def test_dlt_counts_from_one_and_upwards(tmp_path: Path) -> None:
    rig = rig_with((0.0,) * 5)
    write_rig(rig, tmp_path / "dltCoefs.csv")
    columns = np.loadtxt(tmp_path / "dltCoefs.csv", delimiter=",")
    point = np.array([12.0, -30.0, 40.0])
    for i, camera in enumerate(rig.cameras):
        lower = columns[8:, i] @ point + 1
        u = (columns[:3, i] @ point + columns[3, i]) / lower
        v = (columns[4:7, i] @ point + columns[7, i]) / lower
        x, y = oracle(camera, point[None])[0]
        np.testing.assert_allclose([u, v], [x + 1, 1024 - y], atol=1e-8)
    with pytest.raises(PoseDataError, match="how high") as caught:
        read_rig(tmp_path / "dltCoefs.csv")
    assert [remedy.kind for remedy in caught.value.remedies] == ["size"]
    columns[1] += 1e-3
    np.savetxt(tmp_path / "off.csv", columns, delimiter=",", fmt="%.17g")
    skewed = read_rig(tmp_path / "off.csv", sizes=[(1280, 1024)])
    assert "skewed" in skewed.warnings[0]


def test_kalibr_chains_poses(tmp_path: Path) -> None:
    (tmp_path / "camchain.yaml").write_text(
        "cam0:\n  camera_model: pinhole\n  intrinsics: [500, 501, 320, 240]\n"
        "  distortion_model: radtan\n  distortion_coeffs: [0.1, 0, 0, 0]\n"
        "  resolution: [640, 480]\n  rostopic: /left/image_raw\n"
        "cam1:\n  camera_model: pinhole\n  intrinsics: [500, 501, 320, 240]\n"
        "  distortion_model: equidistant\n  distortion_coeffs: [0.1, 0, 0, 0]\n"
        "  resolution: [640, 480]\n  rostopic: /right/image_raw\n"
        "  T_cn_cnm1:\n  - [1, 0, 0, -0.1]\n  - [0, 1, 0, 0]\n  - [0, 0, 1, 0]\n  - [0, 0, 0, 1]\n"
    )
    rig = read_rig(tmp_path / "camchain.yaml")
    assert rig.names == ("left", "right")
    assert rig.units == "m"
    assert rig.cameras[1].fisheye
    np.testing.assert_allclose(rig.centres, [[0, 0, 0], [0.1, 0, 0]])
    text = (tmp_path / "camchain.yaml").read_text().replace("pinhole", "omni")
    (tmp_path / "camchain.yaml").write_text(text)
    with pytest.raises(PoseDataError, match="the lens is 'omni-radtan'"):
        read_rig(tmp_path / "camchain.yaml")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_deeplabcut_s_pickle_of_any_protocol(protocol: int, tmp_path: Path) -> None:
    first, second = rig_with(n_views=2).cameras
    content = {
        "camera-1-camera-2": {
            "cameraMatrix1": first.matrix,
            "cameraMatrix2": np.asfortranarray(second.matrix),
            "distCoeffs1": first.distortion[None],
            "distCoeffs2": second.distortion[None],
            "R": second.rotation,
            "T": second.translation[:, None],
            "P1": np.zeros((3, 4)),
            "roi1": (0, 0, 1, 1),
            "image_shape": [(1280, 1024), (1280, 1024)],
        }
    }
    path = tmp_path / "stereo_params.pickle"
    path.write_bytes(pickle.dumps(content, protocol))
    rig = read_rig(path)
    assert rig.names == ("camera-1", "camera-2")
    np.testing.assert_array_equal(rig.cameras[1].matrix, second.matrix)
    assert "squares of the board" in rig.warnings[0]
    assert read_rig(path, scale=25.0).warnings == ()


def test_a_caliscope_file_with_unposed_cameras(tmp_path: Path) -> None:
    write_rig(rig_with(), tmp_path / "camera_array.toml")
    text = (tmp_path / "camera_array.toml").read_text()
    text += '[cameras.7]\ncam_id = 7\nsize = [640, 480]\nrotation = "null"\n'
    (tmp_path / "camera_array.toml").write_text(text)
    rig = read_rig(tmp_path / "camera_array.toml")
    assert rig.names == ("cam_0", "cam_1", "cam_2")
    assert any("7 has no pose" in each for each in rig.warnings)


def test_a_struct_of_matlab_s_with_rotation_vectors(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    rig = rig_with(n_views=2)
    one_more = np.array([[0, 0, 1.0], [0, 0, 1], [0, 0, 0]])
    content = {
        camera.name: {
            "K": camera.matrix + one_more,
            "RadialDistortion": camera.distortion[[0, 1, 4]],
            "TangentialDistortion": camera.distortion[2:4],
            "RotationVectors": np.stack([rotation_vector(camera.rotation), np.zeros(3)]),
            "TranslationVectors": np.stack([camera.translation, np.zeros(3)]),
            "ImageSize": [1024.0, 1280.0],
        }
        for camera in rig.cameras
    }
    scipy_io.savemat(tmp_path / "rig.mat", content)
    again = read_rig(tmp_path / "rig.mat")
    assert again.names == rig.names
    assert largest_difference(rig, again) <= EXACT
    assert "2 poses of a board; the first is used" in again.warnings[0]


def test_mat_files_are_read_as_scipy_reads_them(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    cell = np.empty((2, 1), object)
    cell[:, 0] = "a", np.arange(6.0).reshape(2, 3)
    content = {
        "numbers": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        "flag": np.array([[True]]),
        "text": "Übung",
        "rows": np.array(["left", "right"]),
        "cell": cell,
        "struct": {"x": 1.5, "inner": {"y": np.zeros((0, 3))}},
        "sparse": pytest.importorskip("scipy.sparse").eye(3).tocsc(),
    }
    for compressed in (False, True):
        path = tmp_path / f"{compressed}.mat"
        scipy_io.savemat(path, content, do_compression=compressed)
        found = read_mat(path)
        np.testing.assert_array_equal(found["numbers"], content["numbers"])
        assert found["flag"].item() == 1
        assert found["text"] == "Übung"
        assert found["rows"] == ["left", "right"]
        assert found["cell"][0] == "a"
        np.testing.assert_array_equal(found["cell"][1], cell[1, 0])
        assert found["struct"]["x"].item() == 1.5
        assert found["struct"]["inner"]["y"].shape == (0, 3)
        assert found["sparse"] is None


def test_the_format_to_write_is_known_by_the_name() -> None:
    for key, (name, _) in KEPT.items():
        if "." in name and key not in ("freemocap", "matlab"):
            assert format_for(name) == key
    with pytest.raises(PoseDataError, match="does not say which format"):
        format_for("folder")


# The command.


def test_the_command_converts_says_what_is_lost_and_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rig(rig_with(), tmp_path / "camera_array.toml")
    given, made = str(tmp_path / "camera_array.toml"), str(tmp_path / "rig.toml")
    assert main(["rig", "convert", given, made, "--names", "a", "b", "c", "--scale", "1000"]) == 0
    shown = capsys.readouterr().out
    assert "read 3 cameras from Caliscope's camera_array.toml: a, b, c" in shown
    assert "note: the cameras stand" in shown
    assert load_rig(made).names == ("a", "b", "c")
    assert main(["rig", "convert", given, made]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["rig", "convert", made, str(tmp_path / "out.csv"), "--to", "dlt"]) == 0
    assert "not kept: camera a: all distortion is left out" in capsys.readouterr().out
    assert main(["rig", "convert", str(tmp_path / "out.csv"), made, "--force"]) == 2
    assert "--size WIDTHxHEIGHT" in capsys.readouterr().err
    assert main(["rig", "convert", str(tmp_path / "out.csv"), made, "--force", "--size", "9"]) == 2
    assert main(["rig", "convert", made, str(tmp_path / "folder")]) == 2
    assert "--to FORMAT" in capsys.readouterr().err


def test_the_command_offers_every_format() -> None:
    from napari_pose3d.cli.rig.convert import FORMATS as OFFERED

    assert set(OFFERED) == set(FORMATS)


def test_loading_another_program_s_calibration_points_to_conversion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("camera_array.toml", "rig.yaml", "rig.xml"):
        write_rig(rig_with(), tmp_path / name)
        assert main(["rig", "check", str(tmp_path / name)]) == 2
        assert "napari-pose3d rig convert" in capsys.readouterr().err
