"""Positions that a person gives are never set aside, and the track follows them at once."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from tests.support.recordings.review_scenes import CLEAN, PLANTED, Recording, recording

from napari_pose3d import (
    PoseDataError,
    TriangulationSettings,
    smooth,
    triangulate_ensemble,
)
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.poses.certain import Cell
from napari_pose3d.core.smoothing.certain.local_update import LiveCorrections

LOST = replace(CLEAN, lost_frames=40)
N_FRAMES = 800


def again(found: Recording) -> Result:
    """A result of its own, to be changed."""
    return smooth(found.ensemble, found.scene.rig)


def lost(found: Recording) -> tuple[int, int, int]:
    """View, and first and last frame, of the stretch in which one is lost."""
    view = int(np.flatnonzero(found.truth.lost.any(axis=1))[0])
    frames = np.flatnonzero(found.truth.lost[view])
    return view, int(frames[0]), int(frames[-1])


def clicks(
    found: Recording, view: int, frames: tuple[int, ...], keypoints: tuple[int, ...]
) -> dict[Cell, tuple[float, float]]:
    """Where a person who errs by a pixel sees the keypoints."""
    rng = np.random.default_rng(0)
    scene = found.scene
    at = scene.rig.project(scene.xyz)
    out = {}
    for frame in frames:
        for k in keypoints:
            x, y = at[view, frame, k] + rng.normal(0, 1, 2)
            out[Cell(scene.rig.names[view], frame, scene.keypoints[k])] = (float(x), float(y))
    return out


def errors(found: Recording, result: Result) -> NDArray[np.float64]:
    assert result.poses3d is not None
    return np.asarray(np.linalg.norm(result.poses3d.xyz - found.scene.xyz, axis=-1))


@pytest.mark.parametrize("seed", [12, 14])
@pytest.mark.parametrize("n_cameras", [2, 3, 4])
def test_two_corrections_heal_a_lost_view(n_cameras: int, seed: int) -> None:
    """With two cameras a single view is left, and only what moves with the animal is unknown."""
    found = recording(n_cameras, seed, N_FRAMES, LOST)
    view, first, last = lost(found)
    everything = tuple(range(len(found.scene.keypoints)))
    given = clicks(found, view, (first + 13, last - 13), everything)
    healed = smooth(found.ensemble, found.scene.rig, corrections=given)
    before, after = errors(found, found.result), errors(found, healed)
    clean = np.r_[0 : max(first - 20, 0), last + 20 : N_FRAMES]
    usual, stretch = before[clean].mean(), slice(first, last + 1)
    if n_cameras > 2:
        assert after[stretch].mean() < 1.5 * usual
    else:
        assert after[stretch].mean() < 0.6 * before[stretch].mean()
        assert after[[first + 13, last - 13]].mean() < 1.2 * usual
        # How far away it is nobody sees between the corrections. Not much more is wrong than with
        # all that is seen, and the distance where both views are, known exactly.
        known = np.r_[first - 40 : first, first + 13, last - 13, last + 1 : last + 41]
        centre = found.scene.rig.centres[1 - view]
        distance = np.linalg.norm(found.scene.xyz - centre, axis=-1)
        best = CubicSpline(known, distance[known])(np.arange(first, last + 1))
        unseen = np.abs(best - distance[stretch]).mean()
        assert after[stretch].mean() < unseen + 1.2 * usual
    # What is far away stays as it was.
    assert after[clean].mean() < 1.01 * usual


@pytest.mark.parametrize("seed", [21, 22])
def test_a_run_on_which_both_views_agree_is_healed_by_one_correction(seed: int) -> None:
    """The point is displaced along the ray of a camera: only the person knows."""
    found = recording(2, seed, N_FRAMES, CLEAN)
    scene, k, stretch = found.scene, 2, slice(300, 340)
    rays = scene.xyz[stretch, k] - scene.rig.centres[0]
    wrong = scene.xyz.copy()
    wrong[stretch, k] += 40.0 * rays / np.linalg.norm(rays, axis=1, keepdims=True)
    xy = found.ensemble.xy.copy()
    xy[:, 1, stretch, k] += (scene.rig.project(wrong) - scene.rig.project(scene.xyz))[1, stretch, k]
    ensemble = replace(found.ensemble, xy=xy)
    result = smooth(ensemble, scene.rig)
    before = errors(found, result)[stretch, k]
    one = clicks(found, 1, (320,), (k,))
    after = errors(found, smooth(ensemble, scene.rig, corrections=one))[stretch, k]
    assert before.mean() > 20.0
    assert after[20] < 2.0
    assert after.mean() < 0.2 * before.mean()
    # The same at once.
    LiveCorrections(result, scene.rig).follow(one)
    assert errors(found, result)[stretch, k].mean() < 0.2 * before.mean()


@pytest.mark.parametrize("n_corrections", [1, 40])
def test_corrections_that_refute_all_of_a_short_recording_of_two_views(n_corrections: int) -> None:
    """Nothing is left of one view then: the track begins with it, rather than not at all."""
    found = recording(2, 12, 120, CLEAN)
    scene = found.scene
    at = scene.rig.project(scene.xyz)[0, :, 0]
    frames = range(60, 60 + n_corrections)
    given = {
        Cell(scene.rig.names[0], frame, scene.keypoints[0]): (
            float(at[frame, 0] + 40),
            float(at[frame, 1] + 40),
        )
        for frame in frames
    }
    result = smooth(found.ensemble, scene.rig, corrections=given)
    before, after = errors(found, found.result)[:, 0], errors(found, result)[:, 0]
    far = np.r_[0:30]
    assert after[far].mean() < 1.5 * before[far].mean()


def test_a_correction_against_all_views_holds() -> None:
    found = recording(4, 21, N_FRAMES, CLEAN)
    view, k = found.scene.rig.names[0], found.scene.keypoints[5]
    x, y = found.result.poses2d.xy[0, 400, 5].tolist()
    given = {Cell(view, 400, k): (x + 60.0, y)}
    result = smooth(found.ensemble, found.scene.rig, corrections=given)
    poses = result.poses2d
    assert poses.ensemble_median is not None
    assert poses.ensemble_median[0, 400, 5] == pytest.approx([x + 60.0, y], abs=1e-3)
    assert poses.likelihood[0, 400, 5] == 1.0
    # The correction counts, so the point moves, and other frames and keypoints hardly do.
    assert np.hypot(*(poses.xy[0, 400, 5] - [x, y])) > 10.0
    assert np.abs(poses.xy[:, 450:] - found.result.poses2d.xy[:, 450:]).max() < 0.2
    assert any("corrected by a person" in note for note in result.report.warnings)


@pytest.mark.parametrize("n_cameras", [2, 3, 4])
def test_triangulation_follows_in_the_frames_that_were_corrected(n_cameras: int) -> None:
    found = recording(n_cameras, 12, N_FRAMES, LOST)
    view, first, last = lost(found)
    frames = tuple(range(first + 5, last - 5, 3))
    everything = tuple(range(len(found.scene.keypoints)))
    given = clicks(found, view, frames, everything)
    plain = triangulate_ensemble(found.ensemble, found.scene.rig)
    healed = triangulate_ensemble(found.ensemble, found.scene.rig, corrections=given)
    before, after = errors(found, plain), errors(found, healed)
    assert after[list(frames)].mean() < 2.0 * np.nanmean(before[: first - 20])
    if n_cameras == 2:
        assert after[list(frames)].mean() < 0.3 * np.nanmean(before[list(frames)])
    others = np.delete(np.arange(N_FRAMES), frames)
    assert plain.poses3d is not None
    assert healed.poses3d is not None
    for name in ("xyz", "n_views"):
        one, other = getattr(plain.poses3d, name), getattr(healed.poses3d, name)
        assert np.array_equal(one[others], other[others], equal_nan=True), name
    # What a person gave counts in every point.
    assert (healed.poses3d.residuals[view, list(frames)] < 10.0).all()
    spread = np.sqrt(np.trace(healed.poses3d.covariance, axis1=2, axis2=3))
    assert (spread[list(frames)] < 5.0 * np.nanmedian(spread)).all()


def test_triangulation_with_everything_keeps_a_correction_among_the_rest() -> None:
    found = recording(3, 12, N_FRAMES, CLEAN)
    given = clicks(found, 0, (100,), (2,))
    settings = TriangulationSettings(robust="off")
    result = triangulate_ensemble(found.ensemble, found.scene.rig, settings, corrections=given)
    assert result.poses3d is not None
    assert result.poses3d.n_views[100, 2] == 3
    assert errors(found, result)[100, 2] < 5.0


@pytest.mark.parametrize("errors_made", [LOST, PLANTED])
@pytest.mark.parametrize("n_cameras", [2, 3, 6])
def test_around_the_frame_the_track_is_that_of_a_new_run(
    n_cameras: int, errors_made: object
) -> None:
    found = recording(n_cameras, 11, N_FRAMES, errors_made)  # type: ignore[arg-type]
    view, first, last = lost(found)
    given = clicks(found, view, (first + 13, last - 13), (3,))
    result = again(found)
    assert result.poses3d is not None
    untouched = result.poses3d.xyz.copy()
    (changed,) = LiveCorrections(result, found.scene.rig).follow(given)
    whole = smooth(found.ensemble, found.scene.rig, corrections=given)
    assert whole.poses3d is not None
    sd = np.sqrt(np.trace(whole.poses3d.covariance[:, 3], axis1=1, axis2=2))
    apart = np.linalg.norm(result.poses3d.xyz[:, 3] - whole.poses3d.xyz[:, 3], axis=1) / sd
    assert apart.max() < 0.1
    spread = np.trace(result.poses3d.covariance[:, 3], axis1=1, axis2=2)
    assert np.abs(spread / sd**2 - 1).max() < 0.05
    same = result.poses3d.n_views[:, 3] == whole.poses3d.n_views[:, 3]
    assert same.mean() > 0.99
    assert result.poses2d.likelihood[view, first + 13, 3] == 1.0
    # Elsewhere nothing has changed, bit by bit.
    inside = np.zeros(N_FRAMES, dtype=bool)
    inside[changed.start : changed.end + 1] = True
    others = np.arange(len(found.scene.keypoints)) != 3
    assert np.array_equal(result.poses3d.xyz[~inside], untouched[~inside])
    assert np.array_equal(result.poses3d.xyz[:, others], untouched[:, others])
    assert inside.sum() < 400


def test_corrections_are_taken_back() -> None:
    found = recording(3, 11, N_FRAMES, PLANTED)
    view, first, _ = lost(found)
    result = again(found)
    assert result.poses3d is not None
    assert result.poses2d.ensemble_median is not None
    before, raw = result.poses3d.xyz.copy(), result.poses2d.ensemble_median.copy()
    live = LiveCorrections(result, found.scene.rig)
    assert live.follow({}) == ()
    live.follow(clicks(found, view, (first + 20,), (0, 4)))
    assert not np.array_equal(result.poses3d.xyz, before)
    changed = live.follow({})
    assert {each.keypoint for each in changed} == {found.scene.keypoints[k] for k in (0, 4)}
    assert np.array_equal(result.poses2d.ensemble_median, raw, equal_nan=True)
    assert np.array_equal(result.poses3d.xyz, before)


def arrays_of(result: Result) -> dict[str, NDArray[Any]]:
    """Copies of everything that a correction may change."""
    return {
        f"{type(part).__name__}.{each.name}": getattr(part, each.name).copy()
        for part in (result.poses2d, result.poses3d)
        for each in fields(part)  # type: ignore[arg-type]
        if isinstance(getattr(part, each.name), np.ndarray)
    }


def assert_same(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    for name, value in one.items():
        assert np.array_equal(value, other[name], equal_nan=value.dtype.kind == "f"), name


def test_undo_and_redo_are_exact() -> None:
    """Stretches overlap, one cell is moved twice, and one is taken away before others."""
    found = recording(3, 11, N_FRAMES, PLANTED)
    view, first, _ = lost(found)
    result = again(found)
    live = LiveCorrections(result, found.scene.rig)
    first_one = clicks(found, view, (first + 20,), (4,))
    moved = {cell: (x + 15.0, y) for cell, (x, y) in first_one.items()}
    second = clicks(found, (view + 1) % 3, (first + 70, first - 400), (4,))
    third = clicks(found, view, (first + 25,), (0, 4))
    steps = [{}, first_one, moved, moved | second, moved | second | third, second | third]
    seen = [arrays_of(result)]
    for positions in steps[1:]:
        live.follow(positions)
        seen.append(arrays_of(result))
    assert not np.array_equal(seen[0]["Poses3D.xyz"], seen[-1]["Poses3D.xyz"])
    for positions, before in reversed(list(zip(steps, seen, strict=True))):
        live.follow(positions)
        assert_same(before, arrays_of(result))
    for positions, before in zip(steps, seen, strict=True):
        live.follow(positions)
        assert_same(before, arrays_of(result))
    # All at once, too.
    changed = live.follow({})
    assert_same(seen[0], arrays_of(result))
    released = {(each.keypoint, *cell) for each in changed for cell in each.released}
    assert released == {
        (c.keypoint, found.scene.rig.names.index(c.view), c.frame) for c in steps[-1]
    }
    assert not any(each.given for each in changed)


def test_corrections_that_the_result_was_smoothed_with_are_taken_back() -> None:
    found = recording(3, 11, N_FRAMES, LOST)
    view, first, _ = lost(found)
    given = clicks(found, view, (first + 20,), (4,))
    result = smooth(found.ensemble, found.scene.rig, corrections=given)
    plain = again(found)
    assert result.poses3d is not None
    assert plain.poses3d is not None
    live = LiveCorrections(result, found.scene.rig)
    assert live.follow(given) == ()
    live.follow({})
    sd = np.sqrt(np.trace(plain.poses3d.covariance, axis1=2, axis2=3))
    assert (np.linalg.norm(result.poses3d.xyz - plain.poses3d.xyz, axis=-1) / sd).max() < 0.2
    assert np.array_equal(
        result.poses2d.ensemble_median,  # type: ignore[arg-type]
        plain.poses2d.ensemble_median,  # type: ignore[arg-type]
        equal_nan=True,
    )


def test_first_and_last_frame_and_what_is_not_there() -> None:
    found = recording(3, 21, N_FRAMES, CLEAN)
    result = again(found)
    live = LiveCorrections(result, found.scene.rig)
    given = clicks(found, 0, (0, N_FRAMES - 1), (1,))
    stray = {Cell("none", 3, found.scene.keypoints[0]): (1.0, 1.0)}
    late = {Cell(found.scene.rig.names[0], N_FRAMES, found.scene.keypoints[0]): (1.0, 1.0)}
    changed = live.follow(given | stray | late)
    assert {each.keypoint for each in changed} == {found.scene.keypoints[1]}
    assert errors(found, result)[[0, -1], 1].max() < 5.0
    noted = smooth(found.ensemble, found.scene.rig, corrections=given | stray | late)
    assert any("are not used: 2" in note for note in noted.report.warnings)


def test_results_that_cannot_follow() -> None:
    found = recording(3, 21, N_FRAMES, CLEAN)
    flat = smooth(found.ensemble)
    with pytest.raises(PoseDataError, match="cannot be updated"):
        LiveCorrections(flat, found.scene.rig)
    with pytest.raises(PoseDataError, match="cannot be updated"):
        LiveCorrections(replace(found.result, process_noise=None), found.scene.rig)


@pytest.mark.parametrize("mode", ["linear", "single"])
def test_other_smoothers_take_them_as_certain(mode: str) -> None:
    found = recording(3, 11, N_FRAMES, LOST)
    view, first, last = lost(found)
    middle = (first + last) // 2
    given = clicks(found, view, (middle,), (4,))
    plain = smooth(found.ensemble, mode=mode)
    result = smooth(found.ensemble, mode=mode, corrections=given)
    truth = found.scene.rig.project(found.scene.xyz)[view, middle, 4]
    after = np.hypot(*(result.poses2d.xy[view, middle, 4] - truth))
    assert after < 8.0
    assert after < np.hypot(*(plain.poses2d.xy[view, middle, 4] - truth)) + 1.0
