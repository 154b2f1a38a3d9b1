"""Measures of single cells, where the truth is known."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.support.paths import REPO
from tests.support.recordings.review_scenes import CLEAN, recording

from napari_pose3d import PoseDataError
from napari_pose3d.core.review.measures.measure_table import MEASURES
from napari_pose3d.core.review.measures.measures import available_measures, compute_measures


def test_measures_tell_a_planted_error_from_the_rest() -> None:
    made = recording(4, 21, 400, CLEAN)
    poses = made.result.poses2d
    assert poses.ensemble_median is not None
    raw = poses.ensemble_median.copy()
    raw[1, 100:110, 3] += 40.0
    result = replace(made.result, poses2d=replace(poses, ensemble_median=raw))
    found = compute_measures(result, made.scene.rig)
    assert set(found) == set(MEASURES)
    bad = np.zeros(raw.shape[:3], bool)
    bad[1, 100:110, 3] = True
    for name in ("correction", "residual", "leave_one_out"):
        assert np.nanmin(found[name][bad]) > 45, name
        assert np.nanpercentile(found[name][~bad], 99.9) < 15, name
    # Its own coordinates only: of points there is no view.
    assert found["uncertainty"].shape == raw.shape[1:3]
    assert np.isnan(found["temporal_norm"][:, 0]).all()
    assert found["temporal_norm"][1, 100, 3] > 40


def test_without_calibration_only_what_needs_none() -> None:
    made = recording(2, 22, 300, CLEAN)
    alone = replace(made.result, poses3d=None)
    names = available_measures(alone, None)
    assert "correction" in names
    assert "residual" not in names
    with pytest.raises(PoseDataError, match="calibration"):
        compute_measures(alone, None, ["residual"])
    with pytest.raises(PoseDataError, match="likelihood"):
        compute_measures(alone, None, ["likelyhood"])


def test_a_result_saved_without_its_predictions_is_refused() -> None:
    made = recording(2, 22, 300, CLEAN)
    compact = replace(made.result, poses2d=replace(made.result.poses2d, ensemble_median=None))
    with pytest.raises(PoseDataError, match="all columns"):
        compute_measures(compact, made.scene.rig, ["correction"])


def test_the_side_that_a_view_takes_for_the_other_lies_nearer_to_it() -> None:
    made = recording(4, 21, 400, CLEAN)
    poses = made.result.poses2d
    left, right = (poses.keypoints.index(name) for name in ("ear_left", "ear_right"))
    assert poses.ensemble_median is not None
    raw = poses.ensemble_median.copy()
    raw[1, 100:110, [left, right]] = raw[1, 100:110, [right, left]].copy()
    result = replace(made.result, poses2d=replace(poses, ensemble_median=raw))
    sides = compute_measures(result, None, ["sides"])["sides"]
    apart = np.linalg.norm(poses.xy[:, :, left] - poses.xy[:, :, right], axis=-1)
    exchanged = np.zeros(apart.shape, bool)
    exchanged[1, 100:110] = True
    for k in (left, right):
        # Where both lie over one another in the image it says nothing.
        clear = apart > 8
        assert (sides[..., k][clear & exchanged] > 0).all()
        assert (sides[..., k][clear & ~exchanged] < 0).all()
        assert (np.abs(sides[..., k]) <= apart + 1e-3).all()
    assert np.isnan(sides[..., poses.keypoints.index("nose")]).all()


def test_a_bone_deviates_at_both_of_its_ends() -> None:
    made = recording(4, 21, 400, CLEAN)
    space = made.result.poses3d
    assert space is not None
    neck, back, nose = (space.keypoints.index(name) for name in ("neck", "back", "nose"))
    xyz = space.xyz.copy()
    along = xyz[200, back] - xyz[200, neck]
    xyz[200, back] += 12.0 * along / np.linalg.norm(along)
    result = replace(made.result, poses3d=replace(space, xyz=xyz))
    bones = [("neck", "back"), ("back", "tail_base"), ("nose", "not predicted")]
    found = compute_measures(result, made.scene.rig, ["bone"], bones)["bone"]
    assert found[200, neck] == pytest.approx(12.0, abs=1.5)
    assert found[200, back] >= found[200, neck]
    assert np.nanpercentile(found[:, neck], 95) < 2.0
    assert np.isnan(found[:, nose]).all()


def test_movement_in_deviations_tells_motion_from_what_is_uncertain() -> None:
    made = recording(4, 21, 400, CLEAN)
    space = made.result.poses3d
    assert space is not None
    assert space.displacement_covariance is not None
    assert space.acceleration_variance is not None
    rig = made.scene.rig
    found = compute_measures(made.result, rig, ["speed_sd", "acceleration_sd"])
    before, at, after = space.xyz[249:252, 2]
    way = (after - before) / np.linalg.norm(after - before)
    variance = way @ space.displacement_covariance[250, 2] @ way
    speed = np.linalg.norm(after - before) / np.sqrt(variance)
    assert found["speed_sd"][250, 2] == pytest.approx(speed, rel=1e-4)
    bend = np.linalg.norm(after - 2 * at + before)
    acceleration = bend / np.sqrt(space.acceleration_variance[250, 2])
    assert found["acceleration_sd"][250, 2] == pytest.approx(acceleration, rel=1e-4)
    for values in found.values():
        assert np.isnan(values[[0, -1]]).all()
    # The animal walks, and its steps are seen; twice as uncertain they count half.
    assert np.nanmedian(found["speed_sd"]) > 3
    twice = replace(space, displacement_covariance=4 * space.displacement_covariance)
    unsure = replace(made.result, poses3d=twice)
    half = compute_measures(unsure, rig, ["speed_sd"])["speed_sd"]
    np.testing.assert_allclose(half, found["speed_sd"] / 2, rtol=1e-5)
    # Files do not keep the deviation of an acceleration.
    read = replace(made.result, poses3d=replace(space, acceleration_variance=None))
    assert "acceleration_sd" not in available_measures(read, rig)
    assert "speed_sd" in available_measures(read, rig)
    with pytest.raises(PoseDataError, match="a new run of the smoother"):
        compute_measures(read, rig, ["acceleration_sd"])


def test_every_measure_is_documented_with_unit_and_source() -> None:
    page = (REPO / "docs" / "review.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if "| `" in line}
    for name, measure in MEASURES.items():
        _, _, unit, what, *_formula, source, _ = re.split(r"(?<!\\)\|", rows[name])
        assert unit.strip().replace("rig units", "length") == measure.unit, name
        assert what.strip(), name
        assert source.strip(), name
        assert measure.source, name


def test_threads_and_what_else_is_measured_change_nothing() -> None:
    made = recording(4, 21, 400, CLEAN)
    together = compute_measures(made.result, made.scene.rig, threads=2)
    for name in ("residual", "leave_one_out", "epipolar", "surprise"):
        alone = compute_measures(made.result, made.scene.rig, [name], threads=1)
        np.testing.assert_array_equal(alone[name], together[name], err_msg=name)
