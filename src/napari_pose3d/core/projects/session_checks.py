"""What the files of a session tell about missing and contradictory things.

Headers of videos, the calibration, and the lines of small tables are read; nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_pose3d.core.calibration.lint.rig_lint import faults
from napari_pose3d.core.cameras.rig import Rig, absent_cameras
from napari_pose3d.core.formats.predictions.prediction_csv import count_frames
from napari_pose3d.core.formats.predictions.table_header import TableHeader
from napari_pose3d.core.formats.projects.frame_tables import read_boxes
from napari_pose3d.core.video.index.container import open_container
from napari_pose3d.core.video.metadata import VideoMetadata
from napari_pose3d.errors import PoseDataError, Remedy

from .alignment.frame_rates import ADVICE, REMEDIES, TRIGGERED, differing_rates
from .alignment.project_alignment import other_starts
from .issues import Issue
from .matching.foreign_rigs import foreign_rig_beside
from .scan.table_headers import header_or_reason
from .session import Session

# Tables up to this size are read to count their lines.
_SMALL = 2_000_000
# Cameras that are started and stopped together differ by less than this factor in their frames.
_OTHER_LENGTH = 1.05


def check_session(session: Session) -> tuple[Issue, ...]:
    """Look into the files of a session for what does not fit together.

    Videos are not decoded: numbers of frames and sizes are those that their headers claim.

    Returns
    -------
    tuple of Issue
        Without those that are in ``session.problems`` already. Where a video has another size than
        the calibration and the reason is known, `Issue.offer` holds the crop or scale.
    """
    facts = session.video_metadata()
    issues = _videos(session, facts)
    try:
        rig = session.load_rig()
    except PoseDataError as error:
        rig = None
        issues.append(Issue("error", error.problem, _place(error), error.todo or ""))
    if rig is not None:
        issues += _cameras(session, rig)
    elif session.rig_path is None:
        files = [path for each in session.sets if not each.own for path in each.files.values()]
        if found := foreign_rig_beside([*files, *session.videos.values()]):
            todo = "Convert it to Anipose's TOML"
            issues.append(Issue("note", found, session.name, todo, remedies=(Remedy("convert"),)))
    try:
        if rig is not None:
            issues += [p for view in session.views if (p := _size(session, rig, view, facts))]
        issues += _lengths(session, facts)
    except PoseDataError as error:
        # A table that says how a video lies in its session.
        issues.append(Issue("error", error.problem, _place(error), error.todo or ""))
    return (*issues, *_tables(session, facts), *_headers(session))


def _videos(session: Session, facts: Mapping[str, VideoMetadata]) -> list[Issue]:
    """Videos that cannot be opened (nothing is found in their headers), or not to their end."""
    issues = []
    for view, path in session.videos.items():
        if missing := facts[view].missing_bytes:
            issues.append(
                Issue(
                    "warning",
                    f"the video of view {view} ends early: the last {missing:,} bytes of "
                    f"{path.name} are missing",
                    session.name,
                    "Copy it again from where it was recorded; what is there is shown",
                )
            )
        if facts[view] != VideoMetadata():
            continue
        try:
            container, _ = open_container(path)
            container.close()
        except PoseDataError as error:
            issues.append(
                Issue(
                    "error",
                    f"the video of view {view} cannot be opened: {path.name}: {error.problem}",
                    session.name,
                    error.todo or "Copy it again from where it was recorded; the others are shown",
                )
            )
    return issues


def _cameras(session: Session, rig: Rig) -> list[Issue]:
    file = "" if rig.path is None else rig.path.name
    issues = [Issue("note", warning, session.name) for warning in rig.warnings]
    issues += [
        Issue(
            each.severity,
            f"{file}: {each.problem}" if file else each.problem,
            session.name,
            each.todo,
            remedies=() if each.remedy is None else (each.remedy,),
        )
        for each in faults(rig)
    ]
    absent = absent_cameras(session.views, rig.names, file)
    if absent:
        issues.append(
            Issue(
                "error",
                absent,
                session.name,
                "What is not calibrated is shown, but cannot be smoothed in 3-D: leave it out "
                "there. If it is a camera under another name, say which",
                remedies=(Remedy("views"), Remedy("cameras")),
            )
        )
    unseen = [name for name in rig.names if name not in session.views]
    # Both may be the same camera under two names, which is reported above.
    if unseen and not absent:
        issues.append(
            Issue(
                "warning",
                f"{file} has a camera {', '.join(unseen)}, but there are no files of that view",
                session.name,
                "Add its video, or go on without it",
            )
        )
    return issues


def _size(
    session: Session, rig: Rig, view: str, facts: Mapping[str, VideoMetadata]
) -> Issue | None:
    """A video that cannot be the rig's image, as it is adjusted now."""
    size = facts[view].size if view in facts else None
    full = rig.cameras[rig.names.index(view)].size if view in rig.names else None
    if size is None or full is None:
        return None
    alignment = session.alignment(view)
    shown: Sequence[float] = full if alignment.crop is None else alignment.crop[2:]
    if alignment.boxes is not None:
        shown = alignment.image_boxes[0, 2:].tolist()
    expected = [length / scale for length, scale in zip(shown, alignment.scale, strict=True)]
    # Encoders cut odd sizes to even ones.
    if all(abs(have - want) < 2 for have, want in zip(size, expected, strict=True)):
        return None
    what = (
        f"the video of view {view} has {size[0]} x {size[1]} px, but "
        f"{expected[0]:g} x {expected[1]:g} px are expected from the calibration"
        f"{f' ({alignment.describe()})' if alignment.moves_pixels else ''}"
    )
    if view in session.boxes:
        return _boxed(session, view, what, size)
    factor = full[0] / size[0]
    if abs(full[1] - size[1] * factor) < 2 * factor and size != full:
        factor = float(round(factor)) if abs(factor - round(factor)) < 0.01 else factor
        offer = replace(alignment, crop=None, boxes=None, scale=(factor, factor))
        smaller = "smaller" if factor > 1 else "larger"
        todo = f"If the video was made {smaller} after calibrating, accept the scale {factor:.4g}"
        return Issue("warning", what, session.name, todo, (session.name, view, offer))
    if size[::-1] == full:
        todo = "The video was turned by a quarter after calibrating: use the video as it was"
    elif size[0] <= full[0] and size[1] <= full[1]:
        todo = f"If it is cut out of the full image, say where: crop = [x, y, {size[0]}, {size[1]}]"
    else:
        todo = "Check that the calibration is of this camera"
    return Issue("warning", what, session.name, todo)


def _boxed(session: Session, view: str, what: str, size: tuple[int, int]) -> Issue:
    """A video of another size that has a table of boxes: it is probably cut out by them."""
    path = session.boxes[view]
    boxes = read_boxes(path)
    width, height = (float(length) for length in boxes[0, 2:])
    scale = (width / size[0], height / size[1])
    if (boxes[:, 2:] != boxes[0, 2:]).any():
        todo = f"The boxes of {path.name} change their size, which cannot be mapped"
        return Issue("warning", what, session.name, todo)
    if abs(scale[0] / scale[1] - 1) > 0.02:
        todo = f"The boxes of {path.name} have another shape than the video"
        return Issue("warning", what, session.name, todo)
    todo = f"If the video is cut out as {path.name} says, accept this crop"
    alignment = replace(session.alignment(view), scale=scale)
    if (boxes == boxes[0]).all():
        x, y = (float(corner) for corner in boxes[0, :2])
        offer = replace(alignment, crop=(x, y, width, height), boxes=None)
    else:
        offer = replace(alignment, crop=None, boxes=path)
    return Issue("warning", what, session.name, todo, (session.name, view, offer))


def _lengths(session: Session, facts: Mapping[str, VideoMetadata]) -> list[Issue]:
    counts = {view: n for view, each in facts.items() if (n := each.n_frames) is not None}
    issues = []
    other_rates = differing_rates(facts, session.alignments)
    if other_rates and session.triggered:
        issues.append(Issue("note", f"{other_rates}; but {TRIGGERED}", session.name))
    elif other_rates:
        issues.append(Issue("error", other_rates, session.name, ADVICE, remedies=REMEDIES))
    for view, count in counts.items():
        alignment = session.alignment(view)
        if alignment.timestamps is None:
            continue
        if len(alignment.times) != count:
            issues.append(
                Issue(
                    "warning",
                    f"{alignment.timestamps.name} holds {len(alignment.times)} times, but the "
                    f"video of view {view} has {count} frames",
                    session.name,
                    "Give the times of all frames of this video",
                )
            )
    issues += [
        Issue("warning", what, session.name, todo)
        for what, todo in other_starts(session.alignments, session.views)
    ]
    ends = {v: session.alignment(v).n_session_frames(n) for v, n in counts.items()}
    if len(set(ends.values())) > 1:
        listed = ", ".join(f"{view} {n:,}" for view, n in ends.items())
        far = [max(n.values()) > _OTHER_LENGTH * min(n.values()) for n in (counts, ends)]
        timed = any(session.alignment(view).pairing is not None for view in ends)
        if all(far) and not timed and not other_rates:
            what = f"the videos have very different numbers of frames: {listed}"
            todo = "If the cameras differ in their frame rates, give the 'timestamps' of each view"
            issues.append(Issue("error", what, session.name, todo))
        elif any(session.alignment(view).shifts_frames for view in ends):
            what = f"the videos end at different session frames: {listed}"
            issues.append(Issue("note", what, session.name))
        else:
            what = f"the videos have different numbers of frames: {listed}"
            todo = "If a camera began late or lost frames, give its offset or the dropped frames"
            issues.append(Issue("warning", what, session.name, todo))
    return issues


def _tables(session: Session, facts: Mapping[str, VideoMetadata]) -> list[Issue]:
    issues = []
    for each in session.sets:
        differing = []
        lengths: dict[str, int] = {}
        for view, path in each.files.items():
            expected = facts[view].n_frames if view in facts else None
            if each.own or not _is_small(path):
                continue
            try:
                n = count_frames(path)
            except PoseDataError as error:
                if expected is not None:
                    issues.append(Issue("error", error.problem, _place(error), error.todo or ""))
                continue
            if expected is None:
                lengths[view] = n
            elif n != expected:
                differing.append(f"{view} has {n:,} rows for {expected:,} frames")
        if differing:
            issues.append(
                Issue(
                    "warning",
                    f"the prediction set '{each.name}' is not of these videos: "
                    f"{'; '.join(differing)}",
                    session.name,
                    "Check that the predictions were made from these videos",
                )
            )
        shifted = any(session.alignment(view).shifts_frames for view in lengths)
        if len(set(lengths.values())) > 1 and not shifted:
            listed = ", ".join(f"{view} {n:,}" for view, n in lengths.items())
            what = f"the prediction set '{each.name}' has different numbers of rows: {listed}"
            todo = "If a camera began late or lost frames, give its offset or the dropped frames"
            issues.append(Issue("warning", what, session.name, todo))
    return issues


def _headers(session: Session) -> list[Issue]:
    """Tables that cannot be used, further ones in an HDF5 file, and individuals of several."""
    issues = []
    files: dict[str, list[str]] = {}
    for each in session.sets:
        individuals: dict[tuple[str, ...], list[str]] = {}
        for view, path in each.files.items():
            try:
                header = header_or_reason(path, strict=True)
            except PoseDataError as error:
                issues.append(Issue("error", error.problem, _place(error), error.todo or ""))
                continue
            if isinstance(header, TableHeader):
                individuals.setdefault(tuple(sorted(header.individuals)), []).append(view)
                if header.unread:
                    files.setdefault(header.describe_unread(), []).append(path.name)
        issues += _individuals(session, each.name, individuals)
    return issues + [
        Issue("note", what, f"{names[0]} and {len(names) - 1} more" if names[1:] else names[0])
        for what, names in files.items()
    ]


def _individuals(
    session: Session, name: str, views: Mapping[tuple[str, ...], Sequence[str]]
) -> list[Issue]:
    """Who is in the files of a set, by the views that have the same individuals."""
    everybody = dict.fromkeys(who for individuals in views for who in individuals)
    if len(everybody) < 2 and len(views) < 2:
        return []
    if len(views) == 1:
        what = f"the prediction set '{name}' holds the individuals {', '.join(everybody)}"
        return [Issue("note", what, session.name, "Choose one", remedies=(Remedy("individual"),))]
    listed = [f"{', '.join(of)}: {', '.join(who) or 'none named'}" for who, of in views.items()]
    return [
        Issue(
            "warning",
            f"the prediction set '{name}' holds other individuals in other views: "
            f"{'; '.join(listed)}",
            session.name,
            "Give each individual one name in all files",
        )
    ]


def _is_small(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and path.stat().st_size <= _SMALL


def _place(error: PoseDataError) -> str:
    return ", ".join(part for part in (error.file, error.place) if part)
