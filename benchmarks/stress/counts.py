"""What was tried and what went wrong, as a table."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = (
    "inputs",
    "tracebacks",
    "hangs",
    "silently wrong",
    "labels lost",
    "groups torn",
    "strays",
)


def patience(seconds: float) -> float:
    """How long to wait for what takes so many seconds at most: more where the machine is busy."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return seconds * max(1.0, 2 * load / (os.cpu_count() or 1))


@dataclass
class Counts:
    """Counts by row and column, and an example of each fault.

    Parameters
    ----------
    keep : Path or None
        Where inputs that showed a fault are written.
    """

    keep: Path | None = None
    rows: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def add(self, row: str, column: str, n: int = 1) -> None:
        self.rows.setdefault(row, Counter())[column] += n

    def note(self, row: str, column: str, name: str, text: str, content: bytes = b"") -> None:
        """Remember an example; one for each last line of a traceback."""
        lines = text.strip().splitlines() or [""]
        known = (row, column, lines[-1][:80])
        if known in self.examples:
            return
        self.examples[known] = f"{name}\n{text.strip()}"
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            (self.keep / f"{len(self.examples):03d}.txt").write_text(
                f"{row}: {column}\n{name}\n{text}\n"
            )
            if content:
                (self.keep / f"{len(self.examples):03d}.input").write_bytes(content)

    @property
    def faults(self) -> int:
        """How much went wrong in all."""
        return sum(n for row in self.rows.values() for c, n in row.items() if c != "inputs")

    def table(self) -> str:
        """The table, with a line for all."""
        total: Counter[str] = sum(self.rows.values(), Counter())
        width = max(len(row) for row in (*self.rows, "all"))
        lines = [" " * width + "".join(f"  {name:>14}" for name in COLUMNS)]
        for name, row in [*sorted(self.rows.items()), ("all", total)]:
            lines.append(name.ljust(width) + "".join(f"  {row[c]:>14,}" for c in COLUMNS))
        return "\n".join(lines)
