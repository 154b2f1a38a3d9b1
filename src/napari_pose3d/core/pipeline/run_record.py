"""The record of a run, ``<session>_run.json``: written, read, and described."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pose3d._version import __version__
from napari_pose3d.core.poses.arrays import AnyEnsemble, Result
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

_HASH_BLOCK = 1 << 22


def run_record(
    result: Result,
    ensemble: AnyEnsemble,
    rig: Rig | None,
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> dict[str, Any]:
    """What was done with which files: the content of ``<session>_run.json``."""
    progress = progress or (lambda stage, done, total: None)
    cancelled = cancelled or (lambda: False)
    report = result.report
    calibration = rig.path if rig is not None and result.poses3d is not None else None
    sources: list[tuple[Path, dict[str, str]]] = [
        (source.path, {"view": source.view, "model": source.model}) for source in ensemble.sources
    ]
    if calibration is not None:
        sources.append((calibration, {"role": "calibration"}))
    inputs = []
    # A file that holds several views is read once.
    hashes: dict[Path, str] = {}
    for i, (path, role) in enumerate(sources):
        progress("Recording the inputs", i, len(sources))
        if path not in hashes:
            hashes[path] = _sha256(path, cancelled)
        inputs.append(
            {
                "path": str(path.resolve()),
                **role,
                "bytes": path.stat().st_size,
                "sha256": hashes[path],
            }
        )
    return {
        "program": "napari-pose3d",
        "version": __version__,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "session": ensemble.session,
        "individual": ensemble.individual,
        "mode": report.mode,
        "inputs": inputs,
        "settings": report.settings,
        "models": list(ensemble.models),
        "views": list(ensemble.views),
        "keypoints": list(ensemble.keypoints),
        "frames": result.poses2d.n_frames,
        "smooth_param": report.smooth_param,
        "smooth_param_searched": report.searched,
        "counts": {
            "observations": report.observations,
            "missing": report.missing,
            "rejected": report.rejected,
            "inferred": report.inferred,
            "left_missing": report.left_missing,
        },
        "per_view": {
            view: {
                key: _finite(value) if isinstance(value, float) else value
                for key, value in dataclasses.asdict(found).items()
            }
            for view, found in report.views.items()
        },
        "swaps": _swaps(result),
        "units": result.poses3d.units if result.poses3d is not None else None,
        "warnings": list(report.warnings),
        "not_used": [{"path": str(path), "reason": why} for path, why in ensemble.unmatched],
        "seconds": round(report.seconds, 3),
    }


def _finite(value: float) -> float | None:
    """To three digits; JSON has no other numbers than finite ones."""
    return round(value, 3) if math.isfinite(value) else None


def _swaps(result: Result) -> dict[str, Any] | None:
    """Where left was taken for right: stretches of frames, the last one included."""
    swaps = result.swaps
    if swaps is None:
        return None
    stretches = []
    for kind, found in (("view", swaps.views), ("prediction set", swaps.models > 0)):
        for v, view in enumerate(result.poses2d.views):
            for p, pair in enumerate(swaps.pairs):
                edges = np.flatnonzero(np.diff(found[v, :, p], prepend=False, append=False))
                stretches += [
                    {"who": kind, "view": view, "pair": list(pair), "frames": [first, end - 1]}
                    for first, end in edges.reshape(-1, 2).tolist()
                ]
    pairs = [list(pair) for pair in swaps.pairs]
    return {"pairs": pairs, "corrected": swaps.corrected, "found": stretches}


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The record of a run; empty where it cannot be read.

    It is for people, and the arrays do not depend on it.
    """
    try:
        text = read_text(path)
        with input_errors(path):
            record = json.loads(text)
    except PoseDataError:
        return {}
    return record if isinstance(record, dict) else {}


def _sha256(path: Path, cancelled: IsCancelled) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_HASH_BLOCK):
            if cancelled():
                raise Cancelled
            digest.update(block)
    return digest.hexdigest()
