"""The commands that install ``litpose`` into an environment of its own."""

from __future__ import annotations

import sys

from .litpose_facts import LITPOSE, TRIED_VERSION

ENVIRONMENT = "litpose-env"

_PINNED = f"{LITPOSE}=={TRIED_VERSION}"

# What lightning-pose 2.4.3 needs beside torch, torchvision and DALI, which is for NVIDIA's cards.
_WITHOUT_DALI = (
    "aniposelib",
    "h5py",
    "hydra-core",
    "imaug",
    "jaxtyping",
    "kornia",
    "lightning>=2.5.0,<2.6.0",
    "matplotlib",
    "moviepy>=2.0.0",
    "numpy>=2.0.0",
    "opencv-python-headless",
    "pandas>=2.2.2",
    "pillow",
    "pytorch-lightning>=2.5.0,<2.6.0",
    "safetensors",
    "scikit-learn>=1.5.0",
    "tensorboard<3.0.0",
    "transformers>=4.57.5",
)
# For `litpose export --runtime onnx`; lightning-pose does not declare them.
_EXPORT = ("onnx", "onnxscript")
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def install_commands(*, gpu: bool, platform: str = sys.platform) -> tuple[str, ...]:
    """Lines to be typed into a terminal.

    Parameters
    ----------
    gpu : bool
        Whether there is an NVIDIA GPU; without one, torch is installed in its small build for
        the CPU, and DALI, which has no build for machines without such a card, is left out.
    platform : str
        As `sys.platform`.
    """
    windows = platform == "win32"
    python = "py -3.11" if windows else "python3.11"
    home = "%USERPROFILE%\\" if windows else "~/"
    pip = f"{home}{ENVIRONMENT}\\Scripts\\pip" if windows else f"{home}{ENVIRONMENT}/bin/pip"
    lines = [f"{python} -m venv {home}{ENVIRONMENT}"]
    if gpu:
        return (*lines, f"{pip} install {_PINNED} {' '.join(_EXPORT)}")
    index = "" if platform == "darwin" else f" --index-url {_CPU_INDEX}"
    packages = " ".join(f'"{each}"' if set(each) & set("<>") else each for each in _WITHOUT_DALI)
    return (
        *lines,
        f"{pip} install torch torchvision{index}",
        f"{pip} install {packages} {' '.join(_EXPORT)}",
        f"{pip} install --no-deps {_PINNED}",
    )
