"""CSV that a spreadsheet takes for what it is: numbers stay numbers, and a text is never computed (bench/escape.py)."""

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any

import pandas as pd

from bench import escape


def any_text() -> AbstractContextManager[None]:
    """Return a block in which frames take any text: pyarrow, where it is installed, has no half characters."""
    return pd.option_context("mode.string_storage", "python")


def frame(lines: Iterable[Any], columns: list[str] | None = None) -> pd.DataFrame:
    """Return a frame of lines, whatever their texts are."""
    with any_text():
        return pd.DataFrame(list(lines), columns=columns)


def text(rows: pd.DataFrame) -> str:
    """Return a frame as CSV."""
    with any_text():
        safe = rows.map(lambda value: escape.cell(value) if isinstance(value, str) else value)
    return str(safe.to_csv(index=False, lineterminator="\n"))


def read(content: bytes, texts: Collection[str]) -> pd.DataFrame:
    """Return a frame that `text` wrote; `texts` are the columns that are no numbers, though they may look like some.

    Raises what pandas raises: ValueError.
    """
    rows = pd.read_csv(BytesIO(content), dtype=dict.fromkeys(texts, str), keep_default_na=False)
    return rows.assign(**{name: rows[name].map(escape.from_cell) for name in texts if name in rows})
