"""The fits of one recording, the latest last: what Undo goes back to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.rig_calibration import Calibration

    from ..make.calibration_job import Found


@dataclass(eq=False)
class FitHistory:
    """Attributes
    ----------
    found : Found
        The corners that all of the fits are of.
    fits : list of Calibration
    """

    found: Found
    fits: list[Calibration] = field(default_factory=list)

    @property
    def now(self) -> Calibration:
        return self.fits[-1]

    @property
    def before(self) -> Calibration | None:
        """What the latest is compared with."""
        return self.fits[-2] if len(self.fits) > 1 else None

    def excluded_with(self, frames: tuple[int, ...]) -> tuple[int, ...]:
        """The frames that the next fit does without."""
        return tuple(sorted({*self.now.excluded, *frames}))

    def undo(self) -> None:
        """Forget the latest fit, but for the first."""
        if len(self.fits) > 1:
            self.fits.pop()
