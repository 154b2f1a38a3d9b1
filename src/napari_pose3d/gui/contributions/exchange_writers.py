"""Saving our layers in formats of other programs, by napari's *Save Selected Layers*.

Where a layer is enough: NWB, SLEAP and data sets want more, which the tab Export knows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_pose3d.errors import PoseDataError

from .layer_selection import LayerTuple, poses_of_layers

Writer = Callable[[str, list[LayerTuple]], list[str]]


def _writer(key: str) -> Writer:
    def write(path: str, layers: list[LayerTuple]) -> list[str]:
        return _write(key, path, layers)

    write.__doc__ = f"Save layers in the format '{key}' (napari's writer); returns the files."
    return write


def _write(key: str, path: str, layers: list[LayerTuple]) -> list[str]:
    import napari

    from napari_pose3d.core.pipeline.exchange.export_run import export_poses
    from napari_pose3d.core.pipeline.exchange.format_table import format_of
    from napari_pose3d.gui.session.current_session import current_session

    viewer = napari.current_viewer()
    opened = None if viewer is None else current_session(viewer).open
    poses = poses_of_layers(layers, opened)
    chosen = format_of(key)
    if poses.poses3d is None and not chosen.views:
        raise PoseDataError(
            f"none of these layers holds 3-D positions, and {chosen.title} has nothing else",
            todo="Select the layer '3-D', or smooth with a calibration first",
        )
    if poses.poses2d is None and not chosen.space:
        raise PoseDataError(
            f"none of these layers holds positions of a view, and {chosen.title} has nothing else",
            todo="Select layers such as 'smoothed Cam-A'",
        )
    if poses.fps is None and key in _NEED_RATE:
        raise PoseDataError(
            f"{chosen.title} needs the frame rate, which no video of the open session states",
            todo="Use the tab Export, where it can be typed in",
        )
    # napari's dialog has already asked about replacing.
    done = export_poses(poses, key, Path(path), overwrite=True)
    return [str(each) for each in done.files]


_NEED_RATE = ("trc", "c3d")

write_anipose = _writer("anipose")
write_trc = _writer("trc")
write_c3d = _writer("c3d")
write_movement = _writer("movement")
write_tidy_csv = _writer("tidy-csv")
write_tidy_parquet = _writer("tidy-parquet")
write_dlc_h5 = _writer("dlc-h5")
