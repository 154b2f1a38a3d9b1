"""Which session is open in a viewer: what the widgets have in common."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.gui.workspace.docking import unwrapped

NO_SESSION = "Open a session first (tab Session)."
"""What panels say that work on the session that is open."""


@dataclass(frozen=True, eq=False)
class OpenSession:
    """A session that is open, and the project that it belongs to."""

    project: Project
    session: Session


class CurrentSession(QObject):
    """The session that is open in one viewer; `changed` is emitted when it is another one."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._open: OpenSession | None = None

    @property
    def open(self) -> OpenSession | None:
        """None before the first session is opened."""
        return self._open

    def set(self, opened: OpenSession | None) -> None:
        """Say that another session is open now, or the same one with other settings."""
        self._open = opened
        self.changed.emit()


def is_same_recording(one: OpenSession, other: OpenSession) -> bool:
    """Whether both are the same session of the same project."""
    return (one.project.folder, one.session.name) == (other.project.folder, other.session.name)


def is_other(now: OpenSession | None, before: OpenSession | None) -> bool:
    """Whether a session was open before and now another one is, or none."""
    return before is not None and (now is None or not is_same_recording(now, before))


def has_same_data(one: OpenSession, other: OpenSession) -> bool:
    """Whether results of one hold for the other: same predictions, calibration and alignment."""
    a, b = one.session, other.session
    return (
        is_same_recording(one, other)
        and a.rig_path == b.rig_path
        and dict(a.cameras) == dict(b.cameras)
        and dict(a.alignments) == dict(b.alignments)
        and [(each.name, dict(each.files)) for each in a.ensemble_sets]
        == [(each.name, dict(each.files)) for each in b.ensemble_sets]
    )


_SESSIONS: weakref.WeakKeyDictionary[Any, CurrentSession] = weakref.WeakKeyDictionary()


def current_session(viewer: Any) -> CurrentSession:
    """The one `CurrentSession` of a viewer."""
    viewer = unwrapped(viewer)
    found = _SESSIONS.get(viewer)
    if found is None:
        found = _SESSIONS[viewer] = CurrentSession()
    return found
