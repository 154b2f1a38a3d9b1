"""Cameras of different rates and starts: each observation counts at its own time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.recordings.clocks import Clocks, clocks
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import Ensemble, Result, smooth
from napari_pose3d.core.formats.projects.frame_tables import paired_by_time
from napari_pose3d.core.poses.time_axis import camera_times, time_axis
from napari_pose3d.core.smoothing.kalman.motion import motion_steps
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import SmootherParts


def paired(scene: Clocks, reference: str) -> Ensemble:
    """Each frame of one camera with the frames of the others that are nearest in time."""
    xy, likelihood = [], []
    for view, name in enumerate(scene.ensemble.views):
        frames = paired_by_time(scene.times[reference], scene.times[name])
        there = (frames >= 0)[None, :, None]
        xy.append(np.where(there[..., None], scene.ensemble.xy[:, view, frames], np.nan))
        likelihood.append(np.where(there, scene.ensemble.likelihood[:, view, frames], np.nan))
    return replace(
        scene.ensemble,
        xy=np.stack(xy, axis=1).astype(np.float32),
        likelihood=np.stack(likelihood, axis=1).astype(np.float32),
    )


def errors(scene: Clocks, result: Result, times: NDArray[np.float64]) -> NDArray[np.float64]:
    assert result.poses3d is not None
    return np.linalg.norm(result.poses3d.xyz - scene.truth(times), axis=-1)


def inside(scene: Clocks, result: Result, times: NDArray[np.float64]) -> float:
    """How often the truth lies in the 95 % ellipsoid."""
    assert result.poses3d is not None
    off = result.poses3d.xyz - scene.truth(times)
    inverse = np.linalg.inv(result.poses3d.covariance.astype(float))
    return float((np.einsum("...i,...ij,...j", off, inverse, off) < 7.815).mean())


def test_cameras_of_one_clock_are_smoothed_as_without_times() -> None:
    rig = ring_rig(3)
    rng = np.random.default_rng(0)
    ensemble = noisy_ensemble(rig, walk(200, 1, rng), rng)
    ensemble.xy[:, 1, 60:64] = np.nan
    ensemble.xy[:, :, 90:110] = np.nan
    ensemble.xy[:, 2, 30:33] += 60
    ordinary = smooth(ensemble, rig, max_gap=10, s_frames=((0, 150),))
    times = dict.fromkeys(rig.names, 12.3 + np.arange(200) / 30)
    same = smooth(ensemble, rig, times=times, max_gap=10, s_frames=((0, 150),))
    assert same.poses3d is not None
    assert ordinary.poses3d is not None
    for name in ("xyz", "covariance", "n_views", "inferred", "residuals"):
        one, other = getattr(same.poses3d, name), getattr(ordinary.poses3d, name)
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9, err_msg=name)
    for name in ("xy", "variance", "likelihood", "ensemble_median", "ensemble_variance"):
        one, other = getattr(same.poses2d, name), getattr(ordinary.poses2d, name)
        np.testing.assert_allclose(one, other, rtol=1e-9, err_msg=name)
    assert same.report.views == ordinary.report.views
    assert same.report.inferred == ordinary.report.inferred
    assert same.report.left_missing == ordinary.report.left_missing == 20


def test_three_rates_are_nearer_to_the_truth_than_pairs_of_frames() -> None:
    scene = clocks(sigma=1.5)
    slow = scene.times["Cam-2"]
    near = smooth(paired(scene, "Cam-2"), scene.rig)
    own = smooth(scene.ensemble, scene.rig, times=scene.times)
    by_pairs, by_time = errors(scene, near, slow), errors(scene, own, slow)
    assert np.sqrt((by_time**2).mean()) < 0.6 * np.sqrt((by_pairs**2).mean())
    assert np.median(by_time) < 0.6 * np.median(by_pairs)
    assert by_time.max() < by_pairs.max()
    assert 0.93 < inside(scene, own, slow) < 0.998
    # Gross errors, 2 % of all, are set aside in each view.
    for report in own.report.views.values():
        assert 0.01 < report.share_rejected < 0.035


def test_results_are_wanted_at_another_camera_or_rate() -> None:
    scene = clocks(seconds=3, n_keypoints=1)
    fast = scene.times["Cam-1"]
    own = smooth(scene.ensemble, scene.rig, times=scene.times, output_times="Cam-1")
    assert own.times is not None
    np.testing.assert_array_equal(own.times, fast)
    assert np.sqrt((errors(scene, own, fast) ** 2).mean()) < 0.6
    regular = smooth(scene.ensemble, scene.rig, times=scene.times, output_times=100.0)
    assert regular.times is not None
    np.testing.assert_allclose(np.diff(regular.times), 0.01)
    assert np.sqrt((errors(scene, regular, regular.times) ** 2).mean()) < 0.6
    # An instant at which results are wanted is no observation: the others do not change.
    calm = SmootherParts(bursts=False)
    given = np.sort(np.concatenate([fast[10:400], fast[10:400] + 0.0021]))
    few, more = (
        smooth(scene.ensemble, scene.rig, times=scene.times, output_times=wanted, parts=calm)
        for wanted in (fast[10:400], given)
    )
    assert few.poses3d is not None
    assert more.poses3d is not None
    np.testing.assert_allclose(more.poses3d.xyz[::2], few.poses3d.xyz, atol=1e-4)


def test_long_gaps_and_single_views_count_in_time() -> None:
    scene = clocks(seconds=5, n_keypoints=1, outliers=0)
    slow = scene.times["Cam-2"]
    for view, name in enumerate(scene.rig.names):
        gone = (scene.times[name] > 2) & (scene.times[name] < 3)
        scene.ensemble.xy[:, view, : len(gone)][:, gone] = np.nan
        if view:
            alone = (scene.times[name] > 4) & (scene.times[name] < 4.5)
            scene.ensemble.xy[:, view, : len(alone)][:, alone] = np.nan
    own = smooth(scene.ensemble, scene.rig, times=scene.times, max_gap=10)
    assert own.poses3d is not None
    missing = np.isnan(own.poses3d.xyz[:, 0, 0])
    np.testing.assert_array_equal(missing, (slow > 2) & (slow < 3))
    assert own.report.left_missing == missing.sum()
    inner = (slow > 4.02) & (slow < 4.48)
    assert set(own.poses3d.n_views[inner, 0]) == {1}
    assert set(own.poses3d.n_views[slow < 1.9, 0]) == {3}
    assert not own.poses3d.inferred[~missing].any()
    # What one view cannot see is uncertain, and said to be.
    off = errors(scene, own, slow)[inner, 0]
    stated = np.sqrt(np.trace(own.poses3d.covariance[inner, 0], axis1=1, axis2=2))
    assert (off < 4 * stated).all()
    assert stated.max() > 5 * np.sqrt(np.trace(own.poses3d.covariance[30, 0]))


def test_a_step_is_the_same_in_parts() -> None:
    def transition(step: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        damped, reach, xx, xu, uu = step
        return np.array([[1, reach], [0, damped]]), np.array([[xx, xu], [xu, uu]])

    F, Q = transition(motion_steps(0.9)[0])
    np.testing.assert_allclose(F, [[1, 0.9], [0, 0.9]])
    np.testing.assert_allclose(Q, [[1 / 3, 1 / 2], [1 / 2, 1]])
    for parts in ([0.5, 0.5], [0.2, 0.3, 0.5], [0.9, 0.1], [0.06] * 10 + [0.4]):
        F_all, Q_all = np.eye(2), np.zeros((2, 2))
        for step in motion_steps(0.9, np.cumsum([0, *parts]))[1:]:
            F_one, Q_one = transition(step)
            F_all, Q_all = F_one @ F_all, F_one @ Q_all @ F_one.T + Q_one
        np.testing.assert_allclose(F_all, F, rtol=1e-12)
        np.testing.assert_allclose(Q_all, Q, rtol=1e-9)
    # However short or long, it is a covariance.
    for gap in (1e-3, 0.01, 0.04, 3.0, 1e4):
        _, Q_one = transition(motion_steps(0.9, np.array([0, gap]))[1])
        assert np.isfinite(Q_one).all()
        assert np.linalg.eigvalsh(Q_one)[0] > -1e-9 * Q_one[1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("Cam-1"), "no times of the frames of Cam-1"),
        (lambda t: t.update({"Cam-1": t["Cam-1"][:-5]}), "145 times of view Cam-1"),
        (lambda t: t.update({"Cam-1": np.arange(200) / 150}), "200 times of view Cam-1"),
        (lambda t: t.update({"Cam-1": t["Cam-1"][::-1]}), "do not rise"),
        (lambda t: t.update({"Cam-0": t["Cam-0"] + np.nan}), "do not rise"),
        (lambda t: t.update({"Cam-0": t["Cam-0"] + 100}), "do not overlap"),
    ],
)
def test_times_that_cannot_be_are_refused(change, message: str) -> None:
    scene = clocks(seconds=1, n_keypoints=1)
    times = dict(scene.times)
    change(times)
    with pytest.raises(PoseDataError, match=message):
        smooth(scene.ensemble, scene.rig, times=times)


def test_what_cannot_count_at_its_own_time_is_refused() -> None:
    scene = clocks(seconds=1, n_keypoints=1)
    with pytest.raises(PoseDataError, match="calibrated smoother only"):
        smooth(scene.ensemble, None, times=scene.times)
    with pytest.raises(PoseDataError, match="calibrated smoother only"):
        smooth(scene.ensemble, scene.rig, times=scene.times, as_published=True)
    for wanted, message in (("top", "at the times of 'top'"), (-3, "'-3'"), (1e12, "too many")):
        with pytest.raises(PoseDataError, match=message):
            smooth(scene.ensemble, scene.rig, times=scene.times, output_times=wanted)
    with pytest.raises(PoseDataError, match="results are wanted at 50 to 60"):
        smooth(scene.ensemble, scene.rig, times=scene.times, output_times=[50.0, 60.0])


def test_an_axis_compares_views_at_the_frames_of_the_slowest() -> None:
    times = {"a": np.arange(10) / 10 + 0.5, "b": np.arange(101) / 50}
    times["a"] = np.delete(times["a"], [4, 5])
    axis = time_axis(camera_times(times, ("a", "b")))
    # Continued to both sides, and in the hole.
    np.testing.assert_allclose(axis.frames, np.arange(21), atol=1e-9)
    np.testing.assert_allclose(axis.per_frame, [1, 5])
    values = np.full((2, len(axis.times)), np.nan)
    values[0, axis.rows[0]], values[1, axis.rows[1]] = times["a"], times["b"]
    one, other = axis.at_frames(values)
    np.testing.assert_allclose(other, np.arange(21) / 10)
    assert np.flatnonzero(np.isfinite(one)).tolist() == [5, 6, 7, 8, 11, 12, 13, 14]
