"""Which runner a method of the command line gets."""

import re
from pathlib import Path

import methods
from bench.images import pairing
from bench.paths import expanded
from bench.running import declared
from bench.running.handed import Handed
from bench.running.isolated import Beside, Isolated
from bench.running.places import HERE, Place
from bench.running.runner import Local, Runner
from bench.schema import shown
from bench.spec import BenchError, ContractError, Spec, UnknownName
from methods import suite

_NAMED = re.compile(r"(?P<name>[^=/\\]+)=(?P<where>.+)", re.DOTALL)
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
    name, sign, where = text.partition("=")
    if sign and not (name.strip() and where.strip()) and not _stands(text):
        lack = "what is behind the =" if name.strip() else "the name before the ="
        raise BenchError(f"{shown(text)}: {lack} is empty; write NAME=FOLDER, NAME=FILE.pth, or no = at all.")
    if found := handed(text, factors):
        return found
    try:
        return named(text, timeout, factors, beside=beside, place=place)
    except UnknownName as error:
        raise BenchError(_nowhere(text, error)) from error


def handed(text: str, factors: tuple[int, ...]) -> Handed | None:
    """Return the row of a folder or pattern, FOLDER or NAME=FOLDER; None for a text that is neither.

    Raises `BenchError` for a pattern or a name that cannot be used.
    """
    name, where = _parted(text)
    if not _is_place(where):
        return None
    name = name or _folder(where).resolve().name
    spec = Spec(name, name, "made elsewhere", "", factors)
    try:
        return Handed(declared.spec(spec), where)
    except ContractError as error:
        raise BenchError(f"{text}: {error} Give the row another name: --with NAME={where}") from error


def _parted(text: str) -> tuple[str, str]:
    """Return the name and the folder or pattern of NAME=FOLDER; "" and the text for what is a place as it stands."""
    match = None if _stands(text) else _NAMED.fullmatch(text)
    return (match["name"].strip(), match["where"]) if match else ("", text)


def _is_place(where: str) -> bool:
    return bool(where) and (expanded(where).is_dir() or pairing.is_pattern(where))


def _stands(text: str) -> bool:
    """Return whether there is a folder with an = in its name that is meant, alone or with a pattern behind it."""
    return "=" in str(pairing.root(text)) and _folder(text).is_dir()


def _folder(where: str) -> Path:
    """Return a folder, or the last one before a pattern's first placeholder."""
    return expanded(str(pairing.root(where)))


def _nowhere(text: str, error: UnknownName) -> str:
    """Return what is to be said of a text that is no method, and no folder either: it may be meant as one."""
    name, where = _parted(text)
    path = expanded(where)
    if where and path.exists():
        return f"{path} is a file that is no row: {_LIE}; a network is FILE.pth, a method of your own FILE.py:CLASS."
    if name and suite.named(where):
        return f"{shown(text)}: a method of the suite has its own name; write {where}."
    if name or path.name != where:
        return f"there is no folder {path.absolute()}; {_LIE}."
    return f"{shown(where)} is no folder in {Path.cwd()} ({_LIE}), and {error}"
