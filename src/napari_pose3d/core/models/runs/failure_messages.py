"""What the messages of ``litpose`` mean, in plain words, with what helps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """Why a run failed: ``problem`` in a sentence, ``remedy``, and the ``line`` that says so."""

    problem: str
    remedy: str = ""
    line: str = ""

    def __str__(self) -> str:
        remedy = f" {self.remedy}." if self.remedy else ""
        return f"{self.problem}.{remedy}"


# (pattern in a line of the log, what it means, what helps); {0} is what the pattern caught.
_KNOWN: tuple[tuple[str, str, str], ...] = (
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
        "models check names the row; models train fills such views in a copy of the labels",
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
    (r"grouped (\d+ videos) into 0 sessions", "A view of the session is missing among {0}", ""),
    (
        r"frame counts?.*(?:differ|mismatch|unequal)",
        "The videos of the views have different numbers of frames",
        "Cut them to the same length",
    ),
)
_ERROR = re.compile(r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)|Killed)\b.*")


def failure_of(lines: Sequence[str]) -> Failure | None:
    """What went wrong, by the last lines of a log; None where they hold no error.

    Parameters
    ----------
    lines : sequence of str
        Of the error log, or of both logs.
    """
    for line in reversed(lines):
        for pattern, problem, remedy in _KNOWN:
            match = re.search(pattern, line, re.IGNORECASE)
            if match:
                caught = next((group for group in match.groups() if group), "")
                return Failure(problem.format(caught.strip().rstrip(".")), remedy, line.strip())
    for line in reversed(lines):
        if _ERROR.match(line.strip()):
            return Failure(f"litpose ended with: {line.strip()[:300]}", "", line.strip())
    return None
