"""What is read after a network was asked about a frame."""

from __future__ import annotations

import numpy as np

from napari_pose3d.core.models.proposals.frame_proposal import FrameProposal
from napari_pose3d.gui.tasks.labeling.control.frame_proposer import describe, proposed_labels

VIEWS = ("Cam-A", "Cam-B", "Cam-C")
KEYPOINTS = ("nose", "ear", "neck", "tail")


def proposal(
    disagreeing: tuple[tuple[int, int], ...] = (), undecided: tuple[int, ...] = ()
) -> FrameProposal:
    """Positions of all keypoints in all views; where views disagree, by (view, keypoint)."""
    shape = (len(VIEWS), len(KEYPOINTS))
    off, open_ = np.zeros(shape, bool), np.zeros(len(KEYPOINTS), bool)
    for place in disagreeing:
        off[place] = True
    open_[list(undecided)] = True
    xy = np.arange(2.0 * off.size).reshape(*shape, 2)
    return FrameProposal(VIEWS, KEYPOINTS, xy, np.ones(shape), off, open_, np.zeros(shape))


def test_views_that_disagree_get_the_position_of_the_others_and_are_named() -> None:
    assert "By the other views" not in describe(proposal(), "net", 12, 12)
    one = describe(proposal(((1, 0),)), "net", 12, 12)
    assert one.startswith("12 labels are proposed by net: C confirms one")
    assert one.endswith(" By the other views: nose in Cam-B.")
    several = proposal(((0, 3), (1, 0), (1, 2), (2, 0), (2, 1)))
    text = describe(several, "net", 12, 12)
    assert text.endswith(
        " By the other views: tail in Cam-A, nose in Cam-B, neck in Cam-B and 2 more."
    )


def test_what_is_open_and_what_is_not_seen_is_said() -> None:
    text = describe(proposal(((1, 0),), undecided=(3,)), "net", 9, 9)
    assert text.endswith("nose in Cam-B. Views contradict each other about tail.")
    assert describe(proposal(), "net", 0, 0) == (
        "net is not sure of any keypoint here: nothing is proposed."
    )
    assert describe(proposal(), "net", 0, 12) == (
        "Everything that the network sees is labeled already."
    )


def test_only_positions_of_keypoints_of_the_project_are_proposed() -> None:
    found = proposed_labels(proposal(), ("tail", "nose"))
    assert {(key.view, key.keypoint) for key in found} == {
        (view, name) for view in VIEWS for name in ("nose", "tail")
    }
