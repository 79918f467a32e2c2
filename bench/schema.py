"""What TOML and JSON that the suite reads may say. An error names the file, the key, what it may be and what it is.

A kind of value is something that is called with the place, the key and the value, and raises `BadFile` for a value that
is not of it. Kinds of lists and tables are made of kinds.
"""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench import escape
from bench.errors import BadFile, UnknownName

_MOST_BYTES = 4 * 2**20
_LONGEST = 80  # characters of a value in a message
_ROUNDING = 1e-9  # 0.3 and 0.7 need not be 1
_TYPE_NAMES = {
    str: "a string", int: "a whole number", float: "a decimal number", bool: "true or false", list: "a list",
    dict: "a table"
}  # fmt: skip


class Kind(Protocol):
    """What a value may be."""

    @property
    def words(self) -> str:
        """Say it, as after `it must be`."""
        ...

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile` for a value that is not of this kind; `where` names the file, `key` the place in it."""
        ...


@dataclass(frozen=True, slots=True)
class One:
    """A single value of a type; `rule` says, after the type, which of them `fits` takes."""

    type: type
    rule: str = ""
    fits: Callable[[Any], bool] = field(default=lambda _: True)

    @property
    def words(self) -> str:
        """Say it, as after `it must be`."""
        return f"{_TYPE_NAMES[self.type]} {self.rule}" if self.rule else _TYPE_NAMES[self.type]

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile` for another type, or a value that does not fit."""
        if type(value) is not self.type and not (self.type is float and type(value) is int):
            raise BadFile(f"{where}: {key} must be {self.words}, not {_type(value)} ({shown(value)}).")
        if not self.fits(value):
            raise BadFile(f"{where}: {key} must be {self.words}, not {shown(value)}.")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some names."""

    what: str
    names: Collection[str]

    @property
    def words(self) -> str:
        """Say it, as after `it must be`."""
        return f"one of {', '.join(self.names)}"

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile`, with the nearest names, for another one."""
        TEXT.check(where, key, value)
        if value not in self.names:
            raise BadFile(f"{where}: {key}: {UnknownName(self.what, str(value), self.names)}")


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of a kind, each of them once; or, if they are tables, as often as may be."""

    kind: Kind
    least: int = 0
    once: bool = True

    @property
    def words(self) -> str:
        """Say it, as after `it must be`."""
        return f"a list{', not empty,' if self.least else ''} of entries that are each {self.kind.words}"

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile` for another type, too few entries, an entry that is not of the kind, or one that is twice."""
        if not isinstance(value, list) or len(value) < self.least:
            raise BadFile(f"{where}: {key} must be {self.words}; it is {shown(value)}.")
        for index, item in enumerate(value):
            self.kind.check(where, f"{key}[{index}]", item)
        if self.once and (twice := [item for item, count in Counter(value).items() if count > 1]):
            raise BadFile(f"{where}: {key} names {shown(twice[0])} more than once; once is enough.")


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table from any names of a kind to values of a kind."""

    name: Kind
    kind: Kind

    @property
    def words(self) -> str:
        """Say it, as after `it must be`."""
        return f"a table whose keys are each {self.name.words}"

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile` for another type, or a key or value that is not of its kind."""
        if not isinstance(value, dict):
            raise BadFile(f"{where}: {key} must be {self.words}, not {_type(value)} ({shown(value)}).")
        for name, item in value.items():
            place = f"{key}.{name[:_LONGEST]}"
            self.name.check(where, f"the key {place}", name)
            self.kind.check(where, place, item)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with these keys, each of its kind."""

    required: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Say it, as after `it must be`."""
        known = ", ".join(self.required) or f"any of {', '.join(self.optional)}"
        return f"a table with the keys {known}"

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile` for another type, an unknown or missing key, or a value that is not of its kind."""
        if not isinstance(value, dict):
            raise BadFile(f"{where}: {key or 'it'} must be {self.words}, not {_type(value)} ({shown(value)}).")
        kinds = {**self.required, **self.optional}
        place, prefix = (f"{where}: {key}", f"{key}.") if key else (where, "")
        for name, item in value.items():
            if name not in kinds:
                raise BadFile(f"{place}: {UnknownName('key', name, kinds)}")
            kinds[name].check(where, f"{prefix}{name}", item)
        for name, kind in self.required.items():
            if name not in value:
                raise BadFile(f"{place}: the key {name!r} is missing; add it, it is {kind.words}.")


@dataclass(frozen=True, slots=True)
class Square:
    """A square of an image in shares of its side."""

    least: float
    """Its side, at least."""

    @property
    def words(self) -> str:
        """Say it, as after `it must be`."""
        return f"[left, top, side] in shares of the image's side, within it, its own side {self.least} or more"

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile` for anything but three numbers that are such a square."""
        numbers = value if isinstance(value, list) and all(type(each) in (int, float) for each in value) else []
        if len(numbers) == 3:  # noqa: PLR2004 - left, top, side
            *corner, side = numbers
            if self.least <= side and all(0 <= at <= 1 - side + _ROUNDING for at in corner):
                return
        raise BadFile(f"{where}: {key} must be {self.words}; it is {shown(value)}.")


TEXT = One(str)
FLAG = One(bool)
NAME = One(
    str,
    "that is not empty, in one line, without control characters",
    lambda text: bool(text.strip()) and escape.plain(text) == text,
)
MARGIN = One(float, "from 0 up, such as 0.05", lambda number: 0 <= number < math.inf)


def whole(least: int, most: int) -> One:
    """Return the kind of a whole number in a range, both ends included."""
    return One(int, f"from {least} to {most}", lambda number: least <= number <= most)


def form(pattern: str, rule: str) -> One:
    """Return the kind of a string that a regular expression matches from end to end."""
    return One(str, rule, lambda text: re.fullmatch(pattern, text) is not None)


def read(path: Path, table: Table) -> dict[str, Any]:
    """Return the values of a TOML file of known keys; raises `BadFile` naming the key that is wrong."""
    values = parse(path)
    table.check(str(path), "", values)
    return values


def parse(path: Path) -> dict[str, Any]:
    """Return the values of a TOML file, whatever they are. Raises `BadFile`."""
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > _MOST_BYTES):
            raise BadFile(f"{path} cannot be read as TOML: it is not a file of at most {_MOST_BYTES >> 20} MiB.")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError as error:
        raise BadFile(f"{path} cannot be read as TOML: its values are nested too deeply.") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadFile(f"there is no file {path}; look at how it is written, and at the folder you are in.") from error
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}; look at that file, or name another.") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are among the latter
        raise BadFile(f"{path} cannot be read as TOML: {error}") from error


def shown(value: object) -> str:
    """Return a value as a message shows it, not longer than a line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists in lists
        return "too large to be shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _type(value: object) -> str:
    return _TYPE_NAMES.get(type(value), type(value).__name__)
