"""The file of a stored table: JSON of a told form, sealed with a checksum of all that is in it."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from bench import escape, files
from bench.spec import BadFile

LARGEST = 2**30
"""Bytes of a file."""
_FORM = Path(__file__).with_name("table.schema.json")
_SUM = "sha256"
_BREAK = re.compile(r"\n\s+")


def sealed(found: Mapping[str, Any]) -> str:
    """Return the text of a file with a checksum of all that is in it: it tells damage and edits, not forgery."""
    content = {**found, _SUM: _checksum(found)}
    told = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # Lists of plain values in a line: a text in JSON holds no line break, so a bracket before one is a list's.
    return re.sub(r"\[\n\s+([^\[\]{}]*?)\n\s+\]", lambda match: f"[{re.sub(_BREAK, ' ', match[1])}]", told) + "\n"


def _checksum(found: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in found.items() if name != _SUM}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def content(path: Path) -> dict[str, Any]:
    """Return what a file holds, of the form that is told, whatever its protocols are. Raises `BadFile`."""
    try:
        found: dict[str, Any] = json.loads(files.content(path, LARGEST))
        jsonschema.validate(found, _form())
    except jsonschema.ValidationError as error:
        where = ".".join(map(str, error.absolute_path)) or "the whole"
        raise BadFile(f"{path}: {where}: {escape.plain(error.message[:200])}; measure the table again.") from error
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise BadFile(f"{path} cannot be read: {reason}; give the <table>.json of a run.") from error
    if found[_SUM] != _checksum(found):
        raise BadFile(f"{path} was damaged or edited since it was written; measure the table again.")
    return found


@cache
def _form() -> Any:  # noqa: ANN401 - a JSON value
    return json.loads(_FORM.read_text(encoding="utf-8"))
