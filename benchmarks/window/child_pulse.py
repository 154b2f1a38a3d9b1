"""A process that only ticks: how late it comes is the machine's doing, not ours.

Started by ``responsiveness.py``; prints when and by how much it was late, in seconds of
``time.perf_counter``, which all processes of a machine share. Ends with its standard input.
"""

from __future__ import annotations

import sys
import threading
import time

INTERVAL = 0.005
WORTH_TELLING = 0.010


def main() -> None:
    ended = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    print("ready", flush=True)
    last = time.perf_counter()
    while not ended.is_set():
        time.sleep(INTERVAL)
        now = time.perf_counter()
        if now - last - INTERVAL > WORTH_TELLING:
            print(now, now - last - INTERVAL)
        last = now


if __name__ == "__main__":
    main()
