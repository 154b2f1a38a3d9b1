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
    "format": "--to FORMAT",
    "fps": "--fps N",
    "split": "--split",
    "set": "--set NAME",
    "subject": "--subject KEY=VALUE ...",
    "litpose": "--litpose PATH",
    "triggered": "triggered = true at the top of napari-pose3d/project.toml",
    "sync_table": "--timestamps CSV",
    "same_trigger": "--no-clocks",
}


def option_of(remedy: Remedy) -> str:
    """The option for a setting, such as ``--session NAME``."""
    option = _OPTIONS[remedy.kind]
    if remedy.argument:
        option = f"{option.split()[0]} {remedy.argument}"
    return option
