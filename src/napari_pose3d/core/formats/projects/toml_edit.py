"""Changing a TOML file that people edit: comments, order and spelling of the rest stay."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from typing import Any

_WIDTH = 88


def edited_toml(text: str, wanted: Mapping[str, Any]) -> str:
    """The text of a TOML document with other content.

    Parameters
    ----------
    text : str
        The document as it is; "" for a new one.
    wanted : mapping
        What it is to hold, of what ``tomllib`` gives.

    Raises
    ------
    ValueError, TypeError
        ``text`` is no TOML, or a value has no place in it, such as None.
    """
    import tomlkit

    document = tomlkit.parse(text)
    _edit(document, tomllib.loads(text), wanted)
    changed = tomlkit.dumps(document)
    if _reads_as(changed, wanted):
        return changed
    # Tables that are written in several pieces cannot all be changed in place.
    fresh = tomlkit.document()
    _edit(fresh, {}, wanted)
    return tomlkit.dumps(fresh)


def _reads_as(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _edit(
    table: MutableMapping[str, Any], present: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    for key in [key for key in present if key not in wanted]:
        del table[key]
    # What belongs to this table itself goes before the tables below it.
    for key, value in sorted(wanted.items(), key=lambda item: _is_section(item[1])):
        old = present.get(key)
        if key in present and old == value and type(old) is type(value):
            continue
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            _edit(table[key], old, value)
        else:
            table[key] = _item(value, len(key))


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping)


def _item(value: Any, indent: int) -> Any:
    import tomlkit

    if isinstance(value, Mapping):
        own = any(not _is_section(each) for each in value.values())
        section = tomlkit.table(is_super_table=bool(value) and not own)
        for key, each in sorted(value.items(), key=lambda item: _is_section(item[1])):
            section[key] = _item(each, len(key))
        return section
    item = tomlkit.item(value)
    if isinstance(item, tomlkit.items.Array) and len(item.as_string()) + indent > _WIDTH:
        item.multiline(True)
    return item
