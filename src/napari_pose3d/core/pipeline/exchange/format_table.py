"""The one table of formats: what each is called, needs, and can hold.

Command line, panel and documentation are made from it. Readers and writers are named and loaded
when they are used.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from napari_pose3d.core.formats.exchange.destination import Destination
from napari_pose3d.errors import PoseDataError, Remedy

Content = Literal["poses", "labels"]

_HOME = "napari_pose3d.core.formats.exchange"
# By the extra that brings it, what stands for all of its libraries.
_LIBRARIES = {
    "h5": "tables",
    "hdf5": "h5py",
    "netcdf": "h5netcdf",
    "nwb": "ndx_pose",
    "parquet": "pyarrow",
    "sleap": "sleap_io",
}


@dataclass(frozen=True)
class ExchangeFormat:
    """A format of another program.

    Attributes
    ----------
    key : str
        What it is called by, such as "trc".
    title : str
    content : {"poses", "labels"}
        Whether it is for poses of a session, or for labels of a project.
    suffix : str
        Of its file; "" where it is a folder.
    writer, reader : str
        ``module:function`` below `core.formats.exchange`.
    extra : str
        The extra of ours that it needs; "" for none.
    space, views, confidence, uncertainty, mask, units, fps, skeleton, cameras, images : bool
        What a file of it can hold, without a side file.
    measurements : bool
        Whether what the project measures has a place beside the poses.
    several : bool
        Whether a file may hold several individuals, of which one is read.
    options : tuple of str
        Fields of `ExportSettings` that it takes.
    """

    key: str
    title: str
    content: Content
    suffix: str
    writer: str
    reader: str
    extra: str = ""
    space: bool = False
    views: bool = False
    confidence: bool = False
    uncertainty: bool = False
    mask: bool = False
    units: bool = False
    fps: bool = False
    skeleton: bool = False
    cameras: bool = False
    images: bool = False
    measurements: bool = False
    several: bool = False
    options: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        return not self.suffix

    @property
    def install_command(self) -> str:
        """The command that installs the library it needs; "" where that is there."""
        if not self.extra or importlib.util.find_spec(_LIBRARIES[self.extra]) is not None:
            return ""
        return f"pip install 'napari-pose3d[{self.extra}]'"

    def write(self) -> Callable[[Any, Destination], list[str]]:
        """The function that writes poses or labels; it returns what was renamed or not kept."""
        found: Callable[[Any, Destination], list[str]] = _function(self.writer)
        return found

    def read(self, individual: str | None = None) -> Callable[[Path], Any]:
        """The function that reads it.

        Parameters
        ----------
        individual : str, optional
            Which one, where a file holds several.

        Raises
        ------
        PoseDataError
            One is named, and a file of this format holds no more than one.
        """
        found: Callable[..., Any] = _function(self.reader)
        if individual is None:
            return found
        if not self.several:
            raise PoseDataError(
                f"{self.title} is read without a choice of individuals",
                todo="Choose none",
                remedy=Remedy("any_individual"),
            )
        return partial(found, individual=individual)

    def holds(self) -> list[str]:
        """What it can hold, in words."""
        return [word for name, word in _WORDS.items() if getattr(self, name)]

    def loses(self) -> list[str]:
        """What it has no place for, in words."""
        known = _OF_POSES if self.content == "poses" else _OF_LABELS
        lost = [_WORDS[name] for name in known if not getattr(self, name)]
        return lost if self.content == "poses" or self.key == "coco" else [*lost, "occlusion"]


_WORDS = {
    "space": "3-D",
    "views": "2-D",
    "confidence": "confidence",
    "uncertainty": "uncertainty",
    "mask": "measured or filled in",
    "units": "units",
    "fps": "frame rate",
    "skeleton": "skeleton",
    "cameras": "cameras",
    "images": "images",
}
_OF_POSES = tuple(_WORDS)[:-1]
_OF_LABELS = ("views", "skeleton", "cameras", "images")
IN_SIDE_FILE = tuple(_WORDS[name] for name in ("mask", "units", "fps", "skeleton"))
"""What of poses lies in a file beside, where the format has no place for it."""


def _function(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"{_HOME}.{module}"), name)


_ALL = (
    ExchangeFormat(
        "anipose", "Anipose pose-3d CSV", "poses", ".csv",
        "tables.anipose_csv:write_anipose_csv", "tables.anipose_csv:read_anipose_csv",
        space=True, confidence=True,
        options=("measured_only", "body_frame", "floor"),
    ),
    ExchangeFormat(
        "trc", "TRC (OpenSim)", "poses", ".trc",
        "motion.trc:write_trc", "motion.trc:read_trc",
        space=True, units=True, fps=True,
        options=("measured_only", "body_frame", "floor", "up"),
    ),
    ExchangeFormat(
        "tidy-csv", "tidy CSV", "poses", ".csv",
        "tables.tidy_files:write_tidy_csv", "tables.tidy_files:read_tidy_csv",
        space=True, views=True, confidence=True, uncertainty=True, mask=True,
        measurements=True, options=("measured_only", "body_frame", "floor"),
    ),
    ExchangeFormat(
        "tidy-parquet", "tidy Parquet", "poses", ".parquet",
        "tables.tidy_files:write_tidy_parquet", "tables.tidy_files:read_tidy_parquet",
        extra="parquet", space=True, views=True, confidence=True, uncertainty=True, mask=True,
        units=True, fps=True, skeleton=True,
        measurements=True, options=("measured_only", "body_frame", "floor"),
    ),
    ExchangeFormat(
        "sleap-anipose", "sleap-anipose points3d.h5", "poses", ".h5",
        "arrays.sleap_anipose_h5:write_sleap_anipose", "arrays.sleap_anipose_h5:read_sleap_anipose",
        extra="hdf5", space=True, confidence=True,
        options=("measured_only", "body_frame", "floor"),
    ),
    ExchangeFormat(
        "movement", "movement netCDF", "poses", ".nc",
        "arrays.movement_netcdf:write_movement", "arrays.movement_netcdf:read_movement",
        extra="netcdf", space=True, views=True, confidence=True, uncertainty=True, mask=True,
        units=True, fps=True, skeleton=True, several=True,
        options=("measured_only", "body_frame", "floor", "movement_dims"),
    ),
    ExchangeFormat(
        "c3d", "C3D", "poses", ".c3d",
        "motion.c3d:write_c3d", "motion.c3d:read_c3d",
        space=True, mask=True, units=True, fps=True,
        options=("measured_only", "body_frame", "floor", "split"),
    ),
    ExchangeFormat(
        "nwb", "NWB with ndx-pose", "poses", ".nwb",
        "arrays.nwb_writer:write_nwb", "arrays.nwb_reader:read_nwb",
        extra="nwb", space=True, views=True, confidence=True, uncertainty=True, mask=True,
        units=True, fps=True, skeleton=True, cameras=True, measurements=True,
        options=("measured_only", "body_frame", "floor", "nwb", "subject"),
    ),
    ExchangeFormat(
        "dannce", "DANNCE predictions", "poses", ".mat",
        "datasets.dannce:write_dannce", "datasets.dannce:read_dannce",
        space=True, confidence=True,
        options=("measured_only", "body_frame", "floor"),
    ),
    ExchangeFormat(
        "dlc-csv", "DeepLabCut CSV", "poses", ".csv",
        "tables.deeplabcut:write_dlc_csv", "tables.deeplabcut:read_dlc_csv",
        views=True, confidence=True, several=True,
    ),
    ExchangeFormat(
        "dlc-h5", "DeepLabCut h5, Anipose pose-2d", "poses", ".h5",
        "tables.deeplabcut:write_dlc_h5", "tables.deeplabcut:read_dlc_h5",
        extra="h5", space=True, views=True, confidence=True, several=True,
        options=("measured_only", "body_frame", "floor"),
    ),
    ExchangeFormat(
        "coco", "COCO keypoints", "labels", ".json",
        "datasets.coco:write_coco", "datasets.coco:read_coco",
        views=True, skeleton=True,
    ),
    ExchangeFormat(
        "jarvis", "JARVIS data set", "labels", "",
        "datasets.jarvis:write_jarvis_set", "datasets.jarvis:read_jarvis_set",
        views=True, skeleton=True, cameras=True, images=True,
        options=("validation",),
    ),
    ExchangeFormat(
        "dlc-project", "DeepLabCut project", "labels", "",
        "datasets.deeplabcut_project:write_dlc_project",
        "datasets.deeplabcut_project:read_dlc_project",
        views=True, skeleton=True, images=True,
    ),
    ExchangeFormat(
        "label3d", "Label3D / DANNCE labels", "labels", ".mat",
        "datasets.label3d:write_label3d_labels", "datasets.label3d:read_label3d_labels",
        space=True, views=True, skeleton=True, cameras=True,
    ),
    ExchangeFormat(
        "sleap", "SLEAP labels with cameras", "labels", ".slp",
        "datasets.sleap:write_sleap", "datasets.sleap:read_sleap",
        extra="sleap", space=True, views=True, units=True, skeleton=True, cameras=True,
    ),
)  # fmt: skip

FORMATS = {each.key: each for each in _ALL}


def format_of(key: str) -> ExchangeFormat:
    """A format by its key.

    Raises
    ------
    PoseDataError
        There is none of that name.
    """
    if key not in FORMATS:
        raise PoseDataError(
            f"no format is called '{key}'",
            expected=f"one of {', '.join(FORMATS)}",
            remedy=Remedy("format"),
        )
    return FORMATS[key]


def found_format(path: str | os.PathLike[str]) -> ExchangeFormat:
    """The format of a file or folder, by what it begins with.

    Raises
    ------
    PoseDataError
        None is known.
    """
    from .format_detection import detect

    return format_of(detect(Path(path)))
