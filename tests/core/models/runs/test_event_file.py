"""Scalars of TensorBoard's event files, read as they grow, with their checksums."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import FAKE
from tests.support.paths import RECORDED_LITPOSE

from napari_pose3d.core.models.configuration.config_file import read_config
from napari_pose3d.core.models.configuration.multiview_training import multiview_training
from napari_pose3d.core.models.runs.event_file import EventReader, crc32c, read_scalars
from napari_pose3d.errors import PoseDataError

record = runpy.run_path(str(FAKE))["record"]


def test_the_checksum_is_castagnoli() -> None:
    # RFC 3720, B.4.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_a_recorded_training() -> None:
    folder = RECORDED_LITPOSE / "models" / "seed1"
    scalars = read_scalars(next(folder.rglob("events.out.tfevents*")))
    errors = scalars["train_supervised_rmse"]
    assert len(errors) == 30
    assert [each.step for each in errors] == list(range(30))
    ends = errors[0].value, errors[-1].value
    assert ends == pytest.approx((52.262, 55.036), abs=1e-3)
    validation = scalars["val_supervised_rmse"]
    assert [each.step for each in validation] == [9, 19, 29]
    assert "patch_mask_ratio" in scalars
    assert all(each.seconds > 1.7e9 for each in errors)


def test_a_recorded_training_did_what_its_configuration_says() -> None:
    """The 3-D loss and masking act from the epochs that we read, and had written."""
    folder = RECORDED_LITPOSE / "models" / "seed1"
    scalars = read_scalars(next(folder.rglob("events.out.tfevents*")))
    found = multiview_training(read_config(folder / "config.yaml"))
    assert (found.loss_from, found.loss_full) == (1, 4)
    # Five steps in an epoch.
    weights = [each.value for each in scalars["total_unsupervised_importance"]][::5]
    assert weights == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
    assert weights[-1] == found.loss_reached
    assert (found.mask_from, found.mask_full, found.mask_share) == (1, 5, 0.3)
    # Written when an epoch has ended, and so of the next one.
    hidden = [each.value for each in scalars["patch_mask_ratio"]]
    assert hidden == pytest.approx([0, 0.075, 0.15, 0.225, 0.3, 0.3])


def test_a_file_that_grows_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / "events"
    whole = record("a", 1, 2.5) + record("b", 300, -1.0) + record("a", 2, 3.5)
    path.write_bytes(b"")
    reader = EventReader(path)
    seen = []
    for n in range(len(whole) + 1):
        path.write_bytes(whole[:n])
        seen += reader.read()
    assert [(each.tag, each.step, each.value) for each in seen] == [
        ("a", 1, 2.5),
        ("b", 300, -1.0),
        ("a", 2, 3.5),
    ]
    assert reader.damage == ""


@pytest.mark.parametrize("at", [0, 9, 20, -2])
def test_damage_is_noticed_and_what_came_before_is_kept(tmp_path: Path, at: int) -> None:
    good, bad = record("a", 1, 2.5), bytearray(record("a", 2, 3.5))
    bad[at] ^= 0x55
    path = tmp_path / "events"
    path.write_bytes(good + bad + good)
    reader = EventReader(path)
    assert [each.step for each in reader.read()] == [1]
    assert f"byte {len(good)}" in reader.damage
    assert reader.read() == []
    path.write_bytes(bytes(bad))
    with pytest.raises(PoseDataError, match="damaged"):
        read_scalars(path)


def test_a_file_that_becomes_shorter(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(record("a", 1, 2.5) * 2)
    reader = EventReader(path)
    assert len(reader.read()) == 2
    path.write_bytes(record("a", 1, 2.5))
    assert reader.read() == []
    assert "shorter" in reader.damage


def test_what_is_no_event_file(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("this is a text and no event file")
    with pytest.raises(PoseDataError, match="Expected an event file"):
        read_scalars(path)
    with pytest.raises(PoseDataError, match="no such file"):
        read_scalars(tmp_path / "nothing")
