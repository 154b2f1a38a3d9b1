"""Networks that see a part of each image: the boxes they were trained with."""

from __future__ import annotations

from pathlib import Path, PurePath

from .config_file import Config, value_at

_CROPPED = "cropped_"
_CROPPED_DATA = "cropped_images"


def box_files(config: Config) -> tuple[Path, ...]:
    """``data.bbox_file``: a table for each view, with a row for each labeled image."""
    given = value_at(config, "data.bbox_file", [])
    names = given if isinstance(given, list) else [given]
    folder = Path(str(value_at(config, "data.data_dir", "")))
    return tuple(folder / str(name) for name in names)


def trained_on_crops(config: Config) -> bool:
    """Whether a network sees crops, so that whole images would give it wrong positions.

    Either its configuration names boxes, or its images are those that ``litpose crop`` wrote.
    """
    if box_files(config):
        return True
    files = value_at(config, "data.csv_file", [])
    names = [PurePath(str(each)).name for each in (files if isinstance(files, list) else [files])]
    folder = PurePath(str(value_at(config, "data.data_dir", ""))).name
    return folder == _CROPPED_DATA or any(name.startswith(_CROPPED) for name in names)
