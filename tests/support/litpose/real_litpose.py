"""The real ``litpose``, in an environment of its own, and a transformer small enough for a test."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from napari_pose3d.core.models.installation.install_commands import ENVIRONMENT, install_commands
from napari_pose3d.core.models.installation.litpose_facts import TRIED_VERSION
from napari_pose3d.core.models.installation.litpose_search import VARIABLE

# Two that belong together.
_TORCH = ("torch==2.14.1", "torchvision==0.29.1")

_VIT = """
import sys
import torch
from pathlib import Path
from transformers import ViTConfig, ViTModel
torch.manual_seed(0)
config = ViTConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4,
                   intermediate_size=96, image_size=224, patch_size=16)
hub = Path(sys.argv[1]) / "hub" / "models--facebook--dino-vits16"
ViTModel(config, add_pooling_layer=False).save_pretrained(hub / "snapshots" / ("0" * 40))
(hub / "refs").mkdir(parents=True)
(hub / "refs" / "main").write_text("0" * 40)
"""


def real_litpose() -> Path:
    """An environment with ``litpose``: the one that is named, else one made by our own commands.

    It is made once, in the folder for temporary files, and takes 3 GB there, or 8
    where torch has no build for the CPU only.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    folder = Path(tempfile.gettempdir()) / f"napari-pose3d-litpose-{TRIED_VERSION}"
    done = folder / "installed"
    if done.is_file():
        return folder
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    for line in install_commands(gpu=False):
        words = shlex.split(line.replace(f"~/{ENVIRONMENT}", str(folder)))
        if "--index-url" not in words:
            subprocess.run(words, check=True, env=variables)
            continue
        own = variables | {"PIP_RETRIES": "0", "PIP_TIMEOUT": "15", "PIP_DEFAULT_TIMEOUT": "15"}
        found = subprocess.run(words, env=own)
        # Where the index of builds for the CPU cannot be reached, there may be nothing, or a torch
        # of one build and a torchvision of another.
        python = folder / "bin" / "python"
        if found.returncode or subprocess.run([python, "-c", "import torchvision"]).returncode:
            subprocess.run([*words[: words.index("torch")], *_TORCH], check=True, env=variables)
    done.touch()
    return folder


def tiny_transformer(environment: Path, cache: Path) -> None:
    """Random weights under the name of ``vits_dino`` in a cache of Hugging Face."""
    subprocess.run([environment / "bin" / "python", "-c", _VIT, str(cache)], check=True)
