"""Screenshots of the panel Models in its states, for docs/models.md; run by ``make images``.

A small convolutional network is trained on the sample by the ``litpose`` that
``NAPARI_POSE3D_LITPOSE`` names; where none is named, the stand-in of the tests trains. What is to
fail is a transformer of two layers with random weights.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_pose3d.core.models.installation.litpose_search import VARIABLE
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.litpose.real_litpose import tiny_transformer
from tests.support.projects.training_projects import edited

_SETTLE_MS = 1500
_HOURS = 3600.0
_SETTINGS = {"seeds": "0, 1", "epochs": "30", "image_size": "128", "batch_size": "4"}
_TAKEN_AT = 18
_FAILURE = "No such file or directory: '{}'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the sample in a window, bring its panel into each state, and take screenshots."""
    parser = argparse.ArgumentParser(prog="models_screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where they are written")
    parser.add_argument("--theme", default="dark", help="of the window (default %(default)s)")
    parser.add_argument("--size", default="1600x1000", help="of the window (default %(default)s)")
    parser.add_argument("--whole", action="store_true", help="all of the whole window")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        home = Path(name)
        named = os.environ.pop(VARIABLE, "")
        environment = Path(named) if named else litpose_environment(home / "stand-in")
        if named:
            # Without the network it is looked for here.
            tiny_transformer(environment, home / "cache")
        _be_a_new_user(home)
        project = make_sample(home / "sample", recipe=SampleRecipe(n_frames=100, seeds=1))
        shutil.rmtree(project / "models")
        width, height = map(int, options.size.split("x"))
        size = width, height
        _Screenshots(
            project, environment, options.folder, options.theme, size, options.whole
        ).take_all()
    return 0


def _be_a_new_user(home: Path) -> None:
    """Nothing is remembered and no ``litpose`` is found; what is trained takes one thread."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_EXE"):
        os.environ.pop(name, None)
    os.environ |= {
        "HOME": str(home / "home"),
        "XDG_DATA_HOME": str(home / "home" / "data"),
        "PATH": "/usr/bin:/bin",
        "HF_HOME": str(home / "cache"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "FAKE_LITPOSE": json.dumps({"pause": 0.2}),
    }


class _Screenshots:
    """A window over a project, and what a user does there.

    Parameters
    ----------
    project : Path
        Is trained on, and damaged for some of the screenshots.
    environment : Path
        Of ``litpose``; chosen after the screenshot without one.
    folder : Path
        Of the screenshots.
    theme : str
    size : (int, int)
        Width and height of the window, px.
    whole : bool
        Whether all screenshots are of the whole window.
    """

    def __init__(
        self,
        project: Path,
        environment: Path,
        folder: Path,
        theme: str,
        size: tuple[int, int],
        whole: bool,
    ) -> None:
        import napari
        from napari.layers import Layer

        from napari_pose3d.gui.contributions.samples import sample_session
        from napari_pose3d.gui.layers.session_layers import session_layers
        from napari_pose3d.gui.session.current_session import current_session
        from napari_pose3d.gui.workspace.workspace import workspace
        from napari_pose3d.settings import never_cancelled, no_progress

        self._project, self._environment, self._folder = project, environment, folder
        self._whole = whole
        self._viewer = napari.Viewer(title="napari-pose3d")
        self._viewer.theme = theme
        self._viewer.window.resize(*size)
        opened = sample_session(project)
        for data in session_layers(opened.session, (), no_progress, never_cancelled):
            self._viewer.add_layer(Layer.create(*data))
        current_session(self._viewer).set(opened)
        places = workspace(self._viewer)
        places.open("Camera views")
        self._panel: Any = places.open("Models")

    def take_all(self) -> None:
        """Go through all states."""
        panel = self._panel
        self._until(lambda: not panel.models.is_asking)
        self._take("no-litpose", "Program")
        panel.models.ask_program(self._environment)
        self._until(lambda: panel.program.again.isEnabled() and panel.models.program.works)
        self._fill_in()
        with self._damaged() as image:
            self._check("damaged")
            self._take("findings", "Check and settings", panel.check.summary)
            os.environ["FAKE_LITPOSE"] = json.dumps({"fail": _FAILURE.format(image)})
            self._train("damaged", in_spite=True)
            self._until(lambda: self._states() == ["failed", "failed"])
            self._take("failed", "Train")
        os.environ["FAKE_LITPOSE"] = json.dumps({"pause": 0.2})
        form = panel.check.form
        form.main.widget("backbone").value = "resnet18"
        form.more.widget("pretrained").value = False
        form.more.widget("model_type").value = "heatmap"
        self._check("net")
        self._train("net", in_spite=False)
        self._until(lambda: all(epoch >= _TAKEN_AT for epoch in self._epochs()))
        self._take("training", "Train", whole=True)
        self._until(lambda: self._states() == ["done", "done"])
        self._until(lambda: panel.section("Models").words.startswith("2 of "))
        panel.networks.table.clearSelection()
        panel.networks.table.select({"net-seed0"})
        self._take("done", "Models")
        self._viewer.close()

    # ------------------------------------------------------------------ what a user does

    def _fill_in(self) -> None:
        form = self._panel.check.form
        for name, text in _SETTINGS.items():
            form.main.widget(name).value = text
        form.more.widget("workers").value = 0
        form.more.widget("train_share").value = 0.8

    def _check(self, name: str) -> None:
        self._panel.training.name.setText(name)
        self._panel.check.check.click()
        self._until(lambda: not self._panel.jobs.is_busy)

    def _train(self, name: str, in_spite: bool) -> None:
        training = self._panel.training
        training.at_once.setValue(2)
        training.in_spite.setChecked(in_spite)
        training.train.click()
        self._until(lambda: training.group.currentText() == name and len(self._states()) == 2)

    @contextmanager
    def _damaged(self) -> Any:
        """An image is missing, and a keypoint is nowhere labeled in a view."""
        table = sorted(self._project.glob("CollectedData_*.csv"))[1]
        whole = table.read_bytes()
        edited(
            table,
            lambda rows: [*rows[:3], *([*row[:3], "", "", *row[5:]] for row in rows[3:])],
        )
        image = sorted(self._project.glob("labeled-data/*/*.png"))[0]
        aside = image.with_suffix(".aside")
        image.rename(aside)
        try:
            yield image
        finally:
            aside.rename(image)
            table.write_bytes(whole)

    # ------------------------------------------------------------------ what is seen

    def _states(self) -> list[str]:
        return [row.progress.state.state.value for row in self._panel.training.table.records]

    def _epochs(self) -> list[int]:
        return [row.progress.epoch for row in self._panel.training.table.records]

    def _take(self, name: str, section: str, at: Any = None, whole: bool = False) -> None:
        """Unfold one section alone, and take a screenshot of the panel, or of the whole window."""
        panel = self._panel
        for title in ("Program", "Check and settings", "Train", "Models", "Distill", "Propose"):
            panel.section(title).unfold(title == section)
        self._wait(_SETTLE_MS)
        if at is not None:
            bar = panel._scroll.verticalScrollBar()
            bar.setValue(at.mapTo(panel._scroll.widget(), at.rect().topLeft()).y())
            self._wait(_SETTLE_MS)
        path = self._folder / f"models-{name}.png"
        if whole or self._whole:
            self._viewer.screenshot(str(path), canvas_only=False, flash=False)
        else:
            panel.grab().save(str(path))
        print(f"A screenshot: {path.resolve()}", flush=True)

    def _wait(self, milliseconds: int) -> None:
        from qtpy.QtTest import QTest

        QTest.qWait(milliseconds)

    def _until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + _HOURS
        while not condition():
            if time.monotonic() > end:
                raise SystemExit("a state of the panel did not come")
            self._wait(50)


if __name__ == "__main__":
    raise SystemExit(main())
