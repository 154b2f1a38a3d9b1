"""The code blocks of the documentation, and how a block is marked that is run in another way.

``<!-- scene: NAME -->`` on the line above a block
    It is run in a folder of its own, made by `tests.support.documents.doc_scenes`.
``<!-- run by: PATH -->``
    Another test runs it.
``<!-- not run: REASON -->``
    It cannot be run; what it has of our command line must be understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import REPO

PAGES = (REPO / "README.md", *sorted((REPO / "docs").glob("*.md")))

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>scene|run by|not run): (?P<what>[^\n]+) -->\n)?"
    r"^```(?P<language>[\w{}-]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)

_MARKS = ("scene", "run by", "not run")


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
    scene, run_by, reason : str
        From the mark on the line above; "" without.
    """

    page: Path
    line: int
    language: str
    text: str
    scene: str
    run_by: str
    reason: str

    @property
    def is_run(self) -> bool:
        """Whether its page's test runs it."""
        return not (self.run_by or self.reason)

    @property
    def lines(self) -> list[str]:
        """Those of a shell, continued ones as one."""
        return self.text.replace("\\\n", " ").splitlines()


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    content = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            content.count("\n", 0, match.start("text")) + 1,
            match["language"],
            match["text"],
            *(match["what"] if match["mark"] == each else "" for each in _MARKS),
        )
        for match in _BLOCK.finditer(content)
    ]


def block_with(page: str, text: str) -> Block:
    """The only block of a page of ``docs/`` that holds a text."""
    [found] = [each for each in blocks_of(REPO / "docs" / page) if text in each.text]
    return found
