"""What every command writes beside its inputs: it replaces none, and is none at the next look."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import put_predictions
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import load_predictions, save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.video.rendering.video_writer import VideoWriter

SIZE = (160, 120)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two sessions, the name of one begins with the other's; videos and a calibration beside."""
    rig = ring_rig(2)
    save_rig(rig, tmp_path / "calibration.toml")
    rng = np.random.default_rng(5)
    for session in ("fly", "fly_b"):
        xyz = rng.normal(0, 30, (12, 2, 3))
        for view, xy in zip(rig.names, rig.project(xyz), strict=True):
            put_predictions(tmp_path / f"{session}_{view}.csv", xy, ("nose", "tail"))
            with VideoWriter(tmp_path / f"{session}_{view}.mp4", *SIZE, Fraction(30)) as writer:
                for n in range(12):
                    writer.write(np.full((SIZE[1], SIZE[0], 3), 10 * n, np.uint8))
    return tmp_path


def inputs_of(folder: Path) -> dict[str, tuple[dict[str, str], list[dict[str, str]]]]:
    """Videos and sets of predictions of each session."""

    def names(files: object) -> dict[str, str]:
        return {view: path.name for view, path in dict(files).items()}  # type: ignore[call-overload]

    return {
        session.name: (
            names(session.videos),
            [names(each.files) for each in session.sets if each.kind == "predictions"],
        )
        for session in open_project(folder).sessions
    }


def commands(folder: Path) -> list[list[str]]:
    poses = [str(folder), "--session", "fly"]
    written = [
        ["smooth", *poses, "--out", str(folder), "--compact", "--save-filename", "other"],
        ["triangulate", *poses, "--out", str(folder)],
        ["kinematics", *poses, "--speed", "v=nose", "--out", str(folder / "fly_Cam-0_speed.csv")],
    ]
    for name in ("fly.mp4", "fly_drawn.mp4", "fly_Cam-9.mp4"):
        written.append(["render", *poses, "--frames", "3", "--out", str(folder / name)])
    for out in ("fly", ".", "more/fly"):
        written.append(["export", *poses, "--format", "dlc-csv", "--out", str(folder / out)])
    return [*written, ["export", *poses, "--format", "anipose", "--out", str(folder / "fly.csv")]]


@pytest.mark.parametrize("calibrated", [True, False])
def test_no_output_is_an_input_at_the_next_look(recording: Path, calibrated: bool) -> None:
    rig = str(recording / "calibration.toml")
    if not calibrated:
        rig = str(recording / "kept.away")
        (recording / "calibration.toml").rename(rig)
    before = inputs_of(recording)
    assert set(before) == {"fly", "fly_b"}
    content = {path: path.read_bytes() for path in recording.glob("fly*.*")}
    for again in ([], ["--force"]):
        for command in commands(recording):
            if command[0] in ("smooth", "triangulate"):
                command = [*command, "--calibration", rig]
            main([*command, *again])
            assert inputs_of(recording) == before, command
            assert {path: path.read_bytes() for path in content} == content, command
    ensemble = load_predictions(recording, session="fly")
    assert len(ensemble.models) == 1


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (["export", "--format", "dlc-csv"], "."),
        (["export", "--format", "anipose"], "fly_Cam-0.csv"),
        (["render"], "fly_Cam-0.mp4"),
        (["render"], "link.mp4"),
        (["kinematics", "--speed", "v=nose"], "fly_Cam-0.csv"),
    ],
)
def test_no_input_is_replaced_even_where_files_may_be(
    recording: Path, command: list[str], out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (recording / "link.mp4").symlink_to(recording / "fly_Cam-1.mp4")
    poses = [str(recording), "--session", "fly"]
    assert main(["triangulate", *poses, "--out", str(recording / "space")]) == 0
    content = {path: path.read_bytes() for path in recording.glob("fly*.*")}
    capsys.readouterr()
    chosen = ["--set", "predictions"] if "dlc-csv" in command else []
    name, *more = command
    arguments = [name, *poses, *more, *chosen, "--out", str(recording / out), "--force"]
    assert main(arguments) == 2
    assert "would replace" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in content} == content


def test_an_export_by_itself_is_read(recording: Path) -> None:
    out = recording / "exported"
    arguments = ["export", str(recording), "--session", "fly", "--format", "dlc-csv"]
    assert main([*arguments, "--out", str(out)]) == 0
    original = load_predictions(recording, session="fly").in_memory()
    for given in (out, sorted(out.glob("*.csv"))):
        again = load_predictions(given).in_memory()
        np.testing.assert_allclose(again.xy, original.xy, atol=1e-3)
    (reason,) = {
        why
        for path, why in load_predictions(recording, session="fly").unmatched
        if path.parent == out
    }
    assert "exported by napari-pose3d" in reason


def test_results_under_another_name_are_of_their_session(recording: Path) -> None:
    arguments = ["smooth", str(recording), "--session", "fly", "--out", str(recording)]
    assert main([*arguments, "--save-filename", "final"]) == 0
    project = open_project(recording)
    assert [session.name for session in project.sessions] == ["fly", "fly_b"]
    own = {each.name: each.kind for each in project.session("fly").sets if each.own}
    assert "final" in own


def test_a_recording_called_3d_is_not_taken_for_positions_in_space(tmp_path: Path) -> None:
    rig = ring_rig(2)
    save_rig(rig, tmp_path / "calibration.toml")
    for view in rig.names:
        for session in ("a", "a_3d"):
            put_predictions(tmp_path / f"{view}_{session}.csv", np.ones((5, 2, 2)))
    assert set(inputs_of(tmp_path)) == {"a", "a_3d"}


def test_tables_without_poses_do_not_tell_how_names_are_read(tmp_path: Path) -> None:
    rig = ring_rig(2)
    save_rig(rig, tmp_path / "calibration.toml")
    for view in rig.names:
        for session in ("a", f"a_{rig.names[0]}"):
            put_predictions(tmp_path / f"{session}_{view}.csv", np.ones((5, 2, 2)))
    before = inputs_of(tmp_path)
    for view in rig.names:
        (tmp_path / f"a_{view}_times.csv").write_text("frame,time\n0,0.0\n")
    assert inputs_of(tmp_path) == before
