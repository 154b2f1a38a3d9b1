"""Messages are shown as they are, and wrapped wherever they have to be."""

from __future__ import annotations

from typing import Any

import pytest

from napari_pose3d.gui.qt.message_text import MessageLabel, MessageList, breakable

pytestmark = pytest.mark.gui

PATH = "/data/" + "/".join(f"a_rather_long_folder_{i}" for i in range(12)) + "/<session>_top.csv"


def test_breakable_text_is_the_same_to_a_reader() -> None:
    assert breakable(PATH).replace("\N{ZERO WIDTH SPACE}", "") == PATH
    assert breakable("no path") == "no path"


def test_tags_are_words_and_paths_are_not_cut(qtbot: Any) -> None:
    label = MessageLabel(f"{PATH}: <session> is not known <b>here</b>")
    qtbot.addWidget(label)
    label.resize(200, 20)
    assert "<session> is not known <b>here</b>" in label.message
    assert label.heightForWidth(200) > 5 * label.fontMetrics().height()
    assert label.minimumSizeHint().width() <= 300


def test_a_long_list_is_short_at_first(qtbot: Any) -> None:
    lines = MessageList(2)
    qtbot.addWidget(lines)
    assert lines.isHidden()
    lines.show_lines(("one", "two", "three"))
    assert lines.text() == "one\ntwo"
    lines.show_all()
    assert lines.text() == "one\ntwo\nthree"
    lines.show_lines(("four",))
    assert lines.text() == "four"
