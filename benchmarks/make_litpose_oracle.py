"""Lightning Pose's own metrics of real labels, to test ours against.

Run with a Python that has ``lightning-pose`` (2.4.3 was used) on the labels of its example, the
mouse in two mirror views (MIT licence). Where labels are missing its PCA is fitted all the same,
which is what the numbers are about.

    python benchmarks/make_litpose_oracle.py CollectedData.csv tests/data/litpose/mouse_metrics.npz
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import torch
from lightning_pose import metrics
from lightning_pose.utils.pca import KeypointPCA

# The obstacle is in one view only, and Lightning Pose's configuration leaves it out.
TOP, BOTTOM = list(range(7)), list(range(8, 15))
N_PREDICTED = 12


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
    source, target = sys.argv[1:]
    labels = pd.read_csv(source, header=[0, 1, 2], index_col=0).to_numpy()
    labels = labels.reshape(len(labels), -1, 2).astype(np.float32)
    rng = np.random.default_rng(0)
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
