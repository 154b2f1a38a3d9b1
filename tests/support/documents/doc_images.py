"""The images of the documentation, from those that scripts have made; run by ``make images``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.support.paths import REPO

IMAGES = REPO / "docs" / "images"
_GUI = REPO / "src" / "napari_pose3d" / "gui"
_DEMO = (_GUI / "demo.py", _GUI / "tasks" / "calibration" / "demo_pictures.py")
_MODELS = (REPO / "tests" / "support" / "litpose" / "models_screenshots.py",)
_COLOURS = 256


def scripts_of(name: str) -> tuple[tuple[Path, ...], str]:
    """Which scripts may make an image, and what they call it."""
    for prefix, scripts in (("models-", _MODELS), ("plot-", _DEMO)):
        if name.startswith(prefix):
            return scripts, name.removeprefix(prefix)
    return _DEMO, name


def main(arguments: Sequence[str] | None = None) -> int:
    """Replace the images of the documentation by those of a folder, in fewer colours."""
    parser = argparse.ArgumentParser(prog="make images", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the scripts have written them")
    folder = parser.parse_args(arguments).folder
    from PIL import Image

    for path in sorted(IMAGES.glob("*.png")):
        made = folder / path.name
        if not made.is_file():
            print(f"{path.name}: as it was, {made} was not made")
            continue
        with Image.open(made) as image:
            few = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
            few.save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
