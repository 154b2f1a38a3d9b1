"""Points clicked in several views, one after the other: where they are, and how well they fit.

No Qt.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

from ..views.view_rig import Point, ViewRig

Float64 = NDArray[np.float64]

THREE = ("the origin", "a point along x", "one more point on the floor")
_FEWEST_VIEWS = 2


@dataclass(frozen=True, eq=False)
class SolvedPoint:
    """A point in space.

    Attributes
    ----------
    xyz : (3,)
        Rig units; NaN while fewer than two views have it.
    residuals : mapping of view to float
        px of the rig's image, of the views it was clicked in; empty while it is not known.
    rings : mapping of view to (2,)
        Where it falls in each view, rig px.
    """

    xyz: Float64
    residuals: dict[str, float]
    rings: dict[str, Float64]


@dataclass(eq=False)
class PointPicks:
    """Clicks in the order they were made.

    Attributes
    ----------
    rig : ViewRig
    names : tuple of str
        What each point is; empty for any number of points.
    current : int
        The point that the next click is of.
    """

    rig: ViewRig
    names: tuple[str, ...] = ()
    current: int = 0
    _clicks: list[tuple[int, str, Point]] = field(default_factory=list)

    def click(self, view: str, xy: Point) -> bool:
        """Take a click, rig px; a second one in a view replaces the first.

        Returns
        -------
        bool
            Whether the view has a camera.
        """
        if view not in self.rig.views:
            return False
        self._clicks.append((self.current, view, xy))
        return True

    def undo(self) -> bool:
        """Forget the latest click, and be at its point again; False where there is none."""
        if not self._clicks:
            return False
        self.current = self._clicks.pop()[0]
        return True

    def go_on(self) -> bool:
        """To the next point; False while this one is not known, or is the last."""
        if len(self.clicks(self.current)) < _FEWEST_VIEWS or self.is_at_last:
            return False
        self.current += 1
        return True

    def clicks(self, point: int) -> dict[str, Point]:
        """Where a point was clicked, by view."""
        return {view: xy for at, view, xy in self._clicks if at == point}

    @property
    def is_at_last(self) -> bool:
        """Whether no point follows."""
        return bool(self.names) and self.current == len(self.names) - 1

    @property
    def is_complete(self) -> bool:
        """Whether all points that are wanted (three, where that is open) are known."""
        wanted = len(self.names) or 3
        return len(self.points()) >= wanted

    def solved(self) -> list[SolvedPoint]:
        """The points up to the current one."""
        return [self._solve(point) for point in range(self.current + 1)]

    def points(self) -> Float64:
        """Those that are known, ``(point, 3)``."""
        every = np.array([each.xyz for each in self.solved()]).reshape(-1, 3)
        return np.asarray(every[np.isfinite(every).all(axis=1)])

    def state(self) -> str:
        """What is to be done next, and how well what was clicked fits."""
        if self.names:
            number = f"Point {self.current + 1} of {len(self.names)}: {self.names[self.current]}."
        else:
            number = f"Point {self.current + 1} on the floor."
        n = len(self.clicks(self.current))
        if n == 0:
            todo = "Click it in two or more views."
        elif n < _FEWEST_VIEWS:
            todo = "Click it in one more view: it lies on the curve."
        elif self.is_at_last:
            todo = "More views make it better. All points are there."
        else:
            todo = "More views make it better; N or Next point goes on."
        lines = [f"{number} {todo}"]
        for i, each in enumerate(self.solved()):
            if each.residuals:
                told = ", ".join(f"{view} {value:.1f}" for view, value in each.residuals.items())
                lines.append(f"{i + 1}: off by px: {told}")
        return "\n".join(lines)

    def _solve(self, point: int) -> SolvedPoint:
        clicks = self.clicks(point)
        if len(clicks) < _FEWEST_VIEWS:
            return SolvedPoint(np.full(3, np.nan), {}, {})
        rig = self.rig.rig
        chosen = rig.subset(list(clicks))
        xy = np.array([clicks[view] for view in clicks])[:, None]
        found = triangulate(chosen, xy)
        residuals = dict(zip(clicks, found.residuals[:, 0].tolist(), strict=True))
        rings = dict(zip(rig.names, rig.project(found.xyz)[:, 0], strict=True))
        return SolvedPoint(found.xyz[0], residuals, rings)
