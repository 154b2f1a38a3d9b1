"""Values of a configuration that cannot be what they are for: words for numbers, empty, unknown.

Other checks go on with a configuration in which they are replaced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_pose3d.core.models.configuration.config_file import (
    Config,
    as_litpose_reads,
    has_key,
    value_at,
    with_values,
)
from napari_pose3d.core.models.configuration.known_keys import LOSSES, VIDEO_LOSSES

from ..training_finding import Severity, TrainingFinding, listed

_SECTIONS = (
    "data.image_resize_dims",
    "training.optimizer_params",
    "training.lr_scheduler_params",
    "training.lr_scheduler_params.multisteplr",
    "training.patch_mask",
    "losses",
    "callbacks",
    "callbacks.anneal_weight",
    "eval",
    "dali",
)
_NEEDED_SECTIONS = ("data.image_resize_dims", "losses", "eval")


@dataclass(frozen=True)
class _Rule:
    """What a key may be; ``example`` is what the other checks go on with."""

    expected: str
    fits: Callable[[Any], bool]
    example: Any
    needed: bool = False


def _whole(least: int, example: int, *, needed: bool = False) -> _Rule:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    return _Rule(f"a whole number from {least}", fits, example, needed)


def _number(low: float, high: float, example: float, *, needed: bool = False) -> _Rule:
    def fits(value: Any) -> bool:
        known = isinstance(value, int | float) and not isinstance(value, bool)
        return known and low <= value <= high and math.isfinite(value)

    limits = f"from {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
    return _Rule(f"a number {limits}", fits, example, needed)


def _choice(*names: Any, example: Any = None) -> _Rule:
    return _Rule(f"one of {', '.join(map(str, names))}", lambda v: v in names, example or names[0])


def _list_of(kind: type, expected: str, example: list[Any] | None) -> _Rule:
    def fits(value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(each, kind) and not isinstance(each, bool) for each in value
        )

    return _Rule(expected, fits, example)


_SWITCH = _Rule("true or false", lambda value: isinstance(value, bool), False)
_FILES = _Rule(
    "a path, or a list with one for each view",
    lambda value: (
        isinstance(value, str)
        or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    ),
    [],
)
_PATH = _Rule("a path", lambda value: isinstance(value, str), None)
_RULES: dict[str, _Rule] = {
    "data.data_dir": _PATH,
    "data.video_dir": _PATH,
    "data.csv_file": _FILES,
    "data.bbox_file": _FILES,
    "data.camera_params_file": _PATH,
    "data.view_names": _list_of(str, "a list of names", None),
    "data.keypoint_names": _list_of(str, "a list of names", None),
    "data.num_keypoints": _whole(1, 1, needed=True),
    "data.image_resize_dims.height": _whole(1, 256),
    "data.image_resize_dims.width": _whole(1, 256),
    "data.downsample_factor": _choice(1, 2, 3, example=2),
    "training.imgaug_3d": _SWITCH,
    "training.early_stopping": _SWITCH,
    "training.min_epochs": _whole(0, 300),
    "training.max_epochs": _whole(1, 300),
    "training.min_steps": _whole(0, 1),
    "training.max_steps": _whole(1, 1),
    "training.unfreezing_epoch": _whole(0, 20),
    "training.check_val_every_n_epoch": _whole(1, 5),
    "training.ckpt_every_n_epochs": _whole(1, 5),
    "training.log_every_n_steps": _whole(1, 10, needed=True),
    "training.train_batch_size": _whole(1, 8, needed=True),
    "training.val_batch_size": _whole(1, 16, needed=True),
    "training.test_batch_size": _whole(1, 16, needed=True),
    "training.train_prob": _number(0, 1, 0.95, needed=True),
    "training.val_prob": _number(0, 1, 0.05, needed=True),
    "training.num_gpus": _whole(0, 1, needed=True),
    "training.num_workers": _whole(0, 2),
    "training.rng_seed_data_pt": _whole(0, 0, needed=True),
    "training.rng_seed_model_pt": _whole(0, 0, needed=True),
    "training.optimizer": _choice("Adam", "AdamW"),
    "training.optimizer_params.learning_rate": _number(0, math.inf, 1e-3),
    "training.lr_scheduler": _choice("multisteplr", "multistep_lr"),
    "training.lr_scheduler_params.multisteplr.milestones": _list_of(
        int, "a list of whole numbers", []
    ),
    "training.lr_scheduler_params.multisteplr.gamma": _number(0, 1, 0.5),
    "training.patch_mask.init_epoch": _whole(0, 40),
    "training.patch_mask.final_epoch": _whole(0, 300),
    "training.patch_mask.init_ratio": _number(0, 1, 0.0),
    "training.patch_mask.final_ratio": _number(0, 1, 0.5),
    "model.losses_to_use": _list_of(str, "a list of names, [] for none", []),
    "model.backbone": _Rule("a name", lambda value: isinstance(value, str), "vits_dino"),
    "model.heatmap_loss_type": _choice("mse", "kl", "js"),
    "model.model_name": _Rule("a name", lambda value: isinstance(value, str), "test", True),
    "model.checkpoint": _PATH,
    "callbacks.anneal_weight.init_val": _number(0, math.inf, 0.0),
    "callbacks.anneal_weight.increase_factor": _number(0, math.inf, 0.01),
    "callbacks.anneal_weight.final_val": _number(0, math.inf, 1.0),
    "callbacks.anneal_weight.freeze_until_epoch": _whole(0, 60),
    "eval.predict_vids_after_training": _SWITCH,
}
# Empty, they are not what litpose takes where they are absent.
_NOT_EMPTY = (
    "training.min_epochs",
    "training.max_epochs",
    "training.unfreezing_epoch",
    "training.check_val_every_n_epoch",
    "training.optimizer",
    "training.lr_scheduler",
    "data.downsample_factor",
    "data.csv_file",
    "training.patch_mask.init_epoch",
    "training.patch_mask.final_epoch",
    "training.patch_mask.init_ratio",
    "training.patch_mask.final_ratio",
    "callbacks.anneal_weight.init_val",
    "callbacks.anneal_weight.increase_factor",
    "callbacks.anneal_weight.final_val",
    "callbacks.anneal_weight.freeze_until_epoch",
)


def check_values(config: Config) -> tuple[Config, tuple[TrainingFinding, ...]]:
    """Look for values that cannot be used.

    Parameters
    ----------
    config : Config

    Returns
    -------
    sound : Config
        With usable values in their places.
    findings : tuple of TrainingFinding
    """
    found: list[TrainingFinding] = []
    sound: dict[str, Any] = {}
    for key in _SECTIONS:
        value = value_at(config, key)
        lacking = value is None and key in _NEEDED_SECTIONS
        if lacking or (value is not None and not isinstance(value, Mapping)):
            found.append(_finding(key, "it must be a section of keys", value, _remedy_of(key)))
            sound[key] = {"height": 256, "width": 256} if key.endswith("_dims") else {}
    config, sound = with_values(config, sound), {}
    for key, rule in _RULES.items():
        value = as_litpose_reads(given := value_at(config, key))
        if value is not given:
            sound[key] = value
        if value is None:
            empty = has_key(config, key) and key in _NOT_EMPTY
            if empty or rule.needed:
                problem = "it is empty" if has_key(config, key) else "the key is missing"
                found.append(_finding(key, problem, None, f"Write {rule.expected}"))
                sound[key] = rule.example
        elif not rule.fits(value):
            found.append(_finding(key, f"it must be {rule.expected}", value, _remedy(rule)))
            sound[key] = rule.example
    config = with_values(config, sound)
    found += [*_losses(config), *_names(config), *_checkpoint(config)]
    return with_values(config, _weights(config)), tuple(found)


def _weights(config: Config) -> dict[str, float]:
    """Weights of losses that litpose reads as numbers."""
    found = {}
    for name in value_at(config, "losses", {}):
        key = f"losses.{name}.log_weight"
        value = as_litpose_reads(given := value_at(config, key))
        if value is not given:
            found[key] = value
    return found


def _finding(
    key: str, problem: str, value: Any, remedy: str, severity: Severity = "error"
) -> TrainingFinding:
    evidence = "" if value is None else f"it is {value}"
    return TrainingFinding("value", severity, problem, key, evidence, remedy)


def _remedy(rule: _Rule) -> str:
    return f"Write {rule.example}" if rule.example not in (None, []) else "Correct it"


def _remedy_of(section: str) -> str:
    if section == "data.image_resize_dims":
        return "Write height: 256 and width: 256 below it"
    return "Write its keys below it, as litpose recommend does"


def _losses(config: Config) -> Iterator[TrainingFinding]:
    for name in value_at(config, "model.losses_to_use", []):
        if name not in VIDEO_LOSSES:
            yield _finding(
                "model.losses_to_use",
                f"there is no loss on videos called {name}",
                None,
                f"Leave it empty, or take {', '.join(VIDEO_LOSSES)}",
            )
        elif not isinstance(value_at(config, f"losses.{name}"), dict):
            yield _finding(
                "model.losses_to_use",
                f"the section losses says nothing of {name}",
                None,
                f"Write losses.{name}.log_weight, or leave it out",
            )
    unknown = [str(name) for name in value_at(config, "losses", {}) if name not in LOSSES]
    if unknown:
        yield _finding(
            "losses",
            f"litpose knows no loss called {listed(unknown)} and passes over it without a word",
            None,
            f"Remove it, or take {', '.join(LOSSES)}",
            "warning",
        )


def _names(config: Config) -> Iterator[TrainingFinding]:
    name = value_at(config, "model.model_name", "")
    if set("=[]*?/\\'\"") & set(name):
        yield _finding(
            "model.model_name",
            "litpose does not find the weights of a network with = [ ] * ? / or quotation marks "
            "in its name",
            name,
            "Write letters, digits, - and _; models train writes the name of the network's folder",
            "warning",
        )
    seeds = [value_at(config, f"training.rng_seed_{what}_pt", 0) for what in ("data", "model")]
    if len(set(seeds)) > 1:
        yield _finding(
            "training.rng_seed_model_pt",
            f"only one of the two seeds is varied: it is {seeds[1]}, and rng_seed_data_pt "
            f"{seeds[0]}",
            None,
            "Write one number into both; models train does so for each seed",
            "warning",
        )


def _checkpoint(config: Config) -> Iterator[TrainingFinding]:
    text = value_at(config, "model.checkpoint")
    if text is None:
        return
    path = Path(text)
    if not path.is_absolute():
        problem = "the path is not absolute; litpose changes its working directory"
    elif path.suffix == ".ckpt" and not path.is_file():
        problem = "there is no such file"
    elif path.suffix != ".ckpt" and (set("[]*?") & set(text) or not any(path.rglob("*.ckpt"))):
        problem = "no weights (.ckpt) are found in this folder"
    else:
        return
    yield _finding("model.checkpoint", problem, text, "Name the file, or leave it empty")
