"""CSV that a spreadsheet takes for what it is: numbers stay numbers, and a text is never computed (bench/escape.py)."""

from collections.abc import Collection
from io import BytesIO

import pandas as pd

from bench import escape


def text(rows: pd.DataFrame) -> str:
    """Return a frame as CSV."""
    safe = rows.map(lambda value: escape.cell(value) if isinstance(value, str) else value)
    return str(safe.to_csv(index=False, lineterminator="\n"))


def read(content: bytes, texts: Collection[str]) -> pd.DataFrame:
    """Return a frame that `text` wrote; `texts` are the columns that are no numbers, though they may look like some.

    Raises what pandas raises: ValueError.
    """
    rows = pd.read_csv(BytesIO(content), dtype=dict.fromkeys(texts, str), keep_default_na=False)
    return rows.assign(**{name: rows[name].map(escape.from_cell) for name in texts if name in rows})
