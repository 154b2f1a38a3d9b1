"""``python -m napari_pose3d.cli``."""

from __future__ import annotations

from . import run

if __name__ == "__main__":
    run()
