"""The settings that a network was trained with, beside those that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..configuration.config_file import (
    CONFIG_YAML,
    Config,
    as_litpose_reads,
    leaves,
    read_config,
    value_at,
)
from ..runs.training_record import ASKED_CONFIG, REMOTE_CONFIG

_ABSENT = object()
# The launcher takes its own section away.
_OF_THE_LAUNCHER = "hydra."


@dataclass(frozen=True)
class EffectiveSetting:
    """One key of the configuration.

    Attributes
    ----------
    key : str
        Such as ``training.max_epochs``.
    asked, effective : str
        Values as YAML writes them; "" where the key is not there. What was not asked for,
        ``litpose`` added.
    differs : bool
        Whether what was asked for did not take effect.
    """

    key: str
    asked: str
    effective: str
    differs: bool


def effective_settings(folder: Path) -> tuple[EffectiveSetting, ...]:
    """All settings of a network, in the order of its configuration.

    Parameters
    ----------
    folder : Path
        Of the network. Where others trained it, nothing is known of what was asked for; where
        ``litpose`` has not written down its configuration yet, nothing is effective.

    Raises
    ------
    PoseDataError
        A configuration is damaged.
    """
    asked, effective = asked_config(folder), _config(folder / CONFIG_YAML)
    first, second = dict(leaves(asked or {})), dict(leaves(effective or {}))
    rows = []
    for key in {**first, **second}:
        if key.startswith(_OF_THE_LAUNCHER):
            continue
        differs = False
        if asked is not None and effective is not None and key in first:
            differs = key not in second or not _same(_value(asked, key), _value(effective, key))
        row = _text(first.get(key, _ABSENT)), _text(second.get(key, _ABSENT))
        rows.append(EffectiveSetting(key, *row, differs))
    return tuple(rows)


def asked_config(folder: Path) -> Config | None:
    """The configuration that ``litpose`` was given; None where we did not start it.

    Raises
    ------
    PoseDataError
        It is damaged.
    """
    remote = _config(folder / REMOTE_CONFIG)
    return _config(folder / ASKED_CONFIG) if remote is None else remote


def _config(path: Path) -> Config | None:
    return read_config(path) if path.is_file() else None


def _value(config: Config, key: str) -> Any:
    return as_litpose_reads(value_at(config, key))


def _same(one: Any, other: Any) -> bool:
    # True is no 1 here.
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _text(value: Any) -> str:
    if value is _ABSENT:
        return ""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)
