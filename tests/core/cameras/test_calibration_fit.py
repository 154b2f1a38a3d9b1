"""Whether predictions fit a calibration, and which cameras look exchanged."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import (
    PoseDataError,
    Rig,
    load_predictions,
    load_rig,
    save_result,
    smooth,
    triangulate_ensemble,
)
from napari_pose3d.core.cameras.calibration_fit import calibration_fit


def go_on() -> bool:
    return False


def exchanged(rig: Rig, a: int, b: int) -> Rig:
    """The same calibration with the names of two cameras exchanged."""
    cameras = list(rig.cameras)
    cameras[a] = replace(rig.cameras[b], name=rig.names[a])
    cameras[b] = replace(rig.cameras[a], name=rig.names[b])
    return replace(rig, cameras=tuple(cameras))


def scene(n_views: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    rig = ring_rig(max(n_views, 3))
    rig = rig.subset(rig.names[:n_views])
    return rig, noisy_ensemble(rig, walk(150, 3, rng), rng)


def mismatches(result) -> list[str]:
    return [note for note in result.report.warnings if "does not fit" in note]


@pytest.mark.parametrize("n_views", [2, 3, 4, 6])
def test_exchanged_names_are_found(n_views: int) -> None:
    rig, ensemble = scene(n_views)
    for run in (smooth, triangulate_ensemble):
        assert not mismatches(run(ensemble, rig))
        (note,) = mismatches(run(ensemble, exchanged(rig, 0, 1)))
        assert "Cam-0 and Cam-1 look exchanged" in note
        assert all(f"{view} " in note for view in rig.names)


def test_three_cameras_in_a_circle_are_found() -> None:
    rig, ensemble = scene(3)
    names = np.roll(rig.names, 1)
    turned = replace(
        rig, cameras=tuple(replace(c, name=str(n)) for c, n in zip(rig.cameras, names, strict=True))
    ).subset(rig.names)
    (note,) = mismatches(triangulate_ensemble(ensemble, turned))
    assert "3 cameras" in note
    assert "Cam-0 is called Cam-2" in note


def test_of_a_symmetric_rig_every_exchange_that_fits_is_named() -> None:
    # Exchanging any two of three cameras at 120 degrees mirrors the same scene.
    rig, _ = scene(3)
    turn = 2 * np.pi / 3
    c, s = np.cos(turn), np.sin(turn)
    about = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    first = rig.cameras[0]
    cameras = [first]
    for name in rig.names[1:]:
        cameras.append(replace(first, name=name, rotation=cameras[-1].rotation @ about))
    rig = replace(rig, cameras=tuple(cameras))
    rng = np.random.default_rng(1)
    ensemble = noisy_ensemble(rig, walk(150, 3, rng), rng)
    assert not mismatches(smooth(ensemble, rig))
    (note,) = mismatches(smooth(ensemble, exchanged(rig, 0, 1)))
    for pair in ("Cam-0 and Cam-1", "Cam-0 and Cam-2", "Cam-1 and Cam-2"):
        assert pair in note


def test_a_calibration_of_another_image_size_is_reported_without_naming_cameras() -> None:
    rig, ensemble = scene(4)
    halved = tuple(replace(c, matrix=c.matrix * [[0.5], [0.5], [1.0]]) for c in rig.cameras)
    (note,) = mismatches(smooth(ensemble, replace(rig, cameras=halved)))
    assert "image size" in note
    assert "exchanged" not in note


def test_residuals_by_view_stand_in_the_report_and_its_file(tmp_path) -> None:
    rig, ensemble = scene(3)
    result = smooth(ensemble, rig)
    for found in result.report.views.values():
        assert 0.3 < found.calibration_residual < 3.0
        assert 0.3 < found.residual < 3.0
        assert found.observations + found.rejected == 150 * 3
    paths = save_result(result, ensemble, rig, tmp_path / "out")
    record = json.loads(paths[-1].read_text())
    assert set(record["per_view"]) == set(rig.names)
    assert record["per_view"]["Cam-0"]["residual"] > 0
    linear = smooth(ensemble)
    assert np.isnan(linear.report.views["Cam-0"].calibration_residual)
    json.loads(save_result(linear, ensemble, None, tmp_path / "lin")[-1].read_text())


def test_a_run_that_fails_for_a_wrong_calibration_says_so() -> None:
    rig, ensemble = scene(2)
    # Seen from behind: nothing lies in front of both cameras.
    turn = np.diag([1.0, -1.0, -1.0])
    behind = tuple(
        replace(c, rotation=turn @ c.rotation, translation=turn @ c.translation)
        for c in rig.cameras
    )
    with pytest.raises(PoseDataError, match="the calibration does not fit the predictions"):
        smooth(ensemble, replace(rig, cameras=behind))


@pytest.mark.parametrize("n_views", [2, 4])
def test_a_calibration_that_is_slightly_wrong_is_told_from_a_noisy_network(n_views: int) -> None:
    rig, _ = scene(n_views)
    rng = np.random.default_rng(5)
    xy = rig.project(walk(300, 6, rng))
    exact = xy + rng.normal(0, 1, xy.shape)
    # As after a knock: residuals of some 4 px, below what counts as a calibration of another day.
    shift = np.array([[0, 0, 8], [0, 0, 10], [0, 0, 0]])
    moved = replace(rig.cameras[0], matrix=rig.cameras[0].matrix + shift)
    knocked = replace(rig, cameras=(moved, *rig.cameras[1:]))
    fit = calibration_fit(knocked, exact, 1.0, go_on)
    assert 2.0 < max(fit.residuals.values()) < 9.0
    assert "shared by all keypoints" in (fit.warning() or "")
    assert "exchanged" not in (fit.warning() or "")
    # Residuals of the same size that each keypoint has for itself, or each point.
    biased = exact + rng.normal(0, 3, (n_views, 1, 6, 2))
    assert calibration_fit(rig, biased, 6.0, go_on).warning() is None
    noisy = calibration_fit(rig, xy + rng.normal(0, 6, xy.shape), 6.0, go_on)
    assert max(noisy.residuals.values()) > 2.0
    assert noisy.warning() is None


def test_few_keypoints_in_three_views_show_a_knocked_camera() -> None:
    rig, _ = scene(3)
    rng = np.random.default_rng(5)
    xy = rig.project(walk(300, 3, rng))
    xy += rng.normal(0, 0.7, xy.shape)
    shift = np.array([[0, 0, 8], [0, 0, 10], [0, 0, 0]])
    moved = replace(rig.cameras[0], matrix=rig.cameras[0].matrix + shift)
    fit = calibration_fit(replace(rig, cameras=(moved, *rig.cameras[1:])), xy, 0.0, go_on)
    assert max(fit.residuals.values()) < 9.0
    assert "shared by all keypoints" in (fit.warning() or "")
    # A network that errs by as much at each of them.
    for seed in range(20):
        biases = np.random.default_rng(seed).normal(0, 4, (3, 1, 3, 2))
        assert calibration_fit(rig, xy + biases, 0.0, go_on).warning() is None, seed


def test_two_views_leave_less_of_an_error_as_residuals() -> None:
    """One camera is ten frames late: two views of it fit together better than three."""
    rig, _ = scene(2)
    xy = rig.project(3.0 * walk(300, 2, np.random.default_rng(1)))
    late = np.stack([np.roll(xy[0], 10, axis=0), xy[1]])[:, 10:]
    fit = calibration_fit(rig, late, 0.0, go_on)
    # 1 % of the diagonal of these images is 16 px.
    assert 10.0 < max(fit.residuals.values()) < 16.0
    assert fit.warning() is not None
    noise = np.random.default_rng(2).normal(0, 5, xy.shape)
    assert calibration_fit(rig, xy + noise, 0.0, go_on).warning() is None


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_outliers_of_a_network_are_not_taken_for_a_wrong_calibration(share: float) -> None:
    rig, ensemble = scene(4, 3)
    rng = np.random.default_rng(3)
    xy = ensemble.xy.copy()
    bad = rng.random(xy.shape[2]) < share
    xy[:, 1, bad] += 80.0
    assert not mismatches(smooth(replace(ensemble, xy=xy), rig))


def test_too_few_points_say_nothing() -> None:
    rig, ensemble = scene(3)
    fit = calibration_fit(rig, ensemble.xy[0, :, :2], 0.0, go_on)
    assert fit.warning() is None
    assert all(np.isnan(value) for value in fit.residuals.values())


@pytest.mark.realdata
def test_on_a_real_recording(shared_data) -> None:
    rig = load_rig(shared_data / "fly" / "calibration.toml")
    ensemble = load_predictions(shared_data / "fly", rig=rig)
    assert not mismatches(smooth(ensemble, rig, smooth_param=1.0))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        (note,) = mismatches(triangulate_ensemble(ensemble, exchanged(rig, a, b)))
        assert f"{rig.names[a]} and {rig.names[b]} look exchanged" in note
