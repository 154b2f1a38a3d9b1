"""Predictions that are no positions, and keypoints that no view ever observes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import (
    PoseDataError,
    leave_one_out_residuals,
    save_result,
    smooth,
    triangulate,
    triangulate_ensemble,
)

MODES = ("calibrated", "linear", "single")


@pytest.fixture
def scene():
    rng = np.random.default_rng(7)
    rig = ring_rig(3)
    xyz = walk(120, 4, rng)
    return rig, xyz, noisy_ensemble(rig, xyz, rng)


def run(mode: str, ensemble, rig, **settings):
    if mode == "triangulated":
        return triangulate_ensemble(ensemble, rig)
    return smooth(ensemble, rig if mode == "calibrated" else None, mode=mode, **settings)


# Placeholders


@pytest.mark.parametrize("mode", [*MODES, "triangulated"])
def test_zero_with_likelihood_zero_is_missing_and_said_to_be_so(scene, mode: str) -> None:
    rig, _, ensemble = scene
    xy, likelihood = ensemble.xy.copy(), ensemble.likelihood.copy()
    xy[:, :, 30:60, 0] = likelihood[:, :, 30:60, 0] = 0.0
    found = run(mode, replace(ensemble, xy=xy, likelihood=likelihood), rig)
    blank = ensemble.xy.copy()
    blank[:, :, 30:60, 0] = np.nan
    expected = run(mode, replace(ensemble, xy=blank, likelihood=likelihood), rig)
    np.testing.assert_array_equal(found.poses2d.xy, expected.poses2d.xy)
    assert np.isnan(found.poses2d.ensemble_median[:, 30:60, 0]).all()
    (note,) = [n for n in found.report.warnings if "likelihood 0" in n]
    assert note.startswith(f"{3 * 3 * 30} predictions at (0, 0)")
    assert not any("likelihood 0" in n for n in expected.report.warnings)


@pytest.mark.parametrize(
    ("position", "likelihood"), [(0.0, 1e-9), (-1.0, 0.0), (-1.0, -1.0), (0.0, np.nan)]
)
def test_other_ways_to_write_that_nothing_was_found(
    scene, position: float, likelihood: float
) -> None:
    rig, _, ensemble = scene
    xy, likelihoods = ensemble.xy.copy(), ensemble.likelihood.copy()
    xy[:, :, 30:60, 0], likelihoods[:, :, 30:60, 0] = position, likelihood
    found = run("triangulated", replace(ensemble, xy=xy, likelihood=likelihoods), rig)
    assert np.isnan(found.poses3d.xyz[30:60, 0]).all()
    assert any(n.startswith(f"{3 * 3 * 30} predictions") for n in found.report.warnings)


def test_zero_with_a_likelihood_is_a_position(scene) -> None:
    _, _, ensemble = scene
    xy, unknown = ensemble.xy.copy(), np.full_like(ensemble.likelihood, np.nan)
    xy[:, :, 30, 0] = 0.0
    result = smooth(replace(ensemble, xy=xy), mode="single")
    np.testing.assert_array_equal(result.poses2d.ensemble_median[:, 30, 0], 0.0)
    n = xy[:, :, 30, 0, 0].size
    assert any(f"{n} predictions lie at exactly (0, 0)" in x for x in result.report.warnings)
    # Where no likelihood is known, a place beside the corner is one.
    xy[:, :, 30, 0] = -1.0
    result = smooth(replace(ensemble, xy=xy, likelihood=unknown), mode="single")
    np.testing.assert_array_equal(result.poses2d.ensemble_median[:, 30, 0], -1.0)
    assert any(
        f"{n} predictions lie at exactly (0, 0) or (-1, -1)" in x for x in result.report.warnings
    )


@pytest.mark.parametrize("nothing", [0.0, -1.0])
def test_what_stands_for_nothing_found_does_not_speak_against_the_calibration(
    scene, nothing: float
) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.copy()
    hidden = np.random.default_rng(2).random(xy.shape[1:4]) < 0.3
    xy[:, hidden] = nothing
    result = triangulate_ensemble(replace(ensemble, xy=xy), rig)
    assert not any("calibration" in x for x in result.report.warnings)
    n = 3 * int(hidden.sum())
    assert any(f"{n:,} predictions lie at exactly" in x for x in result.report.warnings)


def test_one_set_with_a_placeholder_does_not_move_the_median(scene) -> None:
    rig, _, ensemble = scene
    xy, likelihood = ensemble.xy.copy(), ensemble.likelihood.copy()
    xy[0, :, 50, 1] = likelihood[0, :, 50, 1] = 0.0
    result = smooth(replace(ensemble, xy=xy, likelihood=likelihood), rig)
    np.testing.assert_allclose(
        result.poses2d.ensemble_median[:, 50, 1], xy[1:, :, 50, 1].mean(axis=0), rtol=1e-6
    )


# Likelihoods that tell nothing


@pytest.mark.parametrize("n_models", [1, 3])
@pytest.mark.parametrize("value", [0.0, 1e-6, np.nan])
def test_without_likelihoods_positions_count_as_any_other(
    scene, value: float, n_models: int
) -> None:
    rig, xyz, ensemble = scene
    part = replace(
        ensemble,
        xy=ensemble.xy[:n_models],
        likelihood=np.ones_like(ensemble.likelihood[:n_models]),
        models=ensemble.models[:n_models],
    )
    expected = smooth(part, rig)
    found = smooth(replace(part, likelihood=np.full_like(part.likelihood, value)), rig)
    np.testing.assert_allclose(found.poses3d.xyz, expected.poses3d.xyz, rtol=1e-5, atol=1e-3)
    assert np.linalg.norm(found.poses3d.xyz - xyz, axis=-1).max() < 10
    (note,) = [n for n in found.report.warnings if "likelihood" in n]
    assert "all keypoints in Cam-0, Cam-1, Cam-2" in note
    assert not any("likelihood" in n for n in expected.report.warnings)


def test_without_likelihoods_as_published_a_note_says_what_they_weigh(scene) -> None:
    rig, _, ensemble = scene
    unknown = replace(ensemble, likelihood=np.full_like(ensemble.likelihood, np.nan))
    found = smooth(unknown, rig, as_published=True, smooth_param=1.0)
    assert any("as published, these positions have next to no" in n for n in found.report.warnings)


def test_a_keypoint_without_likelihoods_is_computed_and_named(scene) -> None:
    """As of a point that a tool derived from others and added to the tables."""
    rig, xyz, ensemble = scene
    likelihood = ensemble.likelihood.copy()
    likelihood[..., 2] = 0.0
    found = smooth(replace(ensemble, likelihood=likelihood), rig)
    assert np.linalg.norm(found.poses3d.xyz[:, 2] - xyz[:, 2], axis=-1).max() < 10
    (note,) = [n for n in found.report.warnings if "likelihood" in n]
    assert f"({ensemble.keypoints[2]} in Cam-0, Cam-1, Cam-2)" in note


def test_likelihood_0_in_one_view_only_means_that_it_is_not_believed(scene) -> None:
    rig, xyz, ensemble = scene
    xy, likelihood = ensemble.xy.copy(), ensemble.likelihood.copy()
    likelihood[:, 1, :, 2] = 0.0
    xy[:, 1, :, 2] += 150
    found = smooth(replace(ensemble, xy=xy, likelihood=likelihood), rig)
    assert np.linalg.norm(found.poses3d.xyz[:, 2] - xyz[:, 2], axis=-1).max() < 10


# Numbers that are no positions


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e200, 3e30, 1e7])
@pytest.mark.parametrize("mode", [*MODES, "triangulated"])
def test_impossible_positions_are_missing(scene, mode: str, value: float) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.astype(np.float64)
    xy[:, 1, 20, 0, 0] = value
    found = run(mode, replace(ensemble, xy=xy), rig)
    blank = ensemble.xy.copy()
    blank[:, 1, 20, 0] = np.nan
    expected = run(mode, replace(ensemble, xy=blank), rig)
    np.testing.assert_array_equal(found.poses2d.xy, expected.poses2d.xy)
    assert any("3 predictions are infinite" in n for n in found.report.warnings)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e200])
def test_triangulate_takes_them_as_missing(scene, value: float) -> None:
    rig, xyz, _ = scene
    xy = rig.project(xyz)
    xy[0, 5, 0, 1] = value
    found = triangulate(rig, xy)
    assert found.n_views[5, 0] == 2
    np.testing.assert_allclose(found.xyz, xyz, atol=1e-6)
    assert np.isnan(leave_one_out_residuals(rig, xy)[0, 5, 0])
    weights = np.ones(xy.shape[:-1])
    weights[1, 6, 0] = np.inf if value > 0 else np.nan
    assert np.isfinite(triangulate(rig, rig.project(xyz), weights, "auto").xyz).all()


@pytest.mark.parametrize("robust", ["off", "on", 0, -1.0, np.nan, np.inf, True, [3.0]])
def test_an_invalid_threshold_is_an_error_that_names_the_valid_ones(scene, robust) -> None:
    rig, xyz, _ = scene
    with pytest.raises(PoseDataError, match=r"None .*'auto', or a number of px above zero"):
        triangulate(rig, rig.project(xyz), robust=robust)


# Keypoints without observations


@pytest.mark.parametrize("mode", [*MODES, "triangulated"])
def test_keypoints_without_observations_are_left_empty_and_listed(scene, mode, tmp_path) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, :, :, [1, 3]] = np.nan
    result = run(mode, replace(ensemble, xy=xy), rig)
    assert np.isnan(result.poses2d.xy[:, :, [1, 3]]).all()
    assert np.isfinite(result.poses2d.xy[:, :, [0, 2]]).all()
    assert any("left empty: point1, point3" in n for n in result.report.warnings)
    assert result.report.left_missing == 2 * 120
    assert set(result.report.smooth_param) == (
        set() if mode == "triangulated" else {"point0", "point2"}
    )
    if result.poses3d is not None:
        assert np.isnan(result.poses3d.xyz[:, [1, 3]]).all()
        assert not result.poses3d.n_views[:, [1, 3]].any()
        assert not result.poses3d.inferred[:, [1, 3]].any()
    # The others are what they are without them.
    alone = run(mode, ensemble.select(keypoints=("point0", "point2")), rig)
    np.testing.assert_array_equal(result.poses2d.xy[:, :, [0, 2]], alone.poses2d.xy)
    save_result(result, ensemble, rig if result.poses3d else None, tmp_path / "out")


def test_a_keypoint_that_one_view_alone_observes_has_no_point(scene) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, 1:, :, 2] = np.nan
    for result in (smooth(replace(ensemble, xy=xy), rig), smooth(replace(ensemble, xy=xy))):
        assert any("left empty: point2" in n for n in result.report.warnings)
        assert np.isnan(result.poses2d.xy[:, :, 2]).all()
    single = smooth(replace(ensemble, xy=xy), mode="single")
    assert np.isfinite(single.poses2d.xy[0, :, 2]).all()


def test_keypoints_that_are_hardly_ever_observed_are_named(scene) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, :, 5:, 1] = np.nan
    found = smooth(replace(ensemble, xy=xy), rig).report.warnings
    assert "observed by two views in less than 5 % of 120 frames: point1 (in 5)" in found
    xy[:, :, 5:6, 1] = 10.0
    assert not any("less than" in n for n in smooth(replace(ensemble, xy=xy), rig).report.warnings)


@pytest.mark.parametrize("mode", [*MODES, "triangulated"])
def test_nothing_observed_at_all_is_an_error(scene, mode: str) -> None:
    rig, _, ensemble = scene
    with pytest.raises(PoseDataError, match=r"every keypoint \(point0, .*point3\)"):
        run(mode, replace(ensemble, xy=np.full_like(ensemble.xy, np.nan)), rig)


def test_a_block_goes_on_without_its_empty_keypoint(scene) -> None:
    rig, _, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, :, :, 1] = np.nan
    result = smooth(replace(ensemble, xy=xy), rig, blocks=(("point0", "point1"),))
    assert np.isfinite(result.poses2d.xy[:, :, 0]).all()
    assert set(result.report.smooth_param) == {"point0", "point2", "point3"}


@pytest.mark.parametrize("as_published", [False, True])
def test_too_few_frames_for_a_linear_model_leave_a_keypoint_empty(scene, as_published) -> None:
    """Seen by all views in one frame, and never by all at once; the others are as without them."""
    _, _, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, :, 1:, 1] = np.nan
    xy[:, 0, ::2, 3] = xy[:, 1:, 1::2, 3] = np.nan
    found = run("linear", replace(ensemble, xy=xy), None, as_published=as_published)
    keypoints = ensemble.keypoints
    assert np.isnan(found.poses2d.xy[:, :, [1, 3]]).all()
    assert np.isfinite(found.poses2d.xy[:, :, [0, 2]]).all()
    (note,) = [n for n in found.report.warnings if "linear model needs" in n]
    assert f"{keypoints[1]} (in 1), {keypoints[3]} (in 0)" in note
    with pytest.raises(PoseDataError, match="all views observe the keypoint"):
        run(
            "linear",
            replace(
                ensemble,
                xy=xy[:, :, :, [1, 3]],
                likelihood=ensemble.likelihood[..., [1, 3]],
                keypoints=(keypoints[1], keypoints[3]),
            ),
            None,
        )


def test_a_keypoint_that_a_view_never_observes_is_named_where_views_are_alone(scene) -> None:
    _, _, ensemble = scene
    xy = ensemble.xy.copy()
    xy[:, 1, :, 2] = np.nan
    found = run("single", replace(ensemble, xy=xy), None)
    (note,) = [n for n in found.report.warnings if "no frame of a view" in n]
    assert note.endswith(f"left empty there: {ensemble.keypoints[2]} in {ensemble.views[1]}")
