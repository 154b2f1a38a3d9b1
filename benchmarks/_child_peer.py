"""One process of ensemble-kalman-smoother that smooths a recording by its own call.

Runs in the peers' venv (`_peers.py`), started by ``smoothing_speed.py``; prints what it measured.
"""

from __future__ import annotations

import argparse
import time

from _child import peak_memory_mb, tell


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
    from eks.multicam_smoother import fit_eks_multicam  # type: ignore[import-not-found]

    tell(import_seconds=time.perf_counter() - started, baseline_mb=peak_memory_mb())
    seconds = []
    for _ in range(chosen.calls):
        begun = time.perf_counter()
        fit_eks_multicam(
            input_source=chosen.files,
            save_dir=chosen.out,
            bodypart_list=None,
            smooth_param=chosen.s,
            s_frames=None,
            inflate_vars=False,
            calibration=chosen.calibration,
        )
        seconds.append(time.perf_counter() - begun)
        tell(seconds=seconds, peak_mb=peak_memory_mb())
        if len(seconds) == 1:
            tell(first_ended=time.time())


if __name__ == "__main__":
    main()
