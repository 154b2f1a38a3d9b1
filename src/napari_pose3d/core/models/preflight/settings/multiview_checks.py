"""What a training makes of several views: what the 3-D loss, 3-D augmentation and masking need."""

from __future__ import annotations

from collections.abc import Iterator

from napari_pose3d.core.models.configuration.config_file import has_key, value_at
from napari_pose3d.core.models.configuration.known_keys import MULTIVIEW, PAIRWISE, REPROJECTION
from napari_pose3d.core.models.configuration.multiview_training import (
    ANNEALING,
    AUGMENTATION,
    MASKING,
    MultiviewTraining,
    multiview_training,
)

from ..training_finding import Severity, TrainingFinding
from ..training_input import TrainingInput

_HALF = 0.5


def check_multiview(given: TrainingInput) -> Iterator[TrainingFinding]:
    """Look for parts that are on and lack what they need, or that do not act.

    Parameters
    ----------
    given : TrainingInput
        With values that can be used.
    """
    if not given.multiview:
        return
    yield from _needs_of_loss(given)
    found = multiview_training(given.config)
    yield from _loss_epochs(given, found)
    yield from _augmentation(given)
    yield from _masking(given, found)


def _finding(
    kind: str, severity: Severity, key: str, problem: str, remedy: str, evidence: str = ""
) -> TrainingFinding:
    return TrainingFinding(kind, severity, problem, key, evidence, remedy)


def _needs_of_loss(given: TrainingInput) -> Iterator[TrainingFinding]:
    config = given.config
    for key in (REPROJECTION, PAIRWISE):
        if value_at(config, key) is None:
            continue
        for needed, value, remedy in (
            ("model.model_type", MULTIVIEW, f"Take the model {MULTIVIEW}, or leave this empty"),
            ("training.imgaug", "dlc", "Write training.imgaug: dlc, or leave this empty"),
            (AUGMENTATION, True, "Write training.imgaug_3d: true, or leave this empty"),
        ):
            if value_at(config, needed) != value:
                text = f"it needs {needed} = {str(value).lower()}"
                yield _finding("configuration", "error", key, text, remedy)
        if not given.has_calibration and not value_at(config, "data.camera_params_file"):
            yield _finding(
                "no calibration",
                "error",
                key,
                "the 3-D loss needs a calibration, and the project has none",
                "Leave this empty, or calibrate: calibrations/<session>.toml",
            )


def _loss_epochs(given: TrainingInput, found: MultiviewTraining) -> Iterator[TrainingFinding]:
    longest = value_at(given.config, "training.max_epochs")
    if found.loss_from is None or not isinstance(longest, int):
        return
    if not value_at(given.config, ANNEALING):
        yield _finding(
            "3-D loss",
            "error",
            ANNEALING,
            "the section is missing, by which the weight of the 3-D loss grows",
            "Write attr_name: total_unsupervised_importance and its other keys, as litpose "
            "recommend does",
        )
        return
    problem = f"the 3-D loss acts from epoch {found.loss_from} and in full from {found.loss_full}"
    ends = f", and the training ends with epoch {longest - 1}"
    never, weak = found.loss_from >= longest, found.loss_reached < _HALF
    if never:
        problem += f"{ends}: it never acts"
    elif found.loss_reached < 1:
        problem += f"{ends}: it comes to {found.loss_reached:.2f} of its weight"
    yield _finding(
        "3-D loss",
        "warning" if never or weak else "note",
        ANNEALING,
        problem,
        "Train longer, or let it act sooner (--reprojection-from)",
    )


def _augmentation(given: TrainingInput) -> Iterator[TrainingFinding]:
    config = given.config
    calibrated = given.has_calibration or bool(value_at(config, "data.camera_params_file"))
    kind = value_at(config, "training.imgaug", "default")
    value = value_at(config, AUGMENTATION)
    model = value_at(config, "model.model_type")
    if model != MULTIVIEW or kind in ("default", "none"):
        return
    if value is True and not calibrated:
        yield _finding(
            "3-D augmentation",
            "note",
            AUGMENTATION,
            "it does nothing without a calibration: each view is varied by itself",
            "Calibrate, or write false",
        )
    if value is False and calibrated:
        yield _finding(
            "3-D augmentation",
            "warning",
            AUGMENTATION,
            "single views are turned and cut, which contradicts the calibration that they are "
            "varied by in space as well",
            "Write true",
        )


def _masking(given: TrainingInput, found: MultiviewTraining) -> Iterator[TrainingFinding]:
    config = given.config
    if has_key(config, MASKING) and value_at(config, MASKING) is None:
        yield _finding(
            "masking",
            "error",
            MASKING,
            "the section is empty, at which litpose ends",
            "Write final_ratio: 0 below it to hide no patches, or remove it",
        )
        return
    asked = float(value_at(config, f"{MASKING}.final_ratio", 0.0)) > 0
    if value_at(config, "model.model_type") != MULTIVIEW:
        if asked:
            yield _finding(
                "masking",
                "note",
                MASKING,
                f"only {MULTIVIEW} hides patches; with this model nothing is hidden",
                "Write final_ratio: 0, or take that model",
            )
        return
    if not asked:
        return
    first, last = (value_at(config, f"{MASKING}.{which}_epoch") for which in ("init", "final"))
    if (first is None) != (last is None):
        yield _finding(
            "masking",
            "error",
            MASKING,
            "only one of init_epoch and final_epoch is there",
            "Write both",
        )
        return
    if first is not None and last <= first:
        yield _finding(
            "masking",
            "error",
            f"{MASKING}.final_epoch",
            f"patches are hidden from epoch {first}, and most of them from {last}, at which "
            "litpose divides by zero",
            "Write a later epoch",
        )
        return
    longest = value_at(config, "training.max_epochs")
    if last is None or not isinstance(longest, int) or last <= longest:
        return
    yield _finding(
        "masking",
        "note",
        f"{MASKING}.final_epoch",
        f"masking would be complete at epoch {last}; after {longest} it has reached "
        f"{found.mask_reached:.2f} of {found.mask_share:g}",
        "Shorten it in proportion (--mask-full), or leave it",
    )
