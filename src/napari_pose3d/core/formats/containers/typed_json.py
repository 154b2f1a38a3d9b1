"""What JSON holds to dataclasses, of which each field has the type that it ought to have."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from napari_pose3d.core.storage.input_files import refuse_long_integers

_Kind = TypeVar("_Kind")


def dataclass_of(kind: type[_Kind], content: object) -> _Kind:
    """A dataclass from a JSON object of its fields; those with a default may be missing.

    Parameters
    ----------
    kind : type
        A dataclass with fields of text, numbers, truth values, mappings of text, None, and
        dataclasses of such.

    Raises
    ------
    TypeError
        It is no object, or a field is missing, not known, or of another type; what is infinite is
        no number.
    ValueError
        A whole number has more than 64 bits.
    """
    refuse_long_integers(content)
    if not isinstance(content, dict):
        raise TypeError(f"{_short(content)} in the place of a table")
    hints = get_type_hints(kind)
    values = {}
    for name, value in content.items():
        if name not in hints:
            raise TypeError(f"'{name}' is not known")
        values[name] = _value_of(hints[name], value, name)
    return kind(**values)


def _value_of(hint: Any, value: object, name: str) -> Any:
    choices = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if isinstance(value, dict):
        for choice in choices:
            if isinstance(choice, type) and dataclasses.is_dataclass(choice):
                return dataclass_of(choice, value)
    if any(_is_a(choice, value) for choice in choices):
        return value
    raise TypeError(f"'{name}' is {_short(value)}")


def _is_a(hint: Any, value: object) -> bool:
    if hint is Any:
        return True
    if get_origin(hint) is Mapping:
        inside = get_args(hint)[1]
        return isinstance(value, dict) and all(_is_a(inside, each) for each in value.values())
    if hint in (int, float):
        if not isinstance(value, int if hint is int else int | float):
            return False
        return not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, hint)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
