"""``napari-pose3d rig refine RIG --labels ... | --predictions ... --out TOML``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.core.storage.atomic_files import FileGroup, refuse_existing
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings, RefinementSettings
from napari_pose3d.wording import counted

from ..options import help_of
from ..terminal.outcome import print_notes
from ..terminal.progress_bar import ProgressBar
from .points import add_min_likelihood, add_predictions_reading, points_of

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.refinement.refinement import Refinement
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.pipeline.rigs.point_sources import SharedPoints

REFUSED = 1

_FREE = ("extrinsics", "rotation", "translation", "focal", "all")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "refine",
        help="mend a calibration from labels or predictions",
        description="Mend a calibration so that its cameras agree about points that several of "
        "them see. Scale, origin and orientation are kept, and as few cameras are moved as make "
        "the views agree. Nothing is written where points left out of the fit do not fit better.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "rig",
        type=Path,
        metavar="RIG",
        help="Anipose calibration TOML; a project's folder with --each-session",
    )
    parser.add_argument(
        "--labels",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="a project, or a label file for each camera; nothing with --each-session or --project",
    )
    parser.add_argument(
        "--predictions",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="folder or files of predictions; nothing with --each-session or --project",
    )
    parser.add_argument("--out", type=Path, metavar="TOML", help="the refined calibration")
    parser.add_argument(
        "--project",
        type=Path,
        metavar="DIR",
        help="write calibrations/SESSION.toml of this "
        "Lightning Pose project; what was there is kept beside it",
    )
    parser.add_argument("--session", metavar="NAME", help=help_of(ReadingSettings, "session"))
    parser.add_argument(
        "--each-session",
        action="store_true",
        help="refine the calibration of each session of a project from its own points",
    )
    parser.add_argument(
        "--free",
        choices=_FREE,
        default="extrinsics",
        help=f"{help_of(RefinementSettings, 'free')}; not given: extrinsics",
    )
    parser.add_argument(
        "--fixed", nargs="+", default=[], metavar="CAMERA", help="cameras that stay as they are"
    )
    parser.add_argument(
        "--all-cameras", action="store_true", help=help_of(RefinementSettings, "all_cameras")
    )
    add_min_likelihood(parser)
    add_predictions_reading(parser)
    parser.add_argument(
        "--frames",
        default="",
        metavar="A:B",
        help=f"{help_of(RefinementSettings, 'frames')}; not given: all",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of the stretches of frames that are left out of the fit; not given: 0",
    )
    parser.add_argument(
        "--from-nothing",
        action="store_true",
        help="use only focal lengths and distortion of "
        "RIG, and find where the cameras are from the points",
    )
    parser.add_argument(
        "--length",
        metavar="A,B,LENGTH",
        help="with --from-nothing: the distance of two "
        "keypoints or of two cameras, which sets the scale",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace existing files; a calibration that is replaced is kept beside it",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Refine, write, and say what changed."""
    _check(options)
    if options.each_session:
        return _each_session(options, bar)
    from napari_pose3d.core.calibration.session_rig import (
        rig_place,
        use_for_session,
        write_with_backup,
    )
    from napari_pose3d.core.cameras.rig_file import load_rig
    from napari_pose3d.core.pipeline.rigs.rig_refinement import named_elsewhere, refine_rig
    from napari_pose3d.core.projects.project import open_project

    rig = load_rig(options.rig)
    project = None if options.project is None else open_project(options.project)
    out, session = options.out, None
    if project is not None:
        session = project.session_or_only(options.session)
        out = rig_place(project, session)
    if not options.force:
        refuse_existing([path for path in (options.json,) if path is not None])
        if project is None:
            refuse_existing([out])
    points = points_of(options, rig, project, session, bar).of_frames(options.frames)
    if options.from_nothing:
        refined, figures = _from_nothing(options, rig, points, bar)
        notes: tuple[str, ...] = ()
    else:
        bar("refining", 0, 0)
        found = refine_rig(
            rig,
            points,
            free=options.free,
            fixed=options.fixed,
            all_cameras=options.all_cameras,
            seed=options.seed,
        )
        bar.close()
        _print(found)
        refined, figures, notes = found.rig, found.figures(), found.notes
    if options.json is not None:
        with FileGroup(overwrite=options.force) as group:
            group.open(options.json).write(json.dumps(figures, indent=1) + "\n")
    if project is not None and session is not None:
        out, backup = use_for_session(refined, project, session)
    else:
        backup = write_with_backup(refined, out)
    print_notes(notes)
    text = named_elsewhere(project, session) if project is not None and session else ""
    if text:
        print(f"note: {text}")
    kept = "" if backup is None else f"; what was there is now {backup.name}"
    print(f"wrote {out}{kept}")
    return 0


def _check(options: argparse.Namespace) -> None:
    sources = [each for each in ("labels", "predictions") if getattr(options, each) is not None]
    if len(sources) != 1:
        raise PoseDataError(
            "labels and predictions were given" if sources else "no points were given",
            expected="--labels or --predictions",
        )
    places = [each for each in ("out", "project") if getattr(options, each) is not None]
    if options.each_session:
        if places or getattr(options, sources[0]) or options.from_nothing or options.frames:
            raise PoseDataError(
                "with --each-session, points, frames and places are those of the project",
                expected=f"rig refine PROJECT --each-session --{sources[0]}",
            )
        return
    if len(places) != 1:
        raise PoseDataError(
            "no place to write to was given" if not places else "two places were given to write to",
            expected="--out TOML or --project DIR",
        )
    if not getattr(options, sources[0]) and options.project is None:
        raise PoseDataError(f"--{sources[0]} is empty", expected="a project, folder or files")
    if options.length is not None and not options.from_nothing:
        raise PoseDataError(
            "a length is only used with --from-nothing",
            expected="no --length: the scale of a calibration is kept",
        )


def _from_nothing(
    options: argparse.Namespace, rig: Rig, points: SharedPoints, bar: ProgressBar
) -> tuple[Rig, dict[str, object]]:
    from napari_pose3d.core.calibration.refinement.rig_from_points import (
        KnownLength,
        rig_from_points,
    )

    length = None
    if options.length is not None:
        first, second, value = (*options.length.rsplit(",", 2), "", "")[:3]
        length = KnownLength.of(first, second, value, points.views, points.keypoints)
    bar("finding the cameras", 0, 0)
    found = rig_from_points(
        rig.subset(points.views), points.xy, length=length, free=options.free, seed=options.seed
    )
    bar.close()
    print(found)
    return found.rig, found.figures()


def _each_session(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.rigs.point_sources import CONFIDENT
    from napari_pose3d.core.pipeline.rigs.rig_refinement import named_elsewhere, refine_sessions
    from napari_pose3d.core.projects.project import open_project

    if not options.rig.is_dir():
        raise PoseDataError("this is no folder", file=options.rig, expected="a project's folder")
    project = open_project(options.rig)
    if project.kind != "lightning-pose":
        raise PoseDataError(
            "this is no Lightning Pose project",
            file=project.folder,
            expected="a folder with project.yaml",
        )
    likelihood = CONFIDENT if options.min_likelihood is None else options.min_likelihood
    figures, n_refined = {}, 0
    bar("refining", 0, len(project.sessions))
    outcomes = refine_sessions(
        project,
        "labels" if options.labels is not None else "predictions",
        free=options.free,
        fixed=options.fixed,
        all_cameras=options.all_cameras,
        min_likelihood=likelihood,
        individual=options.individual,
    )
    for i, outcome in enumerate(outcomes):
        bar.close()
        if outcome.refinement is None:
            print(f"{outcome.session}: kept. {outcome.reason}")
            figures[outcome.session] = {"kept": outcome.reason}
        else:
            n_refined += 1
            print(f"{outcome.session}: refined")
            _print(outcome.refinement)
            print_notes(outcome.refinement.notes)
            if text := named_elsewhere(project, project.session(outcome.session)):
                print(f"note: {text}")
            print(f"wrote {outcome.path}")
            figures[outcome.session] = outcome.refinement.figures()
        bar("refining", i + 1, len(project.sessions))
    bar.close()
    if options.json is not None:
        with FileGroup(overwrite=options.force) as group:
            group.open(options.json).write(json.dumps(figures, indent=1) + "\n")
    print(f"refined {n_refined} of {counted(len(project.sessions), 'session')}")
    return 0 if n_refined or not project.sessions else REFUSED


def _print(found: Refinement) -> None:
    print(found.improvement)
    for each in found.cameras:
        if each.moved_px:
            moved = "moved" if each.is_moved else "changed within its uncertainty"
            print(
                f"camera {each.camera} {moved}: {each.moved_px:.2f} px "
                f"(+- {each.uncertainty_px:.2f}), turned by {each.turned:.3f} degrees "
                f"(+- {each.uncertainty_degrees:.3f}), shifted by {each.shifted:.4g}"
            )
