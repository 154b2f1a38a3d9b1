"""The record of a run, ``<session>_run.json``: written, read, and described."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pose3d._version import __version__
from napari_pose3d.core.poses.arrays import AnyEnsemble, Result
from napari_pose3d.core.poses.report import ViewReport
from napari_pose3d.core.poses.stretches import stretches
from napari_pose3d.core.storage.input_files import input_errors, open_input, read_text
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import (
    IsCancelled,
    Progress,
    SmoothingSettings,
    TriangulationSettings,
    never_cancelled,
    no_progress,
)

from .run_summary import HOW, view_table

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

PROGRAM = "napari-pose3d"
_HASH_BLOCK = 1 << 22
_COUNTS = ("observations", "rejected", "missing")
_RESIDUALS = ("residual", "calibration_residual")


def run_record(
    result: Result,
    ensemble: AnyEnsemble,
    rig: Rig | None,
    *,
    changed: Collection[Path] = (),
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> dict[str, Any]:
    """What was done with which files: the content of ``<session>_run.json``.

    Parameters
    ----------
    changed : collection of Path
        Inputs that are no longer what the result was made from: they have no hash, and a warning
        names them.
    """
    progress = progress or no_progress
    cancelled = cancelled or never_cancelled
    report = result.report
    calibration = rig.path if rig is not None and result.poses3d is not None else None
    sources: list[tuple[Path, dict[str, str]]] = [
        (source.path, {"view": source.view, "model": source.model}) for source in ensemble.sources
    ]
    if calibration is not None:
        sources.append((calibration, {"role": "calibration"}))
    inputs: list[dict[str, Any]] = []
    # A file that holds several views is read once.
    hashes: dict[Path, str] = {}
    for i, (path, role) in enumerate(sources):
        progress("Recording the inputs", i, len(sources))
        if path in changed:
            inputs.append({"path": str(path.resolve()), **role, "bytes": None, "sha256": None})
            continue
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
    changes = [
        f"{path} was changed after it was read; the result is of what it held before"
        for path, _ in sources
        if path in changed
    ]
    return {
        "program": PROGRAM,
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
        "warnings": [*changes, *report.warnings],
        "serious": list(report.serious),
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
    parts = []
    for kind, found in (("view", swaps.views), ("prediction set", swaps.models > 0)):
        for v, view in enumerate(result.poses2d.views):
            for p, pair in enumerate(swaps.pairs):
                parts += [
                    {"who": kind, "view": view, "pair": list(pair), "frames": [first, end - 1]}
                    for first, end in stretches(found[v, :, p]).tolist()
                ]
    pairs = [list(pair) for pair in swaps.pairs]
    return {"pairs": pairs, "corrected": swaps.corrected, "found": parts}


def is_record(path: str | os.PathLike[str]) -> bool:
    """Whether a file is the record of a run of ours, whatever it is called."""
    return Path(path).suffix.lower() == ".json" and read_record(path).get("program") == PROGRAM


def records_in(folder: str | os.PathLike[str]) -> list[Path]:
    """The records of runs that lie in a folder itself, by name; none in a file."""
    return [path for path in sorted(Path(folder).glob("*_run.json")) if is_record(path)]


def describe_record(path: str | os.PathLike[str]) -> str:
    """The record of a run in a few lines: what was done with what, when, and how well it fits.

    Values of unknown kinds, as of another version, are left out.

    Raises
    ------
    PoseDataError
        It is no record of ours.
    """
    record = read_record(path)
    if record.get("program") != PROGRAM:
        raise PoseDataError(
            "this is no record of a run of ours", file=path, expected="a <session>_run.json"
        )
    mode = str(record.get("mode"))
    what = HOW.get(mode, mode)  # type: ignore[call-overload]
    lines = [f"{os.fspath(path)}: the record of a run of napari-pose3d {record.get('version')}"]
    owner = f" of {record['individual']}" if record.get("individual") else ""
    lines.append(
        f"  session {record.get('session') or 'without a name'}{owner}, {what}, written "
        f"{record.get('written')}, computed in {record.get('seconds')} s"
    )
    views, keypoints = _listed(record.get("views")), _listed(record.get("keypoints"))
    lines.append(
        f"  {record.get('frames')} frames x {len(keypoints)} keypoints ({', '.join(keypoints)}) x "
        f"{len(views)} views ({', '.join(views)})"
    )
    lines += [f"  input: {line}" for line in _input_lines(record.get("inputs"))]
    if changed := _changed_settings(record.get("settings"), mode):
        lines.append(f"  settings: {', '.join(changed)}")
    else:
        lines.append("  settings: all as they are without being set")
    params = record.get("smooth_param")
    if isinstance(params, dict) and params:
        how = "found" if record.get("smooth_param_searched") else "given"
        each = ", ".join(f"{name} {s:.4g}" for name, s in params.items() if is_number(s))
        lines.append(f"  s ({how}): {each}")
    lines += [f"  {line}" for line in view_table(views_of_record(record)).splitlines()]
    serious = _listed(record.get("serious"))
    lines += [
        f"  {'warning' if note in serious else 'note'}: {note}"
        for note in _listed(record.get("warnings"))
    ]
    return "\n".join(lines)


def views_of_record(record: Mapping[str, Any]) -> dict[str, ViewReport]:
    """What a record says about each view; without those that it is not understood about."""
    found = record.get("per_view")
    views = {}
    for view, values in found.items() if isinstance(found, dict) else ():
        if isinstance(values, dict):
            counts = [_number(values.get(name), 0) for name in _COUNTS]
            after, before = (_number(values.get(name), math.nan) for name in _RESIDUALS)
            views[str(view)] = ViewReport(
                int(counts[0]), int(counts[1]), after, before, int(counts[2])
            )
    return views


def _input_lines(inputs: Any) -> Iterator[str]:
    """The files, and whether they are still what was read."""
    for entry in inputs if isinstance(inputs, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            continue
        path = Path(entry["path"])
        role = entry.get("role") or f"view {entry.get('view')} of {entry.get('model')}"
        try:
            known = entry.get("bytes")
            same = known is not None and path.stat().st_size == known
            state = "" if same else " (changed since)"
        except (OSError, ValueError):
            state = " (not there any more)"
        yield f"{role}: {path}{state}"


def _changed_settings(settings: Any, mode: str) -> list[str]:
    """Settings that are not what they are when nothing is set."""
    kind = TriangulationSettings if mode == "triangulated" else SmoothingSettings
    usual = json.loads(json.dumps(dataclasses.asdict(kind())))
    if not isinstance(settings, dict):
        return []
    return [
        f"{name} = {json.dumps(value)}"
        for name, value in settings.items()
        if value != usual.get(name)
    ]


def _listed(values: Any) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []


def _number(value: Any, usual: float) -> float:
    return float(value) if is_number(value) else usual


def is_number(value: Any) -> bool:
    """Whether a value of a record is a finite number."""
    # Not NaN either, which is smaller than nothing.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


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
    with open_input(path) as stream, input_errors(path):
        while block := stream.read(_HASH_BLOCK):
            if cancelled():
                raise Cancelled
            digest.update(block)
    return digest.hexdigest()
