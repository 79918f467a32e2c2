"""The file of scores beside a cell's images: a line for each, with checksums, so that damage costs that line alone."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import files
from bench.spec import Record, Task, Weights

_SUM = "sha256"
_LARGEST = 2**30
"""Bytes of a file of scores."""


@dataclass(frozen=True, slots=True)
class Line:
    """What lies on disk of one image: a record with every value that was ever computed of it, by whom and of what."""

    key: str
    """The pixels of the result, of its ground truth and of its input."""
    by: Mapping[str, str]
    """Protocol -> code and versions that its value is of."""
    record: Record


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain JSON values; NaN and infinity, which JSON lacks, become their names."""
    plain = asdict(record)
    plain["seconds"] = repr(record.seconds)
    plain["metrics"] = {name: repr(value) for name, value in record.metrics.items()}
    return plain


def from_json(plain: dict[str, Any]) -> Record:
    """Return the record that `to_json` wrote."""
    fields = {name: value for name, value in plain.items() if name not in ("key", "by")}
    fields["task"] = Task(**fields["task"])
    fields["weights"] = _weights(fields["weights"])
    fields["seconds"] = float(fields["seconds"])
    fields["metrics"] = {name: float(value) for name, value in fields["metrics"].items()}
    return Record(**fields)


def text(lines: Iterable[Line]) -> bytes:
    """Return the file: a line for each image with its own checksum, then one for the whole."""
    plain = [{"key": line.key, "by": dict(line.by), **to_json(line.record)} for line in lines]
    texts = [_dump({**each, _SUM: _checksum(each)}) for each in plain]
    return "".join(f"{text}\n" for text in [*texts, _last(texts)]).encode()


def _last(texts: Sequence[str]) -> str:
    """Return the last line, which says how many there are and what they are."""
    return _dump({"lines": len(texts), _SUM: hashlib.sha256("\n".join(texts).encode()).hexdigest()})


def _weights(told: Sequence[Mapping[str, str]]) -> tuple[Weights, ...]:
    return tuple(Weights(**each) for each in told)


def _dump(plain: Mapping[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True)


def _checksum(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(plain).encode()).hexdigest()


def read(path: Path) -> tuple[dict[str, Line], bool]:
    """Return the stored lines by image, those that are sound and of this run, and whether the file is what was written.

    A file that was copied here from another run is whole and has no lines.
    """
    found = files.found(path, _LARGEST)
    texts = [] if found is None else found.decode(errors="replace").removesuffix("\n").split("\n")
    lines: dict[str, Line] = {}
    for text in texts[:-1]:
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            plain = json.loads(text)
            if plain.pop(_SUM) == _checksum(plain) and plain["run"] == path.parent.name:
                lines[plain["image"]] = Line(plain["key"], plain["by"], from_json(plain))
    return lines, bool(texts) and texts[-1] == _last(texts[:-1])
