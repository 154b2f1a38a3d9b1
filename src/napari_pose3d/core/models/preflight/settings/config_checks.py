"""The configuration alone: values that contradict each other, or that litpose refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_pose3d.core.models.configuration.config_file import Config, has_key, value_at
from napari_pose3d.core.models.configuration.known_keys import (
    CONTEXT,
    CONVNETS,
    HUB_NAMES,
    MODEL_TYPES,
    MULTIVIEW,
    TRANSFORMERS,
    VIDEO_LOSSES,
    unknown_keys,
)
from napari_pose3d.core.models.installation.litpose_facts import LitposeFacts
from napari_pose3d.wording import counted, verb

from ..training_finding import Severity, TrainingFinding, listed
from ..training_input import TrainingInput

_MILESTONES = "training.lr_scheduler_params.multisteplr.milestones"
_SIZE_STEP = 128


def check_config(
    given: TrainingInput, facts: LitposeFacts | None = None
) -> Iterator[TrainingFinding]:
    """Look for faults in the values of a configuration.

    Parameters
    ----------
    given : TrainingInput
    facts : LitposeFacts, optional
        What the environment of ``litpose`` holds, where it is known.
    """
    config = given.config
    yield from _keys(config)
    yield from _model(given)
    yield from _sizes(config)
    yield from _schedule(config)
    yield from _losses(config, facts)
    yield from _evaluation(config)


def _at(
    key: str,
    problem: str,
    remedy: str = "",
    *,
    severity: Severity = "error",
    kind: str = "configuration",
    value: Any = None,
) -> TrainingFinding:
    evidence = "" if value is None else f"it is {value}"
    return TrainingFinding(kind, severity, problem, key, evidence, remedy)


def _keys(config: Config) -> Iterator[TrainingFinding]:
    for key, meant in unknown_keys(config).items():
        remedy = f"Write {meant}" if meant else "Remove it, or look for its right name"
        yield _at(
            key,
            "litpose does not know this key and ignores it without a word",
            remedy,
            severity="warning",
            kind="unknown key",
        )
    for key in ("data.data_dir", "data.video_dir"):
        path = value_at(config, key)
        if path is None or not Path(str(path)).is_absolute():
            yield _at(
                key,
                "the path is not absolute; litpose changes its working directory",
                "Write the whole path",
                value=path,
            )
        elif not Path(str(path)).is_dir():
            yield _at(key, "there is no such folder", "Correct the path", value=path)


def _model(given: TrainingInput) -> Iterator[TrainingFinding]:
    config = given.config
    model, backbone = value_at(config, "model.model_type"), value_at(config, "model.backbone")
    if model not in MODEL_TYPES:
        yield _at("model.model_type", "there is no such model", listed(MODEL_TYPES, 4), value=model)
    if backbone not in CONVNETS and backbone not in TRANSFORMERS:
        yield _at("model.backbone", "there is no such backbone", "Take vits_dino", value=backbone)
    elif model == MULTIVIEW and backbone not in HUB_NAMES:
        yield _at(
            "model.backbone",
            f"the model {MULTIVIEW} does not work with this backbone",
            f"Take one of {', '.join(HUB_NAMES)}",
            value=backbone,
        )
    if given.multiview and model == "regression":
        yield _at("model.model_type", "regression works with a single view only", "Take heatmap")
    if not given.multiview and model == MULTIVIEW:
        yield _at("model.model_type", "this model needs several views", "Take heatmap")
    if value_at(config, "data.view_names") is not None and not given.multiview:
        yield _at("data.view_names", "with a single view the key must not be there", "Remove it")
    if len(set(given.views)) < len(given.views):
        yield _at("data.view_names", "a view is there twice", "Name each view once")
    files = value_at(config, "data.csv_file", [])
    n_files = len(files) if isinstance(files, list) else 1
    if n_files != len(given.views):
        yield _at(
            "data.csv_file",
            f"there {verb(n_files)} {counted(n_files, 'label file')} for "
            f"{counted(len(given.views), 'view')}",
            "Name one for each view, in the order of data.view_names",
        )
    if model == CONTEXT and given.has_calibration:
        yield _at(
            "model.model_type",
            f"{CONTEXT} does not work where the project has a calibration",
            f"Take {MULTIVIEW}",
        )
    if given.multiview and model == "heatmap":
        yield _at(
            "model.model_type",
            "one network is trained for all views, which do not exchange what they see",
            f"Take {MULTIVIEW} unless this is wanted",
            severity="note",
        )


def _sizes(config: Config) -> Iterator[TrainingFinding]:
    sides = {}
    for side in ("height", "width"):
        key = f"data.image_resize_dims.{side}"
        sides[side] = value_at(config, key)
        if not isinstance(sides[side], int) or sides[side] % _SIZE_STEP or sides[side] <= 0:
            yield _at(key, f"it must be a multiple of {_SIZE_STEP}", "Take 256", value=sides[side])
    if value_at(config, "model.backbone") in TRANSFORMERS and len(set(sides.values())) > 1:
        yield _at(
            "data.image_resize_dims",
            "transformer backbones need height and width to be equal",
            "Make them equal; images are stretched, and predictions are in their own pixels",
            value=f"{sides['width']} x {sides['height']}",
        )


def _schedule(config: Config) -> Iterator[TrainingFinding]:
    training = value_at(config, "training", {})
    steps = [key for key in ("min_steps", "max_steps", "unfreezing_step") if key in training]
    epochs = [key for key in ("min_epochs", "max_epochs", "unfreezing_epoch") if key in training]
    if steps and epochs:
        yield _at(
            f"training.{steps[0]}",
            "steps and epochs are mixed",
            f"Remove {', '.join(steps)} or {', '.join(epochs)}",
        )
        return
    if steps:
        return
    for key in ("min_epochs", "max_epochs", "unfreezing_epoch"):
        if key not in training:
            yield _at(f"training.{key}", "the key is missing", "Add it")
    longest = value_at(config, "training.max_epochs")
    if not isinstance(longest, int):
        return
    late = [m for m in value_at(config, _MILESTONES, []) if m > longest]
    if late:
        yield _at(
            _MILESTONES,
            f"{counted(len(late), 'milestone')} {verb(len(late))} after the last epoch, {longest}",
            "Shorten the schedule in proportion",
            value=value_at(config, _MILESTONES),
        )
    every = value_at(config, "training.check_val_every_n_epoch", 1)
    if every > longest:
        yield _at(
            "training.check_val_every_n_epoch",
            f"there is no validation before the last epoch, {longest}, and so no network is kept",
            f"Write at most {longest}",
            value=every,
            kind="no validation",
        )
    kept = value_at(config, "training.ckpt_every_n_epochs")
    if kept is not None and kept % every:
        yield _at(
            "training.ckpt_every_n_epochs",
            f"it is no multiple of check_val_every_n_epoch, {every}",
            "Make it one, or leave it empty",
            value=kept,
        )
    if value_at(config, "training.unfreezing_epoch", 0) >= longest:
        yield _at(
            "training.unfreezing_epoch",
            f"the backbone is never trained in {counted(longest, 'epoch')}",
            "Write a smaller number",
            severity="warning",
        )
    shares = [value_at(config, f"training.{name}", 0) for name in ("train_prob", "val_prob")]
    if sum(shares) > 1 + 1e-9:
        yield _at(
            "training.val_prob", "train_prob and val_prob are together more than 1", "Lower one"
        )
    if not has_key(config, "training.num_workers"):
        yield _at(
            "training.num_workers",
            "absent, it is the number of processors, twice, with some 0.7 GB each",
            "Write 2 to 4",
            severity="note",
        )


def _losses(config: Config, facts: LitposeFacts | None) -> Iterator[TrainingFinding]:
    unsupervised = [
        name
        for name in value_at(config, "model.losses_to_use", []) or []
        if str(name) in VIDEO_LOSSES
    ]
    if unsupervised:
        lacking = facts is not None and not facts.can_stream_videos
        yield _at(
            "model.losses_to_use",
            f"{listed(unsupervised)} {verb(len(unsupervised), 'needs', 'need')} an NVIDIA GPU "
            "and DALI" + (", which are not both there" if lacking else ""),
            "Leave it empty",
            severity="error" if lacking else "warning",
        )
        if value_at(config, "model.model_type") == MULTIVIEW:
            yield _at(
                "model.losses_to_use", f"{MULTIVIEW} has no losses on videos", "Leave it empty"
            )
    for name, loss in value_at(config, "losses", {}).items():
        weight = loss.get("log_weight") if isinstance(loss, dict) else None
        if weight is not None and (isinstance(weight, bool) or not isinstance(weight, int | float)):
            yield _at(f"losses.{name}.log_weight", "it is not a number", "Write one", value=weight)


def _evaluation(config: Config) -> Iterator[TrainingFinding]:
    key = "eval.predict_vids_after_training"
    if not value_at(config, key, False):
        return
    folder = value_at(config, "eval.test_videos_directory")
    if folder is None or not Path(str(folder)).is_dir():
        yield _at(
            "eval.test_videos_directory",
            "there is no such folder; the run would fail after the training",
            f"Correct it, or write {key}: false",
            value=folder,
            kind="evaluation folder",
        )
    else:
        yield _at(
            key,
            "all videos are predicted at the end of each network, which can take hours",
            "Write false, and predict the sessions that are wanted",
            severity="warning",
        )
