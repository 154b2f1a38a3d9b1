"""What the environment of ``litpose`` holds: versions, GPUs, DALI.

Its own Python is asked in a process of its own, so that torch never enters ours.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from napari_pose3d.errors import PoseDataError

from .litpose_search import Installation, litpose_variables

LITPOSE = "lightning-pose"
TRIED_VERSION = "2.4.3"
"""The version whose files and messages are known here."""

_SECONDS = 120
# Everything but the GPUs comes without importing torch, which takes seconds.
_SCRIPT = """
import json, platform, sys
from importlib.metadata import distributions
found = {"python": platform.python_version(), "versions": {}, "gpus": [], "cuda_problem": ""}
for each in distributions():
    name = (each.metadata["Name"] or "").lower().replace("_", "-")
    if name in WANTED or name.startswith("nvidia-dali"):
        found["versions"].setdefault(name, each.version)
if "torch" in found["versions"]:
    try:
        import torch
        if torch.cuda.is_available():
            for i in range(torch.cuda.device_count()):
                at = torch.cuda.get_device_properties(i)
                found["gpus"].append([at.name, int(at.total_memory)])
    except (ImportError, OSError, RuntimeError) as error:
        found["cuda_problem"] = f"{type(error).__name__}: {error}"[:500]
print("FACTS" + json.dumps(found))
"""
_WANTED = (LITPOSE, "torch", "torchvision", "lightning", "onnx", "onnxscript", "onnxruntime")
_MARK = "FACTS"


@dataclass(frozen=True)
class Gpu:
    """A GPU; ``memory`` in bytes."""

    name: str
    memory: int

    def __str__(self) -> str:
        return f"{self.name}, {self.memory / 2**30:.1f} GB"


@dataclass(frozen=True)
class LitposeFacts:
    """What an environment holds.

    Attributes
    ----------
    python : str
        Version of its Python.
    versions : mapping of str to str
        By distribution; those that are not installed are absent.
    gpus : tuple of Gpu
        That its torch can use.
    problem : str
        Why torch could not be asked; "" for no problem.
    """

    python: str
    versions: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] = ()
    problem: str = ""

    @property
    def version(self) -> str | None:
        """Of Lightning Pose."""
        return self.versions.get(LITPOSE)

    @property
    def dali(self) -> str | None:
        """Version of DALI; None where it is not installed."""
        return next((v for n, v in self.versions.items() if n.startswith("nvidia-dali")), None)

    @property
    def can_export(self) -> bool:
        """Whether ``litpose export --runtime onnx`` has what it needs."""
        return "onnx" in self.versions and "onnxscript" in self.versions

    @property
    def can_stream_videos(self) -> bool:
        """Whether losses on unlabeled video are possible: they need a GPU and DALI."""
        return bool(self.gpus) and self.dali is not None

    def notes(self) -> tuple[str, ...]:
        """What a user should know about it, each in one sentence."""
        found = []
        if self.version is None:
            found.append("Lightning Pose is not installed for this Python.")
        elif self.version != TRIED_VERSION:
            found.append(
                f"Version {self.version} was not tried; files and messages of {TRIED_VERSION} are "
                "expected."
            )
        if "torch" not in self.versions:
            found.append("torch is not installed, so nothing can be trained.")
        elif self.problem:
            found.append(f"torch cannot be used ({self.problem}).")
        elif not self.gpus:
            found.append(
                "torch sees no GPU: training and prediction run on the CPU, a hundred frames in "
                "four views take about a night."
            )
        if self.dali is None:
            found.append(
                "DALI is not installed: losses on unlabeled videos (temporal, pca) are not "
                "possible, everything else is."
            )
        if not self.can_export:
            found.append("Export to ONNX needs the packages onnx and onnxscript.")
        return tuple(found)


def litpose_facts(installation: Installation) -> LitposeFacts:
    """Ask the environment of an installation; takes some seconds, as torch is imported there.

    Raises
    ------
    PoseDataError
        Its Python is not known, cannot be run, or does not answer.
    """
    if installation.python is None:
        raise PoseDataError(
            "it is unknown which Python runs it",
            file=installation.executable,
            todo="Name the environment that it is installed in",
        )
    script = f"WANTED = {_WANTED!r}\n{_SCRIPT}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [str(installation.python), "-I", "-c", script],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                stdin=subprocess.DEVNULL,
                env=litpose_variables(),
                cwd=folder,
            )
    except subprocess.TimeoutExpired as error:
        raise PoseDataError(
            f"its Python did not answer within {_SECONDS} s",
            file=installation.python,
            todo="Name another environment, or install it anew",
        ) from error
    except OSError as error:
        raise PoseDataError(
            f"its Python cannot be run ({error.strerror or error})",
            file=installation.python,
            todo="Name another environment, or install it anew",
        ) from error
    line = next((x for x in done.stdout.splitlines() if x.startswith(_MARK)), None)
    if line is None:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PoseDataError(
            f"its Python does not work ({last[:200]})",
            file=installation.python,
            todo="Install the environment again",
        )
    return _facts_from(json.loads(line.removeprefix(_MARK)))


def machine_gpus() -> tuple[Gpu, ...]:
    """NVIDIA GPUs in this machine, as its driver's ``nvidia-smi`` lists them.

    Empty where there is no driver; says nothing about whether torch can use them.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            query, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = []
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        name, _, memory = line.rpartition(",")
        if name and memory.strip().isdecimal():
            found.append(Gpu(name.strip(), int(memory) << 20))
    return tuple(found)


def _facts_from(content: dict[str, Any]) -> LitposeFacts:
    return LitposeFacts(
        content["python"],
        content["versions"],
        tuple(Gpu(name, memory) for name, memory in content["gpus"]),
        content["cuda_problem"],
    )
