"""How networks are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_pose3d.errors import PoseDataError

from .values import setting

_LEAST = {
    "image_size": 1,
    "epochs": 1,
    "batch_size": 1,
    "workers": 0,
    "reprojection_from": 0,
    "reprojection_full": 0,
    "mask_from": 0,
    "mask_full": 1,
}
_MOST = 1_000_000


@dataclass(frozen=True)
class TrainingSettings:
    """How networks of Lightning Pose are trained; what is not given is as it recommends."""

    seeds: tuple[int, ...] = setting(
        (0, 1, 2), "one network for each; together they are an ensemble"
    )
    model_type: Literal["auto", "heatmap_multiview_transformer", "heatmap", "heatmap_mhcrnn"] = (
        setting(
            "auto",
            "auto: heatmap_multiview_transformer with several views, else heatmap; heatmap: one "
            "network for all views; heatmap_mhcrnn: with the frames around (no calibration)",
        )
    )
    backbone: str = setting("vits_dino", "network that features come from")
    pretrained: bool = setting(
        True,
        "begin with weights trained on images of all kinds; only convolutional backbones "
        "can do without",
    )
    image_size: int | None = setting(
        None, "px that images are resized to, a multiple of 128; not given: as recommended"
    )
    epochs: int | None = setting(
        None, "passes over the labels; below 300 the schedules are shortened in proportion"
    )
    batch_size: int | None = setting(None, "frames (with all their views) in one step")
    reprojection_loss: Literal["auto", "on", "off"] = setting(
        "auto",
        "let views agree in space while training; auto: where each labeled session has a "
        "calibration",
    )
    reprojection_from: int | None = setting(
        None, "epoch from which the 3-D loss acts; not given: as recommended"
    )
    reprojection_full: int | None = setting(
        None, "epoch from which the 3-D loss acts in full; not given: as recommended"
    )
    augmentation: Literal["dlc", "dlc-top-down", "default"] = setting(
        "dlc", "how images are varied; dlc-top-down: also turned by quarters"
    )
    augmentation_3d: Literal["auto", "on", "off"] = setting(
        "auto",
        "vary views in space only, not turned and cut one by one; auto: where each labeled session "
        "has a calibration",
    )
    mask_share: float | None = setting(
        None,
        "share of the patches of images that are hidden at most, 0 for none; not given: as "
        "recommended",
    )
    mask_from: int | None = setting(
        None, "epoch from which patches are hidden; not given: as recommended"
    )
    mask_full: int | None = setting(
        None, "epoch from which most of them are hidden; not given: as recommended"
    )
    train_share: float = setting(
        0.95, "share of the labeled frames to train on; the others choose the best epoch"
    )
    same_split: bool = setting(
        False, "train all seeds on the same frames; off: the split differs as well"
    )
    workers: int = setting(2, "processes that load images, twice: for training and validation")

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise PoseDataError(
                f"the seeds are {list(self.seeds)}", expected="different whole numbers from 0"
            )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise PoseDataError(
                    f"{name.replace('_', ' ')} is {value}", expected=f"{least} or more"
                )
            if value is not None and value > _MOST:
                raise PoseDataError(
                    f"{name.replace('_', ' ')} is more than {_MOST:,}", expected="a smaller number"
                )
        for first, full, what in (
            ("reprojection_from", "reprojection_full", "the 3-D loss acts"),
            ("mask_from", "mask_full", "patches are hidden"),
        ):
            begins, ends = getattr(self, first), getattr(self, full)
            if begins is not None and ends is not None and begins > ends:
                raise PoseDataError(
                    f"{what} from epoch {begins}, and in full from {ends}",
                    expected="the second not to be earlier",
                )
        if self.mask_share is not None and not 0 <= self.mask_share < 1:
            raise PoseDataError(
                f"the share of hidden patches is {self.mask_share:g}", expected="from 0 to below 1"
            )
        if not 0 < self.train_share < 1:
            raise PoseDataError(
                f"the share to train on is {self.train_share}", expected="between 0 and 1"
            )


@dataclass(frozen=True)
class DistillationSettings:
    """Which smoothed positions one network learns from; see `core.models.distillation`."""

    certainty: float = setting(
        3.0, "px; the largest posterior standard deviation of a position that is learned"
    )
    share: float = setting(0.8, "share of a frame's positions that have to be certain")
    budget: int = setting(200, "how many frames of a session are learned")
    held_out: float = setting(0.2, "share of the labeled frames that are kept for judging")

    def __post_init__(self) -> None:
        if self.certainty <= 0 or self.budget < 1:
            raise PoseDataError(
                f"certainty {self.certainty:g} px, {self.budget} frames",
                expected="both above 0",
            )
        if not 0 < self.share <= 1 or not 0 <= self.held_out < 1:
            raise PoseDataError(
                f"shares of {self.share:g} and {self.held_out:g}", expected="between 0 and 1"
            )
