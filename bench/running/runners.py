"""Which runner a method of the command line gets."""

from pathlib import Path

import methods
from bench.paths import expanded
from bench.running.handed import handed, parted
from bench.running.isolated import Beside, Isolated
from bench.running.places import HERE, Place
from bench.running.runner import Local, Runner
from bench.schema import shown
from bench.spec import BenchError, UnknownName
from methods import suite

_LIE = "restored images lie in FOLDER/<category>/x<factor>/<id>.png, or where a pattern such as 'out/{id}_SR.png' says"


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

    A plain word that names a method of the suite is that, whatever lies in the working directory. Raises `BenchError`
    for what is none of all.
    """
    if suite.named(text):
        return named(text, timeout, factors, beside=beside, place=place)
    if found := handed(text, factors):
        return found
    name, sign, where = text.partition("=")
    if sign and not (name.strip() and where.strip()):
        lack = "what is behind the =" if name.strip() else "the name before the ="
        raise BenchError(f"{shown(text)}: {lack} is empty; write NAME=FOLDER, NAME=FILE.pth, or no = at all.")
    try:
        return named(text, timeout, factors, beside=beside, place=place)
    except UnknownName as error:
        raise BenchError(_nowhere(text, error)) from error


def _nowhere(text: str, error: UnknownName) -> str:
    """Return what is to be said of a text that is no method, and no folder either: it may be meant as one."""
    name, where = parted(text)
    path = expanded(where)
    if where and path.exists():
        return f"{path} is a file that is no row: {_LIE}; a network is FILE.pth, a method of your own FILE.py:CLASS."
    if name or path.name != where:
        return f"there is no folder {path.absolute()}; {_LIE}."
    return f"{shown(where)} is no folder in {Path.cwd()} ({_LIE}), and {error}"
