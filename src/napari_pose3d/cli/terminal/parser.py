"""A parser whose errors are one line and say what was probably meant."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

_CHOICE = re.compile(r"invalid choice: '?(.*?)'? \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` with one line for an error instead of the whole usage."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; what the parser of a command does not know is an error of that command."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and self._subparsers is None:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with the code 2."""
        meant = self._meant(message)
        hint = f" Did you mean {meant}?" if meant else f" See {self.prog} --help."
        self.exit(2, f"{self.prog}: {message}.{hint}\n")

    def _meant(self, message: str) -> str:
        if match := _CHOICE.search(message):
            given, choices = match[1], re.findall(r"[\w-]+", match[2])
        elif message.startswith("unrecognized arguments: "):
            words = message.split(": ", 1)[1].split()
            given = next((word for word in words if word.startswith("-")), "").split("=")[0]
            choices = list(self._option_string_actions)
        else:
            return ""
        return next(iter(difflib.get_close_matches(given, choices, 1, 0.6)), "")
