"""The calibrations at hand: that of the session, one that was read, made or mended."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Signal

from napari_pose3d.core.cameras.rig import Rig

TITLES = {
    "session": "that of the session",
    "checked": "the one that was checked",
    "made": "the one that was made",
    "mended": "the mended one",
}


class RigShelf(QObject):
    """`changed` is emitted when there are others; a key of `TITLES` names each."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rigs: dict[str, Callable[[], Rig | None]] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        """Those that are there, in the order of `TITLES`."""
        return tuple(key for key in TITLES if key in self._rigs)

    def put(self, key: str, rig: Rig | Callable[[], Rig | None] | None) -> None:
        """Keep a rig, or what reads it; None when there is none any more."""
        if rig is None:
            self._rigs.pop(key, None)
        elif isinstance(rig, Rig):
            self._rigs[key] = lambda: rig
        else:
            self._rigs[key] = rig
        self.changed.emit()

    def rig(self, key: str) -> Rig | None:
        """One of them; raises `PoseDataError` where its file is damaged."""
        read = self._rigs.get(key)
        return None if read is None else read()
