"""How the C library deals with the memory of tensors."""

import ctypes

_TRIM, _MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
_LARGEST = 2**25  # bytes; glibc takes no more


def keep_freed() -> None:
    """Keep memory that is freed for the next tensors, where the C library is glibc; elsewhere do nothing.

    It would give large blocks back to the system and get them again, a page fault for each 4 KiB: a tenth of a search.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library, or (Windows) none by that name
        return
    mallopt(_MMAP, _LARGEST)
    mallopt(_TRIM, 2**31 - 1)
