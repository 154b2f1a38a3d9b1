"""The smoother at 500, 2,000 and 10,000 frames: time, memory and the likelihood reached.

Compared with ensemble-kalman-smoother 4.6.2 on the recording fly, played forward and backward in
turn: arrays in, arrays out, no files read or written in the time given, imports excluded and our
compiled code cached. Its own call compiles in every process: that is part of every first call of a
user's, and shown. At 10,000 frames it is called with the smoothing parameter given only: its search
does not end within ten minutes.

The likelihood is that of the published model at the parameters each search ended with, as its own
search sees it; ours "as published" looks for the same optimum.

    python -m benchmarks.smoothing.sizes [--quick] [--data PATH] [--frames N ...] [--no-peer]
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.smoothing.speed import run_ours, run_peer
from benchmarks.support.peers import peer_python
from benchmarks.support.recordings import Recording, real_or_synthetic, repeated
from benchmarks.support.report import Table, begin, goal, parser

GOAL_SPEED = 300
_AT_FRAMES = 2_000
# Beyond so many frames the other program is not asked to search.
_SEARCHED_UP_TO = 2_000


def costs(recording: Recording, found: dict[str, list[float]]) -> dict[str, float]:
    """Negative log-likelihood of the published model at given parameters, summed over keypoints."""
    from napari_pose3d import load_predictions, load_rig
    from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
        ensemble_statistics,
    )
    from napari_pose3d.core.smoothing.kalman.state_space import negative_log_likelihood
    from napari_pose3d.core.smoothing.published.published_smoother import (
        published_track,
    )

    rig = load_rig(recording.calibration)
    ensemble = load_predictions(recording.folder, rig=rig)
    statistics = ensemble_statistics(ensemble)
    everywhere = np.ones(ensemble.n_frames, dtype=bool)
    total = dict.fromkeys(found, 0.0)
    for k, keypoint in enumerate(ensemble.keypoints):
        centre, variance = statistics.centre[:, :, k], statistics.variance[:, :, k]
        track = published_track(
            rig, ensemble.xy[:, :, :, k], centre, variance, everywhere, keypoint, lambda: False
        )
        for name, params in found.items():
            total[name] += negative_log_likelihood(rig.packed, track, params[k])
    return total


def compare(
    recording: Recording, n_frames: int, peer: tuple[Path | None, str], scratch: Path, limit: float
) -> None:
    """Print the table of one length."""
    table = Table(
        f"{recording.name}: arrays in, arrays out",
        ("program", "s", "first call, s", "fastest, s", "median, s", "peak, MB"),
    )
    found: dict[str, list[float]] = {}
    times: dict[tuple[str, str], list[float]] = {}

    def add(name: str, how: str, facts: dict[str, Any], key: str) -> None:
        if facts["problem"]:
            table.notes.append(f"{name}, s {how}: {facts['problem']}")
        if seconds := facts.get(key):
            times[name, how] = seconds
            peak = facts["peak_mb"]
            table.add(name, how, seconds[0], min(seconds), median(seconds), peak)
            if how == "searched":
                found[name] = facts["smooth_param"]

    python, peer_name = peer
    out = scratch / "out"
    for how, given in (("searched", ()), ("given", ("--s", "1"))):
        for name, extra in (("napari-pose3d", ()), ("same, as published", ("--as-published",))):
            options = ("--warm-up", "--arrays", "--calls", "5", *given, *extra)
            add(name, how, run_ours(recording, out, *options), "seconds")
        if python is not None and (how == "given" or n_frames <= _SEARCHED_UP_TO):
            calls = "2" if n_frames <= 500 or how == "given" else "1"
            facts = run_peer(python, recording, out, limit, "--calls", calls, *given)
            add(peer_name, how, facts, "computed")
    if python is None:
        table.notes.append(peer_name)
    if peer_name in found and "same, as published" in found:
        cost = costs(recording, {name: found[name] for name in ("same, as published", peer_name)})
        gained = cost[peer_name] - cost["same, as published"]
        table.notes.append(f"log-likelihood: our search ends {gained:.2f} nats higher than its own")
    table.show()
    theirs = times.get((peer_name, "searched"))
    if theirs and n_frames == _AT_FRAMES:
        ratio = min(theirs) / median(times["napari-pose3d", "searched"])
        goal(f"{ratio:,.0f} times faster, s searched; at least {GOAL_SPEED}", ratio >= GOAL_SPEED)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--frames", type=int, nargs="+", help="default 500, 2,000 and 10,000")
    options.add_argument("--no-peer", action="store_true", help="ours alone")
    options.add_argument(
        "--limit", type=float, default=400, help="seconds the other program may take per process"
    )
    chosen = options.parse_args()
    begin("The smoother at several lengths")
    peer = (None, "the other program was left out") if chosen.no_peer else peer_python()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        recording = real_or_synthetic(chosen.data, scratch / "synthetic")
        for n in chosen.frames or ([500] if chosen.quick else [500, 2_000, 10_000]):
            compare(repeated(recording, scratch / str(n), n), n, peer, scratch, chosen.limit)


if __name__ == "__main__":
    main()
