"""Equality with ensemble-kalman-smoother 4.6.2 on a small recording of our own.

``benchmarks/oracles/eks.py`` made the recording and ran the package on it.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.paths import REPO

from napari_pose3d import Ensemble, Rig, load_predictions, load_rig, smooth
from napari_pose3d.core.cameras.projection import pack_cameras
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import ensemble_statistics
from napari_pose3d.core.smoothing.kalman.state_space import (
    Track,
    negative_log_likelihood,
)
from napari_pose3d.core.smoothing.linear.linear_smoother import linear_keypoint, training_frames
from napari_pose3d.core.smoothing.linear.single_view_smoother import single_view_tracks
from napari_pose3d.core.smoothing.published.published_smoother import published_track

FOLDER = REPO / "tests" / "data" / "eks"
KINDS = ("calibrated", "linear", "single")


def go_on() -> bool:
    return False


@pytest.fixture(scope="module")
def recording() -> tuple[Ensemble, Rig]:
    rig = load_rig(FOLDER / "input" / "calibration.toml")
    return load_predictions(FOLDER / "input", rig=rig).in_memory(), rig


def expected(name: str):
    found = np.load(FOLDER / f"{name}.npz")
    assert str(found["version"]) == "4.6.2"
    return found


def given(recording, kind: str, keypoints: tuple[str, ...] | None = None):
    """What the package was given, and the mode that it was called for."""
    ensemble, rig = recording
    views = ("Cam-A",) if kind == "single" else None
    return ensemble.select(views=views, keypoints=keypoints), rig if kind == "calibrated" else None


def assert_equal(result, theirs, keypoint: int | slice, kind: str) -> None:
    at = (slice(None), slice(None), np.atleast_1d(np.arange(2)[keypoint]))
    assert np.abs(result.poses2d.xy - theirs["xy"][at]).max() < 1e-3
    variance, ensemble = theirs["posterior_var"][at], theirs["ens_var"][at]
    np.testing.assert_allclose(result.poses2d.ensemble_variance, ensemble, rtol=1e-5)
    if kind == "calibrated":
        # 4.6.2 adds the first camera's ensemble variance in every view; we add each view's own.
        variance = variance - ensemble[:1] + ensemble
    np.testing.assert_allclose(result.poses2d.variance, variance, rtol=2e-3)


@pytest.mark.parametrize(
    ("kind", "s"), [("calibrated", 1.0), ("linear", 10.0), ("single", 1.0)], ids=KINDS
)
def test_with_the_smoothing_parameter_given(recording, kind: str, s: float) -> None:
    theirs = expected(f"{kind}_s{s:.0f}")
    result = smooth(*given(recording, kind), mode=kind, smooth_param=s, as_published=True)
    assert_equal(result, theirs, slice(None), kind)


@pytest.mark.parametrize("kind", ["calibrated", "single"])
@pytest.mark.parametrize("keypoint", [0, 1])
def test_at_the_smoothing_parameter_that_it_found(recording, kind: str, keypoint: int) -> None:
    theirs = expected(f"{kind}_searched")
    name = (recording[0].keypoints[keypoint],)
    s = float(theirs["smooth_param"][keypoint])
    result = smooth(*given(recording, kind, name), mode=kind, smooth_param=s, as_published=True)
    assert_equal(result, theirs, keypoint, kind)


def tracks_of(recording, kind: str, keypoint: int) -> tuple[np.ndarray, list[Track]]:
    ensemble, rig = given(recording, kind)
    statistics = ensemble_statistics(ensemble)
    centre, variance = statistics.centre[:, :, keypoint], statistics.variance[:, :, keypoint]
    everything = np.ones(ensemble.n_frames, dtype=bool)
    if rig is not None:
        xy, name = ensemble.xy[:, :, :, keypoint], ensemble.keypoints[keypoint]
        track = published_track(rig, xy, centre, variance, everything, name, go_on)
        return rig.packed, [track]
    no_cameras = pack_cameras(())
    if kind == "single":
        return no_cameras, single_view_tracks(centre, variance, everything, as_published=True)[0]
    common = {"n_latent": 3, "as_published": True, "cancelled": go_on}
    frames = training_frames(
        statistics.centre, statistics.variance, ensemble.keypoints, quantile_keep=50.0, **common
    )[keypoint]
    found = linear_keypoint(centre, variance, frames, everything, inflate=False, **common)
    return no_cameras, [found.track]


@pytest.mark.parametrize("kind", KINDS)
def test_our_search_reaches_at_least_its_likelihood(recording, kind: str) -> None:
    theirs = expected(f"{kind}_searched")["smooth_param"]
    ours = smooth(*given(recording, kind), mode=kind, as_published=True).smooth_param
    for keypoint in range(2):
        cams, tracks = tracks_of(recording, kind, keypoint)

        def cost(s: float, cams=cams, tracks=tracks) -> float:
            return sum(negative_log_likelihood(cams, track, float(s)) for track in tracks)

        assert cost(ours[keypoint]) <= cost(theirs[keypoint]) + 1e-9
        # It stops early, but not far away.
        assert abs(np.log(ours[keypoint] / theirs[keypoint])) < 1.0


@pytest.mark.parametrize("keypoint", [0, 1])
def test_linear_at_the_smoothing_parameter_that_it_found(recording, keypoint: int) -> None:
    # The package fits as many frames of each keypoint as of the others: both are smoothed.
    theirs = expected("linear_searched")
    s = float(theirs["smooth_param"][keypoint])
    result = smooth(*given(recording, "linear"), smooth_param=s, as_published=True)
    xy = result.poses2d.xy[:, :, keypoint]
    assert np.abs(xy - theirs["xy"][:, :, keypoint]).max() < 1e-3
    np.testing.assert_allclose(
        result.poses2d.variance[:, :, keypoint], theirs["posterior_var"][:, :, keypoint], rtol=2e-3
    )
