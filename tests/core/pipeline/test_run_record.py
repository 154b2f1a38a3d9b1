"""The record of a run, read again and described."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import PoseDataError, smooth
from napari_pose3d.core.pipeline.results.result_files import save_result
from napari_pose3d.core.pipeline.results.run_record import (
    describe_record,
    is_record,
    read_record,
    views_of_record,
)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    rig = ring_rig(2)
    ensemble = noisy_ensemble(rig, walk(60, 2, rng), rng)
    result = smooth(ensemble, rig, smooth_param=2.0, smooth_params=(("point1", 8.0),))
    return save_result(result, ensemble, rig, tmp_path / "out")[-1]


def test_it_says_what_was_done_and_how_well_it_fits(record: Path) -> None:
    assert is_record(record)
    text = describe_record(record)
    for part in (
        "the record of a run of napari-pose3d",
        "session walk",
        "smoothed in 3-D with the calibration",
        "60 frames x 2 keypoints (point0, point1) x 2 views (Cam-0, Cam-1)",
        'smooth_params = [["point1", 8.0]]',
        "s (given): point0 2, point1 8",
        "set aside",
    ):
        assert part in text
    # Nothing that was left as it is.
    assert "max_gap" not in text
    rows = [line.split() for line in text.splitlines() if line.strip().startswith("Cam-")]
    assert len(rows) == 2
    saved = json.loads(record.read_text())["per_view"]
    assert float(rows[0][2]) == pytest.approx(saved["Cam-0"]["residual"], abs=0.006)


def test_views_are_read_back(record: Path) -> None:
    views = views_of_record(read_record(record))
    saved = json.loads(record.read_text())["per_view"]
    assert set(views) == {"Cam-0", "Cam-1"}
    assert views["Cam-1"].observations == saved["Cam-1"]["observations"]
    assert views["Cam-1"].residual == saved["Cam-1"]["residual"]


def test_inputs_that_changed_or_went_are_said(record: Path, tmp_path: Path) -> None:
    there, gone = tmp_path / "a.csv", tmp_path / "b.csv"
    there.write_text("longer than before")
    content = json.loads(record.read_text())
    content["inputs"] = [
        {"path": str(there), "view": "Cam-0", "model": "seed=0", "bytes": 3},
        {"path": str(gone), "role": "calibration", "bytes": 3},
        "nonsense",
    ]
    record.write_text(json.dumps(content))
    text = describe_record(record)
    assert f"view Cam-0 of seed=0: {there} (changed since)" in text
    assert f"calibration: {gone} (not there any more)" in text


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"per_view": [1], "settings": 3, "inputs": {"a": 1}, "views": 2, "smooth_param": [1]},
        {"per_view": {"a": 1, "b": {"residual": "x", "observations": None}}, "mode": ["x"]},
        {"keypoints": None, "warnings": "text", "smooth_param": {"a": "b"}},
    ],
)
def test_records_of_other_versions_are_described_as_far_as_possible(
    tmp_path: Path, values: dict[str, object]
) -> None:
    path = tmp_path / "x_run.json"
    path.write_text(json.dumps({"program": "napari-pose3d", **values}))
    assert "record of a run" in describe_record(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"program": "other"}', "", "\0"])
def test_other_files_are_no_records(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x_run.json"
    path.write_text(text)
    assert not is_record(path)
    with pytest.raises(PoseDataError, match="no record"):
        describe_record(path)
    assert not is_record(tmp_path)
    assert not is_record(tmp_path / "nowhere.json")
