"""Views of the open session that its calibration has no camera for, before anything is run."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.cameras.rig import absent_cameras
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel


class CameraHint(QWidget):
    """Names such views and offers to say which camera each of them is; else hidden.

    Signals: ``mapping_wanted``.
    """

    mapping_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = MessageLabel()
        self._map = QPushButton("&Map cameras…")
        self._map.setToolTip("Say which camera of the calibration is which view.")
        self._map.clicked.connect(self.mapping_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 0, 6, 0)
        column.addWidget(self._text)
        column.addWidget(self._map)
        self.hide()

    @property
    def text(self) -> str:
        """The hint; "" for none."""
        return "" if self.isHidden() else self._text.message

    def show_session(self, session: Session | None) -> None:
        """Look at the calibration of a session; None hides the hint."""
        absent = "" if session is None else _absent(session)
        if absent:
            self._text.show_message(
                f"{absent}. Views without a camera cannot be smoothed in 3-D. If it is a camera "
                "under another name, say which."
            )
        self.setVisible(bool(absent))


def _absent(session: Session) -> str:
    try:
        rig = session.load_rig()
    except PoseDataError:
        # Reading the files says what is wrong with it.
        return ""
    if rig is None:
        return ""
    return absent_cameras(session.views, rig.names, "" if rig.path is None else rig.path.name)
