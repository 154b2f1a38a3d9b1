"""What a benchmark prints: the machine, tables, whether goals are met; and its command line."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.support.processes import ROOT

DATA = ROOT.parent / "shared" / "data"


@dataclass
class Table:
    """Rows under a title; as text it is aligned, and a Markdown table at the same time.

    Attributes
    ----------
    title : str
    columns : sequence of str
    rows : list of sequences
        Texts, or numbers, which are shown with three significant digits.
    notes : list of str
        Printed below.
    """

    title: str
    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        self.rows.append(cells)

    def __str__(self) -> str:
        cells = [list(self.columns), *([_text(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        numeric = [
            all(row[i][:1] in "0123456789-<>" for row in cells[1:]) for i in range(len(widths))
        ]

        def line(row: Sequence[str]) -> str:
            parts = [
                text.rjust(width) if right else text.ljust(width)
                for text, width, right in zip(row, widths, numeric, strict=True)
            ]
            return "| " + " | ".join(parts) + " |"

        rule = [
            "-" * (width - 1) + (":" if right else "-")
            for width, right in zip(widths, numeric, strict=True)
        ]
        lines = [f"### {self.title}", "", line(cells[0]), line(rule), *map(line, cells[1:])]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines)

    def show(self) -> None:
        print(f"\n{self}", flush=True)


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return f"{cell:,}" if isinstance(cell, int) else str(cell)
    if cell != cell:
        return "-"
    if abs(cell) >= 1000:
        return f"{cell:,.0f}"
    return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"


def goal(text: str, met: bool) -> None:
    """Print whether a goal is met; a benchmark never fails."""
    print(f"{'Goal met' if met else 'GOAL MISSED'}: {text}", flush=True)


def machine() -> str:
    """Processor, cores, versions and date in one line: times mean nothing without."""
    versions = [f"Python {platform.python_version()}"]
    for name in ("napari-pose3d", "numpy", "numba", "napari"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    hardware = f"{_processor()}, {os.cpu_count()} cores, {platform.system()}"
    return f"{hardware}; {', '.join(versions)}; {today}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A command line with what all benchmarks take; ``doc`` is the script's docstring."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--quick", action="store_true", help="smaller and fewer, for a first look")
    made.add_argument(
        "--data",
        type=Path,
        default=DATA,
        metavar="PATH",
        help="folder with the real recordings (default: shared/data beside the checkout)",
    )
    return made


def begin(title: str) -> None:
    print(f"\n## {title}\n\n{machine()}", flush=True)


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
