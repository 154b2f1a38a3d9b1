"""What the threads of the section "Check and convert" do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.settings import IsCancelled, Progress

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.lint.rig_lint import Finding
    from napari_pose3d.core.pipeline.rigs.point_sources import SharedPoints

Size = tuple[int, int]


@dataclass(frozen=True)
class RigFile:
    """A calibration to look at, and what its file does not say.

    Attributes
    ----------
    path : Path or None
        None for that of the open session.
    names : tuple of str
        Of the cameras, in the order of the file; empty for its own.
    sizes : tuple of (width, height)
        px, for formats without; one for all cameras, or one for each.
    scale : float
        What lengths are multiplied by.
    """

    path: Path | None = None
    names: tuple[str, ...] = ()
    sizes: tuple[Size, ...] = ()
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Checked:
    """A calibration and what was found.

    Attributes
    ----------
    rig : Rig
    title : str
        What its file is.
    findings : tuple of Finding
    video_sizes : mapping of view to (width, height)
        px of the session's videos.
    compared : str
        What it was held against, in words.
    """

    rig: Rig
    title: str
    findings: tuple[Finding, ...]
    video_sizes: Mapping[str, Size]
    compared: str


def check_file(
    file: RigFile,
    opened: OpenSession | None,
    with_points: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> Checked:
    """Read a calibration of any known program, and look for faults.

    Parameters
    ----------
    opened : OpenSession or None
        Whose videos, and predictions or labels, it is held against.

    Raises
    ------
    PoseDataError
        The file cannot be read, or the session has none.
    """
    from napari_pose3d.core.formats.calibrations import rig_conversion as conversion

    progress("reading the calibration", 0, 0)
    session = None if opened is None else opened.session
    path = file.path
    if path is None:
        path = None if session is None else session.rig_path
        if path is None:
            raise PoseDataError(
                "the open session has no calibration" if session else "no session is open",
                expected="a file of a calibration",
                todo="Choose a file, or make a calibration",
            )
    key = conversion.detect_format(path)
    sizes, lacking = file.sizes, ""
    try:
        rig = conversion.read_rig(path, key, names=file.names, sizes=sizes, scale=file.scale)
    except PoseDataError as error:
        known = set(() if session is None else session.rig_image_sizes().values())
        if sizes or len(known) != 1 or all(each.kind != "size" for each in error.remedies):
            raise
        sizes, lacking = tuple(known), ", images of the size of the session's videos"
        rig = conversion.read_rig(path, key, names=file.names, sizes=sizes, scale=file.scale)
    if session is not None:
        rig = rig.renamed(session.cameras)
    title = f"{path.name}: {conversion.FORMATS[key].title}, {len(rig.cameras)} cameras{lacking}"
    return check_rig_of(rig, title, opened, with_points, progress, cancelled)


def check_rig_of(
    rig: Rig,
    title: str,
    opened: OpenSession | None,
    with_points: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> Checked:
    """Look for faults of a rig that was read already."""
    from napari_pose3d.core.calibration.lint.data_lint import check_rig_against
    from napari_pose3d.core.calibration.lint.rig_lint import Finding, check_rig
    from napari_pose3d.core.pipeline.rigs.point_sources import predicted_points

    session = None if opened is None else opened.session
    sizes = {} if session is None else session.rig_image_sizes()
    views = None if session is None else session.views
    findings = list(check_rig(rig, sizes, views))
    compared = "Looked at by itself."
    if session is not None:
        compared = f"Compared with the videos of {session.name}."
    missing = set(views or ()) - set(rig.names)
    points, source = None, "predictions"
    if with_points and opened is not None and not missing:
        progress("reading points", 0, 0)
        if opened.session.ensemble_sets:
            points = predicted_points(opened.session.load_predictions())
        else:
            source = "labels"
            try:
                points = _labels_of(opened)
            except PoseDataError as error:
                findings.append(Finding("note", f"not compared with labels: {error.problem}"))
    if points is not None and session is not None:
        progress("comparing", 0, 0)
        findings += check_rig_against(
            rig.subset(points.views),
            points.xy,
            # Labeled frames lie anywhere in time.
            clocks=source == "predictions",
            frame_rate=next(iter(rates_of(session).values()), None),
            cancelled=cancelled,
        )
        compared = f"Compared with the videos and {source} of {session.name}."
    order = {"error": 0, "warning": 1, "note": 2}
    findings.sort(key=lambda finding: order[finding.severity])
    return Checked(rig, title, tuple(findings), sizes, compared)


def _labels_of(opened: OpenSession) -> SharedPoints | None:
    """The labels of a session; None where it has none."""
    from napari_pose3d.core.labels.files.label_files import LabelFiles
    from napari_pose3d.core.pipeline.rigs.point_sources import labeled_points

    project, session = opened.project, opened.session
    if project.kind != "lightning-pose":
        return None
    if not any(key.session == session.name for key in LabelFiles(project).known_frames):
        return None
    return labeled_points(project, [session])


def rates_of(session: Session) -> dict[str, float]:
    """Frames a second of the session's videos, where the headers state them."""
    from napari_pose3d.core.video.metadata import video_metadata

    found = {view: video_metadata(path).frame_rate for view, path in session.videos.items()}
    return {view: rate for view, rate in found.items() if rate}


def with_video_size(rig: Rig, name: str, size: Size) -> Rig:
    """The rig with a camera whose images have another size, its lens scaled with them.

    Where the rig does not give the size of its images, it is that of the video already.
    """
    cameras = []
    for camera in rig.cameras:
        if camera.name == name:
            old = camera.size or size
            x, y = size[0] / old[0], size[1] / old[1]
            # Integers are centres of pixels, so edges lie half a pixel further out.
            scale = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
            camera = replace(camera, size=size, matrix=scale @ camera.matrix)
        cameras.append(camera)
    return replace(rig, cameras=tuple(cameras))


def with_inverted_pose(rig: Rig, name: str) -> Rig:
    """The rig with the pose of a camera taken from camera to world instead."""
    return replace(
        rig,
        cameras=tuple(
            replace(each, rotation=each.rotation.T, translation=-each.rotation.T @ each.translation)
            if each.name == name
            else each
            for each in rig.cameras
        ),
    )


def exchanged(rig: Rig, argument: str) -> Rig:
    """The rig whose cameras have other names, a line ``view<tab>camera`` for each."""
    return rig.renamed(dict(line.split("\t") for line in argument.splitlines()))


def sizes_from(text: str) -> tuple[Size, ...]:
    """Sizes written as ``1280x1024``, several with blanks between.

    Raises
    ------
    PoseDataError
        A part is no size.
    """
    out = []
    for part in text.replace(",", " ").split():
        width, _, height = part.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal() and len(part) < 20):
            raise PoseDataError(f"'{part[:40]}' is no size of images", expected="such as 1280x1024")
        out.append((int(width), int(height)))
    return tuple(out)


def names_from(text: str) -> tuple[str, ...]:
    """Names with commas between."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def write_as(rig: Rig, path: Path, key: str, overwrite: bool) -> Sequence[str]:
    """Write a rig in a format; what that has no place for, in words."""
    from napari_pose3d.core.formats.calibrations.rig_conversion import write_rig

    return write_rig(rig, path, key, overwrite=overwrite)
