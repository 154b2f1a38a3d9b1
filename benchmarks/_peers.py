"""The program we compare with, in a virtual environment of its own.

It is made on first use as ``.venv-peers`` in the checkout. The environment variable POSE3D_PEERS
names another place, such as one that is ready already.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from _common import ROOT, describe_end

PEER = "ensemble-kalman-smoother"
PEER_VERSION = "4.6.2"


def peer_python() -> tuple[Path | None, str]:
    """The Python that has the peer installed, and its version; or None and the reason."""
    folder = Path(os.environ.get("POSE3D_PEERS") or ROOT / ".venv-peers")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"\nMaking a virtual environment for {PEER} {PEER_VERSION} in {folder} ...")
        try:
            venv.create(folder, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return None, f"{PEER}: no virtual environment could be made ({error})"
    version = _installed_version(python)
    if version is None:
        install = [str(python), "-m", "pip", "install", "--quiet", f"{PEER}=={PEER_VERSION}"]
        ended = subprocess.run(install, capture_output=True, text=True)
        if ended.returncode:
            return None, f"{PEER} could not be installed ({describe_end(ended)})"
        version = _installed_version(python)
    if version is None:
        return None, f"{PEER} is not to be found in {folder}"
    return python, f"{PEER} {version}"


def _installed_version(python: Path) -> str | None:
    ask = f"import importlib.metadata as m; print(m.version({PEER!r}))"
    ended = subprocess.run([str(python), "-c", ask], capture_output=True, text=True)
    return ended.stdout.strip() if ended.returncode == 0 else None


if __name__ == "__main__":
    found, text = peer_python()
    print(text)
    sys.exit(found is None)
