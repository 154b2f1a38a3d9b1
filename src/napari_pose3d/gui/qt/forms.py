"""Forms made from the settings dataclasses, through magicgui; help becomes the tooltip."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from magicgui.widgets import create_widget
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import Robust, frame_range_of, smooth_params_of

_Frames = tuple[tuple[int | None, int | None], ...]
_Names = tuple[str, ...]
_Groups = tuple[tuple[str, ...], ...]
_Numbers = tuple[tuple[str, float], ...]
_Integers = tuple[int, ...]
_OPTIONAL = (int | None, float | None)
_AS_TEXT = (_Names, _Groups, _Frames, _Numbers, _Integers, str | None, *_OPTIONAL, Robust)

# Beside it a label has room in a dock of some 340 px.
_FIELD_WIDTH = 140
_LABEL_WIDTH = 90


class SettingsForm:
    """A form for some fields of a settings dataclass; ``native`` is the Qt widget.

    Parameters
    ----------
    settings : dataclass type
        Gives types, defaults and help (``metadata["help"]``).
    labels : mapping of field name to label
        The fields to show, in this order.
    options : mapping of field name to magicgui options, optional
        Limits and the like.
    start : settings, optional
        Values to begin with, in place of the defaults.
    """

    def __init__(
        self,
        settings: type,
        labels: Mapping[str, str],
        options: Mapping[str, dict[str, Any]] | None = None,
        start: Any = None,
    ) -> None:
        hints = get_type_hints(settings)
        fields = {field.name: field for field in dataclasses.fields(settings)}
        self._types = {name: hints[name] for name in labels}
        self._widgets = {}
        for name, label in labels.items():
            kind, default = hints[name], fields[name].default
            if start is not None:
                default = getattr(start, name)
            as_text = kind in _AS_TEXT
            self._widgets[name] = create_widget(
                value=_text_of(default) if as_text else default,
                annotation=str if as_text else kind,
                name=name,
                label=label,
                options={
                    "tooltip": fields[name].metadata.get("help", ""),
                    **(options or {}).get(name, {}),
                },
            )
        self.native = QWidget()
        self._rows = QVBoxLayout(self.native)
        self._rows.setContentsMargins(0, 0, 0, 0)
        for name, label in labels.items():
            self._rows.addLayout(_row(label, self._widgets[name].native))

    def widget(self, name: str) -> Any:
        """The magicgui widget of a field."""
        return self._widgets[name]

    def show(self, settings: Any) -> None:
        """Fill in the values of settings; fields shown as text keep theirs."""
        for name, widget in self._widgets.items():
            if self._types[name] not in _AS_TEXT:
                widget.value = getattr(settings, name)

    def add_below(self, name: str, widget: QWidget) -> None:
        """Put something below the row of a field; once for each form."""
        self._rows.insertWidget(list(self._widgets).index(name) + 1, widget)

    def on_change(self, callback: Callable[[], object]) -> None:
        """Call back whenever a value is another one."""
        for widget in self._widgets.values():
            widget.changed.connect(lambda *_: callback())

    def values(self) -> dict[str, Any]:
        """What the user chose, by field name; raises `PoseDataError` for what cannot be read."""
        found = {}
        for name, widget in self._widgets.items():
            try:
                found[name] = _from_text(widget.value, self._types[name])
            except PoseDataError as error:
                label = widget.label.replace("&", "")
                raise error.located(place=f"the field '{label}'") from None
        return found


def let_shrink(box: QComboBox, characters: int = 0) -> None:
    """Make room for so many characters: the longest choice must not decide on a panel's width."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(characters)


def _row(text: str, field: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    if isinstance(field, QCheckBox):
        field.setText(text)
        # The longest text must not decide on the width of the panel.
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row.addWidget(field)
        return row
    if isinstance(field, QComboBox):
        let_shrink(field, 8)
    field.setFixedWidth(_FIELD_WIDTH)
    label = QLabel(text)
    label.setWordWrap(True)
    metrics = label.fontMetrics()
    if metrics.horizontalAdvance(text) > _LABEL_WIDTH:
        # A form that unfolds gives a row the height of its field, which cuts a second line.
        label.setMinimumHeight(2 * metrics.lineSpacing() + 6)
    label.setBuddy(field)
    label.setToolTip(field.toolTip())
    row.addWidget(label, 1)
    row.addWidget(field)
    return row


def _text_of(value: Any) -> Any:
    """What a field shown as text begins with."""
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        return ", ".join(map(str, value))
    return value or ""


def _from_text(value: Any, kind: Any) -> Any:
    if kind == str | None:
        return value.strip() or None
    if kind == _Names:
        return tuple(name for part in value.split(",") if (name := part.strip()))
    if kind == _Groups:
        groups = (_from_text(part, _Names) for part in value.split(";"))
        return tuple(names for names in groups if names)
    if kind == _Numbers:
        return smooth_params_of(value)
    if kind == _Integers:
        return tuple(_integer(part.strip()) for part in value.split(",") if part.strip())
    if kind == _Frames:
        return tuple(frame_range_of(part) for part in value.split(",") if part.strip())
    if kind in (*_OPTIONAL, Robust):
        return _number(value.strip(), kind)
    return value


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        expected = "whole numbers with commas between them"
        raise PoseDataError(f"'{text}' is not understood", expected=expected) from None


def _number(text: str, kind: Any) -> int | float | str | None:
    whole = kind == int | None
    if kind in _OPTIONAL and not text:
        return None
    if kind == Robust and text in ("auto", "off"):
        return text
    try:
        return int(text) if whole else float(text)
    except ValueError:
        expected = "auto, off, or a number"
        if kind in _OPTIONAL:
            expected = "a whole number, or nothing" if whole else "a number, or nothing"
        raise PoseDataError(f"'{text}' is not understood", expected=expected) from None
