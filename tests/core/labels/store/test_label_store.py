"""Labels in memory: edits, undo, and what is unsaved."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.projects.label_projects import KEYPOINTS, VIEWS, clicked, key, label_key

from napari_pose3d.core.labels.store.label import (
    EMPTY,
    FrameKey,
    Label,
    LabelKey,
    LabelStatus,
    Visibility,
)
from napari_pose3d.core.labels.store.label_store import LabelStore
from napari_pose3d.errors import PoseDataError


def new_store(**given: Any) -> LabelStore:
    return LabelStore(VIEWS, KEYPOINTS, **given)


def test_a_label_is_placed_undone_and_redone() -> None:
    store = new_store()
    with store.edit("place nose") as edit:
        edit.put(key(3), label_key(), clicked(1, 2))
    assert store.label(key(3), label_key()).position == (1, 2)
    assert store.history.undo_text == "place nose"
    store.undo()
    assert store.label(key(3), label_key()) == EMPTY
    assert (store.history.undo_text, store.history.redo_text) == ("", "place nose")
    store.redo()
    assert store.label(key(3), label_key()) == clicked(1, 2)
    assert store.undo() is not None
    assert store.undo() is None


def test_a_drag_through_all_views_is_one_step() -> None:
    store = new_store()
    heard = []
    store.committed.connect(heard.append)
    edit = store.begin("move nose")
    for x in range(20):
        for view in VIEWS:
            edit.put(key(3), label_key(view), clicked(x, 2))
        assert store.label(key(3), label_key("front")).position == (x, 2)
    edit.finish()
    assert [len(command.changes) for command in heard] == [3]
    store.undo()
    assert not store.labels(key(3))


def test_a_cancelled_drag_leaves_nothing() -> None:
    store = new_store()
    with store.edit("place") as edit:
        edit.put(key(3), label_key(), clicked(1, 2))
    moving = store.begin("move")
    moving.put(key(3), label_key(), clicked(9, 9))
    assert store.undo() is None, "undo waits for the drag"
    moving.cancel()
    assert store.label(key(3), label_key()) == clicked(1, 2)
    assert store.history.redo_text == ""


def test_an_edit_that_fails_or_changes_nothing_is_no_step() -> None:
    store = new_store()
    with (
        pytest.raises(PoseDataError, match="no keypoint 'ear' in view 'top'"),
        store.edit("x") as e,
    ):
        e.put_all(key(3), {label_key(): clicked(1, 2), label_key("top", "ear"): clicked(1, 2)})
    assert not store.labels(key(3))
    with store.edit("there and back") as edit:
        edit.put(key(3), label_key(), clicked(1, 2))
        edit.put(key(3), label_key(), EMPTY)
    assert store.history.undo_text == ""
    with pytest.raises(RuntimeError, match="under way"), store.edit("outer"):
        store.begin("inner")


def test_what_is_unsaved_is_told_by_the_labels_not_by_the_clicks() -> None:
    store = new_store(frames=[key(3)], load=lambda _: {label_key(): clicked(1, 2)})
    assert store.unsaved == ()
    with store.edit("move") as edit:
        edit.put(key(3), label_key(), clicked(5, 6))
    assert store.unsaved == (key(3),)
    assert store.changed_labels(key(3)) == {label_key(): clicked(5, 6)}
    store.undo()
    assert store.unsaved == ()
    store.redo()
    store.mark_saved([key(3)])
    assert store.unsaved == ()
    store.undo()
    assert store.changed_labels(key(3)) == {label_key(): clicked(1, 2)}


def test_frames_are_loaded_when_they_are_needed() -> None:
    asked = []

    def load(frame: FrameKey) -> dict[LabelKey, Label]:
        asked.append(frame)
        return {label_key(): clicked(frame.frame, 0)}

    store = new_store(frames=[key(n) for n in range(1000)], load=load)
    assert store.label(key(7), label_key()).position == (7, 0)
    assert store.labels(key(2000)) == {}
    assert asked == [key(7)]


def test_proposals_of_a_network_are_no_labels() -> None:
    store = new_store()
    with store.edit("propose") as edit:
        edit.put(key(3), label_key(), Label((1, 2), LabelStatus.PREDICTED, Visibility.VISIBLE))
    assert not store.is_labeled(key(3))
    with store.edit("confirm") as edit:
        edit.put(
            key(3),
            label_key(),
            store.label(key(3), label_key()).by("ann", status=LabelStatus.CONFIRMED),
        )
    assert store.is_labeled(key(3))


# ---------------------------------------------------------------------- against a simple model

frames = st.builds(FrameKey, st.just("day1"), st.integers(0, 2))
label_keys = st.builds(LabelKey, st.sampled_from(VIEWS), st.sampled_from(KEYPOINTS))
labels = st.one_of(
    st.just(EMPTY),
    st.builds(
        Label,
        st.tuples(st.integers(0, 3).map(float), st.integers(0, 3).map(float)),
        st.sampled_from([LabelStatus.CLICKED, LabelStatus.PROJECTED, LabelStatus.PREDICTED]),
        st.just(Visibility.VISIBLE),
    ),
)
puts = st.lists(st.tuples(frames, label_keys, labels), max_size=4)
commands = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), puts),
        st.tuples(st.just("cancelled"), puts),
        st.tuples(st.sampled_from(["undo", "redo", "save"]), st.just([])),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(commands)
def test_any_commands_against_a_plain_list_of_states(steps: list[Any]) -> None:
    store = new_store(frames=[key(1)], load=lambda _: {label_key(): clicked(1, 2)})
    start = {(key(1), label_key()): clicked(1, 2)}
    states, at, saved = [start], 0, start

    def now() -> dict[Any, Label]:
        return {(f, s): label for f in store.frames for s, label in store.labels(f).items()}

    for kind, changes in steps:
        if kind in ("edit", "cancelled"):
            state = copy.copy(states[at])
            edit = store.begin(kind)
            for frame, place, label in changes:
                edit.put(frame, place, label)
                state[frame, place] = label
            state = {place: label for place, label in state.items() if label != EMPTY}
            if kind == "cancelled":
                edit.cancel()
            else:
                edit.finish()
                if state != states[at]:
                    states, at = [*states[: at + 1], state], at + 1
        elif kind == "undo":
            assert (store.undo() is not None) == (at > 0)
            at = max(at - 1, 0)
        elif kind == "redo":
            assert (store.redo() is not None) == (at < len(states) - 1)
            at = min(at + 1, len(states) - 1)
        else:
            store.mark_saved(store.unsaved)
            saved = states[at]
        assert now() == states[at]
        different = {
            place[0] for place in {*saved, *states[at]} if saved.get(place) != states[at].get(place)
        }
        assert set(store.unsaved) == different
    while store.undo() is not None:
        pass
    assert now() == start
