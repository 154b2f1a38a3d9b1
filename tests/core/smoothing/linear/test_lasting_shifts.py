"""The warning that smoothing without a calibration moved points away from what the views saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import Poses2D, smooth
from napari_pose3d.core.smoothing.linear.lasting_shifts import lasting_shifts, shift_note

VIEWS, KEYPOINTS = ("left", "right"), ("nose", "tail")


def smoothed(noise: float = 1.0, spread: float = 1.0, n_frames: int = 300) -> Poses2D:
    """Positions and observations that differ by noise alone."""
    rng = np.random.default_rng(3)
    shape = (2, n_frames, 2, 2)
    xy = rng.uniform(0, 500, shape).astype(np.float32)
    return Poses2D(
        xy=xy,
        likelihood=rng.uniform(0.5, 1.0, shape[:-1]).astype(np.float32),
        views=VIEWS,
        keypoints=KEYPOINTS,
        ensemble_median=xy + rng.normal(0, noise, shape).astype(np.float32),
        ensemble_variance=np.full(shape, spread**2, np.float32),
    )


def moved(poses: Poses2D, by: float, frames: slice = slice(None)) -> Poses2D:
    xy = poses.xy.copy()
    xy[1, frames, 0, 0] += by
    return replace(poses, xy=xy)


def test_noise_that_is_taken_away_is_no_shift() -> None:
    for models in (1, 5):
        assert lasting_shifts(smoothed(), models) == []
        assert shift_note(smoothed(), models) is None
    # Nor is much noise where the sets differ as much.
    assert lasting_shifts(smoothed(noise=5.0, spread=5.0), 5) == []


def test_a_lasting_shift_is_named_with_its_view_and_size() -> None:
    (found,) = lasting_shifts(moved(smoothed(), 6.0), 5)
    assert (found.view, found.keypoint) == ("right", "nose")
    assert found.shift == pytest.approx(6.0, abs=0.5)
    assert found.spread == pytest.approx(1.0)
    note = shift_note(moved(smoothed(), 6.0), 5)
    assert note is not None
    assert "right up to 6.0 (nose)" in note or "right up to 6.1 (nose)" in note
    assert "left" not in note.split(";")[0]
    assert "differ by 1.0" in note


def test_what_the_sets_differ_by_explains_a_shift() -> None:
    assert lasting_shifts(moved(smoothed(spread=4.0), 6.0), 5) == []
    # Of a single set nothing is known: a small shift is not reported, a large one is.
    assert lasting_shifts(moved(smoothed(spread=1.0), 3.0), 1) == []
    (found,) = lasting_shifts(moved(smoothed(spread=1.0), 9.0), 1)
    assert np.isnan(found.spread)
    assert "differ" not in str(shift_note(moved(smoothed(), 9.0), 1))


def test_a_part_of_the_frames_is_what_other_views_may_correct() -> None:
    assert lasting_shifts(moved(smoothed(), 60.0, slice(0, 60)), 5) == []


def test_missing_frames_and_short_recordings() -> None:
    poses = moved(smoothed(), 6.0)
    centre = poses.ensemble_median.copy()
    centre[:, ::3] = np.nan
    centre[0] = np.nan
    with_gaps = replace(poses, ensemble_median=centre)
    assert [s.view for s in lasting_shifts(with_gaps, 5)] == ["right"]
    assert lasting_shifts(moved(smoothed(n_frames=20), 6.0), 5) == []
    assert lasting_shifts(replace(poses, ensemble_median=None), 5) == []


def test_on_a_scene_with_perspective_the_straight_model_is_warned_of_and_ours_is_not() -> None:
    rng = np.random.default_rng(5)
    rig = ring_rig(3)
    # The animal comes near to the cameras.
    xyz = walk(400, 2, rng)
    xyz = 100 * (xyz - xyz.mean(axis=0)) / np.abs(xyz - xyz.mean(axis=0)).max()
    ensemble = noisy_ensemble(rig, xyz, rng, n_models=3)
    straight = smooth(ensemble, as_published=True)
    assert "moved points away" in straight.report.warnings[0]
    assert straight.report.serious == straight.report.warnings[:1]
    ours = smooth(ensemble)
    assert not any("moved points away" in note for note in ours.report.warnings)
    assert ours.report.serious == ()
    assert any("only smoothed together" in note for note in ours.report.warnings)
    # With a calibration neither is said.
    assert not any("smooth" in note for note in smooth(ensemble, rig).report.warnings)
