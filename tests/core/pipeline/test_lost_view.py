"""A view that is lost for most of a short recording says nothing about the calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import Rig, smooth


def test_a_lost_view_is_no_wrong_calibration() -> None:
    rng = np.random.default_rng(0)
    rig = ring_rig(3)
    ensemble = noisy_ensemble(rig, walk(80, 6, rng), rng)
    xy, likelihood = ensemble.xy.copy(), ensemble.likelihood.copy()
    xy[:, 1, :60] = rng.uniform(0, 1000, xy[:, 1, :60].shape)
    likelihood[:, 1, :60] = 0.05
    report = smooth(replace(ensemble, xy=xy, likelihood=likelihood), rig).report
    assert not [text for text in report.warnings if "does not fit" in text]


def test_a_camera_that_is_wrong_throughout_is_named_in_spite_of_its_likelihood() -> None:
    rng = np.random.default_rng(0)
    rig = ring_rig(3)
    ensemble = noisy_ensemble(rig, walk(80, 6, rng), rng)
    likelihood = ensemble.likelihood.copy()
    likelihood[:, 1] = 0.05
    exchanged = Rig(
        tuple(replace(rig.cameras[i], name=rig.names[j]) for i, j in ((0, 0), (2, 1), (1, 2)))
    )
    report = smooth(replace(ensemble, likelihood=likelihood), exchanged).report
    assert [text for text in report.warnings if "look exchanged" in text]
