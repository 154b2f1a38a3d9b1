"""A network exported by ``litpose`` so that it works without torch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled

from ..installation.litpose_process import run_litpose
from ..installation.litpose_search import Installation
from ..runs.continuation import effective_config
from ..runs.failure_messages import failure_of
from ..runs.model_folder import log_tail
from ..runs.training_state import training_state
from .exported_network import EXPORTS, check_kind

Precision = Literal["fp32", "fp16"]
_LOG = "export_log.txt"
_SECONDS = 1800


def export_network(
    installation: Installation,
    folder: Path,
    precision: Precision = "fp32",
    *,
    cancelled: IsCancelled | None = None,
) -> Path:
    """Export a network; takes some twenty seconds.

    Parameters
    ----------
    installation : Installation
    folder : Path
        Of the network.
    precision : {"fp32", "fp16"}
        fp16 halves the file and moves keypoints by up to 0.3 px.
    cancelled : callable, optional
        Asked some ten times per second.

    Returns
    -------
    Path
        The exported file; its weights may lie beside it in ``<name>.data``.

    Raises
    ------
    PoseDataError
        It has no weights, is of a kind that cannot be used, or the export fails or does not end
        within half an hour.
    Cancelled
        `cancelled` returned True; what was half written is gone.
    """
    if training_state(folder).checkpoint is None:
        raise PoseDataError("this network has no weights", file=folder, todo="Train it first")
    check_kind(effective_config(folder), folder)
    before = _exports(folder, precision)
    command = [str(installation.executable), "export", str(folder), "--runtime", "onnx"]
    command += ["--onnx-precision", precision]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        try:
            with (work / _LOG).open("wb") as log:
                run_litpose(command, work, log, cancelled=cancelled, seconds=_SECONDS)
        except (Cancelled, PoseDataError):
            for path in _exports(folder, precision).keys() - before.keys():
                path.unlink()
                path.with_name(f"{path.name}.data").unlink(missing_ok=True)
            raise
        lines = log_tail(work / _LOG, 200)
    # It leaves an empty folder behind where it fails.
    new = {path: stamp for path, stamp in _exports(folder, precision).items() if stamp[1]}
    written = [path for path, stamp in new.items() if before.get(path) != stamp]
    if written:
        return written[-1]
    failure = failure_of(lines)
    raise PoseDataError(
        "the export failed: " + (failure.problem if failure else "no file was written"),
        file=folder,
        todo=failure.remedy if failure and failure.remedy else None,
    )


def _exports(folder: Path, precision: str) -> dict[Path, tuple[int, int]]:
    found = sorted((folder / EXPORTS).glob(f"*{precision}.onnx"))
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in found}
