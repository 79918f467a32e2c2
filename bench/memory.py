"""How large an image this machine can hold."""

import math
import os

_LARGEST = 16_384
_BYTES = 100
"""That a pixel of a ground truth takes: its three channels in float64 while it is made, in float32 with a result."""


def largest_side() -> int:
    """Return the largest side in pixels of a ground truth that fits the memory; 16,384 on any machine."""
    if hasattr(os, "sysconf"):
        return min(_LARGEST, math.isqrt(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _BYTES))
    return _LARGEST
