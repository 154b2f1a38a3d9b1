"""What the numbers of a rig tell about faults, without any data.

Notes
-----
Bounds are wide: near-telecentric rigs have focal lengths of 136,000 px and k1 of -6,468, and are
right. So distortion is judged by what it does inside the image, not by its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import Remedy

Severity = Literal["error", "warning", "note"]
Float64 = NDArray[np.float64]

_ASPECT = 1.05
_ODD_ASPECT = 1.5
_GRID = 25
# px: a lens that shows more than half of the sphere has 100 and more, a telecentric one 1e5.
_SHORTEST, _LONGEST = 1.0, 1e12
_NEAR = 1e-3  # of the cameras' median distance
_APART = np.radians(60)
_ALIKE_SIZE = 2.0  # px: encoders cut odd sizes to even ones


@dataclass(frozen=True)
class Finding:
    """One thing about a rig that somebody who uses it should know.

    Attributes
    ----------
    severity : {"error", "warning", "note"}
        error: positions will be wrong; warning: they may be; note: good to know.
    problem : str
        In one sentence without a full stop.
    cameras : tuple of str
        Those that it is about; empty for all.
    evidence : mapping of str to float
        The figures behind it, with their unit in the name.
    todo : str
        What can be done; may be empty.
    remedy : Remedy or None
        The setting that does it, where there is one: "names", "video_size", "refine", or
        "offset" with the view's change in frames.
    """

    severity: Severity
    problem: str
    cameras: tuple[str, ...] = ()
    evidence: Mapping[str, float] = field(default_factory=dict)
    todo: str = ""
    remedy: Remedy | None = None

    @property
    def evidence_text(self) -> str:
        """The figures in one line; "" where there are none."""
        parts = []
        for name, value in self.evidence.items():
            words = name.replace("_px", ", px").replace("_percent", ", %").replace("_", " ")
            parts.append(f"{words} {value:.4g}")
        return "; ".join(parts)

    def __str__(self) -> str:
        return f"{self.severity}: {self.problem}." + (f" {self.todo}." if self.todo else "")


def check_rig(
    rig: Rig,
    video_sizes: Mapping[str, tuple[int, int]] | None = None,
    views: Sequence[str] | None = None,
) -> tuple[Finding, ...]:
    """Faults of a rig by itself, the gravest first.

    Parameters
    ----------
    rig : Rig
    video_sizes : mapping of view to (width, height), optional
        px of the videos that the rig is for.
    views : sequence of str, optional
        Names of the views that the rig is for.
    """
    found = [
        Finding(
            "warning",
            text,
            todo="Write the file as it was understood, so that other programs read the same",
            remedy=Remedy("rewrite"),
        )
        for text in rig.warnings
    ]
    for camera in rig.cameras:
        found += _intrinsics(camera)
        if _has_focal_length(camera):
            found += _distortion(rig, camera)
    found += _sizes(rig, video_sizes or {})
    found += _places(rig)
    found += _names(rig, views)
    found += _scale(rig)
    order = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(found, key=lambda each: order[each.severity]))


def faults(rig: Rig) -> tuple[Finding, ...]:
    """Errors and warnings that nothing but the numbers tell, for whoever uses a rig.

    What was assumed while loading is not repeated: it is in ``rig.warnings``.
    """
    return tuple(
        each
        for each in check_rig(rig)
        if each.severity != "note" and each.problem not in rig.warnings
    )


def _has_focal_length(camera: Camera) -> bool:
    lengths = np.diagonal(camera.matrix)[:2]
    return bool(np.isfinite(lengths).all() and (lengths > _SHORTEST).all())


def _intrinsics(camera: Camera) -> list[Finding]:
    fx, fy = camera.matrix[0, 0], camera.matrix[1, 1]
    cx, cy = camera.matrix[0, 2], camera.matrix[1, 2]
    name = (camera.name,)
    found = []
    if not _has_focal_length(camera) or max(fx, fy) > _LONGEST:
        text = f"camera {camera.name} has a focal length of {fx:g}, {fy:g} px"
        figures = {"fx_px": fx, "fy_px": fy}
        return [Finding("error", text, name, figures, "Calibrate again", Remedy("calibrate"))]
    ratio = max(fx / fy, fy / fx)
    if ratio > _ASPECT:
        found.append(
            Finding(
                "error" if ratio > _ODD_ASPECT else "warning",
                f"camera {camera.name} has pixels that are not square: fx is {fx:.6g}, fy {fy:.6g}",
                name,
                {"fx_over_fy": fx / fy},
                "Check that the images were not stretched, or calibrate again with the board all "
                "over the image",
                Remedy("calibrate"),
            )
        )
    if camera.size is None:
        found.append(
            Finding(
                "note",
                f"the size of the images of camera {camera.name} is not given",
                name,
                todo="Add 'size', so that it can be compared with the videos",
                remedy=Remedy("video_size", camera.name),
            )
        )
        return found
    width, height = camera.size
    if not (0 <= cx <= width and 0 <= cy <= height):
        found.append(
            Finding(
                "error",
                f"camera {camera.name} has its principal point at {cx:.1f}, {cy:.1f}, outside its "
                f"image of {width} x {height} px",
                name,
                {"cx_px": cx, "cy_px": cy},
                "Check that the matrix is not transposed and belongs to images of this size",
                Remedy("calibrate"),
            )
        )
    elif abs(cx - width / 2) > 0.25 * width or abs(cy - height / 2) > 0.25 * height:
        found.append(
            Finding(
                "warning",
                f"camera {camera.name} has its principal point at {cx:.1f}, {cy:.1f}, far from the "
                f"middle of its image of {width} x {height} px",
                name,
                {"cx_px": cx, "cy_px": cy},
                "Check whether the images were cropped after calibrating, or calibrate again",
                Remedy("calibrate"),
            )
        )
    return found


def _distortion(rig: Rig, camera: Camera) -> list[Finding]:
    """Whether every pixel has a direction, and one only."""
    if camera.size is None:
        return []
    width, height = camera.size
    x, y = np.meshgrid(np.linspace(0, width - 1, _GRID), np.linspace(0, height - 1, _GRID))
    grid = np.column_stack([x.ravel(), y.ravel()])
    rays = rig.subset([camera.name]).undistort(grid[None])[0]
    lost = ~np.isfinite(rays).all(axis=1)
    if not lost.any():
        return []
    share = float(lost.mean())
    return [
        Finding(
            "error" if share > 0.25 else "warning",
            f"the distortion of camera {camera.name} folds back inside its image: "
            f"{100 * share:.0f} % of it has no direction",
            (camera.name,),
            {"image_percent": 100 * share},
            "Calibrate again with the board in the corners of the image, or with fewer "
            "coefficients; points out there are not used",
            Remedy("calibrate"),
        )
    ]


def _sizes(rig: Rig, video_sizes: Mapping[str, tuple[int, int]]) -> list[Finding]:
    found = []
    for camera in rig.cameras:
        size = video_sizes.get(camera.name)
        if size is None or camera.size is None:
            continue
        width, height = camera.size
        if abs(size[0] - width) < _ALIKE_SIZE and abs(size[1] - height) < _ALIKE_SIZE:
            continue
        factor = width / size[0]
        scaled = abs(height - factor * size[1]) < _ALIKE_SIZE * factor
        todo = (
            f"If the video was scaled after calibrating, give the view the scale {factor:.4g}"
            if scaled
            else "If the video shows a part of the image, give the view its crop; else use the "
            "calibration of this recording"
        )
        found.append(
            Finding(
                "error",
                f"camera {camera.name} was calibrated with {width} x {height} px, but its video "
                f"has {size[0]} x {size[1]}",
                (camera.name,),
                {"width_ratio": factor, "height_ratio": height / size[1]},
                todo,
                None if not scaled else Remedy("video_size", camera.name),
            )
        )
    return found


def _places(rig: Rig) -> list[Finding]:
    if len(rig.cameras) < 2:
        return [Finding("warning", "the rig has one camera, so nothing can be triangulated")]
    found = []
    centres = rig.centres
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    pairs = np.triu_indices(len(centres), 1)
    middle = float(np.median(gaps[pairs]))
    for i, j in zip(*pairs, strict=True):
        if gaps[i, j] > _NEAR * middle and gaps[i, j] > 0:
            continue
        a, b = rig.cameras[i], rig.cameras[j]
        same = np.allclose(a.rotation, b.rotation, atol=1e-6)
        found.append(
            Finding(
                "error",
                f"cameras {a.name} and {b.name} stand at the same place"
                f"{' and look the same way' if same else ''}",
                (a.name, b.name),
                {"distance": float(gaps[i, j])},
                "Check whether one camera's calibration was copied, or was never made",
                Remedy("calibrate"),
            )
        )
    target = _nearest_to_axes(rig)
    for camera, centre in zip(rig.cameras, centres, strict=True):
        angle = _angle_to(target, centre, camera.rotation[2])
        if angle > _APART:
            # The pose of the camera in the world, taken for that of the world in the camera.
            inverse = _angle_to(target, camera.translation, camera.rotation[:, 2]) < _APART
            found.append(
                Finding(
                    "warning",
                    f"camera {camera.name} does not look where the others look "
                    f"({np.degrees(angle):.0f} degrees away)",
                    (camera.name,),
                    {"angle_degrees": float(np.degrees(angle))},
                    "Its pose fits when it is taken the other way round, from camera to world"
                    if inverse
                    else "Check that its rotation is from the world to the camera, and not "
                    "transposed",
                    Remedy("invert_pose", camera.name) if inverse else None,
                )
            )
    return found


def _angle_to(target: Float64, centre: Float64, axis: Float64) -> float:
    """Between a camera's axis and the way to a point, rad; 0 where the camera is at the point."""
    towards = target - centre
    length = float(np.linalg.norm(towards))
    return float(np.arccos(np.clip(axis @ towards / length, -1, 1))) if length > 0 else 0.0


def _nearest_to_axes(rig: Rig) -> Float64:
    """The point nearest to the optical axes of most cameras, ``(3,)`` rig units."""
    weights = np.ones(len(rig.cameras))
    axes = np.stack([camera.rotation[2] for camera in rig.cameras])
    across = np.eye(3) - axes[:, :, None] * axes[:, None]
    point = rig.centres.mean(axis=0)
    for _ in range(20):
        system = np.einsum("c,cij->ij", weights, across)
        right = np.einsum("c,cij,cj->i", weights, across, rig.centres)
        # Parallel axes meet nowhere; a little of the cameras' middle keeps the point near.
        system += 1e-6 * np.trace(system) * np.eye(3)
        right += 1e-6 * np.trace(system) * rig.centres.mean(axis=0)
        point = np.linalg.solve(system, right)
        miss = np.linalg.norm(np.einsum("cij,cj->ci", across, point - rig.centres), axis=1)
        weights = 1 / np.maximum(miss, 1e-9 + 0.1 * np.median(miss))
    return np.asarray(point)


def _names(rig: Rig, views: Sequence[str] | None) -> list[Finding]:
    if views is None:
        return []
    absent = [view for view in views if view not in rig.names]
    extra = [name for name in rig.names if name not in views]
    found = []
    if absent:
        found.append(
            Finding(
                "error",
                f"there is no camera for the view {', '.join(absent)}; the cameras are "
                f"{', '.join(rig.names)}",
                todo="Rename the cameras to the names of the views",
                remedy=Remedy("names"),
            )
        )
    if extra and not absent:
        found.append(
            Finding("note", f"there are no videos of the camera {', '.join(extra)}", tuple(extra))
        )
    return found


def _scale(rig: Rig) -> list[Finding]:
    if len(rig.cameras) < 2:
        return []
    reach = float(np.median(np.linalg.norm(rig.centres - _nearest_to_axes(rig), axis=1)))
    if not np.isfinite(reach) or reach <= 0:
        return []
    if rig.units:
        guess = f"the file says {rig.units}"
    else:
        likely = "m" if reach < 10 else "cm" if reach < 100 else "mm"
        guess = f"the file names no unit; from this distance it may be {likely}"
    return [
        Finding(
            "note",
            f"the cameras stand {reach:.4g} units from where they look; {guess}",
            (),
            {"working_distance": reach},
        )
    ]
