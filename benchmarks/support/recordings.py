"""The recordings that benchmarks run on: real, synthetic, repeated until they are long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path


@dataclass(frozen=True)
class Recording:
    """Prediction CSVs in a folder and their calibration."""

    name: str
    folder: Path
    calibration: Path

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.csv"))

    @property
    def views(self) -> list[str]:
        from napari_pose3d import load_rig

        return list(load_rig(self.calibration).names)


def real_or_synthetic(data: Path, folder: Path) -> Recording:
    """The recording ``fly`` where it is there, else a synthetic one of its size, which is printed.

    Parameters
    ----------
    data : Path
        Folder of the real recordings.
    folder : Path
        Where a synthetic one may be written.
    """
    fly = data / "fly"
    if (fly / "calibration.toml").exists():
        return Recording("fly", fly, fly / "calibration.toml")
    print(f"\nThe real recording is not at {fly}: a synthetic one of its size takes its place.")
    return synthetic(folder)


def synthetic(folder: Path, n_frames: int = 500, n_cameras: int = 3) -> Recording:
    """A synthetic recording with three seeds, written as CSV files."""
    from napari_pose3d.core.cameras.rig_file import save_rig
    from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
    from napari_pose3d.synthetic.network_errors import simulate_predictions
    from napari_pose3d.synthetic.scene import make_scene

    folder.mkdir(parents=True, exist_ok=True)
    scene = make_scene(n_frames, n_cameras)
    ensemble, _ = simulate_predictions(scene)
    for i in range(len(ensemble.models)):
        for view in ensemble.views:
            path = folder / f"session_{view}_seed={i}.csv"
            write_prediction_csv(path, ensemble.poses(i), view=view)
    calibration = folder / "calibration.toml"
    save_rig(scene.rig, calibration)
    return Recording("synthetic", folder, calibration)


def repeated(source: Recording, folder: Path, n_frames: int) -> Recording:
    """A long recording: a short one played forward and backward in turn, without a jump."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.files:
        lines = path.read_text().splitlines()
        n_header = next(i for i, line in enumerate(lines) if line.startswith("coords,")) + 1
        frames = [line.partition(",")[2] for line in lines[n_header:]]
        there_and_back = endless(frames)
        with (folder / path.name).open("w") as stream:
            stream.writelines(f"{line}\n" for line in lines[:n_header])
            stream.writelines(
                f"{i},{row}\n" for i, row in enumerate(islice(there_and_back, n_frames))
            )
    return Recording(f"{source.name}, {n_frames:,} frames", folder, source.calibration)


def endless(frames: Sequence[str]) -> Iterator[str]:
    return cycle([*frames, *frames[-2:0:-1]])


def size_of(recording: Recording) -> str:
    """Frames x keypoints x views x seeds, in words."""
    from napari_pose3d import load_predictions, load_rig

    e = load_predictions(recording.folder, rig=load_rig(recording.calibration))
    counts = (len(e.views), len(e.models), e.n_frames, len(e.keypoints))
    return "{} views x {} seeds x {:,} frames x {} keypoints".format(*counts)
