"""Which runner a method of the command line gets."""

import methods
from bench.running.handed import handed
from bench.running.isolated import Beside, Isolated
from bench.running.places import HERE, Place
from bench.running.runner import Local, Runner
from methods import suite


def named(
    name: str, timeout: float | None, factors: tuple[int, ...], *, beside: bool = False, place: Place = HERE
) -> Runner:
    """Return a method by name or FILE:CLASS; a guest, and with a time limit any, runs in a process of its own.

    `beside`: so does any, for several to run at once, at a place. `factors` are those of a guest that cannot say its
    own, as it fails while it is imported.
    """
    if ":" in name:
        return Isolated(name, timeout=timeout, factors=factors, place=place)
    local = Local(methods.find(name))
    return local if timeout is None and not beside else Beside(name, local, timeout, place)


def row(
    text: str, timeout: float | None, factors: tuple[int, ...], *, beside: bool = False, place: Place = HERE
) -> Runner:
    """Return a row of a table: a method as `named`, or restored images: FOLDER, a pattern, NAME=FOLDER.

    A plain word that names a method of the suite is that, whatever lies in the working directory.
    """
    if suite.named(text):
        return named(text, timeout, factors, beside=beside, place=place)
    return handed(text, factors) or named(text, timeout, factors, beside=beside, place=place)
