"""The parts of the widget "Label", with real clicks and keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus, Visibility
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.tasks.labeling.canvas.loupe import MAGNIFICATION, Loupe
from napari_pose3d.gui.tasks.labeling.dialogs.frame_choice_dialog import (
    AddFramesDialog,
    FrameChoice,
)
from napari_pose3d.gui.tasks.labeling.dialogs.import_dialog import ImportDialog
from napari_pose3d.gui.tasks.labeling.dialogs.keypoint_dialog import KeypointDialog
from napari_pose3d.gui.tasks.labeling.panel.frame_list import FrameEntry, FrameList
from napari_pose3d.gui.tasks.labeling.panel.keypoint_matrix import KeypointMatrix, short_names
from napari_pose3d.gui.tasks.labeling.panel.status_signs import LEGEND, CellLook, Sign

KEYPOINTS = ("nose", "left ear", "right ear")
VIEWS = ("Cam-A", "Cam-B")
COLOURS = {"nose": "#e69f00", "left ear": "#56b4e9", "right ear": "#009e73"}


# ---------------------------------------------------------------- looks


def test_a_look_in_words() -> None:
    look = CellLook(LabelStatus.PROJECTED, Visibility.VISIBLE, 1.23, suspect=True)
    words = look.words(LabelKey("Cam-B", "nose"))
    assert words == "nose in Cam-B: projected, 1.2 px off; disagrees with the other views"
    assert CellLook().words(LabelKey("A", "nose")) == "nose in A: no label"
    assert CellLook(declined=True).words(LabelKey("A", "nose")) == "nose in A: no label wanted here"
    hidden = CellLook(LabelStatus.CLICKED, Visibility.OCCLUDED, float("nan"))
    assert hidden.words(LabelKey("A", "nose")) == "nose in A: clicked, occluded"


@pytest.mark.parametrize(
    ("residual", "text", "short"),
    [(0.04, "0.0", "0.0"), (9.94, "9.9", "9.9"), (12.34, "12.3", "12"), (123.4, "123", "123")],
)
def test_the_residual_has_a_decimal_where_there_is_room(
    residual: float, text: str, short: str
) -> None:
    look = CellLook(LabelStatus.CLICKED, Visibility.VISIBLE, residual)
    assert (look.text, look.short_text) == (text, short)


def test_signs_differ_without_colour() -> None:
    signs = [look.sign for _, look in LEGEND if not look.suspect]
    assert len(set(signs)) == len(signs)
    assert CellLook(LabelStatus.CLICKED, Visibility.OCCLUDED).sign == Sign("disc", underlined=True)
    assert CellLook(visibility=Visibility.OCCLUDED).text == "occ"


def test_names_of_views_are_cut_where_all_are_alike() -> None:
    assert short_names(("Cam-A", "Cam-B")) == ("A", "B")
    assert short_names(("Cam-10", "Cam-12")) == ("10", "12")
    assert short_names(("top", "side")) == ("top", "side")
    assert short_names(("Cam-A",)) == ("Cam-A",)
    assert short_names(("Cam-", "Cam-B")) == ("Cam-", "Cam-B")
    assert short_names(()) == ()


# ---------------------------------------------------------------- matrix


@pytest.fixture
def matrix(qtbot: Any) -> KeypointMatrix:
    widget = KeypointMatrix()
    qtbot.addWidget(widget)
    widget.set_axes(KEYPOINTS, VIEWS, COLOURS)
    widget.resize(280, 300)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def click_cell(qtbot: Any, table: Any, row: int, column: int, **how: Any) -> None:
    from qtpy.QtCore import Qt

    at = table.visualRect(table.model().index(row, column)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at, **how)


@pytest.mark.gui
def test_a_click_in_the_matrix_goes_there(qtbot: Any, matrix: KeypointMatrix) -> None:
    from qtpy.QtCore import QPoint, Qt

    table = matrix._table
    with qtbot.waitSignal(matrix.chosen) as heard:
        click_cell(qtbot, table, 2, 1)
    assert heard.args == ["right ear", "Cam-B"]
    # Once more: whoever lost sight of the keypoint wants to go there again.
    with qtbot.waitSignal(matrix.chosen) as heard:
        click_cell(qtbot, table, 2, 1)
    rows, columns = table.verticalHeader(), table.horizontalHeader()
    with qtbot.waitSignal(matrix.chosen) as heard:
        at = QPoint(10, rows.sectionViewportPosition(1) + 5)
        qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert heard.args == ["left ear", ""]
    with qtbot.waitSignal(matrix.view_chosen) as heard:
        at = QPoint(columns.sectionViewportPosition(1) + 5, 5)
        qtbot.mouseClick(columns.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert heard.args == ["Cam-B"]


@pytest.mark.gui
def test_the_matrix_is_walked_through_by_keys(qtbot: Any, matrix: KeypointMatrix) -> None:
    from qtpy.QtCore import Qt

    heard: list[tuple[str, str]] = []
    matrix.chosen.connect(lambda *what: heard.append(what))
    matrix.set_current("nose", "Cam-A")
    assert not heard  # what the program marks, nobody chose
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        qtbot.keyClick(matrix._table, key)
    # The second step to the right leads nowhere.
    assert heard == [("left ear", "Cam-A"), ("left ear", "Cam-B"), ("left ear", "Cam-B")]


@pytest.mark.gui
def test_only_what_changed_is_painted_again(qtbot: Any, matrix: KeypointMatrix) -> None:
    before = {LabelKey(v, k): CellLook(LabelStatus.CLICKED) for v in VIEWS for k in KEYPOINTS}
    matrix.show_cells(before)
    touched: list[tuple[int, int]] = []
    matrix._model.dataChanged.connect(lambda a, b, _: touched.append((a.row(), a.column())))
    matrix.show_cells(before | {LabelKey("Cam-B", "nose"): CellLook(LabelStatus.PROJECTED)})
    assert touched == [(0, 1)]
    # A spot that is left out has no label any more.
    del before[LabelKey("Cam-A", "right ear")]
    matrix.show_cells(before)
    assert touched == [(0, 1), (0, 1), (2, 0)]


@pytest.mark.gui
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_signs_show_in_both_themes(qtbot: Any, matrix: KeypointMatrix, theme: str) -> None:
    from napari.qt import get_stylesheet

    matrix.setStyleSheet(get_stylesheet(theme))
    index = matrix._model.index(1, 0)
    looks = [look for _, look in LEGEND]
    looks += [replace(look, visibility=Visibility.OCCLUDED) for look in looks[:4]]
    images = []
    for look in looks:
        matrix.show_cells({LabelKey("Cam-A", "left ear"): look})
        images.append(grey(pixels(matrix._table.viewport(), index, matrix)))
    for i, one in enumerate(images):
        assert np.ptp(one) > 60, looks[i]
        for other in images[:i]:
            assert (np.abs(one - other) > 60).sum() >= 4, looks[i]


def pixels(widget: Any, index: Any, matrix: KeypointMatrix) -> np.ndarray:
    """RGB of a cell as it is on the screen."""
    return rgb(widget.grab(matrix._table.visualRect(index)).toImage())


def rgb(image: Any) -> np.ndarray:
    from qtpy.QtGui import QImage

    image = image.convertToFormat(QImage.Format.Format_RGB888)
    data = image.constBits().asstring(image.sizeInBytes())
    lines = np.frombuffer(data, np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def grey(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.3, 0.59, 0.11])


@pytest.mark.gui
def test_six_views_fit_a_narrow_dock_and_names_are_told(qtbot: Any) -> None:
    from qtpy.QtCore import Qt

    matrix = KeypointMatrix()
    qtbot.addWidget(matrix)
    views = [f"Cam-{letter}" for letter in "ABCDEF"]
    names = [f"keypoint number {i}" for i in range(30)]
    matrix.set_axes(names, views, dict.fromkeys(names, "#e69f00"))
    matrix.resize(280, 300)
    matrix.show()
    qtbot.waitExposed(matrix)
    bar = matrix._table.horizontalScrollBar()
    assert bar.maximum() == 0
    assert matrix._table.verticalScrollBar().maximum() > 0
    role, across = Qt.ItemDataRole, Qt.Orientation.Horizontal
    model = matrix._model
    assert model.headerData(1, across, role.DisplayRole) == "B"
    assert model.headerData(1, across, role.ToolTipRole) == "Cam-B"
    assert model.headerData(3, Qt.Orientation.Vertical, role.ToolTipRole) == names[3]
    matrix.resize(700, 300)
    assert model.headerData(1, across, role.DisplayRole) == "Cam-B"
    # A keypoint that is out of sight is brought into it; once, for whoever scrolls on.
    matrix.set_current(names[-1], "Cam-A")
    shown = matrix._table.visualRect(model.index(29, 0))
    assert matrix._table.viewport().rect().contains(shown)
    matrix._table.verticalScrollBar().setValue(0)
    matrix.set_current(names[-1], "Cam-A")
    assert matrix._table.verticalScrollBar().value() == 0


@pytest.mark.gui
def test_the_legend_gives_way_in_a_low_window(matrix: KeypointMatrix) -> None:
    assert matrix.legend.isVisible()
    matrix.resize(matrix.width(), matrix.minimumHeight())
    assert not matrix.legend.isVisible()
    assert matrix._table.geometry().bottom() < matrix.height()
    matrix.resize(matrix.width(), 300)
    assert matrix.legend.isVisible()
    assert matrix._table.geometry().bottom() < matrix.legend.geometry().top()


# ---------------------------------------------------------------- frames


ENTRIES = (
    FrameEntry(120, "queued", "k-means"),
    FrameEntry(90, "queued", "by number"),
    FrameEntry(10, "labeled", "", unsaved=True, complete=0.999),
    FrameEntry(40, "labeled", "", complete=1.0),
)


@pytest.fixture
def frames(qtbot: Any) -> FrameList:
    widget = FrameList()
    qtbot.addWidget(widget)
    widget.show_frames(ENTRIES, 10, 18000)
    widget.resize(280, 300)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def shown_frames(frames: FrameList) -> list[int]:
    return [frames._model.entry(row).frame for row in range(frames._model.rowCount())]


@pytest.mark.gui
def test_the_list_says_how_far_one_is(frames: FrameList) -> None:
    assert frames._summary.text() == "2 labeled, 2 queued, 18,000 frames"
    assert (frames._bar.value(), frames._bar.maximum()) == (2, 4)
    texts = [
        [frames._model.data(frames._model.index(row, column)) for column in range(3)]
        for row in range(4)
    ]
    # Only what is complete counts as such.
    assert texts[2] == ["▸ 10", "", "99 % ●"]
    assert texts[3] == ["40", "", "100 %"]
    assert texts[0] == ["120", "k-means", "queued"]


@pytest.mark.gui
def test_a_frame_is_gone_to_by_click_and_keys(qtbot: Any, frames: FrameList) -> None:
    from qtpy.QtCore import Qt

    heard: list[int] = []
    frames.wanted.connect(heard.append)
    click_cell(qtbot, frames._table, 1, 1)
    qtbot.keyClick(frames._table, Qt.Key.Key_Up)
    qtbot.keyClick(frames._table, Qt.Key.Key_Return)
    # Selecting several is no wish to go anywhere.
    qtbot.keyClick(frames._table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    click_cell(qtbot, frames._table, 3, 0, modifier=Qt.KeyboardModifier.ControlModifier)
    assert heard == [90, 120, 120]


@pytest.mark.gui
def test_only_queued_frames_are_taken_from_the_queue(qtbot: Any, frames: FrameList) -> None:
    from qtpy.QtCore import Qt

    heard: list[list[int]] = []
    frames.remove_wanted.connect(heard.append)
    frames.activateWindow()
    frames._table.setFocus()
    qtbot.waitUntil(frames._table.hasFocus)
    click_cell(qtbot, frames._table, 3, 0)
    assert not frames._remove.isEnabled()
    qtbot.keyClick(frames._table, Qt.Key.Key_Delete)
    assert heard == []
    click_cell(qtbot, frames._table, 0, 0, modifier=Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(frames._table, Qt.Key.Key_Delete)
    assert heard == [[120, 90]]


@pytest.mark.gui
def test_the_list_is_filtered_and_keeps_what_is_selected(qtbot: Any, frames: FrameList) -> None:
    from qtpy.QtCore import Qt

    click_cell(qtbot, frames._table, 1, 0)
    frames._filter.setFocus()
    qtbot.keyClick(frames._filter, Qt.Key.Key_Down)
    assert shown_frames(frames) == [120, 90]
    assert frames._queued_selected() == [90]
    qtbot.keyClick(frames._filter, Qt.Key.Key_Down)
    assert shown_frames(frames) == [10, 40]
    assert frames._queued_selected() == []
    frames._filter.setCurrentIndex(0)
    click_cell(qtbot, frames._table, 1, 0)
    frames.show_frames(ENTRIES[1:], 90, 18000)
    assert frames._queued_selected() == [90]
    assert frames._remove.isEnabled()


@pytest.mark.gui
def test_the_frame_that_is_shown_is_brought_into_sight_once(qtbot: Any, frames: FrameList) -> None:
    from qtpy.QtCore import Qt

    entries = [FrameEntry(frame, "queued") for frame in range(0, 50_000, 10)]
    frames.show_frames(entries, 40_000, 50_000)
    table = frames._table
    row = table.visualRect(frames._model.index(4000, 0))
    assert table.viewport().rect().contains(row)
    # Whoever scrolls on is left alone while the frame stays.
    table.verticalScrollBar().setValue(2000)
    frames.show_frames(entries[1:], 40_000, 50_000)
    qtbot.wait(20)
    assert table.verticalScrollBar().value() == 2000
    # The keys go on from the frame that is shown, also in a list that has changed.
    with qtbot.waitSignal(frames.wanted) as heard:
        qtbot.keyClick(table, Qt.Key.Key_Down)
    assert heard.args == [40_010]


@pytest.mark.gui
def test_frames_are_asked_for(qtbot: Any, frames: FrameList) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QPushButton

    button = frames.findChild(QPushButton)
    with qtbot.waitSignal(frames.add_wanted):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


# ---------------------------------------------------------------- adding frames


def preview(choice: FrameChoice) -> str:
    if choice.method == "every":
        return f"{600 // choice.every} frames will be added."
    if not choice.numbers_text.replace(",", "").replace(" ", "").isdecimal():
        raise PoseDataError(f"'{choice.numbers_text}' is no frame number")
    return f"Frames {choice.numbers_text} will be added."


@pytest.fixture
def dialog(qtbot: Any) -> AddFramesDialog:
    widget = AddFramesDialog(1234, 18000, preview)
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.mark.gui
def test_what_is_entered_is_what_is_added(qtbot: Any, dialog: AddFramesDialog) -> None:
    from qtpy.QtCore import Qt

    assert dialog.choice == FrameChoice("current", with_predictions=True)
    assert dialog.sentence == "Frame 1,234 will be added."
    qtbot.keyClicks(dialog._numbers, "10, 20")
    assert dialog.choice.method == "numbers"
    assert dialog.choice.numbers_text == "10, 20"
    assert dialog.sentence == "Frames 10, 20 will be added."
    dialog._every.selectAll()
    qtbot.keyClicks(dialog._every, "60")
    assert (dialog.choice.method, dialog.choice.every) == ("every", 60)
    assert dialog.sentence == "10 frames will be added."
    qtbot.keyClick(dialog._count, Qt.Key.Key_Up)
    assert (dialog.choice.method, dialog.choice.count) == ("kmeans", 21)
    assert dialog.sentence.startswith("21 frames will be added, chosen by what all views show.")
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert dialog.result() == AddFramesDialog.DialogCode.Accepted


@pytest.mark.gui
def test_what_cannot_be_meant_cannot_be_added(qtbot: Any, dialog: AddFramesDialog) -> None:
    from qtpy.QtCore import Qt

    qtbot.keyClicks(dialog._numbers, "ten")
    assert dialog.sentence == "'ten' is no frame number."
    assert not dialog._add.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert dialog.isVisible()
    for _ in "ten":
        qtbot.keyClick(dialog._numbers, Qt.Key.Key_Backspace)
    assert "such as 10, 20-30, 100-200:10" in dialog.sentence
    assert not dialog._add.isEnabled()
    qtbot.keyClicks(dialog._numbers, "10")
    assert dialog._add.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


@pytest.mark.gui
def test_nothing_is_proposed_without_predictions(qtbot: Any) -> None:
    from qtpy.QtWidgets import QLabel

    dialog = AddFramesDialog(0, 100, preview, "This session has no predictions.")
    qtbot.addWidget(dialog)
    assert not dialog._proposals.isEnabled()
    assert not dialog.choice.with_predictions
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert "This session has no predictions." in texts


# ---------------------------------------------------------------- loupe


@pytest.fixture
def canvas(qtbot: Any) -> Any:
    from qtpy.QtWidgets import QWidget

    widget = QWidget()
    qtbot.addWidget(widget)
    widget.setMouseTracking(True)
    widget.resize(600, 500)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def loupe_pixel(loupe: Loupe, away: tuple[float, float]) -> tuple[int, int, int]:
    """Colour in the loupe, so many px of the image from its middle."""
    image = rgb(loupe.grab().toImage())
    x = int(loupe.width() / 2 + away[0] * MAGNIFICATION)
    y = int(loupe.height() / 2 + away[1] * MAGNIFICATION)
    red, green, blue = image[y, x]
    return int(red), int(green), int(blue)


@pytest.mark.gui
def test_the_loupe_has_pixel_centres_at_whole_numbers(canvas: Any) -> None:
    loupe = Loupe(canvas)
    image = np.zeros((80, 100, 3), np.uint8)
    image[33, 44] = (255, 0, 0)
    loupe.show_at(image, (44, 33))
    for inside in ((-0.4, -0.4), (0.3, 0.3), (0.4, -0.4)):
        assert loupe_pixel(loupe, inside) == (255, 0, 0)
    # The point lies on the border of two pixels.
    loupe.show_at(image, (44.5, 33))
    assert loupe_pixel(loupe, (-0.4, -0.3)) == (255, 0, 0)
    assert loupe_pixel(loupe, (0.3, -0.3)) == (0, 0, 0)


@pytest.mark.gui
@pytest.mark.parametrize("at", [(0.2, 0.0), (99.0, 79.4), (-3.0, 85.0), (50.3, 0.7)])
def test_the_loupe_is_right_at_the_borders(canvas: Any, at: tuple[float, float]) -> None:
    loupe = Loupe(canvas)
    image = np.random.default_rng(0).integers(60, 255, (80, 100), np.uint8)
    loupe.show_at(image, at)
    for dx, dy in ((-8.2, -6.3), (8.7, 7.1), (-5.1, 6.2), (6.3, -7.4)):
        # The middle of the nearest pixel of the screen's raster, in px of the image.
        x = at[0] + (int(80 + dx * MAGNIFICATION) + 0.5 - 80) / MAGNIFICATION
        y = at[1] + (int(80 + dy * MAGNIFICATION) + 0.5 - 80) / MAGNIFICATION
        column, row = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
        inside = 0 <= row < 80 and 0 <= column < 100
        expected = image[row, column] if inside else 0x30
        assert loupe_pixel(loupe, (dx, dy)) == (expected,) * 3


@pytest.mark.gui
def test_the_loupe_shows_bright_what_the_view_shows_bright(canvas: Any) -> None:
    loupe = Loupe(canvas)
    image = np.full((80, 100), 1000, np.uint16)
    image[:, 50:] = 3000
    loupe.show_at(image, (50, 40), limits=(1000, 3000))
    assert loupe_pixel(loupe, (-5, 5)) == (0, 0, 0)
    assert loupe_pixel(loupe, (5, 5)) == (255, 255, 255)
    loupe.show_at(image, (50, 40))
    assert loupe_pixel(loupe, (5, 5)) == (round(3000 / 65535 * 255),) * 3


@pytest.mark.gui
def test_marks_lie_where_they_are_in_the_image(canvas: Any) -> None:
    loupe = Loupe(canvas)
    loupe.show_at(np.zeros((80, 100), np.uint8), (50, 40), [(56, 34, "#00ff00")])
    image = rgb(loupe.grab().toImage())
    y, x = np.nonzero((image[..., 1] > 200) & (image[..., 0] < 60))
    # Pixel centres of the screen lie at halves.
    assert x.mean() + 0.5 == pytest.approx(80 + 6 * MAGNIFICATION, abs=0.6)
    assert y.mean() + 0.5 == pytest.approx(80 - 6 * MAGNIFICATION, abs=0.6)


@pytest.mark.gui
def test_the_loupe_flees_from_the_mouse_and_lets_clicks_through(qtbot: Any, canvas: Any) -> None:
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    loupe = Loupe(canvas)
    loupe.show_at(np.zeros((80, 100), np.uint8), (50, 40))
    before = loupe.geometry()
    assert canvas.rect().contains(before)
    QTest.mouseMove(canvas, QPoint(100, 300))
    qtbot.wait(20)
    assert loupe.geometry() == before
    QTest.mouseMove(canvas, before.center())
    qtbot.waitUntil(lambda: not loupe.geometry().intersects(before))
    assert canvas.rect().contains(loupe.geometry())
    # In a view of another size it keeps its corner; in a small one it gets smaller.
    canvas.resize(200, 180)
    qtbot.waitUntil(lambda: canvas.rect().contains(loupe.geometry()))
    assert loupe.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    assert loupe.width() < 90
    # Between the corners, near both of them, it stays where it is.
    middle = canvas.rect().center()
    if loupe.geometry().contains(middle):
        loupe.keep_away(middle)
    before = loupe.geometry()
    loupe.keep_away(middle)
    assert loupe.geometry() == before


# ---------------------------------------------------------------- keypoints and labels of others


@pytest.mark.gui
def test_keypoints_are_edited(qtbot: Any) -> None:
    dialog = KeypointDialog(KEYPOINTS)
    qtbot.addWidget(dialog)
    assert not dialog._ok.isEnabled(), "nothing has changed"
    dialog.rename("nose", "snout")
    dialog.add("tail")
    dialog.move_by(1)
    assert dialog.names == [
        ("snout", "nose"),
        ("left ear", "left ear"),
        ("tail", None),
        ("right ear", "right ear"),
    ]
    assert dialog._ok.isEnabled()
    dialog.rename("tail", "snout")
    assert dialog.problem == "snout is named twice."
    assert not dialog._ok.isEnabled()
    dialog.remove()
    assert [name for name, _ in dialog.names] == ["snout", "left ear", "right ear"]
    dialog._list.setCurrentRow(0)
    assert not dialog._buttons["Remove"].isEnabled(), "its labels would be lost"
    dialog.remove()
    assert len(dialog.names) == 3


@pytest.mark.gui
def test_what_is_imported_is_asked_for(qtbot: Any, tmp_path: Path) -> None:
    rows = "".join(f"labeled-data/{name}/img{n}.png,1,2\n" for name in "ab" for n in (1, 2))
    path = tmp_path / "CollectedData_bob.csv"
    path.write_text(f"scorer,bob,bob\nbodyparts,nose,nose\ncoords,x,y\n{rows}")
    dialog = ImportDialog(VIEWS, lambda folders, view: "b" if view == "Cam-B" else None)
    qtbot.addWidget(dialog)
    assert dialog.problem == "Choose a file."
    dialog.choose_file(tmp_path / "nothing.csv")
    assert "there is no such file" in dialog.problem
    dialog.choose_file(path)
    assert "choose the one of Cam-A" in dialog.problem
    assert not dialog._ok.isEnabled()
    dialog.choose_view("Cam-B")
    assert (dialog.folder, dialog.problem) == ("b", "")
    dialog.choose_folder("a")
    assert dialog.folder == "a"
    assert dialog._ok.isEnabled()
