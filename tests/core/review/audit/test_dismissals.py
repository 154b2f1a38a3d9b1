"""Findings that were dismissed stay so, and come back by undo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from napari_pose3d.core.review.audit.dismissals import Dismissals
from napari_pose3d.core.review.audit.findings import LabelFault, LabelFinding

ONE = LabelFinding(LabelFault.FORGOTTEN, "walk", 7, ("top",), ("nose",), True, "seen", 3.0)
OTHER = replace(ONE, frame=8)


def test_a_dismissed_finding_is_known_again(tmp_path: Path) -> None:
    kept = Dismissals(tmp_path, "ann")
    assert ONE not in kept
    kept.dismiss([ONE, OTHER])
    again = Dismissals(tmp_path)
    # Other evidence and another suggestion do not bring it back.
    assert replace(ONE, score=9.0, evidence="other", correction={("top", "nose"): (1, 2)}) in again
    assert OTHER in again
    assert replace(ONE, views=("side",)) not in again
    assert replace(ONE, kind=LabelFault.DISAGREES) not in again
    assert again.dismiss([ONE]) is None


def test_undo_brings_all_of_a_step_back(tmp_path: Path) -> None:
    kept = Dismissals(tmp_path, "ann")
    kept.dismiss([ONE])
    kept.dismiss([OTHER])
    assert kept.undo_text == "dismiss: forgotten"
    kept.undo()
    assert OTHER not in kept
    assert ONE in kept
    assert ONE in Dismissals(tmp_path)


@pytest.mark.parametrize(
    "line", ["{}", '{"time": "", "who": "", "text": "", "changes": [[[1], null, [2]]]}']
)
def test_a_damaged_line_does_not_count(tmp_path: Path, line: str) -> None:
    kept = Dismissals(tmp_path, "ann")
    kept.dismiss([ONE])
    path = tmp_path / "napari-pose3d" / "decisions" / "audit.jsonl"
    path.write_text(line + "\n" + path.read_text())
    assert ONE in Dismissals(tmp_path)
