"""Memory, time, and weights that have to be fetched: estimates, and called so."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from napari_pose3d.wording import counted

from ..configuration.config_file import value_at
from ..configuration.image_size import resized_area
from ..configuration.known_keys import MULTIVIEW, TRANSFORMERS
from ..installation.litpose_facts import LitposeFacts
from .training_finding import TrainingFinding, listed
from .training_input import TrainingInput

# Measured by the authors for vits_dino with one view: MB for an image of 256 px, and a constant.
_MB_PER_IMAGE = 90.0
_MB_CONSTANT = 600.0
# Measured on a CPU with 32 images of 256 px: 5.7 GB (small transformer), 6.1 GB (ResNet-50).
_MB_PER_IMAGE_ON_A_CPU = 170.0
# Measured on two processor cores: s per step of 32 images of 256 px (small transformer, ResNet-50).
_SECONDS_PER_IMAGE = 14 / 32
_LARGE_BACKBONES = ("vitb", "resnet101", "resnet152")


def training_memory(given: TrainingInput, *, gpu: bool = True) -> int:
    """An estimate of the bytes that a training needs on the GPU, or else in the computer's memory.

    Attention between views grows faster than this, so it is a lower bound for the multi-view
    network.
    """
    images = int(value_at(given.config, "training.train_batch_size", 1)) * len(given.views)
    of_each = _MB_PER_IMAGE if gpu else _MB_PER_IMAGE_ON_A_CPU
    megabytes = _MB_CONSTANT + of_each * images * resized_area(given.config)
    if str(value_at(given.config, "model.backbone", "")).startswith(_LARGE_BACKBONES):
        megabytes *= 2
    return int(megabytes * 1e6)


def steps_per_epoch(given: TrainingInput) -> int:
    """Steps in an epoch of the training."""
    share = float(value_at(given.config, "training.train_prob", 1.0))
    batch = int(value_at(given.config, "training.train_batch_size", 1))
    return max(1, math.ceil(math.floor(given.n_rows * share) / max(1, batch)))


def check_resources(
    given: TrainingInput, facts: LitposeFacts | None, at_once: int = 1
) -> Iterator[TrainingFinding]:
    """Estimate memory and time, and look for weights that are not on this machine.

    Parameters
    ----------
    at_once : int
        How many networks are trained at a time, with GPUs on each of them.
    """
    yield from _split(given)
    yield from _memory(given, facts, max(1, at_once))
    yield from _weights(given)


def check_outputs(outputs: Sequence[Path]) -> Iterator[TrainingFinding]:
    """Look at the folders that networks are to be written to."""
    yield from check_paths(outputs)
    used = [str(each) for each in outputs if _in_use(each)]
    if used:
        yield TrainingFinding(
            "used folder",
            "error",
            "the folder holds something already; an old status and old checkpoints would be taken "
            "for new ones",
            listed(used),
            remedy="Give another name",
        )


def check_paths(folders: Sequence[Path]) -> Iterator[TrainingFinding]:
    """Look for names on the way to networks below which ``litpose`` does not find them."""
    paths = [str(each) for each in folders]
    wild = [path for path in paths if set("[]*?") & set(path)]
    if wild:
        yield TrainingFinding(
            "path of the network",
            "error",
            "the path holds one of [ ] * ?, and litpose does not find its checkpoints there",
            listed(wild, 1),
            remedy="Rename the folder, or write the network elsewhere",
        )
    versions = [
        str(each)
        for each in folders
        if any(part.startswith("version_") for part in each.absolute().parts)
    ]
    if versions:
        yield TrainingFinding(
            "path of the network",
            "error",
            "a folder on the way is called version_..., which litpose takes for its own",
            listed(versions, 1),
            remedy="Rename it",
        )


def _in_use(folder: Path) -> bool:
    return folder.is_file() or (folder.is_dir() and any(folder.iterdir()))


def _split(given: TrainingInput) -> Iterator[TrainingFinding]:
    share = float(value_at(given.config, "training.val_prob", 0.0))
    n_val = max(1, math.floor(given.n_rows * share)) if given.n_rows else 0
    if 0 < n_val < 5 and given.n_rows >= 2:
        yield TrainingFinding(
            "validation frames",
            "note",
            f"the best epoch is chosen by {counted(n_val, 'frame')} of {given.n_rows}",
            "training.val_prob",
            remedy="Label more" + (", or train on a smaller share (0.9)" if share < 0.1 else ""),
        )


def _memory(
    given: TrainingInput, facts: LitposeFacts | None, at_once: int
) -> Iterator[TrainingFinding]:
    on_gpu = facts is None or bool(facts.gpus)
    need = at_once * training_memory(given, gpu=on_gpu)
    batch = value_at(given.config, "training.train_batch_size", 1)
    least = ", at least" if value_at(given.config, "model.model_type") == MULTIVIEW else ""
    images = (
        f"batches of {counted(int(batch), 'frame')} with {counted(len(given.views), 'view')} each"
    )
    if at_once > 1:
        images = f"{at_once} networks at a time, {images}"
    if facts is not None and facts.gpus:
        there = facts.gpus[0].memory
        full = need > 0.9 * there
        yield TrainingFinding(
            "memory",
            "warning" if full else "note",
            f"an estimated {need / 1e9:.1f} GB of {there / 1e9:.1f} GB on the GPU{least}",
            evidence=images,
            remedy="Take a smaller batch; a trial step (models train --trial) shows if it fits",
        )
        return
    if facts is None:
        yield TrainingFinding(
            "memory",
            "note",
            f"an estimated {need / 1e9:.1f} GB of memory{least}",
            evidence=images,
            remedy="A trial step (models train --trial) shows whether it fits",
        )
        return
    there = psutil.virtual_memory().total
    if need > 0.9 * there:
        yield TrainingFinding(
            "memory",
            "warning",
            f"an estimated {need / 1e9:.1f} GB of the computer's {there / 1e9:.1f} GB{least}",
            evidence=images,
            remedy="Take a smaller batch; a trial step (models train --trial) shows if it fits",
        )
    epochs = int(value_at(given.config, "training.max_epochs", 0) or 0)
    per_step = int(batch) * len(given.views) * resized_area(given.config) * _SECONDS_PER_IMAGE
    hours = epochs * steps_per_epoch(given) * per_step / 3600
    yield TrainingFinding(
        "no GPU",
        "warning" if hours > 24 else "note",
        f"without a GPU, an estimated {_hours(hours)} for each network on two processor cores",
        evidence=f"{counted(epochs, 'epoch')}, {images}",
        remedy="A trial step (models train --trial) shows what one takes; take fewer epochs or "
        "smaller images, or train on a machine with a GPU (--on)",
    )


def _hours(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else counted(max(1, round(60 * hours)), "minute")


def _weights(given: TrainingInput) -> Iterator[TrainingFinding]:
    backbone = str(value_at(given.config, "model.backbone", ""))
    name = TRANSFORMERS.get(backbone)
    if name is None:
        return
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"),
        "huggingface",
    )
    cache = Path(os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub"))
    if not (cache / f"models--{name.replace('/', '--')}" / "snapshots").is_dir():
        yield TrainingFinding(
            "weights",
            "note",
            f"the weights of {backbone} ({name}) are not on this machine yet and will be fetched "
            "from huggingface.co at the start",
            evidence=str(cache),
            remedy="Train once with a connection, or copy them there; convolutional backbones can "
            "do without",
        )
