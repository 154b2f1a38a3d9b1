"""What of a session can be exported: its sets of poses, and labels."""

from __future__ import annotations

from dataclasses import dataclass

from napari_pose3d.core.pipeline.exchange.format_table import FORMATS, Content, ExchangeFormat
from napari_pose3d.core.pipeline.results.saved_results import space_of
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.session import Session

# The sample keeps what its animal really did.
_TRUTH = "truth"
_KINDS = {"smoothed": "smoothed", "3d": "3-D", "predictions": "predictions"}


@dataclass(frozen=True)
class Source:
    """One thing that can be exported.

    Attributes
    ----------
    title : str
    content : {"poses", "labels"}
    name : str
        Of the prediction set; "" for labels.
    session : str or None
        None: the labels of all sessions.
    has_space, has_views : bool
    """

    title: str
    content: Content
    name: str = ""
    session: str | None = None
    has_space: bool = True
    has_views: bool = True

    def obstacle(self, chosen: ExchangeFormat) -> str:
        """Why a format cannot hold it; "" where it can."""
        if self.content == "labels":
            return ""
        if not self.has_space and not chosen.views:
            return (
                "These predictions have no 3-D, and this format holds nothing else: smooth or "
                "triangulate first."
            )
        if not self.has_views and not chosen.space:
            return "There are no positions in the views, and this format holds nothing else."
        return ""


def sources_of(project: Project, session: Session) -> list[Source]:
    """What there is, the most useful first."""
    found = []
    order = list(_KINDS)
    for each in sorted(session.sets, key=lambda s: (s.name == _TRUTH, order.index(s.kind))):
        files = {name.lower() for name in each.files}
        found.append(
            Source(
                f"{_KINDS[each.kind].capitalize()}: {each.name}"
                if each.name != each.kind
                else _KINDS[each.kind].capitalize(),
                "poses",
                each.name,
                session.name,
                has_space=each.space is not None
                or (each.kind == "smoothed" and space_of(session, each) is not None),
                has_views=bool(files) or each.kind == "smoothed",
            )
        )
    if any(each.labels for each in project.sessions):
        if session.labels:
            found.append(Source(f"Labels of {session.name}", "labels", session=session.name))
        if len(project.sessions) > 1:
            found.append(Source("Labels of all sessions", "labels"))
    return found


def formats_for(source: Source | None) -> list[ExchangeFormat]:
    """The formats for such content."""
    content = "poses" if source is None else source.content
    return [each for each in FORMATS.values() if each.content == content]
