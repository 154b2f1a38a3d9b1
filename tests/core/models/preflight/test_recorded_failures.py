"""Each defect that was tried on the real litpose is planted, and is found before a training.

``tests/data/litpose_run/outcomes.jsonl`` has what litpose 2.4.3 did with each; here it is tried on
a project of three views.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support.paths import RECORDED_LITPOSE
from tests.support.projects.training_projects import (
    KEYPOINTS,
    RIG,
    SESSIONS,
    VIEWS,
    config_of,
    edited,
    training_project,
)

from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.models.configuration.config_file import Config, value_at, with_values
from napari_pose3d.core.models.preflight.preflight import preflight

Rows = list[list[str]]
Change = Callable[[Path], None]

LOSS = "losses.supervised_reprojection_heatmap_mse.log_weight"
LAST = "CollectedData_cam2.csv"


@dataclass(frozen=True)
class Defect:
    """What is done to a project, and the finding that it has to give; "" for none."""

    kind: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    change: Change | None = None
    remove: str = ""


def rows(change: Callable[[Rows], Rows], *views: str) -> Change:
    def apply(project: Path) -> None:
        for view in views or ("cam2",):
            edited(project / f"CollectedData_{view}.csv", change)

    return apply


def labels_left(n: int, only: int | None = None) -> Callable[[Rows], Rows]:
    """Only so many labels in all rows, or in one."""

    def change(given: Rows) -> Rows:
        for i, row in enumerate(given):
            if i >= 3 and only in (None, i):
                row[1 + 2 * n :] = [""] * len(row[1 + 2 * n :])
        return given

    return change


def visible(value: str) -> Callable[[Rows], Rows]:
    def change(given: Rows) -> Rows:
        wide = []
        for i, row in enumerate(given):
            more = {0: row[1], 1: None, 2: "visible"}.get(i, value)
            cells = [row[0]]
            for k in range(1, len(row), 2):
                cells += [row[k], row[k + 1], row[k] if more is None else more]
            wide.append(cells)
        return wide

    return change


def swapped(given: Rows) -> Rows:
    given[4], given[5] = given[5], given[4]
    return given


def other_session(given: Rows) -> Rows:
    """The sessions of two rows with one image name exchanged."""
    given[3], given[11] = given[11], given[3]
    return given


def other_keypoint_order(given: Rows) -> Rows:
    return [[row[0], *row[3:5], *row[1:3], *row[5:]] for row in given]


def half_a_label(given: Rows) -> Rows:
    given[5][1] = ""
    return given


def far_outside(given: Rows) -> Rows:
    given[5][1] = "9000"
    return given


def never_labeled(given: Rows) -> Rows:
    return [row if i < 3 else [*row[:-2], "", ""] for i, row in enumerate(given)]


def without_underscore(project: Path) -> None:
    for view in VIEWS:
        path = project / f"CollectedData_{view}.csv"
        path.write_text(path.read_text().replace(f"{SESSIONS[0]}_{view}", f"{view}"))
        for folder in (project / "labeled-data").glob(f"{SESSIONS[0]}_{view}"):
            folder.rename(folder.with_name(view))


def calibrations(names: tuple[str, ...]) -> Change:
    def apply(project: Path) -> None:
        for path in (project / "calibrations").iterdir():
            path.unlink()
        for name in names:
            save_rig(RIG, project / "calibrations" / f"{name}.toml")

    return apply


def no_calibration(project: Path) -> None:
    calibrations(())(project)
    (project / "calibrations").rmdir()


def cameras(order: tuple[int, ...], names: dict[str, str] | None = None) -> Change:
    def apply(project: Path) -> None:
        rig = RIG.subset([VIEWS[i] for i in order]).renamed(names or {})
        for path in (project / "calibrations").iterdir():
            path.unlink()
            save_rig(rig, path)

    return apply


def resized(images: str) -> Change:
    def apply(project: Path) -> None:
        import numpy as np

        from napari_pose3d.core.video.frame_export import encode_png

        small = encode_png(np.zeros((480, 640), np.uint8))
        for path in (project / "labeled-data").glob(images):
            path.write_bytes(small)

    return apply


def listed(project: Path, n: int) -> None:
    lines = [",file"]
    for line in (project / "CollectedData_cam0.csv").read_text().splitlines()[3 : 3 + n]:
        image = line.split(",")[0]
        session = image.split("/")[1].rpartition("_")[0]
        lines.append(f"{image},calibrations/{session}.toml")
    (project / "calibrations.csv").write_text("\n".join(lines) + "\n")


HEATMAP = {"model.model_type": "heatmap", LOSS: None}
CONTEXT = {"model.model_type": "heatmap_mhcrnn", LOSS: None}
FEW = "few labels in a view"
EMPTY_VIEW = rows(labels_left(0, 5))


def empty_view_without_calibration(project: Path) -> None:
    EMPTY_VIEW(project)
    no_calibration(project)


DEFECTS: dict[str, Defect] = {
    "ok": Defect(),
    "view_and_csv_order_not_toml": Defect("cameras and views", change=cameras((1, 0, 2))),
    "csv_order_not_view_order": Defect("order of label files"),
    "row_missing_in_one_view": Defect("rows of views", change=rows(lambda r: r[:-1])),
    "row_order_differs": Defect("order of rows", change=rows(swapped)),
    "keypoint_order_differs": Defect("keypoints of views", change=rows(other_keypoint_order)),
    "keypoint_names_permuted_in_config": Defect(
        "keypoint names", {"data.keypoint_names": [*KEYPOINTS[1::-1], *KEYPOINTS[2:]]}
    ),
    "num_keypoints_wrong": Defect("number of keypoints", {"data.num_keypoints": 4}),
    "image_missing": Defect(
        "missing image",
        change=lambda p: (p / "labeled-data/mouse1_day1_cam1/img00000007.png").unlink(),
    ),
    "no_calibration": Defect("no calibration", change=no_calibration),
    "empty_calibrations_dir": Defect("calibration of no session", change=calibrations(())),
    "calibration_other_session_only": Defect(
        "calibration of no session", change=calibrations(("mouse9",))
    ),
    "calibration_partial": Defect(
        "calibration of some sessions", change=calibrations(SESSIONS[:1])
    ),
    "toml_names_differ": Defect(
        "cameras and views", change=cameras((0, 1, 2), {f"x{view}": view for view in VIEWS})
    ),
    "toml_missing_camera": Defect("cameras and views", change=cameras((0, 1))),
    "milestones_beyond_max": Defect("configuration", {"training.max_epochs": 100}),
    "size_not_128": Defect(
        "configuration",
        {"data.image_resize_dims.height": 200, "data.image_resize_dims.width": 200},
    ),
    "vit_not_square": Defect("configuration", {"data.image_resize_dims.height": 384}),
    "resnet_with_mvt": Defect("configuration", {"model.backbone": "resnet18"}),
    "video_dir_missing": Defect("configuration", {"data.video_dir": "/nowhere"}),
    "data_dir_missing": Defect("configuration", {"data.data_dir": "/nowhere"}),
    "csv_missing": Defect("unreadable labels", change=lambda p: (p / LAST).unlink()),
    "two_keypoints_in_one_view": Defect(FEW, change=rows(labels_left(2))),
    "two_keypoints_in_one_view_one_frame": Defect(FEW, change=rows(labels_left(2, 5))),
    "one_view_empty_in_one_frame": Defect(FEW, change=EMPTY_VIEW),
    "all_views_empty_in_one_frame": Defect("empty frames", change=rows(labels_left(0, 5), *VIEWS)),
    "one_keypoint_never_labeled": Defect("never labeled", change=rows(never_labeled)),
    "labels_far_outside": Defect("label outside", change=rows(far_outside)),
    "one_row": Defect("too few frames", change=rows(lambda r: r[:4], *VIEWS)),
    "two_rows": Defect(change=rows(lambda r: r[:5], *VIEWS)),
    "temporal_on_cpu": Defect("configuration", {"model.losses_to_use": ["temporal"]}),
    "mhcrnn_with_calibration": Defect("configuration", CONTEXT),
    "heatmap_recommended_losses": Defect("configuration", {"model.model_type": "heatmap"}),
    "imgaug3d_false": Defect("configuration", {"training.imgaug_3d": False}),
    "reproj_loss_null_imgaug3d_false": Defect(values={"training.imgaug_3d": False, LOSS: None}),
    "folder_without_underscore": Defect("folder of images", change=without_underscore),
    "views_of_other_size": Defect("sizes of views", change=resized("*_cam1/*.png")),
    "one_image_of_other_size": Defect(
        "size of images", change=resized("mouse1_day1_cam1/img00000007.png")
    ),
    "sessions_mispaired_same_basename": Defect("sessions mixed up", change=rows(other_session)),
    "camera_params_file_given": Defect(
        values={"data.camera_params_file": "calibrations.csv"}, change=lambda p: listed(p, 99)
    ),
    "camera_params_file_relative": Defect(
        "list of calibrations", {"data.camera_params_file": "=calibrations.csv"}
    ),
    "camera_params_file_short": Defect(
        "list of calibrations",
        {"data.camera_params_file": "calibrations.csv"},
        change=lambda p: listed(p, 3),
    ),
    "no_unfreezing": Defect("configuration", remove="unfreezing_epoch"),
    "ckpt_not_multiple": Defect("configuration", {"training.ckpt_every_n_epochs": 7}),
    "eval_videos_bad": Defect(
        "evaluation folder",
        {
            "eval.predict_vids_after_training": True,
            "eval.test_videos_directory": "/nowhere",
        },
    ),
    "val_never": Defect("no validation", {"training.check_val_every_n_epoch": 501}),
    "half_label2": Defect("invalid cell", change=rows(half_a_label)),
    "visible_column": Defect(change=rows(visible("2"), *VIEWS)),
    "visible_nan_all_views": Defect("visible empty", change=rows(visible(""), *VIEWS)),
    "visible_three": Defect("invalid cell", change=rows(visible("3"))),
    "visible_one_all_in_a_view": Defect("visible 1 with position", change=rows(visible("1"))),
    "heatmap_mv": Defect(values=HEATMAP),
    "heatmap_mv_nocal": Defect(values=HEATMAP, change=no_calibration),
    "mhcrnn_nocal": Defect(values=CONTEXT, change=no_calibration),
    "regression_mv": Defect("configuration", {"model.model_type": "regression", LOSS: None}),
    "imgaug_dlc_topdown": Defect("configuration", {"training.imgaug": "dlc-top-down"}),
    "pairwise": Defect(values={"losses.supervised_pairwise_projections.log_weight": 3.0}),
    "empty_view_no3d": Defect(FEW, {"training.imgaug_3d": False, LOSS: None}, change=EMPTY_VIEW),
    "empty_view_nocal": Defect(values={LOSS: None}, change=empty_view_without_calibration),
    "empty_view_imgaug_default": Defect(
        values={"training.imgaug": "default", "training.imgaug_3d": False, LOSS: None},
        change=EMPTY_VIEW,
    ),
    "empty_view_heatmap": Defect(FEW, HEATMAP, change=EMPTY_VIEW),
    "unknown_key": Defect("unknown key", {"training.ckpt_every_n_epoch": 5}),
}
# Projects of a single view are another test's; what the copy does is test_training_config's.
ELSEWHERE = {
    "heatmap_single",
    "mhcrnn_single",
    "heatmap_single_vit",
    "empty_view_as_visible0_with_coordinates",
}
# litpose trains on wrong pairs or names, and ends well.
SILENT = {
    "csv_order_not_view_order",
    "keypoint_names_permuted_in_config",
    "sessions_mispaired_same_basename",
}


def planted(project: Path, defect: Defect, name: str) -> Config:
    values = dict(defect.values)
    config = config_of(project)
    if defect.change is not None:
        defect.change(project)
    file = values.get("data.camera_params_file")
    if file is not None:
        values["data.camera_params_file"] = (
            file[1:] if file.startswith("=") else str(project / file)
        )
    if name == "csv_order_not_view_order":
        files = value_at(config, "data.csv_file")
        values["data.csv_file"] = [files[1], files[0], *files[2:]]
    config = with_values(config, values)
    if defect.remove:
        del config["training"][defect.remove]
    return config


@pytest.fixture(scope="module")
def outcomes() -> dict[str, int]:
    lines = (RECORDED_LITPOSE / "outcomes.jsonl").read_text().splitlines()
    return {case["case"]: case["exit_code"] for case in map(json.loads, lines)}


def test_all_that_was_tried_is_planted(outcomes: dict[str, int]) -> None:
    assert outcomes.keys() == DEFECTS.keys() | ELSEWHERE


@pytest.mark.parametrize("name", DEFECTS)
def test_it_is_found(name: str, outcomes: dict[str, int], tmp_path: Path) -> None:
    project = training_project(tmp_path / "lab")
    defect = DEFECTS[name]
    found = preflight(planted(project, defect, name), training_copy=False)
    kinds = {each.kind for each in found.findings}
    if defect.kind:
        assert defect.kind in kinds
        worse = [each for each in found.findings if each.severity != "note"]
        assert all(each.remedy for each in worse if each.kind == defect.kind)
    fails = outcomes[name] != 0 or name in SILENT
    assert bool(found.errors) == fails, [str(each) for each in found.errors]
