"""Where the settings that help are on the command line."""

from __future__ import annotations

from napari_pose3d.errors import Remedy, RemedyKind

_OPTIONS: dict[RemedyKind, str] = {
    "views": "--views NAME ...",
    "calibration": "--calibration TOML",
    "cameras": 'view = "camera" under [cameras] in napari-pose3d/project.toml',
    "session": "--session NAME",
    "individual": "--individual NAME",
    "any_individual": "leave out --individual",
    "keypoints": "--keypoints NAME ...",
    "mirrored": "--mirrored",
    "allow_missing": "--allow-missing",
    "shared_keypoints": "--shared-keypoints",
    "folder": "--out DIR",
    "replace": "--force",
    "skeleton": "--skeleton A,B ...",
    "convert": "napari-pose3d rig convert FILE calibration.toml",
    "size": "--size WIDTHxHEIGHT",
    "names": "--names NAME ...",
    "format": "--format FORMAT",
    "rig_format": "--to FORMAT",
    "fps": "--fps N",
    "split": "--split",
    "set": "--set NAME",
    "subject": "--subject KEY=VALUE ...",
    "video_size": "size = [WIDTH, HEIGHT] of the camera in the calibration",
    "offset": "napari-pose3d rig check RIG --predictions ... --offsets-to PROJECT",
    "refine": "napari-pose3d rig refine RIG --predictions ... --out calibration.toml",
    "exchange": "exchange the names of the cameras in the calibration",
    "invert_pose": "the tab Calibration in napari, Check and convert",
    "rewrite": "napari-pose3d rig convert FILE calibration.toml",
    "calibrate": "napari-pose3d rig calibrate VIDEOS ... --board BOARD --out calibration.toml",
    "litpose": "--litpose PATH",
    "triggered": "triggered = true at the top of napari-pose3d/project.toml",
    "sync_table": "--timestamps CSV",
    "same_trigger": "--no-clocks",
}


def option_of(remedy: Remedy) -> str:
    """The option for a setting, such as ``--session NAME``."""
    option = _OPTIONS[remedy.kind]
    if remedy.argument and option.startswith("--"):
        option = f"{option.split()[0]} {remedy.argument}"
    return option
