"""How the user likes the camera views: kept with the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

_LIMITS = {"min_likelihood": (0.0, 1.0), "magnification": (1e-3, 1e3), "speed": (1e-3, 1e6)}
# What lists in a table hold, how many (None for any) and how much at most.
_LISTS: dict[str, tuple[Any, int | None, int]] = {
    "sizes": (int, None, 100_000),
    "contrast": (int | float, 3, 1_000_000),
}


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
            if type(value) is type(default) and _fits(each.name, value):
                setattr(state, each.name, value)
        return state


def _fits(name: str, value: Any) -> bool:
    """Whether a value of the right type can be used: files are also written by hand."""
    if isinstance(value, float):
        low, high = _LIMITS[name]
        return low <= value <= high
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    if isinstance(value, dict):
        kind, length, high = _LISTS[name]
        return all(
            isinstance(each, list)
            and length in (None, len(each))
            and all(isinstance(x, kind) and abs(x) <= high for x in each)
            for each in value.values()
        )
    return True
