"""What both programs' child processes report. Standard library only: it runs in either venv."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_MARK = "BENCHMARK "


def peak_memory_mb() -> float:
    """The most memory this process has held so far, in MB (10^6 bytes); NaN where unknown."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: there a child begins with the memory of the parent that started it.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def send(**facts: Any) -> None:
    """Send facts to the benchmark; may be called again while the process runs."""
    print(_MARK + json.dumps(facts), flush=True)


def received(output: str) -> dict[str, Any]:
    """All facts in a child's output."""
    facts: dict[str, Any] = {}
    for line in output.splitlines():
        if line.startswith(_MARK):
            facts.update(json.loads(line[len(_MARK) :]))
    return facts
