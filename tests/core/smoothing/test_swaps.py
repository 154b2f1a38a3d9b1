"""Left taken for right: found from the geometry, reported, exchanged when asked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import (
    Ensemble,
    PoseDataError,
    TriangulationSettings,
    save_result,
    smooth,
    triangulate_ensemble,
)
from napari_pose3d.core.poses.left_right import left_right_pairs
from napari_pose3d.gui.layers.recording_layers import result_layers

NAMES = ("nose", "paw_left", "paw_right")


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(3)
    rig = ring_rig(4)
    xyz = walk(300, 3, rng)
    xyz[:, 2] = xyz[:, 1] + [0.0, 30.0, 5.0]
    ensemble = replace(noisy_ensemble(rig, xyz, rng), keypoints=NAMES)
    return rig, xyz, ensemble


def exchanged(ensemble: Ensemble, model: slice | int, view: int, frames: slice) -> Ensemble:
    xy, likelihood = ensemble.xy.copy(), ensemble.likelihood.copy()
    for array in (xy, likelihood):
        array[model, view, frames, 1:] = array[model, view, frames, :0:-1].copy()
    return replace(ensemble, xy=xy, likelihood=likelihood)


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (("nose", "ear_left", "ear_right"), [(1, 2)]),
        (("RightPaw", "LeftPaw"), [(1, 0)]),
        (("l_ear", "r_ear", "tail"), [(0, 1)]),
        (("pawL", "pawR", "Lknee", "Rknee"), [(0, 1), (2, 3)]),
        (("L1A", "L1B", "R1A", "R1B"), [(0, 2), (1, 3)]),
        (("lip", "rip", "heel", "heer", "ball"), []),
        (("paw_left", "nose"), []),
    ],
)
def test_pairs_are_told_by_names(names, pairs) -> None:
    assert left_right_pairs((), names) == pairs


def test_pairs_can_be_given_and_nonsense_is_refused() -> None:
    assert left_right_pairs([("b", "a")], ("a", "b", "c")) == [(1, 0)]
    for given, said in (
        ([("a",)], "no pair"),
        ([("a", "x")], "called x"),
        ([("a", "b"), ("b", "c")], "twice"),
    ):
        with pytest.raises(PoseDataError, match=said):
            left_right_pairs(given, ("a", "b", "c"))


def test_nothing_is_found_where_nothing_is_wrong(scene) -> None:
    rig, _, ensemble = scene
    result = smooth(ensemble, rig)
    assert result.swaps is not None
    assert result.swaps.pairs == (("paw_left", "paw_right"),)
    assert not result.swaps.views.any()
    assert not result.swaps.models.any()
    assert not any("left and right" in note for note in result.report.warnings)


def test_a_view_that_swaps_is_found_and_exchanged_when_asked(scene, tmp_path) -> None:
    rig, _, ensemble = scene
    spoilt = exchanged(ensemble, slice(None), 2, slice(100, 140))
    found = smooth(spoilt, rig)
    assert found.swaps is not None
    expected = np.zeros((4, 300, 1), dtype=bool)
    expected[2, 100:140] = True
    np.testing.assert_array_equal(found.swaps.views, expected)
    assert not found.swaps.models.any()
    assert any("40 cases (most: Cam-2" in note for note in found.report.warnings)
    save_result(found, spoilt, rig, tmp_path)
    record = json.loads((tmp_path / "walk_run.json").read_text())["swaps"]
    assert record["found"] == [
        {"who": "view", "view": "Cam-2", "pair": ["paw_left", "paw_right"], "frames": [100, 139]}
    ]

    fixed = smooth(spoilt, rig, fix_swaps=True)
    assert fixed.swaps is not None
    assert fixed.swaps.corrected
    np.testing.assert_array_equal(fixed.swaps.views, expected)
    untouched = smooth(ensemble, rig)
    assert fixed.poses3d is not None
    assert untouched.poses3d is not None
    np.testing.assert_array_equal(fixed.poses3d.xyz, untouched.poses3d.xyz)
    assert (fixed.poses3d.n_views == 4).all()
    # The user's own arrays are as they were.
    np.testing.assert_array_equal(spoilt.xy[0, 2, 120, 1], ensemble.xy[0, 2, 120, 2])


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_set_that_swaps_is_found_and_exchanged_when_asked(scene, calibrated: bool) -> None:
    rig, _, ensemble = scene
    rig = rig if calibrated else None
    spoilt = exchanged(ensemble, 1, 3, slice(50, 60))
    before = spoilt.xy.copy()
    found = smooth(spoilt, rig)
    assert found.swaps is not None
    expected = np.zeros((4, 300, 1))
    expected[3, 50:60] = 1
    np.testing.assert_array_equal(found.swaps.models, expected)
    fixed, untouched = smooth(spoilt, rig, fix_swaps=True), smooth(ensemble, rig)
    np.testing.assert_array_equal(fixed.poses2d.xy, untouched.poses2d.xy)
    np.testing.assert_array_equal(spoilt.xy, before)


def test_triangulation_looks_for_swaps_as_well(scene, tmp_path) -> None:
    rig, _, ensemble = scene
    spoilt = exchanged(ensemble, slice(None), 2, slice(100, 140))
    spoilt = exchanged(spoilt, 1, 3, slice(50, 60))
    found = triangulate_ensemble(spoilt, rig)
    assert found.swaps is not None
    expected = np.zeros((4, 300, 1), dtype=bool)
    expected[2, 100:140] = True
    np.testing.assert_array_equal(found.swaps.views, expected)
    assert found.swaps.models[3, 50:60].all()
    assert any("left and right" in note for note in found.report.warnings)
    save_result(found, spoilt, rig, tmp_path)
    assert len(json.loads((tmp_path / "walk_run.json").read_text())["swaps"]["found"]) == 2

    fixed = triangulate_ensemble(spoilt, rig, TriangulationSettings(fix_swaps=True))
    untouched = triangulate_ensemble(ensemble, rig)
    assert fixed.swaps is not None
    assert fixed.swaps.corrected
    np.testing.assert_array_equal(fixed.poses3d.xyz, untouched.poses3d.xyz)


def test_swaps_are_shown_in_the_layer_of_the_raw_points(scene) -> None:
    rig, _, ensemble = scene
    spoilt = exchanged(ensemble, slice(None), 2, slice(100, 140))
    spoilt = exchanged(spoilt, 1, 2, slice(50, 60))
    layers = {d["name"]: d for _, d, _ in result_layers(smooth(spoilt, rig), rig)}
    layer = layers["raw Cam-2"]
    features, face, border = layer["features"], layer["face_color"], layer["border_color"]
    swapped = features["swapped"].to_numpy()
    frames = features["time"].to_numpy()
    paws = features["keypoint"].isin(["paw_left", "paw_right"]).to_numpy()
    np.testing.assert_array_equal(swapped, paws & (frames >= 100) & (frames < 140))
    sets = features["swapped_sets"].to_numpy()
    np.testing.assert_array_equal(sets, paws & (frames >= 50) & (frames < 60))
    # A ring of its own colour, filled with that of the other side.
    colour = {name: border[features["keypoint"] == name][0] for name in NAMES}
    left = swapped & (features["keypoint"] == "paw_left").to_numpy()
    assert (face[left] == colour["paw_right"]).all()
    assert (border[left] == colour["paw_left"]).all()
    assert (face[~swapped, 3] == 0).all()
    assert not layers["raw Cam-1"]["features"]["swapped"].any()


def test_sides_that_lie_together_are_left_alone(scene) -> None:
    rig, xyz, _ = scene
    close = xyz.copy()
    close[:, 2] = close[:, 1] + [0.0, 1.5, 0.0]
    ensemble = replace(noisy_ensemble(rig, close, np.random.default_rng(4)), keypoints=NAMES)
    result = smooth(ensemble, rig)
    assert result.swaps is not None
    assert not result.swaps.views.any()
    assert not result.swaps.models.any()


def test_the_published_smoother_does_not_look(scene) -> None:
    rig, _, ensemble = scene
    assert smooth(ensemble, rig, as_published=True, smooth_param=1.0).swaps is None
    noted = smooth(ensemble, rig, as_published=True, smooth_param=1.0, fix_swaps=True)
    assert any("fix_swaps" in note for note in noted.report.warnings)
