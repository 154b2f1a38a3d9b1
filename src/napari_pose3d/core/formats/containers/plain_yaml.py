"""YAML files of settings, in which nothing can be run, made, or multiplied."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_pose3d.core.storage.input_files import input_errors, refuse_long_integers
from napari_pose3d.errors import PoseDataError

_DEEPEST = 32
_MOST_BY_ALIASES = 100_000


def yaml_content(text: str, path: Path) -> Any:
    """What a YAML text holds; only plain settings are allowed in it.

    Raises
    ------
    PoseDataError
        It is no YAML, or holds what would make or run something, or what would become endless.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with input_errors(path, yaml.YAMLError):
        try:
            _refuse_tricks(yaml.parse(text, Loader=loader), path)
            content = yaml.load(text, Loader=loader)
            refuse_long_integers(content)
            return content
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise PoseDataError(
                f"this is not valid YAML ({getattr(error, 'problem', None) or 'cannot be parsed'})",
                file=path,
                place=None if mark is None else f"line {mark.line + 1}, column {mark.column + 1}",
                todo="Mend this line; lists are written as '- name', one below the other",
            ) from error


def _refuse_tricks(events: Iterable[Any], path: Path) -> None:
    """Refuse what no settings need, and what makes a small file an endless one.

    An alias (``*name``) stands for as many values as its anchor (``&name``) has, with those of the
    aliases in it: their number is what whoever goes through the content would meet.
    """
    import yaml

    sizes: dict[str, int] = {}
    open_ones: list[tuple[str | None, int]] = []
    n_values = by_aliases = 0
    for event in events:
        what = None
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.CollectionStartEvent):
            open_ones.append((anchor, n_values))
            if len(open_ones) > _DEEPEST:
                what = "lists lie too deep in each other"
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = open_ones.pop()
            if name is not None:
                sizes[name] = n_values - before
        elif isinstance(event, yaml.AliasEvent):
            # Without a size it is within its own anchor: without end.
            size = sizes.get(anchor or "", _MOST_BY_ALIASES + 1)
            n_values += size
            by_aliases += size
            if by_aliases > _MOST_BY_ALIASES:
                what = f"its aliases (*name) stand for more than {_MOST_BY_ALIASES:,} values"
        elif isinstance(event, yaml.ScalarEvent):
            n_values += 1
            if anchor is not None:
                sizes[anchor] = 1
        if tag and not tag.startswith("tag:yaml.org,2002:"):
            what = f"'{tag[:40]}' asks for something to be run or made"
        if what is not None:
            raise PoseDataError(
                what,
                file=path,
                place=f"line {event.start_mark.line + 1}",
                expected="plain settings",
            )
