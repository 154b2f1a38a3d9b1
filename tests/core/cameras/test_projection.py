"""Projection and its inverse against OpenCV and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import Camera, Rig, load_rig
from napari_pose3d.core.cameras import projection

COEFFICIENTS = np.array(
    [-0.3, 0.12, 0.001, -0.002, 0.05, 0.1, 0.02, 0.01, 0.001, -0.002, 0.003, 0.001, 0.02, -0.03]
)
FISHEYE = np.array([0.05, -0.02, 0.01, -0.003])


def one_camera(distortion, *, fisheye: bool = False, focal: float = 600.0) -> Rig:
    matrix = np.array([[focal, 0, 320], [0, focal + 10, 240], [0, 0, 1.0]])
    translation = np.array([0, 0, 5.0])
    camera = Camera("a", (640, 480), matrix, distortion, np.eye(3), translation, fisheye)
    return Rig((camera,))


@pytest.mark.parametrize("count", [4, 5, 8, 12, 14])
def test_projection_equals_opencv(count: int) -> None:
    cv2 = pytest.importorskip("cv2")
    rig = one_camera(COEFFICIENTS[:count])
    points = np.random.default_rng(0).uniform(-2, 2, (500, 3))
    camera = rig.cameras[0]
    expected, _ = cv2.projectPoints(
        points, np.zeros(3), camera.translation, camera.matrix, camera.distortion
    )
    np.testing.assert_allclose(rig.project(points)[0], expected[:, 0], atol=1e-9)


def test_fisheye_projection_equals_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    rig = one_camera(FISHEYE, fisheye=True, focal=300.0)
    points = np.random.default_rng(0).uniform(-4, 4, (500, 3))
    camera = rig.cameras[0]
    expected, _ = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), camera.translation, camera.matrix, camera.distortion
    )
    np.testing.assert_allclose(rig.project(points)[0], expected[:, 0], atol=1e-9)


@pytest.mark.parametrize(
    ("distortion", "fisheye"),
    [
        (COEFFICIENTS[:5], False),
        (COEFFICIENTS, False),
        (np.array([-0.5, 0, 0, 0]), False),
        (FISHEYE, True),
    ],
)
def test_undistortion_is_the_exact_inverse(distortion, fisheye: bool) -> None:
    rig = one_camera(distortion, fisheye=fisheye)
    points = np.random.default_rng(1).uniform(-2, 2, (500, 3))
    in_camera = points + rig.cameras[0].translation
    pixels = rig.project(points)
    seen = np.isfinite(pixels[0, :, 0])
    assert seen.sum() > 400
    rays = rig.undistort(pixels)[0]
    expected = in_camera[:, :2] / in_camera[:, 2:]
    np.testing.assert_allclose(rays[seen], expected[seen], atol=1e-9)


@pytest.mark.parametrize(
    ("distortion", "fisheye"),
    [(COEFFICIENTS[:5], False), (COEFFICIENTS, False), (FISHEYE, True)],
)
def test_derivative_of_the_projection(distortion, fisheye: bool) -> None:
    rig = one_camera(distortion, fisheye=fisheye)
    point = np.array([0.7, -0.4, 0.3])
    visible, _, _, *derivative = projection.project(rig.packed[0], *point)
    assert visible
    step = 1e-6
    for axis in range(3):
        shift = np.eye(3)[axis] * step
        slope = (rig.project(point + shift) - rig.project(point - shift))[0] / (2 * step)
        np.testing.assert_allclose(
            np.reshape(derivative, (2, 3))[:, axis], slope, rtol=1e-6, atol=1e-5
        )


def test_a_point_behind_the_camera_is_not_seen() -> None:
    rig = one_camera(np.zeros(5))
    assert np.isnan(rig.project([0.1, 0.2, -6.0])).all()
    assert np.isfinite(rig.project([0.1, 0.2, 6.0])).all()


def test_a_point_beyond_the_fold_of_the_distortion_is_not_seen() -> None:
    # r (1 - 0.3 r^2) falls again beyond r = 1.05: further out it returns into the image.
    rig = one_camera(np.array([-0.3, 0, 0, 0, 0]))
    assert np.isfinite(rig.project([5.0, 0, 0])).all()
    assert np.isnan(rig.project([9.0, 0, 0])).all()


def test_a_pixel_that_nothing_is_imaged_onto_has_no_ray() -> None:
    rig = one_camera(np.array([-0.5, 0, 0, 0, 0]), focal=200.0)
    assert np.isnan(rig.undistort(np.array([[[2000.0, 2000.0]]]))).all()


def test_any_shape_of_points() -> None:
    rig = ring_rig(3)
    xyz = np.zeros((4, 5, 3))
    assert rig.project(xyz).shape == (3, 4, 5, 2)
    assert rig.project(xyz[0, 0]).shape == (3, 2)
    assert rig.project(np.empty((0, 3))).shape == (3, 0, 2)
    assert rig.undistort(np.zeros((3, 4, 5, 2))).shape == (3, 4, 5, 2)


@pytest.mark.realdata
def test_near_telecentric_rig_equals_aniposelib(shared_data) -> None:
    pytest.importorskip("aniposelib")
    rig = load_rig(shared_data / "fly" / "calibration.toml")
    xyz = np.load(shared_data / "eks_reference" / "fly_nonlinear_s1.npz")["xyz"].reshape(-1, 3)
    expected = rig.to_aniposelib().project(xyz).reshape(3, -1, 2)
    # aniposelib computes in single precision along the way.
    np.testing.assert_allclose(rig.project(xyz), expected, atol=1e-3)
