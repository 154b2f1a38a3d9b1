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
        self._whole = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage or self._whole:
            self.close()
            self._stage, self._begun = stage, time.perf_counter()
            if self._shown:
                self._bar = self._new(stage, total or None)
        if self._bar is not None:
            self._bar.n = done
            self._bar.refresh()

    def whole(self, stage: str, done: int, total: int) -> None:
        """One bar over a work of several stages: between them only its words change."""
        if not self._whole:
            self.close()
            self._whole = True
            if self._shown:
                layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
                self._bar = self._new(stage, total, bar_format=layout)
        if stage != self._stage:
            self._state_time()
            self._stage, self._begun = stage, time.perf_counter()
        if self._bar is not None:
            self._bar.set_description_str(stage, refresh=False)
            self._bar.n = done
            self._bar.refresh()

    def close(self) -> None:
        """End the stage; with `verbose`, print how long it took."""
        if self._bar is not None:
            self._bar.close()
        self._state_time()
        self._bar, self._stage, self._whole = None, "", False

    def _new(self, stage: str, total: int | None, **options: Any) -> Any:
        from tqdm import tqdm

        return tqdm(total=total, desc=stage, file=self._stream, leave=False, **options)

    def _state_time(self) -> None:
        if self._verbose and self._stage:
            seconds = time.perf_counter() - self._begun
            print(f"{self._stage}: {seconds:.1f} s", file=self._stream, flush=True)
