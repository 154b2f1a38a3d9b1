"""``config.yaml`` of ``litpose``: read and written whole, as nested dicts."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from napari_pose3d.core.formats.containers.plain_yaml import yaml_content
from napari_pose3d.core.storage.input_files import read_text
from napari_pose3d.errors import PoseDataError

Config = dict[str, Any]
"""Sections ``data``, ``training``, ``model``, ... with their keys."""

CONFIG_YAML = "config.yaml"
_LARGEST = 4 << 20
# YAML's own rules take a number without a dot for text, and litpose does not.
_EXPONENT = re.compile(r"[-+]?\d+(?:\.\d*)?[eE][-+]?\d+")
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9_.]+)\}")


def read_config(path: str | os.PathLike[str]) -> Config:
    """Read a configuration.

    Raises
    ------
    PoseDataError
        It cannot be read, or is no YAML of settings.
    """
    path = Path(path)
    content = yaml_content(read_text(path, largest=_LARGEST), path)
    if not isinstance(content, dict):
        raise PoseDataError(
            "the file holds no settings", file=path, expected="sections data, training, model, ..."
        )
    for section in ("data", "training", "model"):
        if not isinstance(content.get(section), dict):
            raise PoseDataError(
                f"the section '{section}' is missing",
                file=path,
                expected="a configuration of Lightning Pose, as litpose recommend writes it",
            )
    return content


def as_litpose_reads(value: Any) -> Any:
    """A value as ``litpose`` takes it: text such as 1e-3 is a number."""
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    return value


def config_text(config: Config) -> str:
    """A configuration as YAML."""
    import yaml

    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=10_000))


def value_at(config: Config, key: str, default: Any = None) -> Any:
    """The value of a key such as ``training.max_epochs``; references to other keys resolved.

    A key that is absent, or whose value is null, gives the default.
    """
    at: Any = config
    for part in key.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return default
        at = at[part]
    if isinstance(at, str):
        at = _resolved(config, at, (key,))
    return default if at is None else at


def _resolved(config: Config, text: str, passed: tuple[str, ...]) -> Any:
    """Text with the values of keys that it refers to; those that lead back to it stay."""

    def found(match: re.Match[str]) -> Any:
        if match[1] in passed:
            return match[0]
        at: Any = config
        for part in match[1].split("."):
            at = at.get(part) if isinstance(at, Mapping) else None
        if isinstance(at, str):
            at = _resolved(config, at, (*passed, match[1]))
        return match[0] if at is None else at

    # A reference alone has the value's own type.
    whole = _REFERENCE.fullmatch(text)
    return found(whole) if whole else _REFERENCE.sub(lambda m: str(found(m)), text)


def names_at(config: Config, key: str, path: Path) -> tuple[str, ...]:
    """The names in a list such as ``data.view_names``; none where the key is absent.

    Parameters
    ----------
    path : Path
        Where the configuration is from, for the error.

    Raises
    ------
    PoseDataError
        It is no list.
    """
    names = value_at(config, key, [])
    if not isinstance(names, list):
        raise PoseDataError(f"'{key}' is {names!r}", file=path, expected="a list of names")
    return tuple(map(str, names))


def has_key(config: Config, key: str) -> bool:
    """Whether a key is there, be its value null or not."""
    missing = object()
    at: Any = config
    for part in key.split("."):
        at = at.get(part, missing) if isinstance(at, Mapping) else missing
        if at is missing:
            return False
    return True


def with_values(config: Config, values: Mapping[str, Any]) -> Config:
    """A copy with other values of some keys; sections that are absent are made."""
    new = copy.deepcopy(config)
    for key, value in values.items():
        *sections, last = key.split(".")
        at = new
        for section in sections:
            if not isinstance(at.get(section), dict):
                at[section] = {}
            at = at[section]
        at[last] = copy.deepcopy(value)
    return new


def leaves(config: Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All keys with their values, ``("training.max_epochs", 300)``; lists are values."""
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{name}.")
        else:
            yield name, value
