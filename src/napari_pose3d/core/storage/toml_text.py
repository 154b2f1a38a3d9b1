"""TOML as text to what it holds, in a time that its length bounds."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from .input_files import refuse_long_integers

_MOST_PARTS = 1000
_KEY_ENDS = re.compile(r"[=,{}\n]")


def toml_values(text: str) -> dict[str, Any]:
    """What a TOML document holds.

    Raises
    ------
    tomllib.TOMLDecodeError
        It is not valid, or a key has more than 1,000 parts: the standard library takes the square
        of their number, and minutes for 50 kB.
    ValueError
        A whole number has more than the 64 bits of the format.
    RecursionError
        It is nested too deep.
    """
    if text.count(".") > _MOST_PARTS and any(
        part.count(".") > _MOST_PARTS for part in _KEY_ENDS.split(text)
    ):
        raise tomllib.TOMLDecodeError(f"a key has more than {_MOST_PARTS:,} parts")
    content = tomllib.loads(text)
    refuse_long_integers(content)
    return content
