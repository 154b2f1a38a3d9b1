"""Where a result goes on disk, and writing it: all files or none."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_pose3d._version import __version__
from napari_pose3d.core.poses.arrays import AnyEnsemble, Kind, Poses2D, Result
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Progress

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable

Columns = Literal["all", "movement"]
AnyPath = str | os.PathLike[str]

# The scorer that ensemble-kalman-smoother writes, which its readers look for.
SCORER = "ensemble-kalman_tracker"
_HASH_BLOCK = 1 << 22


def default_folder(
    ensemble: AnyEnsemble,
    inputs: Iterable[AnyPath] = (),
    kind: Literal["smoothed", "triangulated"] = "smoothed",
) -> Path:
    """Where results go unless the user gives a folder.

    Inside a Lightning Pose project ``<project>/napari-pose3d/<kind>/<session>/``, which its own
    app does not look into; else ``./<session>_<kind>/``.
    """
    from napari_pose3d.core.formats.projects.project_yaml import find_project

    session = ensemble.session or "recording"
    starts = [source.path for source in ensemble.sources] or [Path(p) for p in inputs]
    for start in starts[:1]:
        project = find_project(start)
        if project is not None:
            return project.folder / "napari-pose3d" / kind / session
    return Path.cwd() / f"{session}_{kind}"


def result_paths(poses: AnyEnsemble | Poses2D, mode: Kind, folder: AnyPath) -> list[Path]:
    """The files that `save_result` writes: one per view, the 3-D one if there is 3-D, the record.

    Per view the smoothed positions, or, of a triangulation, how far the observations lie from it.
    """
    stem = Path(folder) / (poses.session or "recording")
    ending = "_reprojection_error.csv" if mode == "triangulated" else ".csv"
    parts = [f"{view}{ending}" for view in poses.views]
    parts += ["3d.csv"] if mode in ("calibrated", "triangulated") else []
    return [stem.with_name(f"{stem.name}_{part}") for part in (*parts, "run.json")]


def save_result(
    result: Result,
    ensemble: AnyEnsemble,
    rig: Rig | None,
    folder: AnyPath,
    *,
    force: bool = False,
    compact: bool = False,
    columns: Columns = "all",
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> list[Path]:
    """Write a result: a CSV per view, the 3-D CSV and the record of the run.

    Parameters
    ----------
    result, ensemble, rig
        What `smooth` or `triangulate_ensemble` returned and was given.
    folder : path
        Made where it does not exist.
    force : bool
        Whether files of an earlier run may be replaced.
    compact : bool
        Whether to write positions and likelihood only, a third of the columns: no variances, and
        nothing of the ensemble. Pixels have two decimals then, 3-D positions single precision.
    columns : {"all", "movement"}
        "movement" writes the columns that movement reads, x, y and likelihood (x, y and z), with
        all digits of single precision.

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
    from napari_pose3d.core.formats.predictions.error_csv import write_error_csv
    from napari_pose3d.core.formats.predictions.poses3d_csv import write_poses3d_csv
    from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
    from napari_pose3d.core.storage.atomic_files import FileGroup

    report = progress or (lambda stage, done, total: None)
    cancelled = cancelled or (lambda: False)
    poses = result.poses2d
    paths = result_paths(poses, result.report.mode, folder)
    few = compact or columns == "movement"

    def writing(path: Path) -> Progress:
        return lambda _, done, total: report(f"Writing {path.name}", done, total)

    with FileGroup(overwrite=force) as files:
        # All names are claimed before the first is written: an existing file shows at once.
        streams = [files.open(path) for path in paths]
        for v, (view, path, stream) in enumerate(zip(poses.views, paths, streams, strict=False)):
            if result.report.mode == "triangulated":
                assert result.poses3d is not None
                write_error_csv(
                    stream,
                    result.poses3d.residuals[v],
                    poses.keypoints,
                    progress=writing(path),
                    cancelled=cancelled,
                )
                continue
            write_prediction_csv(
                stream,
                _positions(poses, v, rounded=compact)
                if few
                else PredictionTable.from_poses(poses, view),
                scorer=SCORER,
                progress=writing(path),
                cancelled=cancelled,
            )
        if result.poses3d is not None:
            write_poses3d_csv(
                streams[-2],
                result.poses3d,
                scorer=SCORER,
                compact=few,
                progress=writing(paths[-2]),
                cancelled=cancelled,
            )
        record = run_record(result, ensemble, rig, progress=progress, cancelled=cancelled)
        streams[-1].write(json.dumps(record, indent=2) + "\n")
    return paths


def _positions(poses: Poses2D, view: int, *, rounded: bool) -> PredictionTable:
    """Positions and likelihood of one view; rounded to as many digits as anybody can see."""
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable

    xy, likelihood = poses.xy[view], poses.likelihood[view]
    if rounded:
        xy, likelihood = np.round(xy, 2), np.round(likelihood, 4)
    return PredictionTable(poses.keypoints, xy, likelihood, individual=poses.individual)


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


def summary(result: Result) -> str:
    """A summary of what was done, in one line."""
    poses, report = result.poses2d, result.report
    how = {
        "calibrated": "smoothed in 3-D with the calibration",
        "linear": "smoothed over all views without calibration",
        "single": "smoothed view by view",
        "triangulated": "triangulated frame by frame",
    }[report.mode]
    axes = f"{len(poses.keypoints)} keypoints x {len(poses.views)} views"
    size = f"{poses.n_frames:,} frames x {axes}"
    cells = poses.likelihood.size

    def share(count: int) -> str:
        percent = 100 * count / max(cells, 1)
        return f"{count:,} ({percent:.1f} %)"

    parts = [
        f"{size} {how} in {report.seconds:.1f} s",
        f"missing {share(report.missing)}",
    ]
    if result.poses3d is not None or report.rejected:
        parts.append(f"set aside as contradicting other views {share(report.rejected)}")
    if report.mode == "calibrated":
        parts.append(f"filled in where no view observed them {report.inferred:,}")
    if report.mode == "triangulated":
        parts.append(f"without a point in space {report.left_missing:,}")
    elif report.left_missing:
        parts.append(f"left missing {report.left_missing:,}")
    if (swaps := result.swaps) is not None and (swaps.views.any() or swaps.models.any()):
        cells = int(np.count_nonzero(swaps.views | (swaps.models > 0)))
        parts.append(
            f"left and right {'exchanged' if swaps.corrected else 'confused'} in {cells:,}"
        )
    return "; ".join(parts) + "."


def _sha256(path: Path, cancelled: IsCancelled) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_HASH_BLOCK):
            if cancelled():
                raise Cancelled
            digest.update(block)
    return digest.hexdigest()
