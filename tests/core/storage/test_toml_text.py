"""TOML that is valid is read; what would take minutes is refused."""

from __future__ import annotations

import tomllib

import pytest

from napari_pose3d.core.storage.toml_text import toml_values


def test_what_is_valid_is_read() -> None:
    numbers = ", ".join(f"{i}.5" for i in range(3000))
    text = f"a.b.c = 1\nvalues = [{numbers}]\nd = {{e.f = 2}}\n" + "# " + "." * 500 + "\n"
    assert toml_values(text) == tomllib.loads(text)
    assert toml_values("") == {}


@pytest.mark.parametrize("text", ["%s = 1\n", "[%s]\n", "x = {%s = 1}\n", 'a = 1\n  "b".%s = 2\n'])
def test_keys_of_thousands_of_parts_are_refused(text: str) -> None:
    key = ".".join(["a"] * 20_000)
    with pytest.raises(tomllib.TOMLDecodeError, match="more than 1,000 parts"):
        toml_values(text % key)
