"""Files opened with Pillow in one way, whatever is set in it elsewhere: by content, without warnings, never in part.

Its warnings are about metadata; bench/images/metadata.py says which of these count.
"""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from PIL import Image, ImageFile, UnidentifiedImageError

from bench.images.essentials import essential

_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "QOI")


class _Alone:
    """Enters a context when the first of several threads begins, and leaves it when the last of them ends.

    Filters of warnings and Pillow's settings belong to the whole process; each thread on its own would put back what
    another one had set.
    """

    def __init__(self, shared: Callable[[], Any]) -> None:
        self._shared, self._lock, self._inside = shared, threading.Lock(), 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._inside == 0:
                self._context = self._shared()
                self._context.__enter__()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    self._context.__exit__(None, None, None)


@contextmanager
def _strict() -> Iterator[None]:
    before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # else what a file lacks would be grey
    Image.MAX_IMAGE_PIXELS = None  # `photos` bounds the pixels itself, before any is decoded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


strict = _Alone(_strict)
"""`with strict():` Pillow neither warns nor makes up what a truncated file lacks."""


def opened(data: bytes) -> ImageFile.ImageFile:
    """Return the image in a file, not decoded yet. Raises `UnidentifiedImageError`, or another error of a decoder."""
    Image.init()
    data = essential(data)
    for kind in _FORMATS:
        if kind not in Image.OPEN:  # AVIF before Pillow 11.3
            continue
        factory, accepts = Image.OPEN[kind]
        if accepts is None or accepts(data[:16]) is True:
            return factory(BytesIO(data), "")
    raise UnidentifiedImageError("none of the formats that are read")
