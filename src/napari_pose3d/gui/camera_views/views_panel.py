"""The camera views with their controls: everything but the frame that they are in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_pose3d.gui.layers.colours import keypoint_rgba
from napari_pose3d.gui.layers.display import Shown
from napari_pose3d.gui.qt.key_bindings import Modifiers
from napari_pose3d.gui.qt.napari_private import free_in_own_context, main_canvas
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.workspace.docking import drop_on_viewer

from .canvas.camera_view import CameraView
from .canvas.layout_state import LayoutState
from .canvas.selection_tool import SelectionTool
from .canvas.space_view import SpaceView
from .canvas.tool import Tool, ToolView
from .controls import Controls
from .frames.frame_controller import FrameController, FrameImage
from .frames.frame_slider import FrameSlider
from .frames.main_layers import MainLayers
from .frames.view_source import STAGES, Scene, scene_of, skeleton_beside
from .view_grid import ViewGrid

SPACE = "3-D"
_NOTHING = (
    "No views yet. Open a session (tab Session), or videos and predictions: they appear here."
)
_REBUILD_MS = 50


class ViewsPanel(QWidget):
    """All views of a main viewer, kept in step with it.

    Parameters
    ----------
    viewer : napari viewer
    state : LayoutState
        What the user wants; changed in place.
    """

    window_wanted = Signal()
    selected = Signal(str)
    shown = Signal(int)
    rebuilt = Signal()

    def __init__(self, viewer: Any, state: LayoutState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.state = state
        self.scene = Scene([])
        self.selection = ""
        self.views: dict[str, CameraView] = {}
        self.space: SpaceView | None = None
        self.frame = -1
        self._tools: list[Tool] = []
        self._poses_shown = True
        self.images: dict[str, FrameImage] = {}
        self._peeked: int | None = None
        self._closed = False
        self.setAcceptDrops(True)
        if (canvas := main_canvas(viewer)) is not None:
            free_in_own_context(canvas)
        self.controls = Controls(state)
        self.grid = ViewGrid()
        self.hint = QLabel(_NOTHING)
        self.hint.setWordWrap(True)
        # Or napari gives half of the dock's height to nothing.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.controls)
        column.addWidget(self.hint)
        column.addWidget(self.grid, 1)
        self.frames = FrameController(self)
        self._layers = MainLayers(viewer, self._on_layers)
        self._rebuild_timer = QTimer(self)
        self._rebuild_timer.setSingleShot(True)
        self._rebuild_timer.setInterval(_REBUILD_MS)
        self._rebuild_timer.timeout.connect(self.rebuild)
        self.time = FrameSlider(
            viewer,
            self.frames,
            lambda: self.scene.n_frames if self.scene.views else 0,
            lambda: self.state.speed,
            self,
        )
        self._connect()
        self.rebuild()

    def _connect(self) -> None:
        self.frames.ready.connect(self._show_frame)
        self.frames.late.connect(self._show_late)
        controls = self.controls
        controls.drawn.connect(self.redraw)
        controls.arranged.connect(self._arrange)
        controls.play_clicked.connect(self.time.toggle_playing)
        self.time.playing_changed.connect(controls.show_playing)
        controls.frame_wanted.connect(self.go_to)
        controls.fit_clicked.connect(self.fit)
        controls.window_clicked.connect(self.window_wanted)
        self._session = current_session(self._viewer)
        self._session.changed.connect(self._on_layers)
        self._viewer.events.theme.connect(self._show_theme)

    # ---------------------------------------------------------------- time

    def go_to(self, frame: int) -> None:
        """Show a frame, everywhere."""
        self.time.go_to(frame)

    def on_key(self, key: str, shift: bool = False) -> bool:
        """The keys of the frame slider (see `FrameSlider.on_key`); F fits.

        Returns
        -------
        bool
            Whether the key means anything.
        """
        if key == "F":
            self.fit()
            return True
        return self.time.on_key(key, shift)

    def _show_frame(self, frame: int, images: dict[str, FrameImage]) -> None:
        if self._closed:
            return
        if frame == self._peeked:
            for name in self.grid.seen:
                if name in self.views:
                    self.views[name].peek(frame, images.get(name), self.state)
            return
        self.frame, self.images = frame, images
        for name in self.grid.seen:
            if name in self.views:
                image = images.get(name)
                self.views[name].show_frame(frame, image, self._drawn, self.selection)
            elif self.space is not None:
                self.space.show_frame(frame, self.state, self.selection)
        self.controls.show_frame(frame)
        for tool in self._tools:
            tool.on_frame(frame)
        self.shown.emit(frame)
        self.time.frame_shown()

    def peek(self, frame: int | None) -> None:
        """Show the images of another frame for a moment; None ends it.

        The time axis stays where it is, and so does everything else.
        """
        if frame is not None and not 0 <= frame < self.scene.n_frames:
            return
        back = self._peeked is not None and frame is None
        self._peeked = None if frame == self.frame else frame
        if frame is not None:
            self.frames.request(frame)
        elif back:
            self.frames.request(self.frame)

    @property
    def is_settled(self) -> bool:
        """Whether the views show the frame that was asked for last, and nothing else."""
        return (
            not self._closed
            and self._peeked is None
            and not self.frames.is_waiting
            and self.frame == self.frames.frame >= 0
        )

    def _show_late(self, wanted: int) -> None:
        for name in self.grid.seen:
            if name in self.views:
                self.views[name].show_late(wanted)

    # ---------------------------------------------------------------- what is shown

    def rebuild(self) -> None:
        """Look at the main viewer's layers anew."""
        if self._closed:
            return
        opened = self._session.open
        layers = self._viewer.layers
        skeleton = skeleton_beside(layers) if opened is None else opened.session.skeleton
        old = self.scene.skeleton
        self.scene = scene = scene_of(self._viewer.layers, skeleton)
        if opened is not None:
            # A view whose video cannot be read keeps its place.
            order = {view: i for i, view in enumerate(opened.session.views)}
            scene.views.sort(key=lambda source: order.get(source.view, len(order)))
        for name in set(self.views) - {source.view for source in scene.views}:
            self.views.pop(name).shut_down()
        for source in scene.views:
            if source.view in self.views:
                if not source.is_like(self.views[source.view].source) or skeleton != old:
                    self.views[source.view].set_source(source, scene.skeleton)
            else:
                self._add_view(CameraView(source, scene.skeleton))
        self._renew_space()
        self._show_theme()
        stages = {poses.stage for source in scene.views for poses in source.poses}
        colours = dict(zip(scene.palette, keypoint_rgba(list(scene.palette.values())), strict=True))
        self.controls.offer(
            [stage for stage in ("predicted", "raw", "smoothed") if stage in stages],
            colours,
            [source.view for source in scene.views],
            scene.n_frames,
            scene.prediction_sets,
        )
        self._layers.take_over(scene)
        self._arrange()
        self.rebuilt.emit()

    def _add_view(self, view: CameraView) -> None:
        self.views[view.name] = view
        view.tools = [*self._tools, SelectionTool(self.select), _KeyTool(self)]
        view.maximise_wanted.connect(self._toggle_maximised)
        view.hide_wanted.connect(self.hide_view)
        view.dropped.connect(self.swap)
        view.zoomed.connect(self._on_zoomed)

    def _renew_space(self) -> None:
        if self.scene.space is None:
            if self.space is not None:
                self.space.shut_down()
            self.space = None
        elif self.space is None:
            self.space = SpaceView(self.scene, SPACE)
            self.space.selected.connect(self.select)
            self.space.maximise_wanted.connect(self._toggle_maximised)
            self.space.hide_wanted.connect(self.hide_view)
            self.space.key_pressed.connect(self.on_key)
            self.space.dropped.connect(self.swap)
        else:
            self.space.set_scene(self.scene)

    def _show_theme(self) -> None:
        """The canvases have the background of the main viewer's."""
        for frame in (*self.views.values(), *((self.space,) if self.space is not None else ())):
            frame.model.theme = self._viewer.theme

    def _arrange(self) -> None:
        cells: dict[str, QWidget] = dict(self.views)
        hidden = list(self.state.hidden)
        if self.space is not None:
            cells[SPACE] = self.space
            if not self.state.space:
                hidden.append(SPACE)
        self.hint.setVisible(not cells)
        if self.grid.set_cells(cells, self.state.order, hidden):
            self.grid.set_sizes(self.state.sizes)
        self._seen_changed()

    def _seen_changed(self) -> None:
        """Decode what is seen, and nothing else."""
        self.state.order = self.grid.order
        seen = set(self.grid.seen)
        videos = {
            source.view: source.video
            for source in self.scene.views
            if source.video is not None and source.view in seen
        }
        self.frames.set_videos(videos)
        if not self.scene.views:
            return
        frame = self.time.position
        for name, view in self.views.items():
            # It was not seen when the others went on.
            if name in seen and view.frame not in (frame, -1):
                view.clear(frame)
        if self.space is not None and SPACE in seen and self.space.frame not in (frame, -1):
            self.space.show_frame(-1, self.state, self.selection)
        self.frames.request(frame)

    def redraw(self) -> None:
        """Draw the same frame with other settings."""
        for view in self.views.values():
            view.redraw(self._drawn, self.selection)
        if self.space is not None:
            self.space.show_frame(self.frame, self.state, self.selection)

    def take_over(self) -> None:
        """Hide our layers in the main canvas where a program has just shown them."""
        self._layers.hide_again()

    def show_poses(self, shown: bool) -> None:
        """Draw what was predicted and smoothed on the images, or leave it to a tool to draw."""
        if shown != self._poses_shown:
            self._poses_shown = shown
            self.redraw()

    @property
    def _drawn(self) -> LayoutState:
        """What is drawn on the images: what the user wants, unless a tool wants none of it."""
        if self._poses_shown:
            return self.state
        return replace(
            self.state, hidden_stages=list(STAGES), trails=False, skeleton=False, ellipses=False
        )

    def fit(self) -> None:
        """Bring all images wholly into view."""
        self.state.follow = ""
        self.controls.show_state()
        for view in self.views.values():
            view.fit()
        if self.space is not None:
            self.space.fit()

    def select(self, keypoint: str) -> None:
        """Mark a keypoint in all views."""
        if keypoint != self.selection:
            self.selection = keypoint
            self.redraw()
            self.selected.emit(keypoint)

    def add_tool(self, tool: Tool) -> None:
        """Let a tool have mouse and keys before all others."""
        self._tools.insert(0, tool)
        for view in self.views.values():
            view.tools.insert(0, tool)

    def remove_tool(self, tool: Tool) -> None:
        """The other way round."""
        self._tools.remove(tool)
        for view in self.views.values():
            view.tools.remove(tool)

    def note_sizes(self) -> None:
        """Put down in the state where the borders are."""
        self.state.sizes = self.grid.sizes()

    def _toggle_maximised(self, name: str) -> None:
        self.grid.toggle_maximised(name)
        self._seen_changed()

    def hide_view(self, name: str) -> None:
        """Take a view off the grid, but for the last one; the menu brings it back."""
        if name == SPACE:
            self.state.space = False
        elif len(self.grid.seen) > 1:
            self.state.hidden.append(name)
        self.controls.show_state()
        self._arrange()

    def show_space(self, shown: bool) -> None:
        """Put the 3-D view beside the views, or take it off the grid."""
        if self.state.space != shown:
            self.state.space = shown
            self.controls.show_state()
            self._arrange()

    def show_stages(self, shown: Shown) -> None:
        """Draw what is smoothed, what is raw, or both; predictions stay as they are."""
        others = {"smoothed": "raw", "raw": "smoothed"}
        hidden = [each for each in self.state.hidden_stages if each not in others]
        if shown in others:
            hidden.append(others[shown])
        self.state.hidden_stages[:] = hidden
        self.controls.show_state()
        self.redraw()

    def show_cameras(self, shown: bool) -> None:
        """Draw the cameras around the animal in the 3-D view, or let it have the room."""
        if self.state.cameras != shown:
            self.state.cameras = shown
            self.controls.show_state()
            self.redraw()

    def swap(self, one: str, other: str) -> None:
        """Let two views change places."""
        self.grid.swap(one, other)
        self.state.order = self.grid.order

    def _on_zoomed(self, name: str, zoom: float) -> None:
        if self.state.link_zoom:
            for other in self.views.values():
                if other.name != name:
                    other.set_zoom(zoom)

    # ---------------------------------------------------------------- the main viewer

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802
        """Files can be dropped here as on the main canvas, which may be out of sight."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:  # noqa: N802
        """Let napari open them."""
        drop_on_viewer(self._viewer, event)

    def _on_layers(self, _: Any = None) -> None:
        self._rebuild_timer.start()

    def shut_down(self) -> None:
        """Stop everything, free the canvases, and give the main viewer its layers back."""
        if self._closed:
            return
        self._closed = True
        # A canvas that is closed must not be asked to paint any more.
        self.hide()
        self.time.stop()
        self._rebuild_timer.stop()
        self.note_sizes()
        self._session.changed.disconnect(self._on_layers)
        self._viewer.events.theme.disconnect(self._show_theme)
        self.frames.close()
        for view in self.views.values():
            view.shut_down()
        self.views.clear()
        if self.space is not None:
            self.space.shut_down()
            self.space = None
        self.grid.forget()
        self.scene, self.images = Scene([]), {}
        self._layers.give_back()


class _KeyTool(Tool):
    """The keys of the frame slider."""

    def __init__(self, panel: ViewsPanel) -> None:
        self._panel = panel

    def on_key(self, view: ToolView, key: str, modifiers: Modifiers) -> bool:
        """See `ViewsPanel.on_key`."""
        return self._panel.on_key(key, "Shift" in modifiers)
