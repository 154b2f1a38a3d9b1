"""When what acts in a training: learning rate, masking, the 3-D loss."""

from __future__ import annotations

from typing import Any

from .config_file import Config, value_at

PUBLISHED_EPOCHS = 300
"""The length that the recommended schedules are made for."""


def schedules_for(epochs: int) -> dict[str, Any]:
    """Values of the keys that depend on the length of a training.

    From 300 epochs on they are as ``litpose recommend`` has them; below they are shortened in
    proportion, so that the learning rate falls, masking is complete and the 3-D loss acts in
    a short training, too.

    Parameters
    ----------
    epochs : int
    """
    share = min(1.0, epochs / PUBLISHED_EPOCHS)

    def at(epoch: int) -> int:
        return min(epochs, max(1, round(epoch * share)))

    freeze = round(60 * share)
    return {
        "training.min_epochs": epochs,
        "training.max_epochs": epochs,
        "training.unfreezing_epoch": round(20 * share),
        "training.check_val_every_n_epoch": max(1, min(5, epochs // 10)),
        "training.lr_scheduler_params.multisteplr.milestones": [at(150), at(200), at(250)],
        "training.patch_mask.init_epoch": min(round(40 * share), at(300) - 1),
        "training.patch_mask.final_epoch": at(300),
        "callbacks.anneal_weight.freeze_until_epoch": freeze,
        "callbacks.anneal_weight.increase_factor": round(0.01 / share, 6),
    }


def schedules_to_continue(before: Config, done: int, epochs: int) -> dict[str, Any]:
    """Values of the same keys for a training that goes on from another's weights.

    ``litpose`` has no resume: epoch, optimizer and learning rate begin anew. What lay in the past
    is put to the beginning: the backbone trains at once, milestones that are over are left out
    (their factor goes into the learning rate), masking and the 3-D loss go on from where
    they were.

    Parameters
    ----------
    before : Config
        Of the training that ended.
    done : int
        Epochs that its checkpoint has seen.
    epochs : int
        Epochs that are to follow.
    """
    gamma = value_at(before, "training.lr_scheduler_params.multisteplr.gamma", 0.5)
    milestones = value_at(before, "training.lr_scheduler_params.multisteplr.milestones", [])
    rate = value_at(before, "training.optimizer_params.learning_rate", 1e-3)
    passed = sum(epoch <= done for epoch in milestones)
    left = [epoch - done for epoch in milestones if done < epoch <= done + epochs]
    values: dict[str, Any] = {
        "training.min_epochs": epochs,
        "training.max_epochs": epochs,
        "training.unfreezing_epoch": max(
            0, value_at(before, "training.unfreezing_epoch", 0) - done
        ),
        "training.check_val_every_n_epoch": max(
            1, min(value_at(before, "training.check_val_every_n_epoch", 5), epochs)
        ),
        "training.lr_scheduler_params.multisteplr.milestones": left or [epochs],
        "training.optimizer_params.learning_rate": rate * gamma**passed,
        "training.ckpt_every_n_epochs": None,
    }
    mask = value_at(before, "training.patch_mask")
    if mask:
        first, last = mask.get("init_epoch", 0), mask.get("final_epoch", 0)
        low, high = mask.get("init_ratio", 0.0), mask.get("final_ratio", 0.0)
        reached = _between(done, first, last, low, high)
        final = max(1, last - done)
        values |= {
            "training.patch_mask.init_epoch": max(0, first - done),
            "training.patch_mask.final_epoch": final,
            "training.patch_mask.init_ratio": reached,
            "training.patch_mask.final_ratio": high,
        }
    weight = value_at(before, "callbacks.anneal_weight")
    if weight:
        start, step = weight.get("freeze_until_epoch", 0), weight.get("increase_factor", 0.01)
        begun = weight.get("init_val", 0.0) + max(0, done - start) * step
        values |= {
            "callbacks.anneal_weight.init_val": min(begun, weight.get("final_val", 1.0)),
            "callbacks.anneal_weight.freeze_until_epoch": max(0, start - done),
        }
    return values


def _between(at: int, first: int, last: int, low: float, high: float) -> float:
    share = 1.0 if last <= first else min(1.0, max(0.0, (at - first) / (last - first)))
    return float(low + share * (high - low))
