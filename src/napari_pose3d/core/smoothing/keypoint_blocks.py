"""Keypoints that share their smoothing parameter, and working through them on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress, SmoothingSettings

Block = tuple[int, ...]
Part = TypeVar("Part")

_STAGE = "Smoothing keypoints"


def blocks_of(
    named: Sequence[Sequence[str]], keypoints: tuple[str, ...], left_out: Container[int] = ()
) -> list[Block]:
    """Indices of the keypoints of each block, in the order of their first keypoints.

    Parameters
    ----------
    named : sequence of sequences of str
        Names of keypoints; a number that is no name counts keypoints from 0, as
        ensemble-kalman-smoother does. A keypoint in none of them is a block by itself.
    left_out : container of int
        Keypoints, by index, that are in no block.

    Raises
    ------
    PoseDataError
        A name is unknown, or in two blocks.
    """
    found: dict[int, Block] = {}
    for names in named:
        block = tuple(sorted(_index(name, keypoints) for name in names))
        for k in block:
            if k in found or block.count(k) > 1:
                raise PoseDataError(
                    f"the keypoint {keypoints[k]} is in the blocks twice",
                    expected="each keypoint in at most one block",
                )
        found |= dict.fromkeys(block, block)
    blocks = dict.fromkeys(found.get(k, (k,)) for k in range(len(keypoints)))
    kept = (tuple(k for k in block if k not in left_out) for block in blocks)
    return [block for block in kept if block]


def shared_s(settings: SmoothingSettings, keypoints: Sequence[str]) -> float | None:
    """``s`` of the keypoints of a block, as far as it was given; None: it is searched.

    Raises
    ------
    PoseDataError
        They were given different ones.
    """
    given = {name: settings.given_s(name) for name in keypoints}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{name} {'searched' if s is None else s}" for name, s in given.items())
        raise PoseDataError(
            f"the keypoints of a block were given different values of s: {listed}",
            expected="one for all keypoints of a block",
        )
    return next(iter(given.values()), None)


def check_smooth_params(settings: SmoothingSettings, keypoints: tuple[str, ...]) -> None:
    """Raise `PoseDataError` where ``s`` is given for an unknown keypoint, or twice for one."""
    named = [name for name, _ in settings.smooth_params]
    if unknown := [name for name in named if name not in keypoints]:
        raise PoseDataError(
            f"no keypoint is called {', '.join(unknown)}, which s was given for",
            expected=f"some of {', '.join(keypoints)}",
        )
    if twice := [name for i, name in enumerate(named) if name in named[:i]]:
        raise PoseDataError(f"s of the keypoint {twice[0]} was given twice", expected="it once")
    for block in blocks_of(settings.blocks, keypoints):
        shared_s(settings, [keypoints[k] for k in block])


def _index(name: str, keypoints: tuple[str, ...]) -> int:
    if name in keypoints:
        return keypoints.index(name)
    if name.isdecimal() and int(name) < len(keypoints):
        return int(name)
    raise PoseDataError(
        f"no keypoint is called {name}, in a block", expected=f"some of {', '.join(keypoints)}"
    )


def each_block(
    one: Callable[[Block], list[Part]],
    blocks: Sequence[Block],
    threads: int | None,
    progress: Progress,
    cancelled: IsCancelled,
    stage: str = _STAGE,
) -> Generator[tuple[int, Part], None, None]:
    """``one(block)`` for every block, in parallel: each keypoint's index and what it returned.

    Parts come as blocks are finished, in the order of the blocks: they need not all be held. The
    compiled loops release Python's lock, and the result does not depend on ``threads``. Progress
    counts finished keypoints.
    """
    n_keypoints = sum(map(len, blocks))
    progress(stage, 0, n_keypoints)
    n_done = 0

    def guarded(block: Block) -> list[Part]:
        if cancelled():
            raise Cancelled
        return one(block)

    workers = min(threads or os.cpu_count() or 1, max(len(blocks), 1))
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        for block, parts in zip(blocks, pool.map(guarded, blocks), strict=True):
            yield from zip(block, parts, strict=True)
            n_done += len(block)
            progress(stage, n_done, n_keypoints)
    finally:
        # After an error or a Cancel the blocks still waiting are not begun.
        pool.shutdown(wait=True, cancel_futures=True)
