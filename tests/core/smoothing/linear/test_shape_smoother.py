"""Points on a shape: the published numbers, and ours nearer to the truth."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import put_predictions
from tests.support.recordings.pupils import POINTS, pupil

from napari_pose3d import Cancelled, Ensemble, PoseDataError
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.core.smoothing.linear.shapes.shape import shape_of
from napari_pose3d.core.smoothing.linear.shapes.shape_smoother import smooth_shape
from napari_pose3d.settings import ShapeSettings

CIRCLE = shape_of(f"pupil=circle:{','.join(POINTS)}")
FIXED = ShapeSettings(0.99, 0.98, as_published=True)

# What ibl-pupil of ensemble-kalman-smoother 4.6.2 writes for `pupil()` at s = 0.99, 0.98: x and y
# under the names top, bottom, right, left, and the variances there. It exchanges bottom and right.
PUBLISHED = {
    0: [(59.87009, 36.92879), (70.10651, 47.16521), (59.87009, 57.40162), (49.63368, 47.16521)],
    50: [(62.4217, 33.75136), (74.41045, 45.74011), (62.4217, 57.72886), (50.43295, 45.74011)],
    199: [(59.1332, 35.68153), (68.58834, 45.13667), (59.1332, 54.59181), (49.67806, 45.13667)],
}
# Of coordinates 0 to 4 of the eight, which it writes as (0, 1), (1, 2), (2, 3), (3, 4).
PUBLISHED_VARIANCE = {
    0: (0.03075, 0.09786, 0.03075, 0.03204, 0.06852),
    50: (0.01612, 0.02233, 0.01612, 0.04141, 0.04344),
    199: (0.01987, 0.0166, 0.01987, 0.03875, 0.03698),
}
PUBLISHED_SEARCH = (0.99302, 0.96547)


def ensemble(xy: np.ndarray, likelihood: np.ndarray) -> Ensemble:
    models = tuple(f"seed={m}" for m in range(len(xy)))
    return Ensemble(
        xy[:, None].astype(np.float32),
        likelihood[:, None].astype(np.float32),
        models,
        ("eye",),
        POINTS,
        session="walk",
    )


def test_the_published_numbers() -> None:
    xy, likelihood, _ = pupil()
    [found] = smooth_shape(ensemble(xy, likelihood), CIRCLE, FIXED)
    for frame, (top, right, bottom, left) in PUBLISHED.items():
        np.testing.assert_allclose(found.points[frame], [top, bottom, right, left], atol=2e-4)
        np.testing.assert_allclose(
            found.point_variance[frame].ravel()[:5], PUBLISHED_VARIANCE[frame], atol=2e-5
        )


def test_the_published_search_is_near_the_minimum() -> None:
    xy, likelihood, _ = pupil()
    [found] = smooth_shape(ensemble(xy, likelihood), CIRCLE, ShapeSettings(as_published=True))
    np.testing.assert_allclose(found.smooth_param, PUBLISHED_SEARCH, atol=0.004)


def accuracy(made: Ensemble, truth: np.ndarray, settings: ShapeSettings) -> tuple[float, float]:
    """Root mean square error, and mean square error in units of the variance that is stated."""
    [found] = smooth_shape(made, CIRCLE, settings)
    squared = (found.state - truth) ** 2
    stated = np.diagonal(found.covariance, axis1=1, axis2=2)
    return float(np.sqrt(squared.mean())), float((squared / stated).mean())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("shared", "at_most"), [(0.0, 1.0), (0.8, 0.5)])
def test_ours_is_nearer_to_the_truth_and_knows_how_near(
    seed: int, shared: float, at_most: float
) -> None:
    """Also where networks share errors, which their spread does not show."""
    xy, likelihood, truth = pupil(seed=seed)
    xy += np.random.default_rng(seed + 100).normal(0, shared, xy.shape[1:])
    made = ensemble(xy, likelihood)
    error, ratio = accuracy(made, truth, ShapeSettings())
    error_published, ratio_published = accuracy(made, truth, ShapeSettings(as_published=True))
    assert error < at_most * error_published
    assert 0.3 < ratio < 2.5
    assert ratio < ratio_published / 2


def test_missing_points_are_skipped() -> None:
    xy, likelihood, truth = pupil()
    xy[:, 60:90, 0] = np.nan
    xy[:, 120:124] = np.nan
    [found] = smooth_shape(ensemble(xy, likelihood), CIRCLE)
    assert np.isfinite(found.state).all()
    assert np.abs(found.state - truth)[60:90].max() < 1.5
    deviation = np.sqrt(found.covariance[:, 0, 0])
    assert deviation[122] > 1.2 * deviation[110]


def test_an_ellipse_at_other_angles() -> None:
    rng = np.random.default_rng(2)
    shape = shape_of("eye=ellipse:a@10,b@100,c@200,d@250,e@330")
    truth = np.tile([30.0, 18.0, 100.0, 80.0], (100, 1)) + np.sin(np.arange(100) / 20)[:, None]
    xy = (truth @ shape.design().T).reshape(100, 5, 2) + rng.normal(0, 0.5, (3, 100, 5, 2))
    made = Ensemble(
        xy[:, None].astype(np.float32), np.ones((3, 1, 100, 5), np.float32),
        ("0", "1", "2"), ("eye",), tuple("abcde"),
    )  # fmt: skip
    [found] = smooth_shape(made, shape)
    assert np.sqrt(((found.state - truth) ** 2).mean()) < 0.25
    with pytest.raises(PoseDataError, match="has no such shape: eye"):
        smooth_shape(made, shape, FIXED)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("circle", "is no shape"),
        ("square:a,b,c,d", "no shape is called 'square'"),
        ("circle:a,b,c", "of 3 points, 0 have an angle"),
        ("circle:a@0,b,c@2", "of 3 points, 2 have an angle"),
        ("circle:a@left,b@0,c@9", "'left' is no angle"),
        ("circle:a@0,a@90,c@180", "point a is on the shape twice"),
        ("ellipse:a@0,b@180", "do not determine a ellipse"),
    ],
)
def test_texts_that_are_no_shape(text: str, problem: str) -> None:
    with pytest.raises(PoseDataError, match=problem):
        shape_of(text)


def test_bad_input() -> None:
    xy, likelihood, _ = pupil(40)
    made = ensemble(xy, likelihood)
    with pytest.raises(PoseDataError, match="no keypoint a, b"):
        smooth_shape(made, shape_of("circle:a,b,pupil_right_r,pupil_left_r"))
    with pytest.raises(PoseDataError, match="s of a shape is 2"):
        smooth_shape(made, CIRCLE, ShapeSettings(2.0))
    with pytest.raises(Cancelled):
        smooth_shape(made, CIRCLE, cancelled=lambda: True)
    xy[:, 5:] = np.nan
    with pytest.raises(PoseDataError, match="hardly any frame of view eye"):
        smooth_shape(ensemble(xy, likelihood), CIRCLE)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xy, _, truth = pupil()
    for m, each in enumerate(xy):
        put_predictions(tmp_path / "in" / f"walk_eye.seed={m}.csv", each, POINTS)
    out = tmp_path / "out"
    command = ["ibl-pupil", str(tmp_path / "in"), "--out", str(out), "--views", "eye"]
    assert main([*command, "--diameter-s", "0.99", "--com-s", "0.98"]) == 0
    assert "mean diameter 20" in capsys.readouterr().out
    with (out / "walk_eye_pupil.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(truth)
    assert abs(float(rows[50]["diameter"]) - truth[50, 0]) < 6 * float(rows[50]["diameter_sd"])
    points = read_prediction_csv(out / "walk_eye.csv")
    assert points.keypoints == POINTS
    # The bottom one is below the top one, in its own columns.
    assert (points.xy[:, 1, 1] > points.xy[:, 0, 1] + 10).all()
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([*command, "--force", "--com-s", "7"]) == 2
