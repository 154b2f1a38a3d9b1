"""What a refinement changed, as text. No Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..result.result_tables import Table

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.refinement.refinement import Refinement


def views_table(found: Refinement) -> Table:
    """Before and after by view, on points that were left out of the fit."""
    rows = tuple(
        (each.view, _px(each.before), _px(each.after), f"{each.n:,}")
        for each in found.improvement.views
    )
    return Table("Points left out of the fit (median)", ("view", "before", "after", "n"), rows)


def changes_text(found: Refinement) -> str:
    """Which cameras moved, and what cannot be told."""
    gain = found.improvement
    lines = [f"Gain {100 * gain.gain:.1f} ± {100 * gain.standard_error:.1f} %."]
    for each in found.cameras:
        if each.moved_px:
            moved = "moved" if each.is_moved else "changed within its uncertainty"
            lines.append(
                f"{each.camera} {moved}: {each.moved_px:.2f} ± {each.uncertainty_px:.2f} px, "
                f"turned by {each.turned:.3f} ± {each.uncertainty_degrees:.3f} degrees."
            )
    return "\n".join((*lines, *(f"Note: {note}." for note in found.notes)))


def _px(value: float) -> str:
    return f"{value:.2f} px" if math.isfinite(value) else "-"
