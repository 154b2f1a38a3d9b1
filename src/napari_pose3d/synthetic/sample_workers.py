"""Threads that draw the samples: progress and cancelling stay with whoever asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

_POLL_SECONDS = 0.1
_VIDEOS_AT_A_TIME = 2


@contextmanager
def workers(
    *, wait_for_them: bool = False
) -> Iterator[tuple[Callable[..., Future[Any]], threading.Event]]:
    """Threads that an event asks to stop, however the block is left."""
    stop = threading.Event()
    pool = ThreadPoolExecutor(_VIDEOS_AT_A_TIME, thread_name_prefix="sample")
    try:
        yield pool.submit, stop
    finally:
        stop.set()
        pool.shutdown(wait=wait_for_them, cancel_futures=True)


def results(
    futures: list[Future[Any]], report: Callable[[], None], cancelled: IsCancelled | None
) -> list[Any]:
    """Wait for the threads; progress and cancelling stay in the caller's thread."""
    pending = set(futures)
    while pending:
        if cancelled is not None and cancelled():
            raise Cancelled
        report()
        done, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
    report()
    # The threads may have ended while this one waited for its turn.
    if cancelled is not None and cancelled():
        raise Cancelled
    return [future.result() for future in futures]
