"""Where a result goes on disk, and writing it: all files or none."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from .errors import Cancelled, PoseDataError
from .poses import Ensemble, Mode, Poses2D, Result
from .settings import IsCancelled, Progress

if TYPE_CHECKING:
    from .cameras.rig import Rig

AnyPath = str | os.PathLike[str]

# The scorer that ensemble-kalman-smoother writes, which its readers look for.
SCORER = "ensemble-kalman_tracker"
_HASH_BLOCK = 1 << 22


def default_folder(ensemble: Ensemble, inputs: Iterable[AnyPath] = ()) -> Path:
    """Where results go when the user does not say.

    Inside a Lightning Pose project ``<project>/napari-pose3d/smoothed/<session>/``, which its own
    app does not look into; else ``./<session>_smoothed/``.
    """
    from .project import find_project

    session = ensemble.session or "recording"
    starts = [source.path for source in ensemble.sources] or [Path(p) for p in inputs]
    for start in starts[:1]:
        project = find_project(start)
        if project is not None:
            return project.folder / "napari-pose3d" / "smoothed" / session
    return Path.cwd() / f"{session}_smoothed"


def result_paths(poses: Ensemble | Poses2D, mode: Mode, folder: AnyPath) -> list[Path]:
    """The files that `save_result` writes: one per view, the 3-D one if calibrated, the record."""
    stem = Path(folder) / (poses.session or "recording")
    parts = [f"{view}.csv" for view in poses.views]
    parts += ["3d.csv"] if mode == "calibrated" else []
    return [stem.with_name(f"{stem.name}_{part}") for part in (*parts, "run.json")]


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise `PoseDataError` when one of the files exists, before any work has been done."""
    for path in paths:
        if path.exists():
            raise PoseDataError(
                "this file exists already and was not replaced",
                file=path,
                todo="Choose another folder with --out, or allow replacing it with --force",
            )


def save_result(
    result: Result,
    ensemble: Ensemble,
    rig: Rig | None,
    folder: AnyPath,
    *,
    force: bool = False,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> list[Path]:
    """Write a result: a CSV per view, the 3-D CSV and the record of the run.

    Parameters
    ----------
    result, ensemble, rig
        What `smooth` returned and was given.
    folder : path
        Made where it does not exist.
    force : bool
        Whether files of an earlier run may be replaced.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    PoseDataError
        A file exists and ``force`` is False, or the folder cannot be written to. Nothing has been
        changed then, nor after `Cancelled`.
    """
    from .files import FileGroup
    from .formats.poses3d_csv import write_poses3d_csv
    from .formats.prediction_csv import write_prediction_csv
    from .formats.prediction_table import PredictionTable

    report = progress or (lambda stage, done, total: None)
    cancelled = cancelled or (lambda: False)
    poses = result.poses2d
    paths = result_paths(poses, result.report.mode, folder)

    def writing(path: Path) -> Progress:
        return lambda _, done, total: report(f"Writing {path.name}", done, total)

    with FileGroup(overwrite=force) as files:
        # All names are claimed before the first is written: an existing file shows at once.
        streams = [files.open(path) for path in paths]
        for view, path, stream in zip(poses.views, paths, streams, strict=False):
            write_prediction_csv(
                stream,
                PredictionTable.from_poses(poses, view),
                scorer=SCORER,
                progress=writing(path),
                cancelled=cancelled,
            )
        if result.poses3d is not None:
            write_poses3d_csv(
                streams[-2],
                result.poses3d,
                scorer=SCORER,
                progress=writing(paths[-2]),
                cancelled=cancelled,
            )
        record = run_record(result, ensemble, rig, progress=progress, cancelled=cancelled)
        streams[-1].write(json.dumps(record, indent=2) + "\n")
    return paths


def run_record(
    result: Result,
    ensemble: Ensemble,
    rig: Rig | None,
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> dict[str, Any]:
    """What was done with which files: the content of ``<session>_run.json``."""
    progress = progress or (lambda stage, done, total: None)
    cancelled = cancelled or (lambda: False)
    report = result.report
    used = result.report.mode == "calibrated"
    calibration = rig.path if rig is not None and used else None
    sources: list[tuple[Path, dict[str, str]]] = [
        (source.path, {"view": source.view, "model": source.model}) for source in ensemble.sources
    ]
    if calibration is not None:
        sources.append((calibration, {"role": "calibration"}))
    inputs = []
    for i, (path, role) in enumerate(sources):
        progress("Recording the inputs", i, len(sources))
        inputs.append(
            {
                "path": str(path.resolve()),
                **role,
                "bytes": path.stat().st_size,
                "sha256": _sha256(path, cancelled),
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
        "frames": ensemble.n_frames,
        "smooth_param": report.smooth_param,
        "smooth_param_searched": report.searched,
        "counts": {
            "observations": report.observations,
            "missing": report.missing,
            "rejected": report.rejected,
            "inferred": report.inferred,
        },
        "units": result.poses3d.units if result.poses3d is not None else None,
        "warnings": list(report.warnings),
        "not_used": [{"path": str(path), "reason": why} for path, why in ensemble.unmatched],
        "seconds": round(report.seconds, 3),
    }


def summary(result: Result) -> str:
    """One line in plain words that says what was done."""
    poses, report = result.poses2d, result.report
    how = {
        "calibrated": "smoothed in 3-D with the calibration",
        "linear": "smoothed over all views without calibration",
        "single": "smoothed view by view",
    }[report.mode]
    axes = f"{len(poses.keypoints)} keypoints x {len(poses.views)} views"
    size = f"{poses.n_frames:,} frames x {axes}"
    cells = report.observations + report.missing + report.rejected

    def share(count: int) -> str:
        percent = 100 * count / max(cells, 1)
        return f"{count:,} ({percent:.1f} %)"

    parts = [
        f"{size} {how} in {report.seconds:.1f} s",
        f"missing {share(report.missing)}",
    ]
    if report.mode == "calibrated":
        parts.append(f"set aside as contradicting other views {share(report.rejected)}")
        parts.append(f"filled in where no view saw them {report.inferred:,}")
    return "; ".join(parts) + "."


def _sha256(path: Path, cancelled: IsCancelled) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_HASH_BLOCK):
            if cancelled():
                raise Cancelled
            digest.update(block)
    return digest.hexdigest()
