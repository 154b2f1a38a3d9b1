"""What a user can set: the same dataclasses feed widgets, command line and run.json.

Each field carries its plain-words help in ``metadata["help"]``.
"""

from .rigs import CalibrationSettings, RefinementSettings
from .sessions import (
    COLOURS,
    OF_PROJECT,
    BatchSettings,
    Colours,
    ExportSettings,
    RenderSettings,
    ReviewSettings,
)
from .smoothing import (
    PlotSettings,
    ReadingSettings,
    ShapeSettings,
    SmootherParts,
    SmoothingSettings,
    TriangulationSettings,
    check_settings,
)
from .training import DistillationSettings, TrainingSettings
from .values import (
    IsCancelled,
    Progress,
    Robust,
    check_robust,
    check_s,
    check_threads,
    frame_range_of,
    never_cancelled,
    no_progress,
    smooth_params_of,
)

__all__ = [
    "COLOURS",
    "OF_PROJECT",
    "BatchSettings",
    "CalibrationSettings",
    "Colours",
    "DistillationSettings",
    "ExportSettings",
    "IsCancelled",
    "PlotSettings",
    "Progress",
    "ReadingSettings",
    "RefinementSettings",
    "RenderSettings",
    "ReviewSettings",
    "Robust",
    "ShapeSettings",
    "SmootherParts",
    "SmoothingSettings",
    "TrainingSettings",
    "TriangulationSettings",
    "check_robust",
    "check_s",
    "check_settings",
    "check_threads",
    "frame_range_of",
    "never_cancelled",
    "no_progress",
    "smooth_params_of",
]
