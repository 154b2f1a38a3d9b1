"""Faults of a rig, planted one by one, are found and named; clean rigs raise nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.support.projects.session_files import lightning_project

from napari_pose3d import load_rig
from napari_pose3d.cli import main
from napari_pose3d.core.calibration.lint.clock_lint import lag_growth
from napari_pose3d.core.calibration.lint.data_lint import (
    check_rig_against,
    clock_shifts,
    view_errors,
)
from napari_pose3d.core.calibration.lint.rig_lint import Finding, check_rig
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.projects.project import check_session, open_project
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras

RIG = ring_of_cameras(4)
# More of what others of the same test guard.
SLOW = pytest.mark.slow


def altered(rig: Rig, index: int, **changes: object) -> Rig:
    cameras = list(rig.cameras)
    cameras[index] = replace(cameras[index], **changes)  # type: ignore[arg-type]
    return replace(rig, cameras=tuple(cameras))


def matrix(fx: float, fy: float, cx: float) -> np.ndarray:
    return np.array([[fx, 0, cx], [0, fy, 480], [0, 0, 1]])


def severe(findings: tuple[Finding, ...]) -> list[Finding]:
    return [each for each in findings if each.severity != "note"]


def walk(n_frames: int = 400, n_keypoints: int = 6, seed: int = 1) -> np.ndarray:
    """An animal that walks about, ``(frame, keypoint, 3)`` mm."""
    rng = np.random.default_rng(seed)
    time = np.arange(n_frames)[:, None, None]
    waves, phases = rng.uniform(0.01, 0.05, (4, 1, 3)), rng.uniform(0, 6, (4, 1, 3))
    path = sum(60 * np.sin(2 * np.pi * time * w + p) for w, p in zip(waves, phases, strict=True))
    return path + rng.uniform(-40, 40, (1, n_keypoints, 3))


def seen(rig: Rig, xyz: np.ndarray, noise: float = 0.5, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    xy = rig.project(xyz)
    xy += noise * rng.standard_normal(xy.shape)
    xy[rng.random(xy.shape[:3]) < 0.1] = np.nan
    return xy


def test_a_clean_rig_raises_nothing() -> None:
    sizes = {camera.name: camera.size for camera in RIG.cameras if camera.size}
    assert severe(check_rig(RIG, sizes, RIG.names)) == []


@pytest.mark.parametrize(
    ("change", "severity", "words"),
    [
        ({"matrix": matrix(1100, 1100, 5000)}, "error", "outside"),
        ({"matrix": matrix(1100, 1100, 200)}, "warning", "far from"),
        ({"matrix": matrix(1100, 1500, 640)}, "warning", "square"),
        ({"matrix": matrix(1100, 2000, 640)}, "error", "square"),
        ({"distortion": np.array([-1.5, 0.0, 0, 0, 0])}, "error", "folds back"),
    ],
)
def test_intrinsics_that_cannot_be(change: dict[str, object], severity: str, words: str) -> None:
    (finding,) = severe(check_rig(altered(RIG, 2, **change)))
    assert (finding.severity, finding.cameras) == (severity, ("cam2",))
    assert words in finding.problem


def test_a_camera_given_twice() -> None:
    first = RIG.cameras[0]
    twin = altered(RIG, 3, rotation=first.rotation, translation=first.translation)
    (finding,) = severe(check_rig(twin))
    assert finding.cameras == ("cam0", "cam3")
    assert "same place and look the same way" in finding.problem


def test_a_camera_that_is_turned_around_looks_away() -> None:
    turned = np.diag([-1.0, 1, -1]) @ RIG.cameras[1].rotation
    findings = severe(
        check_rig(altered(RIG, 1, rotation=turned, translation=-turned @ RIG.cameras[1].centre))
    )
    assert [each.cameras for each in findings] == [("cam1",)]
    assert "does not look where the others look" in findings[0].problem


def test_sizes_of_videos() -> None:
    (half,) = severe(check_rig(RIG, {"cam1": (640, 480)}))
    assert half.severity == "error"
    assert "scale 2" in half.todo
    (cut,) = severe(check_rig(RIG, {"cam1": (700, 480)}))
    assert "crop" in cut.todo


def test_names_of_views() -> None:
    (finding,) = severe(check_rig(RIG, views=["cam0", "cam1", "cam2", "side"]))
    assert "no camera for the view side; the cameras are cam0, cam1, cam2, cam3" in finding.problem


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=SLOW) for seed in (2, 3))])
def test_clean_data_raise_nothing(seed: int) -> None:
    xy = seen(RIG, walk(seed=seed), seed=seed)
    assert severe(check_rig_against(RIG, xy)) == []


def test_exchanged_cameras_are_named() -> None:
    xy = seen(RIG, walk())
    exchanged = xy[[1, 0, 2, 3]]
    (finding,) = severe(check_rig_against(RIG, exchanged))
    assert finding.severity == "error"
    assert finding.cameras == ("cam0", "cam1")


def late(xyz: np.ndarray, lags: Any) -> np.ndarray:
    """Positions as a camera sees them that lags by some frames."""
    frames = np.arange(len(xyz))
    return np.stack(
        [
            [np.interp(frames - lags, frames, xyz[:, k, i]) for i in range(3)]
            for k in range(xyz.shape[1])
        ]
    ).transpose(2, 0, 1)


@pytest.mark.parametrize(
    "lag", [0.3, 1.0, -4.4, *(pytest.param(lag, marks=SLOW) for lag in (-0.5, 3.0))]
)
def test_a_camera_out_of_step(lag: float) -> None:
    xyz = walk()
    xy = seen(RIG, xyz)
    xy[2] = seen(RIG, late(xyz, lag))[2]
    shifts = clock_shifts(RIG, xy)
    assert shifts[2] == pytest.approx(lag, abs=0.1)
    assert np.abs(np.delete(shifts, 2)).max() < 0.1


@pytest.mark.parametrize("lag", [0.4, -3.0])
def test_two_cameras_out_of_step(lag: float) -> None:
    rig = RIG.subset(RIG.names[:2])
    xyz = walk()
    xy = seen(rig, xyz)
    xy[1] = seen(rig, late(xyz, lag))[1]
    assert clock_shifts(rig, xy) == pytest.approx([0.0, lag], abs=0.1)
    assert not clock_shifts(rig, seen(rig, xyz)).any()


@pytest.mark.parametrize("n_cameras", [2, 3])
def test_a_lag_that_grows(n_cameras: int) -> None:
    rig = RIG.subset(RIG.names[:n_cameras])
    xyz = walk(900)
    xy = seen(rig, xyz)
    xy[1] = seen(rig, late(xyz, 2.7 * np.arange(900) / 900))[1]
    (finding,) = [
        each for each in check_rig_against(rig, xy, frame_rate=10.0) if "grows" in each.problem
    ]
    assert finding.cameras == (rig.names[1],)
    assert finding.evidence["growth_frames"] == pytest.approx(2.7, abs=0.3)
    assert finding.evidence["growth_per_minute"] == pytest.approx(1.8, abs=0.2)
    assert "frames per minute" in finding.problem
    assert "timestamps" in finding.todo
    assert lag_growth(rig, seen(rig, xyz), np.zeros(n_cameras)) is None


@pytest.mark.parametrize(("lag", "seed"), [(4, 1), (-6, 0)])
def test_a_lag_that_stays_makes_no_other_one_grow(lag: float, seed: int) -> None:
    xyz = walk(400, seed=seed)
    xy = seen(RIG, xyz, noise=1.0)
    xy[2] = seen(RIG, late(xyz, lag), noise=1.0)[2]
    (finding,) = [each for each in check_rig_against(RIG, xy) if "lag" in each.problem]
    assert finding.cameras == ("cam2",)
    assert finding.evidence["lag_frames"] == pytest.approx(lag, abs=0.2)


def test_a_camera_that_was_turned_is_named() -> None:
    angle = np.radians(1.0)
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    camera = RIG.cameras[1]
    moved = altered(RIG, 1, rotation=turn @ camera.rotation, translation=turn @ camera.translation)
    xyz = walk()
    findings = severe(check_rig_against(RIG, seen(moved, xyz)))
    assert any(each.cameras == ("cam1",) for each in findings)
    errors = view_errors(RIG, seen(moved, xyz))
    assert errors is not None
    assert int(np.argmax(errors.left_out / errors.expected)) == 1


def test_a_turned_camera_is_named_although_it_spoils_all_residuals() -> None:
    """Networks err by 2 px, and the camera is off by some 20: the median residual is large then."""
    turn = Rotation.from_rotvec([0, np.radians(1.0), 0]).as_matrix()
    camera = RIG.cameras[1]
    rig = altered(RIG, 1, rotation=turn @ camera.rotation, translation=turn @ camera.translation)
    found = severe(check_rig_against(rig, seen(RIG, walk(), noise=2.0), clocks=False))
    assert [each.cameras for each in found] == [("cam1",)]
    assert found[0].remedy is not None
    assert found[0].remedy.kind == "refine"


def test_a_bump_during_the_recording_is_named_with_its_frame() -> None:
    angle = np.radians(0.5)
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    camera = RIG.cameras[3]
    moved = altered(RIG, 3, rotation=turn @ camera.rotation, translation=turn @ camera.translation)
    xyz = walk()
    xy = seen(RIG, xyz)
    xy[:, 240:] = seen(moved, xyz)[:, 240:]
    bumps = [f for f in check_rig_against(RIG, xy) if "moved near frame" in f.problem]
    assert len(bumps) == 1
    assert bumps[0].cameras == ("cam3",)
    assert bumps[0].evidence["frame"] == pytest.approx(240, abs=20)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "calibration.toml"
    save_rig(RIG, path)
    assert main(["rig", "check", str(path)]) == 0
    broken = altered(RIG, 0, matrix=np.array([[1100, 0, 5000.0], [0, 1100, 480], [0, 0, 1]]))
    save_rig(broken, path)
    assert main(["rig", "check", str(path)]) == 1
    assert "cam0 has its principal point" in capsys.readouterr().out


@pytest.mark.realdata
def test_the_rig_of_a_real_recording(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shared_data / "fly" / "calibration.toml"
    assert severe(check_rig(load_rig(path))) == []
    assert main(["rig", "check", str(path), "--predictions", str(shared_data / "fly")]) == 0


@pytest.mark.parametrize("focal", [1e-300, 0.5, 1e300, np.inf, np.nan])
@pytest.mark.filterwarnings("error")
def test_focal_lengths_of_no_lens(focal: float) -> None:
    errors = [
        each
        for each in check_rig(altered(RIG, 0, matrix=matrix(focal, focal, 640)))
        if each.severity == "error"
    ]
    assert any("focal length" in each.problem for each in errors)


def test_info_and_the_session_say_what_is_wrong_with_a_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = altered(RIG, 2, matrix=matrix(1100, 1500, 640))
    folder = lightning_project(tmp_path / "lab", sessions=("day1",), views=RIG.names)
    save_rig(bad, folder / "calibration.toml")
    assert main(["info", str(folder / "calibration.toml")]) == 0
    assert "warning: camera cam2 has pixels that are not square" in capsys.readouterr().out
    assert main(["info", str(folder)]) == 0
    assert "calibration.toml: camera cam2 has pixels that are not square" in capsys.readouterr().out
    (session,) = open_project(folder).sessions
    (issue,) = [each for each in check_session(session) if "not square" in each.what]
    assert (issue.severity, issue.where) == ("warning", "day1")
    assert "stretched" in issue.todo


@pytest.mark.parametrize("content", [b"\x80\x04\x95abc", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_binary_files_point_to_conversion(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "calibration.toml"
    path.write_bytes(content)
    assert main(["rig", "check", str(path)]) == 2
    said = capsys.readouterr().err
    assert "binary file" in said
    assert "rig convert" in said
