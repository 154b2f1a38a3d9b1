"""Labels of some views fill the others: accuracy, honest uncertainty, and who disagrees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import PoseDataError, Rig, load_predictions, load_rig
from napari_pose3d.core.cameras.epipolar import epipolar_curve, nearest_on_curve
from napari_pose3d.core.cameras.working_volume import working_volume
from napari_pose3d.core.labels.geometry.keypoint_priors import (
    Distances,
    ExpectedPoints,
    labeled_points,
    learn_distances,
)
from napari_pose3d.core.labels.geometry.label_projection import Place, Projection, project_labels
from napari_pose3d.synthetic.scene import Scene, make_scene

CLICK = 1.5
# 95 % of a chi-squared variable with two degrees of freedom lie below this.
CHI2_95 = 5.991


def labels_of(
    scene: Scene, frame: int, n_labels: int, rng: np.random.Generator, sd: float = CLICK
) -> np.ndarray:
    """Clicks in ``n_labels`` random views of each keypoint, ``(view, keypoint, 2)``."""
    truth = scene.xy[:, frame]
    rank = rng.permuted(np.indices(truth.shape[:2])[0], axis=0)
    clicked = truth + rng.normal(0, sd, truth.shape)
    return np.where((rank < n_labels)[..., None], clicked, np.nan)


def move_one(xy: np.ndarray, distance: float, rng: np.random.Generator) -> np.ndarray:
    """Move one label of each keypoint in a random direction; returns which view's."""
    moved = np.array([rng.choice(np.flatnonzero(seen)) for seen in np.isfinite(xy[..., 0]).T])
    angle = rng.uniform(0, 2 * np.pi, len(moved))
    shift = distance * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    xy[moved, np.arange(len(moved))] += shift
    return moved


def learned(scene: Scene, frames: np.ndarray, rng: np.random.Generator) -> Distances:
    """Distances as a labeler's first frames teach them: three noisy labels of each keypoint."""
    xy = np.stack([labels_of(scene, frame, 3, rng) for frame in frames], axis=1)
    return learn_distances(labeled_points(scene.rig, xy))


def error_of(found: Projection, scene: Scene, frame: int) -> np.ndarray:
    return np.linalg.norm(found.reprojection - scene.xy[:, frame], axis=-1)


def squared_distances(found: Projection, truth: np.ndarray) -> np.ndarray:
    error = found.reprojection - truth
    inverse = np.linalg.inv(found.uncertainty)
    return np.einsum("vki,vkij,vkj->vk", error, inverse, error)


@pytest.mark.parametrize("n_labels", [2, 3, 4])
def test_exact_labels_fill_all_views_exactly(n_labels: int) -> None:
    scene = make_scene(3, 4)
    xy = labels_of(scene, 1, n_labels, np.random.default_rng(0), sd=0.0)
    found = project_labels(scene.rig, xy)
    np.testing.assert_allclose(found.reprojection, scene.xy[:, 1], atol=1e-5)
    np.testing.assert_allclose(found.xyz, scene.xyz[1], atol=1e-5)
    assert np.all(found.place == Place.INSIDE)
    assert np.all(found.suspect == -1)
    np.testing.assert_array_equal(found.used, np.isfinite(xy[..., 0]))
    np.testing.assert_array_equal(np.isfinite(found.residual), found.used)
    assert np.nanmax(found.residual) < 1e-5
    with_check = found.used & (n_labels >= 3)
    np.testing.assert_array_equal(np.isfinite(found.left_out), with_check)
    np.testing.assert_array_equal(np.isfinite(found.doubt), with_check)


def test_fewer_than_two_labels_fill_nothing() -> None:
    scene = make_scene(1, 4)
    xy = labels_of(scene, 0, 2, np.random.default_rng(0))
    xy[:, 0] = np.nan
    xy[1:, 1] = np.nan
    xy[:, 2, 0] = np.nan  # half a position is none
    found = project_labels(scene.rig, xy)
    assert np.isnan(found.xyz[:3]).all()
    assert np.isnan(found.reprojection[:, :3]).all()
    assert np.all(found.place[:, :3] == Place.UNKNOWN)
    assert np.isfinite(found.reprojection[:, 3:]).all()
    assert project_labels(scene.rig, xy[:, :0]).xyz.shape == (0, 3)
    with pytest.raises(PoseDataError, match="one entry per camera"):
        project_labels(scene.rig, xy[:3])


def test_beside_the_image_and_behind_the_camera_are_told_apart() -> None:
    rig = ring_rig(4)
    camera = rig.cameras[3]
    turn = np.diag([-1.0, 1.0, -1.0])
    away = replace(camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation)
    shifted = replace(
        rig.cameras[2], matrix=rig.cameras[2].matrix + np.outer([900, 0, 0], [0, 0, 1])
    )
    rig = Rig((*rig.cameras[:2], shifted, away))
    xy = rig.project(np.array([[1.0, 2.0, 3.0]]))
    xy[2:] = np.nan
    found = project_labels(rig, xy)
    assert found.place[:, 0].tolist() == [
        Place.INSIDE,
        Place.INSIDE,
        Place.OUTSIDE,
        Place.BEHIND,
    ]
    assert np.isfinite(found.reprojection[2, 0]).all()
    assert np.isnan(found.reprojection[3, 0]).all()


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_filled_views_are_near_the_truth_and_say_how_near(n_labels: int, seed: int) -> None:
    scene = make_scene(120, 6, seed=seed)
    rng = np.random.default_rng(seed)
    errors, inside, named = [], [], 0
    for frame in range(scene.n_frames):
        xy = labels_of(scene, frame, n_labels, rng)
        found = project_labels(scene.rig, xy)
        filled = np.isnan(xy[..., 0])
        errors.append(error_of(found, scene, frame)[filled])
        inside.append((squared_distances(found, scene.xy[:, frame]) < CHI2_95)[filled])
        named += np.sum(found.suspect >= 0)
    assert np.median(np.concatenate(errors)) < (2.0 if n_labels == 2 else 1.4)
    assert 0.94 < np.concatenate(inside).mean() < 0.99
    # Nobody is accused without a reason.
    assert named <= 0.002 * 120 * 13


def test_the_uncertainty_grows_with_clicks_that_are_worse_than_stated() -> None:
    scene = make_scene(150, 4, seed=5)
    rng = np.random.default_rng(5)
    inside, accused, suggested = [], 0, []
    for frame in range(scene.n_frames):
        found = project_labels(scene.rig, labels_of(scene, frame, 3, rng, sd=3 * CLICK))
        inside.append(squared_distances(found, scene.xy[:, frame]) < CHI2_95)
        accused += np.sum(found.suspect >= 0)
        suggested.append(found.click_sd)
    assert np.mean(inside) > 0.88
    assert accused < 0.02 * 150 * 13
    assert 0.8 * 3 * CLICK < np.median(suggested) < 1.2 * 3 * CLICK


@pytest.mark.parametrize(("n_views", "seed"), [(3, 0), (4, 1), (6, 2)])
def test_the_wrong_one_of_three_labels_is_named(n_views: int, seed: int) -> None:
    scene = make_scene(600, n_views, seed=seed)
    rng = np.random.default_rng(seed)
    labeled = np.arange(0, 600, 40)
    distances = learned(scene, labeled, rng)
    right: dict[str, list[np.ndarray]] = {"alone": [], "with distances": []}
    errors = []
    for frame in np.setdiff1d(np.arange(0, 600, 7), labeled):
        xy = labels_of(scene, frame, 3, rng)
        filled = np.isnan(xy[..., 0])
        wrong = move_one(xy, 40.0, rng)
        filled[wrong, np.arange(len(wrong))] = True
        alone = project_labels(scene.rig, xy)
        found = project_labels(scene.rig, xy, distances=distances)
        right["alone"].append(alone.suspect == wrong)
        right["with distances"].append(found.suspect == wrong)
        errors.append(error_of(found, scene, frame)[filled])
        # Whoever is named does not count any more.
        assert not found.used[found.suspect, np.arange(len(wrong))].any()
    # Every keypoint of these frames has a wrong label: its neighbours help little.
    assert np.mean(right["alone"]) >= 0.945
    assert np.mean(right["with distances"]) >= 0.985
    assert np.median(np.concatenate(errors)) < 2.0


def test_two_wrong_labels_of_six_are_set_aside() -> None:
    scene = make_scene(150, 6, seed=3)
    rng = np.random.default_rng(3)
    correct, errors = [], []
    for frame in range(scene.n_frames):
        xy = labels_of(scene, frame, 6, rng)
        keypoints = rng.choice(13, 3, replace=False)
        wrong = np.zeros(xy.shape[:2], dtype=bool)
        for k in keypoints:
            wrong[rng.choice(6, 2, replace=False), k] = True
        angle = rng.uniform(0, 2 * np.pi, wrong.shape)
        xy[wrong] += (30.0 * np.stack([np.cos(angle), np.sin(angle)], axis=-1))[wrong]
        found = project_labels(scene.rig, xy)
        correct.append((found.used == ~wrong).all(axis=0))
        errors.append(error_of(found, scene, frame)[:, keypoints])
        named = np.flatnonzero(found.suspect >= 0)
        assert wrong[found.suspect[named], named].mean() > 0.5
    assert np.mean(correct) > 0.99
    assert np.median(np.concatenate(errors)) < 1.5
    # A keypoint by itself as well.
    alone = project_labels(scene.rig, xy[:, keypoints[:1]])
    np.testing.assert_array_equal(alone.used[:, 0], ~wrong[:, keypoints[0]])


def test_left_out_residuals_are_normalised() -> None:
    scene = make_scene(100, 4, seed=4)
    rng = np.random.default_rng(4)
    left_out = []
    for frame in range(scene.n_frames):
        found = project_labels(scene.rig, labels_of(scene, frame, 4, rng))
        assert np.all(found.left_out >= found.residual - 1e-9)
        left_out.append(found.left_out_sd)
    below = np.concatenate(left_out) < np.sqrt(CHI2_95)
    assert 0.93 < below.mean() < 0.98


def test_two_labels_that_contradict_each_other_are_noticed() -> None:
    scene = make_scene(100, 4, seed=9)
    rng = np.random.default_rng(9)
    clean, off = [], []
    for frame in range(scene.n_frames):
        xy = labels_of(scene, frame, 2, rng)
        found = project_labels(scene.rig, xy)
        assert np.all(found.suspect == -1)
        clean.append(found.misfit)
        move_one(xy, 40.0, rng)
        found = project_labels(scene.rig, xy)
        off.append(found.misfit)
        # The ellipses know.
        assert np.mean(squared_distances(found, scene.xy[:, frame]) < CHI2_95) > 0.4
    assert 0.9 < np.sqrt(np.mean(np.square(clean))) < 1.1
    assert np.mean(np.concatenate(clean) > 3.0) < 0.01
    # Only a move along the epipolar line stays unseen.
    assert np.mean(np.concatenate(off) > 3.0) > 0.85


def ambiguous(scene: Scene, frame: int, k: int) -> np.ndarray:
    """Exact labels in three views, the first moved by some 40 px along its epipolar line."""
    rig = scene.rig
    xy = np.full((len(rig.cameras), 13, 2), np.nan)
    xy[:3] = scene.xy[:3, frame]
    line = epipolar_curve(rig, 1, xy[1, k], 0, working_volume(rig), n_points=200)
    xy[0, k] = nearest_on_curve(line, xy[0, k] + 40 * direction(line.xy))
    return xy


def direction(path: np.ndarray) -> np.ndarray:
    return (path[-1] - path[0]) / np.linalg.norm(path[-1] - path[0])


def test_what_labels_cannot_tell_is_doubted_until_other_evidence_decides() -> None:
    scene = make_scene(400, 4, seed=6)
    frame, k = 200, 3
    xy = ambiguous(scene, frame, k)
    # Alone, the third view may be the wrong one as well as the first.
    alone = project_labels(scene.rig, xy[:, k : k + 1])
    assert alone.doubt[0, 0] > 0.2
    assert alone.doubt[2, 0] > 0.2
    assert alone.doubt[1, 0] < 0.01
    np.testing.assert_allclose(np.nansum(alone.doubt), 1.0, atol=1e-6)
    # Whatever is chosen, the ellipses reach as far as the other explanation.
    assert np.all(squared_distances(alone, scene.xy[:, frame, k : k + 1]) < CHI2_95)

    distances = learned(scene, np.arange(0, 400, 30), np.random.default_rng(6))
    found = project_labels(scene.rig, xy, distances=distances)
    assert found.suspect[k] == 0
    assert found.doubt[0, k] > 0.95
    assert error_of(found, scene, frame)[:, k].max() < 1.0

    expected = ExpectedPoints(scene.xyz[frame] + 1.0, np.tile(4.0 * np.eye(3), (13, 1, 1)))
    found = project_labels(scene.rig, xy, expected=expected)
    assert found.suspect[k] == 0
    assert found.doubt[0, k] > 0.95
    # Where nothing is expected nothing changes.
    nothing = ExpectedPoints(np.full((1, 3), np.nan), np.full((1, 3, 3), np.nan))
    again = project_labels(scene.rig, xy[:, k : k + 1], expected=nothing)
    np.testing.assert_array_equal(again.doubt, alone.doubt)


def test_evidence_never_overrules_labels_that_agree() -> None:
    scene = make_scene(400, 4, seed=7)
    rng = np.random.default_rng(7)
    distances = learned(scene, np.arange(0, 400, 30), rng)
    elsewhere = ExpectedPoints(scene.xyz[5] + 200.0, np.tile(np.eye(3), (13, 1, 1)))
    xy = labels_of(scene, 5, 3, rng)
    plain = project_labels(scene.rig, xy)
    found = project_labels(scene.rig, xy, expected=elsewhere, distances=distances)
    np.testing.assert_array_equal(found.xyz, plain.xyz)
    np.testing.assert_array_equal(found.suspect, plain.suspect)


def test_distances_of_rigid_pairs_vary_little() -> None:
    scene = make_scene(600, 4, seed=8)
    found = learned(scene, np.arange(0, 600, 20), np.random.default_rng(8))
    index = scene.keypoints.index
    for a, b in scene.rigid_pairs:
        i, j = index(a), index(b)
        true = np.linalg.norm(scene.xyz[0, i] - scene.xyz[0, j])
        assert abs(found.median[i, j] - true) < 1.0
        assert found.sd[i, j] < 3.0
    assert found.sd[index("nose"), index("tail_mid")] > 3.0
    few = learn_distances(scene.xyz[:4])
    assert np.isnan(few.median).all()
    assert few.n_frames.max() == 4


@pytest.mark.parametrize("seed", range(4))
def test_labels_without_any_sense_are_survived(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera = ring_rig(1).cameras[0]
    same_place = Rig(tuple(replace(camera, name=name) for name in "abc"))
    bent = ring_rig(4, distortion=(-0.5, 0.1, 0.01, 0.01, 0.0))
    for rig in (ring_rig(6), same_place, bent):
        for _ in range(20):
            xy = rng.uniform(-3000, 3000, (len(rig.cameras), 5, 2))
            xy[rng.random(xy.shape[:2]) < 0.4] = np.nan
            xy[0, 0] = np.inf
            distances = learn_distances(rng.normal(0, 30, (10, 5, 3)))
            found = project_labels(rig, xy, distances=distances)
            n = np.isfinite(xy).all(axis=-1).sum(axis=0)
            known = np.isfinite(found.xyz).all(axis=-1)
            assert not known[n < 2].any()
            assert np.all((found.place == Place.UNKNOWN) == ~known)
            assert np.all(found.suspect[n < 3] == -1)
            there = np.isfinite(found.reprojection[..., 0])
            assert np.isfinite(found.uncertainty[there]).all()
            assert not found.used[np.isnan(xy[..., 0])].any()


@pytest.mark.realdata
def test_a_nearly_telecentric_rig(shared_data: Path) -> None:
    fly = shared_data / "fly"
    rig = load_rig(fly / "calibration.toml")
    xy = np.median(load_predictions(fly, rig=rig).in_memory().xy, axis=0)[:, 100]
    found = project_labels(rig, xy, click_sd=2.0)
    assert np.isfinite(found.xyz).all()
    assert np.all(found.place == Place.INSIDE)
    assert np.median(found.residual) < 3.0
    two = xy.copy()
    two[2] = np.nan
    filled = project_labels(rig, two, click_sd=2.0).reprojection[2]
    full = project_labels(rig, xy, click_sd=2.0).left_out[2]
    np.testing.assert_allclose(np.linalg.norm(filled - xy[2], axis=-1), full, rtol=1e-5)
