"""What a method says of itself, checked before it is believed: its spec, its remark, its efforts.

A method is a user's file. Whatever it says wrongly becomes one sentence that names the attribute and what it may be.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, asdict, fields, replace
from typing import Any

from bench.spec import ContractError, Effort, Method, Spec

_LONGEST_NAME = 200
_LONGEST_TEXT = 2000
"""Characters: what is longer is no text for a table."""
_MOST_PASSES = 10**12


def spec(told: object) -> Spec:
    """Return a method's spec with values of the right kinds: its own, or one that has a spec's attributes.

    Raises `ContractError` naming the attribute that is wrong.
    """
    values = {each.name: getattr(told, each.name, each.default) for each in fields(Spec)}
    lacking = [name for name, value in values.items() if value is MISSING]
    if lacking:
        raise ContractError(f"spec must be a bench.Spec, not {_short(told)}, which lacks {', '.join(lacking)}.")
    return from_plain(values)


def from_plain(values: object) -> Spec:
    """Return the spec of plain values by name, as `spec`; a list is as good as a tuple."""
    if not isinstance(values, dict):
        raise ContractError(f"spec must be a bench.Spec, not {_short(values)}.")
    known = {each.name for each in fields(Spec)}
    found: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for name, value in found.items():
        if name not in known or not _KINDS[name][0](value):
            wanted = _KINDS[name][1] if name in known else "absent"
            raise ContractError(f"spec.{name} must be {wanted}, not {_short(value)}.")
    missing = sorted(name for name in known - found.keys())
    if missing:
        raise ContractError(f"spec lacks {', '.join(missing)}.")
    return Spec(**found)


def to_plain(told: Spec) -> dict[str, Any]:
    """Return a spec as plain JSON values."""
    return asdict(told)


def remark(method: Method) -> str:
    """Return what a loaded method says of its settings, or nothing. Raises `ContractError` if it is no text."""
    told: object = getattr(method, "remark", "")
    if not _text(told):
        raise ContractError(f"{method.spec.name}.remark must be a text of a few words, not {_short(told)}.")
    return str(told)


def efforts(method: Method, count: int) -> list[Effort]:
    """Return the efforts for the images of the last batch; raises `ContractError` if they are none, or not as many."""
    told: object = getattr(method, "efforts", ())
    name = method.spec.name
    if not isinstance(told, Sequence):
        raise ContractError(f"{name}.efforts must be a list of bench.spec.Effort, not {_short(told)}.")
    if not told:
        return [Effort()] * count
    if len(told) != count:
        raise ContractError(f"{name} tells {len(told)} efforts of {count} images; one each is wanted.")
    return [effort(name, each) for each in told]


def effort(name: str, told: object) -> Effort:
    """Return one effort of the method `name`; raises `ContractError` if it is none."""
    if not isinstance(told, Effort):
        raise ContractError(f"{name}.efforts must hold bench.spec.Effort, not {_short(told)}.")
    for field in ("g_forward", "g_backward"):
        value = getattr(told, field)
        if type(value) is not int or not 0 <= value <= _MOST_PASSES:
            raise ContractError(f"{name}: the {field} of an effort must be a whole number from 0, not {_short(value)}.")
    if not _text(told.note):
        raise ContractError(f"{name}: the note of an effort must be a text of a few words, not {_short(told.note)}.")
    return told


def noted(told: Effort, note: str) -> Effort:
    """Return an effort with a further note of the harness's, once."""
    if not note or note in told.note:
        return told
    return replace(told, note="; ".join(filter(None, (note, told.note)))[:_LONGEST_TEXT])


def _text(value: object) -> bool:
    return type(value) is str and len(value) <= _LONGEST_TEXT


def _name(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= _LONGEST_NAME and value.isprintable() and value == value.strip()


def _texts(value: object) -> bool:
    return isinstance(value, tuple) and all(_name(each) for each in value)


def _factors(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(type(each) is int and 1 <= each <= 10**6 for each in value)


def _flag(value: object) -> bool:
    return type(value) is bool


def _shown(value: object) -> bool:
    return value is False or (type(value) is str and value in _SHOWN)


_SHORT_TEXT = (_text, f"a text of at most {_LONGEST_TEXT} characters")
_YES_OR_NO = (_flag, "True or False")
_SHOWN = ("training", "truth")
"""What a method may be shown beside its input."""
_KINDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "name": (_name, f"a printable text of 1 to {_LONGEST_NAME} characters"),
    "title": (lambda value: _text(value) and bool(str(value).strip()), "a text that is not empty"),
    "family": _SHORT_TEXT,
    "paper": _SHORT_TEXT,
    "factors": (_factors, "a tuple of whole numbers from 1, such as (8, 16)"),
    "categories": (lambda value: value is None or _texts(value), "a tuple of names, or None for every category"),
    "max_batch": (lambda value: type(value) is int and value >= 1, "a whole number from 1"),
    "seeded": _YES_OR_NO,
    "needs_reference": (_shown, f"False, or one of {', '.join(_SHOWN)}"),
    "trained_on": _SHORT_TEXT,
    "files": (_texts, "a tuple of file names"),
    "trained": _YES_OR_NO,
    "takes_boxes": _YES_OR_NO,
}
"""Attribute of `Spec` -> whether a value will do, and what would."""


def _short(value: object) -> str:
    """Return a value as it may stand in a sentence, whatever its class makes of `repr`."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - any code of a user's
        text = f"an object of {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - of one sentence
