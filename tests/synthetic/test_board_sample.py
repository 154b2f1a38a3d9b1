"""The calibration sample: the same for everybody, and calibrated to what is true."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.core.calibration.board.board import load_board
from napari_pose3d.core.calibration.board.detection import detect_corners
from napari_pose3d.core.calibration.board.lens_recording import refuse_foreign
from napari_pose3d.core.calibration.rig_calibration import calibrate
from napari_pose3d.core.calibration.session_rig import pairing_of, session_rows
from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.synthetic.board.board_sample import (
    TRUTH,
    BoardRecipe,
    make_board_sample,
    videos_of,
)

SMALL = BoardRecipe(n_cameras=3, size=(400, 300))
SHORT = BoardRecipe(n_frames=8, n_cameras=2, size=(160, 120))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_board_sample(tmp_path_factory.mktemp("board") / "sample", recipe=SMALL)


def test_the_sample_holds_what_a_calibration_needs(sample: Path) -> None:
    assert list(videos_of(sample)) == ["Cam-A", "Cam-B", "Cam-C"]
    assert load_board(sample / "board.toml") == SMALL.board
    assert load_rig(sample / TRUTH).names == ("Cam-A", "Cam-B", "Cam-C")
    assert make_board_sample(sample, recipe=SMALL) == sample


def test_equal_recipes_give_equal_files(tmp_path: Path) -> None:
    first = make_board_sample(tmp_path / "first", recipe=SHORT)
    again = make_board_sample(tmp_path / "again", recipe=SHORT)

    def digests(folder: Path) -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    assert digests(again) == digests(first)


def test_the_rig_that_is_found_is_the_true_one(sample: Path) -> None:
    found = calibrate(detect_corners(videos_of(sample), SMALL.board), judge=False)
    true = load_rig(sample / TRUTH)
    # The world begins where the board lies at the end, so the rigs can be compared as they are.
    assert found.origin.startswith("the board as it lies still")
    assert np.abs(found.rig.centres - true.centres).max() < 2.0
    assert found.solution.clocks == pytest.approx([0.0, 0.0, 0.4], abs=0.02)
    # Positions are what counts: the poses of cameras trade with their lenses.
    place = np.random.default_rng(0).uniform([-60, -60, 0], [60, 60, 80], (50, 3))
    apart = found.rig.project(place) - true.project(place)
    assert np.nanmedian(np.linalg.norm(apart, axis=-1)) < 0.3


def test_offsets_of_a_session_say_which_frames_belong_together(sample: Path) -> None:
    (session,) = open_project(sample / "videos").sessions
    videos = {view: videos_of(sample)[view] for view in ("Cam-A", "Cam-B")}
    assert session_rows(session, videos) is None
    late = session.with_alignments({"Cam-B": ViewAlignment(offset=-3)})
    rows = session_rows(late, videos)
    assert rows is not None
    n = SMALL.n_frames
    assert rows["Cam-A"].tolist() == list(range(n))
    assert rows["Cam-B"].tolist() == [-1, -1, -1, *range(n - 3)]
    plain = detect_corners(videos, SMALL.board)
    shifted = detect_corners(videos, SMALL.board, rows=rows)
    assert np.isfinite(plain.xy[1, 3:]).any()
    assert np.array_equal(plain.xy[1, 3:], shifted.xy[1, :-3], equal_nan=True)
    assert np.isnan(shifted.xy[1, -3:]).all()
    # Every fourth by the common number: views whose numbers differ by three still share frames.
    some = detect_corners(videos, SMALL.board, rows=rows, every=4)
    assert some.frames.tolist() == list(range(0, n, 4))
    assert np.array_equal(some.xy, shifted.xy[:, ::4], equal_nan=True)
    assert pairing_of(session, list(videos)) == ""
    assert pairing_of(late, list(videos)).endswith(
        f"session {session.name}: Cam-B starts 3 frames earlier"
    )
    cropped = session.with_alignments({"Cam-A": ViewAlignment(crop=(8, 0, 400, 300))})
    assert "crops or scales Cam-A" in pairing_of(cropped, list(videos))
    with pytest.raises(PoseDataError, match=r"Cam-B.*In other views it was found"):
        detect_corners(videos, SMALL.board, rows={**rows, "Cam-B": np.full(n, -1)})
    with pytest.raises(PoseDataError, match=r"has \d+ frames, but .* has 5 rows"):
        detect_corners(videos, SMALL.board, rows={**rows, "Cam-A": np.arange(5)})
    with pytest.raises(PoseDataError, match="has no view side"):
        session_rows(session, {"side": videos["Cam-A"]})


def test_videos_for_lenses_of_other_cameras_are_refused_at_once(
    sample: Path, tmp_path: Path
) -> None:
    videos = videos_of(sample)
    refuse_foreign({"Cam-A": videos["Cam-B"]}, videos)
    with pytest.raises(PoseDataError, match="lens of side, but none of the rig"):
        refuse_foreign({"side": videos["Cam-A"]}, videos)
    small = BoardRecipe(n_frames=2, n_cameras=1, size=(160, 120))
    other = videos_of(make_board_sample(tmp_path / "small", recipe=small))
    with pytest.raises(PoseDataError, match="Cam-A has 160 x 120 px, that for the rig 400 x 300"):
        refuse_foreign(other, videos)


def test_a_cancelled_sample_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        make_board_sample(tmp_path / "s", recipe=SHORT, cancelled=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(PoseDataError, match="holds other files"):
        make_board_sample(tmp_path, recipe=SHORT)
