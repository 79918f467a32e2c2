"""How the C library deals with the memory of tensors."""

import ctypes
from functools import cache

_TRIM, _MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
_LARGEST = 2**25  # bytes; glibc takes no more
_LARGE = 2**20
"""Values. To get the memory of so many again takes a thousandth of the time that is spent on them."""


def keep_freed() -> None:
    """Keep memory that is freed for the next tensors, where the C library is glibc; elsewhere do nothing.

    It would give large blocks back to the system and get them again, a page fault for each 4 KiB: a tenth of a search.
    """
    if library := _glibc():
        library.mallopt(_MMAP, _LARGEST)
        library.mallopt(_TRIM, 2**31 - 1)


def give_back(values: int = _LARGE) -> None:
    """Give the system what is freed by now, behind work on tensors of so many values; on smaller ones it is kept.

    Each thread keeps what it once needed: with images of 1024 px that would be hundreds of megabytes a thread.
    """
    if values >= _LARGE and (library := _glibc()):
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc."""
    try:
        library = ctypes.CDLL(None)
        known = library.mallopt, library.malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library, or (Windows) none by that name
        return None
    return library if all(known) else None
