"""Filling views without a rig, against the truth of the synthetic scene."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d import PoseDataError
from napari_pose3d.core.labels.geometry.linear_model import LinearModel, LinearProjection, learn
from napari_pose3d.synthetic.scene import Scene, make_scene

CLICK = 1.5
CHI2_95 = 5.991


def labeled(scene: Scene, n_frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noisy labels of some frames, ``(frame, view, keypoint, 2)``, and the other frames."""
    frames = rng.choice(scene.n_frames, n_frames, replace=False)
    xy = np.moveaxis(scene.xy[:, frames], 1, 0)
    return xy + rng.normal(0, CLICK, xy.shape), np.setdiff1d(np.arange(scene.n_frames), frames)


def filled(
    model: LinearModel, scene: Scene, frame: int, n_labels: int, rng: np.random.Generator
) -> tuple[LinearProjection, np.ndarray, np.ndarray]:
    """The projection, which views of which keypoint had no label, and the error there."""
    truth = scene.xy[:, frame]
    unseen = rng.permuted(np.indices(truth.shape[:2])[0], axis=0) >= n_labels
    xy = np.where(unseen[..., None], np.nan, truth + rng.normal(0, CLICK, truth.shape))
    found = model.project(xy)
    return found, unseen, found.xy - truth


@pytest.mark.parametrize("seed", [0, 1])
def test_two_labels_fill_the_others_and_say_how_well(seed: int) -> None:
    scene = make_scene(400, 4, seed=seed)
    rng = np.random.default_rng(seed)
    labels, rest = labeled(scene, 20, rng)
    model = learn(labels)
    assert model is not None
    distances, inside, share = [], [], []
    for frame in rest[::15]:
        found, unseen, error = filled(model, scene, frame, 2, rng)
        there = unseen & np.isfinite(error[..., 0])
        share.append(there.sum() / unseen.sum())
        e = error[there]
        inverse = np.linalg.inv(found.uncertainty[there])
        inside.append(np.einsum("ni,nij,nj->n", e, inverse, e) < CHI2_95)
        distances.append(np.linalg.norm(e, axis=-1))
    assert np.mean(share) > 0.95
    assert np.median(np.concatenate(distances)) < 3.0
    assert np.concatenate(inside).mean() > 0.9


def test_missing_cells_and_mistakes_in_the_labeled_frames() -> None:
    scene = make_scene(400, 4, seed=2)
    rng = np.random.default_rng(2)
    labels, rest = labeled(scene, 30, rng)
    wrong = rng.random(labels.shape[:3]) < 0.03
    labels[wrong] += rng.normal(0, 60, (wrong.sum(), 2))
    labels[rng.random(labels.shape[:3]) < 0.2] = np.nan
    labels[rng.random(labels.shape[:3]) < 0.05, 1] = np.nan
    model = learn(labels)
    assert model is not None
    distances = []
    for frame in rest[::15]:
        _, unseen, error = filled(model, scene, frame, 3, rng)
        distances.append(np.linalg.norm(error[unseen], axis=-1))
    found = np.concatenate(distances)
    assert np.isfinite(found).mean() > 0.9
    assert np.nanmedian(found) < 3.5


def test_a_view_that_was_never_labeled_with_the_others_stays_empty() -> None:
    scene = make_scene(100, 4, seed=3)
    rng = np.random.default_rng(3)
    labels, _ = labeled(scene, 20, rng)
    labels[:10, 3] = np.nan
    labels[10:, :3] = np.nan
    model = learn(labels)
    assert model is not None
    xy = scene.xy[:, 50].copy()
    xy[2:] = np.nan
    found = model.project(xy)
    assert np.isfinite(found.xy[2]).mean() > 0.9
    assert np.isnan(found.xy[3]).all()
    # ... and its labels do not keep the others from being used.
    xy[3] = scene.xy[3, 50]
    np.testing.assert_array_equal(model.project(xy).xy[2], found.xy[2])


def test_one_label_does_not_tell_depth() -> None:
    scene = make_scene(300, 3, seed=4)
    rng = np.random.default_rng(4)
    labels, rest = labeled(scene, 30, rng)
    model = learn(labels)
    assert model is not None
    found, unseen, _ = filled(model, scene, rest[0], 1, rng)
    assert np.isfinite(found.xy[unseen]).mean() < 0.1
    # Asked for all the same, it answers with an uncertainty as large as it is.
    xy = np.where(unseen[..., None], np.nan, scene.xy[:, rest[0]])
    wide = model.project(xy, max_sd=1000.0)
    assert np.isfinite(wide.xy[unseen]).all()
    assert np.sqrt(np.linalg.eigvalsh(wide.uncertainty[unseen])[:, 1]).min() > 6.0
    assert np.isnan(wide.xy[~unseen]).all()


def test_too_little_to_learn_from() -> None:
    scene = make_scene(50, 3, seed=5)
    labels = np.moveaxis(scene.xy[:, :1], 1, 0)
    assert learn(labels) is None  # 13 keypoints in one frame
    assert learn(np.full((5, 3, 13, 2), np.nan)) is None
    assert learn(np.empty((0, 3, 13, 2))) is None
    alone = np.moveaxis(scene.xy, 1, 0).copy()
    alone[:, 1:] = np.nan
    assert learn(alone) is None
    model = learn(np.moveaxis(scene.xy[:, :2], 1, 0))
    assert model is not None
    with pytest.raises(PoseDataError, match="learned from"):
        model.project(scene.xy[:2, 0])
