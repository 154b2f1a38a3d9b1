"""The audit of labels: planted faults are found, named and blamed on the right view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_pose3d import triangulate
from napari_pose3d.core.review.audit.findings import AuditInput, LabelFault, LabelFinding
from napari_pose3d.core.review.audit.label_audit import audit_labels
from napari_pose3d.synthetic.planted_faults import Kind, PlantedFault, faulty_labels


def f1(planted: list[PlantedFault], findings: list[LabelFinding]) -> float:
    """A finding of another kind, or of other views, is a false one, and the fault is missed."""
    open_ones = list(findings)
    hits = 0
    for fault in planted:
        for finding in open_ones:
            if (
                finding.frame == fault.frame
                and finding.kind is fault.kind
                and fault.views <= set(finding.views)
            ):
                open_ones.remove(finding)
                hits += 1
                break
    return 2 * hits / (len(planted) + len(findings))


@pytest.mark.parametrize(
    ("kind", "with_3", "with_4"),
    [
        ("disagrees", 0.85, 0.95),
        ("sides", 0.85, 0.95),
        ("views", 0.95, 0.99),
        ("duplicate", 0.95, 0.97),
        ("everywhere", 0.95, 0.95),
        ("unlike", 0.9, 0.95),
    ],
)
@pytest.mark.parametrize("n_cameras", [3, 4])
def test_planted_faults(kind: Kind, with_3: float, with_4: float, n_cameras: int) -> None:
    given, planted = faulty_labels(kind, n_cameras, 2000)
    assert len(planted) > 30
    assert f1(planted, audit_labels(given)) >= (with_3 if n_cameras == 3 else with_4)


def test_six_cameras() -> None:
    given, planted = faulty_labels("disagrees", 6, 2001)
    assert f1(planted, audit_labels(given)) >= 0.95


def test_one_frame_off_is_found_where_the_animal_moves() -> None:
    given, planted = faulty_labels("off", 4, 2000)
    findings = audit_labels(given)
    fast = [fault for fault in planted if fault.moved > 2]
    assert len(fast) > 10
    found = {(f.frame, f.views) for f in findings if f.kind is LabelFault.ONE_FRAME_OFF}
    hit = [any(f.frame == n and f.views <= set(views) for n, views in found) for f in fast]
    assert np.mean(hit) >= 0.9
    # Frames in which nothing is off are not accused.
    assert len(found) - len([f for f in planted if (f.frame, tuple(f.views)) in found]) <= 3


def test_one_frame_off_needs_to_know_how_the_animal_moves() -> None:
    given, _ = faulty_labels("off", 4, 2000)
    kinds = {f.kind for f in audit_labels(replace(given, steps=None))}
    assert LabelFault.ONE_FRAME_OFF not in kinds


@pytest.mark.parametrize("n_cameras", [2, 3, 4])
def test_clean_labels_have_hardly_a_finding(n_cameras: int) -> None:
    given, _ = faulty_labels("none", n_cameras, 2002, n_frames=200)
    findings = audit_labels(given)
    assert len(findings) <= np.isfinite(given.xy[..., 0]).sum() / 1000


@pytest.mark.parametrize("n_cameras", [3, 4])
def test_forgotten_labels_are_missed_where_they_are_usual(n_cameras: int) -> None:
    given, planted = faulty_labels("forgotten", n_cameras, 2000, missing=0.0)
    findings = audit_labels(given)
    assert f1(planted, findings) >= 0.95
    # What is proposed is where the labels of the other views put the point.
    reprojection = given.rig.project(triangulate(given.rig, given.xy).xyz)
    proposals = [f for f in findings if f.kind is LabelFault.FORGOTTEN]
    assert proposals
    for finding in proposals:
        ((view, keypoint), at) = next(iter(finding.correction.items()))
        v, k = given.views.index(view), given.keypoints.index(keypoint)
        assert np.isnan(given.xy[v, finding.frame, k]).all()
        np.testing.assert_allclose(at, reprojection[v, finding.frame, k], atol=3.0)


def test_corrections_mend_what_they_are_of() -> None:
    """Applied, a correction leaves no finding of its kind."""
    for kind in ("sides", "views", "disagrees"):
        given, planted = faulty_labels(kind, 4, 2003, n_frames=40)  # type: ignore[arg-type]
        findings = audit_labels(given)
        xy = given.xy.copy()
        for finding in findings:
            for (view, keypoint), at in finding.correction.items():
                v, k = given.views.index(view), given.keypoints.index(keypoint)
                xy[v, finding.frame, k] = np.nan if at is None else at
        left = audit_labels(replace(given, xy=xy))
        assert planted
        assert len(left) <= 0.1 * len(findings), kind


def with_label(given: AuditInput, view: int, frame: int, keypoint: int, xy: object) -> AuditInput:
    changed = given.xy.copy()
    changed[view, frame, keypoint] = xy
    return replace(given, xy=changed)


def test_values_that_no_label_has() -> None:
    given, _ = faulty_labels("none", 4, 2004, n_frames=60)
    given = with_label(given, 0, 3, 2, (0.0, 0.0))
    given = with_label(given, 1, 5, 4, (1400.0, 300.0))
    found = {
        (f.kind, f.frame, f.views, f.keypoints) for f in audit_labels(given) if f.kind.is_error
    }
    assert (LabelFault.AT_ZERO, 3, given.views[:1], given.keypoints[2:3]) in found
    assert (LabelFault.OUTSIDE, 5, given.views[1:2], given.keypoints[4:5]) in found
    assert len(found) == 2


def test_a_copied_row() -> None:
    given, _ = faulty_labels("none", 4, 2004, n_frames=60)
    xy = given.xy.copy()
    xy[2, 20] = xy[2, 7]
    # Copied to an earlier frame: it is there that the other views contradict it.
    xy[0, 30] = xy[0, 41]
    found = audit_labels(replace(given, xy=xy))
    rows = [f for f in found if f.kind is LabelFault.IDENTICAL_ROWS]
    assert [(f.frame, f.views) for f in rows] == [(20, given.views[2:3]), (30, given.views[:1])]
    # One finding says it all, and where the labels belong.
    assert not [f for f in found if f.kind.is_error and f not in rows]
    for one in rows:
        v = given.views.index(one.views[0])
        assert len(one.correction) == len(one.keypoints)
        off = [
            np.hypot(*(np.array(at) - given.xy[v, one.frame, given.keypoints.index(name)]))
            for (_, name), at in one.correction.items()
            if at is not None
        ]
        assert np.nanmedian(off) < 4


def test_projections_are_no_evidence_and_may_be_stale() -> None:
    given, _ = faulty_labels("none", 4, 2004, n_frames=60, missing=0.0)
    projected = np.full_like(given.xy, np.nan)
    clicked = given.xy.copy()
    # Two views were clicked, and the others follow; one no longer does.
    clicked[2:] = np.nan
    xyz = triangulate(given.rig, clicked).xyz
    projected[2:] = given.rig.project(xyz)[2:]
    projected[3, 11, 5] += [6.0, -3.0]
    found = audit_labels(replace(given, xy=clicked, projected=projected))
    assert not [f for f in found if f.kind.is_error]
    stale = [f for f in found if f.kind is LabelFault.STALE_PROJECTION]
    assert [(f.frame, f.views, f.keypoints) for f in stale] == [
        (11, given.views[3:4], given.keypoints[5:6])
    ]


def test_with_two_views_both_are_named() -> None:
    given, planted = faulty_labels("disagrees", 2, 2005)
    findings = [f for f in audit_labels(given) if f.kind is LabelFault.DISAGREES]
    assert findings
    assert all(set(f.views) == set(given.views) and not f.certain for f in findings)
    frames = {fault.frame for fault in planted}
    assert np.mean([f.frame in frames for f in findings]) >= 0.95


def test_nothing_labeled() -> None:
    given, _ = faulty_labels("none", 3, 2004, n_frames=10)
    assert audit_labels(replace(given, xy=np.full_like(given.xy, np.nan))) == []
    none = replace(
        given, xy=given.xy[:, :0], frames=given.frames[:0], steps=None, track=None, track_sd=None
    )
    assert audit_labels(none) == []


@pytest.mark.parametrize(("n_cameras", "least"), [(3, 0.85), (4, 0.9)])
def test_one_frame_off_with_predictions(n_cameras: int, least: float) -> None:
    given, planted = faulty_labels("off", n_cameras, 2000)
    assert f1(planted, audit_labels(given)) >= least


@pytest.mark.parametrize("kind", ["sides", "everywhere", "unlike"])
def test_without_predictions_less_is_found_and_nothing_more_accused(kind: Kind) -> None:
    given, planted = faulty_labels(kind, 4, 2000)
    alone = replace(given, steps=None, track=None, track_sd=None)
    assert f1(planted, audit_labels(alone)) >= 0.8


def test_predictions_that_are_wrong_accuse_no_label() -> None:
    """Frames are labeled where networks fail."""
    given, _ = faulty_labels("none", 4, 2002, n_frames=200)
    assert given.track is not None
    rng = np.random.default_rng(0)
    wrong = rng.random(given.track.shape[:2]) < 0.3
    track = np.where(
        wrong[..., None], given.track + rng.normal(0, 30, given.track.shape), given.track
    )
    findings = audit_labels(replace(given, track=track))
    assert len(findings) <= np.isfinite(given.xy[..., 0]).sum() / 1000
