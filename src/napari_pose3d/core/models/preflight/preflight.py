"""All checks of a training, in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..configuration.config_file import Config
from ..configuration.training_config import with_label_files
from ..installation.litpose_facts import LitposeFacts
from .calibration_checks import check_calibrations
from .image_checks import check_boxes, check_images
from .label_checks import check_labels
from .label_coverage import LabelCoverage, check_coverage, label_coverage
from .resource_checks import check_outputs, check_paths, check_resources
from .settings.config_checks import check_config
from .settings.multiview_checks import check_multiview
from .settings.project_checks import check_project
from .settings.value_checks import check_values
from .training_finding import TrainingFinding
from .training_input import SIDE_ENDS, TrainingInput, training_input


@dataclass(frozen=True, eq=False)
class Preflight:
    """What was found before a training.

    Attributes
    ----------
    given : TrainingInput
        With usable values in place of those that cannot be.
    findings : tuple of TrainingFinding
        Errors first.
    coverage : LabelCoverage or None
    """

    given: TrainingInput
    findings: tuple[TrainingFinding, ...]
    coverage: LabelCoverage | None

    @property
    def errors(self) -> tuple[TrainingFinding, ...]:
        return tuple(each for each in self.findings if each.severity == "error")


def preflight(
    config: Config,
    *,
    outputs: Sequence[Path] = (),
    facts: LitposeFacts | None = None,
    training_copy: bool = True,
    project: Path | None = None,
    at_once: int = 1,
) -> Preflight:
    """Check a training; nothing is run and nothing is written.

    Parameters
    ----------
    config : Config
    outputs : sequence of Path
        The folders that the networks are to be written to; empty: somewhere below ``data_dir``.
    facts : LitposeFacts, optional
        What the environment of ``litpose`` holds, where it is known.
    training_copy : bool
        Whether labels are filled in a copy where a view has too few (see `training_copy`); else
        such frames are errors.
    project : Path, optional
        Where the networks are to be; not given: whatever ``data_dir`` says.
    at_once : int
        How many networks are trained at a time, with GPUs on each of them.
    """
    sound, faults = check_values(config)
    given = training_input(sound)
    found = [
        *faults,
        *check_config(given, facts),
        *check_multiview(given),
        *(check_project(given, project) if project is not None else ()),
        *check_labels(given, training_copy=training_copy),
        *check_calibrations(given),
        *check_images(given),
        *check_boxes(given),
        *_check_side_files(given),
        *check_coverage(given),
        *check_resources(given, facts, at_once),
        *(check_outputs(outputs) if outputs else check_paths([given.folder])),
    ]
    return Preflight(given, tuple(sorted(found, key=lambda f: f.rank)), label_coverage(given))


def _check_side_files(given: TrainingInput) -> Iterator[TrainingFinding]:
    """Label files that a network is judged by when it is trained: a fault there ends the run."""
    if len(given.labels) != len(given.views):
        # One of them could not be read, which is an error already.
        return
    for end in SIDE_ENDS:
        files = [each.path.with_name(f"{each.path.stem}_{end}.csv") for each in given.labels]
        if not any(path.is_file() for path in files):
            continue
        if not files[0].is_file():
            yield TrainingFinding(
                "label files for judging",
                "warning",
                f"litpose passes over the files _{end}.csv of the other views where the first view "
                "has none",
                str(files[0]),
                remedy="Add it, or remove the others",
            )
            continue
        beside = training_input(with_label_files(given.config, files))
        for finding in (*check_labels(beside), *check_images(beside)):
            # No view is too few labels to be judged by, and one frame is enough.
            if finding.kind not in ("few labels in a view", "too few frames", "sizes of views"):
                yield finding
