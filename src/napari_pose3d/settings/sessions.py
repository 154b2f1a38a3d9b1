"""What is done with whole sessions: reviewed, exported, many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from napari_pose3d.errors import PoseDataError

from .values import setting

Colours = Literal["distinct", "sides", "rainbow"]
COLOURS: tuple[Colours, ...] = get_args(Colours)

OF_PROJECT = "project"
"""For `ExportSettings.body_frame`: as ``[body_frame]`` in ``project.toml`` gives it."""


@dataclass(frozen=True)
class ReviewSettings:
    """How sessions are searched for failures, and how many frames are proposed for labeling."""

    budget: int = setting(40, "how many frames to propose for labeling, over all sessions")
    sensitivity: float = setting(
        1.0, "how little counts as a failure: 2 halves all bars, 0.5 doubles them"
    )
    measures: tuple[str, ...] = setting(
        (), "measures to write for every frame, view and keypoint; empty: none"
    )
    compare: tuple[str, ...] = setting(
        (),
        "two prediction sets whose differences are written; raw and smoothed are the predictions' "
        "centre and the smoothed positions; empty: none",
    )
    seed: int = setting(
        0, "seed of the choice of frames; another one gives another choice that is as good"
    )


@dataclass(frozen=True)
class ExportSettings:
    """How poses are written for other programs; a format takes of it what concerns it."""

    measured_only: bool = setting(
        False, "leave out positions that were filled in; they are missing then"
    )
    up: Literal["as-is", "x", "-x", "y", "-y", "z", "-z"] = setting(
        "as-is",
        "which axis of the calibration's world points up, for formats whose readers expect one "
        "(TRC: y is up there); as-is: nothing is turned",
    )
    body_frame: str = setting(
        "",
        "ORIGIN,FRONT or ORIGIN,BACK,FRONT: write 3-D positions in the frame of the animal, whose "
        "x axis points level from BACK (else ORIGIN) to FRONT; views and cameras are left out; "
        "project: as [body_frame] in project.toml gives it",
    )
    floor: str = setting(
        "",
        "for the frame of the animal: keypoints that touch the floor, separated by commas; not "
        "given: as the project gives it with its frame, else z of the world points up",
    )
    nwb: Literal["multi", "single"] = setting(
        "multi",
        "multi: 3-D, views and cameras; single: 3-D only, which keypoint-moseq reads",
    )
    movement_dims: Literal["singular", "plural"] = setting(
        "singular", "plural: for movement 0.15 and 0.16, which read no other netCDF"
    )
    validation: float = setting(
        0.1, "share of the labeled frames that a data set keeps for validation (JARVIS)"
    )
    split: bool = setting(
        False, "write several C3D files where a recording has more frames than one can hold"
    )
    subject: tuple[tuple[str, str], ...] = setting(
        (),
        "whose recording it is, for NWB: subject_id, species (in Latin), sex (M, F, U or O), age "
        "(as P90D), session_start (with time zone), experimenter, institution, description",
    )

    def __post_init__(self) -> None:
        for name, allowed in (
            ("up", ("as-is", "x", "-x", "y", "-y", "z", "-z")),
            ("nwb", ("multi", "single")),
            ("movement_dims", ("singular", "plural")),
        ):
            if (value := getattr(self, name)) not in allowed:
                raise PoseDataError(
                    f"'{value}' is not known", place=name, expected=f"one of {', '.join(allowed)}"
                )
        if self.floor and not self.body_frame:
            raise PoseDataError(
                f"'{self.floor}' is not used",
                place="floor",
                expected="a floor only together with the frame of the animal",
            )
        if not 0 <= self.validation < 1:
            raise PoseDataError(
                f"{self.validation:g} is no share", place="validation", expected="from 0 to below 1"
            )


@dataclass(frozen=True)
class RenderSettings:
    """What a rendered video shows."""

    views: tuple[str, ...] = setting((), "views to show, in this order; empty: all with a video")
    frames: tuple[int | None, int | None] = setting(
        (None, None), "first session frame and one past the last; not given: the whole recording"
    )
    skeleton: bool = setting(True, "draw the bones between keypoints")
    space: bool = setting(True, "show the positions in 3-D beside the views, if there are any")
    uncertainty: bool = setting(False, "draw the ellipses that hold 95 % around the keypoints")
    labels: bool = setting(False, "draw what people labeled, as rings")
    names: bool = setting(False, "write the keypoints' names beside them")
    colours: Colours = setting(
        "distinct",
        "of keypoints whose project chose none: as different as they can be, blue on the left and "
        "orange on the right (sides), or in the order of the list (rainbow)",
    )
    scale: float | None = setting(
        None,
        "px of the rendered video for each px of a video; not given: 1, or less where the whole "
        "would not fit into 1920 x 1080",
    )

    def __post_init__(self) -> None:
        first, last = self.frames
        if (first or 0) < 0 or (last is not None and last <= (first or 0)):
            raise PoseDataError(
                f"there are no frames from {first or 0} to before {last}",
                place="frames",
                expected="a first frame from 0, and a larger one past the last",
            )
        if self.colours not in COLOURS:
            raise PoseDataError(
                f"no way to colour keypoints is called {self.colours}",
                place="colours",
                expected=" or ".join(COLOURS),
            )
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise PoseDataError(
                f"the scale is {self.scale:g}", place="scale", expected="a number above zero"
            )


@dataclass(frozen=True)
class BatchSettings:
    """What is done with every session of projects, and by how many workers."""

    steps: tuple[str, ...] = setting(
        ("smooth", "review"), "smooth, review, export, render; they are done in this order"
    )
    formats: tuple[str, ...] = setting(("tidy-csv",), "what export writes, such as trc or nwb")
    fps: float | None = setting(
        None, "frames a second, for export and render; not given: those of each session's videos"
    )
    allow_missing: bool = setting(
        False, "go on with sessions in which views or seeds are missing, or differ in length"
    )
    project_skeleton: bool = setting(False, "smooth with the bones that each project draws")
    again: bool = setting(False, "do everything again, also what has not changed")
    workers: int | None = setting(None, "sessions at the same time; not given: one per core")
    memory: float | None = setting(
        None,
        "GB of memory that a worker may take; a session that needs more has failed; not given: an "
        "equal share of four fifths of this machine's",
    )

    def __post_init__(self) -> None:
        known = ("smooth", "review", "export", "render")
        for step in self.steps:
            if step not in known:
                raise PoseDataError(
                    f"no step is called '{step}'", expected=f"some of {', '.join(known)}"
                )
        if not self.steps:
            raise PoseDataError("there are no steps", expected=f"some of {', '.join(known)}")
        # Exports and videos are of what the steps before them made.
        object.__setattr__(self, "steps", tuple(step for step in known if step in self.steps))
        if self.workers is not None and self.workers < 1:
            raise PoseDataError(f"the number of workers is {self.workers}", expected="1 or more")
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise PoseDataError(
                f"the frame rate is {self.fps:g}", expected="frames a second, above zero"
            )
        if self.memory is not None and not 0 < self.memory < math.inf:
            raise PoseDataError(f"the memory is {self.memory} GB", expected="more than 0")
