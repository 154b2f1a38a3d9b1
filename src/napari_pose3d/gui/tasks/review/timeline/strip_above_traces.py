"""The strip of all frames above the curves of the panel Traces, frame above frame."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Signal

from napari_pose3d.gui.workspace.workspace import Workspace

from .heat_feed import HeatFeed
from .heat_strip import HeatStrip

_TITLE = "Traces"
_HIGHEST = 72
# Of the panel's height: the curves are what it was opened for.
_SHARE = 0.2


class StripAboveTraces(QObject):
    """Puts a strip into the panel Traces whenever that is open.

    Parameters
    ----------
    places : Workspace
    feed : HeatFeed

    Signals: those of `HeatStrip`.
    """

    frame_chosen = Signal(int)
    event_wanted = Signal(int)

    def __init__(self, places: Workspace, feed: HeatFeed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._feed = places, feed
        self._traces: Any = None
        self._strip: HeatStrip | None = None
        places.changed.connect(self._look)
        feed.changed.connect(self._show_or_hide)
        self._look()

    @property
    def strip(self) -> HeatStrip | None:
        """The strip in the panel; None while that is closed."""
        return self._strip

    def stop(self) -> None:
        """Take the strip out of the panel."""
        self._workspace.changed.disconnect(self._look)
        self._remove()

    def _look(self) -> None:
        traces = self._workspace.find(_TITLE)
        if traces is self._traces:
            return
        self._remove()
        if traces is None:
            return
        self._traces = traces
        strip = self._strip = HeatStrip(_HIGHEST)
        strip.frame_chosen.connect(self.frame_chosen)
        strip.event_wanted.connect(self.event_wanted)
        self._feed.add(strip)
        traces.put_above(strip)
        traces.installEventFilter(self)
        self._limit()
        strip.range_changed.connect(traces.show_frames)
        traces.frames_shown.connect(self._on_frames)
        traces.report_frames()
        self._show_or_hide()

    def _on_frames(self, first: float, last: float, left: int, right: int) -> None:
        if self._strip is not None:
            self._strip.set_margins(left, right)
            # A curve's value belongs to the middle of its frame.
            self._strip.show_range(first + 0.5, last + 0.5)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The panel became higher or lower."""
        if event is not None and event.type() == QEvent.Type.Resize and watched is self._traces:
            self._limit()
        return False

    def _limit(self) -> None:
        if self._strip is not None:
            self._strip.set_highest(min(_HIGHEST, round(_SHARE * self._traces.height())))

    def _show_or_hide(self) -> None:
        if self._strip is not None:
            self._strip.setVisible(self._feed.rows is not None)

    def _remove(self) -> None:
        traces, strip = self._traces, self._strip
        self._traces = self._strip = None
        if strip is None:
            return
        self._feed.remove(strip)
        if traces is not None:
            traces.removeEventFilter(self)
            traces.frames_shown.disconnect(self._on_frames)
            traces.take_away(strip)
        strip.deleteLater()
