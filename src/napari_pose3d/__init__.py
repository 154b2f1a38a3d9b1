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
    from napari_pose3d.core.poses.report import Report

    from .core.cameras.camera import Camera
    from .core.cameras.rig import Rig
    from .core.cameras.rig_file import load_rig, save_rig
    from .core.cameras.triangulation.triangulation import (
        Triangulation,
        leave_one_out_residuals,
        triangulate,
    )
    from .core.formats.exchange.session_poses import SessionPoses
    from .core.pipeline.batch.batch_run import batch
    from .core.pipeline.batch.batch_summary import BatchSummary
    from .core.pipeline.exchange.export_run import Exported, export_poses, export_session
    from .core.pipeline.exchange.import_run import Imported, import_file, read_poses
    from .core.pipeline.kinematics.figure_run import plot_session
    from .core.pipeline.kinematics.figures import plot_polar, plot_traces, plot_trajectory
    from .core.pipeline.kinematics.kinematics_run import measure_session
    from .core.pipeline.quality.audit_run import audit_project
    from .core.pipeline.results.render_run import Rendered, render_session
    from .core.pipeline.results.result_files import save_result
    from .core.pipeline.results.saved_results import load_result
    from .core.pipeline.smoothing_run import open_inputs, smooth
    from .core.pipeline.triangulation_run import triangulate_ensemble
    from .core.poses.arrays import Ensemble, Poses2D, Poses3D, Result
    from .core.poses.kinematics.body_frame import BodyFrame, BodyPoses, in_body_frame
    from .core.poses.kinematics.measurements import Measured, Measurement, measure
    from .core.projects.alignment.view_alignment import ViewAlignment
    from .core.projects.creation import add_sessions, create_project
    from .core.projects.matching.prediction_loading import load_predictions
    from .core.projects.project import Project, check_session, open_project
    from .core.projects.session import Session
    from .core.review.frame_choice import choose_frames
    from .core.review.measures.measures import compute_measures
    from .core.review.session_review import review_result
    from .core.video.frame_export import extract_frames
    from .core.video.video_array import VideoArray, open_video, set_video_cache
    from .errors import Cancelled, PoseDataError
    from .settings import (
        BatchSettings,
        ExportSettings,
        ReadingSettings,
        RenderSettings,
        SmootherParts,
        SmoothingSettings,
        TriangulationSettings,
    )
    from .synthetic.sample import make_sample

_HOME = {
    "BatchSettings": ".settings",
    "BatchSummary": ".core.pipeline.batch.batch_summary",
    "BodyFrame": ".core.poses.kinematics.body_frame",
    "BodyPoses": ".core.poses.kinematics.body_frame",
    "Camera": ".core.cameras.camera",
    "Cancelled": ".errors",
    "Ensemble": ".core.poses.arrays",
    "ExportSettings": ".settings",
    "Exported": ".core.pipeline.exchange.export_run",
    "Imported": ".core.pipeline.exchange.import_run",
    "Measured": ".core.poses.kinematics.measurements",
    "Measurement": ".core.poses.kinematics.measurements",
    "PoseDataError": ".errors",
    "Poses2D": ".core.poses.arrays",
    "Poses3D": ".core.poses.arrays",
    "Project": ".core.projects.project",
    "ReadingSettings": ".settings",
    "RenderSettings": ".settings",
    "Rendered": ".core.pipeline.results.render_run",
    "Report": ".core.poses.report",
    "Result": ".core.poses.arrays",
    "Rig": ".core.cameras.rig",
    "Session": ".core.projects.session",
    "SessionPoses": ".core.formats.exchange.session_poses",
    "SmootherParts": ".settings",
    "SmoothingSettings": ".settings",
    "Triangulation": ".core.cameras.triangulation.triangulation",
    "TriangulationSettings": ".settings",
    "VideoArray": ".core.video.video_array",
    "ViewAlignment": ".core.projects.alignment.view_alignment",
    "add_sessions": ".core.projects.creation",
    "audit_project": ".core.pipeline.quality.audit_run",
    "batch": ".core.pipeline.batch.batch_run",
    "check_session": ".core.projects.project",
    "choose_frames": ".core.review.frame_choice",
    "compute_measures": ".core.review.measures.measures",
    "create_project": ".core.projects.creation",
    "export_poses": ".core.pipeline.exchange.export_run",
    "export_session": ".core.pipeline.exchange.export_run",
    "extract_frames": ".core.video.frame_export",
    "import_file": ".core.pipeline.exchange.import_run",
    "in_body_frame": ".core.poses.kinematics.body_frame",
    "leave_one_out_residuals": ".core.cameras.triangulation.triangulation",
    "load_predictions": ".core.projects.matching.prediction_loading",
    "load_result": ".core.pipeline.results.saved_results",
    "load_rig": ".core.cameras.rig_file",
    "make_sample": ".synthetic.sample",
    "measure": ".core.poses.kinematics.measurements",
    "measure_session": ".core.pipeline.kinematics.kinematics_run",
    "open_inputs": ".core.pipeline.smoothing_run",
    "open_project": ".core.projects.project",
    "open_video": ".core.video.video_array",
    "plot_polar": ".core.pipeline.kinematics.figures",
    "plot_session": ".core.pipeline.kinematics.figure_run",
    "plot_traces": ".core.pipeline.kinematics.figures",
    "plot_trajectory": ".core.pipeline.kinematics.figures",
    "read_poses": ".core.pipeline.exchange.import_run",
    "render_session": ".core.pipeline.results.render_run",
    "review_result": ".core.review.session_review",
    "save_result": ".core.pipeline.results.result_files",
    "save_rig": ".core.cameras.rig_file",
    "set_video_cache": ".core.video.video_array",
    "smooth": ".core.pipeline.smoothing_run",
    "triangulate": ".core.cameras.triangulation.triangulation",
    "triangulate_ensemble": ".core.pipeline.triangulation_run",
}

__all__ = [
    "BatchSettings",
    "BatchSummary",
    "BodyFrame",
    "BodyPoses",
    "Camera",
    "Cancelled",
    "Ensemble",
    "ExportSettings",
    "Exported",
    "Imported",
    "Measured",
    "Measurement",
    "PoseDataError",
    "Poses2D",
    "Poses3D",
    "Project",
    "ReadingSettings",
    "RenderSettings",
    "Rendered",
    "Report",
    "Result",
    "Rig",
    "Session",
    "SessionPoses",
    "SmootherParts",
    "SmoothingSettings",
    "Triangulation",
    "TriangulationSettings",
    "VideoArray",
    "ViewAlignment",
    "__version__",
    "add_sessions",
    "audit_project",
    "batch",
    "check_session",
    "choose_frames",
    "compute_measures",
    "create_project",
    "export_poses",
    "export_session",
    "extract_frames",
    "import_file",
    "in_body_frame",
    "leave_one_out_residuals",
    "load_predictions",
    "load_result",
    "load_rig",
    "make_sample",
    "measure",
    "measure_session",
    "open_inputs",
    "open_project",
    "open_video",
    "plot_polar",
    "plot_session",
    "plot_traces",
    "plot_trajectory",
    "read_poses",
    "render_session",
    "review_result",
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
