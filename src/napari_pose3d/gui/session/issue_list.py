"""What is missing or contradictory in a project, as a list to read and to act upon."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.projects.issues import Issue, Severity
from napari_pose3d.errors import Remedy, RemedyKind, todo_in_words
from napari_pose3d.gui.qt.message_text import MessageLabel

_MOST = 12
_ICONS: dict[Severity, QStyle.StandardPixmap] = {
    "error": QStyle.StandardPixmap.SP_MessageBoxCritical,
    "warning": QStyle.StandardPixmap.SP_MessageBoxWarning,
    "note": QStyle.StandardPixmap.SP_MessageBoxInformation,
}
_ORDER: tuple[Severity, ...] = ("error", "warning", "note")
_ICON_SIZE = 16
# Where in this widget a setting is that would help.
_CONTROLS: dict[RemedyKind, str] = {
    "views": "'New…' asks for the names of the views",
    "cameras": "'Map cameras…'",
    "triggered": "'Triggered together'",
}


def _control_of(remedy: Remedy) -> str:
    return _CONTROLS.get(remedy.kind, "")


class IssueList(QGroupBox):
    """Issues, the worst first; a button where there is something to accept.

    `accepted` is emitted with the `Issue` whose offer the user takes, `mapping_wanted` when they
    want to say which camera is which view, `trigger_stated` when they say that all cameras are
    triggered together.
    """

    accepted = Signal(object)
    mapping_wanted = Signal()
    trigger_stated = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Issues", parent)
        self._column = QVBoxLayout(self)
        self._issues: tuple[Issue, ...] = ()
        self.show_issues(())

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What is shown, the worst first."""
        return self._issues

    def show_issues(self, issues: Sequence[Issue]) -> None:
        """Show these instead; nothing to say hides the list."""
        self._issues = tuple(sorted(issues, key=lambda p: _ORDER.index(p.severity)))
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for issue in self._issues[:_MOST]:
            self._column.addWidget(self._line(issue))
        rest = self._issues[_MOST:]
        if rest:
            more = QLabel(f"and {len(rest)} more (hover to see)")
            more.setToolTip("\n".join(map(str, rest)))
            self._column.addWidget(more)
        self.setVisible(bool(self._issues))
        # Once the new lines have the window's font, they need another height.
        QTimer.singleShot(0, self._fit_lines)

    def _fit_lines(self) -> None:
        self._column.invalidate()
        self.updateGeometry()

    def _line(self, issue: Issue) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        icon = QLabel()
        style = self.style()
        if style is not None:
            image = style.standardIcon(_ICONS[issue.severity]).pixmap(_ICON_SIZE, _ICON_SIZE)
            icon.setPixmap(image)
        icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        icon.setToolTip(issue.severity)
        where = f"{issue.where}: " if issue.where else ""
        advice = todo_in_words(issue.todo, issue.remedies, _control_of)
        todo = f" {advice}." if advice else ""
        text = MessageLabel(f"{where}{issue.what}.{todo}")
        row.addWidget(icon)
        row.addWidget(text, 1)
        if issue.offer is not None:
            _, view, alignment = issue.offer
            accept = QPushButton("Adjust")
            accept.setToolTip(f"Write into the project: view {view} {alignment.describe()}.")
            accept.clicked.connect(lambda: self.accepted.emit(issue))
            row.addWidget(accept)
        if any(remedy.kind == "cameras" for remedy in issue.remedies):
            map_cameras = QPushButton("Map…")
            map_cameras.setToolTip("Say which camera of the calibration is which view.")
            map_cameras.clicked.connect(self.mapping_wanted)
            row.addWidget(map_cameras)
        if any(remedy.kind == "triggered" for remedy in issue.remedies):
            triggered = QPushButton("Triggered together")
            triggered.setToolTip(
                "Write into the project: one signal triggers all cameras, and a header is wrong."
            )
            triggered.clicked.connect(self.trigger_stated)
            row.addWidget(triggered)
        return line
