"""Progress on a terminal."""

from __future__ import annotations

import time
from typing import Any, TextIO


class ProgressBar:
    """One line per stage on a terminal, silence in a pipe.

    Parameters
    ----------
    stream : text stream
    verbose : bool
        Say also in a pipe how long each stage took.
    """

    def __init__(self, stream: TextIO, verbose: bool = False) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._verbose = verbose
        self._bar: Any = None
        self._stage = ""
        self._begun = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self.close()
            self._stage, self._begun = stage, time.perf_counter()
            if self._shown:
                from tqdm import tqdm

                self._bar = tqdm(total=total or None, desc=stage, file=self._stream, leave=False)
        if self._bar is not None:
            self._bar.n = done
            self._bar.refresh()

    def close(self) -> None:
        """End the stage; with `verbose`, print how long it took."""
        if self._bar is not None:
            self._bar.close()
        if self._verbose and self._stage:
            seconds = time.perf_counter() - self._begun
            print(f"{self._stage}: {seconds:.1f} s", file=self._stream, flush=True)
        self._bar, self._stage = None, ""
