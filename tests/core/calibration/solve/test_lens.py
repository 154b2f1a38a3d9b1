"""The lens model of calibration: against OpenCV, and its derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d.core.calibration.solve.lens import N_INTRINSICS, project, undistort

BROWN = np.array([900.0, 910.0, 640.0, 350.0, -0.3, 0.12, 0.002, -0.001, 0.03])
FISHEYE = np.array([400.0, 405.0, 640.0, 350.0, 0.05, -0.01, 0.003, -0.001, 0.0])


def points(n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(4)
    return np.column_stack([rng.uniform(-0.6, 0.6, (n, 2)), rng.uniform(0.8, 2, n)])


@pytest.mark.parametrize(("intrinsics", "fisheye"), [(BROWN, False), (FISHEYE, True)])
def test_projection_is_opencvs(intrinsics: np.ndarray, fisheye: bool) -> None:
    cv2 = pytest.importorskip("cv2")
    fx, fy, cx, cy = intrinsics[:4]
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    zero = np.zeros(3)
    if fisheye:
        ours = points().reshape(1, -1, 3)
        expected, _ = cv2.fisheye.projectPoints(ours, zero, zero, matrix, intrinsics[4:8])
    else:
        expected, _ = cv2.projectPoints(points(), zero, zero, matrix, intrinsics[4:])
    xy, _, _ = project(intrinsics, points(), fisheye)
    np.testing.assert_allclose(xy, expected.reshape(-1, 2), atol=1e-9)


@pytest.mark.parametrize(("intrinsics", "fisheye"), [(BROWN, False), (FISHEYE, True)])
def test_derivatives_are_those_of_the_projection(intrinsics: np.ndarray, fisheye: bool) -> None:
    at = points()
    _, by_point, by_intrinsics = project(intrinsics, at, fisheye)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-6
        ahead, back = (project(intrinsics, at + s * step, fisheye)[0] for s in (1, -1))
        np.testing.assert_allclose(by_point[..., i], (ahead - back) / 2e-6, atol=1e-3)
    for i in range(N_INTRINSICS - fisheye):
        step = np.zeros(N_INTRINSICS)
        step[i] = 1e-5 * max(abs(intrinsics[i]), 1)
        ahead, back = (project(intrinsics + s * step, at, fisheye)[0] for s in (1, -1))
        expected = (ahead - back) / (2 * step[i])
        np.testing.assert_allclose(by_intrinsics[..., i], expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("intrinsics", "fisheye"), [(BROWN, False), (FISHEYE, True)])
def test_undistorting_is_the_inverse(intrinsics: np.ndarray, fisheye: bool) -> None:
    at = points()
    xy, _, _ = project(intrinsics, at, fisheye)
    np.testing.assert_allclose(undistort(intrinsics, xy, fisheye), at[:, :2] / at[:, 2:], atol=1e-9)
