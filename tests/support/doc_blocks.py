"""The code blocks of the documentation, and how a block is marked that is not run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import REPO

PAGES = (REPO / "README.md", *sorted((REPO / "docs").glob("*.md")))

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<language>[\w{}-]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes
    ----------
    page : Path
    line : int
        Of its first line, from 1.
    language : str
        As behind the opening fence; "" for none.
    text : str
    reason : str
        Why it is not run, from ``<!-- not run: reason -->`` on the line above; "" for one that is.
    """

    page: Path
    line: int
    language: str
    text: str
    reason: str


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    content = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            content.count("\n", 0, match.start("text")) + 1,
            match["language"],
            match["text"],
            match["reason"] or "",
        )
        for match in _BLOCK.finditer(content)
    ]
