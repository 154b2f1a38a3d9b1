"""Names of keypoints that come once for each view: recognised, and not where they are ordinary."""

from __future__ import annotations

import pytest

from napari_pose3d.core.formats.predictions.mirrored_names import mirrored_names


def names(bodyparts: str, views: str, pattern: str = "{0}_{1}") -> list[str]:
    return [pattern.format(b, v) for v in views.split() for b in bodyparts.split()]


@pytest.mark.parametrize("views", ["top bot", "cam0 cam1 cam2", "side bottom", "mirror1 mirror2"])
def test_views_by_their_usual_names_are_certain(views: str) -> None:
    found = mirrored_names(names("nose paw_left paw_right", views))
    assert found is not None
    assert found.views == tuple(views.split())
    assert found.bodyparts == ("nose", "paw_left", "paw_right")
    assert found.is_certain
    assert not found.first


def test_views_may_lack_some_bodyparts() -> None:
    # As in the mirrored mouse of Lightning Pose.
    keypoints = [*names("paw1LH nose tailBase obs", "top"), *names("paw1LH nose tailBase", "bot")]
    keypoints += ["obsHigh_bot", "obsLow_bot"]
    found = mirrored_names(keypoints)
    assert found is not None
    assert found.bodyparts == ("paw1LH", "nose", "tailBase")
    assert mirrored_names([*names("a b c d e", "top"), *names("a f g h i", "bot")]) is None


def test_the_view_before_the_body_part() -> None:
    found = mirrored_names(names("nose tail", "top bot", "{1}_{0}"))
    assert found is not None
    assert found.first
    assert found.views == ("top", "bot")


@pytest.mark.parametrize(
    "keypoints",
    [
        names("nose ear paw", "left right"),
        names("paw ear", "L R"),
        names("paw ear", "l r"),
        names("leftpaw rightpaw", "front hind"),
        names("spine tail", "1 2 3"),
        names("tail finger", "base mid tip"),
        names("left right", "paw ear", "{0}_{1}"),
        names("left right", "paw ear"),
        ["nose", "ear_left", "ear_right", "tail"],
        ["nose_top", "tail_bot"],
        ["nose_top", "tail_top"],
        ["nose", "tail"],
        ["_top", "_bot"],
        [],
    ],
)
def test_ordinary_skeletons_are_no_views(keypoints: list[str]) -> None:
    found = mirrored_names(keypoints)
    assert found is None or not found.is_certain
    if any(side in name for name in keypoints for side in ("nose", "left_p", "_left", "_L")):
        assert found is None


def test_other_names_are_a_hint_only() -> None:
    found = mirrored_names(names("nose tail", "mouseA mouseB"))
    assert found is not None
    assert not found.is_certain


def test_what_was_announced_is_believed() -> None:
    found = mirrored_names(names("nose ear", "left right"), announced=True)
    assert found is not None
    assert found.views == ("left", "right")
