"""Left and right exchanged in labels without a calibration."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.paths import REPO

from napari_pose3d.core.review.audit.findings import LabelFault
from napari_pose3d.core.review.audit.flat_audit import exchanged_sides_without_rig
from napari_pose3d.synthetic.planted_faults import faulty_labels

MOUSE = REPO.parent / "shared" / "data" / "mouse" / "CollectedData.csv"


def test_planted_exchanges_are_found_and_hardly_anything_else() -> None:
    given, planted = faulty_labels("sides", 4, 2000, sd=1.0)
    found = exchanged_sides_without_rig(
        "arena", given.frames, given.views, given.keypoints, given.xy, given.pairs
    )
    hit = [any(f.frame == p.frame and p.views <= set(f.views) for f in found) for p in planted]
    assert np.mean(hit) > 0.5
    bad = {p.frame for p in planted}
    assert len([f for f in found if f.frame not in bad]) <= 2


def test_clean_labels_are_not_accused() -> None:
    given, _ = faulty_labels("none", 3, 2001)
    found = exchanged_sides_without_rig(
        "arena", given.frames, given.views, given.keypoints, given.xy, given.pairs
    )
    assert len(found) <= np.isfinite(given.xy[..., 0]).sum() / 1000


def test_nothing_to_judge() -> None:
    nothing = np.full((2, 5, 3, 2), np.nan)
    names = ("a", "b", "c")
    assert exchanged_sides_without_rig("", np.arange(5), ("x", "y"), names, nothing, [(0, 1)]) == []
    assert exchanged_sides_without_rig("", np.arange(0), ("x",), names, nothing[:1, :0], []) == []


def mouse() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Real labels of two mirror views, ``(view, frame, keypoint, 2)``."""
    with MOUSE.open() as stream:
        _, names, _, *rows = csv.reader(stream)
    columns = {name: i for i, name in enumerate(names) if name not in names[:i]}
    table = np.array([[float(v) if v else np.nan for v in row[1:]] for row in rows])
    keypoints = ("paw1LH", "paw2LF", "paw3RF", "paw4RH", "tailBase", "tailMid", "nose")
    at = [[columns[f"{k}_{view}"] - 1 for k in keypoints] for view in ("top", "bot")]
    return keypoints, np.stack([np.stack([table[:, c : c + 2] for c in v], axis=1) for v in at])


@pytest.mark.realdata
@pytest.mark.skipif(not MOUSE.exists(), reason="the real labels are not here")
@pytest.mark.parametrize(("views", "least"), [((1,), 1.0), ((0,), 0.85), ((0, 1), 0.9)])
def test_real_labels_with_sides_exchanged_in_five_per_cent(
    views: tuple[int, ...], least: float
) -> None:
    """In the view from below the sides lie apart; from the side they cover each other."""
    keypoints, labels = mouse()
    pairs = [(0, 3), (1, 2)]
    frames, names = np.arange(len(labels[0])), ("top", "bot")
    assert exchanged_sides_without_rig("", frames, names, keypoints, labels, pairs) == []
    hits, n_false = [], 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        bad = labels.copy()
        planted = {
            int(n): pairs[rng.integers(2)] for n in rng.choice(len(frames), 5, replace=False)
        }
        for n, pair in planted.items():
            for v in views:
                bad[v, n, list(pair)] = bad[v, n, list(pair)[::-1]]
        found = exchanged_sides_without_rig("", frames, names, keypoints, bad, pairs)
        for n, pair in planted.items():
            wanted = tuple(keypoints[k] for k in pair)
            hits.append(any(f.frame == n and f.keypoints == wanted for f in found))
        n_false += sum(f.frame not in planted for f in found)
    assert np.mean(hits) >= least
    assert n_false <= 10 * np.isfinite(labels[..., 0]).sum() / 1000
    kinds = {f.kind for f in found}
    assert kinds <= {LabelFault.SIDES_EXCHANGED, LabelFault.SIDES_EXCHANGED_EVERYWHERE}
