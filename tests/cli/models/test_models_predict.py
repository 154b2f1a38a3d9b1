"""`models predict --then smooth`, with a stand-in for litpose."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.session_files import video
from tests.support.projects.training_projects import VIEWS, trained_network, training_project

from napari_pose3d.cli import main
from napari_pose3d.cli.terminal.progress_bar import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_bar_over_several_steps() -> None:
    terminal = Terminal()
    bar = ProgressBar(terminal, verbose=True)
    bar("looking", 0, 0)
    for step, done in (("predicting", 0), ("predicting", 500), ("smoothing", 900)):
        bar.whole(step, done, 1000)
    bar.close()
    bar.whole("again", 10, 1000)
    bar.close()
    lines = terminal.getvalue().replace("\r", "\n").splitlines()
    percent = [line.split("|")[0] for line in lines if "%" in line]
    shown = list(dict.fromkeys(percent))
    assert "predicting:  50%" in shown
    # It does not begin anew with the next step.
    assert shown[shown.index("predicting:  50%") + 1 :] == [
        "smoothing:  90%",
        "again:   0%",
        "again:   1%",
    ]
    stated = [line.split(":")[0] for line in lines if line.endswith(" s")]
    assert stated == ["looking", "predicting", "smoothing", "again"]


def test_new_sessions_are_predicted_and_smoothed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = training_project(tmp_path / "lab")
    for view in VIEWS:
        video(project / "videos" / f"mouse1_day1_{view}.mp4")
    environment = litpose_environment(tmp_path / "lp")
    predict = ["models", "predict", str(project), "--litpose", str(environment)]
    assert main(predict) == 2
    assert "no trained network" in capsys.readouterr().err
    for seed in range(2):
        trained_network(project, f"net-seed{seed}", seed)
    assert main([*predict, "--sessions", "new", "--then", "smooth"]) == 0
    said = capsys.readouterr().out
    assert "predicted: mouse1_day1 by net-seed1" in said
    assert "mouse1_day1_3d.csv" in said
    assert main(predict) == 0
    assert "nothing to predict" in capsys.readouterr().out
    assert main([*predict, "--sessions", "all"]) == 0
    assert "done already: mouse1_day1 by net-seed0" in capsys.readouterr().out
    monkeypatch.setenv("FAKE_LITPOSE", '{"rows": 3}')
    trained_network(project, "net-seed0", 9)
    assert main(predict) == 1
    assert "failed: mouse1_day1 by net-seed0" in capsys.readouterr().out
