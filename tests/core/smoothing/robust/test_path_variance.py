"""The uncertainty of the way from one frame to another: of speeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.recordings.scenes import noisy_ensemble, ring_rig

from napari_pose3d import Poses3D, Result, open_project, smooth
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv, write_poses3d_csv
from napari_pose3d.core.pipeline.exchange.poses_of_session import poses_of_session
from napari_pose3d.core.poses.kinematics.measurements import Measurement, measure
from napari_pose3d.core.smoothing.kalman.motion import (
    acceleration_variance,
    displacement_covariance,
    motion_steps,
)
from napari_pose3d.core.smoothing.robust import motion_kernels as kernels

SPEED = Measurement("pace", "speed", ("point0",))


def damped_motion(n: int, q: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A track of the smoother's own model, ``(frame, 1, 3)``."""
    root = np.linalg.cholesky(q * np.array([[1 / 3, 1 / 2], [1 / 2, 1]]))
    x, u = np.zeros(3), np.zeros(3)
    track = np.empty((n, 1, 3))
    for t in range(n):
        noise = root @ rng.standard_normal((2, 3))
        u = 0.9 * u
        x, u = x + u + noise[0], u + noise[1]
        track[t, 0] = x
    return track


def deviations(result: Result, truth: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Errors of the speed in units of their stated deviation: as stated, and of the bound."""
    assert result.poses3d is not None
    found = measure(result.poses3d, SPEED)
    bound = measure(replace(result.poses3d, displacement_covariance=None), SPEED)
    true = np.linalg.norm(truth[2:, 0] - truth[:-2, 0], axis=-1) / 2
    off = found.values[1:-1, 0] - true
    return off / found.deviations[1:-1, 0], off / bound.deviations[1:-1, 0]


def acceleration_error(result: Result, truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Error of the second difference along its direction, in units of its stated deviation."""
    space = result.poses3d
    assert space is not None
    assert space.acceleration_variance is not None
    bend = np.diff(np.asarray(space.xyz[:, 0], np.float64), n=2, axis=0)
    off = bend - np.diff(truth[:, 0], n=2, axis=0)
    along = np.einsum("ti,ti->t", off, bend) / np.linalg.norm(bend, axis=1)
    return np.asarray(along / np.sqrt(space.acceleration_variance[1:-1, 0]))


def test_covariances_between_frames_are_those_of_the_joint_distribution() -> None:
    rng = np.random.default_rng(0)
    n, q = 9, 0.7
    steps = motion_steps(0.9, np.cumsum(rng.uniform(0.2, 2, n)))
    bursts = rng.uniform(0.5, 3, n)
    information = np.zeros((n, 10))
    A = np.zeros((n, 3, 3))
    for t in range(n):
        if t in (3, 4):
            continue  # unobserved
        J = rng.normal(size=(2 if t == 6 else 4, 3))
        A[t] = J.T @ J
        information[t, :6] = A[t][np.triu_indices(3)]
    S0 = np.diag([4.0] * 3 + [2.0] * 3)
    # The precision of all states together: of the prior, the steps and the observations.
    precision = np.zeros((6 * n, 6 * n))
    precision[:6, :6] = np.linalg.inv(S0)
    for t in range(n):
        precision[6 * t : 6 * t + 3, 6 * t : 6 * t + 3] += A[t]
        if t:
            damped, reach, xx, xu, uu = steps[t]
            F = np.kron([[1, reach], [0, damped]], np.eye(3))
            Q = q * bursts[t] * np.kron([[xx, xu], [xu, uu]], np.eye(3))
            both = np.hstack([-F, np.eye(6)])
            span = slice(6 * t - 6, 6 * t + 6)
            precision[span, span] += both.T @ np.linalg.inv(Q) @ both
    joint = np.linalg.inv(precision)

    kept, adjoint = np.empty((n, kernels.N_KEPT)), np.zeros(kernels.N_ADJOINT)
    track, xyz = np.zeros((n, 3)), np.empty((n, 3))
    covs, ahead = np.empty((n, 3, 3)), np.empty((n, 2, 3, 3))
    kernels.forward(information, track, np.zeros(6), S0.copy(), True, steps, q, bursts, kept)
    # In two parts, as a long recording is.
    for part in (slice(5, n), slice(0, 5)):
        kernels.backward(
            information[part], track[part], kept[part], steps[part], q, bursts[part], adjoint,
            xyz[part], covs[part], np.empty(n)[part], ahead[part],
        )  # fmt: skip
    for t in range(n):
        position = slice(6 * t, 6 * t + 3)
        np.testing.assert_allclose(covs[t], joint[position, position], rtol=1e-8)
        for lag in (1, 2):
            if t + lag < n:
                later = slice(6 * (t + lag), 6 * (t + lag) + 3)
                expected = joint[position, later]
                np.testing.assert_allclose(ahead[t, lag - 1], expected, rtol=1e-8, atol=1e-10)


def test_a_speed_errs_as_much_as_it_states(tmp_path: Path) -> None:
    rig = ring_rig(3)
    stated, bounds, bends = [], [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth = damped_motion(500, 0.3, rng)
        result = smooth(noisy_ensemble(rig, truth, rng, sigma=4.0), rig)
        one, other = deviations(result, truth)
        stated.append(one)
        bounds.append(other)
        bends.append(acceleration_error(result, truth))
    spread = np.sqrt(np.mean(np.square(stated)))
    assert 0.85 < spread < 1.1
    assert np.sqrt(np.mean(np.square(bounds))) < 0.75 * spread
    assert 0.85 < np.sqrt(np.mean(np.square(bends))) < 1.15
    # It is written, and read again.
    assert result.poses3d is not None
    assert result.poses3d.displacement_covariance is not None
    write_poses3d_csv(tmp_path / "walk_3d.csv", result.poses3d)
    table = read_poses3d_csv(tmp_path / "walk_3d.csv")
    np.testing.assert_array_equal(np.float32(table.covariance), result.poses3d.covariance)
    np.testing.assert_array_equal(
        np.float32(table.displacement_covariance), result.poses3d.displacement_covariance
    )
    session = open_project(tmp_path).session("walk")
    again = poses_of_session(session).poses3d
    assert again is not None
    found, expected = measure(again, SPEED), measure(result.poses3d, SPEED)
    np.testing.assert_allclose(found.deviations[1:-1], expected.deviations[1:-1], rtol=1e-4)


def test_where_it_is_unknown_the_bound_stands() -> None:
    rng = np.random.default_rng(1)
    track = rng.normal(size=(4, 3))
    track[2] = track[0]
    eye = np.broadcast_to(np.eye(3), (4, 3, 3))
    ahead = np.stack([0.95 * eye, 0.9 * eye], axis=1)
    found = displacement_covariance(eye, ahead)
    np.testing.assert_allclose(found[1:3], 0.2 * eye[1:3])
    assert np.isnan(found[[0, 3]]).all()
    assert np.isnan(displacement_covariance(eye, 1.1 / 0.9 * ahead)).all()
    # Of (1, -2, 1): 6 - 8 * 0.95 + 2 * 0.9.
    accelerations = acceleration_variance(track, eye, ahead)
    np.testing.assert_allclose(accelerations[1:3], 0.2)
    assert np.isnan(accelerations[[0, 3]]).all()
    poses = Poses3D(
        track[:, None],
        np.array(eye[:, None]),
        np.full((4, 1), 2),
        np.zeros((0, 4, 1), np.float32),
        np.zeros((4, 1), bool),
        (),
        ("point0",),
        displacement_covariance=found[:, None],
    )
    deviations = measure(poses, SPEED).deviations[:, 0]
    # No way, no direction; and at the ends the errors of two frames count as independent.
    assert np.isnan(deviations[1])
    np.testing.assert_allclose(deviations[[0, 2, 3]], np.sqrt([2.0, 0.05, 2.0]))


@pytest.fixture(scope="module")
def walks() -> list[tuple[Result, NDArray[np.float64]]]:
    """A body of three points that move by the smoother's own model, smoothed, and the truth."""
    rig, corners = ring_rig(3), np.array([[0.0, 0, 0], [60, 0, 0], [20, 50, 10]])
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        moves = [damped_motion(500, 0.3, rng) for _ in corners]
        truth = np.concatenate(moves, axis=1) + corners
        found.append((smooth(noisy_ensemble(rig, truth, rng, sigma=4.0), rig), truth))
    return found


@pytest.mark.parametrize(
    ("kind", "n"), [("angle_rate", 3), ("angular_velocity", 3), ("direction_rate", 2)]
)
def test_an_angular_speed_errs_as_much_as_it_states(walks, kind: str, n: int) -> None:
    one = Measurement("it", kind, tuple(f"point{k}" for k in range(n)))
    stated, bounds = [], []
    for result, truth in walks:
        assert result.poses3d is not None
        true = measure(replace(result.poses3d, xyz=truth), one).values
        found = measure(result.poses3d, one)
        bound = measure(replace(result.poses3d, displacement_covariance=None), one)
        for each, errors in ((found, stated), (bound, bounds)):
            errors.append(((each.values - true) / each.deviations)[1:-1])
    spread = np.sqrt(np.mean(np.square(stated)))
    assert 0.85 < spread < 1.1
    assert np.sqrt(np.mean(np.square(bounds))) < 0.75 * spread
