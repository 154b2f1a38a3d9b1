"""What a training makes of several views: the 3-D loss and its epochs, 3-D augmentation, masking.

Notes
-----
``litpose`` multiplies the 3-D loss by ``init_val``, and after the epoch ``freeze_until_epoch`` by
``increase_factor`` more in each epoch, up to ``final_val``. It hides patches of the images from
``init_epoch`` on, from ``init_ratio`` up to ``final_ratio`` at ``final_epoch``. It varies all views
of a frame together in space where there is a calibration; ``imgaug_3d`` leaves out that single
views are turned and cut besides, which their cameras would contradict. Epochs count from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import TrainingSettings

from .config_file import Config, value_at, with_values
from .known_keys import CONTEXT, MULTIVIEW, PAIRWISE, REPROJECTION

Part = Literal["loss", "augmentation", "masking"]
NAMES: dict[Part, str] = {
    "loss": "the 3-D loss",
    "augmentation": "3-D augmentation",
    "masking": "masking of patches",
}
AUGMENTATION = "training.imgaug_3d"
MASKING = "training.patch_mask"
ANNEALING = "callbacks.anneal_weight"
WEIGHT = 3.0
"""``log_weight`` of the 3-D loss as it is recommended."""
# What litpose takes where the section does not say.
_INCREASE, _FINAL, _FIRST_RATIO = 0.01, 1.0, 0.1


@dataclass(frozen=True)
class MultiviewTraining:
    """What a configuration makes of several views.

    Attributes
    ----------
    loss_from, loss_full : int or None
        From which epoch the 3-D loss acts, and from which in full; None where it is off.
    loss_reached : float
        Share of its weight that it has in the last epoch.
    augmentation : bool
        Whether views are varied in space only.
    mask_from, mask_full : int or None
        From which epoch patches are hidden, and from which most; None where none are.
    mask_share : float
        Share of the patches that are hidden at most.
    mask_reached : float
        The same in the last epoch.
    """

    loss_from: int | None = None
    loss_full: int | None = None
    loss_reached: float = 0.0
    augmentation: bool = False
    mask_from: int | None = None
    mask_full: int | None = None
    mask_share: float = 0.0
    mask_reached: float = 0.0

    def lines(self) -> list[str]:
        """In words, a line for each."""
        if self.loss_from is None:
            found = ["no 3-D loss"]
        else:
            found = [
                f"the 3-D loss acts from epoch {self.loss_from}, in full from {self.loss_full}"
            ]
        found.append("views are varied " + ("in space only" if self.augmentation else "one by one"))
        if self.mask_from is None:
            found.append("no patches are hidden")
        else:
            share = f"{100 * self.mask_share:.0f} %"
            found.append(
                f"patches are hidden from epoch {self.mask_from}, {share} of them from "
                f"{self.mask_full}"
            )
        return found


def multiview_training(config: Config) -> MultiviewTraining:
    """What a configuration, whose values can be used, makes of several views."""
    last = int(value_at(config, "training.max_epochs", 1)) - 1
    loss = reprojection_epochs(config)
    reached = 0.0
    if loss is not None:
        start, step, low, high = _annealing(config)
        reached = low if last <= start else min(high, low + (last - start) * step)
    first, final = (int(value_at(config, f"{MASKING}.{k}_epoch", 0)) for k in ("init", "final"))
    low = float(value_at(config, f"{MASKING}.init_ratio", _FIRST_RATIO))
    high = float(value_at(config, f"{MASKING}.final_ratio", 0.0))
    masked = high > 0 and value_at(config, "model.model_type") == MULTIVIEW
    share = min(1.0, (last - first) / (final - first)) if final > first else 1.0
    return MultiviewTraining(
        None if loss is None else loss[0],
        None if loss is None else loss[1],
        reached,
        value_at(config, AUGMENTATION) is True,
        first if masked else None,
        final if masked else None,
        high if masked else 0.0,
        low + share * (high - low) if masked and last >= first else 0.0,
    )


def multiview_obstacles(config: Config, *, calibrated: bool) -> dict[Part, str]:
    """Why parts of it are not possible; those that are possible are not there.

    Parameters
    ----------
    config : Config
    calibrated : bool
        Whether each labeled session has a calibration.
    """
    names = value_at(config, "data.view_names", [])
    several = isinstance(names, list) and len(names) > 1
    model = value_at(config, "model.model_type")
    kind = value_at(config, "training.imgaug", "default")
    found: dict[Part, str] = {}
    for part in NAMES:
        if not several:
            found[part] = "it needs several views"
        elif model != MULTIVIEW:
            found[part] = f"it needs the model {MULTIVIEW}"
        elif part == "masking":
            continue
        elif not calibrated:
            found[part] = "it needs a calibration for each labeled session"
        elif kind != "dlc" and part == "loss":
            found[part] = f"it needs the augmentation dlc, not {kind}"
        elif kind in ("default", "none"):
            found[part] = f"it needs the augmentation dlc or dlc-top-down, not {kind}"
    if "loss" not in found and value_at(config, AUGMENTATION) is not True:
        found["loss"] = "it needs 3-D augmentation (training.imgaug_3d)"
    return found


def reprojection_epochs(config: Config) -> tuple[int, int] | None:
    """From which epoch a 3-D loss acts, and from which in full; None where none is on."""
    if value_at(config, REPROJECTION) is None and value_at(config, PAIRWISE) is None:
        return None
    if not value_at(config, ANNEALING):
        return 0, 0
    start, step, low, high = _annealing(config)
    return (0 if low > 0 else start + 1), start + (round((high - low) / step) if step > 0 else 0)


def annealing_values(first: int, full: int) -> dict[str, Any]:
    """Values by which the 3-D loss acts from one epoch on, and in full from another.

    Parameters
    ----------
    first, full : int
        Epochs from 0, the first not after the other.
    """
    step = 1 / (full - first + 1)
    return {
        f"{ANNEALING}.attr_name": "total_unsupervised_importance",
        f"{ANNEALING}.init_val": 0.0 if first else round(step, 6),
        f"{ANNEALING}.increase_factor": round(step, 6),
        f"{ANNEALING}.final_val": _FINAL,
        f"{ANNEALING}.freeze_until_epoch": max(0, first - 1),
    }


def multiview_values(
    config: Config,
    settings: TrainingSettings,
    *,
    calibrated: bool,
    wanted: frozenset[str],
) -> dict[str, Any]:
    """Values of the keys that several views of a rig have in common.

    Parameters
    ----------
    config : Config
        With all other settings put in.
    settings : TrainingSettings
    calibrated : bool
        Whether each labeled session has a calibration.
    wanted : frozenset of str
        Names of the settings to put in.

    Raises
    ------
    PoseDataError
        Something is asked for that is not possible here; it says what is needed.
    """
    values: dict[str, Any] = {}
    asked = settings.augmentation_3d
    if "augmentation_3d" in wanted or (
        "reprojection_loss" in wanted and settings.reprojection_loss == "on"
    ):
        if asked == "on":
            _refuse(config, "augmentation", calibrated)
        model = value_at(config, "model.model_type")
        values[AUGMENTATION] = calibrated and model != CONTEXT if asked == "auto" else asked == "on"
    config = with_values(config, values)
    loss = value_at(config, REPROJECTION, value_at(config, PAIRWISE))
    if "reprojection_loss" in wanted:
        if settings.reprojection_loss == "on":
            _refuse(config, "loss", calibrated)
        possible = "loss" not in multiview_obstacles(config, calibrated=calibrated)
        loss = WEIGHT if possible and settings.reprojection_loss != "off" else None
        values[REPROJECTION] = loss
    return values | _loss_epochs(config, settings, loss) | _masking(config, settings)


def _loss_epochs(config: Config, settings: TrainingSettings, loss: Any) -> dict[str, Any]:
    first, full = settings.reprojection_from, settings.reprojection_full
    if first is None and full is None:
        return {}
    if loss is None:
        raise PoseDataError(
            "epochs of the 3-D loss are given, and it is off",
            todo="Leave them out, or switch it on",
        )
    start, step, low, high = _annealing(config)
    usual = start + 1 if low == 0 else 0
    ramp = start + (round((high - low) / step) if step > 0 else 0) - usual
    if first is None:
        first = min(usual, full or 0)
    full = first + max(0, ramp) if full is None else full
    return annealing_values(first, full)


def _masking(config: Config, settings: TrainingSettings) -> dict[str, Any]:
    given = {
        "final_ratio": settings.mask_share,
        "init_epoch": settings.mask_from,
        "final_epoch": settings.mask_full,
    }
    values = {f"{MASKING}.{key}": value for key, value in given.items() if value is not None}
    if not values:
        return {}
    if settings.mask_share == 0:
        return {f"{MASKING}.final_ratio": 0.0}
    _refuse(config, "masking", True)
    defaults = {"init_epoch": 40, "final_epoch": 300, "init_ratio": 0.0, "final_ratio": 0.5}
    whole = {f"{MASKING}.{key}": value for key, value in defaults.items()}
    values = {key: value_at(config, key, value) for key, value in whole.items()} | values
    if not values[f"{MASKING}.final_ratio"] > 0:
        raise PoseDataError(
            "epochs of masking are given, and no patches are hidden",
            todo="Leave them out, or give the share that is hidden",
        )
    first, full = values[f"{MASKING}.init_epoch"], values[f"{MASKING}.final_epoch"]
    if first >= full:
        raise PoseDataError(
            f"patches are hidden from epoch {first}, and most of them from {full}",
            expected="the second to be later",
        )
    return values


def _refuse(config: Config, part: Part, calibrated: bool) -> None:
    why = multiview_obstacles(config, calibrated=calibrated).get(part)
    if why is not None:
        raise PoseDataError(f"{NAMES[part]} is not possible here: {why}")


def _annealing(config: Config) -> tuple[int, float, float, float]:
    """The epoch up to which the weight stays, its step, first and last value."""
    return (
        int(value_at(config, f"{ANNEALING}.freeze_until_epoch", 0)),
        float(value_at(config, f"{ANNEALING}.increase_factor", _INCREASE)),
        float(value_at(config, f"{ANNEALING}.init_val", 0.0)),
        float(value_at(config, f"{ANNEALING}.final_val", _FINAL)),
    )
