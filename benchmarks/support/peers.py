"""Programs we compare with, each in a virtual environment of its own.

It is made on first use in the checkout, as ``.venv-peers`` for the smoother. An environment
variable (POSE3D_PEERS, POSE3D_CALISCOPE) names another place, such as one that is ready already.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.processes import ROOT, describe_end


@dataclass(frozen=True)
class Peer:
    """A program: its package, the version compared with, and where it is installed."""

    package: str
    version: str
    folder: str
    variable: str


SMOOTHER = Peer("ensemble-kalman-smoother", "4.6.2", ".venv-peers", "POSE3D_PEERS")
CALISCOPE = Peer("caliscope", "0.11.8", ".venv-caliscope", "POSE3D_CALISCOPE")


def peer_python(peer: Peer = SMOOTHER) -> tuple[Path | None, str]:
    """The Python that has the peer installed, and its version; or None and the reason."""
    folder = Path(os.environ.get(peer.variable) or ROOT / peer.folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"\nMaking a virtual environment for {peer.package} {peer.version} in {folder} ...")
        try:
            venv.create(folder, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return None, f"{peer.package}: no virtual environment could be made ({error})"
    version = _installed_version(python, peer.package)
    if version is None:
        wanted = f"{peer.package}=={peer.version}"
        install = [str(python), "-m", "pip", "install", "--quiet", wanted]
        ended = subprocess.run(install, capture_output=True, text=True)
        if ended.returncode:
            return None, f"{peer.package} could not be installed ({describe_end(ended)})"
        version = _installed_version(python, peer.package)
    if version is None:
        return None, f"{peer.package} is not to be found in {folder}"
    return python, f"{peer.package} {version}"


def _installed_version(python: Path, package: str) -> str | None:
    ask = f"import importlib.metadata as m; print(m.version({package!r}))"
    ended = subprocess.run([str(python), "-c", ask], capture_output=True, text=True)
    return ended.stdout.strip() if ended.returncode == 0 else None


if __name__ == "__main__":
    found, text = peer_python()
    print(text)
    sys.exit(found is None)
