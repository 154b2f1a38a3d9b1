"""Record trainings of the real litpose for tests/data/litpose_run, without paths of machines.

``python -m tests.support.litpose.record_litpose ENVIRONMENT`` trains two tiny networks on our
sample (some minutes), and writes what tests need of what they leave. Checkpoints become empty
files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from napari_pose3d.core.models.configuration.config_file import (
    config_text,
    read_config,
    with_values,
)
from napari_pose3d.core.models.configuration.training_config import config_of_seed
from napari_pose3d.core.models.training_plan import plan_training
from napari_pose3d.settings import TrainingSettings
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample
from tests.support.litpose.real_litpose import tiny_transformer
from tests.support.litpose.spot_networks import spot_positions, spot_video, write_export
from tests.support.paths import RECORDED_LITPOSE as RECORDED

SEEDS = (0, 1)
_EPOCHS, _ROWS, _FRAMES = 6, 3, 2
_VALUES = {
    "training.train_batch_size": 4,
    "training.val_batch_size": 4,
    "training.test_batch_size": 4,
    "training.log_every_n_steps": 1,
    "training.check_val_every_n_epoch": 2,
    "training.unfreezing_epoch": 2,
    "training.optimizer_params.learning_rate": 1e-3,
}


def records(data: bytes) -> list[bytes]:
    """The whole records of an event file."""
    found, at = [], 0
    while at + 12 <= len(data):
        end = at + 16 + struct.unpack_from("<Q", data, at)[0]
        if end > len(data):
            break
        found.append(data[at:end])
        at = end
    return found


def without_texts(data: bytes, named: bytes) -> bytes:
    """An event file without the records that hold the configuration or a path."""
    kept = [
        each
        for each in records(data)
        if named not in each and b"hparams" not in each and b"text_summary" not in each
    ]
    return b"".join(kept)


def main(environment: Path) -> None:
    """Train, follow, and keep what tests need."""
    with tempfile.TemporaryDirectory(prefix="record-") as name:
        work = Path(name)
        tiny_transformer(environment, work / "cache")
        project = make_sample(work / "project", recipe=SampleRecipe(n_frames=100, seeds=1))
        shutil.rmtree(project / "models")
        shutil.rmtree(RECORDED / "models", ignore_errors=True)
        variables = os.environ | {
            "HF_HOME": str(work / "cache"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }
        variables.pop("PYTHONPATH", None)
        recommend(environment, project, work, variables)
        settings = TrainingSettings(
            epochs=_EPOCHS,
            image_size=128,
            workers=0,
            reprojection_from=1,
            reprojection_full=4,
            mask_share=0.3,
            mask_from=1,
            mask_full=5,
        )
        plan = plan_training(project, settings)
        for seed in SEEDS:
            folder = project / "models" / f"seed{seed}"
            folder.mkdir(parents=True)
            config = config_of_seed(with_values(plan.config, _VALUES), seed, "test")
            (folder / "asked_config.yaml").write_text(config_text(config))
            timeline = follow(environment, folder, variables)
            if seed == SEEDS[0]:
                command = [str(environment / "bin" / "litpose"), "predict", str(folder)]
                command += [str(path) for path in sorted((project / "videos").glob("*.mp4"))]
                command += ["--skip_viz", "--reader", "opencv", "--batch_size", "8"]
                subprocess.run(command, env=variables, cwd=folder, stdin=subprocess.DEVNULL)
                record_spots(environment, folder, variables)
            keep(folder, RECORDED / "models" / folder.name, work, environment, timeline)


def recommend(environment: Path, project: Path, work: Path, variables: dict[str, str]) -> None:
    """What litpose recommends for the sample."""
    output = work / "recommended.yaml"
    command = [str(environment / "bin" / "litpose"), "recommend", str(project)]
    command += ["--output", str(output)]
    subprocess.run(command, env=variables, cwd=work, stdin=subprocess.DEVNULL, check=True)
    text = cleaned(output.read_text(), work, environment)
    (RECORDED / output.name).write_text(text)


def cleaned(text: str, work: Path, environment: Path) -> str:
    """Text with neither paths nor names of this machine."""
    text = text.replace(str(work), "/data").replace(str(environment), "/env")
    return re.sub(r"/(?:tmp|home|root|work)/[^\s'\",]*", "/elsewhere", text)


def record_spots(environment: Path, network: Path, variables: dict[str, str]) -> None:
    """What litpose predicts by onnxruntime with a network of ours in the place of its own export.

    Its resizing and decoding are the reference for ours, with maps that have peaks.
    """
    config = read_config(network / "config.yaml")
    views, keypoints = config["data"]["view_names"], tuple(config["data"]["keypoint_names"])
    (checkpoint,) = network.rglob("*.ckpt")
    shutil.rmtree(network / "exports_onnx", ignore_errors=True)
    export = network / "exports_onnx" / f"{checkpoint.stem}_fp32.onnx"
    write_export(export, len(views), keypoints)
    shutil.rmtree(RECORDED / "spots", ignore_errors=True)
    (RECORDED / "spots").mkdir()
    videos = [
        spot_video(RECORDED / "spots" / f"spots_{view}.mp4", spot_positions(_FRAMES, seed))
        for seed, view in enumerate(views)
    ]
    command = [str(environment / "bin" / "litpose"), "predict", str(network), *map(str, videos)]
    command += ["--skip_viz", "--reader", "opencv", "--runtime", "onnx"]
    subprocess.run(command, env=variables, cwd=network, stdin=subprocess.DEVNULL)
    for video in videos:
        table = network / "video_preds" / f"{video.stem}.csv"
        shutil.move(table, RECORDED / "spots" / table.name)
        (network / "video_preds" / f"{video.stem}_temporal_norm.csv").unlink(missing_ok=True)


def follow(environment: Path, folder: Path, variables: dict[str, str]) -> list[dict[str, object]]:
    """Train; what stood in the status, and how long the event file was, at ten times per second."""
    config = folder / "asked_config.yaml"
    command = [str(environment / "bin" / "litpose"), "train", str(config)]
    command += ["--output_dir", str(folder)]
    found: list[dict[str, object]] = []
    begun = time.monotonic()
    with (
        (folder / "train_stdout.log").open("wb") as out,
        (folder / "train_stderr.log").open("wb") as error,
    ):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
            env=variables,
            cwd=folder,
        )
        running = True
        while running:
            running = process.poll() is None
            status = folder / "train_status.json"
            events = next(folder.glob("tb_logs/*/*/events.out.tfevents.*"), None)
            now = {
                "status": json.loads(status.read_text()) if status.is_file() else None,
                "events": 0 if events is None else events.stat().st_size,
            }
            last = {key: value for key, value in found[-1].items() if key != "s"} if found else {}
            if now != last and now["status"] is not None:
                found.append({"s": round(time.monotonic() - begun, 2), **now})
            time.sleep(0.1)
    print(folder.name, process.returncode, found[-1])
    return found


def keep(
    folder: Path,
    target: Path,
    work: Path,
    environment: Path,
    timeline: list[dict[str, object]],
) -> None:
    """Copy what tests need of a network, with neither paths nor names of this machine."""

    target.mkdir(parents=True)
    for name in ("config.yaml", "train_status.json"):
        (target / name).write_text(cleaned((folder / name).read_text(), work, environment))
    for path in folder.glob("predictions_*_pixel_error.csv"):
        lines = path.read_text().splitlines()
        cells = [[_short(cell) for cell in line.split(",")] for line in lines]
        (target / path.name).write_text("\n".join(",".join(row) for row in cells) + "\n")
    for path in folder.rglob("*.ckpt"):
        empty = target / path.relative_to(folder)
        empty.parent.mkdir(parents=True)
        empty.touch()
    if folder.name != f"seed{SEEDS[-1]}":
        for path in sorted((folder / "video_preds").glob("*"))[:2]:
            lines = path.read_text().splitlines()[: _ROWS + 3]
            (target / "video_preds").mkdir(exist_ok=True)
            (target / "video_preds" / path.name).write_text("\n".join(lines) + "\n")
        return
    (events,) = folder.rglob("events.out.tfevents.*")
    raw = events.read_bytes()
    place = target / events.relative_to(folder).parent
    name = str(work).encode()
    (place / "events.out.tfevents.1.host.1.0").write_bytes(without_texts(raw, name))
    for each in timeline:
        each["events"] = len(without_texts(raw[: int(str(each["events"]))], name))
    (RECORDED / "timeline.json").write_text(
        "[\n" + ",\n".join(json.dumps(each) for each in timeline) + "\n]\n"
    )
    for log in ("train_stdout.log", "train_stderr.log"):
        text = (folder / log).read_bytes().decode("utf-8", errors="replace")
        text = cleaned(text, work, environment)
        (target / log).write_text(text[-1500:], newline="")


def _short(cell: str) -> str:
    try:
        return f"{float(cell):.3f}" if cell.strip() else cell
    except ValueError:
        return cell


if __name__ == "__main__":
    main(Path(sys.argv[1]))
