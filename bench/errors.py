"""What can go wrong that a user can put right. Imports nothing but the standard library; `bench.spec` passes it on."""

import difflib
from collections.abc import Iterable

_LONGEST = 80  # characters of an unknown name in a message


class BenchError(Exception):
    """Something a user can put right; the message says what, where we looked and what to do."""


class UnknownName(BenchError):
    """A category, method, table or profile that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Name what was asked for, and suggest the nearest names there are."""
        names = list(known)
        same = [each for each in names if each.lower() == name.lower()]
        near = same or difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names) or 'none'}."
        shown = repr(name) if len(name) <= _LONGEST else f"{name[:_LONGEST]!r}..."
        super().__init__(f"there is no {kind} {shown}; {hint}")


class BadFile(BenchError):
    """A TOML card, table or list that cannot be used as it stands."""


class BadImage(BenchError):
    """An image file that cannot be read, or whose pixels are not those of its list."""


class TooSmall(BenchError):
    """A photograph smaller than the size it is to be scored at."""


class MissingImages(BenchError):
    """A folder of images that is absent or empty."""


class MissingWeights(BenchError):
    """A weight file that is absent or has another checksum than it should."""


class ContractError(BenchError):
    """A method that does not return what `Method.upscale` promises."""


class BadGuest(BenchError):
    """A user's method whose file fails while it is imported, or which says of itself what cannot be."""


class OutputError(BenchError):
    """A result that could not be written: no permission or no space."""
