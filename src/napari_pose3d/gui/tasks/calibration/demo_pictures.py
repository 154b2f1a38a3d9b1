"""Pictures of the panel Calibration for ``make demo``: its sample recording, made and placed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_PLUGIN = "napari-pose3d"
_SETTLE_MS = 1500


def take_calibration_pictures(
    folder: Path, when: Callable[[Callable[[], bool], Callable[[], None], Any], None]
) -> None:
    """Open the sample recording in a viewer of its own, calibrate it, and take pictures.

    Parameters
    ----------
    folder : Path
        Where the pictures are written.
    when : callable
        Calls a function as soon as another returns True; the third argument is its parent.
    """
    import napari
    from qtpy.QtCore import QTimer

    from napari_pose3d.gui.workspace.workspace import workspace

    viewer = napari.Viewer(title="napari-pose3d demo")
    viewer.window.resize(1600, 1000)
    panel: Any = None
    origin: Any = None

    def begin() -> None:
        # The dialog that waits for the sample needs a loop that goes on without it.
        nonlocal panel, origin
        viewer.open_sample(_PLUGIN, "calibration")
        panel = workspace(viewer).find("Calibration")
        origin = panel.origin
        later(panel.make.calibrate)
        when(lambda: panel.result.history is not None, calibrated, panel)

    def later(step: Callable[[], None]) -> None:
        QTimer.singleShot(_SETTLE_MS, step)

    def take(name: str) -> None:
        path = folder / f"{name}.png"
        viewer.screenshot(str(path), canvas_only=False, flash=False)
        print(f"An image of the window: {path.resolve()}", flush=True)

    def keep(widget: Any, name: str) -> None:
        path = folder / f"{name}.png"
        widget.grab().save(str(path))
        print(f"An image of the window: {path.resolve()}", flush=True)

    def calibrated() -> None:
        panel.result.show_page()
        later(figures)

    def figures() -> None:
        take("calibration")
        keep(panel.result.page, "calibration-figures")
        panel.result.page.close()
        panel.section("Make").collapse(animate=False)
        panel.section("Origin and axes, 3-D").expand(animate=False)
        origin.choose("three")
        origin.three.start.click()
        views = workspace(viewer).find("Camera views").panel
        when(
            lambda: views.is_settled and len(origin.three.link.marks) == 4,
            lambda: later(click),
            panel,
        )

    def click() -> None:
        """Two points in three views, and the third in one: its curves are seen."""
        rig = panel.result.rig
        pixels = rig.project(np.array([[0, 0, 0], [80.0, 0, 0], [0, 60.0, 0]]))
        for point, n_views in enumerate((3, 3, 1)):
            for view in range(n_views):
                x, y = pixels[view, point]
                origin.three.click(rig.names[view], (float(x), float(y)))
            origin.three.go_on()
        later(clicked)

    def clicked() -> None:
        take("calibration-origin")
        rig = panel.result.rig
        x, y = rig.project(np.array([[0, 60.0, 0]]))[1, 0]
        origin.three.click(rig.names[1], (float(x), float(y)))
        origin.show_space()
        origin.window_3d.seen.setValue(3)
        later(space)

    def space() -> None:
        keep(origin.window_3d, "calibration-3-d")
        origin.window_3d.shut_down()
        viewer.close()

    QTimer.singleShot(0, begin)
    napari.run()
