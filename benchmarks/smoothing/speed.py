"""Time and memory of the whole smoothing job, against the Ensemble Kalman Smoother itself.

Compared: prediction CSVs and a calibration in, written results out, the smoothing parameter
searched for every keypoint. The other program is ensemble-kalman-smoother 4.6.2, called as in its
documentation (fit_eks_multicam) in a virtual environment of its own.

Fair, because
- both read the same files and both write their CSV files, in a process of their own;
- imports are left out on both sides, and the time of the whole process is given as well;
- our compiled code is cached, as it is for a user from the second start on; the other program's is
  compiled in every process, so it is called twice and the faster call counts;
- of ours the median of several calls counts, of the other program the fastest.

Not the same: by default we compute another, costlier model (smoothing_accuracy.py shows what for).
The row "as published" is our code doing what the other program does.

Memory is the peak of the whole process on a long recording (the short one played forward and
backward in turn) with the smoothing parameter given.

    python -m benchmarks.smoothing.speed [--quick] [--data PATH] [--no-peer]

POSE3D_PEERS names a virtual environment with the other program; without it one is made.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.support.child import received
from benchmarks.support.peers import peer_python
from benchmarks.support.processes import describe_end, module_command
from benchmarks.support.recordings import Recording, real_or_synthetic, repeated, size_of
from benchmarks.support.report import Table, begin, goal, parser

GOAL_SPEED = 100
GOAL_MEMORY = 1 / 3


def run_ours(recording: Recording, out: Path, *extra: str) -> dict[str, Any]:
    """Facts from one process of ours."""
    arguments = (recording.folder, recording.calibration, out, *extra)
    return _run(module_command("benchmarks.smoothing.child_ours", *arguments), None)


def run_peer(
    python: Path, recording: Recording, out: Path, limit: float, *extra: str
) -> dict[str, Any]:
    """Facts from one process of the other program; what it sent before the limit counts."""
    # Options first: the files take the rest of the line.
    arguments = (*extra, recording.calibration, out, *recording.files)
    return _run(module_command("benchmarks.smoothing.child_peer", *arguments, python=python), limit)


def _run(command: list[str], limit: float | None) -> dict[str, Any]:
    begun = time.time()
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        output, problem = ended.stdout, describe_end(ended) if ended.returncode else ""
    except subprocess.TimeoutExpired as error:
        # What was printed until then comes as bytes, whatever was asked for.
        printed = error.stdout or b""
        output = printed.decode() if isinstance(printed, bytes) else printed
        problem = f"stopped after {limit:.0f} s"
    return {"begun": begun, "whole": time.time() - begun, "problem": problem, **received(output)}


def command_line_seconds(recording: Recording, out: Path) -> float:
    """Time of ``napari-pose3d smooth`` as a user starts it, from nothing to the prompt."""
    start = "import sys; from napari_pose3d.cli import main; sys.exit(main())"
    arguments = ["smooth", str(recording.folder), "--calibration", str(recording.calibration)]
    command = [sys.executable, "-c", start, *arguments, "--out", str(out), "--force"]
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


def speed(
    recording: Recording, peer: tuple[Path | None, str], scratch: Path, limit: float, quick: bool
) -> None:
    """Print the table of times."""
    run_ours(recording, scratch / "cache", "--warm-up")  # fills the cache of compiled code
    ours = run_ours(recording, scratch / "ours", "--warm-up", "--calls", "5" if quick else "9")
    if ours["problem"]:
        raise SystemExit(f"our own job failed: {ours['problem']}")
    same = run_ours(recording, scratch / "ours", "--warm-up", "--calls", "5", "--as-published")
    whole = min(command_line_seconds(recording, scratch / "cli") for _ in range(3))

    table = Table(
        f"{recording.name}: {size_of(recording)}, CSV to written result, s searched",
        ("program", "first call, s", "fastest, s", "median, s", "whole process, s"),
    )
    seconds = ours["seconds"]
    table.add("napari-pose3d", seconds[0], min(seconds), median(seconds), whole)
    if times := same.get("seconds"):
        none = float("nan")
        table.add("napari-pose3d, as published", times[0], min(times), median(times), none)
    reading, smoothing, writing = (median(part) for part in zip(*ours["parts"], strict=True))
    table.notes.append(
        f"ours by parts (medians): reading {reading:.3f} s, smoothing {smoothing:.3f} s, "
        f"writing {writing:.3f} s"
    )
    table.notes.append(
        f"ours before the first call: imports {ours['import_seconds']:.2f} s, loading the "
        f"compiled code from its cache {ours['warm_up_seconds']:.2f} s"
    )
    python, name = peer
    ratio = None
    if python is None:
        table.notes.append(name)
    else:
        calls = "1" if quick else "2"
        theirs = run_peer(python, recording, scratch / "peer", limit, "--calls", calls)
        if times := theirs.get("seconds"):
            from_start = theirs["first_ended"] - theirs["begun"]
            table.add(name, times[0], min(times), median(times), from_start)
            table.notes.append(
                f"{name}: imports {theirs['import_seconds']:.1f} s; {len(times)} call(s) in one "
                "process; whole process until the first result"
            )
            ratio = min(times) / median(seconds)
            table.notes.append(
                f"ratio {ratio:,.0f} (its fastest call to our median), whole processes "
                f"{from_start / whole:,.0f}"
            )
        if theirs["problem"]:
            table.notes.append(f"{name}: {theirs['problem']}")
    table.show()
    if ratio is not None:
        goal(f"{ratio:,.0f} times faster; at least {GOAL_SPEED}", ratio >= GOAL_SPEED)


def memory(
    recording: Recording, peer: tuple[Path | None, str], scratch: Path, limit: float
) -> None:
    """Print the table of memory."""
    table = Table(
        f"{recording.name}: peak memory of the whole process, s given",
        ("program", "after imports, MB", "peak, MB", "added by the job, MB", "call, s"),
    )

    def add(name: str, facts: dict[str, Any]) -> float | None:
        if facts["problem"]:
            table.notes.append(f"{name}: {facts['problem']}")
        if "peak_mb" not in facts:
            return None
        base, peak = facts["baseline_mb"], facts["peak_mb"]
        table.add(name, base, peak, peak - base, facts["seconds"][0])
        return float(peak)

    ours = add("napari-pose3d", run_ours(recording, scratch / "ours", "--s", "1"))
    python, name = peer
    theirs = None
    if python is None:
        table.notes.append(name)
    else:
        theirs = add(name, run_peer(python, recording, scratch / "peer", limit, "--s", "1"))
    table.show()
    if ours and theirs:
        share = ours / theirs
        goal(f"{share:.2f} of the peer's memory; at most {GOAL_MEMORY:.2f}", share <= GOAL_MEMORY)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--frames", type=int, help="of the long recording (default 20,000)")
    options.add_argument("--no-peer", action="store_true", help="ours alone")
    options.add_argument(
        "--limit", type=float, default=300, help="seconds the other program may take per process"
    )
    chosen = options.parse_args()
    n_frames = chosen.frames or (2_000 if chosen.quick else 20_000)

    begin("Speed and memory of the smoother")
    peer = (None, "the other program was left out") if chosen.no_peer else peer_python()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        recording = real_or_synthetic(chosen.data, scratch / "synthetic")
        speed(recording, peer, scratch, chosen.limit, chosen.quick)
        long = repeated(recording, scratch / "long", n_frames)
        memory(long, peer, scratch / "memory", chosen.limit)


if __name__ == "__main__":
    main()
