"""How the user likes the camera views: kept with the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class LayoutState:
    """Everything about the views that is worth remembering.

    Attributes
    ----------
    order, hidden : list of str
        Views in the order of the grid; views that are not shown.
    sizes : dict of str to list of int
        Of the splitters.
    min_likelihood : float
    hidden_keypoints, hidden_stages, hidden_sets : list of str
    trails, skeleton, ellipses, space, cameras : bool
        ``space`` is the 3-D view, ``cameras`` what it shows around the animal.
    follow : str
        Keypoint that is kept in the middle; empty for none.
    magnification : float
        Canvas px per image px while following.
    link_zoom : bool
    speed : float
        Frames per second while playing.
    contrast : dict of view to (low, high, gamma)
        ``""`` is for views that have none of their own.
    """

    order: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    sizes: dict[str, list[int]] = field(default_factory=dict)
    min_likelihood: float = 0.0
    hidden_keypoints: list[str] = field(default_factory=list)
    hidden_stages: list[str] = field(default_factory=list)
    hidden_sets: list[str] = field(default_factory=list)
    trails: bool = True
    skeleton: bool = True
    ellipses: bool = True
    space: bool = True
    cameras: bool = True
    follow: str = ""
    magnification: float = 2.0
    link_zoom: bool = False
    speed: float = 30.0
    contrast: dict[str, list[float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain tables, for a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> LayoutState:
        """From plain tables; what is unknown or of another type is left at its default."""
        state = cls()
        for each in fields(cls):
            value = table.get(each.name)
            default = getattr(state, each.name)
            if isinstance(value, int) and isinstance(default, float):
                value = float(value)
            if type(value) is type(default):
                setattr(state, each.name, value)
        return state
