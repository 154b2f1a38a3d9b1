"""Poses unlike all that were labeled."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from tests.support.recordings.review_scenes import CLEAN, recording

from napari_pose3d.core.review.decisions.thresholds import with_bars
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.measures.labeled_poses import labeled_pose_distances
from napari_pose3d.core.review.session_review import review_result


def bent(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """A chain of six points that bends by an angle, ``(frame, 6, 3)``."""
    steps = np.arange(6)
    turn = angle[:, None] * steps
    ways = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], axis=-1)
    return np.cumsum(ways, axis=1)


def moved(poses: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Elsewhere, and turned any way."""
    q, _ = np.linalg.qr(rng.normal(size=(len(poses), 3, 3)))
    q[:, :, 0] *= np.sign(np.linalg.det(q))[:, None]
    return np.asarray(poses @ q + rng.normal(0, 50, (len(poses), 1, 3)))


def test_where_the_animal_is_and_how_it_is_turned_does_not_count() -> None:
    rng = np.random.default_rng(0)
    labels = moved(bent(np.linspace(0, 0.4, 40)), rng)
    frames = moved(bent(np.array([0.1, 0.25, 0.4, 0.9])), rng)
    found = labeled_pose_distances([frames], [labels])
    assert found is not None
    rms = np.sqrt((found**2).mean(axis=1))
    assert (rms[:3] < 0.02).all()
    assert rms[3] > 0.5
    # The mirror image is another pose.
    mirrored = frames * [1.0, 1.0, -1.0] + rng.normal(0, 0.3, (1, 6, 3))
    assert labeled_pose_distances([mirrored], [labels]) is not None


def by_brute_force(frames: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The definition, pose by pose: each moved and turned onto the mean one."""

    def onto(pose: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        pose = pose - pose.mean(axis=0)
        return np.asarray(Rotation.align_vectors(other, pose)[0].apply(pose))

    mean = labels[0] - labels[0].mean(axis=0)
    for _ in range(3):
        mean = np.mean([onto(pose, mean) for pose in labels], axis=0)
    known = [onto(pose, mean) for pose in labels]
    out = np.empty(frames.shape[:2])
    for n, frame in enumerate(frames):
        apart = [np.linalg.norm(onto(frame, mean) - pose, axis=1) for pose in known]
        out[n] = apart[int(np.argmin([np.square(each).sum() for each in apart]))]
    return out


def test_it_is_the_distance_from_the_nearest_pose_as_defined() -> None:
    rng = np.random.default_rng(3)
    labels = moved(bent(rng.uniform(0, 0.5, 25)) + rng.normal(0, 0.1, (25, 6, 3)), rng)
    frames = moved(bent(rng.uniform(0, 0.9, 40)) + rng.normal(0, 0.1, (40, 6, 3)), rng)
    found = labeled_pose_distances([frames], [labels])
    np.testing.assert_allclose(found, by_brute_force(frames, labels), rtol=1e-4, atol=1e-6)
    # Keypoints that few labeled poses have, and poses that lack another, take no part.
    labels[:20, 2], labels[3, 4] = np.nan, np.nan
    rest = [0, 1, 3, 4, 5]
    found = labeled_pose_distances([frames], [labels])
    assert found is not None
    assert np.isnan(found[:, 2]).all()
    expected = by_brute_force(frames[:, rest], np.delete(labels, 3, axis=0)[:, rest])
    np.testing.assert_allclose(found[:, rest], expected, rtol=1e-4, atol=1e-6)


def test_in_the_views_without_a_calibration() -> None:
    labels = bent(np.linspace(0, 0.4, 40))[..., :2]
    frames = bent(np.array([0.2, 0.9]))[..., :2] + 100.0
    found = labeled_pose_distances([frames, frames], [labels, labels])
    assert found is not None
    assert found[0].max() < 0.05
    assert found[1].max() > 0.5


def test_too_little_is_labeled() -> None:
    frames = bent(np.linspace(0, 0.4, 5))
    assert labeled_pose_distances([frames], [bent(np.linspace(0, 0.4, 9))]) is None
    assert labeled_pose_distances([frames], [np.full((30, 6, 3), np.nan)]) is None
    assert labeled_pose_distances([frames], [np.empty((0, 6, 3))]) is None
    some = bent(np.linspace(0, 0.4, 30))
    some[:, 4] = np.nan
    missing = frames.copy()
    missing[2, 1] = np.nan
    found = labeled_pose_distances([missing], [some])
    assert found is not None
    assert np.isnan(found[:, 4]).all()
    assert np.isnan(found[2]).all()
    assert np.isfinite(found[0, [0, 1, 2, 3, 5]]).all()


@pytest.mark.parametrize("seed", [21, 22])
def test_clean_recordings_stay_quiet_and_a_new_pose_is_an_event(seed: int) -> None:
    made = recording(3, seed, 1500, CLEAN)
    space = made.result.poses3d
    assert space is not None
    labels = made.scene.xyz[::15]
    distance = labeled_pose_distances([space.xyz], [labels])
    clean = review_result(
        made.result, made.scene.rig, watch_cameras=False, labeled_distance=distance
    )
    outside = [event for event in clean.events if event.kind is Failure.OUTSIDE]
    assert sum(event.n_frames for event in outside) <= 0.001 * 1500
    # The head where no labeled pose has it.
    xyz = space.xyz.copy()
    xyz[700:720, 0] += [0.0, 0.0, 70.0]
    odd = labeled_pose_distances([xyz], [labels])
    review = review_result(made.result, made.scene.rig, watch_cameras=False, labeled_distance=odd)
    (event,) = [e for e in review.events if e.kind is Failure.OUTSIDE and e.start <= 710 <= e.end]
    assert made.scene.keypoints[0] in event.keypoints
    assert abs(event.start - 700) <= 1
    assert event.views == ()
    # Its bar is moved like all others.
    quiet = with_bars(review, {"outside": 1e4})
    assert event in review.events
    assert not [each for each in quiet.events if each.kind is Failure.OUTSIDE]
