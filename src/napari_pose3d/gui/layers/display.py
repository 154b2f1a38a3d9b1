"""What of our layers is shown: the views in 2-D or the animal in 3-D, raw or smoothed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary, WeakSet, ref

from napari_pose3d.core.cameras.floor import oblique_direction
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.gui.workspace.docking import unwrapped

from .layer_poses import LayerPoses, Stage, poses_of
from .layer_styles import ROLE_KEY, SPACE_ROLES, STAGE_KEY, UP_KEY
from .view_layout import looking_direction

Space = Literal["2-D", "3-D"]
Shown = Literal["smoothed", "raw", "both"]

_MARGIN, _MOST_MARGIN = 0.05, 0.4
_NAME_HEIGHT = 30  # px of the canvas
# Viewers in whose 2-D display z stays 0; gone with the viewer.
_FLAT: WeakSet[Any] = WeakSet()


@dataclass(frozen=True)
class _Fit:
    """What was brought into view, and where the camera was then."""

    layers: tuple[ref[Any], ...]
    camera: tuple[float, ...]


# The last fit of each viewer, by its events: a panel may hold a proxy of the viewer itself.
_FITS: WeakKeyDictionary[Any, _Fit] = WeakKeyDictionary()
_NO_EXTENT = (0.0, 0.0, 1.0)
_RIGHT_HANDED = ("away", "down", "right")


class Display:
    """Switches our layers in a viewer; each space keeps its own zoom, centre and angle.

    Parameters
    ----------
    viewer : napari viewer or ViewerModel
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = unwrapped(viewer)
        self._kept: dict[Space, dict[str, Any]] = {}
        self.shown: Shown = "both"
        self.cameras = True

    @property
    def space(self) -> Space:
        """Which of the two is on the screen."""
        return "3-D" if self._viewer.dims.ndisplay == 3 else "2-D"

    def forget(self) -> None:
        """Fit the next switch to the layers anew, instead of returning to where the user was."""
        self._kept.clear()

    def show_2d(self) -> None:
        """Show the views side by side, at z = 0, where their layers lie."""
        self._leave("2-D")
        viewer = self._viewer
        viewer.dims.ndisplay = 2
        if viewer.dims.ndim > 2:
            viewer.dims.set_point(viewer.dims.ndim - 3, 0.0)
        self._apply("2-D")
        if not self._return("2-D"):
            self._fit(_layers(viewer, "2-D"))
        keep_flat(viewer)

    def show_3d(self, rig: Rig | None = None) -> None:
        """Show the animal in space: all of it, with the cameras where they are shown.

        First it is seen from one side and above; where no floor is known, from between the
        rig's cameras.
        """
        self._leave("3-D")
        viewer = self._viewer
        viewer.dims.ndisplay = 3
        self._apply("3-D")
        if self._return("3-D"):
            return
        # Calibrations are right-handed; napari's own default would show their mirror image.
        viewer.scene.camera.orientation = _RIGHT_HANDED
        floor = next((each for each in _ours(viewer) if UP_KEY in each.metadata), None)
        # napari counts z, y, x.
        along, up = (None, None)
        if rig is not None:
            along, up = (each[::-1] for each in looking_direction(rig))
        if floor is not None:
            up = floor.metadata[UP_KEY]
            along = oblique_direction(up, along)
        if along is not None and up is not None:
            viewer.scene.camera.set_view_direction(tuple(along), tuple(up))
        self._fit_space()

    def show_cameras(self, shown: bool) -> None:
        """Show the cameras in 3-D and bring them into view, or let the animal fill it."""
        self.cameras = shown
        self._apply(self.space)
        if self.space == "3-D":
            self._fit_space()
        else:
            self._kept.pop("3-D", None)

    def _fit_space(self) -> None:
        # Raw positions may be far from the animal.
        layers = [each for each in _layers(self._viewer, "3-D") if _stage(each) != "raw"]
        if not self.cameras:
            layers = [each for each in layers if not _is_camera(each)]
        self._fit(layers)

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
            visible = _space_of(layer) == space and (self.cameras or not _is_camera(layer))
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
        if self.space == target or _is_fitted(self._viewer):
            # Asked for what is on the screen, or nothing was moved: it is brought into view again.
            self._kept.pop(self.space, None)
            return
        camera = self._viewer.scene.camera
        self._kept[self.space] = {
            "center": camera.center,
            "zoom": camera.zoom,
            "angles": camera.angles,
            "orientation": camera.orientation,
        }

    def _return(self, space: Space) -> bool:
        saved = self._kept.get(space)
        if saved is None:
            return False
        camera = self._viewer.scene.camera
        for name, value in saved.items():
            setattr(camera, name, value)
        return True

    def _fit(self, layers: list[Any]) -> None:
        if layers:
            _fit(self._viewer, layers)


def fit_again(viewer: Any) -> None:
    """Bring into view what was fitted last, as the canvas has another size; not if it was moved."""
    if not _is_fitted(viewer):
        return
    fit = _FITS[viewer.events]
    there = [layer() for layer in fit.layers]
    if layers := [layer for layer in there if layer is not None and layer in viewer.layers]:
        _fit(viewer, layers)


def _fit(viewer: Any, layers: list[Any]) -> None:
    margin = _MARGIN
    if viewer.dims.ndisplay == 2:
        # The name above an image has the same height on a canvas of any size.
        margin = min(max(margin, 2 * _NAME_HEIGHT / max(viewer.canvas.size[0], 1)), _MOST_MARGIN)
    viewer.fit_to_view(layers=layers, margin=margin)
    _FITS[viewer.events] = _Fit(tuple(map(ref, layers)), _camera(viewer))


def _is_fitted(viewer: Any) -> bool:
    fit = _FITS.get(viewer.events)
    return fit is not None and fit.camera == _camera(viewer)


def _camera(viewer: Any) -> tuple[float, ...]:
    camera = viewer.scene.camera
    return (viewer.dims.ndisplay, camera.zoom, *camera.center, *camera.angles)


def keep_flat(viewer: Any) -> None:
    """In 2-D keep the viewer at z = 0, where our views lie, and without a slider for z.

    napari shows a slider for every axis in which some layer has an extent, so also for the z of
    the 3-D layers; moved, it would take all views off the canvas. It is left alone where a layer
    that is not ours may have an extent in z.
    """
    viewer = unwrapped(viewer)
    if viewer not in _FLAT:
        _FLAT.add(viewer)
        for event in ("current_step", "range", "ndisplay"):
            getattr(viewer.dims.events, event).connect(_flatten)
    _flatten_dims(viewer)


def _flatten(event: Any) -> None:
    viewer = next((each for each in _FLAT if each.dims is event.source), None)
    if viewer is not None:
        _flatten_dims(viewer)


def _flatten_dims(viewer: Any) -> None:
    dims = viewer.dims
    if dims.ndim < 4 or dims.ndisplay == 3:
        return
    ours = _ours(viewer)
    if not ours or any(layer not in ours and layer.ndim > 2 for layer in viewer.layers):
        return
    if dims.point[-3] != 0:
        dims.set_point(dims.ndim - 3, 0.0)
    ranges = list(dims.range)
    if ranges[-3][:2] != _NO_EXTENT[:2]:
        # napari takes it from the layers again whenever one of them changes.
        ranges[-3] = _NO_EXTENT
        dims.range = tuple(ranges)


def _space_of(layer: Any) -> Space:
    poses = _poses(layer)
    if poses is not None:
        return "3-D" if poses.is_3d else "2-D"
    return "3-D" if layer.metadata.get(ROLE_KEY) in SPACE_ROLES else "2-D"


def _is_camera(layer: Any) -> bool:
    return layer.metadata.get(ROLE_KEY) == "cameras"


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
