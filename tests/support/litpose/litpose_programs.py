"""Environments that look as if Lightning Pose were installed in them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.paths import REPO

FAKE = REPO / "tests" / "support" / "litpose" / "fake_litpose.py"


def litpose_environment(
    folder: Path,
    versions: Mapping[str, str] | None = None,
    torch: str = "",
) -> Path:
    """An environment with a ``litpose`` and a Python that reports these distributions.

    Parameters
    ----------
    versions : mapping of str to str
        Not given: a litpose 2.4.3 without DALI.
    torch : str
        Source of its module ``torch``.
    """
    if versions is None:
        versions = {"lightning-pose": "2.4.3", "torch": "2.13.0"}
    site = folder / "site"
    for name, version in versions.items():
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    torch = torch or (
        "class cuda:\n    @staticmethod\n    def is_available():\n        return False\n"
    )
    (site / "torch.py").write_text(torch)
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    # Called with -I -c SCRIPT; -S keeps the distributions of this environment out.
    start = f"import sys; sys.path.insert(0, {str(site)!r}); exec(sys.argv[1])"
    python.write_text(
        f'#!/bin/sh\nif [ "$1" = -I ]; then exec "{sys.executable}" -S -c "{start}" "$3"; fi\n'
        f'exec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    program = folder / "bin" / "litpose"
    run = f'import runpy\nrunpy.run_path({str(FAKE)!r}, run_name="__main__")\n'
    program.write_text(f"#!{python}\n{run}")
    program.chmod(0o755)
    return folder
