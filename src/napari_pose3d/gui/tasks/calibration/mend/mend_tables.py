"""What a refinement changed, as text. No Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..result.result_tables import Table

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.refinement.refinement import Refinement
    from napari_pose3d.core.calibration.refinement.rig_from_points import PointRig
    from napari_pose3d.core.pipeline.rigs.rig_refinement import SessionOutcome

_TITLE = "Points left out of the fit (median)"
_HELP = {
    "view": "The camera.",
    "before": "From each point to where the other views put it, by the calibration that was there; "
    "- where no two other views agreed on any point.",
    "after": "The same by the mended calibration, on points that the fit did not see.",
    "n": "How many points.",
}


def views_table(found: Refinement) -> Table:
    """Before and after by view, on points that were left out of the fit."""
    rows = tuple(
        (each.view, _px(each.before), _px(each.after), f"{each.n:,}")
        for each in found.improvement.views
    )
    return Table(_TITLE, ("view", "before", "after", "n"), rows, help=_HELP)


def changes_text(found: Refinement) -> str:
    """Which cameras moved, and what cannot be told."""
    gain = found.improvement
    share, error = 100 * gain.share, 100 * gain.share_error
    lines = [f"On average, views agree better by {share:.1f} ± {error:.1f} %."]
    for each in found.cameras:
        if each.moved_px:
            moved = "moved" if each.is_moved else "changed within its uncertainty"
            lines.append(
                f"{each.camera} {moved}: {each.moved_px:.2f} ± {each.uncertainty_px:.2f} px, "
                f"turned by {each.turned:.3f} ± {each.uncertainty_degrees:.3f} degrees."
            )
    return "\n".join((*lines, *(f"Note: {note}." for note in found.notes)))


def placed_table(found: PointRig) -> Table:
    """How well points left out of the fit agree, by view."""
    rows = tuple((view, _px(value)) for view, value in found.left_out.items())
    return Table(_TITLE, ("view", "after"), rows, help=_HELP)


def placed_text(found: PointRig) -> str:
    """What was used, and where scale and world come from."""
    return (
        f"{len(found.rig.cameras)} cameras were placed from {found.n_points:,} points, judged by "
        f"{found.n_left_out:,} others. {found.scale[0].upper()}{found.scale[1:]}. The world "
        "begins in the first camera: choose another under Origin and axes."
    )


def sessions_table(outcomes: Sequence[SessionOutcome]) -> Table:
    """All sessions of a project: what would change, or why nothing does."""
    rows = []
    for each in outcomes:
        found = each.refinement
        if found is None:
            rows.append((each.session, "kept", "-", each.reason))
            continue
        gain = found.improvement
        moved = ", ".join(found.moved or (c.camera for c in found.cameras if c.moved_px))
        state = "written" if each.path is not None else "better"
        told = f"{100 * gain.share:.1f} ± {100 * gain.share_error:.1f} %"
        rows.append((each.session, state, told, moved or "none"))
    help_ = {
        "gain": "By how much points left out of the fit lie nearer to where the other views put "
        "them.",
        "cameras, or why it is kept": "Which cameras moved; a session that would not become better "
        "keeps its calibration.",
    }
    header = ("session", "calibration", "gain", "cameras, or why it is kept")
    return Table("Sessions of the project", header, tuple(rows), help=help_)


def _px(value: float) -> str:
    return f"{value:.2f} px" if math.isfinite(value) else "-"
