"""A stand-in for ``litpose`` 2.4.3: writes what it writes, in its order, and ends as it ends.

Exit codes lie as the real ones do: SIGTERM while training gives 0, and prediction without a view
gives 0 and writes nothing. ``FAKE_LITPOSE`` is JSON that changes what it does: ``pause`` (seconds
for an epoch), ``fail`` (text that is raised in the first epoch), ``hang`` (ignores SIGINT),
``hold`` (a file: the training waits half way while it is there), ``rows`` (rows of predictions),
``epochs`` (how many are trained, whatever is asked for),
``workers`` (a mark in the command of two processes that it starts, which ignore SIGTERM).
"""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import yaml

HOW = json.loads(os.environ.get("FAKE_LITPOSE", "{}"))


def crc(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    value ^= 0xFFFFFFFF
    return struct.pack("<I", (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def block(number, content):
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def record(tag, step, value):
    """A scalar as TensorBoard writes it."""
    inner = block(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
    event = b"\x09" + struct.pack("<d", time.time()) + b"\x10" + varint(step)
    event += block(5, block(1, inner))
    length = struct.pack("<Q", len(event))
    return length + crc(length) + event + crc(event)


def status(folder, text, done, total):
    new = folder / "train_status.json.tmp"
    progress = {"completed": done, "total": total, "timestamp": time.time()}
    new.write_text(json.dumps({"status": text, "progress": progress}))
    new.replace(folder / "train_status.json")


def views_of(config):
    return config["data"].get("view_names") or []


def train(config_file, folder):
    config = yaml.safe_load(Path(config_file).read_text())
    folder.mkdir(parents=True, exist_ok=True)
    training = config["training"]
    epochs, every = training["max_epochs"], training["check_val_every_n_epoch"]
    if HOW.get("epochs"):
        epochs, every = HOW["epochs"], 1
    elif any(m > epochs for m in training["lr_scheduler_params"]["multisteplr"]["milestones"]):
        raise AssertionError("all training.lr_scheduler_params.multisteplr.milestones must be <=")
    effective = dict(config, creation_datetime="2026-11-28T00:00:00")
    effective["model"] = dict(config["model"], lightning_pose_version="2.4.3")
    boxes = config["data"].get("bbox_file") or []
    for labels, table in zip(config["data"]["csv_file"], boxes, strict=bool(boxes)):
        images = [line.split(",")[0] for line in Path(labels).read_text().splitlines()[3:]]
        assert [line.split(",")[0] for line in Path(table).read_text().splitlines()[1:]] == images
    (folder / "config.yaml").write_text(yaml.safe_dump(effective, sort_keys=False))
    version = folder / "tb_logs" / config["model"]["model_name"] / "version_0"
    (version / "checkpoints").mkdir(parents=True)
    events = (version / "events.out.tfevents.1.host.1.0").open("ab", buffering=0)
    print("adding supervised reprojection heatmap loss")
    print("GPU", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if HOW.get("hang"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    status(folder, "TRAINING", 0, epochs)
    if HOW.get("workers"):
        code = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
        for apart in (False, True):
            command = [sys.executable, "-c", code, HOW["workers"]]
            subprocess.Popen(command, start_new_session=apart)
    best = None
    try:
        for epoch in range(epochs):
            if epoch == 0 and HOW.get("fail"):
                raise RuntimeError(HOW["fail"])
            time.sleep(HOW.get("pause", 0.01))
            while epoch == epochs // 2 and "hold" in HOW and Path(HOW["hold"]).exists():
                time.sleep(0.02)
            events.write(record("train_supervised_rmse", epoch, 30.0 / (epoch + 1)))
            if (epoch + 1) % every == 0:
                events.write(record("val_supervised_rmse", epoch, 40.0 / (epoch + 1)))
                new = version / "checkpoints" / f"epoch={epoch}-step={epoch + 1}-best.ckpt"
                new.write_bytes(b"weights")
                if best is not None:
                    best.unlink()
                best = new
            status(folder, "TRAINING", epoch + 1, epochs)
    except KeyboardInterrupt:
        print("\nDetected KeyboardInterrupt, attempting graceful shutdown ...", file=sys.stderr)
        sys.exit(1)
    status(folder, "EVALUATING", epochs, epochs)
    if best is None:
        raise FileNotFoundError("Checkpoint file not found, have you trained for enough epochs?")
    files = config["data"]["csv_file"]
    for view, file in zip(views_of(config), files, strict=True):
        lines = Path(file).read_text().splitlines()
        names = list(dict.fromkeys(lines[1].split(",")[1:]))
        rows = [",".join(["", *names, "set"])]
        for n, line in enumerate(lines[3:]):
            kind = "validation" if n == 0 else "train"
            rows.append(",".join([line.split(",")[0], *["2.5"] * len(names), kind]))
        path = folder / f"predictions_{view}_pixel_error.csv"
        path.write_text("\n".join(rows) + "\n")
    status(folder, "COMPLETED", epochs, epochs)


def predict(model, videos, options):
    config = yaml.safe_load((model / "config.yaml").read_text())
    if not list(model.rglob("*.ckpt")):
        raise FileNotFoundError("Checkpoint file not found")
    views = views_of(config)
    missing = [video for video in videos if not Path(video).is_file()]
    if missing:
        raise FileNotFoundError(missing[0])
    sessions = {}
    for video in videos:
        for view in views:
            if Path(video).stem.endswith(f"_{view}"):
                sessions.setdefault(Path(video).stem.removesuffix(f"_{view}"), {})[view] = video
    complete = {k: v for k, v in sessions.items() if set(v) == set(views)}
    print(f"grouped {len(videos)} videos into {len(complete)} sessions")
    if HOW.get("fail"):
        raise RuntimeError(HOW["fail"])
    rows = HOW.get("rows", 40)
    boxes = Path(options[options.index("--bbox_dir") + 1]) if "--bbox_dir" in options else None
    (model / "video_preds").mkdir(exist_ok=True)
    names = config["data"]["keypoint_names"]
    for session, files in complete.items():
        out = {v: model / "video_preds" / f"{session}_{v}.csv" for v in files}
        if all(path.exists() for path in out.values()) and "--overwrite" not in options:
            print("skipping")
            continue
        time.sleep(HOW.get("pause", 0))
        for n, (view, path) in enumerate(out.items()):
            x, y = 0.0, 0.0
            if boxes is not None:
                # As litpose: by the video's name, and a box for each frame.
                lines = (boxes / f"{Path(files[view]).stem}_bbox.csv").read_text().splitlines()
                if lines[0].split(",")[-4:] != ["x", "y", "h", "w"] or len(lines) - 1 != rows:
                    raise ValueError("bbox file does not have the frames of the video")
                x, y = map(float, lines[1].split(",")[-4:-2])
            head = [
                ["scorer", *["heatmap_tracker"] * 3 * len(names)],
                ["bodyparts", *[name for name in names for _ in "xyl"]],
                ["coords", *["x", "y", "likelihood"] * len(names)],
            ]
            cells = [f"{10.0 + n + x}", f"{20.0 + y}", "0.99"] * len(names)
            lines = [",".join(row) for row in head]
            lines += [",".join([str(frame), *cells]) for frame in range(rows)]
            path.write_text("\n".join(lines) + "\n")
    if not Path(config["data"]["data_dir"]).is_dir():
        raise FileNotFoundError(config["data"]["data_dir"])


def recommend(folder, output):
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "src"))
    import napari_pose3d.core.models.configuration.project_dataset as dataset
    from napari_pose3d.core.models.configuration.config_file import config_text
    from napari_pose3d.core.models.configuration.training_config import recommended_config

    config = recommended_config(dataset.project_dataset(folder))
    Path(output).write_text(config_text(config))


def main(arguments):
    command, *rest = arguments
    if command == "--version":
        print("litpose 2.4.3")
    elif command == "train":
        train(rest[0], Path(rest[rest.index("--output_dir") + 1]))
    elif command == "predict":
        first = next((i for i, a in enumerate(rest) if a.startswith("--")), len(rest))
        predict(Path(rest[0]), rest[1:first], rest[first:])
    elif command == "recommend":
        recommend(rest[0], rest[rest.index("--output") + 1])
    elif command == "export":
        model = Path(rest[0])
        (model / "exports_onnx").mkdir()
        (model / "exports_onnx" / "epoch=0-step=1-best_fp32.onnx").write_bytes(b"network")


if __name__ == "__main__":
    main(sys.argv[1:])
