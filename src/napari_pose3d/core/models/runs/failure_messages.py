"""What the messages of ``litpose`` mean, in plain words, with what helps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..preflight.bad_row import bad_row


@dataclass(frozen=True)
class Failure:
    """Why a run failed.

    Attributes
    ----------
    problem : str
        In a sentence.
    remedy : str
    line : str
        Of the log, that says so.
    of_data : bool
        Whether some row of the label files is to blame, which the log does not name.
    """

    problem: str
    remedy: str = ""
    line: str = ""
    of_data: bool = False

    def __str__(self) -> str:
        remedy = f" {self.remedy}." if self.remedy else ""
        return f"{self.problem}.{remedy}"


# Of failures whose row only the checks of labels and images can name.
_CHECK = "models check names the row; models train fills views with few labels in a copy"
# (pattern in the line of an exception, what it means, what helps); {0} is what the pattern caught.
_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        r"\bMemoryError|can't allocate memory|Cannot allocate memory",
        "The computer's memory was not enough",
        "Take a smaller batch, smaller images or fewer workers",
    ),
    (
        r"No CUDA GPUs are available|no NVIDIA driver|CUDA driver|no kernel image|CUDA unknown",
        "The GPU cannot be used",
        (
            "See whether nvidia-smi lists it and models doctor names it; restart the machine, or "
            "install torch for its driver"
        ),
    ),
    (
        r"out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED",
        "The GPU's memory was not enough",
        "Take a smaller batch or smaller images",
    ),
    (
        r"DataLoader worker.*(?:killed|exited unexpectedly)|unable to allocate shared memory",
        "A process that loads images was killed, mostly because memory ran out",
        "Take fewer workers or a smaller batch",
    ),
    (
        r"semi-supervised training requires|No module named 'nvidia|DALI.*not (?:installed|found)",
        "Losses on unlabeled videos need an NVIDIA GPU and DALI, which are not there",
        "Leave model.losses_to_use empty, or install DALI",
    ),
    (
        r"Fewer than 3 valid keypoints",
        "In some frame a view has fewer than 3 labels that other views have, too",
        _CHECK,
    ),
    (
        r"No such file or directory: '([^']+\.(?:png|jpe?g))'",
        "The image {0} is missing",
        "Extract it again, or remove its row in all views",
    ),
    (
        r"could not find csv file at (\S+)|No such file or directory: '([^']+\.csv)'",
        "The table {0} is missing",
        "Correct the path in the configuration",
    ),
    (
        r"have you trained for enough epochs",
        "There was no validation before the last epoch, so no network was kept",
        "Lower training.check_val_every_n_epoch",
    ),
    (
        r"Video directory not found: (\S+)",
        "The folder of videos to be predicted, {0}, is missing; the network itself is trained",
        "Write eval.predict_vids_after_training: false",
    ),
    (
        r"shape '\[.*\]' is invalid for input",
        "Images were not resized, as happens where a folder calibrations covers no session",
        "Add calibrations/<session>.toml, or take the folder away",
    ),
    (
        r"same camera order as camera calibration file; (.*)",
        "The views are not the cameras of the calibration in their order ({0})",
        "Bring them into one order; models train does so by itself",
    ),
    (
        r"calibration file not found for some",
        "Some labeled sessions have a calibration and others have none",
        "Add calibrations/<session>.toml for each",
    ),
    (
        r"is active but no camera parameters were found",
        "The 3-D loss is on, and no calibration was found",
        "Calibrate, or switch it off",
    ),
    (
        r"CSV files do not match in row numbers",
        "The label files of the views have different numbers of rows",
        "Repair the label files in Label",
    ),
    (
        r"Discrepancy in image file names",
        "The rows of the views' label files are in different orders",
        "Repair the label files in Label",
    ),
    (
        r"keypoints are not in correct order! view: (\S+ vs \S+)",
        "The keypoints of the views {0} are in different orders",
        "Bring the columns into one order",
    ),
    (
        r"(visibility column contains invalid values.*|contains \d+ keypoint\(s\) with only one.*)",
        "A label file is invalid: {0}",
        "Correct the cells",
    ),
    (
        r"Must have at least two labeled frames",
        "There are fewer than two labeled frames",
        "Label more",
    ),
    (
        r"huggingface|couldn't connect to|offline mode|LocalEntryNotFoundError",
        "The pretrained weights are not on this machine and cannot be fetched",
        "Train once with a connection, or take a convolutional backbone without them",
    ),
    (
        r"No module named '?(onnx(?:script)?)",
        "The package {0} is missing in the environment of litpose",
        "Install onnx and onnxscript there",
    ),
    (r"No space left on device", "The disk is full", "Free some space"),
    (
        r"The shape of the mask .* does not match",
        "The number of keypoints in the configuration is not that of the labels",
        "Correct data.num_keypoints",
    ),
    (
        r"3D augmentations for context model",
        "heatmap_mhcrnn does not work where the project has a calibration",
        "Take heatmap_multiview_transformer",
    ),
    (
        r"UnidentifiedImageError|image file is truncated|broken data stream|broken PNG",
        "An image cannot be read",
        _CHECK,
    ),
    (
        r"IndexError: .*out of (?:bounds|range)",
        "A row of the label files does not fit the others",
        _CHECK,
    ),
    (
        r"Caught (\w+) in DataLoader worker",
        "A process that loads images ended with {0}",
        _CHECK,
    ),
    (
        r"Pin memory thread exited",
        "A process that loads images ended, mostly because memory ran out or an image is damaged",
        "Take fewer workers; models check looks at the images",
    ),
    (
        r"frame counts?.*(?:differ|mismatch|unequal)",
        "The videos of the views have different numbers of frames",
        "Cut them to the same length",
    ),
)
# What is said without an exception.
_SPOKEN: tuple[tuple[str, str, str], ...] = (
    (r"grouped (\d+ videos) into 0 sessions", "A view of the session is missing among {0}", ""),
    (
        r"^Killed$|oom[-_]kill|Out of memory: Killed",
        "The system ended the training, mostly because memory ran out",
        "Take a smaller batch, smaller images or fewer workers",
    ),
    (
        r"insufficient shared memory|unable to allocate shared memory",
        "The memory that processes share was not enough",
        "Take fewer workers, or enlarge /dev/shm",
    ),
)
# Of a process among several, its number stands before.
_ERROR = re.compile(r"^(?:\[rank\d+\]:\s*)?([A-Za-z_][\w.]*(?:Error|Exception|Interrupt))\b(?::|$)")
_CHAINED = re.compile(
    r"During handling of the above exception|was the direct cause of|^Original Traceback"
)


def failure_of(lines: Sequence[str]) -> Failure | None:
    """What went wrong, by the last lines of a log; None where they hold no error.

    The last exception counts, and those that led to it; warnings and notes of libraries do not.

    Parameters
    ----------
    lines : sequence of str
        Of the error log, or of both logs.
    """
    said = [line.strip() for line in lines]
    errors = _last_errors(said)
    for line in errors:
        found = _known(line, _KNOWN)
        if found is not None:
            return found
    for line in reversed(said):
        found = _known(line, _SPOKEN)
        if found is not None:
            return found
    if not errors:
        return None
    return Failure(f"litpose ended with: {errors[0][:300]}", "", errors[0])


def with_row(failure: Failure, config_file: Path) -> Failure:
    """A failure with the row or image that is to blame, where the checks find one.

    Parameters
    ----------
    failure : Failure
    config_file : Path
        Of the training, as it was asked for.
    """
    found = bad_row(config_file) if failure.of_data else None
    if found is None:
        return failure
    evidence = f" ({found.evidence})" if found.evidence else ""
    problem = f"{failure.problem}: {found.where}, {found.problem}{evidence}"
    return replace(failure, problem=problem, remedy=found.remedy)


def _last_errors(lines: Sequence[str]) -> list[str]:
    """The last exception, and before it those that it came from, nearest first."""
    found: list[str] = []
    chained = True
    for line in reversed(lines):
        if _ERROR.match(line):
            if not chained:
                break
            found.append(line)
            chained = False
        elif _CHAINED.search(line):
            chained = True
    return found


def _known(line: str, known: Sequence[tuple[str, str, str]]) -> Failure | None:
    for pattern, problem, remedy in known:
        match = re.search(pattern, line, re.IGNORECASE)
        if match:
            caught = next((group for group in match.groups() if group), "")
            words = problem.format(caught.strip().rstrip("."))
            return Failure(words, remedy, line, of_data=remedy == _CHECK)
    return None
