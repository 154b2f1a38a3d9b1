"""``napari-pose3d audit PROJECT``."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from napari_pose3d.settings import SmoothingSettings
from napari_pose3d.wording import counted

from .options import add_force, help_of, parse_blocks
from .terminal.outcome import print_notes, print_written
from .terminal.progress_bar import ProgressBar

_SHOWN = 30


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    audit = commands.add_parser(
        "audit",
        help="look for faults in labels that were already made",
        description="Look for faults in the labels of a Lightning Pose project: views or sides "
        "exchanged, labels that disagree with the other views or are one frame off, duplicates, "
        "forgotten keypoints. Nothing is changed. The exit code is 1 where there are errors.",
        allow_abbrev=False,
    )
    audit.set_defaults(command=_run)
    audit.add_argument("project", type=Path, help="folder with project.yaml")
    audit.add_argument(
        "--sessions", nargs="+", default=[], metavar="NAME", help="not given: all with labels"
    )
    audit.add_argument(
        "--left-right",
        nargs="+",
        default=[],
        metavar="LEFT,RIGHT",
        help=help_of(SmoothingSettings, "left_right"),
    )
    audit.add_argument(
        "--no-predictions",
        action="store_true",
        help="do not smooth the predictions: faster, but labels one frame off are not found",
    )
    audit.add_argument(
        "--no-images",
        action="store_true",
        help="do not compare the labeled images with the frames that they are named after: faster",
    )
    audit.add_argument(
        "--dismissed",
        action="store_true",
        help="list also what was dismissed in napari: labels that somebody holds for right",
    )
    audit.add_argument("--out", type=Path, metavar="CSV", help="write all findings to a file")
    add_force(audit)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.quality.audit_run import audit_project, write_findings
    from napari_pose3d.core.review.audit.dismissals import Dismissals
    from napari_pose3d.core.storage.atomic_files import refuse_existing

    if options.out and not options.force:
        refuse_existing([options.out])
    audit = audit_project(
        options.project,
        options.sessions,
        left_right=parse_blocks(options.left_right),
        use_predictions=not options.no_predictions,
        compare_images=not options.no_images,
        progress=bar,
        cancelled=options.interruption.asked,
    )
    bar.close()
    print_notes(audit.notes)
    dismissed = Dismissals(options.project)
    findings = audit.findings
    if not options.dismissed:
        findings = tuple(each for each in findings if each not in dismissed)
    n_left_out = len(audit.findings) - len(findings)
    if options.out:
        write_findings(options.out, findings, force=options.force)
    worst = sorted(findings, key=lambda f: (not f.kind.is_error, f.session, f.frame))
    for each in worst[:_SHOWN]:
        which = ", ".join(each.views) if each.certain else f"one of {', '.join(each.views)}"
        names = ", ".join(each.keypoints[:4]) + (" ..." if len(each.keypoints) > 4 else "")
        severity = "error" if each.kind.is_error else "warning"
        place = " in ".join(part for part in (names, which) if part)
        print(
            f"{severity}: {each.session} frame {each.frame}: {place}: {each.kind.value}; "
            f"{each.evidence}"
        )
    if len(worst) > _SHOWN:
        more = "" if options.out else "; --out CSV writes all"
        print(f"... and {len(worst) - _SHOWN} more{more}")
    kinds = Counter(each.kind.value for each in findings)
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    print(
        f"{audit.n_labels:,} labels in {audit.n_frames:,} frames: "
        f"{counted(len(findings), 'finding')}{': ' + listed if listed else ''}"
    )
    if n_left_out:
        print(f"{counted(n_left_out, 'dismissed finding')} left out (--dismissed lists them too)")
    if options.out:
        print_written([options.out])
    return 1 if any(each.kind.is_error for each in findings) else 0
