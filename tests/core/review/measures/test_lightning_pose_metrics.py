"""The metrics of Lightning Pose, against their definitions worked out another way."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.paths import REPO

from napari_pose3d import PoseDataError
from napari_pose3d.core.review.measures.lightning_pose_metrics import (
    fit_subspace,
    multi_view_pca_error,
    pixel_error,
    single_view_pca_error,
    temporal_norm,
)

ORACLE = REPO / "tests" / "data" / "litpose" / "metrics.npz"


def test_numbers_are_those_of_lightning_pose_itself() -> None:
    """A twelfth of the labels are missing; made by `make_litpose_oracle`."""
    with np.load(ORACLE) as stored:
        given = dict(stored)
    labels, predicted = given["labels"], given["predicted"]
    assert np.isnan(labels).mean() > 0.01
    n = predicted.shape[1]
    found = {
        "pixel_error": np.concatenate(pixel_error(labels[:, :n], predicted), axis=1),
        "temporal_norm": np.concatenate(temporal_norm(predicted), axis=1),
        "pca_singleview_error": np.stack(
            [single_view_pca_error(labels[v], predicted[v]) for v in range(2)]
        ),
        "pca_multiview_error": multi_view_pca_error(labels, predicted),
    }
    for name, values in found.items():
        # It computes in single precision.
        np.testing.assert_allclose(values, given[name], atol=2e-3, err_msg=name)
        assert np.isfinite(values).mean() > 0.5, name


def test_pixel_error_is_the_distance() -> None:
    labeled = np.array([[[3.0, 4.0], [np.nan, 1.0]]])
    np.testing.assert_array_equal(pixel_error(labeled, np.zeros((1, 2, 2))), [[5.0, np.nan]])


def test_temporal_norm_has_no_first_frame() -> None:
    xy = np.zeros((1, 3, 1, 2))
    xy[0, 1, 0] = [3, 4]
    np.testing.assert_array_equal(temporal_norm(xy)[0, :, 0], [np.nan, 5, 5])


def _by_eigenvectors(train: np.ndarray, test: np.ndarray, keep: float) -> np.ndarray:
    """Principal components from the covariance matrix, as textbooks have them."""
    mean = train.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(train.T))
    values, vectors = values[::-1], vectors[:, ::-1]
    if keep < 1:
        share = np.cumsum(values) / values.sum()
        n = int(np.flatnonzero(share >= keep)[0]) + 1
    else:
        n = int(keep)
    kept = vectors[:, :n]
    rest = (test - mean) - (test - mean) @ kept @ kept.T
    return np.linalg.norm(rest.reshape(len(test), -1, 2), axis=2)


def test_single_view_error_keeps_99_percent_of_the_variance() -> None:
    rng = np.random.default_rng(4)
    mixing = rng.normal(size=(4, 12)) * np.array([20, 8, 2, 0.7])[:, None]
    labeled = rng.normal(size=(80, 4)) @ mixing + rng.normal(0, 0.3, (80, 12)) + 200
    predicted = rng.normal(size=(30, 4)) @ mixing + 200
    found = single_view_pca_error(labeled.reshape(80, 6, 2), predicted.reshape(30, 6, 2))
    np.testing.assert_allclose(found, _by_eigenvectors(labeled, predicted, 0.99), atol=1e-9)


def test_multi_view_error_keeps_three_components_of_all_keypoints_together() -> None:
    rng = np.random.default_rng(5)
    n_views, n_keypoints = 4, 5
    cameras = rng.normal(size=(n_views, 2, 3))
    points = rng.normal(size=(60, n_keypoints, 3)) * 30
    labeled = np.einsum("vij,tkj->vtki", cameras, points) + rng.normal(
        0, 0.5, (n_views, 60, n_keypoints, 2)
    )
    predicted = labeled[:, :20].copy()
    predicted[1, 7, 2] += [15, -9]
    found = multi_view_pca_error(labeled, predicted)
    train = labeled.transpose(1, 2, 0, 3).reshape(-1, 2 * n_views)
    test = predicted.transpose(1, 2, 0, 3).reshape(-1, 2 * n_views)
    expected = _by_eigenvectors(train, test, 3).reshape(20, n_keypoints, n_views)
    np.testing.assert_allclose(found, expected.transpose(2, 0, 1), atol=1e-9)
    # One bad view lifts the others: the measure is not robust, and is offered for comparison.
    assert found[1, 7, 2] > 5
    assert found[0, 7, 2] > 3 * np.median(found[0])


def test_a_missing_prediction_has_no_error() -> None:
    rng = np.random.default_rng(6)
    labeled, predicted = rng.normal(size=(40, 3, 2)), rng.normal(size=(4, 3, 2))
    complete = single_view_pca_error(labeled, predicted)
    predicted[2, 0, 0] = np.nan
    found = single_view_pca_error(labeled, predicted)
    assert np.isnan(found[2]).all()
    np.testing.assert_array_equal(np.delete(found, 2, axis=0), np.delete(complete, 2, axis=0))


def test_too_few_labels_are_refused_with_the_number_needed() -> None:
    with pytest.raises(PoseDataError, match="at least 8"):
        fit_subspace(np.zeros((7, 4, 2)), 3)


def test_without_frames_or_labels() -> None:
    labeled, none = np.random.default_rng(8).normal(size=(40, 3, 2)), np.empty((0, 3, 2))
    assert single_view_pca_error(labeled, none).shape == (0, 3)
    with pytest.raises(PoseDataError, match="0 labeled poses of a view are too few"):
        single_view_pca_error(none, labeled)


def test_points_that_are_never_labeled_together_are_refused() -> None:
    labeled = np.random.default_rng(7).normal(size=(40, 3, 2))
    labeled[::2, 0] = np.nan
    labeled[1::2, 1] = np.nan
    with pytest.raises(PoseDataError, match="hardly ever labeled in the same"):
        fit_subspace(labeled, 3)
