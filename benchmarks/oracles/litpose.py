"""Lightning Pose's own metrics of made-up labels, to test ours against.

Run with a Python that has ``lightning-pose`` (2.4.3 was used). The labels are of an animal in two
mirror views, a twelfth of them missing: its PCA is fitted all the same, which is what the numbers
are about.

    python -m benchmarks.oracles.litpose tests/data/litpose/metrics.npz
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from lightning_pose import metrics
from lightning_pose.utils.pca import KeypointPCA

N_KEYPOINTS = 7
TOP, BOTTOM = list(range(N_KEYPOINTS)), list(range(N_KEYPOINTS, 2 * N_KEYPOINTS))
N_LABELED, N_PREDICTED = 90, 12


def made_up_labels(rng: np.random.Generator) -> np.ndarray:
    """``(frame, keypoint of the top view, then of the bottom view, 2)`` px; NaN where missing."""
    body = rng.normal(0, (40, 15, 8), (N_KEYPOINTS, 3))
    stride = rng.normal(0, (12, 2, 6), (N_KEYPOINTS, 3))
    phase = rng.uniform(0, 2 * np.pi, (N_LABELED, 1, 1))
    along = rng.uniform(-60, 60, (N_LABELED, 1, 1)) * (1, 0.2, 0)
    xyz = body + along + stride * np.sin(phase + np.arange(N_KEYPOINTS)[:, None])
    # Both views see how far along it is; one its height, the other its width.
    top, bottom = xyz[..., [0, 2]] + (200, 60), xyz[..., [0, 1]] + (200, 140)
    labels = np.concatenate([top, bottom], axis=1) + rng.normal(0, 0.7, (N_LABELED, 14, 2))
    labels[rng.random(labels.shape[:2]) < 1 / 12] = np.nan
    return labels.astype(np.float32)


class LabelsPCA(KeypointPCA):
    """Takes its labels from an array instead of from a data loader."""

    labels: np.ndarray

    def _get_data(self) -> None:
        flat = self.labels.reshape(len(self.labels), -1)
        self.data_arr = torch.tensor(flat, dtype=torch.float32)


def fitted(labels: np.ndarray, loss: str, **settings: object) -> KeypointPCA:
    pca = LabelsPCA(loss, None, **settings)  # type: ignore[arg-type]
    pca.labels = labels
    pca()
    return pca


def main() -> None:
    (target,) = sys.argv[1:]
    rng = np.random.default_rng(0)
    labels = made_up_labels(rng)
    predicted = labels[:N_PREDICTED] + rng.normal(0, 4, labels[:N_PREDICTED].shape)
    predicted = predicted.astype(np.float32)
    single = [
        metrics.pca_singleview_reprojection_error(
            predicted,
            fitted(
                labels, "pca_singleview", components_to_keep=0.99, columns_for_singleview_pca=view
            ),
        )[:, view]
        for view in (TOP, BOTTOM)
    ]
    both = metrics.pca_multiview_reprojection_error(
        predicted,
        fitted(
            labels, "pca_multiview", components_to_keep=3, mirrored_column_matches=[TOP, BOTTOM]
        ),
    )
    np.savez_compressed(
        target,
        labels=np.stack([labels[:, TOP], labels[:, BOTTOM]]),
        predicted=np.stack([predicted[:, TOP], predicted[:, BOTTOM]]),
        pixel_error=metrics.pixel_error(labels[:N_PREDICTED], predicted)[:, [*TOP, *BOTTOM]],
        temporal_norm=metrics.temporal_norm(predicted)[:, [*TOP, *BOTTOM]],
        pca_singleview_error=np.stack(single),
        pca_multiview_error=np.stack([both[:, TOP], both[:, BOTTOM]]),
    )


if __name__ == "__main__":
    main()
