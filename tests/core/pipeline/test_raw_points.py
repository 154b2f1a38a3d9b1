"""Predictions in space as they are, beside what a smoother made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import arc_rig
from tests.support.windows.gui_helpers import make_result

from napari_pose3d.core.pipeline.raw_points import raw_points
from napari_pose3d.errors import Cancelled

RIG = arc_rig()


def test_points_are_where_the_views_meet() -> None:
    result = make_result(rig=RIG)
    poses2d, truth = result.poses2d, result.poses3d.xyz  # type: ignore[union-attr]
    found = raw_points(replace(poses2d, ensemble_median=poses2d.xy), RIG, truth)
    assert found is not None
    np.testing.assert_allclose(found, truth, atol=1e-3)
    noisy = raw_points(poses2d, RIG, truth)
    assert noisy is not None
    error = np.linalg.norm(noisy - truth, axis=-1)
    assert 0.001 < np.median(error) < 0.2


def test_what_cannot_be_seen_or_lies_far_away_is_missing() -> None:
    result = make_result(rig=RIG)
    assert result.poses3d is not None
    centre = result.poses2d.xy.copy()
    centre[1:, 3, 0] = np.nan
    # Rays that hardly converge.
    centre[:, 5, 1] = centre[:1, 5, 1] + 1e5
    found = raw_points(replace(result.poses2d, ensemble_median=centre), RIG, result.poses3d.xyz)
    assert found is not None
    assert np.isnan(found[3, 0]).all()
    assert np.isfinite(found[4, 0]).all()
    span = np.ptp(result.poses3d.xyz.reshape(-1, 3), axis=0).max()
    assert np.nanmax(np.abs(found)) < 25 * span


def test_views_without_a_camera_are_left_out() -> None:
    result = make_result(rig=RIG)
    assert result.poses3d is not None
    poses2d, xyz = replace(result.poses2d, ensemble_median=result.poses2d.xy), result.poses3d.xyz
    found = raw_points(poses2d, RIG.subset(RIG.names[:0:-1]), xyz)
    assert found is not None
    np.testing.assert_allclose(found, xyz, atol=1e-3)
    assert raw_points(poses2d, RIG.subset(RIG.names[:1]), xyz) is None
    assert raw_points(replace(poses2d, ensemble_median=None), RIG, xyz) is None
    assert raw_points(poses2d, RIG, np.full_like(xyz, np.nan)) is None


def test_it_can_be_cancelled() -> None:
    result = make_result(rig=RIG)
    assert result.poses3d is not None
    with pytest.raises(Cancelled):
        raw_points(result.poses2d, RIG, result.poses3d.xyz, lambda: True)
