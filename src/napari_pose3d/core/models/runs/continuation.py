"""A training that goes on from another's weights; ``litpose`` has no resume."""

from __future__ import annotations

from pathlib import Path

from napari_pose3d.errors import PoseDataError

from ..configuration.config_file import CONFIG_YAML, Config, read_config, value_at, with_values
from ..configuration.crops import box_files
from ..configuration.loss_schedules import schedules_to_continue
from ..configuration.training_config import with_label_files
from .model_folder import checkpoint_epochs
from .training_record import ASKED_CONFIG, read_record
from .training_state import training_state


def continued_config(folder: Path, epochs: int | None = None) -> Config:
    """The configuration of a training that begins with the best weights of another.

    Epoch, optimizer and learning rate begin anew; schedules are shortened by what was done. It
    learns from the label files as they are now.

    Parameters
    ----------
    folder : Path
        Of the network whose weights are taken.
    epochs : int, optional
        How many follow; not given: those that were left.

    Raises
    ------
    PoseDataError
        It is still trained, has no weights, or nothing is left to do.
    """
    state = training_state(folder)
    if not state.state.is_over:
        raise PoseDataError("this network is still being trained", file=folder, todo="Stop it")
    if state.checkpoint is None:
        raise PoseDataError(
            "there are no weights to go on from",
            file=folder,
            expected="a checkpoint, which the first validation writes",
            todo="Train it anew",
        )
    config = effective_config(folder)
    if (folder / ASKED_CONFIG).is_file():
        # One that was trained elsewhere names the paths there.
        config["data"] = read_config(folder / ASKED_CONFIG)["data"]
    config = _with_labels_of_today(config, folder)
    done = checkpoint_epochs(state.checkpoint)
    planned = int(value_at(config, "training.max_epochs", 0))
    left = planned - done if epochs is None else epochs
    if left < 1:
        raise PoseDataError(
            f"the weights have seen all {planned} epochs",
            file=folder,
            todo="Give the number of epochs that are to follow",
        )
    values = schedules_to_continue(config, done, left)
    values["model.checkpoint"] = str(state.checkpoint.absolute())
    # What litpose added is made anew.
    config = {key: value for key, value in config.items() if key != "creation_datetime"}
    config["model"] = {k: v for k, v in config["model"].items() if k != "lightning_pose_version"}
    mask = value_at(config, "training.patch_mask")
    if mask:
        kept = {k: v for k, v in mask.items() if not k.endswith("_step")}
        config = with_values(config, {"training.patch_mask": kept})
    return with_values(config, values)


def _with_labels_of_today(config: Config, folder: Path) -> Config:
    """The label files themselves where it was trained on a copy of them."""
    record = read_record(folder)
    files = [Path(name) for name in record.labels] if record is not None else []
    if not files or not all(path.is_file() for path in files):
        return config
    if record is not None and record.left_out and box_files(config):
        # The tables of boxes lack the same frames as the copy.
        return config
    return with_label_files(config, files)


def effective_config(folder: Path) -> Config:
    """The configuration as ``litpose`` wrote it down; where it has not yet, as it was asked for.

    Raises
    ------
    PoseDataError
        There is neither, or it is damaged.
    """
    path = folder / CONFIG_YAML
    return read_config(path if path.is_file() else folder / ASKED_CONFIG)


def seed_of(config: Config) -> int:
    """The seed of a network's weights, by its configuration."""
    return int(value_at(config, "training.rng_seed_model_pt", 0))
