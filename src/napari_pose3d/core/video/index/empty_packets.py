"""Packets that show no image.

Notes
-----
VP8 and VP9 keep reference images that only serve to predict others. Most containers pack them
together with an image that is shown, but not all do, and then a packet is not a frame. MPEG-4
part 2 has packets that only say "nothing new".
"""

from __future__ import annotations

from collections.abc import Callable

from .frame_index import Int64

_EMPTY_MPEG4 = 8  # bytes

_CHECKS: dict[str, Callable[[memoryview], bool]] = {}


def empty_packet_check(codec: str) -> Callable[[memoryview], bool] | None:
    """A function that finds out from a packet's bytes whether it is empty; None: no packet is."""
    return _CHECKS.get(codec)


def may_be_empty(codec: str, size: Int64) -> bool:
    """Whether there are MPEG-4 packets that only say "nothing new": no image comes out of them.

    They also stand in for the B-images that DivX packed into the packet before.

    Parameters
    ----------
    codec : str
    size : (packet,) int64
        Bytes.
    """
    return codec == "mpeg4" and bool((size <= _EMPTY_MPEG4).any())


def _vp8_is_empty(data: memoryview) -> bool:
    # Frame tag: 1 bit inverse key frame, 3 bits version, 1 bit show_frame.
    return len(data) > 0 and not data[0] >> 4 & 1


def _vp9_is_empty(data: memoryview) -> bool:
    sizes = _superframe(data)
    start = 0
    for size in sizes:
        if _vp9_shows(data[start : start + size]):
            return False
        start += size
    return bool(sizes)


def _superframe(data: memoryview) -> list[int]:
    """Sizes of the images in a packet: several in a superframe, whose index ends the packet."""
    if not data:
        return []
    marker = data[-1]
    if marker >> 5 == 0b110:
        count, width = (marker & 7) + 1, (marker >> 3 & 3) + 1
        length = 2 + count * width
        if len(data) >= length and data[-length] == marker:
            index = bytes(data[-length + 1 : -1])
            return [
                int.from_bytes(index[i * width : (i + 1) * width], "little") for i in range(count)
            ]
    return [len(data)]


def _vp9_shows(data: memoryview) -> bool:
    if not data:
        return False
    # Uncompressed header: frame_marker (2), profile low, profile high, [reserved in profile 3],
    # show_existing_frame, frame_type, show_frame.
    bits = data[0]
    shift = 3 if bits >> 4 & 3 != 3 else 2
    if bits >> shift & 1:
        return True
    return bool(bits >> (shift - 2) & 1)


_CHECKS["vp8"] = _vp8_is_empty
_CHECKS["vp9"] = _vp9_is_empty
