"""litpose is found where people have it, and asked without importing torch here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.session_files import touch

from napari_pose3d.core.models.installation import litpose_facts as facts_module
from napari_pose3d.core.models.installation import litpose_search
from napari_pose3d.core.models.installation.install_commands import install_commands
from napari_pose3d.core.models.installation.litpose_facts import (
    Gpu,
    LitposeFacts,
    litpose_facts,
    machine_gpus,
)
from napari_pose3d.core.models.installation.litpose_search import (
    VARIABLE,
    Installation,
    find_installation,
    find_installations,
    litpose_variables,
    python_of,
    remember_place,
)
from napari_pose3d.errors import PoseDataError

TORCH_WITH_GPU = """
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    @staticmethod
    def get_device_properties(i):
        class At:
            name = "RTX 4090"
            total_memory = 24 << 30
        return At
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litpose_search, "user_data_folder", lambda: tmp_path / "user-data")
    monkeypatch.delenv(VARIABLE, raising=False)


def found(home: Path, **variables: str) -> list[tuple[str, str]]:
    each = find_installations(environment=variables, home=home)
    return [(str(i.executable), i.place) for i in each]


def test_usual_places_are_looked_into_in_order(tmp_path: Path) -> None:
    home = tmp_path / "home"
    on_path = litpose_environment(home / "somewhere")
    conda = litpose_environment(home / "miniforge3" / "envs" / "lp")
    listed = litpose_environment(tmp_path / "disk" / "big")
    touch(home / ".conda" / "environments.txt", f"{listed}\n{tmp_path / 'gone'}\n")
    assert found(home, PATH=str(on_path / "bin")) == [
        (str(on_path / "bin" / "litpose"), "on PATH"),
        (str(listed / "bin" / "litpose"), "conda environment big"),
        (str(conda / "bin" / "litpose"), "conda environment lp"),
    ]


def test_one_program_is_listed_once(tmp_path: Path) -> None:
    environment = litpose_environment(tmp_path / "envs" / "lp")
    found_here = found(tmp_path, PATH=str(environment / "bin"), CONDA_PREFIX=str(environment))
    assert [place for _, place in found_here] == ["on PATH"]


def test_what_is_named_goes_first_and_must_be_there(tmp_path: Path) -> None:
    environment = litpose_environment(tmp_path / "mine")
    other = litpose_environment(tmp_path / "other")
    by_variable = find_installations(environment={VARIABLE: str(other)}, home=tmp_path)
    assert [each.executable for each in by_variable] == [other / "bin" / "litpose"]
    by_setting = find_installations(
        environment / "bin" / "litpose", environment={VARIABLE: str(other)}, home=tmp_path
    )
    assert by_setting[0].executable == environment / "bin" / "litpose"
    with pytest.raises(PoseDataError, match="there is no litpose here"):
        find_installations(tmp_path / "nowhere")


def test_a_named_place_is_remembered_and_forgotten(tmp_path: Path) -> None:
    environment = litpose_environment(tmp_path / "mine")
    remember_place(environment)
    assert found(tmp_path / "home", PATH="")[0][1] == "remembered"
    remember_place(None)
    assert found(tmp_path / "home", PATH="") == []
    with pytest.raises(PoseDataError, match="no litpose here"):
        remember_place(tmp_path / "nowhere")


def test_nothing_found_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(PoseDataError, match="models doctor prints the commands"):
        find_installation()


@pytest.mark.parametrize(
    "head", ["#!{python}\n", "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"]
)
def test_the_interpreter_is_read_from_the_program(tmp_path: Path, head: str) -> None:
    python = touch(tmp_path / "with blank" / "python3.11")
    program = touch(tmp_path / "bin" / "litpose", head.format(python=python))
    assert python_of(program) == python


def test_the_interpreter_beside_a_windows_program(tmp_path: Path) -> None:
    program = touch(tmp_path / "Scripts" / "litpose.exe", "MZ")
    python = touch(tmp_path / "python.exe")
    assert python_of(program) == python


def test_facts_of_an_environment_with_a_gpu(tmp_path: Path) -> None:
    versions = {"lightning-pose": "2.4.3", "torch": "2.13.0", "nvidia-dali-cuda110": "1.5"}
    environment = litpose_environment(tmp_path / "lp", versions, TORCH_WITH_GPU)
    facts = litpose_facts(find_installations(environment)[0])
    assert facts.version == "2.4.3"
    assert facts.dali == "1.5"
    assert facts.gpus == (Gpu("RTX 4090", 24 << 30),)
    assert str(facts.gpus[0]) == "RTX 4090, 24.0 GB"
    assert facts.can_stream_videos
    assert facts.notes() == ("Export to ONNX needs the packages onnx and onnxscript.",)


def test_facts_without_gpu_dali_and_with_another_version(tmp_path: Path) -> None:
    environment = litpose_environment(tmp_path / "lp", {"lightning-pose": "1.9", "torch": "2.0"})
    notes = " ".join(litpose_facts(find_installations(environment)[0]).notes())
    assert "Version 1.9 was not tried" in notes
    assert "torch sees no GPU" in notes
    assert "DALI is not installed" in notes


def test_a_torch_that_cannot_be_imported_is_reported(tmp_path: Path) -> None:
    environment = litpose_environment(
        tmp_path / "lp", None, "raise OSError('libcudart is missing')"
    )
    facts = litpose_facts(find_installations(environment)[0])
    assert facts.problem == "OSError: libcudart is missing"
    assert "libcudart is missing" in " ".join(facts.notes())


def test_a_broken_python_is_an_error_with_its_message(tmp_path: Path) -> None:
    python = touch(tmp_path / "python3", "#!/bin/sh\necho broken >&2\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(PoseDataError, match=r"does not work \(broken\)"):
        litpose_facts(Installation(tmp_path / "litpose", python, ""))
    with pytest.raises(PoseDataError, match="it is unknown which Python"):
        litpose_facts(Installation(tmp_path / "litpose", None, ""))


def test_a_python_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "_SECONDS", 0.2)
    python = touch(tmp_path / "python3", "#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    with pytest.raises(PoseDataError, match="did not answer"):
        litpose_facts(Installation(tmp_path / "litpose", python, ""))


def test_cards_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin")
    assert machine_gpus() == ()
    program = touch(tmp_path / "nvidia-smi", "#!/bin/sh\necho 'RTX A4000, 16376'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    assert machine_gpus() == (Gpu("RTX A4000", 16376 << 20),)


def test_our_own_python_is_kept_out() -> None:
    given = {"PYTHONPATH": "x", "QT_PLUGIN_PATH": "y", "VIRTUAL_ENV": "z", "HOME": "h"}
    assert litpose_variables(given) == {"HOME": "h", "PYTHONUNBUFFERED": "1"}


def test_commands_with_and_without_a_gpu() -> None:
    with_gpu = install_commands(gpu=True, platform="linux")
    assert with_gpu == (
        "python3.11 -m venv ~/litpose-env",
        "~/litpose-env/bin/pip install lightning-pose==2.4.3 onnx onnxscript",
    )
    without = install_commands(gpu=False, platform="linux")
    assert without[1].endswith("torch torchvision --index-url https://download.pytorch.org/whl/cpu")
    assert '"lightning>=2.5.0,<2.6.0"' in without[2]
    assert without[3] == "~/litpose-env/bin/pip install --no-deps lightning-pose==2.4.3"
    assert "Scripts" in install_commands(gpu=False, platform="win32")[1]


def test_nothing_here_imports_torch() -> None:
    code = (
        "import sys, pkgutil, importlib, napari_pose3d.core.models as room\n"
        "for each in pkgutil.walk_packages(room.__path__, room.__name__ + '.'):\n"
        "    importlib.import_module(each.name)\n"
        "print([n for n in ('torch', 'onnxruntime', 'cv2') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_facts_without_anything() -> None:
    notes = LitposeFacts("3.11").notes()
    assert notes[0] == "Lightning Pose is not installed for this Python."
    assert "torch is not installed" in notes[1]
