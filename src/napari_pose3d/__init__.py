"""Multi-camera pose estimation in napari: the public Python interface.

Arrays in, arrays out; nothing here needs napari or a screen. Everything is loaded on first use.

>>> import napari_pose3d as p3d
>>> ensemble = p3d.load_predictions("recording", rig=rig)  # doctest: +SKIP
>>> result = p3d.smooth(ensemble, p3d.load_rig("calibration.toml"))  # doctest: +SKIP
>>> result.poses3d.xyz  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .core.adjustments import ViewAdjustment
    from .core.cameras.rig import Camera, Rig
    from .core.cameras.rig_file import load_rig, save_rig
    from .core.cameras.triangulation import (
        Triangulation,
        leave_one_out_residuals,
        triangulate,
    )
    from .core.creating import add_sessions, create_project
    from .core.errors import Cancelled, PoseDataError
    from .core.overview import Project, check_session, open_project
    from .core.pipeline import open_inputs, smooth, triangulate_ensemble
    from .core.poses import Ensemble, Poses2D, Poses3D, Report, Result
    from .core.predictions import load_predictions
    from .core.results import save_result
    from .core.saved_results import load_result
    from .core.session import Session
    from .core.settings import (
        ReadingSettings,
        SmootherParts,
        SmoothingSettings,
        TriangulationSettings,
    )
    from .core.synthetic.sample import make_sample
    from .core.video.array import VideoArray, open_video, set_video_cache
    from .core.video.frames_out import extract_frames

_HOME = {
    "Camera": ".core.cameras.rig",
    "Cancelled": ".core.errors",
    "Ensemble": ".core.poses",
    "PoseDataError": ".core.errors",
    "Poses2D": ".core.poses",
    "Poses3D": ".core.poses",
    "Project": ".core.overview",
    "ReadingSettings": ".core.settings",
    "Report": ".core.poses",
    "Result": ".core.poses",
    "Rig": ".core.cameras.rig",
    "Session": ".core.session",
    "SmootherParts": ".core.settings",
    "SmoothingSettings": ".core.settings",
    "Triangulation": ".core.cameras.triangulation",
    "TriangulationSettings": ".core.settings",
    "VideoArray": ".core.video.array",
    "ViewAdjustment": ".core.adjustments",
    "add_sessions": ".core.creating",
    "check_session": ".core.overview",
    "create_project": ".core.creating",
    "extract_frames": ".core.video.frames_out",
    "leave_one_out_residuals": ".core.cameras.triangulation",
    "load_predictions": ".core.predictions",
    "load_result": ".core.saved_results",
    "load_rig": ".core.cameras.rig_file",
    "make_sample": ".core.synthetic.sample",
    "open_inputs": ".core.pipeline",
    "open_project": ".core.overview",
    "open_video": ".core.video.array",
    "save_result": ".core.results",
    "save_rig": ".core.cameras.rig_file",
    "set_video_cache": ".core.video.array",
    "smooth": ".core.pipeline",
    "triangulate": ".core.cameras.triangulation",
    "triangulate_ensemble": ".core.pipeline",
}

__all__ = [
    "Camera",
    "Cancelled",
    "Ensemble",
    "PoseDataError",
    "Poses2D",
    "Poses3D",
    "Project",
    "ReadingSettings",
    "Report",
    "Result",
    "Rig",
    "Session",
    "SmootherParts",
    "SmoothingSettings",
    "Triangulation",
    "TriangulationSettings",
    "VideoArray",
    "ViewAdjustment",
    "__version__",
    "add_sessions",
    "check_session",
    "create_project",
    "extract_frames",
    "leave_one_out_residuals",
    "load_predictions",
    "load_result",
    "load_rig",
    "make_sample",
    "open_inputs",
    "open_project",
    "open_video",
    "save_result",
    "save_rig",
    "set_video_cache",
    "smooth",
    "triangulate",
    "triangulate_ensemble",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
