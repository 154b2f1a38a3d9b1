"""Keys and values that ``litpose`` 2.4.3 knows; all others it ignores without a word."""

from __future__ import annotations

import difflib

from .config_file import Config, leaves

MULTIVIEW = "heatmap_multiview_transformer"
CONTEXT = "heatmap_mhcrnn"
REPROJECTION = "losses.supervised_reprojection_heatmap_mse.log_weight"
PAIRWISE = "losses.supervised_pairwise_projections.log_weight"
MODEL_TYPES = ("regression", "heatmap", CONTEXT, MULTIVIEW)
CONVNETS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnet50_animal_apose",
    "resnet50_animal_ap10k",
    "resnet50_human_jhmdb",
    "resnet50_human_res_rle",
    "resnet50_human_top_res",
    "resnet50_human_hand",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
)
# Backbones of the multi-view network, and where the hub keeps their weights.
HUB_NAMES = {
    "vits_dino": "facebook/dino-vits16",
    "vitb_dino": "facebook/dino-vitb16",
    "vits_dinov2": "facebook/dinov2-small",
    "vitb_dinov2": "facebook/dinov2-base",
    "vits_dinov3": "facebook/dinov3-vits16-pretrain-lvd1689m",
    "vitb_dinov3": "facebook/dinov3-vitb16-pretrain-lvd1689m",
    "vitb_imagenet": "facebook/vit-mae-base",
}
_SAM = {
    "vitb_sam": "facebook/sam-vit-base",
    "vitb_sam2": "facebook/sam2.1-hiera-base-plus",
    "vits_sam2": "facebook/sam2.1-hiera-small",
    "vitt_sam2": "facebook/sam2.1-hiera-tiny",
}
TRANSFORMERS = {**HUB_NAMES, **_SAM}
"""All transformer backbones, by name, with their names on the hub."""
VIDEO_LOSSES = (
    "temporal",
    "pca_singleview",
    "pca_multiview",
    "temporal_heatmap_mse",
    "temporal_heatmap_kl",
)
LOSSES = (
    *VIDEO_LOSSES,
    "regression",
    "heatmap_mse",
    "heatmap_kl",
    "heatmap_js",
    "supervised_pairwise_projections",
    "supervised_reprojection_heatmap_mse",
)
"""All losses that ``litpose`` knows."""

_KEYS = {
    "data": "image_resize_dims.height image_resize_dims.width data_dir video_dir num_keypoints "
    "keypoint_names keypoints mirrored_column_matches columns_for_singleview_pca csv_file "
    "bbox_file view_names camera_params_file downsample_factor header_rows num_targets",
    "training": "imgaug imgaug_3d imgaug_hflip train_batch_size val_batch_size test_batch_size "
    "train_prob val_prob train_frames num_gpus num_workers unfreezing_epoch unfreezing_step "
    "min_epochs max_epochs min_steps max_steps log_every_n_steps check_val_every_n_epoch "
    "val_check_interval ckpt_every_n_epochs early_stopping early_stop_patience rng_seed_data_pt "
    "rng_seed_model_pt optimizer lr_scheduler uniform_heatmaps_for_nan_keypoints patch_mask "
    "patch_mask.init_epoch patch_mask.final_epoch patch_mask.init_ratio patch_mask.final_ratio "
    "patch_mask.init_step patch_mask.final_step accumulate_grad_batches limit_train_batches "
    "profiler",
    "model": "losses_to_use backbone backbone_pretrained backbone_checkpoint model_type "
    "heatmap_loss_type model_name checkpoint head lightning_pose_version",
    "dali": "base.train.sequence_length base.predict.sequence_length context.train.batch_size "
    "context.predict.sequence_length general.seed",
    "eval": "predict_vids_after_training test_videos_directory save_vids_after_training colormap "
    "confidence_thresh_for_vid",
    "callbacks": "anneal_weight.attr_name anneal_weight.init_val anneal_weight.increase_factor "
    "anneal_weight.final_val anneal_weight.freeze_until_epoch",
}
KNOWN = {
    *(f"{section}.{key}" for section, keys in _KEYS.items() for key in keys.split()),
    "creation_datetime",
}
# Whose keys depend on the loss, optimizer or launcher that is chosen.
_OPEN = (
    "losses.",
    "hydra.",
    "training.optimizer_params.",
    "training.lr_scheduler_params.",
    "training.imgaug.",
    "detector.",
)


def unknown_keys(config: Config) -> dict[str, str]:
    """Keys that ``litpose`` does not know, each with the one that was probably meant, or ""."""
    found = {}
    for key, _ in leaves(config):
        if key in KNOWN or key.startswith(_OPEN) or key in ("losses", "hydra", "callbacks", "dali"):
            continue
        # An empty section.
        if any(known.startswith(f"{key}.") for known in KNOWN | set(_OPEN)):
            continue
        meant = difflib.get_close_matches(key, KNOWN, 1, 0.8)
        found[key] = meant[0] if meant else ""
    return found
