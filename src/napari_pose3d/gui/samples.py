"""File > Open Sample: a session of predictions, ready for the widget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .layers import LayerData

_WIDGET = ("napari-pose3d", "Smooth and triangulate")


def open_sample() -> list[LayerData]:
    """Make the sample session if it is not there yet; show its films and one prediction set.

    In a window the widget "Smooth and triangulate" is opened with the session chosen.
    """
    import napari

    from ..core.cameras.rig_file import load_rig
    from ..core.formats.prediction_table import PredictionTable
    from ..core.predictions import load_predictions
    from ..core.project import calibration_of
    from .films import read_films
    from .layers import TILES_KEY, tiles_of
    from .recording_layers import table_layers

    folder = _make_sample()
    if folder is None:
        return []
    ensemble = load_predictions(folder)
    calibration = calibration_of(folder, ensemble.session)
    rig = None if calibration is None else load_rig(calibration)
    poses = ensemble.poses(0)
    tables = [(view, view, PredictionTable.from_poses(poses, view)) for view in poses.views]
    viewer = napari.current_viewer()
    if viewer is not None:
        _open_widget(viewer, folder)
    films = read_films(films_of(folder))
    placed = {} if viewer is None else tiles_of(viewer.layers)
    for _, attributes, _ in films:
        # They are not in the viewer yet, but say where their views will lie.
        placed |= attributes["metadata"].get(TILES_KEY, {})
    return [*films, *table_layers(tables, placed=placed, rig=rig)]


def films_of(folder: Path) -> list[str]:
    """The films of the sample session."""
    return [str(path) for path in sorted((folder / "videos").glob("*.mp4"))]


def _make_sample() -> Path | None:
    """The sample's folder; None when the user cancelled making it."""
    from qtpy.QtWidgets import QApplication

    from ..core.synthetic.sample import make_sample

    if QApplication.instance() is None:
        return make_sample()
    from .waiting import wait_for

    return wait_for(
        lambda progress, cancelled: make_sample(progress=progress, cancelled=cancelled),
        "Making the sample session (only the first time)",
    )


def _open_widget(viewer: Any, folder: Path) -> None:
    window = getattr(viewer, "window", None)
    if window is None:
        return
    _, widget = window.add_plugin_dock_widget(*_WIDGET)
    widget.inputs.clear()
    widget.inputs.add([folder])
