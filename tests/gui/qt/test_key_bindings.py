"""The table of keys: no key does two things, and each is a key that Qt can send."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from napari_pose3d.gui.qt.key_bindings import LABEL_KEYS, MOUSE, VIEW_KEYS, Key, Modifiers, find_key
from napari_pose3d.gui.tasks.labeling.dialogs.key_help import key_groups


def actions_by_key(table: tuple[Key, ...]) -> dict[tuple[str, Modifiers], set[str]]:
    found: dict[tuple[str, Modifiers], set[str]] = defaultdict(set)
    for key in table:
        found[key.key, key.modifiers].add(key.action)
    return found


@pytest.mark.parametrize("table", [VIEW_KEYS, LABEL_KEYS, VIEW_KEYS + LABEL_KEYS])
def test_no_key_does_two_things(table: tuple[Key, ...]) -> None:
    for key, actions in actions_by_key(table).items():
        assert len(actions) == 1, key


def test_an_action_has_one_meaning() -> None:
    texts: dict[str, set[str]] = defaultdict(set)
    for key in (*VIEW_KEYS, *LABEL_KEYS):
        texts[key.action].add(key.text)
        assert key.action.isidentifier(), key.action
        assert key.modifiers <= {"Shift", "Control", "Alt"}, key.action
    for action, meanings in texts.items():
        assert len(meanings) == 1, action


@pytest.mark.parametrize("key", sorted({key.key for key in (*VIEW_KEYS, *LABEL_KEYS)}))
def test_each_key_is_named_as_qt_names_it(key: str) -> None:
    from qtpy.QtGui import QKeySequence

    # The views look a key up by the name that Qt gives to the one that was pressed.
    code = QKeySequence(key)[0].key()
    assert QKeySequence(code).toString() == key


def test_keys_are_found_with_their_modifiers() -> None:
    found = find_key(LABEL_KEYS, "D", frozenset({"Shift"}))
    assert found is not None
    assert found.action == "next_labeled"
    assert find_key(LABEL_KEYS, "D", frozenset({"Alt"})) is None


def test_keys_that_do_the_same_share_a_row() -> None:
    groups = dict(key_groups())
    rows = {text: keys for group in groups.values() for keys, text in group}
    assert rows["clear here"] == "⌫ / Del"
    assert rows["clear in all views"] == "Shift+⌫ / Shift+Del"
    assert rows["nudge by 1 px"] == "Ctrl+←→↑↓"
    assert rows["nudge by 0.1 px"] == "Ctrl+Shift+←→↑↓"
    assert rows["next frame"] == "D / →"
    assert rows["previous view"] == "Shift+Tab"
    assert rows["this table"] == "?"
    assert rows["hide all marks, while held"] == "H"
    assert groups["Mouse"] == list(MOUSE)


def test_no_text_stands_for_two_actions_but_the_four_ways_to_nudge() -> None:
    actions: dict[str, set[str]] = defaultdict(set)
    for key in (*VIEW_KEYS, *LABEL_KEYS):
        actions[key.text].add(key.action)
    for text, found in actions.items():
        assert len(found) == 1 or text.startswith("nudge"), text


@pytest.mark.gui
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_table_fits_a_small_screen_and_closes(qtbot: Any, theme: str) -> None:
    from napari.qt import get_stylesheet
    from qtpy.QtCore import Qt

    from napari_pose3d.gui.tasks.labeling.dialogs.key_help import KeyTable

    for key in (Qt.Key.Key_Escape, Qt.Key.Key_Question):
        table = KeyTable()
        table.setStyleSheet(get_stylesheet(theme))
        qtbot.addWidget(table)
        table.show()
        qtbot.waitExposed(table)
        assert table.width() <= 1280
        assert table.height() <= 760
        qtbot.keyClick(table, key)
        assert not table.isVisible()
