"""A complete configuration for a training, as ``litpose recommend`` writes it, with settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import TrainingSettings

from .config_file import Config, value_at, with_values
from .known_keys import MULTIVIEW, TRANSFORMERS
from .loss_schedules import schedules_for
from .multiview_training import multiview_values

_ON_A_CPU = 4
# (least GB, size in px): frames of one view in a batch.
_BATCHES = {24: {256: 232, 384: 100}, 16: {256: 156, 384: 68}, 8: {256: 76, 384: 32}}
_BATCH_STEP = 8
_STEPS_PER_EPOCH = 10
_TRAIN_SHARE = 0.95
_PREDICT_ON_A_CPU = 8
# Settings that several views have in common.
_MULTIVIEW = frozenset({"augmentation_3d", "reprojection_loss"})


@dataclass(frozen=True)
class TrainingDataset:
    """What a project has to train on.

    Attributes
    ----------
    folder : Path
        The project; absolute, as ``litpose`` changes its working directory.
    csv_files : tuple of Path
        Label files in the order of ``views``.
    views : tuple of str
        Empty for a project of a single view.
    keypoints : tuple of str
        In the order of the label files.
    n_frames : int
        Labeled.
    image_size : (int, int)
        Width and height in px of the first image.
    box_files : tuple of Path
        Where the images are crops: the boxes that they were cut by, in the order of ``views``.
    """

    folder: Path
    csv_files: tuple[Path, ...]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    n_frames: int
    image_size: tuple[int, int]
    box_files: tuple[Path, ...] = ()


def recommended_config(dataset: TrainingDataset, gpu_memory: int | None = None) -> Config:
    """The configuration that ``litpose recommend`` 2.4.3 writes, without running it.

    Parameters
    ----------
    dataset : TrainingDataset
    gpu_memory : int, optional
        Bytes; None for no GPU.
    """
    several = len(dataset.views) > 1
    size = max(_resized(side, dataset.n_frames) for side in dataset.image_size)
    batch = _batch(gpu_memory, size, len(dataset.views) if several else 1, dataset.n_frames)
    epochs = 500 if dataset.n_frames < 50 else 300
    files = [str(path) for path in dataset.csv_files]
    data: Config = {
        "image_resize_dims": {"height": size, "width": size},
        "data_dir": str(dataset.folder),
        "video_dir": str(dataset.folder / "videos"),
        "num_keypoints": len(dataset.keypoints),
        "keypoint_names": list(dataset.keypoints),
        "mirrored_column_matches": None,
        "columns_for_singleview_pca": None,
        "csv_file": files if several else files[0],
    }
    training: Config = {
        "imgaug": "dlc",
        "imgaug_hflip": False,
        "train_batch_size": batch,
        "val_batch_size": 2 * batch,
        "test_batch_size": 2 * batch,
        "train_prob": _TRAIN_SHARE,
        "val_prob": 0.05,
        "train_frames": 1,
        "num_gpus": 1,
        "unfreezing_epoch": 20,
        "min_epochs": epochs,
        "max_epochs": epochs,
        "log_every_n_steps": 10,
        "check_val_every_n_epoch": 5,
        "ckpt_every_n_epochs": None,
        "early_stopping": False,
        "early_stop_patience": 3,
        "rng_seed_data_pt": 0,
        "rng_seed_model_pt": 0,
        "optimizer": "AdamW",
        "optimizer_params": {"learning_rate": 5e-5},
        "lr_scheduler": "multisteplr",
        "lr_scheduler_params": {"multisteplr": {"milestones": [150, 200, 250], "gamma": 0.5}},
        "uniform_heatmaps_for_nan_keypoints": True,
    }
    losses: Config = {
        "pca_multiview": {"log_weight": 11.0, "components_to_keep": 3, "epsilon": None},
        "pca_singleview": {"log_weight": 11.0, "components_to_keep": 0.99, "epsilon": None},
        "temporal": {"log_weight": 11.0, "epsilon": 20.0, "prob_threshold": 0.05},
    }
    if several:
        data["view_names"] = list(dataset.views)
        training["imgaug_3d"] = True
        training["patch_mask"] = {
            "init_epoch": 40,
            "final_epoch": 300,
            "init_ratio": 0.0,
            "final_ratio": 0.5,
        }
        losses["supervised_reprojection_heatmap_mse"] = {"log_weight": 3.0}
    return {
        "data": data,
        "training": training,
        "model": {
            "losses_to_use": [],
            "backbone": "vits_dino",
            "model_type": MULTIVIEW if several else "heatmap",
            "heatmap_loss_type": "mse",
            "model_name": "test",
            "checkpoint": None,
        },
        "dali": {
            "base": {"train": {"sequence_length": 32}, "predict": {"sequence_length": 96}},
            "context": {"train": {"batch_size": 16}, "predict": {"sequence_length": 96}},
        },
        "losses": losses,
        "eval": {
            "predict_vids_after_training": True,
            "test_videos_directory": "${data.video_dir}",
            "save_vids_after_training": False,
            "colormap": "cool",
            "confidence_thresh_for_vid": 0.9,
        },
        "callbacks": {
            "anneal_weight": {
                "attr_name": "total_unsupervised_importance",
                "init_val": 0.0,
                "increase_factor": 0.01,
                "final_val": 1.0,
                "freeze_until_epoch": 60,
            }
        },
        "hydra": {
            "run": {"dir": "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}"},
            "sweep": {
                "dir": "multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}",
                "subdir": "${hydra.job.num}",
            },
        },
    }


def training_config(
    base: Config,
    settings: TrainingSettings,
    *,
    calibrated: bool,
    gpu: bool = False,
    given: Collection[str] | None = None,
) -> Config:
    """A configuration with settings put in, ready but for the seed.

    In a recommended one videos are not predicted after training: it takes hours at the end of
    every seed, and a failure there spoils the status of a good network.

    Parameters
    ----------
    base : Config
        As ``litpose recommend`` or `recommended_config` gives it.
    settings : TrainingSettings
    calibrated : bool
        Whether each labeled session has a calibration.
    gpu : bool
        Whether it is trained on a GPU.
    given : collection of str, optional
        Names of the settings to put into a configuration of the user's own, of which all else
        stays; not given: it is a recommendation, and all are put in.

    Raises
    ------
    PoseDataError
        The 3-D loss, 3-D augmentation or masking is asked for where it is not possible, or weights
        of a transformer are to be left out.
    """
    views = value_at(base, "data.view_names", [])
    several = isinstance(views, list) and len(views) > 1

    def wanted(name: str) -> bool:
        return given is None or name in given

    model = str(value_at(base, "model.model_type", ""))
    if wanted("model_type"):
        model = settings.model_type
        if model == "auto":
            model = MULTIVIEW if several else "heatmap"
    backbone = settings.backbone if wanted("backbone") else value_at(base, "model.backbone")
    backbone = backbone if isinstance(backbone, str) else None
    transformer = backbone in TRANSFORMERS
    if transformer and not settings.pretrained:
        raise PoseDataError(
            f"the backbone {backbone} always begins with pretrained weights",
            expected="a convolutional backbone, such as resnet50, to do without",
        )
    values: dict[str, Any] = {}
    if given is None:
        values |= {
            "training.optimizer": "AdamW" if transformer else "Adam",
            "training.optimizer_params.learning_rate": 5e-5 if transformer else 1e-3,
            "eval.predict_vids_after_training": False,
        }
        if not gpu:
            values["dali.base.predict.sequence_length"] = _PREDICT_ON_A_CPU
            values["dali.context.predict.sequence_length"] = _PREDICT_ON_A_CPU
    if wanted("model_type"):
        values["model.model_type"] = model
    if wanted("backbone"):
        values["model.backbone"] = backbone
    if wanted("augmentation"):
        values["training.imgaug"] = settings.augmentation
    if wanted("train_share"):
        values["training.train_prob"] = settings.train_share
        values["training.val_prob"] = round(1 - settings.train_share, 6)
    if wanted("workers"):
        values["training.num_workers"] = settings.workers
    if wanted("pretrained") and not transformer:
        values["model.backbone_pretrained"] = settings.pretrained
    if settings.image_size is not None:
        values["data.image_resize_dims.height"] = settings.image_size
        values["data.image_resize_dims.width"] = settings.image_size
    if settings.batch_size is not None:
        values["training.train_batch_size"] = settings.batch_size
        values["training.val_batch_size"] = 2 * settings.batch_size
        values["training.test_batch_size"] = 2 * settings.batch_size
    if settings.epochs is not None:
        schedules = schedules_for(settings.epochs)
        if model != MULTIVIEW:
            schedules = {k: v for k, v in schedules.items() if "patch_mask" not in k}
        values |= schedules
    config = with_values(base, values)
    names = _MULTIVIEW if given is None else _MULTIVIEW & set(given)
    names = names if several else frozenset()
    shared = multiview_values(config, settings, calibrated=calibrated, wanted=names)
    return with_values(config, shared)


def config_of_seed(config: Config, seed: int, name: str, *, same_split: bool = False) -> Config:
    """The configuration of one network.

    Parameters
    ----------
    seed : int
        Of the weights, the order and the split into training and validation.
    name : str
        Of the network.
    same_split : bool
        Whether the split is that of seed 0.
    """
    return with_values(
        config,
        {
            "training.rng_seed_data_pt": 0 if same_split else seed,
            "training.rng_seed_model_pt": seed,
            "model.model_name": name,
        },
    )


def trial_config(config: Config) -> Config:
    """The configuration of one step on one batch: an honest test of memory, under a minute."""
    milestones = "training.lr_scheduler_params.multisteplr.milestones"
    return with_values(
        config,
        {
            "training.limit_train_batches": 1,
            "training.min_epochs": 1,
            "training.max_epochs": 1,
            "training.check_val_every_n_epoch": 1,
            "training.ckpt_every_n_epochs": None,
            "training.unfreezing_epoch": 0,
            "training.log_every_n_steps": 1,
            milestones: [1],
            "eval.predict_vids_after_training": False,
        },
    )


def with_label_files(config: Config, files: Sequence[Path], boxes: Sequence[Path] = ()) -> Config:
    """The configuration with other label files, and boxes, in the order of the views."""
    single = isinstance(value_at(config, "data.csv_file"), str)
    values = {}
    for key, given in (("data.csv_file", files), ("data.bbox_file", boxes)):
        paths = [str(path) for path in given]
        if paths:
            values[key] = paths[0] if single else paths
    return with_values(config, values)


def _resized(side: int, n_frames: int) -> int:
    if side < 192:
        return 128
    return 384 if side > 1024 and n_frames > 500 else 256


def _batch(gpu_memory: int | None, size: int, n_views: int, n_frames: int) -> int:
    tier = 256 if size <= 256 else 384
    of_one = next(
        (by_size[tier] for gb, by_size in _BATCHES.items() if (gpu_memory or 0) >= gb << 30),
        _ON_A_CPU,
    )
    batch = max(_BATCH_STEP, max(1, of_one // n_views) // _BATCH_STEP * _BATCH_STEP)
    while batch > _BATCH_STEP and n_frames * _TRAIN_SHARE / batch < _STEPS_PER_EPOCH:
        batch -= _BATCH_STEP
    return batch
