"""One process of ensemble-kalman-smoother that smooths a recording by its own call.

Runs in the peers' venv (``support/peers.py``), started by ``speed.py``; prints what it measured.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks.support.child import peak_memory_mb, send


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("calibration")
    options.add_argument("out")
    options.add_argument("files", nargs="+")
    options.add_argument("--s", type=float)
    options.add_argument("--calls", type=int, default=1)
    chosen = options.parse_args()

    started = time.perf_counter()
    # Only the peers' venv has it.
    from eks import multicam_smoother  # type: ignore[import-not-found]

    computed = []
    inner = multicam_smoother.ensemble_kalman_smoother_multicam

    def timed(*arguments: Any, **options: Any) -> Any:
        """Arrays in, tables out: without reading and writing files."""
        begun = time.perf_counter()
        result = inner(*arguments, **options)
        computed.append(time.perf_counter() - begun)
        return result

    multicam_smoother.ensemble_kalman_smoother_multicam = timed
    send(import_seconds=time.perf_counter() - started, baseline_mb=peak_memory_mb())
    seconds = []
    for _ in range(chosen.calls):
        begun = time.perf_counter()
        _, smooth_params, *_ = multicam_smoother.fit_eks_multicam(
            input_source=chosen.files,
            save_dir=chosen.out,
            bodypart_list=None,
            smooth_param=chosen.s,
            s_frames=None,
            inflate_vars=False,
            calibration=chosen.calibration,
        )
        seconds.append(time.perf_counter() - begun)
        found = [float(s) for s in smooth_params]
        send(seconds=seconds, computed=computed, smooth_param=found, peak_mb=peak_memory_mb())
        if len(seconds) == 1:
            send(first_ended=time.time())


if __name__ == "__main__":
    main()
