"""Whether a result is still the one of what is chosen now."""

from __future__ import annotations

from dataclasses import replace

from napari_pose3d.gui.session.current_session import OpenSession, has_same_data
from napari_pose3d.settings import SmoothingSettings

from .smooth_job import Choice, Finished

_NAMED = 3


def why_outdated(
    finished: Finished,
    session: OpenSession | None,
    now: OpenSession | None,
    choice: Choice,
    settings: SmoothingSettings | None,
) -> str:
    """Why a run ought to be repeated, in one or two sentences; "" when its result still holds.

    Parameters
    ----------
    finished : Finished
        The run.
    session, now : OpenSession or None
        The session that it was of, if it was of one, and the one that is open.
    choice : Choice
        The files that are chosen now.
    settings : SmoothingSettings or None
        Those that are chosen now; None: a field holds what cannot be read.
    """
    before = finished.choice
    if session is not None and now is not None and not has_same_data(session, now):
        return "The session was changed after this run: Run again."
    if (before.paths, before.calibration) != (choice.paths, choice.calibration):
        return "Made from other files than those chosen now: Run again."
    if changed := finished.work.changed_inputs():
        names = ", ".join(path.name for path in changed[:_NAMED])
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        return f"Changed on disk after this run: {names}{more}. Run again."
    if before.reading != choice.reading or settings is None:
        return "Made with other settings than those chosen now: Run again."
    # The number of threads does not change a result.
    if replace(settings, threads=None) != replace(finished.settings, threads=None):
        return "Made with other settings than those chosen now: Run again."
    return ""
