"""A project around the exported network that was recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

from napari_pose3d.core.models.configuration.config_file import read_config
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.session import Session
from tests.support.projects.session_files import touch


def exported_project(folder: Path, shared_data: Path) -> Session:
    """Its session ``arena`` of ten frames in four views; the network is ``models/net``."""
    recorded = shared_data / "litpose_run" / "onnx"
    data = read_config(recorded / "config.yaml")["data"]
    views, names = ", ".join(data["view_names"]), ", ".join(data["keypoint_names"])
    touch(folder / "project.yaml", f"view_names: [{views}]\nkeypoint_names: [{names}]\n")
    shutil.copytree(recorded / "videos", folder / "videos")
    network = folder / "models" / "net"
    (network / "exports_onnx").mkdir(parents=True)
    shutil.copy(recorded / "config.yaml", network)
    for path in recorded.glob("*.onnx*"):
        shutil.copy(path, network / "exports_onnx")
    return open_project(folder).session("arena")
