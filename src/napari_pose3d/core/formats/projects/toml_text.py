"""Writing TOML; reading it is in Python (``tomllib``)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100
_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\b": "\\b",
    "\f": "\\f",
}


def toml_text(document: Mapping[str, Any]) -> str:
    """The text of a document as ``tomllib`` reads it: the same keys, order, values and types.

    Parameters
    ----------
    document : mapping
        Of what ``tomllib`` gives: str, int, float, bool, dates and times, lists, mappings.

    Raises
    ------
    TypeError
        For a value that TOML does not know, such as None.
    """
    lines: list[str] = []
    _table(document, (), lines)
    return "\n".join(lines).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    # What belongs to this table itself goes before the tables below it.
    inner = {key: value for key, value in table.items() if _is_section(value)}
    own = {key: value for key, value in table.items() if key not in inner}
    if path and (own or not inner):
        lines += ["", f"[{'.'.join(map(_key, path))}]"]
    lines += [f"{_key(key)} = {_value(value, len(key) + 3)}" for key, value in own.items()]
    for key, value in inner.items():
        if isinstance(value, Mapping):
            _table(value, (*path, key), lines)
            continue
        for entry in value:
            lines += ["", f"[[{'.'.join(map(_key, (*path, key)))}]]"]
            lines += [f"{_key(k)} = {_value(v, len(k) + 3)}" for k, v in entry.items()]


def _is_section(value: Any) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _value(value: Any, indent: int = 0) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        cells = [_value(v) for v in value]
        line = f"[{', '.join(cells)}]"
        if len(line) + indent <= _WIDTH:
            return line
        return "[\n" + "".join(f"    {cell},\n" for cell in cells) + "]"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    raise TypeError(f"TOML has no place for {value!r}")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    escaped = "".join(
        _ESCAPES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c) for c in text
    )
    return f'"{escaped}"'
