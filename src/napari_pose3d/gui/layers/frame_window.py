"""Long recordings: what is drawn is a window around the current frame.

napari looks at every row of a layer whenever the frame changes, so that a layer of a whole long
recording makes each step slow. Above `layer_poses.WHOLE_ROWS` rows a layer therefore holds only
some frames around the current one and is refilled when the frame comes near their edge. The hidden
rows of `LayerPoses.table` keep the slider's range and the layer's extent, so that a refill changes
nothing else in the viewer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet, ref

from napari.utils.notifications import show_error

from napari_pose3d.errors import PoseDataError

from .layer_poses import METADATA_KEY, LayerPoses, poses_of
from .layer_styles import SKELETON_KEY, bone_vectors, point_colours, tracks_rows

_KEEPER_KEY = "napari_pose3d_skeleton_keeper"
# Viewers whose new layers are handled; gone with the viewer.
_WATCHED: WeakSet[Any] = WeakSet()


class WindowKeeper:
    """Refills the windowed layers of one viewer as the current frame moves.

    It stands behind the layers' metadata and lives as long as one of them; the viewer holds it
    only weakly. Make it with `keep_windows`.
    """

    def __init__(self, viewer: Any, report: Callable[[str], Any]) -> None:
        self._dims = viewer.dims
        self._report = report
        self._layers: list[Any] = []
        self._edited: list[Any] = []
        viewer.dims.events.current_step.connect(self._on_step)
        viewer.layers.events.removed.connect(self._on_removed)

    def adopt(self, layer: Any) -> None:
        """Keep a layer filled from now on."""
        poses = poses_of(layer.metadata)
        if poses is None or poses.window is None or poses.keeper is self:
            return
        poses.keeper = self
        self._layers.append(layer)
        layer.events.visible.connect(self._on_layer_change)
        if _is_tracks(layer):
            layer.events.tail_length.connect(self._on_layer_change)
        else:
            layer.events.data.connect(self._on_edit)
        self._update(layer, may_wait=False)

    def renewed(self, layer: Any) -> None:
        """The layer shows something else: what was edited in it is of no concern any more."""
        if layer in self._edited:
            self._edited.remove(layer)
        self._update(layer, may_wait=False)

    def _on_step(self) -> None:
        # Near an edge one layer is refilled per step, so that no step pays for all of them.
        waited = False
        for layer in self._layers:
            waited |= self._update(layer, may_wait=waited)

    def _on_layer_change(self, event: Any) -> None:
        self._update(event.source, may_wait=False)

    def _on_edit(self, event: Any) -> None:
        if event.source not in self._edited:
            self._edited.append(event.source)

    def _on_removed(self, event: Any) -> None:
        layer = event.value
        if layer not in self._layers:
            return
        self._layers.remove(layer)
        layer.events.visible.disconnect(self._on_layer_change)
        if _is_tracks(layer):
            layer.events.tail_length.disconnect(self._on_layer_change)
        else:
            layer.events.data.disconnect(self._on_edit)
        poses = poses_of(layer.metadata)
        if poses is not None:
            poses.keeper = None

    def _update(self, layer: Any, *, may_wait: bool) -> bool:
        """Refill a layer if the frame asks for it; True when it was refilled though it need not."""
        poses = poses_of(layer.metadata)
        if poses is None or poses.window is None or not layer.visible:
            return False
        frame = round(self._dims.point[0])
        behind = int(layer.tail_length) if _is_tracks(layer) else 0
        window = poses.window_around(frame, behind) or (0, poses.n_frames)
        start, stop = poses.window
        ahead = (window[1] - 1 - frame) // 2
        inside = start <= max(frame - behind, 0) and frame < stop
        near = start > max(frame - behind - ahead, 0) or stop < min(frame + ahead, poses.n_frames)
        if inside and (not near or may_wait):
            return False
        if layer in self._edited and not self._absorb(layer, poses):
            return False
        refill(layer, window)
        return inside

    def _absorb(self, layer: Any, poses: LayerPoses) -> bool:
        try:
            poses.absorb(layer.data, layer.features, layer.shown)
        except PoseDataError as error:
            # The user's points stay where they are until they are mended.
            self._report(str(error))
            return False
        self._edited.remove(layer)
        return True


class SkeletonKeeper:
    """Moves the 3-D skeleton of one viewer to the current frame.

    It stands behind the layer's metadata, and lives as long as the layer.
    """

    def __init__(self, viewer: Any, layer: Any) -> None:
        self._dims, self._layer = viewer.dims, ref(layer)
        viewer.dims.events.current_step.connect(self._show)
        layer.events.visible.connect(self._show)
        self._show()

    def _show(self, _: Any = None) -> None:
        layer = self._layer()
        if layer is None or not layer.visible or len(self._dims.point) < 4:
            return
        positions, bones = layer.metadata[SKELETON_KEY]
        layer.data = bone_vectors(positions, bones, round(self._dims.point[-4]))


def keep_skeletons(viewer: Any) -> None:
    """Keep the 3-D skeletons of a viewer in step with its frame."""
    for layer in viewer.layers:
        if SKELETON_KEY in layer.metadata and _KEEPER_KEY not in layer.metadata:
            layer.metadata[_KEEPER_KEY] = SkeletonKeeper(viewer, layer)


def keep_windows(viewer: Any, report: Callable[[str], Any]) -> None:
    """Keep every windowed layer of ours in a viewer filled, and its skeleton in step.

    Parameters
    ----------
    viewer : napari viewer or ViewerModel
    report : callable
        Gets a message for the user when edited points cannot be taken over.
    """
    keep_skeletons(viewer)
    windowed = [
        (layer, poses)
        for layer in viewer.layers
        if (poses := poses_of(layer.metadata)) is not None and poses.window is not None
    ]
    if not windowed:
        return
    existing = [p.keeper for _, p in windowed if isinstance(p.keeper, WindowKeeper)]
    keeper = existing[0] if existing else WindowKeeper(viewer, report)
    for layer, _ in windowed:
        keeper.adopt(layer)


def keep_windows_of_new_layers(viewer: Any) -> None:
    """Keep windowed layers filled that somebody else, such as napari itself, will add."""
    if viewer not in _WATCHED:
        _WATCHED.add(viewer)
        viewer.layers.events.inserted.connect(_on_inserted)


def _on_inserted(event: Any) -> None:
    for viewer in _WATCHED:
        if viewer.layers is event.source:
            keep_windows(viewer, show_error)


def refill(layer: Any, window: tuple[int, int]) -> None:
    """Draw other frames in a windowed layer; no event says that its data changed."""
    poses = poses_of(layer.metadata)
    if poses is None:
        raise ValueError(f"the layer {layer.name} is not one of ours")
    poses.window = window
    with layer.events.data.blocker():
        _draw(layer, poses)


def renew(layer: Any, poses: LayerPoses) -> None:
    """Let a layer show another recording, or another result for the same one.

    What the user set (size, visibility, opacity) stays; points that they moved in the old one are
    gone with it.
    """
    old = poses_of(layer.metadata)
    keeper = old.keeper if old is not None else None
    layer.metadata[METADATA_KEY] = poses
    # A hidden layer keeps its old slice, and napari fails when it looks that up in fewer rows.
    visible, layer.visible = layer.visible, True
    # Unlike in a refill the viewer gets the event, since the number of frames may be another.
    _draw(layer, poses)
    layer.visible = visible
    if isinstance(keeper, WindowKeeper):
        poses.keeper = keeper
        keeper.renewed(layer)


def _draw(layer: Any, poses: LayerPoses) -> None:
    if _is_tracks(layer):
        data, features = tracks_rows(poses)
        colour = layer.color_by
        # The column is gone for a moment while the data are exchanged; the ids never are.
        layer.color_by = "track_id"
        layer.data = data
        layer.features = features
        layer.color_by = colour if colour in features else "track_id"
        return
    table = poses.table()
    layer.selected_data = set()
    layer.data = table.data
    layer.features = table.features
    for part, colours in point_colours(poses, table).items():
        setattr(layer, part, colours)
    layer.shown = table.shown


def _is_tracks(layer: Any) -> bool:
    return hasattr(layer, "tail_length")
