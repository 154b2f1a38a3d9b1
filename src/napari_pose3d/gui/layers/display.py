"""What of our layers is shown: the views in 2-D or the animal in 3-D, raw or smoothed."""

from __future__ import annotations

from typing import Any, Literal
from weakref import WeakSet

from napari_pose3d.core.cameras.rig import Rig

from .layer_poses import LayerPoses, Stage, poses_of
from .layer_styles import ROLE_KEY, SPACE_ROLES, STAGE_KEY
from .view_layout import looking_direction

Space = Literal["2-D", "3-D"]
Shown = Literal["smoothed", "raw", "both"]

_MARGIN = 0.05
# Viewers in whose 2-D display z stays 0; gone with the viewer.
_FLAT: WeakSet[Any] = WeakSet()

_RIGHT_HANDED = ("away", "down", "right")


class Display:
    """Switches our layers in a viewer; each space keeps its own zoom, centre and angle.

    Parameters
    ----------
    viewer : napari viewer or ViewerModel
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._cameras: dict[Space, dict[str, Any]] = {}
        self.shown: Shown = "both"

    @property
    def space(self) -> Space:
        """Which of the two is on the screen."""
        return "3-D" if self._viewer.dims.ndisplay == 3 else "2-D"

    def forget(self) -> None:
        """Fit the next switch to the layers anew, instead of returning to where the user was."""
        self._cameras.clear()

    def show_2d(self) -> None:
        """Show the views side by side, at z = 0, where their layers lie."""
        self._leave("2-D")
        viewer = self._viewer
        viewer.dims.ndisplay = 2
        if viewer.dims.ndim > 2:
            viewer.dims.set_point(viewer.dims.ndim - 3, 0.0)
        self._apply("2-D")
        if not self._return("2-D"):
            self._fit(_layers(viewer, "2-D"), _MARGIN)
        keep_flat(viewer)

    def show_3d(self, rig: Rig | None = None) -> None:
        """Show the animal in space, first as seen from between the rig's cameras."""
        self._leave("3-D")
        viewer = self._viewer
        viewer.dims.ndisplay = 3
        self._apply("3-D")
        if self._return("3-D"):
            return
        # Calibrations are right-handed; napari's own default would show their mirror image.
        viewer.scene.camera.orientation = _RIGHT_HANDED
        if rig is not None:
            direction, up = looking_direction(rig)
            # napari counts z, y, x.
            viewer.scene.camera.set_view_direction(tuple(direction[::-1]), tuple(up[::-1]))
        # Raw positions may be far from the animal.
        layers = [each for each in _layers(viewer, "3-D") if _stage(each) != "raw"]
        self._fit(layers, _MARGIN)

    def show(self, shown: Shown) -> None:
        """Choose between raw, smoothed and both, in the views and in 3-D."""
        self.shown = shown
        self._apply(self.space)

    def _apply(self, space: Space) -> None:
        ours = _ours(self._viewer)
        raw_in_space = any(p.stage == "raw" and p.is_3d for layer in ours if (p := _poses(layer)))
        has_result = any(p.stage == "smoothed" for layer in ours if (p := _poses(layer)))
        for layer in ours:
            poses = _poses(layer)
            visible = _space_of(layer) == space
            if poses is not None and not poses.is_3d:
                visible &= self._is_shown(poses.stage, has_result)
            elif raw_in_space and poses is not None:
                visible &= poses.stage == "predicted" or self.shown in ("both", poses.stage)
            elif raw_in_space and STAGE_KEY in layer.metadata:
                # Two skeletons upon each other would be too many lines.
                shown = "smoothed" if self.shown == "both" else self.shown
                visible &= layer.metadata[STAGE_KEY] == shown
            layer.visible = visible

    def _is_shown(self, stage: Stage, has_result: bool) -> bool:
        if stage == "predicted":
            # The centre of the prediction sets takes the place of the single ones.
            return not has_result
        return self.shown in ("both", stage)

    def _leave(self, target: Space) -> None:
        if self.space == target:
            # Asked for what is on the screen: everything is brought into view again.
            self._cameras.pop(target, None)
            return
        camera = self._viewer.scene.camera
        self._cameras[self.space] = {
            "center": camera.center,
            "zoom": camera.zoom,
            "angles": camera.angles,
            "orientation": camera.orientation,
        }

    def _return(self, space: Space) -> bool:
        saved = self._cameras.get(space)
        if saved is None:
            return False
        camera = self._viewer.scene.camera
        for name, value in saved.items():
            setattr(camera, name, value)
        return True

    def _fit(self, layers: list[Any], margin: float) -> None:
        if layers:
            self._viewer.fit_to_view(layers=layers, margin=margin)


def keep_flat(viewer: Any) -> None:
    """In 2-D keep the viewer at z = 0, where our views lie.

    napari shows a slider for every axis in which some layer has an extent, so also for the z of
    the 3-D layers; moved, it would take all views off the canvas. It is left alone where a layer
    that is not ours has an extent in z.
    """
    if viewer not in _FLAT:
        _FLAT.add(viewer)
        viewer.dims.events.current_step.connect(_on_step)


def _on_step(event: Any) -> None:
    dims = event.source
    viewer = next((each for each in _FLAT if each.dims is dims), None)
    if viewer is None or dims.ndim < 4 or dims.ndisplay == 3 or dims.point[-3] == 0:
        return
    ours = _ours(viewer)
    others = [layer for layer in viewer.layers if layer not in ours and layer.ndim > 2]
    if ours and not others:
        dims.set_point(dims.ndim - 3, 0.0)


def _space_of(layer: Any) -> Space:
    poses = _poses(layer)
    if poses is not None:
        return "3-D" if poses.is_3d else "2-D"
    return "3-D" if layer.metadata.get(ROLE_KEY) in SPACE_ROLES else "2-D"


def _stage(layer: Any) -> Stage | None:
    poses = _poses(layer)
    return layer.metadata.get(STAGE_KEY) if poses is None else poses.stage


def _poses(layer: Any) -> LayerPoses | None:
    return poses_of(layer.metadata)


def _ours(viewer: Any) -> list[Any]:
    return [
        layer
        for layer in viewer.layers
        if poses_of(layer.metadata) is not None or ROLE_KEY in layer.metadata
    ]


def _layers(viewer: Any, space: Space) -> list[Any]:
    return [layer for layer in _ours(viewer) if _space_of(layer) == space]
